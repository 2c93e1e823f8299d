"""The box at a glance: what the first screen shows, gathered from the newest values. Numbers only, no words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from live.events import Event, Events
from metrics.health import WATCHED, Health, Limits, Reason, level
from metrics.metric import Labels, series_key
from metrics.series import Series
from metrics.status import PartStatus, SourceStatus
from storage.latest import Latest

SPARK_SECONDS = 300
TOP = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """One series' newest value, its unit, and its health with the limits that judge it (in the limit's unit)."""

    name: str
    labels: Labels = ()
    unit: str = ""
    value: float | None = None
    health: Health | None = None
    limits: tuple[float, float, float] | None = None
    """(warning, critical, factor): a value times ``factor`` is compared with the limits."""
    every: float = 1.0
    """Seconds between two values."""

    @property
    def key(self) -> str:
        """The series key."""
        return series_key(self.name, self.labels)

    def label(self, name: str) -> str:
        """The value of a label, or the empty string."""
        return dict(self.labels).get(name, "")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU's readings."""

    index: str
    name: str
    usage: Reading
    memory_ratio: Reading
    memory_used: Reading
    memory_total: Reading
    temperature: Reading
    power: Reading


@dataclass(frozen=True, slots=True)
class Summary:
    """What the first screen shows. ``at`` epoch seconds of the newest tick, 0 before the first."""

    at: float
    health: Health | None
    reasons: list[Reason]
    since: float | None
    """When the health in force began, when that is known."""
    hostname: str
    cpu: Reading
    load: Reading
    cores: Reading
    memory: Reading
    memory_used: Reading
    memory_total: Reading
    gpus: list[Gpu]
    receive: Reading
    transmit: Reading
    volume: Reading | None
    """The fullest volume."""
    volume_used: Reading | None
    volume_total: Reading | None
    volumes: int
    temperature: Reading | None
    """The hottest sensor or GPU."""
    temperatures: int
    uptime: Reading
    sources: list[SourceStatus]
    parts: list[PartStatus]
    by_cpu: list[dict[str, Any]]
    by_memory: list[dict[str, Any]]
    processes: int | None
    on_gpu: list[dict[str, Any]]
    events: list[Event] = field(default_factory=list)

    def source(self, name: str) -> SourceStatus | None:
        """A source's state; None when there is no such source."""
        return next((s for s in self.sources if s.name == name), None)

    @property
    def spark_keys(self) -> list[str]:
        """Series whose last minutes are drawn small."""
        keys = [self.cpu.key, self.memory.key, self.receive.key, self.transmit.key]
        keys += [gpu.usage.key for gpu in self.gpus]
        keys += [r.key for r in (self.volume, self.temperature) if r is not None]
        return keys


def summarise(
    latest: Latest, sources: list[SourceStatus], parts: list[PartStatus], events: Events, limits: Limits,
    count: int = 8,
) -> Summary:
    """Gathers the summary; ``count`` events at most. Absent values stay None, absent hardware an empty list."""

    def read(name: str, unit: str, pairs: Labels = ()) -> Reading:
        key = series_key(name, pairs)
        value, info = latest.value(key), latest.info(key)
        judged = level(name, value, limits)
        return Reading(
            name, pairs, unit, value, judged[0] if judged else None, _limits(name, limits), info.every if info else 1.0,
        )

    def highest(*names: str) -> tuple[Reading | None, int]:
        found = latest.present(frozenset(names))
        if not found:
            return None, 0
        info, _ = max(found, key=lambda entry: entry[1])
        return read(info.name, info.unit, info.labels), len(found)

    volume, volumes = highest("disk_volume_used_ratio")
    temperature, temperatures = highest("sensor_temperature_celsius", "gpu_temperature_celsius")
    rows = latest.snapshot("processes").get("rows", [])
    recent = events.recent(50)
    health, reasons, since = _verdict(latest, recent)
    return Summary(
        at=latest.at,
        health=health,
        reasons=reasons,
        since=since,
        hostname=str(latest.snapshot("cpu").get("hostname", "")),
        cpu=read("cpu_usage_ratio", "ratio"),
        load=read("cpu_load1", ""),
        cores=read("cpu_cores", ""),
        memory=read("memory_used_ratio", "ratio"),
        memory_used=read("memory_used_bytes", "bytes"),
        memory_total=read("memory_total_bytes", "bytes"),
        gpus=_gpus(latest, read),
        receive=read("network_all_receive_bytes_per_second", "bytes_per_second"),
        transmit=read("network_all_transmit_bytes_per_second", "bytes_per_second"),
        volume=volume,
        volume_used=read("disk_volume_used_bytes", "bytes", volume.labels) if volume else None,
        volume_total=read("disk_volume_total_bytes", "bytes", volume.labels) if volume else None,
        volumes=volumes,
        temperature=temperature,
        temperatures=temperatures,
        uptime=read("system_uptime_seconds", "seconds"),
        sources=sources,
        parts=parts,
        by_cpu=_top(rows, "cpu_ratio"),
        by_memory=_top(rows, "memory_bytes"),
        processes=latest.snapshot("processes").get("total"),
        on_gpu=_on_gpu(latest.snapshot("nvidia"), rows),
        events=recent[:count],
    )


