"""The state machine, and that thousands of pairs at once do what one does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.evaluate import Table
from alerts.state import FLAP_QUIET, FLAP_WINDOW, FLAPS, Condition, Flaps, State, Status, advance

conditions = st.builds(
    Condition,
    comparison=st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
    limit=st.sampled_from([0.0, 1.0, 2.0]), resolve_limit=st.just(0.0),
    for_seconds=st.sampled_from([0.0, 1.0, 3.0]), resolve_seconds=st.sampled_from([0.0, 2.0]),
    no_data=st.sampled_from(["ok", "keep", "alert"]), no_data_seconds=st.sampled_from([0.0, 2.0, 4.0]),
).flatmap(lambda c: st.sampled_from([0.0, 0.5]).map(lambda margin: _with_margin(c, margin)))
values = st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0]))


def _with_margin(c: Condition, margin: float) -> Condition:
    step = {">": -margin, ">=": -margin, "<": margin, "<=": margin}.get(c.comparison, 0.0)
    return Condition(c.comparison, c.limit, c.limit + step, c.for_seconds, c.resolve_seconds, c.no_data,
                     c.no_data_seconds)


def run(condition: Condition, seen: list[tuple[float, float | None]]) -> list[State]:
    status, states = Status(), []
    for now, value in seen:
        status = advance(condition, status, now, value)
        states.append(status.state)
    return states


def ticks(*seen: float | None) -> list[tuple[float, float | None]]:
    return [(float(at), value) for at, value in enumerate(seen)]


N, P, F = State.INACTIVE, State.PENDING, State.FIRING


def test_it_is_pending_until_it_has_held_for_long_enough() -> None:
    assert run(Condition(">", 1, 1, for_seconds=2), ticks(2, 2, 2, 2)) == [P, P, F, F]


def test_a_moment_below_begins_the_wait_anew() -> None:
    assert run(Condition(">", 1, 1, for_seconds=2), ticks(2, 2, 0, 2, 2, 2)) == [P, P, N, P, P, F]


def test_without_a_wait_it_fires_at_once() -> None:
    assert run(Condition(">=", 1, 1), ticks(1, 0)) == [F, N]


def test_between_the_two_thresholds_it_goes_on_firing() -> None:
    assert run(Condition(">", 1, 0.5), ticks(2, 0.8, 0.6, 0.5)) == [F, F, F, N]


def test_it_is_over_only_when_it_has_been_over_for_long_enough() -> None:
    assert run(Condition(">", 1, 1, resolve_seconds=2), ticks(2, 0, 0, 2, 0, 0, 0)) == [F, F, F, F, F, F, N]


def test_a_gap_changes_nothing_until_it_counts() -> None:
    held = Condition(">", 1, 1, for_seconds=3, no_data_seconds=10)
    assert run(held, ticks(2, None, None, None, 2)) == [P, P, P, P, F]  # it held before and after


@pytest.mark.parametrize(("no_data", "after"), [("ok", N), ("keep", F), ("alert", F)])
def test_without_values_it_is_over_stays_or_fires_as_the_rule_says(no_data: str, after: State) -> None:
    condition = Condition(">", 1, 1, no_data=no_data, no_data_seconds=2)  # type: ignore[arg-type]
    assert run(condition, ticks(2, None, None)) == [F, F, after]


def test_nothing_fires_on_values_that_are_not_there() -> None:
    assert run(Condition(">", 1, 1, for_seconds=1, no_data="keep"), ticks(2, None, None, None)) == [P, P, P, P]


def test_silence_itself_can_be_the_alert() -> None:
    assert run(Condition(">", 1, 1, no_data="alert", no_data_seconds=2), ticks(0, None, None, 0)) == [N, N, F, N]


def test_a_clock_that_is_set_back_neither_fires_nor_holds_for_ever() -> None:
    condition = Condition(">", 1, 1, for_seconds=10)
    seen = [(1000.0, 2.0), (500.0, 2.0), (509.0, 2.0), (510.0, 2.0)]
    assert run(condition, seen) == [P, P, P, F]


def test_what_comes_and_goes_is_calmed() -> None:
    flaps = Flaps()
    fired = [flaps.fire(at * 60.0) for at in range(FLAPS + 1)]
    assert fired == [False] * (FLAPS - 1) + [True, True]
    assert not Flaps([0.0, 1.0, 2.0]).fire(FLAP_WINDOW + 1)
    condition, status = Condition(">", 1, 1), Status(State.FIRING, 0.0, math.nan, 0.0)
    for at in range(1, int(FLAP_QUIET) + 1):
        status = advance(condition, status, float(at), 0.0, flapping=True)
        assert status.state == State.FIRING
    assert advance(condition, status, FLAP_QUIET + 1, 0.0, flapping=True).state == State.INACTIVE


@settings(max_examples=200, deadline=None)
@given(st.lists(conditions, min_size=1, max_size=8), st.data())
def test_all_at_once_do_what_each_does_alone(given_conditions: list[Condition], data: st.DataObject) -> None:
    count = len(given_conditions)
    table, statuses, now = Table(given_conditions), [Status()] * count, 1000.0
    flapping = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    for _ in range(data.draw(st.integers(1, 30))):
        now += data.draw(st.sampled_from([1.0, 1.0, 1.0, 2.0, 5.0, 700.0, -3.0]))
        seen = data.draw(st.lists(values, min_size=count, max_size=count))
        before = [status.state for status in statuses]
        table.flapping[:] = flapping
        changes = table.step(now, np.array([math.nan if v is None else v for v in seen]))
        statuses = [
            advance(c, s, now, v, f) for c, s, v, f in zip(given_conditions, statuses, seen, flapping, strict=True)
        ]
        after = [status.state for status in statuses]
        assert [table.status(i).state for i in range(count)] == after
        for i, status in enumerate(statuses):
            np.testing.assert_equal(
                [table.since[i], table.clear[i], table.seen[i]], [status.since, status.clear, status.seen]
            )
        told = {"fired": (F,), "resolved": (N,), "dropped": (N,), "pended": (P,)}
        for name, to in told.items():
            places = set(getattr(changes, name).tolist())
            came_from = {"fired": (N, P), "resolved": (F,), "dropped": (P,), "pended": (N,)}[name]
            assert places == {
                i for i in range(count) if before[i] in came_from and after[i] in to and before[i] != after[i]
            }
