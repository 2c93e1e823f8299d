"""Makes the demo's capture: simulates half an hour of a GPU server and writes ``gpu-box.json.gz`` beside this file.

    python -m collectors.demo.make

Nothing in it was measured: the box, its load and its figures are made up, and the screen says so. All noise repeats
with the period and states with inertia (temperatures) are simulated around it more than once, so that the end joins the
beginning.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np

from collectors.demo import CAPTURE, models
from collectors.demo.box import BOOT, facts, process_rows
from collectors.demo.load import CORES, PERIOD, Curve, Load, simulate


class _Writer:
    """Gathers series as the capture holds them: differences of whole numbers."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, Any]] = {}

    def put(
        self, collector: str, name: str, values: Curve | float, scale: float, *, calm: float | None = None,
        hold: bool = False, sparse: bool = False, **labels: str,
    ) -> None:
        """``calm`` is the value at no load, around which the hour of the day moves the curve; None: it does not.
        ``sparse``: where the value is 0 there is none."""
        if isinstance(values, (int, float)):
            steps = [round(values / scale)]
        else:
            whole = np.rint(values / scale).astype(np.int64)
            steps = np.diff(whole, prepend=0).tolist()
            if not np.any(np.diff(whole)):
                steps = steps[:1]
        one: dict[str, Any] = {"name": name, "scale": scale, "delta": steps}
        if labels:
            one["labels"] = labels
        if calm is not None:
            one["base"] = calm
        if hold:
            one["hold"] = 1
        if sparse:
            one["sparse"] = 1
        self.parts.setdefault(collector, {}).setdefault("series", []).append(one)


def make() -> dict[str, Any]:
    """The capture as a plain object."""
    load, out = simulate(), _Writer()
    _cpu(load, out)
    _memory(load, out)
    _disk(load, out)
    _network(load, out)
    _sensors(load, out)
    _gpus(load, out)
    _pressure(load, out)
    _vigie(load, out)
    asked = models.requests(load)
    models.put(asked, out.put)
    for collector, snapshot in (facts(load) | models.facts()).items():
        out.parts.setdefault(collector, {})["snapshot"] = snapshot
    out.parts["processes"] = {"snapshot": {"at": 0, "rows": process_rows(load), "total": 1213}}
    out.parts["cpu"]["since"] = {"system_uptime_seconds": BOOT}
    return {
        "about": "Simulated by collectors/demo/make.py; no machine measured these values.", "period": PERIOD,
        "collectors": out.parts, "requests": models.log(asked),
    }


def _cpu(load: Load, out: _Writer) -> None:
    usage = load.cores.mean(axis=0)
    out.put("cpu", "cpu_usage_ratio", usage, 1e-3, calm=0.03)
    for core in range(CORES):
        out.put("cpu", "cpu_core_usage_ratio", load.cores[core], 0.01, calm=0.03, core=str(core))
    shares = {"user": 0.79, "nice": 0.0, "system": 0.17, "irq": 0.0, "softirq": 0.04, "steal": 0.0}
    for mode, share in shares.items():
        out.put("cpu", "cpu_mode_ratio", usage * share, 1e-3, calm=0.03 * share, mode=mode)
    waiting = np.minimum(load.loading * 0.03 + 0.001, 1 - usage)
    out.put("cpu", "cpu_mode_ratio", waiting, 1e-3, calm=0.001, mode="iowait")
    out.put("cpu", "cpu_mode_ratio", 1 - usage - waiting, 1e-3, calm=0.969, mode="idle")
    for name, seconds in (("cpu_load1", 60), ("cpu_load5", 300), ("cpu_load15", 900)):
        out.put("cpu", name, load.lagged(usage * CORES * 1.05 + 0.4, seconds), 0.01, calm=2.0)
    out.put("cpu", "cpu_frequency_hertz", 2.45e9 + 1.2e9 * np.sqrt(usage), 1e7, calm=2.6e9)
    out.put("cpu", "cpu_context_switches_total", 9e3 + 1.5e5 * usage + 2e4 * load.requests, 100, calm=1.2e4)
    out.put("cpu", "cpu_cores", float(CORES), 1)


