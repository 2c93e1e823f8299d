"""The parts of the configuration about models: the measuring proxies, model servers, model processes, objectives."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from config.command import COMMAND, is_name, shown, words_of
from config.marks import N_
from config.secret import SecretText
from config.section import NAME, AbsolutePath, Section, field, web_parts

Engine = Literal["auto", "ollama", "lmstudio", "llamacpp", "vllm", "sglang", "tgi", "litellm", "openai"]
EVERY_MODEL = "*"
EVERY_PAGE = "*"
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s*]+")
"""Of a page, or of what is built like one: app://, chrome-extension://."""


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError(N_("is a name of letters, digits and - _ . : / @ +, beginning with a letter or digit"))
    return value


def _server_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(N_("is a name of 1 to 32 small letters, digits, - or _, such as gpu-box"))
    return value


def _name_or_every(value: str) -> str:
    return value if value == EVERY_MODEL else _name(value)


def _address(value: str) -> str:
    parts = web_parts(value)
    if parts is None or parts.username:
        raise ValueError(N_("must look like http://127.0.0.1:8080"))
    # What clients are given as their base URL is taken, too: the version is part of each path here.
    return value.rstrip("/").removesuffix("/v1").rstrip("/")


def _origin(value: str) -> str:
    if value != EVERY_PAGE and not ORIGIN.fullmatch(value):
        raise ValueError(N_("must look like https://chat.example.org, without a path, or be *"))
    return value


def _command(value: str) -> str:
    words = words_of(value, {})
    if shown(words) != words:
        raise ValueError(N_("may hold no key, for others can read it; give the engine a file, such as --api-key-file"))
    return value


def _gpus(value: str) -> str:
    if value and not all(part.isdecimal() for part in value.split(",")):
        raise ValueError(N_("are numbers of GPUs with commas between, such as 0,1"))
    return value


ModelName = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_name)]
ModelPattern = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_name_or_every)]
ServerName = Annotated[str, AfterValidator(_server_name)]
Origin = Annotated[str, Field(max_length=255), AfterValidator(_origin)]
ServerUrl = Annotated[str, Field(max_length=1000), AfterValidator(_address)]
Command = Annotated[str, Field(max_length=4000), AfterValidator(_command)]
Gpus = Annotated[str, Field(max_length=64), AfterValidator(_gpus)]


class Proxy(Section):
    """What both measuring proxies share."""

    enabled: bool = field(False, N_("Enabled"))
    port: int = field(..., N_("Port"), ge=1, le=65535)
    host: str = field("127.0.0.1", N_("Address to listen on"), min_length=1, max_length=255)
    upstreams: tuple[ServerName, ...] = field(
        (), N_("Passes on to"), N_("Names of model servers; empty: all of them, and Vigie's own model processes."),
        max_length=32,
    )
    timeout: int = field(
        30_000, N_("Longest silence"), N_("Between two parts of an answer that has begun."), "ms", ge=100, le=3_600_000
    )
    first_byte_timeout: int = field(
        300_000, N_("Wait for a first part"), N_("Loading the model and reading the prompt included."), "ms", ge=100,
        le=3_600_000,
    )
    connect_timeout: int = field(2000, N_("Wait for a connection"), unit="ms", ge=50, le=60_000)
    retries: int = field(3, N_("Retries"), N_("Only before anything was sent."), ge=0, le=10)
    health_check_interval: int = field(5000, N_("Health check every"), unit="ms", ge=500, le=600_000)
    api_key: SecretText = field(SecretText(""), N_("API key"), N_("Asked from clients; empty: none."))
    rate_limit_per_minute: int = field(
        1000, N_("Requests per client"), N_("0: no limit."), "/min", ge=0, le=1_000_000
    )
    forwarded_for: bool = field(
        False, N_("Behind a reverse proxy"), N_("A client is the last address in X-Forwarded-For, not who connects.")
    )
    cors_origins: tuple[Origin, ...] = field(
        (), N_("Web pages that may ask"), N_("Origins such as https://chat.example.org, or * for all; empty: none."),
        max_length=32,
    )
    max_request_mb: int = field(64, N_("Largest request"), unit="MiB", ge=1, le=1024)
    concurrency: int = field(0, N_("Requests at once per model"), N_("0: no limit; more wait."), ge=0, le=10_000)
    queue_size: int = field(100, N_("Most waiting per model"), N_("What is more is refused."), ge=0, le=100_000)


class OllamaProxy(Proxy):
    """The proxy that speaks Ollama's API."""

    port: int = field(11434, N_("Port"), ge=1, le=65535)


class LmStudioProxy(Proxy):
    """The proxy that speaks OpenAI's and LM Studio's API."""

    port: int = field(1234, N_("Port"), ge=1, le=65535)


class Proxies(Section):
    """The measuring proxies."""

    ollama: OllamaProxy = Field(default_factory=OllamaProxy, title="Ollama")
    lmstudio: LmStudioProxy = Field(default_factory=LmStudioProxy, title="LM Studio")


class DefaultParameters(Section):
    """What a model is started and asked with when nothing else is said."""

    temperature: float = field(0.7, N_("Temperature"), N_("0: always the likeliest word."), ge=0, le=2)
    top_p: float = field(0.95, "Top-p", ge=0, le=1)
    top_k: int = field(40, "Top-k", N_("0: no bound."), ge=0, le=1000)
    context_size: int = field(2048, N_("Context size"), unit="tokens", ge=128, le=10_485_760)
    max_tokens: int = field(512, N_("Longest answer"), unit="tokens", ge=1, le=1_048_576)
    repeat_penalty: float = field(1.1, N_("Repeat penalty"), ge=0, le=2)


