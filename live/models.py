"""Models as people look at them: what engines, processes and proxies tell, joined into one row for each.

Pure functions of snapshots and newest values; nothing is read here. A number carries how it was got.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from metrics import models as m
from metrics.metric import Metric, rate_of
from metrics.series import SeriesInfo

How = Literal["proxy", "engine gauge", "engine counter", "engine histogram", "process", "driver", "slots",
              "layers"]
Present = Sequence[tuple[SeriesInfo, float]]
_TRAFFIC = ("running", "waiting", "tokens_per_second", "requests_per_second")
_OF_A_MINUTE = ("p95", "error_ratio")
"""Told only where requests ended within the last minute."""
_OF_A_RUN = frozenset({
    "memory", "gpu_memory", "cpu", "loaded_bytes", "on_gpu", "kv_used", "context_used", "slots", "tokens_per_second",
    "running", "waiting",
})
"""Readings that end with the process: their newest values stay for a few seconds more."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A number and how it was got."""

    value: float
    how: How


@dataclass(frozen=True, slots=True)
class Model:
    """One model of one server. ``server`` and ``name`` tell it apart; ``facts`` are what its engine says of it."""

    server: str
    name: str
    engine: str
    state: str
    """Empty where its server does not tell it."""
    detail: str = ""
    """More than the state: starting, asleep, not responding."""
    message: str = ""
    """Why, where something is wrong: a sentence."""
    url: str = ""
    found: Literal["configured", "discovered", "process"] = "configured"
    process: Mapping[str, Any] | None = None
    """The process of ours that serves it."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    readings: Mapping[str, Reading] = field(default_factory=dict)
    proxied: bool = False
    """A measuring proxy stands before its server, and would have seen a request."""

    def value(self, name: str) -> float | None:
        """The number of that name; None when it is not known."""
        reading = self.readings.get(name)
        return reading.value if reading is not None else None

    @property
    def traffic(self) -> bool | None:
        """Whether it has something to answer now, or had within the last minute; None where nobody tells."""
        told = [value for name in _TRAFFIC if (value := self.value(name)) is not None]
        if self.busy or any(self.value(name) is not None for name in _OF_A_MINUTE):
            return True
        return False if told or self.proxied else None

    @property
    def busy(self) -> bool:
        """Whether it is known to have something to answer just now."""
        return any((self.value(name) or 0) > 0 for name in _TRAFFIC)

    @property
    def idle(self) -> bool:
        """Whether it could answer and is known to have nothing to."""
        return self.could_answer and self.traffic is False

    @property
    def could_answer(self) -> bool:
        """Whether it runs, or may run as far as its server tells."""
        return self.state in ("running", "")


@dataclass(frozen=True, slots=True)
class Server:
    """A model server that was looked at."""

    name: str
    engine: str
    url: str
    state: str
    message: str = ""
    version: str = ""
    found: str = "configured"
    models: int = 0


@dataclass(frozen=True, slots=True)
class Here:
    """What answers on this machine: names of servers, without the (server, model) that these pass on elsewhere."""

    servers: frozenset[str] = frozenset()
    elsewhere: frozenset[tuple[str, str]] = frozenset()

    def has(self, server: str, model: str) -> bool:
        """Whether a model of a server runs on this machine, as far as it is known."""
        return server in self.servers and (server, model) not in self.elsewhere


@dataclass(frozen=True, slots=True)
class Card:
    """The memory of a GPU, bytes. ``models`` are (server, model, bytes), the largest first; a model without a name is
    one of several that a server's process holds together."""

    gpu: str
    name: str
    used: float
    total: float | None
    models: tuple[tuple[str, str, float], ...] = ()

    @property
    def others(self) -> float:
        """What is used and is no known model's."""
        return max(self.used - sum(size for _server, _model, size in self.models), 0.0)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A model server, as the proxies before it see it."""

    name: str
    url: str
    engine: str
    state: str
    """unknown, ok, loading or down."""
    message: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A measuring proxy now, and how healthy it was: ``shares`` of pieces of ``width`` seconds from ``begin`` (epoch
    seconds) on, None where nothing is known."""

    name: str
    state: str
    """healthy, unhealthy, down or starting."""
    message: str
    address: str
    numbers: Mapping[str, float]
    """What is known of `metrics.models.PROXY_NUMBERS`, and ``p95``: seconds, of the model that was slowest in the last
    minute."""
    upstreams: tuple[Upstream, ...] | None = None
    """The model servers that it may pass on to; None where that is not known."""
    shares: tuple[float | None, ...] = ()
    begin: float = 0.0
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Silence:
    """The serving process does not answer, though it should: ``since``, epoch seconds, where that is known."""

    since: float | None


