"""Which charts there are: data only. A page lays them out, a callback selects their series, `charts` draws them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from flask_babel import lazy_gettext as _l

from metrics.metric import escape
from metrics.series import SeriesInfo

ChartKind = Literal["lines", "stacked", "heatmap", "strip", "bars", "columns", "histogram", "hours", "buckets",
                    "quantiles", "shares"]
Style = Literal["line", "bold", "thin", "limit"]
Tab = Literal["system", "gpu", "processes"]
TABS: tuple[Tab, ...] = ("system", "gpu", "processes")
WINDOWS: dict[str, int] = {
    "5m": 300, "15m": 900, "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800, "30d": 2592000,
}
"""Names of the windows, as the address bar spells them, and their seconds."""
DEFAULT_WINDOW = "5m"


def window_of(minutes: int) -> str:
    """The name of the window of so many minutes; the default when there is none."""
    return next((name for name, seconds in WINDOWS.items() if seconds == 60 * minutes), DEFAULT_WINDOW)


MANY_CORES = 8
"""Beyond this many cores their lines would hide each other: they are in the heatmap, the chart shows modes."""


@dataclass(frozen=True, slots=True)
class Line:
    """One or more series of a chart: those of metric ``name`` whose labels equal ``where``.

    ``label`` is what the legend says, with the series' label names in braces. ``colour`` is a place in
    `theme.SERIES`; None takes the next free one.
    """

    name: str
    label: str
    where: tuple[tuple[str, str], ...] = ()
    colour: int | None = None
    style: Style = "line"

    @property
    def matcher(self) -> str:
        """The selector that the query understands."""
        inner = ",".join(f'{k}="{escape(v)}"' for k, v in self.where)
        return f"{self.name}{{{inner}}}" if inner else self.name


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """A chart. ``source`` is the collector its values come from; ``top`` the fixed end of the value axis in base
    units; ``digits`` the decimals of a value under the pointer."""

    id: str
    title: str
    kind: ChartKind
    unit: str
    source: str
    lines: tuple[Line, ...]
    group: str = ""
    tab: Tab = "system"
    height: int = 200
    top: float | None = None
    digits: int = 1
    needs: str = ""
    """A series without which, or at 0, there is nothing to draw."""

    @property
    def matchers(self) -> list[str]:
        """One selector for each line."""
        return [line.matcher for line in self.lines]


_READ, _WRITE = "disk_read_bytes_per_second", "disk_write_bytes_per_second"

GROUPS: dict[str, str] = {
    "cpu": _l("Processor"), "memory": _l("Memory"), "disk": _l("Disks"), "network": _l("Network"),
    "sensors": _l("Temperatures and fans"), "pressure": _l("Pressure"), "gpus": _l("All GPUs"), "gpu": _l("GPU"),
}
"""Headings between charts, in order."""

_CHARTS = (
    ChartSpec("cpu", _l("CPU use"), "lines", "ratio", "cpu", (
        Line("cpu_usage_ratio", _l("All cores"), colour=0, style="bold"),
        Line("cpu_core_usage_ratio", _l("Core {core}"), style="thin"),
    ), "cpu", top=1.0),
    ChartSpec("cpu-cores", _l("CPU use by core"), "heatmap", "ratio", "cpu", (
        Line("cpu_core_usage_ratio", _l("Core {core}")),
    ), "cpu", top=1.0),
    ChartSpec("cpu-modes", _l("Where CPU time goes"), "stacked", "ratio", "cpu", (
        Line("cpu_mode_ratio", _l("User"), (("mode", "user"),), 0),
        Line("cpu_mode_ratio", _l("System"), (("mode", "system"),), 1),
        Line("cpu_mode_ratio", _l("Waiting for disks"), (("mode", "iowait"),), 2),
        Line("cpu_mode_ratio", _l("Low priority"), (("mode", "nice"),), 3),
        Line("cpu_mode_ratio", _l("Interrupts"), (("mode", "irq"),), 4),
        Line("cpu_mode_ratio", _l("Soft interrupts"), (("mode", "softirq"),), 5),
        Line("cpu_mode_ratio", _l("Taken by the host"), (("mode", "steal"),), 8),
    ), "cpu", top=1.0),
    ChartSpec("load", _l("Load"), "lines", "", "cpu", (
        Line("cpu_load1", _l("1 minute"), colour=0, style="bold"),
        Line("cpu_load5", _l("5 minutes"), colour=1),
        Line("cpu_load15", _l("15 minutes"), colour=9),
    ), "cpu", digits=2),
    ChartSpec("memory", _l("Memory"), "stacked", "bytes", "memory", (
        Line("memory_used_bytes", _l("Used"), colour=0),
        Line("memory_buffers_bytes", _l("Buffers"), colour=5),
        Line("memory_cached_bytes", _l("Cached"), colour=1),
        Line("memory_free_bytes", _l("Free"), colour=9, style="thin"),
    ), "memory"),
    ChartSpec("swap", _l("Swap"), "lines", "bytes", "memory", (
        Line("swap_used_bytes", _l("Used"), colour=0, style="bold"),
        Line("swap_total_bytes", _l("Size"), colour=9, style="limit"),
    ), "memory", needs="swap_total_bytes"),
    ChartSpec("volumes", _l("Volumes"), "bars", "ratio", "disk", (
        Line("disk_volume_used_ratio", "{mount}"),
    ), "disk", top=1.0),
    ChartSpec("disk-throughput", _l("Disk throughput"), "lines", "bytes_per_second", "disk", (
        Line(_READ, _l("{device} read")), Line(_WRITE, _l("{device} written")),
    ), "disk"),
    ChartSpec("disk-busy", _l("Disks busy"), "lines", "ratio", "disk", (
        Line("disk_busy_ratio", "{device}"),
    ), "disk", top=1.0),
    ChartSpec("disk-service", _l("Mean time of a disk request"), "lines", "seconds", "disk", (
        Line("disk_service_time_seconds", "{device}"),
    ), "disk"),
    ChartSpec("network", _l("Network"), "stacked", "bytes_per_second", "network", (
        Line("network_all_receive_bytes_per_second", _l("In"), colour=0),
        Line("network_all_transmit_bytes_per_second", _l("Out"), colour=1),
    ), "network"),
    ChartSpec("interfaces", _l("Network by interface"), "lines", "bytes_per_second", "network", (
        Line("network_receive_bytes_per_second", _l("{interface} in")),
        Line("network_transmit_bytes_per_second", _l("{interface} out")),
    ), "network"),
    ChartSpec("temperatures", _l("Temperatures"), "lines", "celsius", "sensors", (
        Line("sensor_temperature_celsius", "{chip} {sensor}"),
    ), "sensors", digits=0),
    ChartSpec("fans", _l("Fans"), "lines", "rpm", "sensors", (
        Line("sensor_fan_rpm", "{chip} {sensor}"),
    ), "sensors", digits=0),
    ChartSpec("pressure-some", _l("Time in which something waited"), "lines", "ratio", "pressure", (
        Line("pressure_some_ratio", _l("For the processor"), (("resource", "cpu"),), 0),
        Line("pressure_some_ratio", _l("For memory"), (("resource", "memory"),), 1),
        Line("pressure_some_ratio", _l("For disks"), (("resource", "io"),), 2),
    ), "pressure"),
    ChartSpec("pressure-full", _l("Time in which everything waited"), "lines", "ratio", "pressure", (
        Line("pressure_full_ratio", _l("For memory"), (("resource", "memory"),), 1),
        Line("pressure_full_ratio", _l("For disks"), (("resource", "io"),), 2),
    ), "pressure"),
    ChartSpec("gpus-use", _l("Use of every GPU"), "lines", "ratio", "nvidia", (
        Line("gpu_usage_ratio", _l("GPU {gpu}")),), "gpus", "gpu", top=1.0),
    ChartSpec("gpus-memory", _l("Memory of every GPU"), "lines", "ratio", "nvidia", (
        Line("gpu_memory_used_ratio", _l("GPU {gpu}")),), "gpus", "gpu", top=1.0),
    ChartSpec("gpu-use", _l("Use"), "lines", "ratio", "nvidia", (
        Line("gpu_usage_ratio", _l("In use"), colour=0, style="bold"),), "gpu", "gpu", 168, top=1.0),
    ChartSpec("gpu-memory", _l("Memory"), "lines", "bytes", "nvidia", (
        Line("gpu_memory_used_bytes", _l("Used"), colour=1, style="bold"),
        Line("gpu_memory_total_bytes", _l("Size"), colour=9, style="limit"),), "gpu", "gpu", 168),
    ChartSpec("gpu-power", _l("Power"), "lines", "watts", "nvidia", (
        Line("gpu_power_watts", _l("Drawn"), colour=2, style="bold"),
        Line("gpu_power_limit_watts", _l("Limit"), colour=9, style="limit"),), "gpu", "gpu", 168, digits=0),
    ChartSpec("gpu-temperature", _l("Temperature"), "lines", "celsius", "nvidia", (
        Line("gpu_temperature_celsius", _l("GPU"), colour=8, style="bold"),), "gpu", "gpu", 168, digits=0),
    ChartSpec("gpu-clocks", _l("Clocks"), "lines", "hertz", "nvidia", (
        Line("gpu_sm_clock_hertz", _l("Processors"), colour=0),
        Line("gpu_memory_clock_hertz", _l("Memory"), colour=1),), "gpu", "gpu", 168, digits=2),
    ChartSpec("gpu-pcie", _l("PCIe"), "lines", "bytes_per_second", "nvidia", (
        Line("gpu_pcie_receive_bytes_per_second", _l("In"), colour=0),
        Line("gpu_pcie_transmit_bytes_per_second", _l("Out"), colour=1),), "gpu", "gpu", 168),
    ChartSpec("gpu-fan", _l("Fan"), "lines", "ratio", "nvidia", (
        Line("gpu_fan_ratio", _l("Fan"), colour=7),), "gpu", "gpu", 168, top=1.0),
    ChartSpec("gpu-throttled", _l("Held back by"), "strip", "", "nvidia", (
        Line("gpu_throttled", _l("Power limit"), (("reason", "power_cap"),)),
        Line("gpu_throttled", _l("Heat, by the driver"), (("reason", "software_thermal"),)),
        Line("gpu_throttled", _l("Heat, by the card"), (("reason", "hardware_thermal"),)),
        Line("gpu_throttled", _l("Power brake"), (("reason", "power_brake"),)),
        Line("gpu_throttled", _l("Card slowed down"), (("reason", "hardware_slowdown"),)),
    ), "gpu", "gpu", 168),
)
CHARTS: dict[str, ChartSpec] = {spec.id: spec for spec in _CHARTS}
PER_GPU: tuple[str, ...] = tuple(spec.id for spec in _CHARTS if spec.group == "gpu")
"""Charts drawn once for each GPU, with the id ``<chart>:<gpu>``."""

_PARAMETER = re.compile(r"[0-9A-Za-z_.-]{1,64}\Z")


def find(chart: str) -> ChartSpec | None:
    """The chart of this id; ``gpu-power:1`` is the power of GPU 1. None when there is no such chart."""
    base, colon, parameter = chart.partition(":")
    spec = CHARTS.get(base)
    if spec is None or bool(colon) != (base in PER_GPU):
        return None
    if not colon:
        return spec
    if not _PARAMETER.match(parameter):
        return None
    lines = tuple(replace(line, where=(*line.where, ("gpu", parameter))) for line in spec.lines)
    return replace(spec, id=chart, lines=lines)


def fitting(spec: ChartSpec, infos: Sequence[SeriesInfo]) -> ChartSpec:
    """The chart as it suits the machine: with many cores the CPU chart shows all of them as one, and the modes."""
    if spec.id != "cpu" or sum(1 for info in infos if info.name == "cpu_core_usage_ratio") <= MANY_CORES:
        return spec
    modes = tuple(replace(line, colour=(line.colour or 0) + 1) for line in CHARTS["cpu-modes"].lines[:3])
    return replace(spec, lines=(spec.lines[0], *modes))
