"""Why was this answer slow? What was out of the ordinary while a request was answered, the likeliest cause first.

A request is compared with the others of its model (what is usual for them) and its time with the half hour before (what
was usual then). Each finding has a weight: the seconds of the request that it explains where that can be told, and
otherwise a part of them by how far the machine was from the usual. Nothing is claimed that has no evidence.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from metrics import models as m
from metrics.metric import series_key
from metrics.series import Series
from serving.requests import reading
from serving.requests.reading import Filter
from serving.requests.table import Request
from storage.database import Database
from storage.query import Query

BEFORE = 1800.0
"""Seconds before a request that tell what was usual."""
AROUND = 2.0
"""Seconds around a request that count as its time: values come once a second."""
USUAL = 200
"""Requests of the model that tell what is usual for it."""
FEWEST = 5
LONG = 3.0
"""So many times the usual is out of the ordinary."""
SHARE = 0.15
"""A cause must explain such a share of the request's time to be named."""
Code = Literal[
    "queue", "loading", "long_prompt", "cache_miss", "long_answer", "slow_decode", "crowd", "retried", "gpu_throttled",
    "gpu_clocks", "cpu_busy", "swapping", "memory_pressure", "disk_busy", "on_cpu", "kv_full", "preempted", "alert",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something out of the ordinary. ``weight`` are the seconds it stands for; ``facts`` the numbers that show it."""

    code: Code
    weight: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for a model's requests: medians, None where too few are known."""

    count: int
    ttft: float | None
    itl: float | None
    duration: float | None
    prompt_tokens: float | None
    output_tokens: float | None
    cached_share: float | None


@dataclass(frozen=True, slots=True)
class Autopsy:
    """What was found about a request, the likeliest first; empty where nothing stands out."""

    request: Request
    usual: Usual
    slow: bool
    """Whether it took longer than is usual at all."""
    findings: tuple[Finding, ...]
    others: int
    """Other requests that were being answered at the time."""
    looked_at: tuple[str, ...]
    """Metrics that were there to look at: what was not cannot be the evidence."""


Firing = Callable[[float, float], Sequence[Mapping[str, str]]]
"""Alerts that fired between two moments (epoch seconds): ``{name, series}``."""


def examine(database: Database, query: Query, request: Request, firing: Firing = lambda _start, _end: ()) -> Autopsy:
    """The autopsy of one request. Raises StorageError where the log cannot be read."""
    others = [one for one in reading.around(database, request.at, request.ended) if one.id != request.id]
    usual = usual_of(_peers(database, request))
    machine = _Machine(query, request)
    findings = [
        *_of_request(request, usual, len(others)), *_of_engine(request, machine), *_of_machine(request, machine),
        *(Finding("alert", 0.01, alert) for alert in firing(request.at, request.ended)),
    ]
    return judged(request, usual, findings, len(others), sorted(machine.seen))


def judged(
    request: Request, usual: Usual, findings: Sequence[Finding], others: int, looked_at: Sequence[str] = (),
) -> Autopsy:
    """Findings in order, those left out that explain too little of the request."""
    duration = request.duration or 0.0
    told = [one for one in findings if one.code == "alert" or one.weight >= SHARE * max(duration, 0.001)]
    told.sort(key=lambda one: -one.weight)
    slow = usual.duration is None or duration > 1.5 * usual.duration or _over(request.ttft, usual.ttft, 1.5)
    return Autopsy(request, usual, slow, tuple(told), others, tuple(looked_at))


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
    )


def _peers(database: Database, request: Request) -> list[Request]:
    wanted = Filter(model=request.model, server=request.server, error="none", end=request.at)
    return [one for one in reading.page(database, wanted, USUAL).requests if one.kind == request.kind]


def _over(value: float | None, usual: float | None, times: float) -> bool:
    return value is not None and usual is not None and value > times * usual


# -- the request beside others of its model


def _of_request(request: Request, usual: Usual, others: int) -> list[Finding]:
    found: list[Finding] = []
    if request.queue:
        found.append(Finding("queue", request.queue, {"seconds": request.queue, "others": others}))
    if (request.attempts or 1) > 1:
        found.append(Finding("retried", (request.duration or 0.0) * 0.2, {"attempts": request.attempts}))
    prefill, decode = request.prefill, request.decode
    if _over(request.prompt_tokens, usual.prompt_tokens, LONG):
        share = 1 - (usual.prompt_tokens or 0.0) / (request.prompt_tokens or 1)
        found.append(Finding("long_prompt", (prefill or request.ttft or 0.0) * share, {
            "tokens": request.prompt_tokens, "usual": usual.prompt_tokens,
        }))
    elif usual.cached_share is not None and usual.cached_share > 0.3 and request.prompt_tokens \
            and request.cached_tokens is not None:
        missed = usual.cached_share - request.cached_tokens / request.prompt_tokens
        if missed > 0.3:
            found.append(Finding("cache_miss", (prefill or request.ttft or 0.0) * missed, {
                "cached": request.cached_tokens, "tokens": request.prompt_tokens, "usual": usual.cached_share,
            }))
    if _over(request.output_tokens, usual.output_tokens, LONG) and not _over(request.itl, usual.itl, 1.5):
        share = 1 - (usual.output_tokens or 0.0) / (request.output_tokens or 1)
        found.append(Finding("long_answer", (decode or 0.0) * share, {
            "tokens": request.output_tokens, "usual": usual.output_tokens,
        }))
    if _over(request.itl, usual.itl, 1.5) and request.output_tokens:
        lost = ((request.itl or 0.0) - (usual.itl or 0.0)) * request.output_tokens
        found.append(Finding("crowd" if others >= 2 else "slow_decode", lost, {
            "itl": request.itl, "usual": usual.itl, "others": others,
        }))
    return found


