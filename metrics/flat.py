"""The flat row of ``/api/metrics/latest``: the keys and units of the documents, one home for the mapping."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

MIB, GIB = 2.0**20, 2.0**30
Value = Callable[[str], float | None]
"""The newest value of a series key, None when absent."""

SERIES: dict[str, tuple[str, float]] = {
    "cpu_percent": ("cpu_usage_ratio", 100),
    "ram_percent": ("memory_used_ratio", 100),
    "ram_used_mb": ("memory_used_bytes", 1 / MIB),
    "ram_total_mb": ("memory_total_bytes", 1 / MIB),
    "disk_percent": ('disk_volume_used_ratio{mount="/"}', 100),
    "disk_used_gb": ('disk_volume_used_bytes{mount="/"}', 1 / GIB),
    "disk_total_gb": ('disk_volume_total_bytes{mount="/"}', 1 / GIB),
    "network_sent_mb": ("network_all_transmit_bytes_total", 1 / MIB),
    "network_recv_mb": ("network_all_receive_bytes_total", 1 / MIB),
}
"""Key of the flat row -> series key and factor. The two network keys count since boot."""

PIPELINE_KEYS = ("fps_in", "fps_out", "latency_ms", "gpu_util", "gpu_memory_mb", "queue_rt_drops")
"""Keys that a pipeline reports; null until one does. The GPU ones come from the GPUs meanwhile."""

KEYS = ("timestamp", "recorded_at", "server_id", *SERIES, *PIPELINE_KEYS, "health")


def iso(at: float) -> str:
    """Epoch seconds as ISO 8601 UTC with milliseconds: ``2026-11-20T16:42:00.000Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def flat_row(value: Value, gpus: int, at: float, health: str | None, server: int = 1) -> dict[str, Any]:
    """One flat row. GPUs 0 to ``gpus - 1`` are asked for, not all of which need answer; absent values are None.

    ``gpu_util`` is the mean use of the GPUs in percent, ``gpu_memory_mb`` their used memory together in MiB.
    """
    stamp = iso(at)
    row: dict[str, Any] = {"timestamp": stamp, "recorded_at": stamp, "server_id": server}
    for key, (series, factor) in SERIES.items():
        found = value(series)
        row[key] = None if found is None else round(found * factor, 2)
    row.update(dict.fromkeys(PIPELINE_KEYS))
    use = [v for g in range(gpus) if (v := value(f'gpu_usage_ratio{{gpu="{g}"}}')) is not None]
    memory = [v for g in range(gpus) if (v := value(f'gpu_memory_used_bytes{{gpu="{g}"}}')) is not None]
    row["gpu_util"] = round(100 * sum(use) / len(use), 2) if use else None
    row["gpu_memory_mb"] = round(sum(memory) / MIB, 2) if memory else None
    row["health"] = health
    return row
