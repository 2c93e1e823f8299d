"""What the rest of Vigie knows of alerts: ``vigie().alerts``.

Interface for callbacks and routes, all of it safe from any thread::

    alerts.active(server=None)               firing and pending ones, the worst first
    alerts.get(uuid)                         one alert, open or over
    alerts.story(uuid)                       what became of it: transitions, oldest first
    alerts.history(Filter(...), limit=50)    a `history.Page`
    alerts.between(start, end)               those that fired in a window: marks on charts
    alerts.glance(8)                         what fires, and what became of alerts last: a first screen
    alerts.changes                           counts up with every transition: an answer's version
    alerts.acknowledge(uuid, who, note)      alerts.assign(uuid, owner, who, note)
    alerts.rulebook                          rules: entries() get() add() change() reset() delete()
    alerts.statuses()                        what each rule does now
    alerts.silences                          silences, maintenance windows, inhibitions
    alerts.try_rule(rule)                    what a rule sees now
    alerts.backtest(rule, start, end)        when a rule would have fired      alerts.suggest(rule, start, end, most)

The hub's topic ``alerts`` carries one object per transition: ``{"kind", "at", "muted", "who", "alert": {...}}``, as
`as_json` makes it, published after its row is written. Delivery takes up what is not told with `unclaimed` and `claim`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alerts import tables
from alerts.alert import Alert, Kind, Transition, of_row
from alerts.engine import Engine
from alerts.history import Filter, Page, page
from alerts.lease import SECONDS, Lease
from alerts.past import Past, Pasts, condition
from alerts.recent import fired, happened
from alerts.rule import Rule
from alerts.rulebook import Entry, Rulebook
from alerts.silences import Silences
from alerts.store import Store
from alerts.watch import Watch
from alerts.windows import Windows
from analysis.backtest import Span, Suggestion, Summary, spans, suggest, summary
from config.dashboard import SEVERITIES, AlertThresholds
from live.hub import Hub
from metrics.metric import unit_of
from storage.database import Database
from storage.errors import StorageError
from storage.latest import Latest
from storage.query import Query
from storage.selector import parse_selector

MOST_NOTE = 500
TELLING: tuple[Kind, ...] = ("firing", "unmuted", "resolved")


class AlertMissing(Exception):
    """There is no such alert, or it is over."""


class BadNote(ValueError):
    """What somebody says of an alert cannot be kept: ``field`` names it, the message says what is allowed."""

    def __init__(self, field: str, allowed: str) -> None:
        super().__init__(allowed)
        self.field = field


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """What a rule does now."""

    entry: Entry
    limit: float
    resolve_limit: float
    series: int | None
    """How many series it watches; None while another process evaluates."""
    pending: int
    firing: int
    waiting: bool
    """It has nothing to watch because its source is not set up."""
    problem: str
    """Why it is not evaluated now; empty when it is."""
    unit: str = ""
    """Of what it watches; empty when that is not known here."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule sees of one series now."""

    series: str
    unit: str
    value: float | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Backtest:
    """When a rule would have fired: ``spans`` of each series of ``past``, and the threshold that it was judged by."""

    past: Past
    spans: list[list[Span]]
    limit: float

    @property
    def summary(self) -> Summary:
        """How often and how long."""
        return summary(self.spans, self.past.end)


