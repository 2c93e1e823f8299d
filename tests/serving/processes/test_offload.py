"""How much of a model lies on GPUs, as llama.cpp writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.processes.offload import MOST_CHILDREN, Offload
from tests.engine import run
from tests.serving.processes.child import PARTLY
from tests.support import free_port, wait_until

WHOLE = """\
print_info: file size   = 4.00 GiB (4.83 BPW)
load_tensors: offloading 32 repeating layers to GPU
load_tensors: offloaded 33/33 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   304.28 MiB
load_tensors:        CUDA0 model buffer size =  3791.72 MiB
llama_context:  CUDA_Host  output buffer size =     2.32 MiB
llama_kv_cache:      CUDA0 KV buffer size =  1024.00 MiB
llama_kv_cache: size = 1024.00 MiB (  8192 cells,  32 layers,  1/1 seqs), K (f16):  512.00 MiB, V (f16):  512.00 MiB
sched_reserve:  CUDA_Host compute buffer size =    28.02 MiB
"""
DRAFT = """\
print_info: file size   = 512.00 MiB (4.50 BPW)
load_tensors: offloaded 5/25 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   300.00 MiB
load_tensors:        CUDA0 model buffer size =   100.00 MiB
llama_kv_cache:        CPU KV buffer size =   96.00 MiB
"""
OLD = """\
llm_load_print_meta: model size       = 4.00 GiB (4.83 BPW)
llm_load_tensors: offloaded 20/33 layers to GPU
llm_load_tensors:        CPU buffer size =  2000.00 MiB
llama_kv_cache_init:      CUDA0 KV buffer size =   512.00 MiB
llama_kv_cache_init:        CPU KV buffer size =   512.00 MiB
"""
HALF_CACHE = (4096 * 20 / 33 + 512) / (4096 + 1024)


def shares(text: str) -> dict[str, float]:
    offload = Offload()
    for line in text.splitlines():
        offload.read(line)
    return offload.shares()


def test_a_model_that_is_wholly_on_gpus_and_one_of_which_a_part_is_not() -> None:
    assert shares(WHOLE) == {"": 1.0}
    assert shares(PARTLY) == {"": pytest.approx((4096 * 20 / 33 + 640) / (4096 + 1024))}
    assert shares(OLD) == {"": pytest.approx(HALF_CACHE)}


def test_a_kv_cache_alone_in_host_memory_counts() -> None:
    off = WHOLE.replace("CUDA0 KV", "  CPU KV")
    assert shares(off) == {"": pytest.approx(0.8)}
    both = WHOLE + "llama_kv_cache:        CPU KV buffer size =  1024.00 MiB\n"  # a second one: of a sliding window
    assert shares(both) == {"": pytest.approx(5120 / 6144)}


def test_a_draft_model_and_a_look_before_the_load_do_not_count() -> None:
    assert shares(WHOLE + DRAFT) == {"": 1.0}
    assert shares(PARTLY + WHOLE) == {"": 1.0}


def test_what_is_loaded_anew_is_told_anew_and_what_sleeps_not_at_all() -> None:
    anew = "0.00.003.327 I srv    load_model: loading model '/srv/m.gguf'\n"
    assert shares(PARTLY + anew) == {}
    assert shares(WHOLE + anew + PARTLY) == shares(PARTLY)
    assert shares(PARTLY + "0.01.060.227 I srv  handle_sleep: server is entering sleeping state") == {}


def test_without_a_gpu_nothing_is_told() -> None:
    cpu = "\n".join(line for line in WHOLE.splitlines() if "offloaded" not in line and "CUDA" not in line)
    assert shares(cpu) == {}
    assert shares(cpu + "\nload_tensors: offloaded 33/33 layers to GPU") == {}, "some builds say so without one"
    on_purpose = WHOLE.replace("33/33", "0/33").replace("CUDA0 KV", "  CPU KV")
    assert shares(on_purpose) == {"": 0.0}


def test_models_of_a_router_by_their_names() -> None:
    def child(port: int, text: str) -> str:
        return "".join(f"[{port:5}] 0.00.031.755 I {line}\n" for line in text.splitlines())

    begun = "0.41.584.481 I srv          load: spawning server instance with name={} on port {}\n"
    text = begun.format("org/a:Q4", 5001) + begun.format("b", 55496) + child(5001, WHOLE) + child(55496, PARTLY)
    assert shares(text) == {"org/a:Q4": 1.0, "b": shares(PARTLY)[""]}
    assert shares(text + "srv    operator(): instance name=b exited with status 0\n") == {"org/a:Q4": 1.0}
    assert shares(text + "srv        unload: stopping model instance name=b\n") == {"org/a:Q4": 1.0}
    assert shares(child(5001, PARTLY)) == {}, "whose port it is was not seen"
    assert len(shares("".join(begun.format(f"m{n}", n) + child(n, WHOLE) for n in range(1, 99)))) == MOST_CHILDREN


def test_the_real_engine_on_a_machine_without_a_gpu(tiny_model: Path, tmp_path: Path) -> None:
    log, port = tmp_path / "log", free_port()
    words = [sys.executable, str(run.PROGRAM), "-m", str(tiny_model), "--port", str(port), "-ngl", "99", "-lv", "4"]
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
        try:
            wait_until(lambda: run.healthy(f"http://127.0.0.1:{port}"), 30, "the engine is ready")
        finally:
            process.terminate()
    text = log.read_text()
    assert "CPU KV buffer size" in text and shares(text) == {}
    on_gpu = text.replace("CPU_Mapped model", "CUDA0 model").replace(
        "load_tensors:   CUDA0", "load_tensors: offloaded 2/3 layers to GPU\nload_tensors:   CUDA0")
    assert shares(on_gpu) == {"": pytest.approx(0.49 * 2 / 3 / 0.99)}, "the words around are those of this build"


PIECES = st.sampled_from([*(WHOLE + DRAFT + OLD + PARTLY).splitlines(), "srv load_model: loading model 'x'"])


@given(st.lists(st.one_of(PIECES, st.text(max_size=60), st.tuples(PIECES, st.integers(0, 60)).map(
    lambda cut: cut[0][:cut[1]]))))
def test_whatever_is_written_gives_a_share_or_nothing(lines: list[str]) -> None:
    assert all(0 <= share <= 1 for share in shares("\n".join(lines)).values())
