"""The loops of one app: collection, roll-up, housekeeping. `create_app` makes it, `main` starts it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import structlog

from collectors.base import Collector, NoData
from collectors.scheduler import Scheduler, next_tick
from collectors.scrape import ScrapeRunner
from config.store import ConfigStore
from config.watch import Watcher
from jobs.pool import Pool
from live.events import Events
from live.hub import Frame, Hub
from loglines import LogOutput
from metrics.health import Health
from metrics.metric import Sample
from metrics.rates import Rates
from metrics.status import PartStatus, SourceStatus
from storage.errors import StorageError
from storage.latest import Latest
from storage.ring.buffered import BufferedRing
from storage.roller import Roller
from storage.writer import Tick, Writer

log = structlog.get_logger(__name__)

HOUSEKEEPING = 2.0
"""Seconds between two rounds of housekeeping."""
PRUNE_EVERY = 3600.0
"""Seconds between two removals of expired sessions."""
PAST_SECONDS = 0.25
"""Seconds of each tick that filling in the past may take."""
HEALTH_HOLDS = 5
"""Ticks a new health must hold before it is an event: a spike of a second is not news."""


class Accounts(Protocol):
    """The people's store, as far as the loops know it."""

    def problem(self) -> str:
        """Why it cannot be read now; empty when it can."""

    def prune(self) -> None:
        """Removes what has expired."""


class Audit(Protocol):
    """The audit trail, as far as the loops know it."""

    def start(self) -> None:
        """Starts to write."""

    def stop(self) -> None:
        """Writes what waits and ends."""

    def problem(self) -> str:
        """Why rows wait in memory, or what was tampered with; empty when all is well."""

    def retain(self) -> int:
        """Removes rows that are too old; how many."""


class Alerts(Protocol):
    """The alerts, as far as the loops know them."""

    def start(self) -> None:
        """Starts to evaluate."""

    def stop(self) -> None:
        """Ends that and writes what waits."""

    def problem(self) -> str:
        """Why they are not evaluated or not kept; empty when all is well."""

    def detail(self) -> str:
        """What it does now."""


class Notifier(Protocol):
    """What tells people of alerts, as far as the loops know it."""

    def start(self) -> None:
        """Starts its loop."""

    def stop(self) -> None:
        """Ends it."""

    def problem(self) -> str:
        """Why people are not told; empty when they are."""

    def stats(self) -> Mapping[str, float]:
        """What waits and what was sent, by metric."""


class Loop(Protocol):
    """A loop that the others know nothing of: the serving process, its requests, the model files."""

    def start(self) -> None:
        """Starts it."""

    def stop(self) -> None:
        """Ends it."""

    def problem(self) -> str:
        """What is wrong; empty when nothing is."""

    def detail(self) -> str:
        """What it does now."""


