"""Made-up series, and tables of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from jobs.table import Facts, Table, block_of, columns_of
from metrics.series import Series, SeriesInfo

NOW = 1_800_000_000.0
"""The beginning of an hour."""
ODD = 'od"d, \\name\n{x} %s é'
"""A label's value that every format has to take as it is."""


def info(name: str = "cpu_usage_ratio", unit: str = "ratio", **labels: str) -> SeriesInfo:
    return SeriesInfo(name, tuple(sorted(labels.items())), unit, "gauge", f"Help of {name}")


def series(what: SeriesInfo, offsets: list[float], values: list[float], step: float = 1.0) -> Series:
    t = np.array([round((NOW + at) * 1000) for at in offsets], np.int64)
    return Series(what, t, np.array(values, np.float32), step)


def facts(start: float = NOW, end: float = NOW + 3600, **more: Any) -> Facts:
    given: dict[str, Any] = {
        "host": "box", "zone": "Europe/Paris", "step": 1.0, "source": "samples", "title": "CPU use"}
    return Facts(start=start, end=end, **(given | more))


@pytest.fixture
def table() -> Callable[..., Table]:
    """A table of series, in ``pieces`` blocks of the same length in time."""

    def make(found: list[Series], pieces: int = 1, **more: Any) -> Table:
        told = facts(**more)

        def blocks() -> Any:
            edges = np.linspace(told.start, told.end + 0.001, pieces + 1) * 1000
            for number in range(pieces):
                cut = []
                for one in found:
                    there = (one.t >= edges[number]) & (one.t < edges[number + 1])
                    cut.append(Series(one.info, one.t[there], one.value[there], one.step))
                yield block_of(cut, False, (number + 1) / pieces)

        return Table(told, columns_of([one.info for one in found], False), blocks())

    return make
