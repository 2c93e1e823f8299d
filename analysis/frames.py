"""Series brought onto common times, into columns, and down to what a screen can show.

Times are epoch milliseconds, int64, ascending. An absent value is NaN, and a gap stays a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxLTTBDownsampler

from metrics.series import Series
from storage.reduce import raw_series

Times = NDArray[np.int64]
Values = NDArray[np.float64]


def present(one: Series) -> Series:
    """The series without the NaN points that mark its gaps: (n,) -> (m,), m <= n."""
    there = ~np.isnan(one.value)
    if there.all():
        return one
    low, high = (None if column is None else column[there] for column in (one.low, one.high))
    return replace(one, t=one.t[there], value=one.value[there], low=low, high=high)


def reduced(one: Series, points: int | None) -> Series:
    """The series of about ``points`` points at most (None: all), gaps marked by NaN and extremes kept.

    For series that were computed; what is stored the query reduces. ``low`` and ``high`` are left out.
    """
    whole = present(one)
    return raw_series(one.info, whole.t, whole.value, one.step, points)


def align(series: Sequence[Series]) -> tuple[Times, Values]:
    """Series on the union of their times: (t (n,), values (len(series), n)), NaN where a series has no value."""
    if not series:
        return np.zeros(0, np.int64), np.zeros((0, 0))
    t = series[0].t
    if any(len(s.t) != len(t) or not np.array_equal(s.t, t) for s in series[1:]):
        t = np.unique(np.concatenate([s.t for s in series]))
    values = np.full((len(series), len(t)), np.nan)
    for row, one in enumerate(series):
        values[row, np.searchsorted(t, one.t)] = one.value
    return t, values


def pace_of(series: Sequence[Series]) -> int:
    """Milliseconds between values of the slowest series: at this pace all of them have one value a step."""
    return max((round(max(s.step, s.info.every if s.low is None else 0) * 1000) for s in series), default=1000) or 1000


def common(series: Sequence[Series]) -> tuple[Times, Iterator[NDArray[np.float32]]]:
    """Series at the pace of the slowest, so that values of the same moment stand above each other.

    Returns (t (n,), rows): ``t`` are the begins of all steps from the first value to the last, evenly spaced and
    aligned to the epoch; ``rows`` gives for each series (n,) float32, the mean of its values in each step, NaN where
    it has none. Rows are made one by one: a day of a hundred series need not be held at once.
    """
    parts = [present(s) for s in series]
    pace = pace_of(series)
    ends = [(int(p.t[0]), int(p.t[-1])) for p in parts if p.t.size]
    if not ends:
        return np.zeros(0, np.int64), (np.zeros(0, np.float32) for _ in parts)
    first, last = min(a for a, _ in ends) // pace, max(b for _, b in ends) // pace
    count = last - first + 1

    def rows() -> Iterator[NDArray[np.float32]]:
        for part in parts:
            yield _row(part, pace, first, count)

    return np.arange(first, last + 1, dtype=np.int64) * pace, rows()


def _row(part: Series, pace: int, first: int, count: int) -> NDArray[np.float32]:
    place = part.t // pace - first
    if part.t.size == count and np.array_equal(place, np.arange(count)):
        return part.value
    row = np.full(count, np.nan, np.float32)
    if part.t.size < 2 or bool((np.diff(place) > 0).all()):
        row[place] = part.value
        return row
    n = np.bincount(place, minlength=count)
    total = np.bincount(place, weights=part.value, minlength=count)
    np.divide(total, n, out=row, where=n > 0, casting="same_kind")
    return row


def reduce_together(t: Times, values: Values, points: int) -> tuple[Times, Values]:
    """At most about ``points`` of the times, the same for all rows, chosen by MinMaxLTTB on the sum of the rows.

    The extremes of each row and of the sum stay, and so do the borders of gaps.
    """
    if len(t) <= points or points < 4:
        return t, values
    absent = np.all(np.isnan(values), axis=0)
    total = np.nansum(values, axis=0)
    chosen = MinMaxLTTBDownsampler().downsample(np.ascontiguousarray(total, dtype=np.float64), n_out=points)
    keep = np.zeros(len(t), bool)
    keep[chosen] = True
    for row in (*values, np.where(absent, np.nan, total)):  # LTTB alone may drop an extreme
        if not np.all(np.isnan(row)):
            keep[[np.nanargmin(row), np.nanargmax(row)]] = True
    edges = np.flatnonzero(absent[1:] != absent[:-1])  # both sides of each gap's border
    keep[edges] = keep[edges + 1] = True
    return t[keep], values[:, keep]


def bucket(
    series: Sequence[Series], start: float, end: float, width: float, highest: bool = False
) -> tuple[Times, Values]:
    """Columns of ``width`` seconds aligned to the epoch: (middle of each column in ms, values (len(series), n)).

    A cell is the mean of the values in it (the highest where asked), NaN when there is none.
    """
    first, last = int(np.floor(start / width)), int(np.floor(end / width))
    count = max(last - first + 1, 1)
    times = ((np.arange(first, first + count) + 0.5) * width * 1000).astype(np.int64)
    grid = np.full((len(series), count), np.nan)
    for row, one in enumerate(series):
        there = ~np.isnan(one.value)
        place = np.floor(one.t[there] / (width * 1000)).astype(np.int64) - first
        inside = (place >= 0) & (place < count)
        place, value = place[inside], one.value[there][inside].astype(np.float64)
        if highest:
            cells = np.full(count, -np.inf)
            np.maximum.at(cells, place, value)
            grid[row] = np.where(np.isinf(cells), np.nan, cells)
        else:
            n = np.bincount(place, minlength=count)
            total = np.bincount(place, weights=value, minlength=count)
            grid[row] = np.divide(total, n, out=np.full(count, np.nan), where=n > 0)
    return times, grid


def coarsened(series: Sequence[Series], seconds: float) -> list[Series]:
    """Series as means over steps of ``seconds``, aligned to the epoch: where all samples would be too many to hold.
    Buckets of histograms are summed up instead.

    Such a series has ``seconds`` as its step and the extremes of each step in ``low`` and ``high``.
    """
    found = []
    for one in map(present, series):
        if not one.t.size:
            continue
        place = one.t // round(seconds * 1000)
        begin = np.flatnonzero(np.diff(place, prepend=place[0] - 1))
        sizes = np.diff(begin, append=place.size)
        total = np.add.reduceat(one.value, begin, dtype=np.float64)
        mean = total if one.info.kind == "histogram" else total / sizes
        low, high = (one.value if c is None else c for c in (one.low, one.high))
        found.append(Series(
            one.info, place[begin] * round(seconds * 1000), mean.astype(np.float32), seconds,
            np.minimum.reduceat(low, begin), np.maximum.reduceat(high, begin),
        ))
    return found


def chained(pieces: Sequence[Sequence[Series]]) -> list[Series]:
    """Series that were read or computed piece by piece in time, each made one again."""
    parts: dict[tuple[str, str], list[Series]] = {}
    for piece in pieces:
        for one in piece:
            parts.setdefault((one.info.key, one.info.unit), []).append(one)

    def joined(columns: list[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
        there = [c for c in columns if c is not None]
        return np.concatenate(there) if len(there) == len(columns) else None

    return [
        replace(
            found[0], t=np.concatenate([p.t for p in found]), value=np.concatenate([p.value for p in found]),
            low=joined([p.low for p in found]), high=joined([p.high for p in found]),
        ) if len(found) > 1 else found[0]
        for found in parts.values()
    ]
