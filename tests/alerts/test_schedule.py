"""Hours, digest, grouping, rate and back-off."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.schedule import (
    DAYS,
    HOUR,
    LONGEST_RETRY,
    MOST_TOGETHER,
    Waiting,
    gives_up,
    open_at,
    opening,
    plan,
    retry_after,
)
from config.dashboard import Channel

T0 = datetime(2026, 11, 27, 10, 0, tzinfo=UTC).timestamp()  # a Friday


def channel(**given: object) -> Channel:
    return Channel.model_validate({"url": "json://x", **given})


def waiting(*groups: str, at: float = T0) -> list[Waiting]:
    return [Waiting(i + 1, at + i, group) for i, group in enumerate(groups)]


def test_alerts_that_come_together_are_told_together() -> None:
    three = waiting("a", "a", "a")
    assert plan(channel(), 10, three, (), T0 + 5).wake == T0 + 10
    assert plan(channel(), 10, three, (), T0 + 10).batch == (1, 2, 3)


def test_alerts_of_other_servers_and_kinds_come_in_messages_of_their_own() -> None:
    assert plan(channel(), 10, waiting("a", "b", "a"), (), T0 + 10).batch == (1, 3)
    assert plan(channel(), 10, waiting("b"), (), T0 + 10).batch == (1,)


def test_a_digest_gathers_everything() -> None:
    found = waiting("a", "b", "c")
    digest = channel(digestMinutes=30)
    assert plan(digest, 10, found, (), T0 + 60).wake == T0 + 1800
    assert plan(digest, 10, found, (), T0 + 1800).batch == (1, 2, 3)


def test_what_the_rate_holds_back_waits_and_is_merged() -> None:
    few = channel(perHour=2)
    sent = (T0 - 600, T0 - 300)
    found = waiting("a", "b", "c")
    assert plan(few, 10, found, sent, T0 + 10).wake == T0 - 600 + HOUR
    assert plan(few, 10, found, sent, T0 - 600 + HOUR).batch == (1, 2, 3)


def test_more_groups_than_the_rate_leaves_become_one_message() -> None:
    assert plan(channel(perHour=2), 0, waiting("a", "b", "c"), (), T0 + 2).batch == (1, 2, 3)
    assert plan(channel(perHour=3), 0, waiting("a", "b", "c"), (), T0 + 2).batch == (1,)


def test_what_comes_outside_the_hours_is_held_and_summed_up() -> None:
    office = channel(fromTime="08:00", toTime="18:00", days=list(DAYS[:5]), timezone="Europe/Paris")
    night = datetime(2026, 11, 27, 22, 0, tzinfo=UTC).timestamp()  # Friday, 23:00 in Paris
    monday = datetime(2026, 11, 30, 8, 0, tzinfo=ZoneInfo("Europe/Paris")).timestamp()
    found = waiting("a", "b", at=night)
    assert plan(office, 10, found, (), night + 60).wake == monday
    assert plan(office, 10, found, (), monday).batch == (1, 2)


@pytest.mark.parametrize(("hour", "weekday", "is_open"), [
    (23, "fri", True), (3, "sat", True), (3, "fri", False), (12, "fri", False), (23, "sat", False), (7, "sat", False),
])
def test_hours_that_pass_midnight_belong_to_the_day_they_begin_in(hour: int, weekday: str, is_open: bool) -> None:
    night = channel(fromTime="22:00", toTime="06:00", days=["fri"])
    at = datetime(2026, 11, 23 + DAYS.index(weekday), hour, 0, tzinfo=UTC).timestamp()
    assert open_at(night, at) is is_open


def test_what_was_tried_is_tried_again_as_it_was() -> None:
    found = [
        Waiting(1, T0, "a", "key", T0 + 100), Waiting(2, T0, "a", "key", T0 + 100), Waiting(3, T0 + 50, "a"),
    ]
    assert plan(channel(), 0, found, (), T0 + 60).wake == T0 + 100
    assert plan(channel(), 0, found, (), T0 + 100).batch == (1, 2)  # never with the third: its key may be known


@given(st.integers(1, 100))
def test_attempts_come_ever_later_up_to_a_bound(attempts: int) -> None:
    wait = retry_after(attempts, random.Random(attempts))
    assert 4 <= wait <= LONGEST_RETRY * 1.2
    assert retry_after(attempts + 2, random.Random(1)) >= wait or wait >= LONGEST_RETRY * 0.8


def test_a_message_is_given_up_after_a_day() -> None:
    assert not gives_up(T0, T0 + 86_000)
    assert gives_up(T0, T0 + 87_000)


CLOCKS = st.sampled_from(["00:00", "06:30", "08:00", "12:00", "18:00", "23:59"])
CHANNELS = st.builds(
    lambda hours, days, zone, rate, digest: channel(
        fromTime=hours[0] if hours else "", toTime=hours[1] if hours else "", days=sorted(days, key=DAYS.index),
        timezone=zone, perHour=rate, digestMinutes=digest,
    ),
    st.none() | st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]), st.sets(st.sampled_from(DAYS)),
    st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata"]), st.integers(1, 20),
    st.sampled_from([0, 1, 30, 1440]),
)


@given(CHANNELS, st.floats(T0, T0 + 400 * 86400))
def test_the_next_opening_is_open_and_none_is_missed(found: Channel, at: float) -> None:
    opens = opening(found, at)
    assert opens >= at and open_at(found, opens)
    if opens > at:
        assert not open_at(found, opens - 1)
        assert opens - at <= 8 * 86400


def run(found: Channel, group_seconds: float, arrivals: Sequence[tuple[float, str]]) -> list[tuple[float, list[int]]]:
    """Every message that a channel sends, the clock moved from one wake to the next."""
    waits: list[Waiting] = []
    coming = [Waiting(i + 1, at, group) for i, (at, group) in enumerate(arrivals)]
    sent: list[float] = []
    messages: list[tuple[float, list[int]]] = []
    now = coming[0].created if coming else T0
    for _ in range(10_000):
        while coming and coming[0].created <= now:
            waits.append(coming.pop(0))
        next_step = plan(found, group_seconds, waits, sent, now)
        if next_step.batch:
            messages.append((now, list(next_step.batch)))
            sent.append(now)
            waits = [one for one in waits if one.id not in next_step.batch]
            continue
        moments = [t for t in (next_step.wake, coming[0].created if coming else None) if t is not None]
        if not moments:
            return messages
        assert min(moments) > now, "it would look again and again"
        now = min(moments)
    raise AssertionError("it never ends")


def test_what_is_late_when_the_hours_have_ended_waits_for_the_next() -> None:
    morning = channel(fromTime="00:00", toTime="12:00", timezone="Europe/Paris")
    noon, midnight = T0 + HOUR, T0 + 13 * HOUR
    assert plan(morning, 0, [Waiting(1, T0, "a", message="k", retry=T0 + 10)], (), noon).wake == midnight
    assert plan(morning, 0, [Waiting(1, T0, "a")], (), noon).wake == midnight
    assert plan(morning, 0, [Waiting(1, T0, "a")], (), noon - 1).batch == (1,)


ARRIVALS = st.lists(st.tuples(st.floats(0, 7200), st.sampled_from("abc")), max_size=120).map(
    lambda found: sorted((T0 + at, group) for at, group in found)
)


@settings(deadline=None, max_examples=150)
@given(CHANNELS, st.sampled_from([0, 10, 300]), ARRIVALS)
@example(channel(perHour=1), 0, [(T0, "a"), (T0, "b"), (T0 + 1, "a")])
@example(channel(perHour=1, fromTime="00:00", toTime="12:00", timezone="Europe/Paris"), 0,
         [(T0, "a"), (T0 + 1, "b"), (T0 + HOUR, "c")])
def test_nothing_is_lost_or_told_twice_and_order_is_kept(
    found: Channel, group_seconds: float, arrivals: list[tuple[float, str]]
) -> None:
    messages = run(found, group_seconds, arrivals)
    told = [one for _, batch in messages for one in batch]
    assert sorted(told) == list(range(1, len(arrivals) + 1))
    groups = {i + 1: group for i, (_, group) in enumerate(arrivals)}
    for group in "abc":
        mine = [one for one in told if groups[one] == group]
        assert mine == sorted(mine), "an end would be told before its beginning"
    for at, batch in messages:
        assert open_at(found, at)
        assert len(batch) <= MOST_TOGETHER
        assert all(arrivals[one - 1][0] <= at for one in batch)
        assert sum(1 for t, _ in messages if at - HOUR < t <= at) <= found.per_hour
