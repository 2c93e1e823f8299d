"""Series fetched whole, in bounded memory: piece by piece in time where they are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from analysis.frames import chained, coarsened, present
from metrics.series import Selection, Series, SeriesInfo

PIECE = 1_000_000
"""Samples read at once; some 20 bytes each while they are worked on."""
MOST = 1_500_000
"""Samples kept of an answer: beyond, means over longer steps are kept, with their extremes."""
MOST_STEPS = 300_000
"""Steps of rollups read at the archive's own resolution; beyond, as many as the screen asks for."""
MINUTE = 60
BORDER = 600
"""Seconds: pieces begin on multiples of it, so that no step lies in two."""
SHORT = 0.0005
"""Seconds, less than any step: what keeps the end of a window out."""


class Source(Protocol):
    """What is needed of `storage.query.Query`."""

    def series(self, matchers: Sequence[str] | None = None) -> list[SeriesInfo]: ...

    def select(self, matchers: Sequence[str], start: float, end: float, points: int | None = None) -> Selection: ...


@dataclass(slots=True)
class Gathered:
    """Series without points for gaps, the seconds between their values, and what was out of reach."""

    series: list[Series]
    step: float
    problems: list[str] = field(default_factory=list)


def gather(
    source: Source, selectors: Sequence[str], start: float, end: float, points: int = 1000,
    work: Callable[[list[Series]], list[Series]] | None = None,
) -> Gathered:
    """The series of ``selectors`` over ``start..end`` (epoch seconds), unreduced: raw samples where the ring has them.

    Args:
        points: how many steps of rollups each series has about, where all steps there are would be too many.
        work: done to each piece, such as an aggregate; it must not need what lies before or behind.

    Raises:
        ValueError: a selector is none.
    """
    count = max(len(source.series(selectors)), 1)
    seconds = max(PIECE // count // BORDER, 1) * BORDER
    until = (start // BORDER) * BORDER + seconds
    found = source.select(selectors, start, min(end, until - SHORT), None)
    if _rolled(found):
        return _rollups(source, selectors, start, end, points, count, work)
    pieces: list[list[Series]] = []
    problems: list[str] = []
    step, width = found.step, 0.0
    while True:
        series = [present(s) for s in found.series]
        series = work(series) if work else series
        width = width or _width(len(series) if work else count, end - start, step)
        pieces.append(coarsened(series, width) if width > step else series)
        problems += [p for p in found.problems if p not in problems]
        if until > end:
            break
        # Pieces share no sample, though a window holds both of its ends; nor do they share a longer step.
        found = source.select(selectors, until, max(until, min(end, until + seconds - SHORT)), None)
        until += seconds
    series = chained(pieces)
    return Gathered(series, max((s.step for s in series), default=step), problems)


def _width(count: int, seconds: float, step: float) -> float:
    """Seconds of the steps that leave no more than `MOST` values; a divisor of `BORDER`, or a multiple."""
    least = count * seconds / MOST
    if least <= step:
        return step if count else 0.0
    found = next((d for d in range(1, BORDER + 1) if BORDER % d == 0 and d >= least), None)
    return float(found or np.ceil(least / BORDER) * BORDER)


def _rolled(found: Selection) -> bool:
    return any(s.low is not None for s in found.series) or (not found.series and found.step >= MINUTE)


def _rollups(
    source: Source, selectors: Sequence[str], start: float, end: float, points: int, count: int,
    work: Callable[[list[Series]], list[Series]] | None,
) -> Gathered:
    few = count * (end - start) / MINUTE <= MOST_STEPS
    found = source.select(selectors, start, end, None if few else points)
    series = [present(s) for s in found.series]
    step = found.step
    if not few:  # each was thinned by its own length: bring them to one
        spaces = [float(np.median(np.diff(s.t))) / 1000 for s in series if s.t.size > 2]
        step = max(spaces, default=step)
        series = coarsened(series, step)
    return Gathered(work(series) if work else series, step, found.problems)