# -- what the engine and the machine did meanwhile


class _Machine:
    """Series over the time of a request and the half hour before."""

    def __init__(self, query: Query, request: Request) -> None:
        self._query = query
        self.start, self.end = request.at - AROUND, request.ended + AROUND
        self.seen: set[str] = set()

    def during(self, selector: str) -> list[tuple[Series, np.ndarray, np.ndarray]]:
        """(series, its values meanwhile, its values before) of what a selector means; without values left out."""
        found = []
        for one in self._query.select([selector], self.start - BEFORE, self.end).series:
            there = ~np.isnan(one.value)
            at, value = one.t[there] / 1000, one.value[there].astype(np.float64)
            inside = at >= self.start
            if one.low is not None:  # minutes: the one that holds the request counts
                inside = at >= self.start - one.step
            if inside.any():
                self.seen.add(one.info.name)
                found.append((one, value[inside], value[~inside]))
        return found

    def highest(self, selector: str) -> tuple[float, float | None]:
        """(mean meanwhile, median before) of the series that was highest; 0 where there is none."""
        best: tuple[float, float | None] = (0.0, None)
        for _one, now, before in self.during(selector):
            mean = float(now.mean())
            if mean > best[0]:
                best = mean, float(np.median(before)) if before.size else None
        return best


def _of_model(request: Request, metric: str) -> str:
    return series_key(metric, (("server", request.server), ("model", request.model)))


def _of_engine(request: Request, machine: _Machine) -> list[Finding]:
    found: list[Finding] = []
    ttft = request.ttft or request.duration or 0.0
    for one, now, _before in machine.during(_of_model(request, m.STATE.name)):
        if one.info.label("state") == "loading" and now.max() >= 1:
            seconds = min(float((now >= 1).sum()) * max(one.step, 1.0), ttft)
            found.append(Finding("loading", max(seconds, ttft * 0.5), {"seconds": seconds}))
    on_gpu = [now.min() for _one, now, _b in machine.during(_of_model(request, m.ON_GPU.name))]
    if on_gpu and 0 < min(on_gpu) < 0.999:
        found.append(Finding("on_cpu", (request.duration or 0.0) * (1 - min(on_gpu)), {"on_gpu": float(min(on_gpu))}))
    kv, _usual = machine.highest(_of_model(request, m.KV_USED.name))
    if kv >= 0.95:
        found.append(Finding("kv_full", (request.duration or 0.0) * 0.4, {"used": kv}))
    put_back, _usual = machine.highest(_of_model(request, "model_preemptions_per_second"))
    if put_back > 0:
        found.append(Finding("preempted", (request.duration or 0.0) * 0.4, {"per_second": put_back}))
    return found


def _of_machine(request: Request, machine: _Machine) -> list[Finding]:
    found: list[Finding] = []
    duration = request.duration or 0.0
    for one, now, _before in machine.during("gpu_throttled"):
        if now.max() >= 1:
            found.append(Finding("gpu_throttled", duration * 0.5 * float(now.mean()), {
                "gpu": one.info.label("gpu"), "reason": one.info.label("reason"),
            }))
    for one, now, before in machine.during("gpu_sm_clock_hertz"):
        # Only a card that works: idle cards are slow by themselves.
        if before.size and now.mean() < 0.8 * np.percentile(before, 95) and _busy(machine, one.info.label("gpu")):
            found.append(Finding("gpu_clocks", duration * (1 - now.mean() / float(np.percentile(before, 95))), {
                "gpu": one.info.label("gpu"), "hertz": float(now.mean()), "usual": float(np.percentile(before, 95)),
            }))
    cpu, before_cpu = machine.highest("cpu_usage_ratio")
    if cpu > 0.85 and (before_cpu is None or cpu > before_cpu + 0.2):
        found.append(Finding("cpu_busy", duration * 0.35 * cpu, {"used": cpu, "usual": before_cpu}))
    swap, _usual = machine.highest("swap_in_bytes_per_second")
    if swap > 1e6:
        found.append(Finding("swapping", duration * 0.6, {"bytes_per_second": swap}))
    for resource, code, least in (("memory", "memory_pressure", 0.1), ("io", "disk_busy", 0.2)):
        waited, usual = machine.highest(f'pressure_some_ratio{{resource="{resource}"}}')
        if waited > least and (usual is None or waited > LONG * usual):
            found.append(Finding(code, duration * min(waited, 1.0), {"waited": waited, "usual": usual}))  # type: ignore[arg-type]
    return found


def _busy(machine: _Machine, gpu: str) -> bool:
    used, _before = machine.highest(f'gpu_usage_ratio{{gpu="{gpu}"}}')
    return used > 0.3
