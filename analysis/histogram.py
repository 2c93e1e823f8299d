"""How values are spread: histograms of values, and histograms that sources keep by buckets of latency."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.frames import Times, bucket, present
from metrics.series import Series

FEWEST, MOST = 20, 80
"""Bins of a histogram; of few values fewer."""
_NICE = (1, 2, 2.5, 5, 10)


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
