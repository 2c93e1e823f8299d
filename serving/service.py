"""Everything about models that pages and routes ask for, in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.compare import Side
from config.dashboard import DashboardConfig
from config.documents import document
from config.marks import N_
from config.secret import SecretText
from config.serving import ModelServer, Objective
from config.store import ConfigStore
from live.host_memory import HOST, Host, host
from live.models import (
    CARDS,
    WANTED,
    Card,
    Here,
    Model,
    Proxy,
    Server,
    Silence,
    Upstream,
    cards,
    here,
    rows,
    servers,
)
from metrics import models as m
from metrics.metric import Metric, labels, rate_of, series_key
from metrics.series import FloatArray, Series, SeriesInfo, TimeArray
from serving.acts import Action, Acts, CannotAct
from serving.autopsy.examine import Firing, examine
from serving.autopsy.found import Autopsy
from serving.bench.load_tests import LoadTests
from serving.bench.plan import Plan
from serving.bench.run import Runner, Running
from serving.energy import Idle, Spent, idle, spent
from serving.files.catalogue import Catalogue
from serving.newest import Asked, Newest
from serving.processes.key_file import key_in
from serving.requests.comparing import side
from serving.requests.log import RequestLog
from serving.requests.objectives import Standing, objective_of, standing
from serving.requests.reading import Filter
from serving.requests.table import Request
from serving.room import Room, room
from serving.wire import Lines
from storage.latest import Latest
from storage.query import Query

ENGINES, SERVING = "model_servers", "serving"
"""The collectors whose snapshots tell of models."""
REQUEST_RATE = rate_of(m.REQUESTS).name
SETTLED_WITHIN, TAKEN_WITHIN = 5.0, 1.0
"""Seconds that an act waits for the serving process to know the newest configuration (it may have to be started first),
and a change of the definitions, which is in force without it."""
ROOM_SECONDS = MINUTE = 60.0
DAY, PIECE = 86_400.0, 900.0
"""Seconds over which the health of proxies is told, and of a piece of it."""
_NOTHING: tuple[float | None, ...] = (None,) * int(DAY / PIECE)


class Serving:
    """Models as they are now, and what went through the proxies."""

    def __init__(
        self, latest: Latest, query: Query, log: RequestLog, config: ConfigStore, acts: Acts,
        firing: Firing, files: Catalogue, now: Callable[[], float] = time.time, asked: Asked | None = None,
    ) -> None:
        self._latest, self._query, self._config, self._acts, self._now = latest, query, config, acts, now
        self._firing, self.files, self._newest = firing, files, Newest(asked, now)
        self.log = log
        self.load_tests = LoadTests(
            log.database, query, lambda model: objective_of(config.current.models, model), Runner(),
            lambda: on_this_machine(latest),
        )
        self._rooms: dict[tuple[str, str, Objective], tuple[float, Room]] = {}

    def act(self, action: Action, model: Model) -> None:
        """Does something with a model.

        Raises:
            CannotAct: it cannot be done; why.
        """
        if action in ("load", "unload"):
            if model.process is not None:
                raise CannotAct(N_("A model that Vigie runs is started and stopped, not loaded and unloaded."))
            self._acts.at_server(action, model, self._key(model.server))
        elif model.process is None:
            raise CannotAct(N_("Vigie runs no process of this model: its server is not Vigie's to start or stop."))
        else:
            self._newest.settle(SETTLED_WITHIN)  # what was defined a moment ago is known there, as it is now
            self._acts.at_process(action, model.name)
            self._newest.look()

    def look(self) -> None:
        """Has what is told of processes next be as it is now, and not as it was at the newest tick."""
        self._newest.look()

    def redefined(self) -> None:
        """The definitions of processes were changed: what is told next goes by them."""
        self._newest.settle(TAKEN_WITHIN)
        self._newest.look()

    def load_test(self, model: Model, plan: Plan, by: str) -> Running:
        """Starts a load test of a model.

        Raises:
            CannotAct: the model does not run, or another test does.
        """
        version = next((one.version for one in self.servers() if one.name == model.server), "")
        return self.load_tests.start(model, version, self._key(model.server), plan, by)

    def output(self, name: str, after: int, limit: int) -> Lines:
        """The newest lines that a model process wrote, with a number above ``after``.

        Raises:
            CannotAct: the serving process does not answer, or knows no such process.
        """
        return self._acts.output(name, after, limit)

    def room(self, model: Model) -> Room | None:
        """What a model can take beyond what it has, by the last 24 hours; None when nothing is asked of it. Reckoned
        again after `ROOM_SECONDS`: it takes up to a second. Raises StorageError."""
        objective = objective_of(self._config.current.models, model.name)
        if objective is None:
            return None
        now, key = self._now(), (model.server, model.name, objective)
        self._rooms = {one: kept for one, kept in self._rooms.items() if 0 <= now - kept[0] < ROOM_SECONDS}
        if key not in self._rooms:
            found = room(self.log.database, objective, now - DAY, now, model=model.name, server=model.server)
            self._rooms[key] = now, found
            return found
        return self._rooms[key][1]

    def compared(self, server: str, model: str, start: float, end: float) -> Side:
        """The requests of a model that ended in ``start..end``, summed up to stand beside another's. Raises
        StorageError."""
        return side(self.log.database, Filter(model=model, server=server, start=start, end=end))

    def spent(self, by: str, start: float, end: float, model: str = "") -> list[Spent]:
        """Energy of requests by ``model`` or ``client``. Raises StorageError."""
        return spent(self.log.database, by, Filter(model=model, start=start, end=end))

    def idle(self, start: float, end: float) -> list[Idle]:
        """Hours that models lay in memory, and in use."""
        return idle(self._query, start, end)

    def cards(self) -> list[Card]:
        """The memory of each GPU by model."""
        return cards(self._latest.present(CARDS), self._latest.snapshot("nvidia"))

    def host(self) -> Host | None:
        """The memory of this machine by model; None while it is not known."""
        return host(self._latest.present(HOST))

    def power(self) -> bool:
        """Whether this machine told any power that energy can be reckoned by."""
        names = {info.name for info in self._query.series()}
        return bool(names & {"gpu_power_watts", "cpu_power_watts"})

    def autopsy(self, request: Request) -> Autopsy:
        """Why a request took as long as it did.

        Raises:
            StorageError: the request log cannot be read.
        """
        return examine(self.log.database, self._query, request, self._firing, on_this_machine(self._latest).has)

    def _key(self, server: str) -> str:
        models = self._config.current.models
        if server in models.servers:
            return models.servers[server].api_key.reveal()
        return next((key_in(one.api_key_file) for one in models.processes if one.name == server), "")

    def rows(self) -> list[Model]:
        """A row for each model, those in use first."""
        return rows(self._latest.snapshot(ENGINES), self._told(), self._present())

    def silence(self) -> Silence | None:
        """That the serving process does not answer, though it should; None while it does, or need not, or is only just
        starting."""
        told = self._latest.snapshot(SERVING)
        return Silence(told.get("since")) if told.get("answers") is False and not told.get("starting") else None

    def _told(self) -> Mapping[str, Any]:
        """What the serving process tells, and the processes that are defined and it has not told of yet; while it does
        not answer, what it should run and pass on to, by the configuration."""
        told, config = self._latest.snapshot(SERVING), self._config.current
        looked = self._newest.processes(told)
        if told.get("answers") is not False:
            known = told.get("processes", []) if looked is None else looked
            names = {one.get("name") for one in known}
            state = "stopped" if told or looked is not None else "unknown"
            return {**told, "processes": [*known, *(
                {"name": one.name, "engine": one.engine, "state": state}
                for one in config.models.processes if one.name not in names
            )]}
        proxies = [{"name": name, "address": f"{one.host}:{one.port}"} for name, one in config.proxies if one.enabled]
        processes = [{"name": one.name, "engine": one.engine, "state": "unknown"} for one in config.models.processes]
        why = {} if told.get("starting") else {"message": N_("The serving process does not answer.")}
        return {**told, "proxies": [one | why for one in proxies], "processes": (
            [one | why for one in processes] if looked is None else looked
        )}

    def _present(self) -> list[tuple[SeriesInfo, float]]:
        """Newest values of `WANTED`; of requests a second the mean of a minute, as the figures beside them are: within
        one second there is a request or none."""
        present, end = self._latest.present(WANTED), self._latest.at or self._now()
        if not any(info.name == REQUEST_RATE for info, _value in present):
            return present
        found = self._query.select([REQUEST_RATE], end - MINUTE, end).series
        means = {one.info.key: float(np.nanmean(one.value)) for one in found if not np.isnan(one.value).all()}
        return [
            (info, means.get(info.key, value) if info.name == REQUEST_RATE else value) for info, value in present
        ]

    def row(self, server: str, name: str) -> Model | None:
        """The model of that name on a server; of any server where none is named. None when there is none."""
        found = [one for one in self.rows() if one.name == name and server in ("", one.server)]
        return found[0] if found else None

    def servers(self) -> list[Server]:
        """The model servers that are looked at."""
        return servers(self._latest.snapshot(ENGINES))

    def proxies(self) -> list[Proxy]:
        """The proxies that are on, as they are now."""
        told = self._told()
        upstreams = {str(one.get("name", "")): _upstream(one) for one in told.get("upstreams", [])}
        slowest: dict[str, float] = {}
        for info, value in self._latest.present(frozenset({m.P95.name})):
            name = info.label("proxy")
            slowest[name] = max(value, slowest.get(name, value))
        return [_proxy(one, self._latest, upstreams, slowest) for one in told.get("proxies", [])]

    def proxy_strips(self) -> list[Proxy]:
        """`proxies`, with their health over 24 hours."""
        found = self.proxies()
        if not found:
            return []
        end = self._latest.at or self._now()
        first = (end // PIECE - DAY / PIECE + 1) * PIECE
        told = self._query.select([m.PROXY_UP.name, m.PROXY_HEALTHY.name], first, end).series
        series = {(one.info.name, one.info.label("proxy")): one for one in told}
        shares = {
            name: _shares(*health(up, series.get((m.PROXY_HEALTHY.name, name))), first)
            for (metric, name), up in series.items() if metric == m.PROXY_UP.name
        }
        return [replace(one, shares=shares.get(one.name, _NOTHING), begin=first, width=PIECE) for one in found]

    def standing(self, model: Model, start: float, end: float) -> Standing | None:
        """How a model stands to its objective; None when nothing is asked of it.

        Raises:
            StorageError: the request log cannot be read.
        """
        return standing(self.log.database, self._config.current.models, start, end, self._now(), model=model.name,
                        server=model.server)


def on_this_machine(latest: Latest) -> Here:
    """Which models run on this machine, by the newest looks."""
    return here(latest.snapshot(ENGINES), latest.snapshot(SERVING))


def health(up: Series, healthy: Series | None) -> tuple[TimeArray, FloatArray]:
    """How healthy a proxy was, 0 to 1, at each time (epoch milliseconds) at which that is known.

    `metrics.models.PROXY_HEALTHY` is told only while the proxy listens: over a step of a rollup it speaks for the share
    `metrics.models.PROXY_UP` of the step, and where that is 0 nothing was healthy.
    """
    at, listened = _known(up)
    told, share = _known(healthy) if healthy is not None else (at[:0], listened[:0])
    down = listened == 0
    both, of_up, of_told = np.intersect1d(at[~down], told, return_indices=True)
    return (np.concatenate([at[down], both]),
            np.concatenate([listened[down], listened[~down][of_up] * share[of_told]]))


def _known(series: Series) -> tuple[TimeArray, FloatArray]:
    there = ~np.isnan(series.value)
    return series.t[there], series.value[there]


def _shares(t: TimeArray, value: FloatArray, first: float) -> tuple[float | None, ...]:
    """The mean of values in each piece of the day."""
    place = ((t / 1000 - first) // PIECE).astype(np.int64)
    there = (place >= 0) & (place < len(_NOTHING))
    count = np.bincount(place[there], minlength=len(_NOTHING))
    total = np.bincount(place[there], weights=value[there], minlength=len(_NOTHING))
    return tuple(float(t / n) if n else None for t, n in zip(total, count, strict=True))


def _upstream(told: Mapping[str, Any]) -> Upstream:
    return Upstream(
        str(told.get("name", "")), str(told.get("url", "")), str(told.get("engine", "")),
        str(told.get("state", "unknown")), str(told.get("problem", "")), tuple(map(str, told.get("models", ()))),
    )


def _proxy(
    told: Mapping[str, Any], latest: Latest, upstreams: Mapping[str, Upstream], slowest: Mapping[str, float],
) -> Proxy:
    name = str(told.get("name", ""))

    def value(metric: Metric) -> float | None:
        return latest.value(series_key(metric.name, labels(proxy=name)))

    up, healthy = value(m.PROXY_UP), value(m.PROXY_HEALTHY)
    state = "starting" if up is None or (up and healthy is None) else "down" if not up else (
        "healthy" if healthy else "unhealthy")
    numbers = {key: found for key, metric in m.PROXY_NUMBERS.items() if (found := value(metric)) is not None}
    if name in slowest:
        numbers["p95"] = slowest[name]
    return Proxy(
        name, state, str(told.get("message", "")), str(told.get("address", "")), numbers,
        tuple(upstreams.get(one) or _upstream({"name": one}) for one in told["upstreams"])
        if "upstreams" in told else None,
    )


def told_to_serving(config: DashboardConfig) -> dict[str, Any]:
    """What the serving process goes by: its sections of the configuration, secrets in the clear."""
    return {
        name: document(getattr(config, name), SecretText.reveal) for name in ("proxies", "models")
    }


class OwnServer(ModelServer):
    """A model process of Vigie's own, as a model server that is looked at."""

    gpu_share_told: bool = False
    """What it wrote while it loaded tells how much lies on GPUs."""

    @property
    def ours(self) -> bool:
        """What tells it from the others."""
        return True


def targets(configured: Mapping[str, ModelServer], serving: Mapping[str, Any]) -> dict[str, ModelServer]:
    """The model servers that are looked at by name: the configured ones, and the processes of ours that run."""
    found = dict(configured)
    for process in serving.get("processes", []):
        if process.get("url") and process.get("state") == "running":
            found[str(process["name"])] = OwnServer.model_validate({
                "url": process["url"], "engine": process.get("engine") or "auto",
                "gpuShareTold": bool(process.get("on_gpu")), "apiKey": key_in(str(process.get("api_key_file") or "")),
            })
    return found


def own_ports(serving: Mapping[str, Any]) -> set[int]:
    """Where processes of ours listen, those too that still load or are being stopped: they are no found servers."""
    return {int(process["port"]) for process in serving.get("processes", []) if process.get("port")}
