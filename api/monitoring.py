"""``/api/monitoring``: the full current snapshot, keys as the first document lays them down, units in their names or
those of the metrics (bytes, seconds, per second); percentages 0 to 100."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from flask import Response, current_app
from flask_openapi3.blueprint import APIBlueprint

from api.models import MonitoringAnswer
from api.monitoring_models import models, proxies
from api.observe import observed
from api.presence import viewers_of
from api.wire import json_response, number
from metrics.flat import iso
from security.permissions import requires
from services import Vigie, vigie
from storage.latest import Latest

VOLUME = {"used": "used_bytes", "free": "free_bytes", "total": "total_bytes"}
INTERFACE = {
    "received": "receive_bytes_total", "transmitted": "transmit_bytes_total",
    "packetsReceived": "receive_packets_total", "packetsSent": "transmit_packets_total",
    "receivedPerSecond": "receive_bytes_per_second", "transmittedPerSecond": "transmit_bytes_per_second",
}
GPU = {
    "memoryUsed": "gpu_memory_used_bytes", "memoryTotal": "gpu_memory_total_bytes",
    "temperature": "gpu_temperature_celsius", "power": "gpu_power_watts", "powerLimit": "gpu_power_limit_watts",
}


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else round(100 * ratio, 2)


class _Now:
    """Current values, by metric and by label."""

    def __init__(self, latest: Latest) -> None:
        self._labelled: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
        for info, value in latest.present():
            self._labelled[info.name].append((dict(info.labels), value))

    def one(self, name: str, **labels: str) -> float | None:
        """The value of the series with exactly these labels."""
        return next((number(value) for pairs, value in self._labelled.get(name, ()) if pairs == labels), None)

    def total(self, name: str) -> float | None:
        """The sum over all label values; None when there is none."""
        values = [value for _, value in self._labelled.get(name, ())]
        return number(sum(values)) if values else None

    def values_of(self, name: str, label: str) -> list[str]:
        """The values of a label, in natural order."""
        found = {pairs.get(label, "") for pairs, _ in self._labelled.get(name, ())}
        return sorted(found, key=lambda v: (len(v), v) if v.isdigit() else (0, v))


def _system(now: _Now, latest: Latest) -> dict[str, Any]:
    cores = [_percent(now.one("cpu_core_usage_ratio", core=c)) for c in now.values_of("cpu_core_usage_ratio", "core")]
    processes = latest.snapshot("processes")
    return {
        "cpu": {
            "percent": _percent(now.one("cpu_usage_ratio")), "usage": _percent(now.one("cpu_usage_ratio")),
            "cores": cores, "load": [now.one(f"cpu_load{minutes}") for minutes in (1, 5, 15)],
            "uptime": now.one("system_uptime_seconds"),
        },
        "memory": {
            **{key: now.one(f"memory_{key}_bytes") for key in ("used", "free", "available", "cached", "total")},
            "percent": _percent(now.one("memory_used_ratio")),
            "swap": {"used": now.one("swap_used_bytes"), "total": now.one("swap_total_bytes")},
        },
        "disk": {
            "volumes": [_volume(now, mount) for mount in now.values_of("disk_volume_total_bytes", "mount")],
            "throughputRead": now.total("disk_read_bytes_per_second"),
            "throughputWrite": now.total("disk_write_bytes_per_second"),
            "iops": _sum(now.total("disk_reads_per_second"), now.total("disk_writes_per_second")),
        },
        "network": {"interfaces": _interfaces(now, latest)},
        "gpu": _gpus(now, latest),
        "processes": [
            {"pid": p.get("pid"), "name": p.get("name"), "cpu": _percent(p.get("cpu_ratio")),
             "memory": number(p.get("memory_bytes")), "status": p.get("status"),
             "uptime": number(p.get("uptime_seconds")),
             "command": p.get("command")}
            for p in processes.get("rows", [])
        ],
    }


def _sum(*values: float | None) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) if there else None


def _volume(now: _Now, mount: str) -> dict[str, Any]:
    values = {key: now.one(f"disk_volume_{name}", mount=mount) for key, name in VOLUME.items()}
    return {"path": mount, **values, "percent": _percent(now.one("disk_volume_used_ratio", mount=mount))}


def _interfaces(now: _Now, latest: Latest) -> list[dict[str, Any]]:
    facts = {fact.get("interface"): fact for fact in latest.snapshot("network").get("interfaces", [])}
    names = now.values_of("network_receive_bytes_total", "interface")
    return [
        {"name": name, "ip": next(iter(facts.get(name, {}).get("addresses") or []), None),
         **{key: now.one(f"network_{metric}", interface=name) for key, metric in INTERFACE.items()}}
        for name in names
    ]


def _gpus(now: _Now, latest: Latest) -> list[dict[str, Any]]:
    facts = {str(fact.get("gpu")): fact for fact in latest.snapshot("nvidia").get("gpus", [])}
    ids = sorted({*facts, *now.values_of("gpu_memory_total_bytes", "gpu")})
    return [
        {"id": gpu, "name": facts.get(gpu, {}).get("name"), "usage": _percent(now.one("gpu_usage_ratio", gpu=gpu)),
         **{key: now.one(metric, gpu=gpu) for key, metric in GPU.items()},
         "processes": facts.get(gpu, {}).get("processes", [])}
        for gpu in ids
    ]


def snapshot(services: Vigie, requests: int, errors: int, viewers: int) -> dict[str, Any]:
    """The snapshot. The sections of ``system`` but its processes stand at the top too, where the documents' live
    event has them."""
    system = _system(_Now(services.latest), services.latest)
    return {
        "timestamp": iso(services.latest.at), "server_id": 1,
        **{key: system[key] for key in ("cpu", "memory", "disk", "network", "gpu")},
        "system": system, "proxies": proxies(services), "models": models(services),
        "application": {
            "uptime": round(time.time() - services.started, 1), "version": services.version,
            "totalRequestsHandled": requests, "totalErrorsEncountered": errors, "activeConnections": viewers,
            "configLastModified": None,
        },
    }


def register(bp: APIBlueprint) -> None:
    """Adds the route."""

    @bp.get("/monitoring", summary="Full current snapshot", responses={200: MonitoringAnswer})
    @requires("metrics:read")
    def monitoring() -> Response:
        counts = observed(current_app)
        return json_response(
            snapshot(vigie(), counts.requests, counts.errors, viewers_of(current_app).viewers())
        )
