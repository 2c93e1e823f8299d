"""Whether a series' values were there: what stopped in a window, and what appeared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.departure import FEWEST_WINDOWS
from analysis.pieces import slid

FEWEST = 3
"""Values that a series has in a window, or should have, to be judged."""
BOUND = 5.0
"""Swings of the share of values that are there, from which on a series stands out."""
SWING = 0.05
"""The least swing of that share."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Of each series (n,): 1 and more stands out; the share of its values that is there now, and its usual one."""

    far: NDArray[np.float64]
    now: NDArray[np.float64]
    before: NDArray[np.float64]


def presence(
    count: NDArray[np.int32], every: NDArray[np.float64], long: int, many: int, guard: int,
) -> tuple[Presence, NDArray[np.bool_]]:
    """Judges whether values were there, and tells which series have been gone all the time.

    Where no series at all has values Vigie itself did not run, and that is no one's stop.

    Args:
        count: values of each series in each piece (n, pieces); the last ``many`` pieces are the chosen window.
        every: columns between a series' values at the slowest (n,).
        long: columns of a piece.
        many: pieces of a window.
        guard: pieces before it that are not past.
    """
    share = np.minimum(count.max(0, initial=0), long) / long
    for slow in (every > 1, every <= 1):
        if slow.any():  # a piece without a value of a slow series is no gap: its neighbours' say that Vigie ran
            share = np.maximum(share, np.minimum(count[slow] * every[slow, None] / long, 1).max(0, initial=0))
    past = count.shape[1] - many - guard
    ran = slid(share[None, :], many)[0]
    usable = np.append(ran[:past - many + 1] >= many / 2, ran[-1] >= many / 2) if past >= many else np.zeros(1, bool)
    nothing = np.zeros(len(count))
    gone = np.asarray(count.max(1, initial=0) == 0)
    if usable[:-1].sum() < FEWEST_WINDOWS * many - many + 1 or not usable[-1]:
        return Presence(nothing, nothing, nothing), gone
    # Whoever has a value in every cell needs no closer look.
    rows = np.flatnonzero((count < long).any(1) & (every * FEWEST <= many * long))
    far, now, before = nothing.copy(), nothing + 1, nothing + 1
    if rows.size:
        there = slid(count[rows], many) * every[rows, None]
        there = np.minimum(there / np.maximum(ran * long, 1e-9), 1)
        old = there[:, :past - many + 1][:, usable[:-1]]
        before[rows], now[rows] = np.median(old, 1), there[:, -1]
        least = np.maximum(SWING, 1.5 * every[rows] / (many * long))
        swing = np.maximum(np.abs(old - before[rows, None]).max(1), least)
        far[rows] = np.abs(now[rows] - before[rows]) / swing / BOUND
    return Presence(far, now, before), gone
