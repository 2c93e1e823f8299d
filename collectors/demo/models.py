"""The demo's models: two model servers, the proxy before them, and every single request that they are asked within the
period. Series are what these requests add up to, so that charts, histograms and the request log agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from collectors.demo.box import NAMES, OLLAMA, VLLM_PID
from collectors.demo.load import GIB, LARGE_GIB, MODELS_0, PERIOD, SEED, VLLM, Curve, Load
from metrics import models as m
from metrics.metric import Metric

LARGE = "Qwen/Qwen3-32B-AWQ"
PROXY = "lmstudio"
CLIENTS = ("192.0.2.21", "192.0.2.22", "192.0.2.34", "192.0.2.40", "172.17.0.3")
ERRORS = ("", "upstream", "client_gone")
LONGEST = 400
"""Tokens at which an answer is cut off."""
WINDOW = 60
"""Seconds over which p95, mean and error ratio are told."""


@dataclass(frozen=True)
class Served:
    """One model: where it is served, when it is loaded (seconds of the period), and how fast it is."""

    server: str
    engine: str
    name: str
    gpu: int
    size: float
    loaded: tuple[float, float]
    first: float
    """Seconds to the first token of an idle machine, in the median."""
    gap: float
    """Seconds between two tokens."""

    @property
    def labels(self) -> dict[str, str]:
        """As its server tells it."""
        return {"server": self.server, "engine": self.engine, "model": self.name}

    @property
    def lane(self) -> dict[str, str]:
        """As the proxy tells it."""
        return {"proxy": PROXY, "server": self.server, "model": self.name}


SERVED = (
    Served("vllm", "vllm", LARGE, VLLM, LARGE_GIB, (0, PERIOD), 0.16, 0.021),
    *(Served("ollama", "ollama", name, 0, size, (a, b), 0.2, 0.006 + 0.0006 * size)
      for name, (a, b, size) in zip(NAMES, MODELS_0)),
)


@dataclass(frozen=True)
class Asked:
    """One request: seconds of the period, seconds, tokens; the place of its model, client and error in their lists."""

    model: int
    at: float
    queue: float
    ttft: float
    gap: float
    prompt: int
    output: int
    client: int
    error: int

    @property
    def end(self) -> float:
        """When it ended."""
        return self.at + self.ttft + self.gap * max(self.output - 1, 0)


def requests(load: Load) -> list[Asked]:
    """All requests of the period, in the order they ended. None goes on over its seam."""
    random = np.random.default_rng(SEED + 1)  # its own: what else is simulated stays as it is
    made: list[Asked] = []
    for place, model in enumerate(SERVED):
        a, b = model.loaded
        busy = load.requests if model.gpu == VLLM else load.gpus[model.gpu].usage
        chance = 0.55 * busy if model.gpu == VLLM else 0.22 * busy
        for second in np.flatnonzero(random.random(PERIOD) < chance):
            crowd = float(busy[second])
            queue = float(random.exponential(0.4 * max(crowd - 0.6, 0.0) + 0.004))
            one = Asked(
                place, float(second + random.random()), queue,
                queue + model.first * float(random.lognormal(0, 0.35)) * (1 + 1.2 * crowd),
                model.gap * float(random.lognormal(0, 0.12)) * (1 + 0.5 * crowd), int(random.lognormal(6.2, 0.9)),
                min(int(random.lognormal(4.0, 0.6)) + 1, LONGEST), int(random.integers(len(CLIENTS))), 0,
            )
            if random.random() < 0.012:
                one = replace(one, error=int(random.integers(1, len(ERRORS))), output=0)
            if a <= one.at and one.end < min(b, PERIOD - 1):
                made.append(one)
    return sorted(made, key=lambda one: one.end)


def put(asked: list[Asked], to: Callable[..., None]) -> None:
    """The series; ``to`` takes collector, name, values, scale and labels."""
    for place, model in enumerate(SERVED):
        mine = [one for one in asked if one.model == place]
        _engine(model, mine, to)
        _lane(model, mine, to)
    for server in dict.fromkeys((model.server, model.engine) for model in SERVED):
        to("model_servers", m.SERVER_UP.name, 1.0, 1, server=server[0], engine=server[1])
    for metric, values, scale, sparse in (
        (m.PROXY_UP, 1.0, 1, False), (m.PROXY_HEALTHY, 1.0, 1, False), (m.PROXY_RUNNING, _running(asked), 1, False),
        (m.PROXY_WAITING, _waiting(asked), 1, False), (m.PROXY_LATENCY, _recent(asked, np.mean), 1e-3, True),
        (m.PROXY_REQUESTS, _ended(asked), 1, False), (m.PROXY_LIMITED, 0.0, 1, False),
        (m.PROXY_ERRORS, _ended([one for one in asked if _failed(one)]), 1, False),
        (m.PROXY_GONE, _ended([one for one in asked if ERRORS[one.error] == "client_gone"]), 1, False),
    ):
        to("serving", metric.name, values, scale, sparse=sparse, hold=True, proxy=PROXY)


def _engine(model: Served, mine: list[Asked], to: Callable[..., None]) -> None:
    a, b = model.loaded
    t = np.arange(PERIOD)
    there = ((t >= a) & (t < b)).astype(float)

    def told(metric: Metric, values: Curve | float, scale: float, **more: str) -> None:
        to("model_servers", metric.name, values, scale, sparse=True, hold=True, **model.labels, **more)

    for state, flag in (("running", there), ("stopped", 1 - there)):
        to("model_servers", m.STATE.name, flag, 1, hold=True, **model.labels, state=state)
    told(m.UP, there, 1)
    to("model_servers", m.LOADED.name, there, 1, hold=True, **model.labels)
    told(m.GPU_MEMORY, there * model.size * GIB, 2.0**20, gpu=str(model.gpu))
    told(m.LOADED_BYTES, there * model.size * GIB, 2.0**20)
    told(m.CONTEXT, there * (32_768 if model.engine == "vllm" else 16_384), 1)
    if model.engine == "ollama":
        told(m.ON_GPU, there, 1)
        return
    running = _running(mine)
    to("model_servers", m.RUNNING.name, running, 1, hold=True, **model.labels)
    to("model_servers", m.WAITING.name, _waiting(mine), 1, hold=True, **model.labels)
    to("model_servers", m.KV_USED.name, np.clip(0.04 + 0.055 * running, 0, 0.97), 1e-3, **model.labels)


def _lane(model: Served, mine: list[Asked], to: Callable[..., None]) -> None:
    good = [one for one in mine if not one.error]
    tokens = np.zeros(PERIOD)
    for one in good:
        seconds = (one.at + one.ttft + one.gap * np.arange(one.output)).astype(int)
        tokens += np.bincount(seconds, minlength=PERIOD)[:PERIOD]
    to("serving", m.RUNNING.name, _running(mine), 1, hold=True, **model.lane)
    to("serving", m.WAITING.name, _waiting(mine), 1, hold=True, **model.lane)
    to("serving", m.LIVE_TOKENS.name, tokens, 1, sparse=True, hold=True, **model.lane)
    to("serving", m.REQUESTS.name, _ended(mine), 1, **model.lane)
    to("serving", m.TIMEOUTS.name, 0.0, 1, **model.lane)
    to("serving", m.OUTPUT_TOKENS.name, tokens, 1, **model.lane)
    prompts = np.zeros(PERIOD)
    for one in mine:
        prompts[int(one.end)] += one.prompt
    to("serving", m.PROMPT_TOKENS.name, prompts, 1, **model.lane)
    to("serving", m.P95.name, _recent(mine, lambda took: np.percentile(took, 95)), 1e-3, sparse=True, hold=True,
       **model.lane)
    # No failures are a value where there was traffic, and told as what cannot be seen: 0 is where there was none.
    to("serving", m.ERROR_RATIO.name, _recent_errors(mine), 1e-4, sparse=True, hold=True, **model.lane)
    _histogram(m.TTFT, model, [(one.end, one.ttft, 1) for one in good], to)
    _histogram(m.DURATION, model, [(one.end, one.end - one.at, 1) for one in good], to)
    _histogram(m.QUEUE, model, [(one.end, one.queue, 1) for one in mine], to)
    _histogram(m.ITL, model, [(one.end, one.gap, one.output - 1) for one in good], to)


def _histogram(
    metric: Metric, model: Served, seen: list[tuple[float, float, int]], to: Callable[..., None],
) -> None:
    """``seen``: second, seconds that were measured, how often."""
    cells: dict[int, Curve] = {}
    for at, seconds, count in seen:
        cells.setdefault(m.bucket_of(seconds), np.zeros(PERIOD))[int(at)] += count
    for bucket, counts in sorted(cells.items()):
        to("serving", metric.name, counts, 1, sparse=True, hold=True, **model.lane, le=m.LE[bucket])


def _failed(one: Asked) -> bool:
    return ERRORS[one.error] not in ("", "client_gone")


def _ended(asked: list[Asked]) -> Curve:
    """How many ended in each second."""
    return np.bincount([int(one.end) for one in asked], minlength=PERIOD).astype(float)[:PERIOD]


def _between(spans: list[tuple[float, float]]) -> Curve:
    """How many of the spans hold the middle of each second."""
    middle = np.arange(PERIOD) + 0.5
    counts = np.zeros(PERIOD)
    for begin, end in spans:
        counts += (middle >= begin) & (middle < end)
    return counts


def _running(asked: list[Asked]) -> Curve:
    return _between([(one.at + one.queue, one.end) for one in asked])


def _waiting(asked: list[Asked]) -> Curve:
    return _between([(one.at, one.at + one.queue) for one in asked])


def _recent(asked: list[Asked], of: Callable[[list[float]], Any]) -> Curve:
    """One number of the durations of the last minute; 0 without any."""
    values = np.zeros(PERIOD)
    for second in range(PERIOD):
        took = [one.end - one.at for one in asked if second - WINDOW < one.end <= second]
        values[second] = float(of(took)) if took else 0.0
    return values


def _recent_errors(asked: list[Asked]) -> Curve:
    values = np.zeros(PERIOD)
    for second in range(PERIOD):
        there = [_failed(one) for one in asked if second - WINDOW < one.end <= second]
        values[second] = max(sum(there) / len(there), 1e-4) if there else 0.0
    return values


def facts() -> dict[str, dict[str, Any]]:
    """Snapshots of the collectors ``model_servers`` and ``serving``."""
    return {
        "model_servers": {"servers": [
            {"name": "vllm", "url": "http://127.0.0.1:8000", "engine": "vllm", "version": "0.11.0", "state": "ok",
             "message": "", "found": "discovered", "pid": VLLM_PID, "local": True, "models": _models("vllm")},
            {"name": "ollama", "url": "http://127.0.0.1:11434", "engine": "ollama", "version": "0.12.6", "state": "ok",
             "message": "", "found": "discovered", "pid": OLLAMA, "local": True, "models": _models("ollama")},
        ]},
        "serving": {
            "answers": True, "boot": "simulated", "problem": "", "upstreams": [], "lanes": [], "processes": [],
            "histograms": [],
            "proxies": [{"name": PROXY, "enabled": True, "host": "127.0.0.1", "port": 1234, "up": True, "healthy": True,
                         "address": "127.0.0.1:1234", "message": "", "upstreams": ["vllm", "ollama"]}],
        },
    }


def _models(server: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for model in SERVED:
        if model.server != server:
            continue
        a, b = model.loaded
        size = {"size": model.size * 0.9 * GIB}
        told.append({"~during": [a, b], "name": model.name, "state": "running", "loaded": True, **size})
        told += [{"~during": [begin, end], "name": model.name, "state": "stopped", "loaded": False, **size}
                 for begin, end in ((0, a), (b, PERIOD)) if begin < end]
    return told


def log(asked: list[Asked]) -> dict[str, Any]:
    """The requests as the capture holds them: whole numbers, a column each."""
    return {
        "models": [{"server": one.server, "engine": one.engine, "model": one.name, "proxy": PROXY} for one in SERVED],
        "clients": list(CLIENTS), "errors": list(ERRORS), "longest": LONGEST,
        "model": [one.model for one in asked], "at_ms": [round(one.at * 1000) for one in asked],
        "queue_ms": [round(one.queue * 1000) for one in asked], "ttft_ms": [round(one.ttft * 1000) for one in asked],
        "gap_us": [round(one.gap * 1e6) for one in asked], "prompt": [one.prompt for one in asked],
        "output": [one.output for one in asked], "client": [one.client for one in asked],
        "error": [one.error for one in asked],
    }