class Alerts:
    """Rules, the engine that evaluates them, and what came of it. Making it starts nothing."""

    def __init__(
        self, database: Database, *, server: int, hub: Hub, latest: Latest, query: Query, holder: str,
        thresholds: Callable[[], AlertThresholds] = AlertThresholds, lease_seconds: float = SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._hub, self._latest, self._query = database, hub, latest, query
        self._thresholds, self._now = thresholds, now
        self.server = server
        self.pasts = Pasts(query, latest.infos, now)
        """What backtests look at."""
        self.rulebook, self.silences, self.store = Rulebook(database, now), Silences(database, now), Store(database)
        self.engine = Engine(
            server=server, hub=hub, latest=latest, query=query, rulebook=self.rulebook, silences=self.silences,
            store=self.store, lease=Lease(database, holder, lease_seconds), thresholds=thresholds, told=self._tell,
            tidy=self.pasts.tidy,
        )
        self.changes = 0

    # The loop

    def start(self) -> None:
        """Starts to evaluate, or to wait until another process ceases to."""
        self.engine.start()

    def stop(self) -> None:
        """Ends that, and writes what waits."""
        self.engine.stop()

    def problem(self) -> str:
        """Why alerts are not evaluated or not kept; empty when all is well."""
        return self.engine.problem()

    def detail(self) -> str:
        """What the loop does now."""
        return self.engine.detail()

    def _tell(self, transition: Transition) -> None:
        self.changes += 1
        self._hub.publish("alerts", {
            "kind": transition.kind, "at": round(transition.at * 1000), "muted": transition.muted,
            "who": transition.who, "note": transition.note, "alert": as_json(transition.alert),
        })

    # What there is

    def active(self, server: int | None = None) -> list[Alert]:
        """Those that are firing or pending, firing first, the worst first. Raises StorageError where another process
        evaluates and the database is away."""
        found = self.engine.current() if self.engine.active else self.store.opened()
        return sorted(
            (alert for alert in found if server in (None, alert.server)),
            key=lambda one: (one.state != "firing", -_weight(one.severity), one.fired or one.started, one.uuid),
        )

    def get(self, uuid: str) -> Alert:
        """One alert. Raises StorageError.

        Raises:
            AlertMissing: there is none.
        """
        for alert in self.engine.current():
            if alert.uuid == uuid:
                return alert
        found = self.store.one(uuid)
        if found is None:
            raise AlertMissing
        return found

    def story(self, uuid: str) -> list[dict[str, Any]]:
        """What became of an alert, oldest first: kind, at, value, muted, who, note. Raises StorageError.

        Raises:
            AlertMissing: there is none.
        """
        found = self.store.one(uuid)
        if found is None:
            raise AlertMissing
        return self.store.transitions_of(found.id)

    def history(self, wanted: Filter, limit: int = 50, before: int | None = None) -> Page:
        """A page of what was. Raises StorageError."""
        return page(self._database, wanted, self._now(), limit, before)

    def between(self, start: float, end: float, limit: int = 500) -> list[Alert]:
        """Those that fired at some time of a window, newest first. Raises StorageError."""
        return self.store.between(start, end, limit)

    def glance(self, limit: int = 8) -> tuple[list[Alert], list[Transition]]:
        """What fires, the worst first, and the newest beginnings and ends. While the database is away it is what this
        process knows by itself: a first screen goes on, and says elsewhere that a store is away."""
        try:
            firing, newest = self.active(), happened(self._database, limit)
        except StorageError:
            firing, newest = list(self.engine.current()), []
        return [one for one in firing if one.state == "firing"], newest

    # What people say of it

    def acknowledge(self, uuid: str, who: str, note: str = "") -> Alert:
        """Somebody takes an alert up. Raises StorageError.

        Raises:
            AlertMissing: there is none, or it is over. BadNote.
        """
        note, at = _clean("note", note), round(self._now(), 3)
        return self._say(uuid, "acknowledged", at, who, note, {
            "acknowledged": at, "acknowledged_by": who, "note": note,
        })

    def assign(self, uuid: str, owner: str, who: str, note: str = "") -> Alert:
        """Gives an alert an owner; an empty one takes it from whoever has it. Raises StorageError.

        Raises:
            AlertMissing: there is none, or it is over. BadNote.
        """
        owner, note = _clean("owner", owner, 100), _clean("note", note)
        return self._say(uuid, "assigned", round(self._now(), 3), who, note or owner, {"owner": owner})

    def _say(self, uuid: str, kind: Kind, at: float, who: str, words: str, values: dict[str, Any]) -> Alert:
        alert = self.store.say(uuid, kind, at, who, words, values)
        if alert is None:
            raise AlertMissing
        self.engine.take_up(alert)
        self._tell(Transition(alert, kind, at, who=who, note=words))
        return alert

    # Rules

    def statuses(self) -> list[RuleStatus]:
        """What each rule does now."""
        engine, thresholds = self.engine, self._thresholds()
        counts, problems = engine.watch.counts, dict(engine.watch.problems)
        opened = list(engine.open.values())
        units = {info.name: info.unit for info in self._latest.infos()}
        return [self._status(entry, thresholds, counts, problems, opened, units) for entry in self.rulebook.entries()]

    def _status(
        self, entry: Entry, thresholds: AlertThresholds, counts: Any, problems: dict[str, str], opened: list[Alert],
        units: dict[str, str],
    ) -> RuleStatus:
        rule = entry.rule
        series = counts.get(rule.id, 0) if self.engine.active and rule.enabled else None
        mine = [alert.state for alert in opened if alert.rule == rule.id]
        metric = parse_selector(rule.selectors[0]).name or ""
        return RuleStatus(
            entry, rule.limit(thresholds), rule.resolve_limit(thresholds), series, mine.count("pending"),
            mine.count("firing"), bool(rule.source) and series == 0, entry.problem or problems.get(rule.id, ""),
            units.get(metric, unit_of(metric)),
        )

    def fired(self, since: float) -> dict[str, tuple[float, int]]:
        """When each rule fired last, and how often since a time. Raises StorageError."""
        return fired(self._database, since)

    def limits_of(self, rule: Rule) -> tuple[float, float]:
        """The threshold in force for a rule, and the one below (above) which it is over."""
        thresholds = self._thresholds()
        return rule.limit(thresholds), rule.resolve_limit(thresholds)

    def try_rule(self, rule: Rule) -> list[Seen]:
        """What a rule that need not be kept sees now, series by series. Raises StorageError."""
        watch = Watch(self.server, self._latest.infos, Windows(self._query))
        watch.set_rules([rule.model_copy(update={"for_seconds": 0.0, "no_data": "ok"})], self._thresholds())
        values = {info.key: value for info, value in self._latest.present()}
        watch.tick(self._latest.at or self._now(), values)
        for problem in watch.problems.values():
            raise BadNote("rule", problem)
        return [
            Seen(pair.key, pair.info.unit, None if math.isnan(watch.values[place]) else float(watch.values[place]),
                 bool(watch.table.state[place]))
            for place, pair in enumerate(watch.pairs)
        ]

    def backtest(self, rule: Rule, start: float, end: float) -> Backtest:
        """When ``rule``, which need not be kept, would have fired in a window. Raises StorageError."""
        past = self.pasts.of(rule, start, end)
        held = condition(rule, self._thresholds())
        return Backtest(past, [spans(held, one) for one in past.samples], held.limit)

    def suggest(self, rule: Rule, start: float, end: float, most: float) -> Suggestion:
        """A threshold for ``rule`` out of a window. Raises StorageError."""
        return suggest(condition(rule, self._thresholds()), self.pasts.of(rule, start, end).samples, most)

    # Delivery

    def unclaimed(self, connection: Connection, limit: int) -> list[Transition]:
        """Transitions that are to be told and that nobody has taken up, oldest first."""
        kept, happened = tables.alerts, tables.transitions
        query = (
            sa.select(kept, happened.c.id.label("transition"), happened.c.kind, happened.c.at.label("happened"),
                      happened.c.value.label("measured"), happened.c.muted.label("untold"))
            .join(kept, kept.c.id == happened.c.alert_id)
            .where(happened.c.claimed.is_(None), happened.c.kind.in_(TELLING)).order_by(happened.c.id).limit(limit)
        )
        found = []
        for row in connection.execute(query):
            values = dict(row._mapping)
            number, kind, at, measured, muted = (
                values.pop(name) for name in ("transition", "kind", "happened", "measured", "untold")
            )
            alert = of_row(values)
            found.append(Transition(_as_of(alert, kind, measured), kind, at, muted=muted, id=number))
        return found

    def claim(self, connection: Connection, transition: int, now: float) -> bool:
        """Takes one up; False when somebody else has."""
        table = tables.transitions
        return bool(connection.execute(
            sa.update(table).where(table.c.id == transition, table.c.claimed.is_(None)).values(claimed=now)
        ).rowcount)


def _as_of(alert: Alert, kind: Kind, value: float | None) -> Alert:
    """The alert as it was at a transition, as far as that matters to who is told."""
    if kind == "resolved":
        return replace(alert, value=value)
    return replace(alert, value=value, state="firing", resolved=None, reason="")


def _weight(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _clean(field: str, text: str, most: int = MOST_NOTE) -> str:
    text = text.strip()
    if len(text) > most or not text.replace("\n", "").isprintable():
        raise BadNote(field, f"has {most} letters, digits and signs at most")
    return text


def as_json(alert: Alert) -> dict[str, Any]:
    """An alert as programs get it: times in epoch milliseconds, values in base units; ``message`` has its places."""
    return {
        "id": alert.uuid, "rule": alert.rule, "type": alert.type, "name": alert.name, "server": alert.server,
        "series": alert.series, "metric": alert.metric, "unit": alert.unit, "labels": dict(alert.labels),
        "category": alert.category, "severity": alert.severity, "state": alert.state, "comparison": alert.comparison,
        "threshold": alert.threshold, "value": alert.value, "peak": alert.peak, "message": alert.message,
        "started": _ms(alert.started), "fired": _ms(alert.fired), "resolved": _ms(alert.resolved),
        "reason": alert.reason, "acknowledged": _ms(alert.acknowledged), "acknowledged_by": alert.acknowledged_by,
        "note": alert.note, "owner": alert.owner, "flapping": alert.flapping, "muted": alert.muted,
        "fingerprint": alert.fingerprint,
    }


def _ms(at: float | None) -> int | None:
    return None if at is None else round(at * 1000)
