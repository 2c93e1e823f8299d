"""The limits that decide the health, out of the configuration: `metrics.health.Limits`."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.dashboard import AlertThresholds


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """Warning and critical limits in percent and degrees Celsius."""

    thresholds: AlertThresholds = field(default_factory=AlertThresholds)

    @property
    def cpu_warning(self) -> float:
        return self.thresholds.cpu_percent

    @property
    def cpu_critical(self) -> float:
        return self.thresholds.cpu_critical_percent

    @property
    def memory_warning(self) -> float:
        return self.thresholds.memory_percent

    @property
    def memory_critical(self) -> float:
        return self.thresholds.memory_critical_percent

    @property
    def disk_warning(self) -> float:
        return self.thresholds.disk_warning_percent

    @property
    def disk_critical(self) -> float:
        return self.thresholds.disk_percent

    @property
    def gpu_memory_warning(self) -> float:
        return self.thresholds.gpu_memory_percent

    @property
    def gpu_memory_critical(self) -> float:
        return self.thresholds.gpu_memory_critical_percent

    @property
    def temperature_warning(self) -> float:
        return self.thresholds.gpu_temperature_celsius

    @property
    def temperature_critical(self) -> float:
        return self.thresholds.gpu_temperature_critical_celsius
