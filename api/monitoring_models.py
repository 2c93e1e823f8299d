"""The sections ``proxies`` and ``models`` of ``/api/monitoring``, keys as the first document lays them down (2.2).

Latencies are in milliseconds and error rates from 0 to 1 as in its example of ``models:status``, sizes in bytes,
temperatures in Celsius. What is not known, or has nothing to tell of, is null.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from api.wire import number
from config.serving import Proxy
from live.models import Model
from metrics import models as m
from metrics.flat import iso
from metrics.metric import Metric, labels, series_key
from services import Vigie
from storage.latest import Latest

Key = tuple[str, str]
"""Server and model."""


def proxies(services: Vigie) -> dict[str, Any]:
    """Each proxy by its name; one that is off has its port alone."""
    return {name: _proxy(services.latest, name, one) for name, one in services.config.current.proxies}


def _proxy(latest: Latest, name: str, configured: Proxy) -> dict[str, Any]:
    def value(metric: Metric) -> float | None:
        return number(latest.value(series_key(metric.name, labels(proxy=name)))) if configured.enabled else None

    up, healthy = value(m.PROXY_UP), value(m.PROXY_HEALTHY)
    return {
        "enabled": configured.enabled, "port": configured.port,
        "healthy": None if up is None else bool(up and healthy),
        "requestCount": _whole(value(m.PROXY_REQUESTS)), "errorCount": _whole(value(m.PROXY_ERRORS)),
        "avgLatency": _ms(value(m.PROXY_LATENCY)), "uptimeSecs": value(m.PROXY_UPTIME),
    }


def models(services: Vigie) -> dict[str, Any]:
    """Each model by its name; where several servers have one of that name, by ``server/name``."""
    rows = services.serving.rows()
    named = Counter(row.name for row in rows)
    serving, engines = services.latest.snapshot("serving"), services.latest.snapshot("model_servers")
    pids = {str(one.get("name")): one.get("pid") for one in engines.get("servers", ())}
    answered, heat = _answered(services.latest), _heat(services.latest)
    means = _means(serving.get("lanes", ()))
    return {
        row.name if named[row.name] == 1 else f"{row.server}/{row.name}":
            _model(row, pids.get(row.server), answered, means, heat)
        for row in rows
    }


def _model(
    row: Model, pid: int | None, answered: Mapping[Key, float], means: Mapping[Key, float], heat: Mapping[Key, float],
) -> dict[str, Any]:
    process, key = row.process or {}, (row.server, row.name)
    started, used = process.get("started"), row.value("context_used")
    return {
        "status": row.state or None, "port": process.get("port") or row.facts.get("port") or _port(row.url),
        "pid": process.get("pid") or pid, "startTime": None if started is None else iso(started),
        "requestsProcessed": _whole(answered.get(key)),
        "requestsPerSecond": number(row.value("requests_per_second")),
        "averageLatency": _ms(means.get(key, row.value("mean"))),
        "errorRate": number(row.value("error_ratio")),
        "throughputTokensPerSec": number(row.value("tokens_per_second")),
        "memoryUsed": number(row.value("memory")), "gpuMemoryUsed": number(row.value("gpu_memory")),
        "temperature": heat.get(key), "contextUsagePercent": None if used is None else round(100 * used, 2),
    }


def _port(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 3)


def _answered(latest: Latest) -> dict[Key, float]:
    """Requests that ended: those that proxies saw, of a model that none has seen those that its engine tells."""
    told: dict[tuple[Key, bool], float] = defaultdict(float)
    for info, value in latest.present(frozenset({m.REQUESTS.name})):
        told[(info.label("server"), info.label("model")), bool(info.label("proxy"))] += value
    return {key: value for (key, by_proxy), value in told.items() if by_proxy or (key, True) not in told}


def _means(lanes: Iterable[Mapping[str, Any]]) -> dict[Key, float]:
    """Mean seconds of the requests of the last minute, over all proxies; without one a row has its engine's."""
    total: dict[Key, float] = defaultdict(float)
    count: Counter[Key] = Counter()
    for lane in lanes:
        if lane.get("mean") is not None and lane.get("ended"):
            key = lane["server"], lane["model"]
            total[key] += lane["mean"] * lane["ended"]
            count[key] += lane["ended"]
    return {key: total[key] / count[key] for key in count}


def _heat(latest: Latest) -> dict[Key, float]:
    """Temperature of the card that a model lies on, the hottest of several."""
    wanted = frozenset({m.GPU_MEMORY.name, "gpu_temperature_celsius"})
    cards: dict[str, float] = {}
    lies: list[tuple[Key, str]] = []
    for info, value in latest.present(wanted):
        if info.name != m.GPU_MEMORY.name:
            cards[info.label("gpu")] = value
        elif info.label("gpu"):
            lies.append(((info.label("server"), info.label("model")), info.label("gpu")))
    found: dict[Key, float] = {}
    for key, card in lies:
        if card in cards:
            found[key] = max(found.get(key, cards[card]), cards[card])
    return found
