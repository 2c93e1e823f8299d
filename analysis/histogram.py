"""How values are spread: histograms of values, and histograms that sources keep by buckets of latency."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.frames import Times, bucket, present
from metrics.metric import Labels
from metrics.models import LE
from metrics.series import Series, SeriesInfo

FEWEST, MOST = 20, 80
"""Bins of a histogram; of few values fewer."""
_NICE = (1, 2, 2.5, 5, 10)
_OF_PROXIES = frozenset(float(le) for le in LE)


def nice_step(width: float) -> float:
    """The round number (1, 2, 2.5 or 5 times a power of ten) that is ``width`` or the next above it."""
    size: float = 10.0 ** math.floor(math.log10(width))
    return next(step for step in _NICE if step * size >= width * 0.999999) * size


def edges(values: NDArray[np.float64], fewest: int = FEWEST, most: int = MOST) -> NDArray[np.float64]:
    """Edges of equally wide bins over ``values`` (n,), NaN left out; they lie on multiples of a round width.

    The width is that of Freedman and Diaconis (1981), 2 IQR / n^(1/3), rounded, where it gives between ``fewest`` (of n
    values the root of n, if that is less) and ``most`` bins. Where all values are the same there is one bin around
    them. Empty for no values.
    """
    there = values[np.isfinite(values)]
    if not there.size:
        return np.zeros(0)
    low, high = float(there.min()), float(there.max())
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high), 1e-300) or span < 1e-300:
        half = abs(low) * 0.05 or 0.5
        return np.array([low - half, low + half])
    quarter, three = np.percentile(there, (25, 75))
    width = 2 * float(three - quarter) / there.size ** (1 / 3)
    least = max(min(fewest, math.sqrt(there.size)), 4.0)
    step = max(nice_step(min(width, span / least) / 1.25 or span / most), nice_step(span / (most - 2)))
    first = math.floor(low / step)
    first -= first * step > low  # a low so near 0 that the quotient is none
    count = max(math.floor(high / step) - first + 1, 1)
    return np.arange(first, first + count + 1, dtype=np.float64) * step


def counts(values: NDArray[np.float64], bins: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of ``values`` lie in each bin: (len(bins) - 1,); what lies on the last edge is in the last bin."""
    if bins.size < 2:
        return np.zeros(0, np.int64)
    return np.histogram(values[np.isfinite(values)], bins)[0].astype(np.int64)


def bound(le: str) -> float:
    """The upper bound that a label ``le`` names; NaN when it names none."""
    try:
        return float(le)
    except ValueError:
        return math.nan


def buckets(series: Sequence[Series], start: float, end: float, width: float) -> tuple[
    list[float], Times, NDArray[np.float64]
]:
    """Observations by bucket and column of time: (upper bounds ascending (b,), middle of columns in ms
    (c,), counts (b, c)).

    Each series holds how many observations fell into its bucket (label ``le``, not cumulative) at each of its steps;
    series of the same bucket are added up. A column in which no series has a value is NaN, in one that has some an
    absent bucket is 0. A series without a bound is left out.
    """
    parts = [(bound(s.info.label("le")), present(s)) for s in series]
    parts = [(le, s) for le, s in parts if not math.isnan(le)]
    bounds = sorted({le for le, _ in parts})
    times, means = bucket([s for _, s in parts], start, end, width)
    found = np.full((len(bounds), len(times)), np.nan)
    first = int(np.floor(start / width))
    for (le, one), mean in zip(parts, means, strict=True):
        place = np.floor(one.t / (width * 1000)).astype(np.int64) - first
        n = np.bincount(place[(place >= 0) & (place < len(times))], minlength=len(times))
        # A rollup of a histogram holds the sum of its step; that of a gauge the mean of samples `every` seconds apart.
        sums = one.low is None or one.info.kind == "histogram"
        samples = n if sums else n * max(one.step / max(one.info.every, 1e-3), 1.0)
        row = bounds.index(le)
        found[row] = np.where(np.isnan(mean), found[row], np.nan_to_num(found[row]) + np.nan_to_num(mean) * samples)
    some = ~np.all(np.isnan(found), axis=0) if found.size else np.zeros(len(times), bool)
    found[:, some] = np.nan_to_num(found[:, some])
    return bounds, times, found


