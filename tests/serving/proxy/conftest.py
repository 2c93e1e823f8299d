"""A real engine and a serving process before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import run
from tests.engine.run import Engine
from tests.serving.proxy.support import Serving, serving


@pytest.fixture(scope="session")
def engine(tiny_model: Path) -> Iterator[Engine]:
    """llama.cpp with two slots, which also embeds."""
    with run.engine(tiny_model, "-c", "2048", "-np", "2") as one:
        yield one


@pytest.fixture(scope="session")
def embedder(tiny_model: Path) -> Iterator[Engine]:
    """llama.cpp that embeds."""
    with run.engine(tiny_model, "-c", "512", "--embeddings", "--pooling", "mean", alias="embedder") as one:
        yield one


@pytest.fixture(scope="module")
def before_engine(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A serving process before the engine."""
    with serving(tmp_path_factory.mktemp("data"), {"box": engine.url}) as one:
        yield one


@pytest.fixture(scope="module")
def before_nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A serving process that each test gives model servers of its own."""
    with serving(tmp_path_factory.mktemp("data"), {}) as one:
        yield one
