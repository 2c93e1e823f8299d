"""The configuration that a running Vigie takes up without a restart: ``dashboard_config.json`` (``spec/1`` 4.1).

Names in the file are the spec's camelCase; in Python they are snake_case. `config.settings` holds what is fixed at the
start. Each field carries what a form needs: ``title``, ``description``, range, default, and ``unit`` where it has one.
"""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from config.channel_url import check_channel_url
from config.secret import SecretText

SEVERITIES = ("info", "warning", "error", "critical")
Severity = Literal["info", "warning", "error", "critical"]
_SIZE = re.compile(r"[1-9]\d{0,5}(kb|mb|gb)")
_BYTES = {"kb": 2**10, "mb": 2**20, "gb": 2**30}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def N_(text: str) -> str:  # noqa: N802 - gettext's name for "mark this for translation"
    """``text`` itself, marked for translation where it is shown."""
    return text


def _size(value: str) -> str:
    if not _SIZE.fullmatch(value.lower()):
        raise ValueError(N_("must be a number and kb, mb or gb, such as 10mb"))
    return value.lower()


def _absolute(value: str) -> str:
    if value and (not value.startswith("/") or "\0" in value or ".." in value.split("/")):
        raise ValueError(N_("must be an absolute path, such as /srv/models"))
    return value


def _extension(value: str) -> str:
    if not re.fullmatch(r"\.[a-z0-9]{1,16}", value):
        raise ValueError(N_("must look like .gguf"))
    return value


