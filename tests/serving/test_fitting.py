"""Where a model would lie: what each place holds adds up to the need, and its own memory counts as free for it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from live.models import Card
from serving import fitting
from serving.files.facts import Attention, ModelFacts, Weights
from serving.files.need import GPU_CONTEXT
from serving.files.rows import ModelFile

MIB, GIB = 2**20, 2**30
FACTS = ModelFacts(
    "gguf", 5 * GIB, architecture="llama", context_length=8192, block_count=32, embedding_length=4096,
    feed_forward_length=14336, vocabulary=128_256,
    weights=Weights(layers=(120 * MIB,) * 32, embedding=300 * MIB, output=400 * MIB, rest=0),
    attention=Attention(heads=(32,), kv_heads=(8,), key_length=128, value_length=128),
)


def place(total: int, others: int = 0, gpu: str = "0") -> fitting.Place:
    return fitting.Place(gpu, "", total, others)


def test_a_large_gpu_takes_all_layers_and_the_host_the_embedding() -> None:
    told = fitting.answer(FACTS, 4096, 1, "f16", [place(24 * GIB)], place(64 * GIB, gpu=""))
    assert told.fit is not None and told.fit.fits == "yes"
    gpu, = told.on_gpus
    assert gpu.weights == FACTS.weights.total - 300 * MIB and gpu.process == GPU_CONTEXT  # type: ignore[union-attr]
    assert gpu.cache == told.need.cache == 4096 * 32 * 8 * 256 * 2
    assert told.on_host.weights == 300 * MIB and told.on_host.cache == told.on_host.compute == 0


@given(st.lists(st.integers(0, 12 * GIB), max_size=4), st.integers(0, 16 * GIB), st.integers(1, 200_000))
@settings(max_examples=200, deadline=None)
def test_the_parts_are_what_the_fit_placed(gpus: list[int], free: int, context: int) -> None:
    told = fitting.answer(
        FACTS, context, 1, "f16", [place(size, gpu=str(n)) for n, size in enumerate(gpus)], place(free, gpu=""),
    )
    assert told.fit is not None
    assert [parts.total for parts in told.on_gpus] == list(told.fit.gpus)
    assert told.on_host.total == told.fit.host
    assert sum(parts.cache for parts in (*told.on_gpus, told.on_host)) == told.need.cache
    assert all(parts.total <= size for parts, size in zip(told.on_gpus, gpus, strict=True))
    assert min(parts.weights for parts in (*told.on_gpus, told.on_host)) >= 0


def test_without_the_memory_of_the_machine_the_need_alone_is_told() -> None:
    told = fitting.answer(FACTS, 4096, 1, "f16", [place(GIB)], fitting.host(None, 5.0, None))
    assert told.fit is None and told.need.total > 4 * GIB and told.on_gpus == (fitting.Parts(),)


def test_what_a_running_process_holds_is_free_for_it() -> None:
    cards = [
        Card("0", "A", 20.0 * GIB, 24.0 * GIB, (("own", "own", 6.0 * GIB), ("other", "x", 14.0 * GIB))),
        Card("1", "B", 0.0, 24.0 * GIB), Card("2", "C", 1.0, None),
    ]
    process = {"name": "own", "memory_anon": 2 * GIB}
    assert [one.free for one in fitting.places(cards, "", process)] == [10 * GIB, 24 * GIB]
    assert [one.gpu for one in fitting.places(cards, "1,0,7", None)] == ["1", "0"]
    assert fitting.places(cards, "0", None)[0].free == 4 * GIB
    host = fitting.host(64.0 * GIB, 10.0 * GIB, process)
    assert host is not None and host.free == 12 * GIB and host.own == 2 * GIB


def test_a_shard_is_its_model() -> None:
    model = ModelFile("/m/a-1.gguf", "a", "gguf", "/m", parts=("/m/a-1.gguf", "/m/a-2.gguf"))
    assert fitting.of_file([model], "/m/a-2.gguf") is model
    assert fitting.of_file([model], "/m/../m/a-2.gguf") is None
