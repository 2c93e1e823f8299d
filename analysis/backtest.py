"""When a condition would have fired on past values: the alert engine's machine on whole arrays. Pure.

Times are epoch seconds on a regular grid, or nearly so; a place without a value is NaN. Of rollups each place stands
for its step: then ``low`` and ``high`` tell what lay between, and a condition that must hold for a step or longer holds
only where the whole step fulfils it, while a shorter one is met by any moment of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Comparison = Literal[">", ">=", "<", "<=", "==", "!="]
Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]
_COMPARE: dict[str, Callable[[Any, float], Any]] = {
    ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal,
}
CANDIDATES = 64
"""Thresholds that `suggest` tries in its first round."""
MOST_FIRING = 0.05
"""Share of the time that a suggested threshold may have fired."""
DAY = 86400.0
LEAST_HISTORY = 3600.0
"""Seconds of values below which nothing is suggested."""


@dataclass(frozen=True, slots=True)
class Condition:
    """When it fires and when it is over; see `alerts.rule.Rule`. Having fired ``flaps`` times within ``flap_window`` it
    is over only after ``flap_quiet`` seconds; 0: never so."""

    comparison: Comparison
    limit: float
    resolve_limit: float
    for_seconds: float = 0.0
    resolve_seconds: float = 0.0
    no_data: Literal["ok", "keep", "alert"] = "ok"
    no_data_seconds: float = 60.0
    flaps: int = 0
    flap_window: float = 1800.0
    flap_quiet: float = 600.0


@dataclass(frozen=True, slots=True)
class Samples:
    """Past values of one series; ``low`` and ``high`` only of rollups."""

    t: Floats
    value: Floats
    low: Floats | None = None
    high: Floats | None = None
    step: Floats | None = None
    """Seconds that each place stands for; None: moments."""


Span = tuple[float, float | None]
"""From firing to resolved; None: it still fires at the end."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How often and how long, over all series."""

    alerts: int
    seconds: float
    longest: float
    """Of the longest alert, in seconds."""


def spans(condition: Condition, samples: Samples) -> list[Span]:
    """When ``condition`` would have fired, oldest first."""
    t = samples.t
    if not t.size:
        return []
    bad, good, still, over = _judged(condition, samples)
    fires = bad & (t - _began(t, bad, good) >= condition.for_seconds)
    since_over = _began(t, over, still)
    ends = over & (t - since_over >= condition.resolve_seconds)
    calm = over & (t - since_over >= max(condition.resolve_seconds, condition.flap_quiet))
    return _walk(condition, t, np.flatnonzero(fires), np.flatnonzero(ends), np.flatnonzero(calm))


def _walk(
    condition: Condition, t: Floats, fires: NDArray[np.int64], ends: NDArray[np.int64], calm: NDArray[np.int64],
) -> list[Span]:
    """The spans between the places where it may begin to fire and those where it may be over."""
    found: list[Span] = []
    at = -1
    while True:
        next_fire = int(np.searchsorted(fires, at, side="right"))
        if next_fire == fires.size:
            return found
        start = int(fires[next_fire])
        began = [span[0] for span in found[1 - condition.flaps:]] if condition.flaps > 1 else []
        flapping = 0 < condition.flaps == len(began) + 1 and t[start] - began[0] <= condition.flap_window
        places = calm if flapping else ends
        next_end = int(np.searchsorted(places, start, side="right"))
        if next_end == places.size:
            found.append((float(t[start]), None))
            return found
        at = int(places[next_end])
        found.append((float(t[start]), float(t[at])))


def _judged(condition: Condition, samples: Samples) -> tuple[Flags, Flags, Flags, Flags]:
    """For each place whether it is an alert, surely none; whether one that fires goes on, is surely over. Where neither
    can be said, nothing changes."""
    compare, t = _COMPARE[condition.comparison], samples.t
    present = np.isfinite(samples.value)
    seen = np.where(present, t, -np.inf)
    seen = np.maximum(np.maximum.accumulate(seen), t[0])  # one that never had a value is waited for from the start
    gone = ~present & (t - seen >= condition.no_data_seconds)
    if condition.no_data == "keep":
        gone[:] = False
    alarm = gone if condition.no_data == "alert" else np.zeros_like(gone)
    with np.errstate(invalid="ignore"):
        bad = compare(_side(condition, samples, condition.for_seconds, hardest=True), condition.limit)
        still = compare(_side(condition, samples, condition.resolve_seconds, hardest=False), condition.resolve_limit)
        still |= bad
    known = present | gone
    bad = (present & bad) | alarm
    still = (present & still) | alarm
    return bad, known & ~bad, still, known & ~still


