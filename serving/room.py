"""How much more a model can take before its objective breaks, from the minutes that were measured.

What must hold is the time within which the objective's share of the requests came: of 99 % the 99th percentile. It
takes a hundred requests to see one, so minutes of about the same rate are taken together until they have that many. The
percentile is the ``ceil(p (n + 1))``-th of ``n`` sorted times, whose share of longer ones is ``1 - p`` on average
(Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996, definition 6, without its interpolation). A request
that found the queue full or timed out was never in time; other failures follow no load, and are not fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sqlalchemy as sa

from analysis.capacity import Capacity, capacity
from config.serving import Objective
from serving.requests.objectives import BLAMELESS
from serving.requests.table import requests
from serving.wire import TOKENS
from storage.database import Database

MINUTE = 60
RECENT = 3
"""Minutes that the rate of now is the mean of."""
OVERLOADED = ("queue_full", "timeout")
"""Failures of a request that the model had no room for."""
MOST = 500_000
"""Requests that are looked at, the newest."""
Limit = Literal["ttft", "itl"]


@dataclass(frozen=True, slots=True)
class Room:
    """What a model can take. ``by`` is what breaks first; ``capacity`` is None where there is not enough data."""

    now: float
    """Requests a second of the last whole minutes by the clock; 0 without any."""
    capacity: Capacity | None
    by: Limit | None
    minutes: int
    """Minutes with requests that were looked at."""
    limit: float | None = None
    """Seconds that are the limit of what breaks first; of the first token where that is not known."""
    points: tuple[tuple[float, float], ...] = ()
    """What was fitted: requests a second, and the time that must hold to that limit, seconds."""
    target: float = 99.0
    """Percent of the requests that must."""
    pieces: int = 0
    """Groups of minutes that had requests enough."""
    each: int = 1
    """Requests that a group needs."""

    @property
    def more(self) -> float | None:
        """Requests a second beyond those of now."""
        return None if self.capacity is None else max(self.capacity.rate - self.now, 0.0)


def room(
    database: Database, objective: Objective, start: float, end: float, *, model: str, server: str = "",
) -> Room:
    """What a model can take at ``end`` (epoch seconds, now), from its requests of the whole minutes since ``start``.
    Raises StorageError."""
    c = requests.c
    first, last = math.ceil(start / MINUTE) * MINUTE, math.floor(end / MINUTE) * MINUTE
    query = sa.select(c.ended, c.ttft, c.itl, c.error).where(
        c.model == model, c.ended >= first, c.ended < last, c.error.not_in(BLAMELESS),
        c.kind.in_(TOKENS),
    ).order_by(c.id.desc()).limit(MOST)
    if server:
        query = query.where(c.server == server)
    with database.read() as connection:
        rows = connection.execute(query).all()
    at = np.array([row.ended for row in rows], np.float64)
    never = np.array([row.error in OVERLOADED for row in rows], bool)
    ttft, itl = (
        np.array([np.nan if value is None else value for value in column], np.float64)
        for column in ([row.ttft for row in rows], [row.itl for row in rows])
    )
    return of_minutes(at, {"ttft": np.where(never, np.inf, ttft), "itl": itl}, objective, last)


def of_minutes(at: np.ndarray, times: dict[Limit, np.ndarray], objective: Objective, end: float) -> Room:
    """`room`, from when requests ended (epoch seconds, (n,)) and what they took (seconds, (n,), NaN unknown), as of the
    end of a minute (epoch seconds)."""
    limits: dict[Limit, float] = {"ttft": objective.first_token_ms / 1000, "itl": objective.inter_token_ms / 1000}
    now = float((at >= end - RECENT * MINUTE).sum()) / (RECENT * MINUTE)
    minutes, place, count = np.unique((at // MINUTE).astype(np.int64), return_inverse=True, return_counts=True)
    each = math.ceil(round(1 / objective.allowed, 6))
    curves = {name: _curve(count / MINUTE, place, values, objective.allowed, each) for name, values in times.items()}
    best: tuple[Capacity, Limit] | None = None
    for name, curve in curves.items():
        found = capacity([rate for rate, _time in curve], [time for _rate, time in curve], limits[name])
        if found is not None and (best is None or found.rate < best[0].rate):
            best = found, name
    shown: Limit = best[1] if best else "ttft"
    points = tuple((rate, time) for rate, time in curves[shown] if math.isfinite(time))
    return Room(
        now, best[0] if best else None, best[1] if best else None, int(minutes.size), limits[shown], points,
        objective.target_percent, max(len(curve) for curve in curves.values()), each,
    )


def _curve(
    rates: np.ndarray, place: np.ndarray, values: np.ndarray, allowed: float, each: int,
) -> list[tuple[float, float]]:
    """Rate and percentile of groups of minutes next to each other by ``rates``, of ``each`` known values at least.
    ``place`` is the minute of each value, ``allowed`` the share of values that may be above the percentile. The busiest
    are grouped first: what is left over at the end is quiet."""
    order = np.argsort(place, kind="stable")
    parts = np.split(values[order], np.searchsorted(place[order], np.arange(1, rates.size)))
    minutes = [part[~np.isnan(part)] for part in parts]
    found: list[tuple[float, float]] = []
    group: list[int] = []
    size = 0
    for minute in np.argsort(-rates, kind="stable").tolist():
        group.append(minute)
        size += minutes[minute].size
        if size >= each:
            ordered = np.sort(np.concatenate([minutes[one] for one in group]))
            held = min(math.ceil(round((1 - allowed) * (size + 1), 6)), size)
            found.append((float(rates[group].mean()), float(ordered[held - 1])))
            group, size = [], 0
    return found[::-1]
