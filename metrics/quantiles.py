"""Quantiles of what lies in buckets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def quantile(q: float, bounds: Sequence[float], inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ``q`` quantile of each column of ``inside`` (b, c), as Prometheus' ``histogram_quantile`` estimates it.

    ``bounds`` must be those of empty buckets too (see `analysis.histogram.all_buckets`): within a bucket values are
    taken as evenly spread, from the bound before it (0 before the first, unless that is negative) to its own. In the
    bucket without an upper bound it is the highest bound there is. NaN for a column without an observation, and where
    there are no two buckets.
    """
    columns = inside.shape[1] if inside.ndim == 2 else 0
    if len(bounds) < 2:
        return np.full(columns, np.nan)
    upper = np.asarray(bounds, np.float64)
    lower = np.concatenate([[min(0.0, upper[0])], upper[:-1]])
    below = np.cumsum(np.nan_to_num(inside), axis=0)
    total = below[-1]
    rank = q * total
    at = np.minimum((below < rank).sum(axis=0), len(bounds) - 1)
    column = np.arange(columns)
    here = np.nan_to_num(inside)[at, column]
    before = below[at, column] - here
    share = np.divide(rank - before, here, out=np.zeros(columns), where=here > 0)
    last = np.where(np.isinf(upper[at]), lower[at], upper[at])
    found = np.where(np.isinf(upper[at]), lower[at], lower[at] + (last - lower[at]) * np.clip(share, 0, 1))
    first_negative = (at == 0) & (upper[0] <= 0)
    found = np.where(first_negative, upper[0], found)
    return np.where(total > 0, found, np.nan)
