"""Rollups: from samples to mean, min, max and count per step, vectorised over all series at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
_COLUMNS = ("index", "t", "mean", "low", "high", "count")
_FAR = 1 << 50
"""More milliseconds than any time has: keeps the series apart in one sorted key."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """Steps of several series, in long form, sorted by series and time; only steps that have samples.

    ``index`` (n,) tells the series by its place in the list that was rolled, ``t`` (n,) the step's begin in epoch
    milliseconds.
    """

    index: Ints
    t: Ints
    mean: Floats
    low: Floats
    high: Floats
    count: NDArray[np.uint32]

    def of(self, index: int) -> Rollup:
        """The steps of one series."""
        first, last = np.searchsorted(self.index, (index, index + 1))
        return self.cut(int(first), int(last))

    def cut(self, first: int, last: int) -> Rollup:
        """Steps ``first`` to ``last - 1``."""
        part = slice(first, last)
        return Rollup(self.index[part], self.t[part], self.mean[part], self.low[part], self.high[part],
                      self.count[part])


NO_STEPS = Rollup(
    np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32),
    np.empty(0, np.float32), np.empty(0, np.uint32),
)


def roll(samples: Sequence[tuple[Ints, Floats]], step: int) -> Rollup:
    """Rolls raw samples (milliseconds ascending, values without NaN; one pair per series) into steps of ``step`` s."""
    sizes = [t.size for t, _ in samples]
    if not sum(sizes):
        return NO_STEPS
    t = np.concatenate([t for t, _ in samples])
    value = np.concatenate([v for _, v in samples])
    index = np.repeat(np.arange(len(samples)), sizes)
    return _reduce(index, t, value, value, value, np.ones(t.size, np.uint32), step)


def coarser(fine: Rollup, step: int) -> Rollup:
    """Rolls a rollup into longer steps; means weigh by their counts."""
    if not fine.t.size:
        return NO_STEPS
    return _reduce(fine.index, fine.t, fine.mean, fine.low, fine.high, fine.count, step)


def _reduce(index: Ints, t: Ints, mean: Floats, low: Floats, high: Floats, count: NDArray[np.uint32],
            step: int) -> Rollup:
    begin = t - t % (step * 1000)
    key = index * _FAR + begin
    at = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    counts = np.add.reduceat(count, at, dtype=np.int64)
    sums = np.add.reduceat(mean * count.astype(np.float64), at)
    return Rollup(
        index[at], begin[at], (sums / counts).astype(np.float32), np.minimum.reduceat(low, at),
        np.maximum.reduceat(high, at), counts.astype(np.uint32),
    )


def stacked(parts: Sequence[Rollup]) -> Rollup:
    """Rollups of one series each as one, whose ``index`` tells their place in ``parts``."""
    if not parts:
        return NO_STEPS
    whole = Rollup(*(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS))
    index = np.repeat(np.arange(len(parts)), [part.t.size for part in parts])
    return Rollup(index, whole.t, whole.mean, whole.low, whole.high, whole.count)


def joined(parts: Sequence[Rollup]) -> Rollup:
    """One series' rollups, given in ascending order, as one; whatever their indices were, its index is 0."""
    parts = [part for part in parts if part.t.size]
    if not parts:
        return NO_STEPS
    whole = parts[0] if len(parts) == 1 else Rollup(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS)
    )
    return Rollup(np.zeros_like(whole.index), whole.t, whole.mean, whole.low, whole.high, whole.count)