def all_buckets(
    series: Sequence[Series], known: Iterable[SeriesInfo], start: float, end: float, width: float,
) -> tuple[list[float], Times, NDArray[np.float64]]:
    """As `buckets`, with the empty buckets of the histograms too, so that the bound before each is its true neighbour:
    for `quantile`. Without an observation a column is 0.

    A measuring proxy's histogram has the buckets `metrics.models.LE`; another those that ``known`` series of it have,
    whether they have a value here or not. Histograms with other bounds are put together on the bounds of all of them,
    what fell into a bucket taken as evenly spread in it.
    """
    members: dict[tuple[float, ...], list[Series]] = {}
    layouts = _layouts([s.info for s in series], known)
    for one in series:
        if not math.isnan(bound(one.info.label("le"))):
            members.setdefault(layouts[_histogram(one.info)], []).append(one)
    bounds = sorted({le for layout in members for le in layout})
    times, _none = bucket([], start, end, width)
    found = np.zeros((len(bounds), len(times)))
    for layout, of_it in members.items():
        some, _times, grid = buckets(of_it, start, end, width)
        inside = np.zeros((len(layout), len(times)))
        inside[np.searchsorted(layout, some)] = np.nan_to_num(grid)
        found += inside if len(layout) == len(bounds) else _spread(inside, layout, bounds)
    return bounds, times, found


def _histogram(info: SeriesInfo) -> tuple[str, Labels]:
    """Which histogram a bucket is one of."""
    return info.name, tuple(pair for pair in info.labels if pair[0] != "le")


def _layouts(
    infos: Iterable[SeriesInfo], known: Iterable[SeriesInfo],
) -> dict[tuple[str, Labels], tuple[float, ...]]:
    """The upper bounds of each histogram that ``infos`` are buckets of, ascending."""
    told: dict[tuple[str, Labels], set[float]] = {}
    for info in known:
        told.setdefault(_histogram(info), set()).update(_bounds(info))
    found: dict[tuple[str, Labels], set[float]] = {}
    for info in infos:
        histogram = _histogram(info)
        if histogram not in found:
            # What was summed up over labels is of no one known histogram, but of all that agree in the labels it kept.
            alike = [histogram] if histogram in told else [
                one for one in told if set(histogram[1]) <= set(one[1]) and histogram[0] in (one[0], "")
            ]
            found[histogram] = {le for one in alike for le in told[one]}
        found[histogram] |= _bounds(info)
    return {histogram: tuple(sorted(bounds)) for histogram, bounds in found.items()}


def _bounds(info: SeriesInfo) -> frozenset[float]:
    """The bounds that a bucket tells of: its own, of a proxy all there are."""
    le = bound(info.label("le"))
    if math.isnan(le):
        return frozenset()
    return _OF_PROXIES if info.kind == "histogram" and info.label("proxy") else frozenset({le})


def _spread(inside: NDArray[np.float64], layout: Sequence[float], bounds: Sequence[float]) -> NDArray[np.float64]:
    """What is ``inside`` the buckets of ``layout``, (l, c), in those of ``bounds``, (b, c), which hold ``layout``."""
    upper, finite = np.asarray(layout), np.isfinite(bounds)
    ends = np.isfinite(upper)
    below = np.cumsum(inside, axis=0)
    if not ends.any():
        return np.vstack([np.zeros((len(bounds) - 1, inside.shape[1])), inside])
    edge, before = upper[ends], below[ends]
    if edge[0] > 0:
        edge, before = np.insert(edge, 0, 0.0), np.vstack([np.zeros(inside.shape[1]), before])
    up_to = np.tile(below[-1], (len(bounds), 1))
    for column in range(inside.shape[1]):
        up_to[finite, column] = np.interp(np.asarray(bounds)[finite], edge, before[:, column], left=0.0)
    return np.diff(up_to, axis=0, prepend=0.0)
