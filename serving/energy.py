"""What requests cost in energy: the machine's power while they were answered, shared among those answered at once.

A request is given the integral of the power over its time, divided at each moment by the number of requests that were
being answered here. The power is that of the GPUs on which the model lies, where the driver tells that, otherwise of
all, and of the processor packages (RAPL); without either nothing is said. It is all that they drew: neither what they
draw at rest nor what other programs had of it is known, so that it is not taken off. What the machine draws while
nothing is asked is nobody's request, and in no figure here. Nor is a request that another machine answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from live.models import Here
from metrics import models as m
from metrics.metric import series_key
from metrics.series import Series
from serving.requests.reading import Filter, counted
from serving.requests.table import requests
from storage.database import Database
from storage.query import Query

SETTLED = 60.0
"""Seconds after its end that a request is reckoned up: who was answered beside it is known by then, but for very long
ones."""
LATEST = 3600.0
"""Seconds after its end that it is no more."""
BATCH = 2000
"""Requests that are reckoned up at once."""
GPUS, CPUS = "gpu_power_watts", "cpu_power_watts"
"""The metrics of power."""
WH = 3600.0
"""Joules of a watt-hour."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Energy of the requests whose energy is known. ``joules`` and tokens are theirs alone; ``token_joules`` those of
    the requests that wrote any token, as far as that is known: not of embeddings, nor of what failed before."""

    name: str
    requests: int
    tokens: int
    joules: float
    token_joules: float

    @property
    def joules_per_token(self) -> float | None:
        """Of a token written."""
        return self.token_joules / self.tokens if self.tokens else None

    @property
    def wh_per_1000(self) -> float | None:
        """Watt-hours of a thousand tokens written."""
        each = self.joules_per_token
        return None if each is None else each / WH * 1000

    def cost_per_1000(self, price_per_kwh: float) -> float | None:
        """What a thousand tokens cost, in the currency of ``price_per_kwh``."""
        wh = self.wh_per_1000
        return None if wh is None else wh / 1000 * price_per_kwh


def fill(database: Database, query: Query, here: Callable[[], Here], now: float) -> int:
    """Reckons up all requests that ended a while ago and were not yet, of models that run on this machine (``here``);
    how many. Raises StorageError."""
    if not query.series([GPUS, CPUS]):
        return 0
    place, reckoned, after = here(), 0, 0
    while rows := _due(database, place, now, after):
        reckoned += _reckon(database, query, place, rows)
        after = rows[-1].id
    return reckoned


def _due(database: Database, place: Here, now: float, after: int) -> Sequence[Any]:
    """The next requests that are to be reckoned up, with a number above ``after``."""
    c = requests.c
    due = (
        sa.select(c.id, c.at, c.ended, c.server, c.model)
        .where(c.id > after, c.joules.is_(None), c.ended <= now - SETTLED, c.ended > now - LATEST, c.duration > 0,
               *_answered(place))
        .order_by(c.id).limit(BATCH)
    )
    with database.read() as connection:
        return connection.execute(due).all()


def _answered(place: Here) -> list[sa.ColumnElement[bool]]:
    """Which requests were answered on this machine."""
    c = requests.c
    passed_on = [sa.and_(c.server == server, c.model == model) for server, model in sorted(place.elsewhere)]
    return [c.server.in_(sorted(place.servers)), *(sa.not_(one) for one in passed_on)]


def _reckon(database: Database, query: Query, place: Here, rows: Sequence[Any]) -> int:
    start, end = min(row.at for row in rows), max(row.ended for row in rows)
    power = Power(query, start - 2, end + 2)
    if not power.there:
        return 0
    c = requests.c
    beside = sa.select(c.at, c.ended).where(c.ended >= start, c.at <= end, *_answered(place))
    with database.read() as connection:
        crowd = Crowd((row.at, row.ended) for row in connection.execute(beside))
    found = []
    for row in rows:
        shares = [shared(row.at, row.ended, crowd, series) for series in power.of(row.server, row.model)]
        known = [share for share in shares if share is not None]
        if known:
            found.append({"number": row.id, "value": sum(known)})
    if found:
        update = sa.update(requests).where(requests.c.id == sa.bindparam("number")).values(joules=sa.bindparam("value"))
        with database.write() as connection:
            connection.execute(update, found)
    return len(found)


class Crowd:
    """Requests by when they began and ended, epoch seconds."""

    def __init__(self, spans: Iterable[tuple[float, float]]) -> None:
        table = np.array(list(spans), np.float64).reshape(-1, 2)
        self._begins, self._ends = np.sort(table[:, 0]), np.sort(table[:, 1])

    def at(self, moments: np.ndarray) -> np.ndarray:
        """How many were being answered at each of ``moments`` (epoch seconds, (n,))."""
        begun = np.searchsorted(self._begins, moments, "right")
        return np.asarray(begun - np.searchsorted(self._ends, moments, "left"))


class Power:
    """What was drawn from ``start`` to ``end`` (epoch seconds) by GPUs and processor packages."""

    def __init__(self, query: Query, start: float, end: float) -> None:
        self._query, self._start, self._end = query, start, end
        self._gpus = {one.info.label("gpu"): one for one in self._read(GPUS)}
        self._cpus = self._read(CPUS)
        self._on: dict[tuple[str, str], list[Series]] = {}

    @property
    def there(self) -> bool:
        """Whether any power is known."""
        return bool(self._gpus or self._cpus)

    def of(self, server: str, model: str) -> list[Series]:
        """Of the GPUs on which a model of this machine lies, where that is known, otherwise of all; and of the
        processor."""
        key = (server, model)
        if key not in self._on:
            selector = series_key(m.GPU_MEMORY.name, (("server", server), ("model", model)))
            cards = {found.info.label("gpu") for found in self._read(selector)} & set(self._gpus)
            self._on[key] = [*(self._gpus[card] for card in sorted(cards or self._gpus)), *self._cpus]
        return self._on[key]

    def _read(self, selector: str) -> list[Series]:
        return self._query.select([selector], self._start, self._end).series


def shared(begin: float, end: float, crowd: Crowd, power: Series) -> float | None:
    """Joules of one source of power that fall to a request of the crowd, answered from ``begin`` to ``end`` (epoch
    seconds): at each sample its part of those answered at once. None where no power is known of its time."""
    there = ~np.isnan(power.value)
    at, watts = power.t[there] / 1000, power.value[there].astype(np.float64)
    seconds = max(power.step, power.info.every if power.low is None else power.step)
    duration = end - begin
    inside = (at > begin - seconds) & (at < end + seconds)
    if not inside.any() or duration <= 0:
        return None
    at, watts = at[inside], watts[inside]
    # A short request may lie between two samples: its time is cut into pieces, each with the power nearest to it.
    pieces = max(int(np.ceil(duration / seconds)), 1)
    middle = begin + (np.arange(pieces) + 0.5) * duration / pieces
    nearest = watts[np.abs(at[None, :] - middle[:, None]).argmin(axis=1)]
    return float((nearest / np.maximum(crowd.at(middle), 1)).sum() * duration / pieces)


def spent(database: Database, by: str, wanted: Filter) -> list[Spent]:
    """Energy by model or client, the most first; only where it is known. Raises StorageError."""
    rows = counted(database, [by], wanted, known=requests.c.joules)
    found = [
        Spent(str(row[by]), int(row["requests"]), int(row["output_tokens"] or 0), float(row["joules"]),
              float(row["token_joules"] or 0))
        for row in rows
    ]
    return sorted(found, key=lambda one: -one.joules)


@dataclass(frozen=True, slots=True)
class Idle:
    """Hours that a model lay in memory, and hours of these in which it was asked something."""

    server: str
    model: str
    loaded_hours: float
    used_hours: float

    @property
    def idle_hours(self) -> float:
        """Hours loaded and unused."""
        return max(self.loaded_hours - self.used_hours, 0.0)


def idle(query: Query, start: float, end: float) -> list[Idle]:
    """Hours loaded and unused of each model over a window, most idle first; by minutes. A model of which neither its
    engine nor a proxy tells what it is asked (Ollama and LM Studio without a proxy) is left out."""
    loaded = _minutes(query, m.LOADED.name, start, end, least=0.5)
    used = [
        _minutes(query, name, start, end, least=0.0)
        for name in (m.RUNNING.name, "model_requests_per_second", m.LIVE_TOKENS.name)
    ]
    found = []
    for key, minutes in loaded.items():
        if not any(key in part for part in used):
            continue
        busy: set[int] = set().union(*(part.get(key, set()) for part in used))
        found.append(Idle(key[0], key[1], len(minutes) / 60, len(minutes & busy) / 60))
    return sorted(found, key=lambda one: -one.idle_hours)


def _minutes(query: Query, name: str, start: float, end: float, least: float) -> dict[tuple[str, str], set[int]]:
    """By model the minutes in which a series of it was above ``least``; every model that has such a series is in it."""
    found: dict[tuple[str, str], set[int]] = {}
    for one in query.select([name], start, end).series:
        key = (one.info.label("server"), one.info.label("model"))
        value = one.value if one.high is None else one.high
        there = ~np.isnan(value) & (value > least)
        minutes = (one.t[there] // 60_000).tolist()
        if one.low is not None and one.step > 60:  # an hour stands for its minutes
            minutes = [m0 + i for m0 in minutes for i in range(int(one.step // 60))]
        found.setdefault(key, set()).update(int(minute) for minute in minutes)
    return found