class Runtime:
    """Owns the threads.

    ``loops`` are further ones by name. ``past`` are ticks, oldest first, that fill the ring behind the first live ones
    (the demo). ``accounts_back`` is called when the people's store is there again, ``warm`` once at the start, to have
    files ready before they are asked for; ``settings_changed`` says what was set since the start before.
    """

    def __init__(
        self,
        *,
        interval: float,
        adaptive: bool,
        runner: Callable[[Callable[[SourceStatus, SourceStatus], None]], ScrapeRunner],
        writer: Callable[[Callable[[float, Mapping[str, float], bytes], None]], Writer],
        ring: BufferedRing,
        roller: Roller,
        accounts: Accounts,
        latest: Latest,
        hub: Hub,
        events: Events,
        jobs: Pool,
        audit: Audit,
        logs: LogOutput,
        alerts: Alerts,
        config: ConfigStore,
        notifier: Notifier,
        loops: Mapping[str, Loop],
        accounts_back: Callable[[], None],
        warm: Callable[[], None],
        settings_changed: Callable[[], str] = str,
        past: Iterator[Tick] | None = None,
    ) -> None:
        self._ring, self._roller, self._accounts = ring, roller, accounts
        self._latest, self.hub, self._events, self._jobs = latest, hub, events, jobs
        self._past, self._accounts_back, self._warm = past, accounts_back, warm
        self._settings_changed, self._audit, self._alerts = settings_changed, audit, alerts
        self._logs = logs
        self._config, self._watcher = config, Watcher(config)
        self._notifier, self._loops = notifier, loops
        self.detailed = False
        """Log every scrape."""
        self._coarsest = 2.0 if adaptive else interval
        self._worked: set[str] = set()
        self._sequence = 0
        self._stop = threading.Event()
        self._health: tuple[Health | None, int] = (None, 0)
        self._announced: Health | None = None
        self._problems: dict[str, str] = {}
        self.runner = runner(self._source_changed)
        self.writer = writer(self._publish)
        load = (lambda: latest.value("cpu_usage_ratio")) if adaptive else None
        self.scheduler = Scheduler(self.tick, interval=interval, load=load)
        self._keeper = threading.Thread(target=self._keep, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Takes a first tick, so that the first answer has values, and starts the loops."""
        self._jobs.start()
        self._audit.start()
        self._watcher.start()
        self._events.add("started")
        if changed := self._settings_changed():
            self._events.add("settings_changed", what=changed)
        self.tick(next_tick(time.time(), self.scheduler.interval) - self.scheduler.interval)
        self._alerts.start()
        self.scheduler.start()
        self._roller.start()
        self._notifier.start()
        for loop in self._loops.values():
            loop.start()
        self._keeper.start()
        self._warm()

    def stop(self) -> None:
        """Ends the loops, tells the listeners, writes what waits."""
        self._watcher.stop()
        self.scheduler.stop()
        self._stop.set()
        self._alerts.stop()
        self._notifier.stop()
        for loop in self._loops.values():
            loop.stop()
        self.hub.close()
        self._jobs.stop()
        if self._keeper.is_alive():
            self._keeper.join(timeout=2)  # else an event could be written by both
        self.runner.stop()
        self._roller.stop()
        self._events.add("stopped")
        self._events.flush()
        self._audit.stop()
        self._ring.close()
        self._logs.close()

    def tick(self, at: float) -> None:
        """One collection at nominal time ``at``, epoch seconds."""
        samples, snapshots = self.runner.run(at)
        if self.detailed:
            self._log_scrape(at, len(samples))
        self.writer.write(Tick(at, samples, snapshots))
        self._note_health()
        self._write_past(at)

    def sources(self) -> list[SourceStatus]:
        """State of each collector."""
        return self.runner.statuses()

    def collect_every(self, interval: float) -> None:
        """Collects every ``interval`` seconds from now on. Values are absent, and lines have gaps, by the coarsest
        interval since the start: what was read then is no hole."""
        self.scheduler.change(interval)
        if interval > self._coarsest:
            self._coarsest = interval
            self.writer.relearn()

    @property
    def coarsest(self) -> float:
        """The longest time between two collections since the start, seconds."""
        return self._coarsest

    def self_stats(self) -> dict[Any, float]:
        """What the collector of Vigie itself cannot read: how long writing takes and what waits to be written."""
        # As housekeeping found them: a store that is away may take seconds to say so.
        problems = dict(self._problems)
        self._worked |= {name for name, text in problems.items() if not text}
        return {
            "vigie_ring_write_seconds": self.writer.write_seconds,
            "vigie_archive_write_seconds": self._roller.write_seconds,
            "vigie_buffered_ticks": float(self._ring.buffered),
            **self._notifier.stats(),
            **{("vigie_part_up", (("part", name),)): float(not text) for name, text in problems.items()},
            **{("vigie_part_started", (("part", name),)): float(name in self._worked) for name in problems},
        }

    def parts(self) -> list[PartStatus]:
        """State of each loop and store."""
        problems = {
            "scheduler": self.scheduler.problem(),
            "roller": "" if self._roller.alive() else "The roll-up loop has stopped.",
            "ring": self._ring.problem() or self.writer.problem(),
            "archive": self._roller.problem(),
            "accounts": self._accounts.problem(),
            "audit": self._audit.problem(),
            "logs": self._logs.problem(),
            "alerts": self._alerts.problem(),
            "config": self._watcher.problem() or self._config.problem(),
            "notifications": self._notifier.problem(),
            **{name: loop.problem() for name, loop in self._loops.items()},
        }
        details = {
            "scheduler": f"every {self.scheduler.interval:g} s, {self.scheduler.skipped} ticks skipped",
            "alerts": self._alerts.detail(),
            "ring": f"{self.writer.write_seconds * 1000:.2f} ms a tick",
            **{name: loop.detail() for name, loop in self._loops.items()},
        }
        return [PartStatus(name, not text, text, details.get(name, "")) for name, text in problems.items()]

    def has_past(self) -> bool:
        """Whether the past that the ring begins with is in it."""
        return self._past is None

    def _log_scrape(self, at: float, count: int) -> None:
        spent = {one.name: round(one.duration * 1000, 2) for one in self.runner.statuses() if one.state == "ok"}
        without = {one.name: one.state for one in self.runner.statuses() if one.state != "ok"}
        log.info("scrape", at=at, samples=count, milliseconds=spent, without=without)

    def _write_past(self, at: float) -> None:
        """A little of the past after each tick, until there is no more."""
        end = time.monotonic() + PAST_SECONDS
        while self._past is not None and time.monotonic() < end:
            tick = next(self._past, None)
            if tick is None:
                self._past = None
            else:
                self.writer.write_past(tick, at)

    def _publish(self, at: float, values: Mapping[str, float], row: bytes) -> None:
        self._sequence += 1
        self.hub.publish("metrics", Frame(self._sequence, round(at * 1000), values, row))

    def _source_changed(self, before: SourceStatus, after: SourceStatus) -> None:
        if after.state == "failed":
            self._events.add("source_failed", "error", source=after.name, error=after.message)
        elif before.state == "failed":
            self._events.add("source_ok", source=after.name)

    def _note_health(self) -> None:
        health = self._latest.health
        held = self._health[1] + 1 if self._health[0] == health else 1
        self._health = (health, held)
        if held != HEALTH_HOLDS or health == self._announced or health is None:
            return
        if self._announced is not None or health != "OK":
            worst = self._latest.reasons[0] if self._latest.reasons else None
            params: dict[str, str] = {"health": health}
            if worst is not None:
                params |= {"metric": worst.metric, "value": f"{worst.value:.0f}", "limit": f"{worst.limit:.0f}"}
                params |= dict(worst.labels)
            severity = {"OK": "info", "WARNING": "warning", "CRITICAL": "error"}[health]
            self._events.add("health_changed", severity, **params)  # type: ignore[arg-type]
        self._announced = health

    def _note_stores(self) -> None:
        for part in self.parts():
            before = self._problems.get(part.name, "")
            if bool(before) != bool(part.message):
                if part.message:
                    self._events.add("store_away", "error", part=part.name, error=part.message)
                else:
                    self._events.add("store_back", part=part.name)
                    if part.name == "accounts":
                        self._accounts_back()
            self._problems[part.name] = part.message

    def _keep(self) -> None:
        pruned = time.monotonic()
        while not self._stop.wait(HOUSEKEEPING):
            try:
                self._note_stores()
                self._events.flush()
                if time.monotonic() - pruned > PRUNE_EVERY:
                    pruned = time.monotonic()
                    self._accounts.prune()
                    self._jobs.tidy()
                    self._retain()
            except Exception:  # the edge of this thread: if it died, no event would be kept and nobody would know
                log.exception("housekeeping failed; it goes on")

    def _retain(self) -> None:
        try:
            self._audit.retain()
        except StorageError as error:
            log.warning("old audit rows were not removed", error=str(error))


def past_ticks(collectors: Sequence[Collector], start: float, end: float, step: float) -> Iterator[Tick]:
    """What ``collectors`` yield for each tick from ``start`` to ``end`` (epoch seconds), rates included.

    For collectors that can tell the past: replayed captures.
    """
    rates, due = Rates(), dict.fromkeys((c.name for c in collectors), 0.0)
    at = next_tick(start, step)
    while at < end:
        samples: list[Sample] = []
        for collector in collectors:
            if at < due[collector.name]:
                continue
            due[collector.name] = at + collector.every
            try:
                samples.extend(collector.collect(at))
            except NoData:
                continue
        samples.extend(list(rates.derive(samples, at)))
        yield Tick(at, samples)
        at += step
