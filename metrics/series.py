"""Series: what the query answers with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from metrics.metric import Kind, Labels, series_key

FloatArray = NDArray[np.float32]
TimeArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What is known of a series without its values."""

    name: str
    labels: Labels
    unit: str
    kind: Kind
    help: str
    every: float = 1.0
    """Seconds between samples at the slowest; a longer hole than 2.5 times this is a gap."""

    @property
    def key(self) -> str:
        """``name{label="value"}``."""
        return series_key(self.name, self.labels)

    def label(self, name: str) -> str:
        """The value of a label, or the empty string."""
        return dict(self.labels).get(name, "")


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one series over a window.

    ``t`` are epoch milliseconds, ascending, int64 (n,). ``value`` float32 (n,): NaN marks a gap (one NaN
    point between the last point before the gap and the first after it). For rollups ``value`` is the mean and
    ``low``/``high`` the extremes of each point's step; for raw samples they are None.
    ``step`` is the seconds between samples before reduction.
    """

    info: SeriesInfo
    t: TimeArray
    value: FloatArray
    step: float
    low: FloatArray | None = None
    high: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """An answer of the query: its series, the step in seconds they were read at, and what was out of reach."""

    series: list[Series]
    step: float
    problems: list[str] = field(default_factory=list)
    """One sentence for each store that could not be read; empty when the answer is whole."""