def _memory(load: Load, out: _Writer) -> None:
    gib = 2**30
    total, cached, buffers = 251.6 * gib, load.cached, 1.9 * gib
    used = load.memory
    page = gib / 64
    out.put("memory", "memory_total_bytes", total, page)
    out.put("memory", "memory_used_bytes", used, page)
    out.put("memory", "memory_available_bytes", total - used, page)
    out.put("memory", "memory_cached_bytes", cached, page)
    out.put("memory", "memory_buffers_bytes", buffers, page)
    out.put("memory", "memory_free_bytes", total - used - cached - buffers, page)
    out.put("memory", "memory_used_ratio", used / total, 1e-4)
    out.put("memory", "swap_total_bytes", 8.0 * gib, page)
    out.put("memory", "swap_used_bytes", 0.3 * gib, page)
    out.put("memory", "swap_in_bytes_total", 0.0, 4096)
    out.put("memory", "swap_out_bytes_total", 0.0, 4096)


def _disk(load: Load, out: _Writer) -> None:
    gib = 2**30
    for mount, total, used in (("/", 439.0, 187.4), ("/srv/models", 3575.0, 2236.0), ("/boot/efi", 1.0, 0.012)):
        free = (total - used) * 0.96
        for name, value in (("used", used), ("free", free), ("total", total)):
            out.put("disk", f"disk_volume_{name}_bytes", value * gib, gib / 256, mount=mount)
        out.put("disk", "disk_volume_used_ratio", used / (used + free), 1e-4, mount=mount)
    system_writes = (0.6e6 + 5e6 * load.noise(40) ** 4) * (1 + load.requests)
    model_reads = load.loading * 3.1e9 * (0.9 + 0.1 * load.noise(1))
    for device, read, write, read_size, write_size, latency in (
        ("nvme0n1", 2e4 * load.noise(5), system_writes, 16e3, 22e3, 9e-5),
        ("nvme1n1", model_reads, 3e4 * load.noise(30), 128e3, 16e3, 3.4e-4),
    ):
        operations = read / read_size + write / write_size
        out.put("disk", "disk_read_bytes_total", read, 4096, calm=0.0, device=device)
        out.put("disk", "disk_write_bytes_total", write, 4096, calm=3e4, device=device)
        out.put("disk", "disk_reads_total", read / read_size, 1, calm=0.0, device=device)
        out.put("disk", "disk_writes_total", write / write_size, 1, calm=2.0, device=device)
        out.put("disk", "disk_busy_seconds_total", np.minimum(0.98, operations * 4e-5), 1e-3, calm=1e-3, device=device)
        slow = latency * (1 + 2 * load.loading + 0.6 * load.noise(8))
        out.put("disk", "disk_service_time_seconds", slow, 1e-6, device=device)


def _network(load: Load, out: _Writer) -> None:
    requests = load.requests
    outside = {"receive": 4e4 + 9e5 * requests, "transmit": 6e4 + 2.6e6 * requests}
    for interface, factor in (("eno1", 1.0), ("docker0", 0.4), ("lo", 1.6)):
        for way, rate in outside.items():
            wire = rate * factor * (0.85 + 0.3 * load.noise(2))
            calm = factor * 5e4
            out.put("network", f"network_{way}_bytes_total", wire, 64, calm=calm, interface=interface)
            out.put("network", f"network_{way}_packets_total", wire / 620, 1, calm=calm / 620, interface=interface)
            out.put("network", f"network_{way}_errors_total", 0.0, 1, interface=interface)
            out.put("network", f"network_{way}_drops_total", 0.0, 1, interface=interface)
            if interface == "eno1":
                out.put("network", f"network_all_{way}_bytes_total", wire, 64, calm=calm)
        out.put("network", "network_up", 1.0, 1, interface=interface)
    out.put("network", "network_speed_bytes_per_second", 10e9 / 8, 1, interface="eno1")


def _sensors(load: Load, out: _Writer) -> None:
    usage = load.cores.mean(axis=0)
    package = load.lagged(38 + 44 * usage, 25)
    out.put("sensors", "sensor_temperature_celsius", package, 0.25, calm=39.0, chip="k10temp", sensor="Tctl")
    for die in range(1, 9):
        own = package - 4 + 3 * load.noise(20) + die % 3
        out.put("sensors", "sensor_temperature_celsius", own, 0.25, calm=36.0, chip="k10temp", sensor=f"Tccd{die}")
    drives = {"Composite": 36 + 3 * load.noise(60), "Composite 2": load.lagged(38 + 30 * load.loading, 50)}
    for sensor, warmth in drives.items():
        out.put("sensors", "sensor_temperature_celsius", warmth, 0.25, calm=37.0, chip="nvme", sensor=sensor)
    for fan in range(1, 7):
        speed = 3200 + 4200 * load.lagged(np.clip((package - 38) / 45, 0, 1), 12) + 60 * load.noise(3) + 25 * fan
        out.put("sensors", "sensor_fan_rpm", speed, 10, calm=3300.0, chip="nct6798", sensor=f"fan{fan}")


