"""Rows as the alert engine leaves them, for tests of those who tell of them."""

from __future__ import annotations

import time
import uuid
from typing import Any

import orjson
import sqlalchemy as sa

from alerts.service import Alerts
from alerts.tables import alerts, transitions
from config.limits import HealthLimits
from live.hub import Hub
from storage.database import Database
from storage.latest import Latest


def engine(database: Database) -> Alerts:
    """The engine's store, for reading."""
    return Alerts(database, server=1, hub=Hub(), latest=Latest(HealthLimits()), query=None, holder="test")  # type: ignore[arg-type]


def fire(database: Database, *, muted: str = "", at: float | None = None, **given: Any) -> tuple[int, int]:
    """An alert that begins to fire: the rows of the alert and of its transition."""
    at = time.time() if at is None else at
    values: dict[str, Any] = {
        "uuid": str(uuid.uuid4()), "fingerprint": str(uuid.uuid4()), "rule": "high_cpu", "type": "HIGH_CPU",
        "name": "High CPU use", "server": 1, "series": "cpu_usage_ratio", "metric": "cpu_usage_ratio", "unit": "ratio",
        "labels": {}, "category": "high_resource_usage", "severity": "warning", "comparison": ">=", "message": "",
        "state": "firing", "value": 0.97, "threshold": 0.85, "started": at - 60, "fired": at, **given,
    }
    values["labels"] = orjson.dumps(values["labels"]).decode()
    with database.write() as connection:
        alert = connection.execute(sa.insert(alerts).values(**values)).inserted_primary_key[0]  # type: ignore[index]
    return alert, flip(database, alert, "firing", muted=muted, at=at)


def flip(
    database: Database, alert: int, kind: str, *, muted: str = "", at: float | None = None,
) -> int:
    """One more transition of an alert: its row."""
    with database.write() as connection:
        if kind == "resolved":
            connection.execute(sa.update(alerts).where(alerts.c.id == alert).values(state="resolved", resolved=at))
        key = connection.execute(sa.insert(transitions).values(
            alert_id=alert, kind=kind, at=time.time() if at is None else at, value=0.97, muted=muted,
        )).inserted_primary_key
    return int(key[0]) if key else 0
