"""How much more a model can take before its objective breaks, from the minutes that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import sqlalchemy as sa

from analysis.capacity import Capacity, capacity
from config.serving import Objective
from serving.requests.objectives import BLAMELESS
from serving.requests.table import requests
from storage.database import Database

MINUTE = 60
MOST = 500_000
"""Requests that are looked at, the newest."""
Limit = Literal["ttft", "itl"]


@dataclass(frozen=True, slots=True)
class Room:
    """What a model can take. ``by`` is what breaks first; ``capacity`` is None where there is not enough data."""

    now: float
    """Requests a second of the last minutes that had any."""
    capacity: Capacity | None
    by: Limit | None
    minutes: int
    """Minutes with requests that were looked at."""
    limit: float | None = None
    """Seconds that are the limit of what breaks first; of the first token where that is not known."""
    points: tuple[tuple[float, float], ...] = ()
    """The minutes: requests a second, and the 95th percentile of what has that limit, seconds."""

    @property
    def more(self) -> float | None:
        """Requests a second beyond those of now."""
        return None if self.capacity is None else max(self.capacity.rate - self.now, 0.0)


def room(
    database: Database, objective: Objective, start: float, end: float, *, model: str, server: str = "",
) -> Room:
    """What a model can take, from its requests of ``start..end`` (epoch seconds): for each minute the rate and the 95th
    percentile of both times. Raises StorageError."""
    c = requests.c
    query = sa.select(c.ended, c.ttft, c.itl).where(
        c.model == model, c.ended >= start, c.ended < end, c.error.not_in((*BLAMELESS, "queue_full")),
        c.kind.in_(("chat", "completion")),
    ).order_by(c.id.desc()).limit(MOST)
    if server:
        query = query.where(c.server == server)
    with database.read() as connection:
        rows = connection.execute(query).all()
    at = np.array([row.ended for row in rows], np.float64)
    times: dict[Limit, np.ndarray] = {
        "ttft": np.array([np.nan if row.ttft is None else row.ttft for row in rows], np.float64),
        "itl": np.array([np.nan if row.itl is None else row.itl for row in rows], np.float64),
    }
    limits: dict[Limit, float] = {"ttft": objective.first_token_ms / 1000, "itl": objective.inter_token_ms / 1000}
    return of_minutes(at, times, limits)


def of_minutes(at: np.ndarray, times: dict[Limit, np.ndarray], limits: dict[Limit, float]) -> Room:
    """`room`, from when requests ended (epoch seconds, (n,)) and what they took (seconds, (n,), NaN unknown)."""
    if not at.size:
        return Room(0.0, None, None, 0, limits["ttft"])
    minute = (at // MINUTE).astype(np.int64)
    numbers, place, count = np.unique(minute, return_inverse=True, return_counts=True)
    rates = count / MINUTE
    now = float(rates[-3:].mean())
    best: tuple[Capacity, Limit] | None = None
    curves = {name: _p95(values, place, numbers.size) for name, values in times.items()}
    for name, curve in curves.items():
        found = capacity(rates.tolist(), curve, limits[name])
        if found is not None and (best is None or found.rate < best[0].rate):
            best = found, name
    shown: Limit = best[1] if best else "ttft"
    points = tuple((rate, time) for rate, time in zip(rates.tolist(), curves[shown]) if time == time)
    return Room(now, best[0] if best else None, best[1] if best else None, int(numbers.size), limits[shown], points)


def _p95(values: np.ndarray, place: np.ndarray, count: int) -> Sequence[float]:
    order = np.argsort(place, kind="stable")
    edges = np.searchsorted(place[order], np.arange(count + 1))
    ordered = values[order]
    found = []
    for first, last in pairwise(edges.tolist()):
        part = ordered[first:last]
        part = part[~np.isnan(part)]
        found.append(float(np.percentile(part, 95)) if part.size else float("nan"))
    return found