def _gpus(load: Load, out: _Writer) -> None:
    for gpu in load.gpus:
        n = str(gpu.index)
        heat = np.clip((gpu.temperature - 35) / 55, 0, 1)
        limited, busy = gpu.power > 294, gpu.usage > 0.02
        clock = np.where(busy, 2505e6 - 190e6 * heat - 90e6 * limited, 210e6)
        for name, values, scale, calm in (
            ("gpu_usage_ratio", gpu.usage, 0.01, 0.0),
            ("gpu_memory_used_bytes", gpu.memory, 2.0**22, None),
            ("gpu_memory_used_ratio", gpu.memory / gpu.memory_total, 1e-4, None),
            ("gpu_temperature_celsius", gpu.temperature, 0.5, 36.0),
            ("gpu_power_watts", gpu.power, 0.5, 24.0),
            ("gpu_sm_clock_hertz", clock, 15e6, None),
            ("gpu_memory_clock_hertz", np.where(busy, 10001e6, 405e6), 1e6, None),
            ("gpu_fan_ratio", load.lagged(0.30 + 0.5 * heat, 8), 0.01, 0.3),
            ("gpu_pcie_receive_bytes_per_second", gpu.filling * 2.9e9 + gpu.usage * 3.2e7, 2e4, 1e6),
            ("gpu_pcie_transmit_bytes_per_second", gpu.usage * 2.1e7 * (0.8 + 0.4 * load.noise(2)), 2e4, 1e6),
        ):
            out.put("nvidia", name, values, scale, calm=calm, hold=name.endswith("clock_hertz"), gpu=n)
        out.put("nvidia", "gpu_memory_total_bytes", gpu.memory_total, 1, gpu=n)
        out.put("nvidia", "gpu_power_limit_watts", 300.0, 1, gpu=n)
        reasons: dict[str, Curve | float] = {
            "power_cap": limited.astype(float), "hardware_slowdown": 0.0,
            "software_thermal": (gpu.temperature > 84.5).astype(float), "hardware_thermal": 0.0, "power_brake": 0.0,
        }
        for reason, flag in reasons.items():
            out.put("nvidia", "gpu_throttled", flag, 1, hold=True, gpu=n, reason=reason)
        for kind in ("corrected", "uncorrected"):
            out.put("nvidia", "gpu_ecc_errors_total", 0.0, 1, gpu=n, type=kind)


def _pressure(load: Load, out: _Writer) -> None:
    crowded = np.clip(load.cores.mean(axis=0) - 0.35, 0, 1) * 0.25
    for resource, some, full in (
        ("cpu", crowded + 0.002 * load.noise(4), 0.0), ("memory", 0.0, 0.0),
        ("io", 0.001 + 0.12 * load.loading, 0.06 * load.loading),
    ):
        out.put("pressure", "pressure_some_seconds_total", some, 1e-4, calm=0.0, resource=resource)
        out.put("pressure", "pressure_full_seconds_total", full, 1e-4, calm=0.0, resource=resource)


def _vigie(load: Load, out: _Writer) -> None:
    out.put("vigie", "vigie_ring_write_seconds", 2e-5 + 3e-5 * load.noise(2) ** 3, 1e-6)
    out.put("vigie", "vigie_archive_write_seconds", 4e-3 + 2e-3 * load.noise(60), 1e-5)
    out.put("vigie", "vigie_memory_bytes", 9.2e7 + 2e6 * load.noise(120), 65536)
    out.put("vigie", "vigie_cpu_ratio", 0.012 + 0.006 * load.noise(3), 1e-4)
    out.put("vigie", "vigie_viewers", 2.0, 1)
    out.put("vigie", "vigie_buffered_ticks", 0.0, 1)


def write(path: Path = CAPTURE) -> int:
    """Writes the capture and returns its size in bytes; the same input gives the same file."""
    raw = json.dumps(make(), ensure_ascii=False, separators=(",", ":")).encode()
    return path.write_bytes(gzip.compress(raw, 9, mtime=0))


if __name__ == "__main__":
    write()
