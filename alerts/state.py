"""The states of one rule on one series, as a pure machine: inactive, pending, firing, and inactive again.

`alerts.evaluate` does the same for all at once; tests hold the two together.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from alerts.rule import Comparison, NoData

FLAPS: Final = 4
FLAP_WINDOW: Final = 1800.0
"""An alert that began to fire `FLAPS` times in so many seconds is flapping."""
FLAP_QUIET: Final = 600.0
"""A flapping alert is over only when it has been over for so many seconds on end: until then it goes on firing."""


class State(IntEnum):
    """Where it stands."""

    INACTIVE = 0
    PENDING = 1
    FIRING = 2


@dataclass(frozen=True, slots=True)
class Condition:
    """What of a rule the machine goes by; ``limit`` and ``resolve_limit`` in the base unit."""

    comparison: Comparison
    limit: float
    resolve_limit: float
    for_seconds: float = 0.0
    resolve_seconds: float = 0.0
    no_data: NoData = "ok"
    no_data_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Status:
    """One pair's state; times are epoch seconds, NaN for never."""

    state: State = State.INACTIVE
    since: float = math.nan
    """When the comparison began to hold."""
    clear: float = math.nan
    """While firing: since when it is over."""
    seen: float = math.nan
    """When there was a value last."""


def holds(comparison: Comparison, value: float, limit: float) -> bool:
    """Whether ``value`` compares so with ``limit``."""
    return {
        ">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit,
        "==": value == limit, "!=": value != limit,
    }[comparison]


def judged(condition: Condition, status: Status, now: float, value: float | None) -> tuple[bool | None, bool | None]:
    """Whether it is an alert, and whether one that fires goes on; None when that cannot be said now, so that nothing
    changes."""
    if value is not None and not math.isnan(value):
        return (
            holds(condition.comparison, value, condition.limit),
            holds(condition.comparison, value, condition.resolve_limit),
        )
    if now - status.seen < condition.no_data_seconds or condition.no_data == "keep":
        return None, None
    return condition.no_data == "alert", condition.no_data == "alert"


def advance(condition: Condition, status: Status, now: float, value: float | None, flapping: bool = False) -> Status:
    """The state after a tick at ``now``; ``value`` is None where there is none."""
    if math.isnan(status.seen):
        status = replace(status, seen=now)
    # A clock that was set back: nothing can have begun later than now.
    status = replace(
        status, since=min(status.since, now) if status.since == status.since else status.since,
        clear=min(status.clear, now) if status.clear == status.clear else status.clear, seen=min(status.seen, now),
    )
    bad, still = judged(condition, status, now, value)
    if value is not None and not math.isnan(value):
        status = replace(status, seen=now)
    if status.state == State.FIRING:
        return _firing(condition, status, now, still, flapping)
    if bad is None:
        return status
    if not bad:
        return replace(status, state=State.INACTIVE, since=math.nan)
    since = status.since if status.state == State.PENDING else now
    fires = now - since >= condition.for_seconds
    return replace(status, state=State.FIRING if fires else State.PENDING, since=since, clear=math.nan)


def _firing(condition: Condition, status: Status, now: float, still: bool | None, flapping: bool) -> Status:
    if still is None:
        return status
    if still:
        return replace(status, clear=math.nan)
    clear = now if math.isnan(status.clear) else status.clear
    quiet = max(condition.resolve_seconds, FLAP_QUIET) if flapping else condition.resolve_seconds
    if now - clear >= quiet:
        return replace(status, state=State.INACTIVE, since=math.nan, clear=math.nan)
    return replace(status, clear=clear)


class Flaps:
    """Remembers when one alert began to fire, and tells whether it is flapping."""

    def __init__(self, fired: Sequence[float] = ()) -> None:
        self._fired: deque[float] = deque(fired, maxlen=FLAPS)

    def fire(self, now: float) -> bool:
        """It begins to fire; True when that makes it flap."""
        self._fired.append(now)
        return len(self._fired) == FLAPS and now - self._fired[0] <= FLAP_WINDOW

    @property
    def newest(self) -> float:
        """When it began to fire last; 0 when it never did."""
        return self._fired[-1] if self._fired else 0.0