def _side(condition: Condition, samples: Samples, seconds: float, *, hardest: bool) -> Floats:
    """The value of each place that counts: of a step the one that makes the condition hardest (or easiest) to meet when
    it must be met for the whole step, else the other."""
    if samples.low is None or samples.high is None or samples.step is None or condition.comparison in ("==", "!="):
        return samples.value
    rising = condition.comparison in (">", ">=")
    hard, easy = (samples.low, samples.high) if rising else (samples.high, samples.low)
    whole = seconds >= samples.step
    return np.where(whole, hard, easy) if hardest else np.where(whole, easy, hard)


def _began(t: Floats, holds: Flags, breaks: Flags) -> Floats:
    """For each place when the run it lies in began: the first place that holds since the last one that breaks."""
    places = np.arange(t.size)
    broken = np.maximum.accumulate(np.where(breaks, places, -1))
    following = np.append(np.where(holds, places, t.size), t.size)
    first = np.minimum.accumulate(following[::-1])[::-1]  # the next place that holds, from each place on
    begun = first[broken + 1]
    return np.where(begun < t.size, t[np.minimum(begun, t.size - 1)], np.inf)


def summary(found: Sequence[Sequence[Span]], end: float) -> Summary:
    """Over the spans of several series; those that still fire last until ``end``."""
    lasted = [(end if stop is None else stop) - start for one in found for start, stop in one]
    return Summary(len(lasted), float(sum(lasted)), float(max(lasted, default=0.0)))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A threshold out of the past. ``limit`` is None when there is too little of it; ``most`` were wanted a day,
    ``alerts`` would have come over ``days``."""

    limit: float | None
    alerts: int
    days: float
    most: float


def suggest(condition: Condition, series: Sequence[Samples], most: float = 1.0) -> Suggestion:
    """The threshold nearest to the usual values with which, and with every one beyond it, the past would have given at
    most ``most`` alerts a day, over all series: rounded away from the usual values to two digits.

    Nor may it have fired for more than `MOST_FIRING` of the time: what always fires is one alert, too.

    Quantiles of all values and the extremes are tried, then a finer row between the last that is too near and the
    first that is not. Counting whole alerts, not values, makes it robust: a spike shorter than ``for_seconds`` does
    not count.
    """
    values, times = (
        np.concatenate([getattr(s, column)[np.isfinite(s.value)] for s in series] or [np.empty(0)])
        for column in ("value", "t")
    )
    first, last = (float(times.min()), float(times.max())) if times.size else (0.0, 0.0)
    days = (last - first) / DAY
    if values.size < 10 or last - first < LEAST_HISTORY or condition.comparison in ("==", "!="):
        return Suggestion(None, 0, days, most)
    rising = condition.comparison in (">", ">=")
    margin = condition.limit - condition.resolve_limit
    share = margin / abs(condition.limit) if condition.limit else 0.0
    allowed = math.floor(most * days + 0.5)

    longest = MOST_FIRING * (last - first) * len(series)

    def told(limit: float) -> Summary:
        moved = Condition(
            condition.comparison, limit, limit - share * abs(limit), condition.for_seconds, condition.resolve_seconds,
            "keep", condition.no_data_seconds, condition.flaps, condition.flap_window, condition.flap_quiet,
        )
        return summary([spans(moved, one) for one in series], last)

    def quiet(limit: float) -> bool:
        found = told(limit)
        return found.alerts <= allowed and found.seconds <= longest

    shares = 1 - np.geomspace(0.5, 0.5 / values.size, CANDIDATES)
    row = np.unique(np.quantile(values, shares if rising else 1 - shares))
    beyond = _beyond(series, rising)
    limit = _nearest(np.append(row if rising else row[::-1], beyond), quiet)
    limit = _nearest(np.linspace(limit[0], limit[1], 9), quiet)
    chosen = _rounded(limit[1], up=rising)
    if not quiet(chosen):
        chosen = _rounded(chosen, up=rising, steps=1)
    return Suggestion(chosen, told(chosen).alerts, days, most)


def _beyond(series: Sequence[Samples], rising: bool) -> float:
    """A little past the worst value there was."""
    columns = [(s.high if rising else s.low) for s in series]
    worst = [np.nanmax(c) if rising else np.nanmin(c) for s, given in zip(series, columns, strict=True)
             if (c := s.value if given is None else given).size and np.isfinite(c).any()]
    value = float(max(worst) if rising else min(worst))
    return math.nextafter(value, math.inf if rising else -math.inf)


def _nearest(row: Floats, quiet: Callable[[float], bool]) -> tuple[float, float]:
    """Of a row that leads away from the usual values: the last that is not quiet, and the first after it."""
    place = len(row) - 1
    while place > 0 and quiet(float(row[place - 1])):
        place -= 1
    return float(row[max(place - 1, 0)]), float(row[place])


def _rounded(value: float, *, up: bool, steps: int = 0) -> float:
    """To two digits, away from the usual values, and so many ``steps`` further; what is short already stays."""
    if value == 0 or not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    places = value / unit
    rounded = math.ceil(places - 1e-9) + steps if up else math.floor(places + 1e-9) - steps
    return float(f"{rounded * unit:.12g}")
