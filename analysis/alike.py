"""Which series moved together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SAME_METRIC, SAME_SOURCE = 0.7, 0.97
"""How alike two shapes are (Pearson's r) of one metric, and of two metrics of one source, that are folded together."""


def alike(
    metrics: Sequence[str], directions: Sequence[str], shapes: NDArray[np.float32], shapeless: Sequence[bool],
) -> list[list[int]]:
    """Places of series in groups that moved together: the same metric with the same shape, such as sixteen cores,
    or metrics of one family that are one another's mirror, such as memory used and free.

    Args:
        metrics: names of their metrics.
        directions: which way each went.
        shapes: (n, k) their course, NaN where absent.
        shapeless: True for those that came or went: their course tells nothing.
    """
    if not metrics:
        return []
    there = ~np.isnan(shapes)
    centred = np.where(there, shapes, 0).astype(np.float64)
    centred = np.where(there, centred - (centred.sum(1) / np.maximum(there.sum(1), 1))[:, None], 0)
    centred /= np.maximum(np.sqrt((centred**2).sum(1)), 1e-30)[:, None]
    likeness = centred @ centred.T
    names, ways = np.array(metrics), np.array(directions)
    families = np.array([name.split("_")[0] for name in metrics])
    free = np.ones(len(metrics), bool)
    groups = []
    for place in range(len(metrics)):
        if not free[place]:
            continue
        same = (names == names[place]) & (ways == ways[place]) & (likeness[place] >= SAME_METRIC)
        if shapeless[place]:  # no shape: what comes or goes with it is of its family
            same = (families == families[place]) & (ways == ways[place])
        else:
            same |= (families == families[place]) & (np.abs(likeness[place]) >= SAME_SOURCE)
        same &= free
        same[place] = True
        free &= ~same
        groups.append([place, *[int(other) for other in np.flatnonzero(same) if other != place]])
    return groups