_GAUGES: tuple[tuple[str, Metric, How], ...] = (
    ("running", m.RUNNING, "engine gauge"), ("waiting", m.WAITING, "engine gauge"), ("slots", m.SLOTS, "engine gauge"),
    ("context_size", m.CONTEXT, "engine gauge"), ("context_used", m.CONTEXT_USED, "slots"),
    ("kv_used", m.KV_USED, "engine gauge"), ("cache_hits", m.CACHE_HITS, "engine counter"),
    ("tokens_per_second", m.LIVE_TOKENS, "slots"),
    ("tokens_per_second", rate_of(m.OUTPUT_TOKENS), "engine counter"),
    ("requests_per_second", rate_of(m.REQUESTS), "engine counter"),
    ("memory", m.MEMORY, "process"), ("gpu_memory", m.GPU_MEMORY, "driver"), ("cpu", m.CPU, "process"),
    ("loaded_bytes", m.LOADED_BYTES, "engine gauge"), ("on_gpu", m.ON_GPU, "engine gauge"),
    ("error_ratio", m.ERROR_RATIO, "engine counter"), ("p95", m.P95, "engine histogram"),
    ("mean", m.MEAN, "engine histogram"),
)
"""A number of a row -> the metrics that tell it, the better one first, and how an engine got it."""
_OTHERWISE: Mapping[tuple[str, str], How] = {
    (m.LIVE_TOKENS.name, "vllm"): "engine counter", (m.LIVE_TOKENS.name, "sglang"): "engine gauge",
    (m.CACHE_HITS.name, "sglang"): "engine gauge", (m.ON_GPU.name, "llamacpp"): "layers",
}
"""Metric and engine -> how that engine got it, where it is not as in `_GAUGES`."""
_BY_PROXY = frozenset({
    m.LIVE_TOKENS.name, rate_of(m.OUTPUT_TOKENS).name, rate_of(m.REQUESTS).name, m.ERROR_RATIO.name, m.P95.name,
})
"""What a proxy tells better than an engine: each answer passes before its eyes."""
_MOST = frozenset({m.P95.name, m.MEAN.name, m.ERROR_RATIO.name, m.CONTEXT_USED.name, m.KV_USED.name})
"""Of several series of one model the highest counts; of all others the sum."""
WANTED = frozenset(metric.name for _, metric, _ in _GAUGES)
"""Metrics that rows are made of."""
CARDS = frozenset({m.GPU_MEMORY.name, "gpu_memory_used_bytes", "gpu_memory_total_bytes"})
"""Metrics that `cards` are made of."""


def rows(engines: Mapping[str, Any], serving: Mapping[str, Any], present: Present) -> list[Model]:
    """A row for each model, those in use first, then by name.

    Args:
        engines: the newest snapshot of the collector ``model_servers``.
        serving: that of the collector ``serving``.
        present: newest values of `WANTED`.
    """
    values = _by_model(present)
    processes = {str(one.get("name", "")): one for one in serving.get("processes", [])}
    found: dict[tuple[str, str], Model] = {}
    for server in engines.get("servers", []):
        name = str(server.get("name", ""))
        for model in server.get("models", []):
            key = (name, str(model.get("name", "")))
            found[key] = _of_server(server, model, processes.get(name), values.get(key, {}))
    for name, process in processes.items():
        if not any(server == name for server, _ in found):
            found[(name, name)] = _of_process(process, values.get((name, name), {}))
    for (server, model), readings in values.items():
        if (server, model) not in found and server and model and _served(readings):
            # What only a proxy has seen: its server tells no models.
            found[(server, model)] = Model(server, model, "", "running", readings=readings)
    proxied = {name for proxy in serving.get("proxies", []) if proxy.get("up") for name in proxy.get("upstreams", [])}
    order = {"running": 0, "loading": 1, "error": 2, "": 3, "unknown": 4, "stopped": 5}
    every = [replace(one, proxied=True) if one.server in proxied else one for one in found.values()]
    return sorted(every, key=lambda one: (order.get(one.state, 6), one.name.lower(), one.server))


def cards(present: Present, nvidia: Mapping[str, Any]) -> list[Card]:
    """The memory of each GPU: what models have of it, what others, what is free.

    Args:
        present: newest values of `CARDS`.
        nvidia: the newest snapshot of the collector ``nvidia``.
    """
    used: dict[str, float] = {}
    total: dict[str, float] = {}
    parts: dict[str, list[tuple[str, str, float]]] = {}
    for info, value in present:
        gpu = info.label("gpu")
        if info.name == "gpu_memory_used_bytes":
            used[gpu] = value
        elif info.name == "gpu_memory_total_bytes":
            total[gpu] = value
        elif gpu:
            parts.setdefault(gpu, []).append((info.label("server"), info.label("model"), value))
    names = {str(one.get("gpu")): str(one.get("name", "")) for one in nvidia.get("gpus", [])}
    return [
        Card(gpu, names.get(gpu, ""), used[gpu], total.get(gpu),
             tuple(sorted(parts.get(gpu, ()), key=lambda part: -part[2])))
        for gpu in sorted(used, key=lambda one: (len(one), one))
    ]


