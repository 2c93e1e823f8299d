"""An alert: one time that one rule held on one series, from when it began until it was over."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy.engine import Row

from alerts import text
from alerts.rule import Comparison, Rule
from metrics.series import SeriesInfo

Phase = Literal["pending", "firing", "resolved"]
Kind = Literal["firing", "unmuted", "resolved", "acknowledged", "assigned"]
"""What became of an alert. ``unmuted``: what mutes it has ended while it fires."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One occurrence. Times are epoch seconds, values in the base unit ``unit``."""

    uuid: str
    fingerprint: str
    """The same each time that this rule holds on this series."""
    rule: str
    type: str
    name: str
    server: int
    series: str
    """Its key: ``name{label="value"}``."""
    metric: str
    unit: str
    category: str
    severity: str
    comparison: Comparison
    message: str
    """With ``{places}`` that `alerts.text.fill` fills; a shipped one is to be translated first."""
    state: Phase
    threshold: float
    started: float
    id: int = 0
    """Its row; 0 before it has one."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Those of the series, and the rule's own."""
    value: float | None = None
    peak: float | None = None
    fired: float | None = None
    resolved: float | None = None
    reason: str = ""
    """Why it ended, when not by itself: ``rule`` when that was changed, disabled or deleted, ``gone`` when its series
    was forgotten."""
    acknowledged: float | None = None
    acknowledged_by: str = ""
    note: str = ""
    owner: str = ""
    flapping: bool = False
    muted: str = ""
    """What mutes it: ``silence:ID``, ``inhibited:RULE``; empty when nothing does."""
    told: bool = False
    """It fired while nothing muted it."""

    @property
    def group(self) -> tuple[int, str]:
        """What may be told in one message: server and category."""
        return self.server, self.category

    def matching(self) -> SeriesInfo:
        """The alert as selectors of silences and inhibitions see it: its labels and those that every alert has. The
        series' own label ``server``, which names a model server, is there as ``model_server``."""
        own = {
            "rule": self.rule, "type": self.type, "severity": self.severity, "category": self.category,
            "server": str(self.server), "metric": self.metric, "series": self.series,
        }
        if "server" in self.labels:
            own["model_server"] = self.labels["server"]
        return SeriesInfo(self.metric, tuple(sorted({**self.labels, **own}.items())), self.unit, "gauge", "")

    def said(
        self, gettext: Callable[[str], str], human: Callable[[float | None, str], str], what: str,
        label: Callable[[str, str], str],
    ) -> str:
        """Its sentence in a language; see `alerts.text.message`."""
        return text.message(self, gettext, human, what, label)

    def ended_with(self, at: float, reason: str = "") -> Alert:
        """The same, over."""
        return replace(self, state="resolved", resolved=at, reason=reason)


def begun(rule: Rule, info: SeriesInfo, server: int, fingerprint: str, threshold: float, at: float) -> Alert:
    """A new, pending alert."""
    return Alert(
        uuid=str(uuid.uuid4()), fingerprint=fingerprint, rule=rule.id, type=rule.type, name=rule.name, server=server,
        series=info.key, metric=info.name, unit=info.unit, category=rule.category, severity=rule.severity,
        comparison=rule.comparison, message=rule.message, state="pending", threshold=threshold, started=at,
        labels={**dict(info.labels), **rule.labels},
    )


def of_row(row: Row[Any] | Mapping[str, Any]) -> Alert:
    """An alert as its row tells it."""
    values = dict(row if isinstance(row, Mapping) else row._mapping)
    return Alert(**{**values, "labels": json.loads(values["labels"])})


def values_of(alert: Alert) -> dict[str, Any]:
    """The columns of its row that the engine writes; what people say of it is not among them."""
    return {
        "fingerprint": alert.fingerprint, "rule": alert.rule, "type": alert.type, "name": alert.name,
        "server": alert.server, "series": alert.series, "metric": alert.metric, "unit": alert.unit,
        "labels": json.dumps(dict(alert.labels), ensure_ascii=False), "category": alert.category,
        "severity": alert.severity, "comparison": alert.comparison, "message": alert.message, "state": alert.state,
        "reason": alert.reason, "value": alert.value, "peak": alert.peak, "threshold": alert.threshold,
        "started": alert.started, "fired": alert.fired, "resolved": alert.resolved, "flapping": alert.flapping,
        "muted": alert.muted, "told": alert.told,
    }


@dataclass(frozen=True, slots=True)
class Transition:
    """What became of an alert, and when: one row, made once, in the transaction that changes the alert."""

    alert: Alert
    kind: Kind
    at: float
    muted: str = ""
    """Why nobody is told; empty when people are."""
    who: str = ""
    note: str = ""
    id: int = 0