def _limits(name: str, limits: Limits) -> tuple[float, float, float] | None:
    if name not in WATCHED:
        return None
    prefix, factor = WATCHED[name]
    return getattr(limits, prefix + "_warning"), getattr(limits, prefix + "_critical"), factor


def _verdict(latest: Latest, recent: list[Event]) -> tuple[Health | None, list[Reason], float | None]:
    """Health, its reasons, and when it began if that is known.

    A machine that works has its CPU at the limit for a second now and then: that counts once it has held long enough
    to be an event. What is full or hot counts at once.
    """
    told = next((event for event in recent if event.kind == "health_changed"), None)
    known = told.params.get("health") if told else None
    reasons = [r for r in latest.reasons if r.metric != "cpu_usage_ratio" or known not in (None, "OK")]
    health = latest.health and (reasons[0].health if reasons else "OK")
    return health, reasons, told.at if told and known == health else None


def _gpus(latest: Latest, read: Any) -> list[Gpu]:
    names = {str(g.get("gpu")): str(g.get("name", "")) for g in latest.snapshot("nvidia").get("gpus", [])}
    indexes = {
        info.label("gpu") for info, _ in latest.present(frozenset({"gpu_usage_ratio", "gpu_memory_total_bytes"}))
    }

    def order(index: str) -> tuple[int, str]:
        return (int(index) if index.isdigit() else 10**6, index)

    found = []
    for index in sorted(indexes, key=order):
        pairs = (("gpu", index),)
        found.append(Gpu(
            index, names.get(index, ""),
            usage=read("gpu_usage_ratio", "ratio", pairs),
            memory_ratio=read("gpu_memory_used_ratio", "ratio", pairs),
            memory_used=read("gpu_memory_used_bytes", "bytes", pairs),
            memory_total=read("gpu_memory_total_bytes", "bytes", pairs),
            temperature=read("gpu_temperature_celsius", "celsius", pairs),
            power=read("gpu_power_watts", "watts", pairs),
        ))
    return found


def _top(rows: list[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    present = [row for row in rows if row.get(by) is not None]
    return sorted(present, key=lambda row: -float(row[by]))[:TOP]


def _on_gpu(snapshot: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Processes on any GPU, the greatest memory first; the name from the process list where the driver has none."""
    names = {row.get("pid"): row.get("name") for row in rows}
    found = [
        {"gpu": str(gpu.get("gpu", "")), "pid": process.get("pid"), "memory_bytes": process.get("memory_bytes"),
         "name": process.get("name") or names.get(process.get("pid")) or ""}
        for gpu in snapshot.get("gpus", []) for process in gpu.get("processes", [])
    ]
    return sorted(found, key=lambda p: -(p["memory_bytes"] or 0))[:TOP]


def spark_points(series: list[Series], end: float, seconds: int = SPARK_SECONDS) -> dict[str, list[list[float | None]]]:
    """Series -> ``[[seconds before end, value or None], ...]``, oldest first, for small charts."""
    found: dict[str, list[list[float | None]]] = {}
    for one in series:
        found[one.info.key] = [
            [round(end - t / 1000, 1), None if v != v else float(f"{v:.5g}")]
            for t, v in zip(one.t.tolist(), one.value.tolist()) if 0 <= end - t / 1000 <= seconds
        ]
    return found
