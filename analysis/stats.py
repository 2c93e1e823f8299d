"""What a series was like over a window: the row of a statistics table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.frames import present
from metrics.series import Series

COLUMNS = ("min", "mean", "max", "p50", "p95", "p99", "last")
"""The numbers of a row, in order."""


@dataclass(frozen=True, slots=True)
class Stats:
    """In the series' base unit. ``count`` are the values they are made of.

    ``exact``: from the samples themselves. Else from steps of ``step`` seconds: min and max are those of the samples,
    the mean is that of the steps, the percentiles are those of the steps' means.
    """

    min: float
    mean: float
    max: float
    p50: float
    p95: float
    p99: float
    last: float
    count: int
    exact: bool

    def row(self) -> list[float]:
        """The numbers in the order of `COLUMNS`."""
        return [getattr(self, name) for name in COLUMNS]


def of(one: Series, start: float, end: float) -> Stats | None:
    """Statistics of exactly ``start..end`` (epoch seconds, both ends included); None where there is no value.

    Of rollups the steps that begin in the window count, and the one that holds its start. Percentiles lie between
    neighbours on a straight line, as ``numpy.percentile`` has them.
    """
    whole = present(one)
    exact = whole.low is None or whole.high is None
    begin = start * 1000 if exact else start * 1000 - one.step * 1000 + 1
    first, last = (int(i) for i in np.searchsorted(whole.t, [begin, end * 1000 + 0.5]))
    value = whole.value[first:last].astype(np.float64)
    if not value.size:
        return None
    low, high = (value if c is None else c[first:last] for c in (whole.low, whole.high))
    p50, p95, p99 = (float(v) for v in np.percentile(value, (50, 95, 99)))
    return Stats(
        float(low.min()), float(value.mean()), float(high.max()), p50, p95, p99, float(value[-1]), value.size, exact,
    )
