"""What is told of one transition: everything a message, the bell or a webhook says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts.routing import State


@dataclass(frozen=True, slots=True)
class Notice:
    """One transition of one alert. Times are epoch seconds, values in the base unit ``unit``."""

    id: int
    """Row of the transition."""
    alert: int
    """Row of the alert, or what else names it for good."""
    at: float
    state: State
    rule: str
    """Its id."""
    name: str
    """What people call it."""
    severity: str
    category: str
    server: str
    metric: str = ""
    value: float | None = None
    threshold: float | None = None
    comparison: str = ">"
    unit: str = ""
    message: str = ""
    """With ``{places}`` that `alerts.text.fill` fills; that of a shipped rule is to be translated first."""
    labels: Mapping[str, str] = field(default_factory=dict)
    since: float = 0.0
    """When it began to fire."""
    acknowledged_by: str = ""
    flapping: bool = False
    muted: str = ""
    """Why it is not told: ``silence:ID``, ``inhibited:RULE``; empty when it is."""
    uuid: str = ""
    """What its page is found by."""

    @property
    def group(self) -> str:
        """What belongs into one message: a server and a category."""
        return f"{self.server}\n{self.category}"


SAMPLE = Notice(
    id=0, alert=0, at=1_700_000_180.0, state="firing", rule="high_cpu", name="High CPU use", severity="warning",
    category="high_resource_usage", server="gpu-1", metric="cpu_usage_ratio", value=0.97, threshold=0.85, unit="ratio",
    labels={}, since=1_700_000_000.0,
)
"""An alert for previews and test messages."""


def data(notice: Notice, url: str) -> dict[str, Any]:
    """A notice as a webhook tells it: numbers in base units, times in epoch milliseconds."""
    return {
        "transition": notice.id, "alert": notice.alert, "uuid": notice.uuid, "state": notice.state,
        "rule": notice.rule, "name": notice.name,
        "severity": notice.severity, "category": notice.category, "server": notice.server, "metric": notice.metric,
        "labels": dict(notice.labels), "value": notice.value, "threshold": notice.threshold,
        "comparison": notice.comparison, "unit": notice.unit, "message": notice.message,
        "since": round(notice.since * 1000), "at": round(notice.at * 1000),
        "acknowledgedBy": notice.acknowledged_by or None, "flapping": notice.flapping, "url": url or None,
    }
