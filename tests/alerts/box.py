"""A machine under watch: ring, newest values, hub and database are real, its values and its clock are the test's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alerts import tables
from alerts.alert import Alert, of_row
from alerts.rule import Rule
from alerts.service import Alerts
from config.dashboard import AlertThresholds
from config.limits import HealthLimits
from live.hub import Frame, Hub, Subscription
from metrics.metric import Metric, Sample, labels
from storage.archive.archive import Archive
from storage.database import Database
from storage.latest import Latest
from storage.query import Query
from storage.ring.file import FileRing
from storage.writer import Tick, Writer

T0 = 1_800_000_000.0
LOAD = Metric("load_ratio", "gauge", "ratio", "A made-up load")
ERRORS = Metric("errors_total", "counter", "", "Made-up errors")
ERROR_RATE = Metric("errors_per_second", "gauge", "per_second", "Made-up errors, per second")


def rule(**more: Any) -> Rule:
    """A rule on the made-up load."""
    return Rule(**{"id": "busy", "name": "Busy", "selectors": ("load_ratio",), "threshold": 0.8, **more})


@dataclass
class Box:
    """One process that may evaluate."""

    alerts: Alerts
    hub: Hub
    latest: Latest
    writer: Writer
    ring: FileRing
    news: Subscription
    at: float = T0
    total: float = 0.0
    frames: list[Frame] = field(default_factory=list)

    def tick(self, value: float | dict[str, float] | None = None, errors: float | None = None) -> list[str]:
        """A second passes; the news of it, as ``kind rule``. A mapping gives a value to each ``unit``."""
        self.at += 1
        values = value if isinstance(value, dict) else {} if value is None else {"": value}
        samples = [Sample(LOAD, labels(unit=unit) if unit else (), v) for unit, v in values.items()]
        if errors is not None:
            self.total += errors
            samples += [Sample(ERRORS, (), self.total), Sample(ERROR_RATE, (), errors)]
        return self._write(samples)

    def take(self, samples: Sequence[Sample]) -> list[str]:
        """A second passes that brings these samples; the news of it."""
        self.at += 1
        return self._write(list(samples))

    def _write(self, samples: list[Sample]) -> list[str]:
        self.writer.write(Tick(self.at, samples))
        self.alerts.engine.round(self.frames.pop())
        return self.heard()

    def ticks(self, *values: float | None) -> list[str]:
        """The news of some ticks."""
        return [one for value in values for one in self.tick(value)]

    def heard(self) -> list[str]:
        """News since the last look."""
        found = []
        while (one := self.news.get(0)) is not None:
            found.append(f"{one['kind']} {one['alert']['rule']}" + (f" ({one['muted']})" if one["muted"] else ""))
        return found

    def rows(self) -> list[Alert]:
        """All alerts that the database has."""
        with self.alerts._database.read() as connection:
            return [of_row(row) for row in connection.execute(sa.select(tables.alerts).order_by(tables.alerts.c.id))]

    def close(self) -> None:
        self.ring.close()


def make_box(
    folder: Path, database: Database, holder: str = "one", rules: Sequence[Rule] = (), seconds: float = 15.0,
    thresholds: AlertThresholds | None = None,
) -> Box:
    """A box with ``rules``; those that Vigie comes with find nothing in it to watch."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = [T0]
    ring = FileRing(folder, 1, 1.0, 3600, max_series=512, now=lambda: clock[0])
    archive = Archive(Database("archive", folder))
    latest, hub = Latest(HealthLimits()), Hub()
    query = Query(ring, archive, lambda: clock[0])
    found: list[AlertThresholds] = [thresholds or AlertThresholds()]
    alerts = Alerts(
        database, server=1, hub=hub, latest=latest, query=query, holder=holder, lease_seconds=seconds,
        thresholds=lambda: found[0], now=lambda: clock[0],
    )
    alerts.limits = found  # type: ignore[attr-defined]
    box: Box

    def publish(at: float, values: Any, row: bytes) -> None:
        clock[0] = at
        box.frames.append(Frame(1, round(at * 1000), values, row))

    box = Box(alerts, hub, latest, Writer(ring, latest, publish, lambda _name: 1.0), ring, hub.subscribe("alerts", 64))
    alerts.rulebook.load()
    known = {entry.rule.id for entry in alerts.rulebook.entries()}
    for one in rules:
        if one.id not in known:
            alerts.rulebook.add(one, "test")
    return box
