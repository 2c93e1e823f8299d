"""How many more requests a second before a latency breaks its limit, from what was measured.

The model is that of a server with a queue: with requests arriving at rate ``x`` the mean time in the system is
``s / (1 - x / mu)`` (M/M/1, Kleinrock, Queueing Systems I, 1975, 3.2), so that one over the latency falls in a straight
line with the rate: ``1/L = a - b x``. A line is fitted to the measured pairs by Theil and Sen's slopes, which single
outliers do not turn, and the rate at which it meets ``1/limit`` is the capacity. How sure that is comes from fitting
random halves of the pairs again (the 10th and 90th percentile of the rates found).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 20
"""Pairs below which nothing is said."""
SPREAD = 1.5
"""The busiest tenth must be so many times as busy as the quietest: a point is no curve."""
ROUNDS = 200
MOST = 400
"""Pairs that a line is fitted to; of more so many, evenly over the rates."""
FARTHEST = 4.0
"""Capacities beyond so many times the highest measured rate are not told: that far no line is to be trusted."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Requests a second at which the limit is met, and the rate that was highest in what was measured.

    ``low`` and ``high`` are where 80 of 100 fits of random halves put it. ``beyond`` is True when the limit lies
    farther than the measurements can tell: ``rate`` is then a lower bound.
    """

    rate: float
    low: float
    high: float
    measured: float
    pairs: int
    line: tuple[float, float]
    """What was fitted: one over the latency (1/s) is the first number plus the second times the rate."""
    beyond: bool = False


def capacity(rates: Sequence[float], latencies: Sequence[float], limit: float) -> Capacity | None:
    """The rate at which ``latencies`` (seconds, (n,)) measured at ``rates`` (requests a second, (n,)) would meet
    ``limit`` (seconds). A latency may be infinite: what never came. None where there is not enough to say: few pairs,
    or all at about the same rate.

    Raises:
        ValueError: the limit is not above 0, or the columns differ in length.
    """
    x, y = np.asarray(rates, np.float64), np.asarray(latencies, np.float64)
    if limit <= 0 or x.shape != y.shape:
        raise ValueError(f"a limit above 0 and columns of one length; given {limit}, {x.shape} and {y.shape}")
    good = np.isfinite(x) & ~np.isnan(y) & (x > 0) & (y > 0)
    x, y = x[good], y[good]
    if x.size < FEWEST or np.percentile(x, 90) < SPREAD * np.percentile(x, 10):
        return None
    inverse, top = 1 / y, float(x.max())
    most = FARTHEST * top
    slope, level = _line(x, inverse)
    found = _meets(slope, level, limit)
    random = np.random.default_rng(0)
    halves = [random.choice(x.size, x.size // 2, replace=False) for _ in range(ROUNDS)]
    rates_of_halves = [min(_meets(*_line(x[half], inverse[half]), limit), most) for half in halves]
    low, high = (float(v) for v in np.percentile(rates_of_halves, (10, 90)))
    beyond = found > most
    return Capacity(min(found, most), low, most if beyond else high, top, int(x.size), (level, slope), beyond)


def _meets(slope: float, level: float, limit: float) -> float:
    """Where a line comes down to ``1/limit``; infinite where it does not fall."""
    if level <= 1 / limit:
        return 0.0
    return (level - 1 / limit) / -slope if slope < 0 else float("inf")


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and value at 0 of the line by Theil (1950) and Sen (1968): medians over all pairs."""
    if x.size > MOST:
        pick = np.linspace(0, x.size - 1, MOST).astype(np.int64)
        order = np.argsort(x)
        x, y = x[order][pick], y[order][pick]
    i, j = np.triu_indices(x.size, 1)
    apart = x[j] - x[i]
    there = np.abs(apart) > 1e-12
    slope = float(np.median((y[j] - y[i])[there] / apart[there])) if there.any() else 0.0
    return slope, float(np.median(y - slope * x))