def _channel(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(N_("is a name of 1 to 32 small letters, digits, - or _, such as email"))
    return value


def _clock(value: str) -> str:
    if value and not _CLOCK.fullmatch(value):
        raise ValueError(N_("must be a time of day, such as 08:30, or empty"))
    return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError(N_("is not a time zone; it must look like Europe/Paris"))
    return value


def _public(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ValueError(N_("must look like https://vigie.example.org or https://example.org/vigie, or be empty"))
    return value.rstrip("/")


def _way_out(value: SecretText) -> SecretText:
    check_channel_url(value.reveal())
    return value


Size = Annotated[str, AfterValidator(_size)]
AbsolutePath = Annotated[str, Field(max_length=4096), AfterValidator(_absolute)]
Extension = Annotated[str, AfterValidator(_extension)]
ChannelName = Annotated[str, AfterValidator(_channel)]
Clock = Annotated[str, AfterValidator(_clock)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
PublicUrl = Annotated[str, Field(max_length=1000), AfterValidator(_public)]
ChannelUrl = Annotated[SecretText, AfterValidator(_way_out)]


def bytes_of(size: str) -> int:
    """Bytes of a `Size`: ``10mb`` -> 10485760."""
    return int(size[:-2]) * _BYTES[size[-2:]]


class Section(BaseModel):
    """A closed part of the configuration: an unknown key is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=False, validate_by_alias=True,
    )


def _field(default: Any, title: str, description: str = "", unit: str = "", **more: Any) -> Any:
    extra: JsonDict | None = {"unit": unit} if unit else None
    return Field(default, title=title, description=description or None, json_schema_extra=extra, **more)


class Metadata(Section):
    """Who wrote the file last; kept by Vigie."""

    last_modified: str = _field("", N_("Last change"))
    modified_by: str = _field("", N_("Changed by"))
    auto_save: bool = _field(True, N_("Save by itself"), N_("Forms keep an unfinished edit in the browser."))


class WatchedDirectory(Section):
    """One folder in which model files are looked for."""

    path: AbsolutePath = _field(..., N_("Folder"))
    recursive: bool = _field(True, N_("With its subfolders"))
    extensions: tuple[Extension, ...] = _field((".gguf", ".safetensors", ".bin"), N_("File endings"), max_length=16)


class Paths(Section):
    """Where things lie on the watched machine."""

    models_directory: AbsolutePath = _field("", N_("Models"), N_("Where model files lie."))
    logs_directory: AbsolutePath = _field(
        "", N_("Logs"), N_("Where Vigie writes its log files; empty: nowhere, only to the console.")
    )
    config_directory: AbsolutePath = _field("", N_("Configuration of the engines"))
    cache_directory: AbsolutePath = _field("", N_("Cache of the engines"))
    watched_directories: tuple[WatchedDirectory, ...] = _field(
        (), N_("Watched folders"), N_("New model files in these are noticed."), max_length=32
    )


class Proxy(Section):
    """What both measuring proxies share."""

    enabled: bool = _field(False, N_("Enabled"))
    port: int = _field(..., N_("Port"), ge=1, le=65535)
    host: str = _field("127.0.0.1", N_("Address to listen on"), min_length=1, max_length=255)
    timeout: int = _field(30_000, N_("Time-out"), N_("How long to wait for a first byte."), "ms", ge=100, le=3_600_000)
    retries: int = _field(3, N_("Retries"), N_("Only before anything was sent."), ge=0, le=10)
    health_check_interval: int = _field(5000, N_("Health check every"), unit="ms", ge=500, le=600_000)
    api_key: SecretText = _field(SecretText(""), N_("API key"), N_("Asked from clients; empty: none."))
    rate_limit_per_minute: int = _field(
        1000, N_("Requests per client"), N_("0: no limit."), "/min", ge=0, le=1_000_000
    )


class OllamaProxy(Proxy):
    """The proxy that speaks Ollama's API."""

    port: int = _field(11434, N_("Port"), ge=1, le=65535)


class LmStudioProxy(Proxy):
    """The proxy that speaks OpenAI's and LM Studio's API."""

    port: int = _field(1234, N_("Port"), ge=1, le=65535)


class Proxies(Section):
    """The measuring proxies."""

    ollama: OllamaProxy = Field(default_factory=OllamaProxy, title="Ollama")
    lmstudio: LmStudioProxy = Field(default_factory=LmStudioProxy, title="LM Studio")


class AlertThresholds(Section):
    """Limits that the shipped alert rules and the state shown on pages go by: the one home of these numbers."""

    cpu_percent: float = _field(85, N_("CPU use, warning"), unit="%", gt=0, le=100)
    cpu_critical_percent: float = _field(95, N_("CPU use, critical"), unit="%", gt=0, le=100)
    memory_percent: float = _field(90, N_("Memory use, warning"), unit="%", gt=0, le=100)
    memory_critical_percent: float = _field(97, N_("Memory use, critical"), unit="%", gt=0, le=100)
    disk_warning_percent: float = _field(85, N_("Fullest volume, warning"), unit="%", gt=0, le=100)
    disk_percent: float = _field(95, N_("Fullest volume, critical"), unit="%", gt=0, le=100)
    gpu_memory_percent: float = _field(95, N_("GPU memory use, warning"), unit="%", gt=0, le=100)
    gpu_memory_critical_percent: float = _field(99, N_("GPU memory use, critical"), unit="%", gt=0, le=100)
    gpu_temperature_celsius: float = _field(83, N_("GPU temperature, warning"), unit="°C", gt=0, le=150)
    gpu_temperature_critical_celsius: float = _field(92, N_("GPU temperature, critical"), unit="°C", gt=0, le=150)
    disk_latency_ms: float = _field(100, N_("Mean time of a disk operation"), unit="ms", gt=0, le=60_000)
    network_errors_per_second: float = _field(
        1, N_("Network errors and drops"), unit="/s", gt=0, le=1_000_000
    )
    error_rate_percent: float = _field(5, N_("Failed requests of a model"), unit="%", gt=0, le=100)
    latency_ms: float = _field(5000, N_("Latency of a model, p95"), unit="ms", gt=0, le=3_600_000)
    memory_growth_mb: float = _field(
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

    update_interval: Literal[500, 1000, 2000, 5000, 10000] = _field(
        1000, N_("Time between two looks"), N_("Less than what the history is made of: from the next start."), "ms"
    )
    metrics_retention: int = _field(
        3_600_000, N_("Kept at full resolution"),
        N_("At least so far back every sample is kept; more than --ring-hours from the next start."), "ms",
        ge=60_000, le=172_800_000,
    )
    enable_detailed_logging: bool = _field(False, N_("Log every scrape"))
    enable_gpu_monitoring: bool = _field(True, N_("Watch the GPUs"))
    enable_network_monitoring: bool = _field(True, N_("Watch the network"))
    alert_thresholds: AlertThresholds = Field(default_factory=AlertThresholds, title=N_("Thresholds"))


class DefaultParameters(Section):
    """What a model is started and asked with when nothing else is said."""

    temperature: float = _field(0.7, N_("Temperature"), N_("0: always the likeliest word."), ge=0, le=2)
    top_p: float = _field(0.95, "Top-p", ge=0, le=1)
    top_k: int = _field(40, "Top-k", N_("0: no bound."), ge=0, le=1000)
    context_size: int = _field(2048, N_("Context size"), unit="tokens", ge=128, le=10_485_760)
    max_tokens: int = _field(512, N_("Longest answer"), unit="tokens", ge=1, le=1_048_576)
    repeat_penalty: float = _field(1.1, N_("Repeat penalty"), ge=0, le=2)


class ResourceLimits(Section):
    """Bounds of one model process."""

    max_memory_mb: int = _field(8000, N_("Most memory"), unit="MiB", ge=64, le=16_777_216)
    max_cpu_percent: int = _field(90, N_("Most CPU"), N_("Of the whole machine."), "%", ge=1, le=100)
    max_timeout_seconds: int = _field(300, N_("Longest request"), unit="s", ge=1, le=86_400)


class Models(Section):
    """Defaults of the model processes."""

    default_parameters: DefaultParameters = Field(default_factory=DefaultParameters, title=N_("Default parameters"))
    resource_limits: ResourceLimits = Field(default_factory=ResourceLimits, title=N_("Resource limits"))


class Ui(Section):
    """What somebody sees who has chosen nothing in Settings."""

    theme: Literal["dark", "light", "auto"] = _field("auto", N_("Theme"), N_("auto: as the reader's system has it."))
    refresh_rate_ms: Literal[500, 1000, 2000, 5000, 10000] = _field(1000, N_("Live values every"), unit="ms")
    charts_history_minutes: Literal[5, 15, 60, 360, 1440] = _field(
        5, N_("Window of the charts"), N_("When the address names none."), "min"
    )
    default_dashboard_tab: Literal["overview", "monitoring", "explore", "views", "alerts"] = _field(
        "overview", N_("First page")
    )
    sidebar_collapsed: bool = _field(False, N_("Narrow navigation"))
    compact_mode: bool = _field(False, N_("Denser pages"))


class Channel(Section):
    """One way out: an Apprise URL and when it is used."""

    url: ChannelUrl = _field(SecretText(""), "URL", N_("An Apprise URL, such as mailto:// or slack://."))
    min_severity: Severity = _field("warning", N_("Least severity"))
    from_time: Clock = _field("", N_("From"), N_("Time of day; empty: always."))
    to_time: Clock = _field("", N_("Until"))
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = _field(
        (), N_("Days"), N_("None: every day."), max_length=7
    )
    timezone: TimeZone = _field("UTC", N_("Time zone"), N_("Of these hours, and of the times in messages."))
    per_hour: int = _field(
        60, N_("Most messages an hour"), N_("What is more waits, and comes in one message."), ge=1, le=3600
    )
    digest_minutes: int = _field(0, N_("Gather for"), N_("0: send at once."), "min", ge=0, le=1440)
    resolved: bool = _field(True, N_("Tell when it is over, too"))
    title_template: str = _field("", N_("Template of the title"), N_("Empty: the usual one."), max_length=1000)
    body_template: str = _field("", N_("Template of the text"), N_("Empty: the usual one."), max_length=10_000)

    @model_validator(mode="after")
    def _hours(self) -> Channel:
        if bool(self.from_time) != bool(self.to_time):
            raise ValueError(N_("fromTime and toTime belong together: give both or none"))
        if self.from_time and self.from_time == self.to_time:
            raise ValueError(N_("fromTime and toTime must differ; for the whole day give none"))
        return self


class AlertType(Section):
    """Where one kind of alert goes."""

    enabled: bool = _field(True, N_("Enabled"))
    channels: tuple[ChannelName, ...] = _field(("toast",), N_("Channels"), max_length=32)


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

    enabled: bool = _field(True, N_("Enabled"))
    channels: tuple[ChannelName, ...] = _field(
        ("toast", "email", "slack"), N_("Channels in use"), N_("toast is the page itself."), max_length=32
    )
    targets: dict[ChannelName, Channel] = Field(default_factory=dict, title=N_("Channels"), max_length=32)
    alert_types: AlertTypes = Field(default_factory=AlertTypes, title=N_("Kinds of alerts"))
    public_url: PublicUrl = _field(
        "", N_("Address of Vigie"), N_("How readers of messages reach it; empty: messages carry no links.")
    )
    language: Literal["en", "fr"] = _field("en", N_("Language of the messages"))
    group_seconds: int = _field(
        10, N_("Wait before a message"), N_("So that alerts that come together are told together."), "s", ge=0, le=600
    )


class Logging(Section):
    """What Vigie logs of itself."""

    level: Literal["debug", "info", "warn", "error"] = _field("info", N_("Least level"))
    format: Literal["json", "console"] = _field("json", N_("Form of the files"))
    max_file_size: Size = _field("10mb", N_("Largest file"))
    max_files: int = _field(10, N_("Files kept"), ge=1, le=1000)
    enable_console: bool = _field(True, N_("To the console, too"))


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
