"""Backtests: on whole arrays what the alert engine's machine does tick by tick."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import state
from alerts.state import FLAP_QUIET, FLAP_WINDOW, FLAPS
from analysis.backtest import DAY, Condition, Samples, Span, spans, suggest, summary


def tick_by_tick(condition: Condition, samples: Samples) -> list[Span]:
    """The same by the engine's machine."""
    same = state.Condition(condition.comparison, condition.limit, condition.resolve_limit, condition.for_seconds,
                           condition.resolve_seconds, condition.no_data, condition.no_data_seconds)
    status, found, began = state.Status(), [], None
    flaps, flapping = state.Flaps(), False
    for at, value in zip(samples.t.tolist(), samples.value.tolist(), strict=True):
        before = status.state
        status = state.advance(same, status, at, value, flapping)
        if status.state == state.State.FIRING and before != state.State.FIRING:
            began, flapping = at, flaps.fire(at) and condition.flaps > 0
        elif before == state.State.FIRING and status.state != state.State.FIRING:
            found.append((began, at))
            began = None
    return [*found, *([(began, None)] if began is not None else [])]


@settings(max_examples=400, deadline=None)
@given(
    comparison=st.sampled_from([">", ">=", "<", "<=", "==", "!="]), limit=st.sampled_from([0.0, 1.0, 2.0]),
    margin=st.sampled_from([0.0, 0.5, 1.5]), hold=st.sampled_from([0.0, 1.0, 3.0, 7.0]),
    quiet=st.sampled_from([0.0, 2.0, 5.0]), no_data=st.sampled_from(["ok", "keep", "alert"]),
    patience=st.sampled_from([0.0, 1.0, 2.0, 4.0]), flaps=st.sampled_from([0, FLAPS]),
    values=st.lists(st.one_of(st.just(math.nan), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])), max_size=60),
    steps=st.lists(st.sampled_from([1.0, 1.0, 1.0, 2.0, 400.0]), min_size=60, max_size=60),
)
def test_it_is_the_engines_machine(
    comparison: str, limit: float, margin: float, hold: float, quiet: float, no_data: str, patience: float,
    flaps: int, values: list[float], steps: list[float],
) -> None:
    sign = {">": -1, ">=": -1, "<": 1, "<=": 1}.get(comparison, 0)
    condition = Condition(comparison, limit, limit + sign * margin, hold, quiet, no_data, patience,  # type: ignore[arg-type]
                          flaps, FLAP_WINDOW, FLAP_QUIET)
    samples = Samples(1000 + np.cumsum(steps)[:len(values)], np.array(values, np.float64))
    assert spans(condition, samples) == tick_by_tick(condition, samples)


def series(*values: float) -> Samples:
    return Samples(np.arange(len(values), dtype=np.float64), np.array(values, np.float64))


def test_no_values_never_fire() -> None:
    assert spans(Condition(">", 0, 0), series()) == []
    assert spans(Condition(">", 0, 0), series(math.nan, math.nan)) == []


def test_what_still_fires_has_no_end() -> None:
    found = spans(Condition(">", 1, 1), series(0, 2, 0, 2, 2))
    assert found == [(1.0, 2.0), (3.0, None)]
    assert summary([found], 5.0).alerts == 2
    assert summary([found], 5.0).seconds == 3.0
    assert summary([found], 5.0).longest == 2.0


def rollups(value: list[float], low: list[float], high: list[float]) -> Samples:
    t = np.arange(len(value)) * 60.0
    return Samples(t, np.array(value), np.array(low), np.array(high), np.full(len(value), 60.0))


def test_a_spike_within_a_minute_fires_what_needs_no_time_and_nothing_else() -> None:
    minutes = rollups([0.2, 0.3, 0.2], [0.1, 0.1, 0.1], [0.3, 0.99, 0.3])
    assert len(spans(Condition(">", 0.9, 0.9), minutes)) == 1
    assert spans(Condition(">", 0.9, 0.9, for_seconds=60), minutes) == []


def test_minutes_wholly_beyond_fire_what_needs_them() -> None:
    minutes = rollups([0.2, 0.95, 0.96, 0.95, 0.2], [0.1, 0.91, 0.91, 0.92, 0.1], [0.3, 0.99, 0.99, 0.99, 0.3])
    assert spans(Condition(">", 0.9, 0.9, for_seconds=120), minutes) == [(180.0, 240.0)]


def test_falling_conditions_look_at_the_other_extreme() -> None:
    minutes = rollups([5, 5, 5], [4, 0.5, 4], [6, 6, 6])
    assert len(spans(Condition("<", 1, 1), minutes)) == 1
    assert spans(Condition("<", 1, 1, for_seconds=60), minutes) == []


def day(seed: int = 1) -> Samples:
    """A day of minutes: noise around 0.4, five plateaus of ten minutes at rising heights."""
    chance = np.random.default_rng(seed)
    value = 0.4 + chance.normal(0, 0.02, 1440)
    for place, height in enumerate((0.6, 0.7, 0.8, 0.85, 0.9)):
        value[200 + 240 * place:210 + 240 * place] = height
    return Samples(np.arange(1440) * 60.0, value)


@pytest.mark.parametrize(("most", "between"), [(1, (0.85, 0.9)), (2, (0.8, 0.85)), (0, (0.9, 0.95)), (5, (0.4, 0.6))])
def test_the_suggested_threshold_gives_no_more_alerts_than_wanted(most: float, between: tuple[float, float]) -> None:
    found = suggest(Condition(">", 0.85, 0.85, for_seconds=120), [day()], most)
    assert found.limit is not None
    assert between[0] <= found.limit <= between[1]
    assert found.alerts <= most


def test_spikes_shorter_than_the_wait_do_not_move_it() -> None:
    calm, spiked = day(), day()
    spiked.value[::50] = 5.0
    condition = Condition(">", 0.85, 0.85, for_seconds=120)
    before, after = suggest(condition, [calm], 1).limit, suggest(condition, [spiked], 1).limit
    assert before == after or (before is not None and after is not None and abs(after - before) <= 0.05)


def test_it_looks_down_for_what_must_not_fall() -> None:
    one = day()
    falling = Samples(one.t, 1 - one.value)
    found = suggest(Condition("<", 0.1, 0.1, for_seconds=120), [falling], 1)
    assert found.limit is not None and 0.1 <= found.limit <= 0.15


def test_too_little_past_gives_none() -> None:
    assert suggest(Condition(">", 1, 1), [series(*[1.0] * 100)]).limit is None
    assert suggest(Condition(">", 1, 1), []).limit is None
    assert suggest(Condition("==", 1, 1), [day()]).limit is None


def test_a_flat_line_is_not_alerted_of() -> None:
    flat = Samples(np.arange(1440) * 60.0, np.full(1440, 0.5))
    found = suggest(Condition(">", 1, 1), [flat])
    assert found.limit is not None and found.limit >= 0.5 and found.alerts == 0
    at_least = suggest(Condition(">=", 1, 1), [flat])
    assert at_least.limit is not None and at_least.limit > 0.5 and at_least.alerts == 0


def test_days_are_counted_over_all_series() -> None:
    found = suggest(Condition(">", 0.85, 0.85, for_seconds=120), [day(1), day(2)], 2)
    assert found.days == pytest.approx(1, abs=0.01) and found.alerts <= 2
    assert DAY == 86400
