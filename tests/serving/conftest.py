"""What the tests of the proxies and of load tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine import models, run
from tests.engine.run import Engine


@pytest.fixture(scope="session")
def slow_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """llama.cpp with one slot that writes some 180 tokens a second."""
    model = models.slow(tmp_path_factory.mktemp("slow") / "slow.gguf")
    with run.engine(model, "-c", "2048", "-np", "1", alias="slow") as one:
        yield one