def servers(engines: Mapping[str, Any]) -> list[Server]:
    """The model servers that were looked at."""
    return [
        Server(
            str(one.get("name", "")), str(one.get("engine", "")), str(one.get("url", "")), str(one.get("state", "")),
            str(one.get("message", "")), str(one.get("version", "")), str(one.get("found", "configured")),
            len(one.get("models", [])),
        )
        for one in engines.get("servers", [])
    ]


def here(engines: Mapping[str, Any], serving: Mapping[str, Any]) -> Here:
    """What answers on this machine: the processes of ours, and servers at an address of it. LiteLLM only passes on, and
    so does Ollama the models of its cloud. Arguments as of `rows`."""
    told = [one for one in engines.get("servers", []) if one.get("local") and one.get("engine") != "litellm"]
    ours = {str(one.get("name", "")) for one in serving.get("processes", [])}
    return Here(
        frozenset({str(one.get("name", "")) for one in told} | ours),
        frozenset(
            (str(one.get("name", "")), str(model.get("name", "")))
            for one in told for model in one.get("models", []) if "remote" in (model.get("capabilities") or ())
        ),
    )


def _served(readings: Mapping[str, Reading]) -> bool:
    return any(reading.how == "proxy" for reading in readings.values())


def _of_server(
    server: Mapping[str, Any], model: Mapping[str, Any], process: Mapping[str, Any] | None,
    readings: Mapping[str, Reading],
) -> Model:
    state, detail, message = str(model.get("state", "")), "", str(model.get("message", ""))
    if process is not None and _knows_better(process, server):
        state, detail = str(process.get("state", "")), str(process.get("detail", ""))
        message = str(process.get("message", "")) or (message if server.get("state") == "ok" else "")
        readings = _while_it_runs(process, readings)
    elif server.get("state") == "down" and state != "stopped":
        state, detail, message = "error", "not responding", str(server.get("message", ""))
    elif model.get("sleeping"):
        detail = "asleep"
    if process is not None and not state:
        state = str(process.get("state", ""))
    return Model(
        str(server.get("name", "")), str(model.get("name", "")), str(server.get("engine", "")), state, detail, message,
        str(server.get("url", "")), "process" if process is not None else
        ("discovered" if server.get("found") == "discovered" else "configured"), process,
        {key: value for key, value in model.items() if key not in ("name", "state", "message")}, readings,
    )


def _knows_better(process: Mapping[str, Any], server: Mapping[str, Any]) -> bool:
    """Whether what a process of ours says of itself counts, and not how its server was seen: that look may be of a run
    that has ended, or of a moment before this one was ready. A server that hangs is known by its process, which is
    still there (``pid``)."""
    if process.get("state") in ("loading", "error", "stopped") or process.get("detail") == "stopping":
        return True
    ready = process.get("state") == "running" and process.get("responding") is not False
    return ready and server.get("state") == "down" and server.get("pid") is None


def _while_it_runs(process: Mapping[str, Any], readings: Mapping[str, Reading]) -> Mapping[str, Reading]:
    """Readings without those of a process that has ended."""
    if process.get("pid") or process.get("state") not in ("stopped", "error"):
        return readings
    return {name: reading for name, reading in readings.items() if name not in _OF_A_RUN}


def _of_process(process: Mapping[str, Any], readings: Mapping[str, Reading]) -> Model:
    name, told = str(process.get("name", "")), dict(_while_it_runs(process, readings))
    for key in ("memory", "cpu"):
        value = process.get(key)
        if key not in told and isinstance(value, int | float):
            told[key] = Reading(float(value), "process")
    return Model(
        name, name, str(process.get("engine", "")), str(process.get("state", "stopped")),
        str(process.get("detail", "")), str(process.get("message", "")), str(process.get("url") or ""), "process",
        process, {}, told,
    )


def _by_model(present: Present) -> dict[tuple[str, str], dict[str, Reading]]:
    """Readings by (server, model). Of what a proxy and an engine tell, the better source alone counts."""
    parts: dict[tuple[str, str], dict[tuple[str, bool], list[float]]] = {}
    engines: dict[tuple[str, str], str] = {}
    for info, value in present:
        key = info.label("server"), info.label("model")
        if key[1]:
            by_proxy = bool(info.label("proxy"))
            parts.setdefault(key, {}).setdefault((info.name, by_proxy), []).append(value)
            engines[key] = info.label("engine") or engines.get(key, "")
    return {key: _readings(found, engines[key]) for key, found in parts.items()}


def _readings(found: Mapping[tuple[str, bool], Iterable[float]], engine: str) -> dict[str, Reading]:
    told: dict[str, Reading] = {}
    for name, metric, how in _GAUGES:
        if name in told:
            continue
        for by_proxy in (True, False) if metric.name in _BY_PROXY else (False, True):
            values = list(found.get((metric.name, by_proxy), ()))
            if values:
                value = max(values) if metric.name in _MOST else sum(values)
                told[name] = Reading(value, "proxy" if by_proxy else _OTHERWISE.get((metric.name, engine), how))
                break
    return told
