"""A whole window, sample by sample, in pieces that fit into memory: for exports."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from metrics.series import Series, SeriesInfo

Source = Literal["samples", "minutes", "hours"]
PIECE = 40_000
"""Values of one piece, about."""
_ALIGN = {"samples": 60.0, "minutes": 3600.0, "hours": 86_400.0}
"""Pieces begin at multiples of this: a step or a page must not be cut."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Every sample or step of a window. Which store they are of was decided once, so that no step is repeated or lost
    where two pieces meet."""

    infos: list[SeriesInfo]
    source: Source
    step: float
    """Seconds between samples."""
    start: float
    end: float
    first: float
    """About when the first of it was recorded, epoch seconds; ``end`` when there is nothing."""
    problems: list[str]
    """What was out of reach when it was planned."""
    read: Callable[[Sequence[SeriesInfo], float, float], list[Series]]
    """The samples of series with ``start <= t <= end``. Raises StoreUnavailable."""

    @property
    def rows(self) -> int:
        """About how many times there are."""
        if not self.infos or self.end < self.first:
            return 0
        every = max(self.step, min(info.every for info in self.infos))
        return math.floor((self.end - self.first) / every) + 1

    @property
    def values(self) -> int:
        """About how many values there are."""
        span = max(self.end - self.first, 0.0)
        return sum(math.floor(span / max(self.step, info.every)) + 1 for info in self.infos) if self.rows else 0

    def pieces(self, values: int = PIECE) -> Iterator[tuple[float, list[Series]]]:
        """The window from its beginning on, each piece about ``values`` values: until when it reaches, epoch seconds,
        and its series, without gap points, empty where there is nothing, in the order of ``infos``.

        Raises:
            StoreUnavailable: a store went away.
        """
        align = _ALIGN[self.source]
        length = max(align, values / max(len(self.infos), 1) * self.step // align * align)
        edge = max(self.start, math.floor(min(self.first, self.end + align) / align) * align)
        while edge <= self.end:
            after = math.floor(edge / align) * align + length
            # The end of the window belongs to it, the end of a piece to the next one.
            found = self.read(self.infos, edge, self.end if after > self.end else after - 0.002)
            yield min(after, self.end), [_before(series, after) for series in found]
            edge = after


def _before(series: Series, end: float) -> Series:
    """The series up to, but without, ``end``: the ring rounds to its steps."""
    count = int(series.t.searchsorted(round(end * 1000)))
    if count == series.t.size:
        return series
    cut = slice(0, count)
    return Series(
        series.info, series.t[cut], series.value[cut], series.step,
        None if series.low is None else series.low[cut], None if series.high is None else series.high[cut],
    )
