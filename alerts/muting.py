"""What keeps an alert from being told: silences, maintenance windows, and other alerts that inhibit it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from alerts.alert import Alert
from config.marks import N_
from storage.selector import parse_selector

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that ``matchers`` mean are not told from ``start`` to ``end``; with ``days`` only on these days between
    two times of day, which make a window that comes weekly."""

    id: int
    kind: Literal["silence", "maintenance"]
    matchers: str
    start: float
    end: float | None
    by: str
    comment: str = ""
    days: tuple[str, ...] = ()
    from_time: str = ""
    to_time: str = ""
    timezone: str = "UTC"
    created: float = 0.0
    ended_by: str = ""

    def active(self, now: float) -> bool:
        """Whether it holds at ``now``."""
        if now < self.start or (self.end is not None and now >= self.end):
            return False
        return not self.days or self._in_week(datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(self.timezone)))

    def over(self, now: float) -> bool:
        """Whether it will never hold again."""
        return self.end is not None and now >= self.end

    def _in_week(self, local: datetime) -> bool:
        clock, today = local.strftime("%H:%M"), DAYS[local.weekday()]
        if self.from_time < self.to_time:
            return today in self.days and self.from_time <= clock < self.to_time
        yesterday = DAYS[(local - timedelta(days=1)).weekday()]
        return (today in self.days and clock >= self.from_time) or (yesterday in self.days and clock < self.to_time)


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Alerts that ``target`` means are not told while one that ``source`` means fires with the same ``equal``
    labels."""

    id: int
    name: str
    source: str
    target: str
    equal: tuple[str, ...]
    enabled: bool = True
    shipped: str = ""
    """Its name among `SHIPPED`; empty for one's own."""


SHIPPED = (
    Inhibition(0, N_("A server that is down mutes what else fails on it."), '{scope="server"}', '{scope!="server"}',
               ("server",), shipped="server_down"),
    Inhibition(0, N_("A critical alert mutes milder ones of the same series."), '{severity="critical"}',
               '{severity=~"info|warning|error"}', ("server", "series"), shipped="critical"),
    Inhibition(0, N_("A proxy that is down mutes what else is wrong with it."), '{type="PROXY_DOWN"}',
               '{type=~"PROXY_UNHEALTHY|RATE_LIMIT_EXCEEDED"}', ("server", "proxy"), shipped="proxy_down"),
    Inhibition(0, N_("A model that has crashed mutes what else is wrong with it."), '{type="MODEL_CRASHED"}',
               '{category="model_failure",type!="MODEL_CRASHED"}', ("server", "model_server", "model"),
               shipped="model_crashed"),
    Inhibition(0, N_("An error budget that burns fast mutes that it burns."), '{rule="objective_burn_fast"}',
               '{rule="objective_burn"}', ("server", "model_server", "model"), shipped="objective_burn_fast"),
    Inhibition(0, N_("What a proxy measures of a model mutes what its engine tells of the same."),
               '{rule=~"high_latency|high_error_rate",proxy!=""}', '{rule=~"high_latency|high_error_rate",proxy=""}',
               ("server", "rule", "model_server", "model"), shipped="proxy_knows"),
)


def silenced(alert: Alert, silences: Iterable[Silence], now: float) -> str:
    """``silence:ID`` of the first that holds; empty when none does."""
    info = None
    for one in silences:
        if one.active(now):
            info = info or alert.matching()
            if parse_selector(one.matchers).matches(info):
                return f"silence:{one.id}"
    return ""


class Inhibitor:
    """Which of the alerts that fire mute which others: made once for a set of alerts."""

    def __init__(self, inhibitions: Iterable[Inhibition], firing: Sequence[Alert]) -> None:
        self._sources: list[tuple[Inhibition, dict[tuple[str, ...], list[Alert]]]] = []
        infos = [(alert, alert.matching()) for alert in firing]
        for one in inhibitions:
            if not one.enabled:
                continue
            source, found = parse_selector(one.source), {}  # type: ignore[var-annotated]
            for alert, info in infos:
                if source.matches(info):
                    found.setdefault(tuple(info.label(name) for name in one.equal), []).append(alert)
            if found:
                self._sources.append((one, found))

    def of(self, alert: Alert) -> str:
        """``inhibited:RULE`` by the alert that mutes it; empty when none does."""
        if not self._sources:
            return ""
        info = alert.matching()
        for one, found in self._sources:
            for source in found.get(tuple(info.label(name) for name in one.equal), ()):
                if source.fingerprint != alert.fingerprint and parse_selector(one.target).matches(info):
                    return f"inhibited:{source.rule}"
        return ""
