"""What all models did to their error budgets within the last minutes and hours: one query for each window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from collectors.objectives import WINDOWS, Attained
from config.serving import EVERY_MODEL, Models, Objective
from serving.requests.objectives import judged, misses, objective_of
from serving.requests.table import requests
from storage.database import Database

SOONEST, PARTS = 15.0, 180
"""A window is read anew after this part of it, and not sooner than after so many seconds."""


class Burn:
    """Keeps what each window gave until it is due again: six hours of requests are not counted every few seconds."""

    def __init__(self, database: Database, models: Callable[[], Models]) -> None:
        self._database, self._models = database, models
        self._read: dict[str, tuple[float, tuple[Objective, ...], list[Attained]]] = {}

    def __call__(self, now: float) -> list[Attained]:
        """All windows, of models that had requests and have an objective. Raises StorageError."""
        models = self._models()
        for window, seconds in WINDOWS.items():
            at, objectives, _ = self._read.get(window, (0.0, (), []))
            if objectives != models.objectives or abs(now - at) >= 0.99 * max(SOONEST, seconds / PARTS):
                found = _attained(self._database, models, window, now - seconds, now)
                self._read[window] = now, models.objectives, found
        return [one for _, _, found in self._read.values() for one in found]


def _attained(database: Database, models: Models, window: str, start: float, end: float) -> list[Attained]:
    asked = {one.model: one for one in models.objectives}
    if not asked:
        return []
    c = requests.c
    bad = sa.or_(*misses(_limit(asked, "first_token_ms"), _limit(asked, "inter_token_ms")))
    query = sa.select(
        c.server, c.model, sa.func.count(), sa.func.sum(sa.case((bad, 1), else_=0)),
    ).where(c.model != "", *judged(start, end)).group_by(c.server, c.model)
    if EVERY_MODEL not in asked:
        query = query.where(c.model.in_(asked))
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [
        Attained(server, model, window, int(total), int(failed), objective.allowed)
        for server, model, total, failed in rows if (objective := objective_of(models, model)) is not None
    ]


def _limit(asked: Mapping[str, Objective], name: str) -> Any:
    """A limit by model, as an expression."""
    named = {model: getattr(one, name) for model, one in asked.items() if model != EVERY_MODEL}
    rest = getattr(asked[EVERY_MODEL], name) if EVERY_MODEL in asked else None
    return sa.case(named, value=requests.c.model, else_=rest) if named else rest
