import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.scheduler import Scheduler, interval_for, next_tick


class Clocks:
    """Wall and monotonic clocks that a test moves by hand."""

    def __init__(self, wall=1000.3, monotonic=50.0):
        self.wall, self.mono = wall, monotonic

    def pass_(self, seconds):
        self.wall += seconds
        self.mono += seconds


def scheduler(clocks, **more):
    return Scheduler(lambda at: None, interval=1.0, now=lambda: clocks.wall, monotonic=lambda: clocks.mono, **more)


@given(st.floats(0, 4e9), st.sampled_from((0.5, 1.0, 2.0, 5.0, 10.0)))
def test_nominal_ticks_are_round_and_ahead(now, interval):
    tick = next_tick(now, interval)
    assert tick % interval == 0 and now < tick <= now + interval


def test_ticks_do_not_drift_when_work_takes_time():
    clocks = Clocks()
    s = scheduler(clocks)
    deadline, nominal = s._first()
    for expected in range(1002, 1010):
        clocks.pass_(deadline - clocks.mono + 0.2)  # each tick's work takes 0.2 s
        deadline, nominal = s._advance(deadline, nominal)
        assert nominal == expected
        assert deadline - clocks.mono == pytest.approx(0.8)


def test_missed_ticks_are_skipped_and_counted():
    clocks = Clocks()
    s = scheduler(clocks)
    deadline, nominal = s._first()
    clocks.pass_(deadline - clocks.mono + 10.4)
    deadline, nominal = s._advance(deadline, nominal)
    assert s.skipped == 10
    assert nominal == 1012 and deadline - clocks.mono == pytest.approx(0.6)


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, 86400.0 * 400])
def test_a_clock_that_is_set_moves_the_stamps_and_not_the_rhythm(jump):
    clocks = Clocks()
    s = scheduler(clocks)
    deadline, nominal = s._first()
    clocks.pass_(deadline - clocks.mono)
    clocks.wall += jump
    deadline, nominal = s._advance(deadline, nominal)
    assert abs(nominal - clocks.wall) <= 1.0
    assert 0 <= deadline - clocks.mono <= 1.001


def test_the_interval_follows_the_load_of_the_document():
    assert interval_for(0.9, 1.0) == 0.5
    assert interval_for(0.6, 2.0) == 1.0
    assert interval_for(0.1, 1.0) == 2.0
    assert interval_for(None, 1.0) == 1.0


def test_the_interval_does_not_flutter_at_a_limit():
    assert interval_for(0.78, 0.5) == 0.5
    assert interval_for(0.74, 0.5) == 1.0
    assert interval_for(0.38, 1.0) == 1.0
    assert interval_for(0.34, 1.0) == 2.0


def test_a_loop_that_dies_says_so():
    def broken(at):
        raise RuntimeError("no more")

    s = Scheduler(broken, interval=0.5)
    s.start()
    s._thread.join(timeout=10)
    assert "no more" in s.problem()


def test_a_running_loop_ticks_at_round_times_and_stops():
    seen, enough = [], threading.Event()

    def tick(at):
        seen.append(at)
        if len(seen) == 2:
            enough.set()

    s = Scheduler(tick, interval=0.5)
    s.start()
    assert enough.wait(10)
    s.stop()
    assert all(at % 0.5 == 0 for at in seen)
    assert "not running" in s.problem()


def test_another_interval_counts_at_once_and_not_after_the_old_one_has_passed():
    ticks = []
    s = Scheduler(ticks.append, interval=10.0)
    s.start()
    try:
        s.change(0.5)
        end = threading.Event()
        for _ in range(400):
            if len(ticks) >= 3:
                break
            end.wait(0.01)
        assert len(ticks) >= 3 and s.interval == 0.5
        assert ticks[-1] - ticks[-2] == 0.5
        assert all(at % 0.5 == 0 for at in ticks)
    finally:
        s.stop()
    assert not s._thread.is_alive()


def test_one_that_follows_the_load_keeps_to_it():
    s = scheduler(Clocks(), load=lambda: 0.1)
    s.change(5.0)
    assert s._wanted is None
