"""Real engines to be measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import run
from tests.engine.run import Engine


@pytest.fixture(scope="session")
def tiny_engine(tiny_model: Path) -> Iterator[Engine]:
    """llama.cpp with two slots, fast."""
    with run.engine(tiny_model, "-c", "4096", "-np", "2") as one:
        yield one
