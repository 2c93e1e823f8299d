"""Arrays on their way into a figure; what is computed from series is in `analysis`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.frames import Times, Values


def plain(values: NDArray[np.floating], scale: float) -> list[float | None]:
    """A row as JSON numbers: scaled, five significant digits at most, NaN as None."""
    scaled = values.astype(np.float64) * scale
    top = np.nanmax(np.abs(scaled), initial=0.0, where=~np.isnan(scaled))
    digits = 3 if top < 1000 else 1
    rounded: list[float | None] = np.round(scaled, digits).tolist()
    for i in np.flatnonzero(np.isnan(scaled)):
        rounded[int(i)] = None
    return rounded


def close_gaps(t: Times, values: Values) -> tuple[Times, Values, list[int]]:
    """For stacked areas, whose fill Plotly draws across a gap: down to 0 right after the last value before it, up
    again right before the first one after it, so that nothing is filled in between.

    Returns the times, the values, and the places of those zeros, which are no values.
    """
    absent = np.all(np.isnan(values), axis=0) if values.size else np.zeros(len(t), bool)
    there = np.flatnonzero(~absent)
    if there.size == len(t) or there.size == 0:
        return t[there], values[:, there], []
    breaks = np.flatnonzero(np.diff(there) > 1)
    at = np.repeat(breaks + 1, 2)
    times = np.column_stack([t[there[breaks]] + 1, t[there[breaks + 1]] - 1]).ravel()
    filled = np.insert(values[:, there], at, 0.0, axis=1)
    places = (at + np.arange(len(at))).tolist()
    return np.insert(t[there], at, times), filled, places
