"""The need that is foretold against what real llama.cpp allocates and holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.files.gguf import read
from serving.files.kv import CACHE_TYPES
from serving.files.need import need
from tests.engine import models
from tests.serving.files import engines

LOGGED = 0.005 * engines.MIB
"""The engine rounds to hundredths of a MiB."""


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.slow(tmp_path_factory.mktemp("slow") / "slow.gguf")


@pytest.mark.parametrize(("tokens", "slots", "kind"), [
    (512, 1, "f16"), (1000, 1, "f16"), (3000, 1, "f16"), (0, 1, "f16"), (2048, 3, "f16"), (8192, 4, "f16"),
    (16_384, 1, "f16"), (4096, 1, "q8_0"), (4096, 2, "q4_0"), (2048, 1, "q5_1"), (2048, 1, "f32"),
])
def test_the_cache_is_what_the_engine_allocates(
    slow_model: Path, tmp_path: Path, tokens: int, slots: int, kind: str
) -> None:
    options = ["-c", str(tokens), "-np", str(slots), "-ctk", kind, "-ctv", kind]
    foretold = need(read(slow_model), tokens, slots, kind, kind)
    with engines.telling(slow_model, tmp_path, *options) as told:
        assert foretold.cache == pytest.approx(sum(told.caches), abs=LOGGED)
        assert foretold.compute == pytest.approx(told.compute, rel=0.1)
        held = told.process.memory_info().rss
    # what a first long prompt will touch, and not the loading, is in the compute buffers
    assert foretold.total - foretold.compute - foretold.error < held < foretold.total + foretold.error


@pytest.mark.parametrize("make", [engines.gemma3, engines.deepseek2, engines.mamba])
@pytest.mark.parametrize(("tokens", "slots"), [(512, 1), (4096, 1), (4096, 3)])
def test_windows_latent_attention_and_states_are_counted_as_the_engine_does(
    tmp_path: Path, make: Callable[[Path], Path], tokens: int, slots: int
) -> None:
    model = make(tmp_path / "m.gguf")
    foretold = need(read(model), tokens, slots)
    with engines.telling(model, tmp_path, "-c", str(tokens), "-np", str(slots)) as told:
        assert foretold.cache == pytest.approx(sum(told.caches), abs=LOGGED * len(told.caches))
        assert abs(foretold.compute - told.compute) < foretold.error


def test_a_cache_that_the_engine_refuses_is_told_beforehand(tiny_model: Path, tmp_path: Path) -> None:
    told = " ".join(map(str, need(read(tiny_model), 512, 1, "q8_0", "q8_0").notes))
    assert "refuses this type of cache for heads of 16 numbers; it wants a multiple of 32" in told
    with pytest.raises(AssertionError, match=re.compile("exiting due to model loading error", re.DOTALL)), \
            engines.telling(tiny_model, tmp_path, "-ctk", "q8_0", "-ctv", "q8_0"):
        pass


def test_the_types_of_cache_have_the_sizes_of_the_engine() -> None:
    import gguf

    sizes = {kind.name.lower(): size for kind, size in gguf.GGML_QUANT_SIZES.items()}
    assert {name: sizes[name] for name in CACHE_TYPES} == CACHE_TYPES


def test_the_types_of_tensors_are_those_of_the_library() -> None:
    import gguf

    from serving.files.ggml import FILE_TYPES, TYPES

    assert {number: (name, *size) for number, (name, *size) in TYPES.items()} == {
        kind.value: (kind.name, *size) for kind, size in gguf.GGML_QUANT_SIZES.items()}
    assert {
        kind.value: kind.name.removeprefix("MOSTLY_").removeprefix("ALL_")
        for kind in gguf.LlamaFileType if kind.name != "GUESSED"} == FILE_TYPES
