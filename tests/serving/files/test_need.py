"""Will it fit? The arithmetic, and the answer for GPUs and a host."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.files.facts import Attention, ModelFacts, Recurrent, Weights
from serving.files.kv import cache, cells_of
from serving.files.need import GPU_CONTEXT, PROCESS, fit, need

MIB, GIB = 2**20, 2**30
LLAMA_8B = ModelFacts(
    "gguf", 4_920_000_000, architecture="llama", parameters=8_030_000_000, context_length=131_072, block_count=32,
    embedding_length=4096, feed_forward_length=14_336, vocabulary=128_256,
    weights=Weights((130_000_000,) * 32, 300_000_000, 430_000_000), attention=Attention((32,), (8,)),
)


def bytes_of(facts: ModelFacts, context: int, slots: int = 1, kind: str = "f16") -> int:
    found = cache(facts, context, slots, kind, kind)
    assert found is not None
    return found.total


def test_the_cache_of_a_well_known_model() -> None:
    assert bytes_of(LLAMA_8B, 8192) == GIB  # Llama 3 8B: 128 KiB a token
    assert bytes_of(LLAMA_8B, 8192, kind="q8_0") == GIB * 34 // 64
    assert bytes_of(LLAMA_8B, 8192, kind="q4_0") == GIB * 18 // 64


def test_cells_are_padded_for_each_slot() -> None:
    assert cells_of(1, 1) == 256
    assert cells_of(2048, 3) == 768


def test_lengths_of_key_and_value_are_counted_apart() -> None:
    odd = replace(LLAMA_8B, attention=Attention((32,), (8,), key_length=192, value_length=128))
    assert bytes_of(odd, 256) == 256 * 32 * 8 * (192 + 128) * 2


def test_heads_of_each_layer_count() -> None:
    facts = replace(LLAMA_8B, block_count=3, attention=Attention((32, 32, 32), (8, 0, 4)))
    assert bytes_of(facts, 256) == 256 * 12 * 256 * 2
    short = replace(facts, attention=Attention((32,), (8, 4)))
    assert cache(short, 256) is None  # says nothing of its third layer


@pytest.mark.parametrize(("architecture", "shape", "windowed"), [
    ("gemma3", {}, 27), ("gemma2", {}, 16), ("gpt-oss", {}, 16), ("cohere2", {}, 24), ("llama4", {}, 24),
    ("smallthinker", {}, 24), ("llama", {}, 0), ("qwen2", {}, 0), ("gemma3", {"window_pattern": (4,)}, 24),
    ("anything", {"window_pattern": (1, 0) * 16}, 16), ("gemma3", {"sliding_window": 0}, 0),
    ("plamo3", {"window_pattern": (0,)}, 32),
])
def test_layers_with_a_window_are_known(architecture: str, shape: dict[str, int], windowed: int) -> None:
    given = Attention((32,), (8,), **{"sliding_window": 1024, **shape})
    facts = replace(LLAMA_8B, architecture=architecture, attention=given)
    found = cache(facts, 65_536)
    assert found is not None
    cells = {size // 4096 for size in found.layers}
    window = 8192 + 512 if architecture == "llama4" else 1024 + 512
    assert sum(size // 4096 == window for size in found.layers) == windowed
    assert cells <= {65_536, window}


def test_layers_that_share_or_have_no_cache_are_not_counted() -> None:
    shared = replace(LLAMA_8B, attention=Attention((32,), (8,), shared_kv_layers=12))
    assert bytes_of(shared, 8192) == GIB * 20 // 32
    assert bytes_of(replace(LLAMA_8B, architecture="bert"), 512) == 0


def test_recurrent_layers_have_a_state_instead() -> None:
    mamba = ModelFacts("gguf", GIB, architecture="mamba", block_count=48, embedding_length=1536, context_length=1 << 20,
                       recurrent=Recurrent(conv_kernel=4, inner_size=3072, state_size=16))
    for context in (256, 1 << 20):  # llama.cpp's formula: n_embd_r + n_embd_s numbers of 4 bytes
        assert bytes_of(mamba, context) == 48 * 4 * (3 * 3072 + 16 * 3072)
    assert bytes_of(mamba, 256, 4) == 4 * bytes_of(mamba, 256)
    hybrid = replace(LLAMA_8B, recurrent=Recurrent(4, 8192, 128, 16, full_attention_interval=4))
    found = cache(hybrid, 8192)
    assert found is not None
    assert [size > 0 for size in found.layers[:4]] == [False, False, False, True]
    assert [size > 0 for size in found.states[:4]] == [True, True, True, False]
    assert cache(replace(mamba, recurrent=Recurrent()), 256) is None
    rwkv = ModelFacts("gguf", 1, architecture="rwkv7", block_count=2, embedding_length=100,
                      recurrent=Recurrent(wkv_head_size=64, token_shift_count=2))
    assert bytes_of(rwkv, 256) == 2 * 4 * (200 + 6400)
    lfm = replace(LLAMA_8B, block_count=2, attention=Attention((32,), (8, 0)), recurrent=Recurrent(shortconv_cache=3))
    assert bytes_of(lfm, 256) == 256 * 4096 + 4 * 4096 * 2


def test_what_is_not_known_is_said() -> None:
    bare = need(ModelFacts("gguf", GIB))
    assert bare.cache is None and "does not say enough" in str(bare.notes[1])
    assert bare.weights == GIB
    unsure = need(replace(LLAMA_8B, architecture="deepseek4"), 8192)
    assert unsure.error > need(LLAMA_8B, 8192).error + GIB // 3
    assert "deepseek4 is not known here" in " ".join(map(str, unsure.notes))
    assert str(unsure.source).startswith("Weights:") and str(unsure.how_sure).startswith("Give or take")


def test_absurd_questions_are_refused() -> None:
    for wrong in ({"key_type": "q9"}, {"slots": 0}, {"context": -1}):
        with pytest.raises(ValueError, match="cache type one of f32"):
            need(LLAMA_8B, **wrong)


def test_the_need_has_its_parts() -> None:
    found = need(LLAMA_8B, 8192)
    assert found.weights == 4_890_000_000 and found.cache == GIB and found.process == PROCESS
    assert found.total == found.weights + GIB + found.compute + PROCESS
    assert 0 < found.share < 0.1
    assert sum(found.layers) + found.embedding + found.output == found.weights + GIB
    assert need(LLAMA_8B).context == 131_072


def test_without_a_gpu_the_host_has_to_do() -> None:
    found = need(LLAMA_8B, 8192)
    assert fit(found, [], found.total).fits == "yes"
    short = fit(found, [], found.total - 1000)
    assert (short.fits, short.missing, short.tight) == ("no", 1000, True)
    assert not fit(found, [], 4 * found.total).tight


def test_a_gpu_with_room_takes_all() -> None:
    answer = fit(need(LLAMA_8B, 8192), [24 * GIB], 16 * GIB)
    assert (answer.fits, answer.on_gpu, answer.layers, answer.missing, answer.tight) == ("yes", 33, 33, 0, False)
    assert answer.host == 300_000_000 + PROCESS


def test_two_gpus_share_and_a_small_one_takes_some() -> None:
    found = need(LLAMA_8B, 8192)
    two = fit(found, [4 * GIB, 4 * GIB], 16 * GIB)
    assert two.fits == "yes" and all(0 < size <= 4 * GIB for size in two.gpus)
    part = fit(found, [4 * GIB], 16 * GIB)
    assert part.fits == "partly" and 0 < part.on_gpu < 33
    assert part.missing == sum(found.layers) + found.output + found.compute + GPU_CONTEXT - 4 * GIB
    assert fit(found, [4 * GIB], GIB).fits == "no"
    none = fit(found, [100 * MIB], 16 * GIB)
    assert (none.fits, none.on_gpu, none.gpus, none.host) == ("partly", 0, (0,), found.total)


def test_an_output_that_shares_the_tensor_of_the_input_is_held_twice() -> None:
    tied = replace(LLAMA_8B, weights=Weights((130_000_000,) * 32, 300_000_000, 4096, tied=True))
    found = need(tied, 8192)
    assert found.output == 300_004_096 and found.weights == 4_460_004_096


@given(
    gpus=st.lists(st.integers(0, 20 * GIB), max_size=4), host=st.integers(0, 20 * GIB),
    tokens=st.integers(1, 200_000), slots=st.integers(1, 8),
)
def test_an_answer_keeps_within_what_there_is(gpus: list[int], host: int, tokens: int, slots: int) -> None:
    found = need(LLAMA_8B, tokens, slots)
    answer = fit(found, gpus, host)
    assert all(used <= free for used, free in zip(answer.gpus, gpus))
    assert (answer.host <= host) == (answer.fits != "no")
    assert (answer.missing == 0) == (answer.fits == "yes")
    if gpus:
        assert (answer.on_gpu == answer.layers) == (answer.fits == "yes") or answer.fits == "no"
    more = fit(found, [free + 8 * GIB for free in gpus], host + 8 * GIB)
    order = ("no", "partly", "yes")
    assert order.index(more.fits) >= order.index(answer.fits)


