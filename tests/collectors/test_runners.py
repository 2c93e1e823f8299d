"""Memory by model of an Ollama with several loaded: real processes with the command lines of its runners, and manifests
as it keeps them. Only the driver's numbers and what its API told are made up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.engines.base import Model
from collectors.engines.footprint import Footprint
from collectors.engines.runners import place_of
from metrics.metric import series_key

GIB = float(2**30)
WAITS = "import sys; sys.stdin.read()"
SERVES = (
    "import subprocess, sys\n"
    f"children = [subprocess.Popen([sys.executable, '-c', {WAITS!r}, '--model', blob, '--port', '41001'],\n"
    "             stdin=subprocess.PIPE) for blob in sys.argv[1:]]\n"
    "print(*(child.pid for child in children), flush=True)\n"
    "sys.stdin.read()\n"
    "[child.kill() for child in children]\n"
)
Serve = Callable[..., tuple[int, ...]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """``serve(blob, …)``: a server with a runner for each blob; the pids, the server's first."""
    with ExitStack() as stack:

        def start(*blobs: Path) -> tuple[int, ...]:
            process = stack.enter_context(subprocess.Popen(
                [sys.executable, "-c", SERVES, *map(str, blobs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True,
            ))
            assert process.stdout is not None and process.stdin is not None
            stack.callback(process.stdin.close)
            return process.pid, *map(int, process.stdout.readline().split())

        yield start


def weights(store: Path, name: str) -> Path:
    """Where the weights called ``name`` lie; the file itself is not needed."""
    return store / "blobs" / f"sha256-{sha256(name.encode()).hexdigest()}"


def pulled(store: Path, place: str, blob: Path) -> str:
    """Writes a manifest for ``blob``; its digest."""
    layers = [
        {"mediaType": "application/vnd.ollama.image.model", "digest": blob.name.replace("-", ":"), "size": 4_683_073},
        {"mediaType": "application/vnd.ollama.image.license", "digest": f"sha256:{'a' * 64}", "size": 11_343},
    ]
    file = store / "manifests" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return sha256(file.read_bytes()).hexdigest()


def told(pid: int, models: list[Model], used: dict[int, float]) -> dict[str, float]:
    """GPU memory by model, "" for the server's own; and that host memory is told of the same."""
    cards = [{"gpu": "0", "processes": [{"pid": one, "memory_bytes": size} for one, size in used.items()]}]
    samples = Footprint(lambda: cards).read([("box", "ollama", pid, models)], {})
    keys = {series_key(one.metric.name, [p for p in one.labels if p[0] == "model"]): one.value for one in samples}
    found = {key.partition('"')[2].rstrip('"}'): value for key, value in keys.items() if "gpu_memory" in key}
    assert found.keys() <= {key.partition('"')[2].rstrip('"}') for key in keys if "model_memory_bytes" in key}
    return found


def loaded(name: str, digest: str = "", gpu: float | None = None) -> Model:
    return Model(name, loaded=True, digest=digest, gpu_bytes=gpu)


def test_runners_are_told_apart_by_the_manifests(serve: Serve, tmp_path: Path) -> None:
    blobs = [weights(tmp_path, name) for name in ("qwen", "own", "face")]
    server, *pids = serve(*blobs)
    models = [
        loaded("qwen2.5:7b", pulled(tmp_path, "registry.ollama.ai/library/qwen2.5/7b", blobs[0])),
        loaded("me/own:latest", pulled(tmp_path, "registry.ollama.ai/me/own/latest", blobs[1])),
        loaded("hf.co/them/face:Q4_K_M", pulled(tmp_path, "hf.co/them/face/Q4_K_M", blobs[2])),
    ]
    used = {pids[0]: 5 * GIB, pids[1]: 3 * GIB, pids[2]: 3 * GIB, server: 1e8, 1: 9e9}
    assert told(server, models, used) == {
        "qwen2.5:7b": 5 * GIB, "me/own:latest": 3 * GIB, "hf.co/them/face:Q4_K_M": 3 * GIB, "": 1e8,
    }
    assert told(server, [*models[:2], Model("hf.co/them/face:Q4_K_M", "stopped", loaded=False)], used)[""] == (
        3 * GIB + 1e8), "whose model is no longer told"
    assert told(server, models[:1], used) == {"qwen2.5:7b": 11 * GIB + 1e8}


def test_a_manifest_of_another_time_is_none(serve: Serve, tmp_path: Path) -> None:
    blobs = [weights(tmp_path, name) for name in ("a", "b")]
    server, *pids = serve(*blobs)
    models = [
        loaded(name, pulled(tmp_path, f"registry.ollama.ai/library/{name}/latest", blob))
        for name, blob in zip("ab", blobs)
    ]
    pulled(tmp_path, "registry.ollama.ai/library/b/latest", blobs[0])
    assert told(server, models, {pids[0]: GIB, pids[1]: 2 * GIB}) == {"a": GIB, "": 2 * GIB}


def test_runners_are_told_apart_by_gpu_memory_where_that_is_sure(serve: Serve, tmp_path: Path) -> None:
    server, *pids = serve(weights(tmp_path, "a"), weights(tmp_path, "b"))
    used = {pids[0]: 9.6 * GIB, pids[1]: 4.4 * GIB}
    assert told(server, [loaded("b", gpu=4 * GIB), loaded("a", gpu=9 * GIB)], used) == {"a": 9.6 * GIB, "b": 4.4 * GIB}
    several = {"": 14 * GIB}
    assert told(server, [loaded("b", gpu=9.3 * GIB), loaded("a", gpu=9 * GIB)], used) == several, "as large"
    assert told(server, [loaded("b", gpu=6 * GIB), loaded("a", gpu=9 * GIB)], used) == several, "b fits none"
    assert told(server, [loaded("b"), loaded("a", gpu=9 * GIB)], used) == several, "of b it is not known"
    three = [loaded("a", gpu=9 * GIB), loaded("b", gpu=4 * GIB), loaded("c", gpu=GIB)]
    assert told(server, three, used) == several, "more than there are runners"


def test_two_models_of_the_same_weights_are_left_together(serve: Serve, tmp_path: Path) -> None:
    blob = weights(tmp_path, "a")
    server, *pids = serve(blob, blob)
    models = [
        loaded(name, pulled(tmp_path, f"registry.ollama.ai/library/{name}/latest", blob), 2 * GIB) for name in "ab"
    ]
    assert told(server, models, dict.fromkeys(pids, 2.2 * GIB)) == {"": pytest.approx(4.4 * GIB)}


@given(st.one_of(st.text(), st.text("a./:-_~\0", max_size=20)))
def test_no_name_leads_out_of_the_manifests(name: str) -> None:
    place = place_of(name)
    assert place is None or (
        len(place.parts) == 4 and ".." not in place.parts and not place.is_absolute() and PurePath(place) == place
    )


def test_names_as_ollama_keeps_them() -> None:
    assert place_of("qwen2.5") == PurePath("registry.ollama.ai/library/qwen2.5/latest")
    assert place_of("localhost:5000/me/own") == PurePath("localhost:5000/me/own/latest")
    assert place_of("../../../etc:passwd") is None and place_of("a/b/c/d:e") is None
