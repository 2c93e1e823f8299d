"""How far series departed, in a window, from their own past: arrays in, arrays out.

The statistic. The past is walked with a window as long as the one that was chosen, a piece at a time. Where that
sliding window stood, five numbers say what it saw: its mean (*level*), the mean against the one just before (*step*),
the mean change from one value to the next (*roughness*), its highest and its lowest value (*peak*, *dip*). Each is
compared with what the same number did in the series' own past: the *swing* is the largest distance from its median
that any past window reached, and the *departure* is the chosen window's distance in swings. A departure of 1 is what
has been seen before; no assumption on the shape or the independence of the values is needed for that, because past and
present are windows of the same length: what makes neighbouring seconds alike makes past windows swing as far.

Why not a test that counts seconds: Kolmogorov and Smirnov's (which Netdata's Metric Correlations runs on a baseline of
four windows) and Mann and Whitney's take neighbouring values for independent, and every slow curve for a change.
Comparing block with block is what Ibragimov and Muller (2010, "t-Statistic Based Correlation and Heterogeneity Robust
Inference", JBES 28) do for dependent data; the rank among windows of one's own past is conformal prediction's
(Vovk, Gammerman and Shafer, 2005). A rank among a dozen past windows cannot reach the small probabilities that
thousands of series need, so the tail beyond the largest is taken from the normal law (`bound`), and never below
`LEAST`.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analysis.pieces import Floats, Ints, Wide, changes, counted, layout, medians, reduced, references, slid, summed

FEWEST_WINDOWS = 4
"""Past windows without which nothing is said."""
FALSE_ALARMS = 0.05
"""Searches in which pure noise may show anything at all."""
LEAST = 3.5
"""Swings that are always needed: what is more often seen among bursts, counts and heavy tails."""
STEP_PART = 1.25
"""A level counts at most this many times its step."""
PEAK_PART = 0.85
"""Of the bound: what a peak needs, because it is measured against all values of the past."""
PEAK = 1.6
"""How much longer the logarithm of a peak must be than that of the past's highest: heavy tails need more."""
MOST = 99.0
"""Swings beyond which more says nothing: of a past that never moved any change is endless swings away."""
STATISTICS = 5
THIN = 0.25
"""A window with fewer than this share of its usual values is a gap."""
_MOST_WINDOWS = 64
_LEVEL_FLOOR = 0.02
"""Of the values' own standard deviation: no one sees a smaller change of level."""
_ROUGH_FLOOR = math.log(1.15)

LEVEL, STEP, ROUGH, PEAKED, DIPPED = range(STATISTICS)


@dataclass(frozen=True, slots=True)
class Departures:
    """Of each series (n,): how far it went, and in what. Everything is in the series' own unit.

    ``far`` (n, STATISTICS) are departures divided by their bound: 1 and more stands out; 0 where nothing can be said.
    ``swings`` likewise, as departures. ``sign`` (n, STATISTICS) is their direction.
    """

    far: Wide
    swings: Wide
    sign: NDArray[np.int8]
    windows: NDArray[np.int64]
    """Past windows without overlap that there were."""
    level: Wide
    """Mean of the chosen window."""
    low: Wide
    """The lowest mean of a past window, and the highest."""
    high: Wide
    step_from: Wide
    """Mean of the window just before."""
    rough: Wide
    rough_low: Wide
    rough_high: Wide
    peak: Wide
    """Highest value of the chosen window; ``peak_before`` of all the past. Likewise dips."""
    peak_before: Wide
    dip: Wide
    dip_before: Wide
    count: Ints
    """Values per piece (n, pieces)."""
    shape: NDArray[np.float32]
    """Mean per piece (n, pieces); NaN where there was none."""


@lru_cache(maxsize=1)
def _normal() -> tuple[Wide, Wide, Wide, Wide]:
    """Sizes of a standard normal value, the probability to stay within each, and a table of the logarithm of the
    probability to go beyond."""
    at, far = np.linspace(1e-3, 8, 800), np.linspace(0, 36, 3000)
    within = np.array([math.erf(size / math.sqrt(2)) for size in at])
    return at, within, far, np.array([math.log(math.erfc(size / math.sqrt(2))) for size in far])


