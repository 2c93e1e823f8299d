"""The scrape runner: every collector isolated, timed, under a deadline; three outcomes kept apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import structlog

from collectors.base import Collector, HasSnapshot, NoData
from metrics.metric import Metric, Sample, labels, rate_of
from metrics.rates import Rates
from metrics.status import STATE_VALUES, SourceState, SourceStatus

log = structlog.get_logger(__name__)

DURATION = Metric("vigie_collector_duration_seconds", "gauge", "seconds", "Time the newest scrape of a collector took")
STATUS = Metric("vigie_collector_status", "gauge", "", "Outcome of the newest scrape: 0 ok, 1 no data, 2 failed")
RUNNER_METRICS = (DURATION, STATUS)
NO_DATA_EVERY = 30.0
"""Seconds between two looks at a source that is not there."""
FAILED_EVERY = 5.0
"""Seconds between two tries of a source that failed."""


def metric_sources(collectors: Iterable[Collector]) -> dict[str, str]:
    """Name of each metric that ``collectors`` declare, rates of counters and the runner's own included -> collector."""
    declared = [(metric, collector.name) for collector in collectors for metric in collector.metrics]
    declared += [(metric, "vigie") for metric in RUNNER_METRICS]
    return {
        name: source for metric, source in declared
        for name in (metric.name, *([rate_of(metric).name] if metric.kind == "counter" else []))
    }


class _Lane(threading.Thread):
    """One collector's own thread: a driver that hangs holds up this thread and nothing else."""

    def __init__(self, collector: Collector, done: Callable[[], None], why_off: Callable[[str], str]) -> None:
        super().__init__(name=f"scrape-{collector.name}", daemon=True)
        self.collector = collector
        self._go, self._done, self._why_off = threading.Event(), done, why_off
        self._stopping = False
        self.busy_since = 0.0
        self.at = 0.0
        self.samples: list[Sample] = []
        self.state: SourceState = "pending"
        self.message = ""
        self.soon = False
        self.duration = 0.0
        self.read_at = 0.0

    def ask(self, at: float) -> None:
        self.at, self.busy_since = at, time.monotonic()
        self._go.set()

    def stop(self) -> None:
        self._stopping = True
        self._go.set()

    def run(self) -> None:
        while True:
            self._go.wait()
            self._go.clear()
            if self._stopping:
                return
            started = time.perf_counter()
            self.read_at = time.monotonic()
            self.samples, self.message = [], ""
            try:
                if reason := self._why_off(self.collector.name):
                    raise NoData(reason)
                self.samples = list(self.collector.collect(self.at))
                self.state = "ok"
            except NoData as reason:
                self.state, self.message, self.soon = "no_data", str(reason), reason.soon
            except Exception as error:  # noqa: BLE001 - an edge: whatever a driver throws is this source's failure
                self.state, self.message = "failed", f"{type(error).__name__}: {error}"
            self.duration = time.perf_counter() - started
            self.busy_since = 0.0
            self._done()


class ScrapeRunner:
    """Runs the collectors that are due, each in its own thread, and gathers what they yield.

    ``deadline`` is how long a tick waits, in seconds; a collector that answers later is not lost: its samples go
    into the tick at which it answers, unless it was given up for failed meanwhile.
    """

    def __init__(
        self,
        collectors: Sequence[Collector],
        *,
        deadline: float,
        give_up: float = 5.0,
        on_change: Callable[[SourceStatus, SourceStatus], None] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._deadline, self._give_up, self._now = deadline, give_up, now
        self._on_change = on_change
        self._off: Mapping[str, str] = {}
        self._answered = threading.Semaphore(0)
        self._lanes = [_Lane(c, self._answered.release, self._why_off) for c in collectors]
        self._due = dict.fromkeys((c.name for c in collectors), 0.0)
        self._waiting: set[str] = set()
        self._rates = Rates()
        self._statuses = {c.name: SourceStatus(c.name) for c in collectors}
        for lane in self._lanes:
            lane.start()

    def statuses(self) -> list[SourceStatus]:
        """State of each collector, in the order they were given."""
        return list(self._statuses.values())

    def switch_off(self, reasons: Mapping[str, str]) -> None:
        """Leaves out the collectors in ``reasons`` (name -> why, as a sentence) from the next tick on, no others."""
        before, self._off = self._off, dict(reasons)
        for name in before.keys() ^ self._off.keys():
            if name in self._due:
                self._due[name] = 0.0

    def _why_off(self, name: str) -> str:
        return self._off.get(name, "")

    def run(self, at: float) -> tuple[list[Sample], dict[str, Any]]:
        """One scrape at nominal time ``at`` (epoch seconds): samples with rates added, and new snapshots."""
        monotonic = time.monotonic()
        late = set(self._waiting)
        for lane in self._lanes:
            name = lane.collector.name
            if name not in self._waiting and monotonic >= self._due[name] - 0.02:
                self._due[name] = monotonic + lane.collector.every
                self._waiting.add(name)
                lane.ask(at)
        samples: list[Sample] = []
        snapshots: dict[str, Any] = {}
        end = monotonic + self._deadline
        pending = {lane for lane in self._lanes if lane.collector.name in self._waiting}
        while True:
            for lane in [lane for lane in pending if not lane.busy_since]:
                pending.discard(lane)
                self._waiting.discard(lane.collector.name)
                self._gather(lane, samples, snapshots, at)
            # One that was late already is looked at, not waited for: it must not slow every tick.
            if not any(lane.collector.name not in late for lane in pending):
                break
            if not self._answered.acquire(timeout=max(0.0, end - time.monotonic())):
                break
        for lane in pending:
            if time.monotonic() - lane.busy_since > self._give_up:
                self._set(lane, "failed", f"no answer for {self._give_up:.0f} s: a driver or a disk hangs")
        for status in self._statuses.values():
            if status.state != "pending":
                pair = labels(collector=status.name)
                samples.append(Sample(DURATION, pair, status.duration))
                samples.append(Sample(STATUS, pair, float(STATE_VALUES[status.state])))
        return samples, snapshots

    def stop(self) -> None:
        """Ends the threads; one that hangs is left behind (daemon)."""
        for lane in self._lanes:
            lane.stop()

    def _pause(self, lane: _Lane) -> float:
        every = lane.collector.every
        if lane.state == "no_data" and not lane.soon:
            return max(every, NO_DATA_EVERY)
        if lane.state == "failed":
            return max(every, FAILED_EVERY)
        return every

    def _gather(self, lane: _Lane, samples: list[Sample], snapshots: dict[str, Any], at: float) -> None:
        if time.monotonic() - lane.read_at <= self._give_up:
            samples.extend(lane.samples)
            samples.extend(self._rates.derive(lane.samples, lane.read_at, at))
        if lane.state == "ok" and isinstance(lane.collector, HasSnapshot):
            snapshots[lane.collector.name] = lane.collector.snapshot()
        elif lane.state != "ok":
            snapshots[lane.collector.name] = {}
        self._due[lane.collector.name] += self._pause(lane) - lane.collector.every
        self._set(lane, lane.state, lane.message)

    def _set(self, lane: _Lane, state: SourceState, message: str) -> None:
        before = self._statuses[lane.collector.name]
        now = self._now()
        since = before.since if before.state == state else now
        after = SourceStatus(lane.collector.name, state, message, lane.duration, now, since)
        self._statuses[lane.collector.name] = after
        if before.state != state:
            if state == "failed":
                log.warning("source failed", source=after.name, error=message)
            if self._on_change:
                self._on_change(before, after)
