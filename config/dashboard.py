"""The configuration that a running Vigie takes up without a restart: ``dashboard_config.json`` (``spec/1`` 4.1).

Names in the file are the spec's camelCase; in Python they are snake_case. `config.settings` holds what is fixed at the
start. Each field carries what a form needs: ``title``, ``description``, range, default, and ``unit`` where it has one.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from config.marks import N_
from config.secret import SecretText
from config.section import (
    AbsolutePath,
    ChannelName,
    ChannelUrl,
    Clock,
    Extension,
    PublicUrl,
    Section,
    Size,
    TimeZone,
    field,
)
from config.serving import Models, Proxies

SEVERITIES = ("info", "warning", "error", "critical")
Severity = Literal["info", "warning", "error", "critical"]
EXTENSIONS = (".gguf", ".safetensors", ".bin")
"""Endings of the files that are looked for where no others are named."""


class Metadata(Section):
    """Who wrote the file last; kept by Vigie."""

    last_modified: str = field("", N_("Last change"))
    modified_by: str = field("", N_("Changed by"))
    auto_save: bool = field(True, N_("Save by itself"), N_("Forms keep an unfinished edit in the browser."))


class WatchedDirectory(Section):
    """One folder in which model files are looked for."""

    path: AbsolutePath = field(..., N_("Folder"))
    recursive: bool = field(True, N_("With its subfolders"))
    extensions: tuple[Extension, ...] = field(EXTENSIONS, N_("File endings"), max_length=16)


class Paths(Section):
    """Where things lie on the watched machine."""

    models_directory: AbsolutePath = field("", N_("Models"), N_("Where model files lie."))
    logs_directory: AbsolutePath = field(
        "", N_("Logs"), N_("Where Vigie writes its log files; empty: nowhere, only to the console.")
    )
    config_directory: AbsolutePath = field("", N_("Configuration of the engines"))
    cache_directory: AbsolutePath = field("", N_("Cache of the engines"))
    watched_directories: tuple[WatchedDirectory, ...] = field(
        (), N_("Watched folders"), N_("New model files in these are noticed."), max_length=32
    )


class AlertThresholds(Section):
    """Limits that the shipped alert rules and the state shown on pages go by: the one home of these numbers."""

    cpu_percent: float = field(85, N_("CPU use, warning"), unit="%", gt=0, le=100)
    cpu_critical_percent: float = field(95, N_("CPU use, critical"), unit="%", gt=0, le=100)
    memory_percent: float = field(90, N_("Memory use, warning"), unit="%", gt=0, le=100)
    memory_critical_percent: float = field(97, N_("Memory use, critical"), unit="%", gt=0, le=100)
    disk_warning_percent: float = field(85, N_("Fullest volume, warning"), unit="%", gt=0, le=100)
    disk_percent: float = field(95, N_("Fullest volume, critical"), unit="%", gt=0, le=100)
    gpu_memory_percent: float = field(95, N_("GPU memory use, warning"), unit="%", gt=0, le=100)
    gpu_memory_critical_percent: float = field(99, N_("GPU memory use, critical"), unit="%", gt=0, le=100)
    gpu_temperature_celsius: float = field(83, N_("GPU temperature, warning"), unit="°C", gt=0, le=150)
    gpu_temperature_critical_celsius: float = field(92, N_("GPU temperature, critical"), unit="°C", gt=0, le=150)
    disk_latency_ms: float = field(100, N_("Mean time of a disk operation"), unit="ms", gt=0, le=60_000)
    network_errors_per_second: float = field(
        1, N_("Network errors and drops"), unit="/s", gt=0, le=1_000_000
    )
    error_rate_percent: float = field(5, N_("Failed requests of a model"), unit="%", gt=0, le=100)
    latency_ms: float = field(5000, N_("Latency of a model, p95"), unit="ms", gt=0, le=3_600_000)
    memory_growth_mb: float = field(
        256, N_("Growth of Vigie's own memory in 6 hours"), unit="MiB", gt=0, le=1_048_576
    )

    @model_validator(mode="after")
    def _in_order(self) -> AlertThresholds:
        for low, high in (
            ("cpu_percent", "cpu_critical_percent"), ("memory_percent", "memory_critical_percent"),
            ("disk_warning_percent", "disk_percent"), ("gpu_memory_percent", "gpu_memory_critical_percent"),
            ("gpu_temperature_celsius", "gpu_temperature_critical_celsius"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise PydanticCustomError("in_order", "{low} ({less}) must not be above {high} ({more})", {
                    "low": to_camel(low), "less": f"{getattr(self, low):g}",
                    "high": to_camel(high), "more": f"{getattr(self, high):g}",
                })
        return self


class Monitoring(Section):
    """How this machine is watched."""

    update_interval: Literal[500, 1000, 2000, 5000, 10000] = field(
        1000, N_("Time between two looks"), N_("Less than what the history is made of: from the next start."), "ms"
    )
    metrics_retention: int = field(
        3_600_000, N_("Kept at full resolution"),
        N_("At least so far back every sample is kept; more than --ring-hours from the next start."), "ms",
        ge=60_000, le=172_800_000,
    )
    enable_detailed_logging: bool = field(False, N_("Log every scrape"))
    enable_gpu_monitoring: bool = field(True, N_("Watch the GPUs"))
    enable_network_monitoring: bool = field(True, N_("Watch the network"))
    alert_thresholds: AlertThresholds = Field(default_factory=AlertThresholds, title=N_("Thresholds"))


class Ui(Section):
    """What somebody sees who has chosen nothing in Settings."""

    theme: Literal["dark", "light", "auto"] = field("auto", N_("Theme"), N_("auto: as the reader's system has it."))
    refresh_rate_ms: Literal[500, 1000, 2000, 5000, 10000] = field(1000, N_("Live values every"), unit="ms")
    charts_history_minutes: Literal[5, 15, 60, 360, 1440] = field(
        5, N_("Window of the charts"), N_("When the address names none."), "min"
    )
    default_dashboard_tab: Literal["overview", "monitoring", "explore", "views", "alerts"] = field(
        "overview", N_("First page")
    )
    sidebar_collapsed: bool = field(False, N_("Narrow navigation"))
    compact_mode: bool = field(False, N_("Denser pages"))


class Channel(Section):
    """One way out: an Apprise URL and when it is used."""

    url: ChannelUrl = field(SecretText(""), "URL", N_("An Apprise URL, such as mailto:// or slack://."))
    min_severity: Severity = field("warning", N_("Least severity"))
    from_time: Clock = field("", N_("From"), N_("Time of day; empty: always."))
    to_time: Clock = field("", N_("Until"))
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = field(
        (), N_("Days"), N_("None: every day."), max_length=7
    )
    timezone: TimeZone = field("UTC", N_("Time zone"), N_("Of these hours, and of the times in messages."))
    per_hour: int = field(
        60, N_("Most messages an hour"), N_("What is more waits, and comes in one message."), ge=1, le=3600
    )
    digest_minutes: int = field(0, N_("Gather for"), N_("0: send at once."), "min", ge=0, le=1440)
    resolved: bool = field(True, N_("Tell when it is over, too"))
    title_template: str = field("", N_("Template of the title"), N_("Empty: the usual one."), max_length=1000)
    body_template: str = field("", N_("Template of the text"), N_("Empty: the usual one."), max_length=10_000)

    @model_validator(mode="after")
    def _hours(self) -> Channel:
        if bool(self.from_time) != bool(self.to_time):
            raise ValueError(N_("fromTime and toTime belong together: give both or none"))
        if self.from_time and self.from_time == self.to_time:
            raise ValueError(N_("fromTime and toTime must differ; for the whole day give none"))
        return self


class AlertType(Section):
    """Where one kind of alert goes."""

    enabled: bool = field(True, N_("Enabled"))
    channels: tuple[ChannelName, ...] = field(("toast",), N_("Channels"), max_length=32)


def _everywhere() -> AlertType:
    return AlertType.model_validate({"channels": ("toast", "email", "slack")})


def _toast_and_mail() -> AlertType:
    return AlertType.model_validate({"channels": ("toast", "email")})


class AlertTypes(Section):
    """The kinds of alerts and where each goes."""

    system_alert: AlertType = Field(default_factory=_toast_and_mail, title=N_("Machine and Vigie"))
    model_failure: AlertType = Field(default_factory=_everywhere, title=N_("Models and proxies"))
    high_resource_usage: AlertType = Field(default_factory=AlertType, title=N_("Use of resources"))
    config_changed: AlertType = Field(default_factory=AlertType, title=N_("Configuration"))


class Notifications(Section):
    """Who is told of alerts, and how. ``toast`` is the page itself; each other channel has its entry in ``targets``."""

    enabled: bool = field(True, N_("Enabled"))
    channels: tuple[ChannelName, ...] = field(
        ("toast", "email", "slack"), N_("Channels in use"), N_("toast is the page itself."), max_length=32
    )
    targets: dict[ChannelName, Channel] = Field(default_factory=dict, title=N_("Channels"), max_length=32)
    alert_types: AlertTypes = Field(default_factory=AlertTypes, title=N_("Kinds of alerts"))
    public_url: PublicUrl = field(
        "", N_("Address of Vigie"), N_("How readers of messages reach it; empty: messages carry no links.")
    )
    language: Literal["en", "fr"] = field("en", N_("Language of the messages"))
    group_seconds: int = field(
        10, N_("Wait before a message"), N_("So that alerts that come together are told together."), "s", ge=0, le=600
    )


class Logging(Section):
    """What Vigie logs of itself."""

    level: Literal["debug", "info", "warn", "error"] = field("info", N_("Least level"))
    format: Literal["json", "console"] = field("json", N_("Form of the files"))
    max_file_size: Size = field("10mb", N_("Largest file"))
    max_files: int = field(10, N_("Files kept"), ge=1, le=1000)
    enable_console: bool = field(True, N_("To the console, too"))


class DashboardConfig(Section):
    """The whole file."""

    version: Literal["1.0.0"] = "1.0.0"
    metadata: Metadata = Field(default_factory=Metadata)
    paths: Paths = Field(default_factory=Paths, title=N_("Paths"))
    proxies: Proxies = Field(default_factory=Proxies, title=N_("Proxies"))
    monitoring: Monitoring = Field(default_factory=Monitoring, title=N_("Monitoring"))
    models: Models = Field(default_factory=Models, title=N_("Models"))
    ui: Ui = Field(default_factory=Ui, title=N_("Look"))
    notifications: Notifications = Field(default_factory=Notifications, title=N_("Notifications"))
    logging: Logging = Field(default_factory=Logging, title=N_("Logging"))
