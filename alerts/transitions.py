"""The alert engine's transitions, as those who tell of them read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy.engine import Connection

from alerts.alert import Transition
from alerts.notices import Notice


class Engine(Protocol):
    """`alerts.service.Alerts`, as far as telling needs it."""

    def unclaimed(self, connection: Connection, limit: int) -> list[Transition]:
        """Transitions that are to be told and that nobody has taken up, oldest first."""

    def claim(self, connection: Connection, transition: int, now: float) -> bool:
        """Takes one up; False when somebody else has."""


class Transitions:
    """What is new, as notices. ``server_name`` gives the name of a server's row."""

    def __init__(self, engine: Engine, server_name: Callable[[int], str]) -> None:
        self._engine, self._server_name = engine, server_name

    def unclaimed(self, connection: Connection, limit: int) -> list[Notice]:
        """Those that nobody has taken up, oldest first."""
        return [self._notice(one) for one in self._engine.unclaimed(connection, limit)]

    def claim(self, connection: Connection, transition: int, now: float) -> bool:
        """Takes one up; False when somebody else has."""
        return self._engine.claim(connection, transition, now)

    def _notice(self, found: Transition) -> Notice:
        alert = found.alert
        return Notice(
            id=found.id, alert=alert.id, uuid=alert.uuid, at=found.at,
            state="resolved" if found.kind == "resolved" else "firing",  # unmuted: it fires, and is told from now on
            rule=alert.rule, name=alert.name, severity=alert.severity, category=alert.category,
            server=self._server_name(alert.server) or str(alert.server), metric=alert.metric, value=alert.value,
            threshold=alert.threshold, comparison=alert.comparison, unit=alert.unit, message=alert.message,
            labels=dict(alert.labels), since=alert.started if alert.fired is None else alert.fired,
            acknowledged_by=alert.acknowledged_by, flapping=alert.flapping, muted=found.muted,
        )
