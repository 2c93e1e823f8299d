"""Which past a window is compared with, and at which resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from analysis.departure import FEWEST_WINDOWS

Kept = Literal["samples", "minutes", "hours"]
Lack = Literal["too_short", "too_old", "too_long", "not_yet"]
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
WINDOWS = 12.25
"""Past of this many windows, one of them the guard's quarter."""
LEAST_PAST = FEWEST_WINDOWS + 0.5
LONGEST: dict[Kept, float] = {"samples": 10 * MINUTE, "minutes": 12 * HOUR, "hours": 90 * DAY}
"""Longest window that is judged at each resolution."""
USUAL_PAST: dict[Kept, float] = {"samples": HOUR, "minutes": 6 * HOUR, "hours": 14 * DAY}
MOST_PAST: dict[Kept, float] = {"samples": 6 * HOUR, "minutes": 36 * HOUR, "hours": 365 * DAY}
FEWEST_COLUMNS = 6
"""Times within a window, at the least."""


class NoWindowError(Exception):
    """The window cannot be judged: why, and the seconds that would do."""

    def __init__(self, lack: Lack, seconds: float) -> None:
        super().__init__(lack)
        self.lack, self.seconds = lack, seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read: epoch seconds, the last ``window`` columns of the grid are the chosen window."""

    source: Kept
    step: float
    past: float
    """Where the past begins that is asked for."""
    start: float
    end: float

    @property
    def columns(self) -> int:
        """Times of the grid."""
        return round((self.end - self.past) / self.step)

    @property
    def window(self) -> int:
        """Times of the chosen window."""
        return round((self.end - self.start) / self.step)


def plan(start: float, end: float, now: float, step: float, raw_from: float) -> Plan:
    """How to judge a window: raw samples while it is short and the ring reaches far enough back, else minutes or hours.

    Raises:
        NoWindowError: it is too short, too long, too old for its length, or has not begun.
    """
    end = min(end, now)
    span = end - start
    if span <= 0:
        raise NoWindowError("not_yet", 0)
    if span > LONGEST["hours"]:
        raise NoWindowError("too_long", LONGEST["hours"])
    if span < FEWEST_COLUMNS * step:
        raise NoWindowError("too_short", FEWEST_COLUMNS * step)
    if span <= LONGEST["samples"] and start - LEAST_PAST * span >= raw_from:
        return _planned("samples", step, start, end, raw_from)
    if span < 0.99 * LONGEST["samples"]:
        raise NoWindowError("too_old" if span * (1 + LEAST_PAST) <= now - raw_from else "too_short", LONGEST["samples"])
    if span <= LONGEST["minutes"]:
        return _planned("minutes", MINUTE, start, end, 0)
    return _planned("hours", HOUR, start, end, 0)


def _planned(source: Kept, step: float, start: float, end: float, oldest: float) -> Plan:
    first, last = round(start / step) * step, round(end / step) * step
    span = last - first
    past = max(min(max(WINDOWS * span, USUAL_PAST[source]), MOST_PAST[source]), LEAST_PAST * span)
    begin = max(first - past, oldest)
    return Plan(source, step, first - math.floor((first - begin) / step + 1e-6) * step, first, last)
