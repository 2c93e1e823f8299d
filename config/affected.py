"""Which parts of Vigie a change of the configuration reaches, and what of it waits for the next start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from config.dashboard import DashboardConfig
from config.settings import STEPS, Settings

Service = Literal[
    "collection", "gpu", "network", "health", "alerts", "notifications", "models", "ollama", "lmstudio", "history",
    "pages", "logging",
]
BY_PATH: tuple[tuple[str, tuple[Service, ...]], ...] = (
    ("paths.logsDirectory", ("logging",)),
    ("paths", ("models",)),
    ("proxies.ollama", ("ollama",)),
    ("proxies.lmstudio", ("lmstudio",)),
    ("monitoring.updateInterval", ("collection",)),
    ("monitoring.metricsRetention", ("history",)),
    ("monitoring.enableDetailedLogging", ("logging",)),
    ("monitoring.enableGpuMonitoring", ("gpu",)),
    ("monitoring.enableNetworkMonitoring", ("network",)),
    ("monitoring.alertThresholds", ("health", "alerts")),
    ("models", ("models",)),
    ("ui", ("pages",)),
    ("notifications", ("notifications",)),
    ("logging", ("logging",)),
)
"""Start of a path -> who goes by it; the first that fits counts."""


def services(paths: Iterable[str]) -> tuple[Service, ...]:
    """Who is affected by changes at ``paths``, each once."""
    found: dict[Service, None] = {}
    for path in paths:
        for start, names in BY_PATH:
            if path == start or path.startswith(start + ".") or start.startswith(path + "."):
                found |= dict.fromkeys(names)
                if path == start or path.startswith(start + "."):
                    break
    return tuple(found)


def interval(config: DashboardConfig, step: float) -> float:
    """Seconds between two collections: as configured, not below the step that the history is made of."""
    return max(config.monitoring.update_interval / 1000, step)


def at_start(settings: Settings, config: DashboardConfig) -> Settings:
    """The settings as a start takes them: a history fine and long enough for what is configured."""
    more: dict[str, float] = {}
    wanted = config.monitoring.update_interval / 1000
    if settings.interval is None and not settings.adaptive_interval and wanted < settings.step and wanted in STEPS:
        more["interval"] = wanted
    if config.monitoring.metrics_retention / 3_600_000 > settings.ring_hours:
        more["ring_hours"] = config.monitoring.metrics_retention / 3_600_000
    return settings.model_copy(update=more) if more else settings


AT_START = {"monitoring.updateInterval": "update_interval", "monitoring.metricsRetention": "metrics_retention"}
"""Paths of which some values wait for the next start, and their fields of `Monitoring`."""


def waiting(settings: Settings, config: DashboardConfig) -> list[str]:
    """Paths whose value takes effect with the next start, given the settings of this one (see `at_start`)."""
    found = []
    if config.monitoring.update_interval / 1000 < settings.step:
        found.append("monitoring.updateInterval")
    if config.monitoring.metrics_retention / 3_600_000 > settings.ring_hours:
        found.append("monitoring.metricsRetention")
    return found
