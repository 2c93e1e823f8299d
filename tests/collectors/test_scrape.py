import threading
import time

from collectors.base import NoData
from collectors.scrape import ScrapeRunner
from metrics.metric import Metric, Sample

BYTES = Metric("x_bytes_total", "counter", "bytes", "h")
LEVEL = Metric("level", "gauge", "", "h")


class Counting:
    name, metrics, every = "counting", (BYTES,), 0.0

    def __init__(self):
        self.total = 0

    def collect(self, now):
        self.total += 1000
        yield Sample(BYTES, (), self.total)

    def snapshot(self):
        return {"total": self.total}


class Absent:
    name, metrics, every = "absent", (), 0.0

    def collect(self, now):
        raise NoData("This machine has none.")


class Broken:
    name, metrics, every = "broken", (), 0.0

    def collect(self, now):
        raise RuntimeError("the bus fell off")


class Hanging:
    name, metrics, every = "hanging", (LEVEL,), 0.0

    def __init__(self):
        self.release = threading.Event()

    def collect(self, now):
        self.release.wait()
        return [Sample(LEVEL, (), 1.0)]


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the deadline passed"
        threading.Event().wait(0.01)


def states(runner):
    return {s.name: s.state for s in runner.statuses()}


def test_what_may_come_any_moment_is_looked_for_as_often_as_what_is_there():
    looks = {"absent": 0, "soon": 0}

    class Soon(Absent):
        name = "soon"

        def collect(self, now):
            looks[self.name] += 1
            raise NoData("Nobody has defined one.", soon=self.name == "soon")

    class Never(Soon):
        name = "absent"

    runner = ScrapeRunner([Soon(), Never()], deadline=5)
    for at in range(3):
        runner.run(at)
    runner.stop()
    assert looks == {"soon": 3, "absent": 1}


def test_ok_no_data_and_failed_are_three_states():
    runner = ScrapeRunner([Counting(), Absent(), Broken()], deadline=5)
    samples, snapshots = runner.run(0)
    assert states(runner) == {"counting": "ok", "absent": "no_data", "broken": "failed"}
    assert {s.name: s.message for s in runner.statuses()}["broken"] == "RuntimeError: the bus fell off"
    assert snapshots == {"counting": {"total": 1000}, "absent": {}, "broken": {}}
    status = {dict(s.labels)["collector"]: s.value for s in samples if s.metric.name == "vigie_collector_status"}
    assert status == {"counting": 0, "absent": 1, "broken": 2}
    runner.stop()


def test_counters_get_their_rate_from_the_second_scrape_on():
    runner = ScrapeRunner([Counting()], deadline=5)
    first, _ = runner.run(0)
    second, _ = runner.run(1)
    assert not [s for s in first if s.metric.name == "x_bytes_per_second"]
    assert next(s for s in second if s.metric.name == "x_bytes_per_second").value > 0
    runner.stop()


def test_a_driver_that_hangs_is_failed_and_holds_up_nobody():
    hanging, counting = Hanging(), Counting()
    runner = ScrapeRunner([hanging, counting], deadline=0.05, give_up=0.2)
    samples, _ = runner.run(0)
    assert [s.value for s in samples if s.metric is BYTES] == [1000]
    until(lambda: runner.run(1) and states(runner)["hanging"] == "failed")
    assert "hangs" in {s.name: s.message for s in runner.statuses()}["hanging"]
    assert counting.total > 1000
    # What it read before it was given up is stale and thrown away; the next reading counts.
    hanging.release.set()
    until(lambda: runner.run(2) and states(runner)["hanging"] == "ok")
    until(lambda: any(s.metric is LEVEL for s in runner.run(3)[0]))
    runner.stop()


def test_changes_of_state_are_told_once():
    told = []
    runner = ScrapeRunner([Broken()], deadline=5, on_change=lambda before, after: told.append(after.state))
    runner.run(0)
    runner.run(1)
    assert told == ["failed"]
    runner.stop()


def test_a_slow_cadence_is_not_due_every_tick():
    counting = Counting()
    counting.every = 1000.0
    runner = ScrapeRunner([counting], deadline=5)
    runner.run(0)
    runner.run(1)
    assert counting.total == 1000
    runner.stop()


def test_a_collector_that_is_switched_off_is_not_asked_and_says_why_until_it_is_on_again():
    counting = Counting()
    runner = ScrapeRunner([counting], deadline=1.0)
    try:
        assert runner.run(1.0)[0]
        runner.switch_off({"counting": "Switched off.", "nobody": "There is none of this name."})
        read = counting.total
        samples, snapshots = runner.run(2.0)
        assert counting.total == read and snapshots["counting"] == {}
        assert {s.metric.name for s in samples} <= {"vigie_collector_duration_seconds", "vigie_collector_status"}
        assert [(s.state, s.message) for s in runner.statuses()] == [("no_data", "Switched off.")]
        runner.switch_off({})
        assert any(s.metric is BYTES for s in runner.run(3.0)[0]), "at once, not half a minute later"
        assert states(runner) == {"counting": "ok"}
    finally:
        runner.stop()
