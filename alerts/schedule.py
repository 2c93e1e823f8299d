"""When a channel sends what waits for it: hours, digest, grouping, rate and back-off. Pure: the clock is a parameter.

What waits is never dropped here, only put off: what comes together, or was put off together, becomes one message.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from config.dashboard import Channel

HOUR = 3600.0
MOST_TOGETHER = 50
"""Deliveries of one message at most; the rest comes in the next."""
FIRST_RETRY, LONGEST_RETRY = 5.0, 900.0
"""Seconds before the second attempt, and between any two."""
GIVE_UP = 86_400.0
"""Seconds after which a message that is not taken is given up."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that waits, as far as the schedule knows it."""

    id: int
    created: float
    group: str
    """What belongs together: a server and a kind of alert."""
    message: str = ""
    """Key of the message it was tried in, which is tried again as it was; empty before."""
    retry: float = 0.0
    """Not before then, when it was tried."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now: send ``batch`` (ids, in their order) as one message, or look again at ``wake``."""

    batch: tuple[int, ...] = ()
    wake: float | None = None


def plan(channel: Channel, group_seconds: float, waiting: Sequence[Waiting], sent: Sequence[float], now: float) -> Plan:
    """What a channel does at ``now``.

    Args:
        channel: its settings.
        group_seconds: how long a first alert waits for others.
        waiting: its deliveries, oldest first.
        sent: when it sent its messages of the last hour, oldest first.
        now: epoch seconds.
    """
    if not waiting:
        return Plan()
    tried = [one for one in waiting if one.message]
    if tried:  # exactly as it was tried: a receiver may know its key already
        first = tried[0]
        wake = _open_from(channel, opening(channel, max(first.retry, _allowed(channel, sent, now))), now)
        if wake > now:
            return Plan(wake=wake)
        return Plan(tuple(one.id for one in tried if one.message == first.message))
    oldest = waiting[0]
    ready = oldest.created + (channel.digest_minutes * 60.0 if channel.digest_minutes else group_seconds)
    ready = opening(channel, ready)
    at = max(ready, _allowed(channel, sent, now))
    at = opening(channel, at)
    wake = _open_from(channel, at, now)
    if wake > now:
        return Plan(wake=wake)
    free = channel.per_hour - sum(1 for t in sent if t > now - HOUR)
    together = (
        channel.digest_minutes > 0
        or opening(channel, oldest.created) > oldest.created  # came outside the hours: summed up
        or len({one.group for one in waiting}) > free
        or ready < at  # was put off by the rate
    )
    batch = waiting if together else [one for one in waiting if one.group == oldest.group]
    return Plan(tuple(one.id for one in batch[:MOST_TOGETHER]))


def _open_from(channel: Channel, at: float, now: float) -> float:
    """``at``, or where that is past, when the channel may send from now on: its hours may have ended in between."""
    return at if at > now else opening(channel, now)


def _allowed(channel: Channel, sent: Sequence[float], now: float) -> float:
    """When the rate allows one more message."""
    recent = [t for t in sent if t > now - HOUR]
    return 0.0 if len(recent) < channel.per_hour else recent[-channel.per_hour] + HOUR


def opening(channel: Channel, at: float) -> float:
    """The first moment from ``at`` on in which the channel may send."""
    if open_at(channel, at):
        return at
    zone = ZoneInfo(channel.timezone)
    local = datetime.fromtimestamp(at, zone)
    start = _minutes(channel.from_time) if channel.from_time else 0
    for day in range(9):
        date = (local + timedelta(days=day)).date()
        begins = datetime(date.year, date.month, date.day, start // 60, start % 60, tzinfo=zone).timestamp()
        midnight = datetime(date.year, date.month, date.day, tzinfo=zone).timestamp()
        for moment in sorted({begins, midnight}):
            if moment >= at and open_at(channel, moment):
                return moment
    return at  # no day of the week is open: the settings allow none such


def open_at(channel: Channel, at: float) -> bool:
    """True when ``at`` lies in the channel's hours. Hours that pass midnight belong to the day that they begin in."""
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(channel.timezone))
    minute, today = local.hour * 60 + local.minute, local.weekday()
    if not channel.from_time:
        return _day(channel, today)
    begin, end = _minutes(channel.from_time), _minutes(channel.to_time)
    if begin < end:
        return _day(channel, today) and begin <= minute < end
    return (minute >= begin and _day(channel, today)) or (minute < end and _day(channel, (today - 1) % 7))


def _day(channel: Channel, weekday: int) -> bool:
    return not channel.days or DAYS[weekday] in channel.days


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def retry_after(attempts: int, chance: random.Random | None = None) -> float:
    """Seconds before the next attempt after ``attempts`` that failed: exponential, and scattered by a fifth, so that
    channels that failed together do not come back together."""
    wait = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(attempts - 1, 20))
    return wait * (chance or random).uniform(0.8, 1.2)


def gives_up(first_tried: float, now: float) -> bool:
    """True when a message that failed is not to be tried again."""
    return now - first_tried > GIVE_UP
