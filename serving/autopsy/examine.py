"""Why was this answer slow? What was out of the ordinary while a request was answered, the likeliest cause first.

A request is compared with the others of its model (what is usual for them) and its time with the half hour before (what
was usual then). Each finding has a weight: the seconds of the request that it explains where that can be told, and
otherwise a part of them by how far the machine was from the usual. Nothing is claimed that has no evidence.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from metrics import models as m
from serving.autopsy.causes import of_engine, of_machine, of_request
from serving.autopsy.found import Autopsy, Finding, Fired, Usual, Value, engine_wait, over
from serving.autopsy.moment import moment
from serving.autopsy.window import Window, total
from serving.requests import reading
from serving.requests.reading import Filter
from serving.requests.table import Request
from storage.database import Database
from storage.query import Query

USUAL = 200
"""Requests of the model that tell what is usual for it."""
FEWEST = 5
SHARE = 0.15
"""A cause must explain such a share of the request's time to be named."""
ALERTS = 5
"""Alerts that are told, at most."""
OWN = "vigie_"
"""How metrics begin that are of Vigie itself: an alert of these explains no answer."""
Firing = Callable[[float, float], Sequence[Fired]]
"""Alerts that fired between two moments (epoch seconds)."""


def examine(
    database: Database, query: Query, request: Request, firing: Firing = lambda _start, _end: (),
    here: Callable[[str, str], bool] = lambda _server, _model: True,
) -> Autopsy:
    """The autopsy of one request. ``here`` tells whether a model of a server is known to run on this machine: this
    machine's hardware is no cause of what another computed. Raises StorageError where the log cannot be read."""
    others = [one for one in reading.around(database, request.at, request.ended) if one.id != request.id]
    usual = usual_of(_peers(database, request))
    window = Window(query, request)
    own = of_request(request, usual, _beside(request, others, window))
    local = here(request.server, request.model) or window.here()
    alerts = [one for one in firing(request.at, request.ended) if concerns(one, request, here=local)]
    findings = [
        *own, *of_engine(request, usual, window, own), *(of_machine(request, window) if local else ()),
        *(Finding("alert", 0.01, {"name": one.name, "metric": one.metric, "labels": dict(one.labels)})
          for one in alerts[:ALERTS]),
    ]
    values = tuple(moment(request, usual, window, len(others), here=local, alerts=len(alerts)))
    return judged(request, usual, findings, len(others), sorted(window.seen), values)


def concerns(alert: Fired, request: Request, *, here: bool) -> bool:
    """Whether an alert is of the request's model, of its server or proxy, or of the machine that computed it, if that
    is this one."""
    of = {"model": request.model, "server": request.server, "proxy": request.proxy}
    named = [name for name in of if alert.labels.get(name)]
    if not named:
        return here and not alert.metric.startswith(OWN)
    return all(alert.labels[name] == of[name] for name in named)


def judged(
    request: Request, usual: Usual, findings: Sequence[Finding], others: int, looked_at: Sequence[str] = (),
    values: tuple[Value, ...] = (),
) -> Autopsy:
    """Findings in order, those left out that explain too little of the request."""
    duration = request.duration or 0.0
    told = [one for one in findings if one.code == "alert" or one.weight >= SHARE * max(duration, 0.001)]
    told.sort(key=lambda one: -one.weight)
    slow = usual.duration is None or duration > 1.5 * usual.duration or over(request.ttft, usual.ttft, 1.5)
    return Autopsy(request, usual, slow, tuple(told), others, tuple(looked_at), values)


def usual_of(peers: Sequence[Request]) -> Usual:
    """Medians of a model's requests."""
    def median(values: Sequence[float | int | None]) -> float | None:
        there = [float(value) for value in values if value is not None]
        return statistics.median(there) if len(there) >= FEWEST else None

    shares = [
        one.cached_tokens / one.prompt_tokens for one in peers if one.cached_tokens is not None and one.prompt_tokens
    ]
    return Usual(
        len(peers), median([one.ttft for one in peers]), median([one.itl for one in peers]),
        median([one.duration for one in peers]), median([one.prompt_tokens for one in peers]),
        median([one.output_tokens for one in peers]), median(shares),
        median([engine_wait(one) for one in peers]),
    )


def _peers(database: Database, request: Request) -> list[Request]:
    wanted = Filter(model=request.model, server=request.server, error="none", end=request.at)
    return [one for one in reading.page(database, wanted, USUAL).requests if one.kind == request.kind]


def _beside(request: Request, others: Sequence[Request], window: Window) -> int:
    """Requests that the engine answered beside this one: those of the proxies, or as many as it told itself."""
    ours = sum(1 for one in others if one.server == request.server)
    told = total(window.of_model(m.RUNNING.name), lambda one: one.mean)
    return max(ours, round(told) - 1 if told is not None else 0)
