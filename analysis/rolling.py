"""Functions over a window that ends at each place of a regular grid. Pure; NaN is a place without a value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def mean(values: Values, count: int) -> Values:
    """Mean of the ``count`` places up to each, of those with a value."""
    present = np.isfinite(values)
    total = _sum(np.where(present, values, 0.0), count)
    many = _sum(present.astype(np.float64), count)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(many > 0, total / many, np.nan)


def total(values: Values, count: int) -> Values:
    """Sum of the ``count`` places up to each; NaN where none has a value."""
    present = np.isfinite(values)
    found = _sum(np.where(present, values, 0.0), count)
    return np.where(_sum(present.astype(np.float64), count) > 0, found, np.nan)


def lowest(values: Values, count: int) -> Values:
    """The lowest of the ``count`` places up to each."""
    return -highest(-values, count)


def highest(values: Values, count: int) -> Values:
    """The highest of the ``count`` places up to each: by doubling, so that a long window costs little more."""
    found, width = values.copy(), 1
    while width * 2 <= count:
        found = _later(found, width)
        width *= 2
    return _later(found, count - width) if count > width else found


def growth(values: Values, count: int) -> Values:
    """How much each place has grown over the one ``count`` places before it; NaN where there is none so old."""
    found = np.full_like(values, np.nan)
    if count < len(values):
        found[count:] = values[count:] - values[:-count]
    return found


def held(values: Values, count: int) -> Values:
    """Each value held for up to ``count`` places after it."""
    places = np.arange(len(values))
    last = np.maximum.accumulate(np.where(np.isfinite(values), places, -1))
    found: Values = np.where((last >= 0) & (places - last <= count), values[np.maximum(last, 0)], np.nan)
    return found


def _later(values: Values, by: int) -> Values:
    found = values.copy()
    if by < len(values):
        found[by:] = np.fmax(values[by:], values[:-by])
    return found


def _sum(values: Values, count: int) -> Values:
    sums = np.concatenate(([0.0], np.cumsum(values)))
    places = np.arange(1, len(values) + 1)
    found: Values = sums[places] - sums[np.maximum(places - count, 0)]
    return found