@lru_cache(maxsize=1024)
def bound(windows: int, chance: float) -> float:
    """Departure that a standard normal window exceeds with probability ``chance`` when its swing is the largest of
    ``windows`` independent ones: the bound for that many past windows, `LEAST` or more."""
    at, within, far, beyond = _normal()
    weight = np.diff(within**windows, prepend=0)
    low, high = 1.0, 1e6
    while high / low > 1.0001:
        middle = math.sqrt(low * high)
        tail = float((weight * np.exp(np.interp(middle * at, far, beyond, right=-700.0))).sum())
        low, high = (middle, high) if tail > chance else (low, middle)
    return max(high, LEAST)


def bounds(series: int) -> Wide:
    """The bound by number of past windows, for a search among ``series`` series: so that a search of pure noise shows
    nothing in all but `FALSE_ALARMS` of its runs."""
    # To the next power of two, so that bounds are made once and not anew with each series that comes or goes.
    chance = FALSE_ALARMS / (STATISTICS * 2 ** math.ceil(math.log2(max(series, 64))))
    found = np.full(_MOST_WINDOWS + 1, LEAST)
    found[:FEWEST_WINDOWS] = math.inf
    for windows in range(FEWEST_WINDOWS, _MOST_WINDOWS + 1):
        found[windows] = bound(windows, chance)
        if found[windows] <= LEAST:
            break
    return found