class ResourceLimits(Section):
    """Bounds of one model process."""

    max_memory_mb: int = field(8000, N_("Most memory"), unit="MiB", ge=64, le=16_777_216)
    max_cpu_percent: int = field(90, N_("Most CPU"), N_("Of the whole machine."), "%", ge=1, le=100)
    max_timeout_seconds: int = field(
        300, N_("Longest silence"), N_("Of a request; the proxies' own waits count where they are shorter."), "s", ge=1,
        le=86_400,
    )


class ModelServer(Section):
    """A model server that is looked at, on this machine or another."""

    url: ServerUrl = field(..., N_("Address"), N_("Such as http://127.0.0.1:11434."))
    engine: Engine = field("auto", N_("Engine"), N_("auto: Vigie asks the server what it is."))
    api_key: SecretText = field(SecretText(""), N_("API key"), N_("Sent to the server; empty: none."))
    enabled: bool = field(True, N_("Enabled"))


class ModelProcess(Section):
    """A model that Vigie runs. What is left empty goes by the defaults."""

    name: ModelName = field(..., N_("Name"), N_("What clients ask for."))
    file: AbsolutePath = field("", N_("Model file"))
    command: Command = field("", N_("Command"), N_("Empty: the usual one."))
    engine: Engine = field("llamacpp", N_("Engine"))
    port: int = field(0, N_("Port"), N_("0: a free one."), ge=0, le=65535)
    gpus: Gpus = field("", N_("GPUs"), N_("Numbers, such as 0,1; empty: all."))
    autostart: bool = field(False, N_("Start with Vigie"))
    on_demand: bool = field(True, N_("Start when it is asked for"), N_("By a request through a proxy."))
    idle_minutes: int = field(0, N_("Stop when idle for"), N_("0: never."), "min", ge=0, le=10_080)
    start_timeout_seconds: int = field(120, N_("Longest start"), unit="s", ge=1, le=3600)
    restart: Literal["no", "on-failure", "always"] = field("on-failure", N_("Start again"))
    health_path: str = field(
        "", N_("Asked whether it is ready"), N_("A path; empty: the one of the engine."),
        pattern=r"^(/[\w./?=&-]*)?$", max_length=200,
    )
    api_key_file: AbsolutePath = field(
        "", N_("File with its API key"), N_("Vigie sends the first line of it to the engine; empty: none."),
    )
    context_size: int | None = field(None, N_("Context size"), unit="tokens", ge=128, le=10_485_760)
    temperature: float | None = field(None, N_("Temperature"), ge=0, le=2)
    top_p: float | None = field(None, "Top-p", ge=0, le=1)
    top_k: int | None = field(None, "Top-k", ge=0, le=1000)
    max_tokens: int | None = field(None, N_("Longest answer"), unit="tokens", ge=1, le=1_048_576)
    repeat_penalty: float | None = field(None, N_("Repeat penalty"), ge=0, le=2)
    max_memory_mb: int | None = field(None, N_("Most memory"), unit="MiB", ge=64, le=16_777_216)
    max_cpu_percent: int | None = field(None, N_("Most CPU"), N_("Of the whole machine."), "%", ge=1, le=100)


class Objective(Section):
    """What a model's answers should hold to."""

    model: ModelPattern = field(EVERY_MODEL, N_("Model"), N_("*: every model that has none of its own."))
    first_token_ms: int = field(1000, N_("First token within"), unit="ms", ge=1, le=3_600_000)
    inter_token_ms: int = field(100, N_("Between two tokens, on average"), unit="ms", ge=1, le=3_600_000)
    target_percent: float = field(99, N_("Of the requests"), unit="%", gt=0, lt=100)

    @property
    def allowed(self) -> float:
        """Share of the requests that may be bad: the error budget."""
        return 1 - self.target_percent / 100


class KeptText(Section):
    """A model whose prompts and answers are kept."""

    model: ModelPattern = field(..., N_("Model"), N_("*: every model."))
    hours: int = field(24, N_("Kept for"), unit="h", ge=1, le=8760)


class Energy(Section):
    """What energy costs here."""

    price_per_kwh: float = field(0.25, N_("Price of a kWh"), ge=0, le=1000)
    currency: str = field("€", N_("Currency"), min_length=1, max_length=8)


class Models(Section):
    """Model servers that are looked at, and model processes that Vigie runs."""

    discover: bool = field(True, N_("Find model servers on this machine"), N_("By their listening ports."))
    request_log_days: int = field(7, N_("Request log kept for"), unit="d", ge=1, le=365)
    command: Command = field(
        COMMAND, N_("Command of a model process"),
        N_("The blanks {file} {name} {host} {port} and the parameters are filled in; no shell is involved."),
    )
    default_parameters: DefaultParameters = Field(default_factory=DefaultParameters, title=N_("Default parameters"))
    resource_limits: ResourceLimits = Field(default_factory=ResourceLimits, title=N_("Resource limits"))
    energy: Energy = Field(default_factory=Energy, title=N_("Energy"))
    servers: dict[ServerName, ModelServer] = Field(default_factory=dict, title=N_("Model servers"), max_length=64)
    processes: tuple[ModelProcess, ...] = field((), N_("Model processes"), max_length=64)
    objectives: tuple[Objective, ...] = field((Objective(),), N_("Objectives"), max_length=64)
    keep_text: tuple[KeptText, ...] = field(
        (), N_("Prompts and answers kept"), N_("Of no model, unless it is named here."), max_length=64
    )

    @model_validator(mode="after")
    def _once(self) -> Models:
        named = {
            "processes": [one.name for one in self.processes],
            "objectives": [one.model for one in self.objectives],
            "keepText": [one.model for one in self.keep_text],
        }
        for key, names in named.items():
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise PydanticCustomError("named_twice", "{key} names {name} twice", {"key": key, "name": twice[0]})
        return self
