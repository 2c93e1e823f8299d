"""From what a store holds to what a chart can show: gaps made visible, points made few, no spike lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxLTTBDownsampler

from metrics.series import Series, SeriesInfo
from storage.archive.rollup import Rollup, coarser

GAP_STEPS = 2.5
"""A hole longer than this many intervals is a gap."""
_FEWEST = 3


def gaps(t: NDArray[np.int64], info: SeriesInfo, step: float) -> NDArray[np.int64]:
    """Indices of the points after which a gap lies; ``t`` in milliseconds, ``step`` in seconds."""
    return np.flatnonzero(np.diff(t) > GAP_STEPS * 1000 * max(info.every, step))


def raw_series(info: SeriesInfo, t: NDArray[np.int64], value: NDArray[np.float32], step: float,
               points: int | None) -> Series:
    """A series of raw samples, ascending and without NaN, of about ``points`` at most (None: all).

    Reduced by MinMaxLTTB (tsdownsample), to which the window's minimum and maximum and the two edges of each gap
    are added: LTTB alone may pass over them.
    """
    whole = t.size > 1 and int(t[-1] - t[0]) == (t.size - 1) * round(step * 1000)  # a sample at every step
    after = np.empty(0, np.int64) if whole else gaps(t, info, step)
    if points is not None and t.size > points:
        columns = (value,) if whole else (t, value)  # evenly spaced times change nothing and cost a third
        kept = MinMaxLTTBDownsampler().downsample(*columns, n_out=max(_FEWEST, points - 2)).astype(np.int64)
        edges = (after, after + 1) if after.size <= points // 8 else ()
        kept = np.unique(np.concatenate((kept, [np.argmin(value), np.argmax(value)], *edges)))
        holes = np.unique(np.searchsorted(kept, after, side="right"))
        t, value = t[kept], value[kept]
    else:
        holes = after + 1
    t, (value,) = _broken(holes, step, t, value)
    return Series(info, t, value, step)


def rolled_series(info: SeriesInfo, rolled: Rollup, step: int, points: int | None) -> Series:
    """A series of steps, of about ``points`` at most: neighbours are joined, so that ``low`` and ``high`` still hold
    the window's extremes. A bucket of a histogram holds how much fell into it in the step, all in all."""
    after = gaps(rolled.t, info, step)
    few = rolled
    if points is not None and rolled.t.size > points:
        span = int(rolled.t[-1] - rolled.t[0]) // 1000 + step
        few = coarser(rolled, -(-span // (points * step)) * step)
        before, behind = (np.searchsorted(few.t, rolled.t[at], side="right") for at in (after, after + 1))
        holes = np.unique(before[before != behind])
    else:
        holes = after + 1
    t, (value, low, high) = _broken(holes, step, few.t, value_of(info, few), few.low, few.high)
    return Series(info, t, value, float(step), low, high)


def value_of(info: SeriesInfo, rolled: Rollup) -> NDArray[np.float32]:
    """What stands for a step: the mean of its samples, but for a bucket of a histogram their sum."""
    if info.kind != "histogram":
        return rolled.mean
    return (rolled.mean.astype(np.float64) * rolled.count).astype(np.float32)


def _broken(holes: NDArray[np.int64], step: float, t: NDArray[np.int64],
            *columns: NDArray[np.float32]) -> tuple[NDArray[np.int64], list[NDArray[np.float32]]]:
    """The columns with one NaN point before each index of ``holes``."""
    holes = holes[(holes > 0) & (holes < t.size)]
    if not holes.size:
        return t, list(columns)
    # Just after the last point before the gap, but never at or beyond the first one after it.
    at = np.minimum(t[holes - 1] + round(step * 1000), t[holes] - 1)
    return np.insert(t, holes, at), [np.insert(column, holes, np.float32(np.nan)) for column in columns]