def departures(
    value: Floats, window: int, floor: Floats, limits: Wide, low: Floats | None = None, high: Floats | None = None,
) -> Departures:
    """Judges series laid on one grid of times.

    Args:
        value: (n, columns), NaN where absent; the last ``window`` columns are the chosen window.
        window: its columns, at least 2.
        floor: (n,) the smallest swing of a mean or a value that matters, in the series' unit.
        limits: `bounds` of the whole search.
        low: for rollups the lowest value of each cell; ``high`` likewise.
    """
    long, many, guard, whole = layout(value.shape[1], window)
    cut = value.shape[1] - long * whole
    value = value[:, cut:]
    low, high = (value if part is None else part[:, cut:] for part in (low, high))
    past = max(whole - many - guard, 0)
    there = ~np.isnan(value)
    complete = bool(there.all())
    base = references(value, there)
    centred = (value - base[:, None]).astype(np.float32)
    if not complete:
        centred[~there] = 0
    count = np.full((len(value), whole), long, np.int32) if complete else counted(there, long)
    total = summed(centred, long)
    square = summed(centred * centred, long)
    change = summed(changes(value, there, complete, None if low is high else high - low), long)
    top = reduced(np.maximum, np.where(there, high, -np.inf) if not complete else high, long)
    bottom = reduced(np.minimum, np.where(there, low, np.inf) if not complete else low, long)

    usual = np.maximum(count.max(1, initial=0), 1)
    present = count[:, :past] >= THIN * usual[:, None]
    windows = np.minimum(present.sum(1) // many, _MOST_WINDOWS)
    numbers = slid(count, many)
    enough = numbers >= np.maximum(THIN * numbers.max(1, initial=0), 1)[:, None]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        mean = np.where(enough, slid(total, many) / numbers, np.nan)
        rough = np.where(enough, slid(change, many) / numbers, np.nan)
        n = np.maximum(count[:, :past].sum(1), 1)
        average = total[:, :past].sum(1) / n
        deviation = np.sqrt(np.maximum(square[:, :past].sum(1) / n - average**2, 0))
        found = _compared(mean, rough, many, guard, past, deviation, np.asarray(floor, np.float64),
                          top, bottom, base)
        shape = np.where(count > 0, total / count + base[:, None], np.nan).astype(np.float32)
    swings, sign, facts = found
    swings = np.minimum(swings, MOST)
    limit = limits[windows]
    # What wanders slowly leaves the level of its past now and then, but not at once: a level needs a step.
    swings[:, LEVEL] = np.fmin(swings[:, LEVEL], STEP_PART * swings[:, STEP])
    far = swings / limit[:, None]
    # A peak is measured against every value of the past, not against a few windows: it needs less.
    far[:, PEAKED:] = np.minimum(swings[:, PEAKED:] / np.maximum(LEAST, PEAK_PART * limit)[:, None],
                                 facts.pop("tails") / PEAK)
    far[~np.isfinite(far) | (limit == np.inf)[:, None]] = 0
    swings[~np.isfinite(swings)] = 0
    return Departures(far, swings, sign, windows, count=count, shape=shape, **facts)


def _compared(
    mean: Wide, rough: Wide, many: int, guard: int, past: int, deviation: Wide, floor: Wide, top: Floats,
    bottom: Floats, base: Wide,
) -> tuple[Wide, NDArray[np.int8], dict[str, Wide]]:
    """Departures and their signs (n, STATISTICS), and what `Departures` tells besides. ``mean`` and ``rough`` are those
    of windows that begin at each piece, the last of them the chosen one."""
    places = max(past - many + 1, 0)
    before, now = mean[:, :places], mean[:, -1]
    least = np.maximum(floor, _LEVEL_FLOOR * deviation)
    level, level_off, centre = _swings(before, now, least)
    apart = many + guard
    steps = mean[:, apart:] - mean[:, :-apart] if mean.shape[1] > apart else np.full((len(mean), 1), np.nan)
    step, step_off, _ = _swings(steps[:, :max(places - apart, 0)], steps[:, -1], least)
    # Added to what is compared, so that a change from nothing to little is little.
    fine = np.maximum(floor, 1e-6 * deviation)[:, None]
    rugged = rough + np.maximum(fine, 1e-30)
    logs, least_log = np.log(rugged), np.full(len(mean), _ROUGH_FLOOR)
    by_factor, rough_off, _ = _swings(logs[:, :places], logs[:, -1], least_log)
    # As a difference too: to a stop, any factor is endless.
    by_amount, _, _ = _swings(rugged[:, :places], rugged[:, -1], _ROUGH_FLOOR * medians(rugged[:, :places]))
    roughness = np.minimum(by_factor, by_amount)
    highest, lowest = top[:, :past].max(1, initial=-np.inf) - base, bottom[:, :past].min(1, initial=np.inf) - base
    peak, dip = top[:, -many:].max(1) - base, bottom[:, -many:].min(1) - base
    up, up_tail = _peaked(peak - centre, highest - centre, least, deviation)
    down, down_tail = _peaked(centre - dip, centre - lowest, least, deviation)
    swings = np.stack([level, step, roughness, up, down], 1)
    ones = np.ones_like(level)
    sign = np.stack([np.sign(level_off), np.sign(step_off), np.sign(rough_off), ones, -ones], 1)
    facts = {
        "level": now + base, "low": np.fmin.reduce(before, 1, initial=np.nan) + base,
        "high": np.fmax.reduce(before, 1, initial=np.nan) + base,
        "step_from": mean[:, past - many] + base if past >= many else np.full_like(now, np.nan),
        "rough": rough[:, -1], "rough_low": np.fmin.reduce(rough[:, :places], 1, initial=np.nan),
        "rough_high": np.fmax.reduce(rough[:, :places], 1, initial=np.nan),
        "peak": peak + base, "peak_before": highest + base, "dip": dip + base, "dip_before": lowest + base,
        "tails": np.stack([up_tail, down_tail], 1),
    }
    return swings, np.nan_to_num(sign).astype(np.int8), facts


def _swings(past: Wide, now: Wide, least: Wide) -> tuple[Wide, Wide, Wide]:
    """Distance of ``now`` from the median of ``past`` (n, k) in swings, the signed distance, and the median."""
    if not past.shape[1]:
        nothing = np.full(len(now), np.nan)
        return nothing, nothing, nothing
    centre = medians(past)
    off = now - centre
    swing = np.fmax.reduce(np.abs(past - centre[:, None]), 1)
    return np.abs(off) / np.maximum(np.maximum(swing, least), 1e-30), off, centre


def _peaked(now: Wide, past: Wide, least: Wide, deviation: Wide) -> tuple[Wide, Wide]:
    """A peak's height over the past's highest, both over the centre, and the same of their logarithms."""
    unit = np.maximum(np.maximum(deviation, least), 1e-30)
    swings = now / np.maximum(np.maximum(past, least), 1e-30)
    tails = np.log1p(np.maximum(now, 0) / unit) / np.maximum(np.log1p(np.maximum(past, 0) / unit), math.log(2))
    return np.maximum(swings, 0), np.maximum(tails, 0)
