"""One pure function from values and limits to OK, WARNING or CRITICAL, and the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from metrics.metric import Labels

Health = Literal["OK", "WARNING", "CRITICAL"]
ORDER: tuple[Health, ...] = ("OK", "WARNING", "CRITICAL")


class Limits(Protocol):
    """The limits in percent and degrees; `config.limits.HealthLimits` is one."""

    @property
    def cpu_warning(self) -> float: ...
    @property
    def cpu_critical(self) -> float: ...
    @property
    def memory_warning(self) -> float: ...
    @property
    def memory_critical(self) -> float: ...
    @property
    def disk_warning(self) -> float: ...
    @property
    def disk_critical(self) -> float: ...
    @property
    def gpu_memory_warning(self) -> float: ...
    @property
    def gpu_memory_critical(self) -> float: ...
    @property
    def temperature_warning(self) -> float: ...
    @property
    def temperature_critical(self) -> float: ...


WATCHED: dict[str, tuple[str, float]] = {
    "cpu_usage_ratio": ("cpu", 100),
    "memory_used_ratio": ("memory", 100),
    "disk_volume_used_ratio": ("disk", 100),
    "gpu_memory_used_ratio": ("gpu_memory", 100),
    "gpu_temperature_celsius": ("temperature", 1),
}
"""Metric -> the limit that judges it, and the factor from base unit to the limit's unit."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One value at or above a limit. ``value`` and ``limit`` in the limit's unit (percent or degrees)."""

    health: Health
    metric: str
    labels: Labels
    value: float
    limit: float


def level(metric: str, value: float | None, limits: Limits) -> tuple[Health, float] | None:
    """Health of one value and the limit it met (the warning limit when OK); None when nothing judges it."""
    watched = WATCHED.get(metric)
    if watched is None or value is None:
        return None
    name, factor = watched
    warning, critical = getattr(limits, name + "_warning"), getattr(limits, name + "_critical")
    if value * factor >= critical:
        return "CRITICAL", critical
    return ("WARNING" if value * factor >= warning else "OK"), warning


def judge(values: Iterable[tuple[str, Labels, float]], limits: Limits) -> tuple[Health, list[Reason]]:
    """Overall health and what is wrong, worst first. Absent values judge nothing."""
    reasons = []
    for metric, pairs, value in values:
        found = level(metric, value, limits)
        if found and found[0] != "OK":
            reasons.append(Reason(found[0], metric, pairs, value * WATCHED[metric][1], found[1]))
    reasons.sort(key=lambda r: (-ORDER.index(r.health), -r.value))
    return (reasons[0].health if reasons else "OK"), reasons
