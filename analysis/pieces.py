"""Grids of values cut into pieces and slid over: what `analysis.departure` is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Wide = NDArray[np.float64]
Ints = NDArray[np.int32]
PIECES, FEW_PIECES = 8, 5
"""Pieces of a window, and of a short one: how finely the past is walked."""
GUARD = 0.25
"""Part of a window, just before it, that is not counted as past: nobody hits the first second of a change."""
MEDIAN_OF = 128
"""Values of which a median is taken: every k-th where there are more."""
SHORT = 12
"""Columns of a piece up to which columns are worked on one after the other."""


def layout(columns: int, window: int) -> tuple[int, int, int, int]:
    """(columns a piece, pieces a window, pieces of guard, pieces in all) for a grid whose last ``window`` columns are
    the chosen window."""
    long = max(1, window // (PIECES if window >= PIECES**2 else FEW_PIECES))
    many = max(1, window // long)
    return long, many, max(1, round(GUARD * many)), columns // long


def medians(values: Wide) -> Wide:
    """Median of each row, NaN left out; of every k-th value where there are many."""
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    few = np.sort(values[:, ::-(-values.shape[1] // MEDIAN_OF)], axis=1)  # NaN comes last
    size = (~np.isnan(few)).sum(1)
    rows = np.arange(len(few))
    middle = (few[rows, np.maximum(size - 1, 0) // 2] + few[rows, np.maximum(size, 1) // 2 * (size > 1)]) / 2
    return np.where(size > 0, middle, np.nan)


def references(value: Floats, there: NDArray[np.bool_]) -> Wide:
    """A value from each row's middle, taken off before squares are summed: totals of bytes have ten digits."""
    first = np.argmax(there, axis=1)
    found = value[np.arange(len(value)), first].astype(np.float64)
    return np.where(np.isnan(found), 0, found)


def changes(value: Floats, there: NDArray[np.bool_], complete: bool, span: Floats | None) -> Floats:
    """Distance of each value from the one before it; for rollups the span of the step is added."""
    held = value
    if not complete:
        rows = np.flatnonzero(~there.all(1))
        last = np.where(there[rows], np.arange(value.shape[1]), 0)
        np.maximum.accumulate(last, axis=1, out=last)
        held = value.copy()
        held[rows] = np.take_along_axis(value[rows], last, axis=1)
    found = np.zeros(value.shape, np.float32)
    np.abs(held[:, 1:] - held[:, :-1], out=found[:, 1:])
    if span is not None:
        found += span
    if not complete:
        np.nan_to_num(found, copy=False)
    return found


def summed(values: Floats, long: int) -> Wide:
    """Sums of each ``long`` columns."""
    if long >= SHORT:
        return values.reshape(len(values), -1, long).sum(-1).astype(np.float64)
    found = values[:, ::long].astype(np.float64)  # adding columns is quicker than many short sums
    for i in range(1, long):
        found += values[:, i::long]
    return found


def counted(there: NDArray[np.bool_], long: int) -> Ints:
    """How many of each ``long`` columns are there."""
    return summed(there.astype(np.float32), long).astype(np.int32)


def reduced(what: np.ufunc, values: Floats, long: int) -> Wide:
    """``what`` (a minimum or maximum) of each ``long`` columns."""
    if long < SHORT:
        found = values[:, ::long].astype(np.float64)
        for i in range(1, long):
            what(found, values[:, i::long], out=found)
        return found
    whole: Wide = what.reduce(values.reshape(len(values), -1, long), -1).astype(np.float64)
    return whole


def slid(pieces: Wide | Ints, many: int) -> Wide:
    """Sums over ``many`` pieces from each piece on."""
    run = np.zeros((len(pieces), pieces.shape[1] + 1))
    np.cumsum(pieces, axis=1, out=run[:, 1:])
    return run[:, many:] - run[:, :-many]
