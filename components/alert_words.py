"""Alerts in words: their sentence, and lines of them for the overview and for marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from flask_babel import gettext as _

from components import formats, metric_words, words
from components.links import href
from config.dashboard import SEVERITIES
from live.events import Event, Severity
from live.summary import Summary
from metrics.health import Reason

_EVENT: dict[str, Severity] = {"info": "info", "warning": "warning", "error": "error", "critical": "error"}


class Told(Protocol):
    """What is needed of `alerts.alert.Alert`."""

    @property
    def uuid(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def severity(self) -> str: ...
    @property
    def muted(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def acknowledged(self) -> float | None: ...
    @property
    def started(self) -> float: ...
    @property
    def fired(self) -> float | None: ...

    def said(
        self, gettext: Callable[[str], str], human: Callable[[float | None, str], str], what: str,
        label: Callable[[str, str], str],
    ) -> str: ...


class Became(Protocol):
    """What is needed of `alerts.alert.Transition`."""

    @property
    def alert(self) -> Told: ...
    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> float: ...


class Source(Protocol):
    """What is needed of `alerts.service.Alerts`."""

    def glance(self, limit: int = 8) -> tuple[Sequence[Told], Sequence[Became]]: ...


@dataclass(frozen=True, slots=True)
class Line:
    """An alert that fires, as the overview lists it."""

    severity: str
    name: str
    text: str
    since: float
    href: str
    metric: str
    labels: Mapping[str, str]
    owner: str = ""
    acknowledged: bool = False
    muted: bool = False


def what(alert: Told) -> str:
    """What is watched, in words."""
    labels = [metric_words.labelled(name, value) for name, value in sorted(alert.labels.items()) if name != "scope"]
    return " · ".join([metric_words.metric(alert.metric), *labels])


def said(alert: Told) -> str:
    """The sentence of an alert in the viewer's language."""
    return alert.said(_, formats.human, what(alert), label)


def label(name: str, value: str) -> str:
    """The value of a label in words."""
    known = {"part": words.part_words, "collector": words.source}
    return known[name](value) if name in known else value


def severity_class(severity: str) -> str:
    """The class that gives a severity its colour."""
    return {"warning": "is-warning", "error": "is-critical", "critical": "is-critical"}.get(severity, "is-plain")


def lines(alerts: Iterable[Told]) -> list[Line]:
    """Alerts that fire, in the order given."""
    return [
        Line(
            one.severity, _(one.name), said(one), one.fired or one.started, href("/alerts", alert=one.uuid), one.metric,
            one.labels, one.owner, one.acknowledged is not None, bool(one.muted),
        )
        for one in alerts
    ]


def covers(found: Iterable[Line], reason: Reason) -> bool:
    """Whether one of these alerts says the same as a reason of the health."""
    labels = dict(reason.labels)
    return any(
        line.metric == reason.metric and all(line.labels.get(name) == value for name, value in labels.items())
        for line in found
    )


def worst(found: Iterable[Line]) -> str:
    """The worst severity among alerts; empty without any."""
    return max((line.severity for line in found), key=SEVERITIES.index, default="")


def events(happened: Iterable[Became]) -> list[Event]:
    """What became of alerts, as events of a list."""
    return [
        Event(one.at, "alert_resolved", "info", {"text": said(one.alert)}) if one.kind == "resolved" else
        Event(one.at, "alert_firing", _EVENT.get(one.alert.severity, "info"), {"text": said(one.alert)})
        for one in happened
    ]


def with_alerts(summary: Summary, source: Source, count: int = 8) -> tuple[Summary, list[Line]]:
    """A summary with what became of alerts among its events, and the alerts that fire."""
    firing, happened = source.glance(count)
    mixed = sorted([*summary.events, *events(happened)], key=lambda one: -one.at)[:count]
    return replace(summary, events=mixed), lines(firing)
