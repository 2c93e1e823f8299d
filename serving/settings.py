"""The configuration as the serving process goes by it: plain objects out of the JSON that the web process sends.

The web process has validated it; here it is only read, with the defaults of `config.serving` for what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

ProxyName = Literal["ollama", "lmstudio"]
PROXIES: tuple[ProxyName, ...] = get_args(ProxyName)
PORTS: dict[ProxyName, int] = {"ollama": 11434, "lmstudio": 1234}
EVERY_MODEL = "*"


class BadConfiguration(ValueError):
    """What was sent is no configuration; the message says where and what is wanted."""


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """One proxy. Times in seconds, sizes in bytes."""

    name: ProxyName
    enabled: bool
    host: str
    port: int
    upstreams: tuple[str, ...]
    idle_timeout: float
    first_byte_timeout: float
    connect_timeout: float
    retries: int
    check_every: float
    api_key: str = field(repr=False)
    rate_limit: int
    largest_request: int
    concurrency: int
    queue_size: int
    forwarded_for: bool
    """A client is the last address of X-Forwarded-For."""
    cors_origins: frozenset[str]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return self.host, self.port

    def within(self, longest: float) -> ProxySettings:
        """These, with no wait for a part of an answer longer than ``longest`` s."""
        if longest >= max(self.idle_timeout, self.first_byte_timeout):
            return self
        return replace(
            self, idle_timeout=min(self.idle_timeout, longest),
            first_byte_timeout=min(self.first_byte_timeout, longest),
        )


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A model server of the configuration."""

    name: str
    url: str
    engine: str
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """All that the serving process goes by."""

    proxies: Mapping[ProxyName, ProxySettings]
    servers: tuple[ServerSettings, ...]
    processes: Mapping[str, str]
    """Names of the model processes -> their engine."""
    process_timeout: float
    """Seconds that a model process may leave a request without a part of its answer."""
    keep_text: frozenset[str]
    models: Mapping[str, Any] = field(repr=False)
    """The section ``models`` as it came, for the supervisor."""

    def keeps_text(self, model: str) -> bool:
        """Whether prompts and answers of ``model`` are kept."""
        return model in self.keep_text or EVERY_MODEL in self.keep_text


def read_settings(raw: Any) -> ServingSettings:
    """The configuration out of a document with the sections ``proxies`` and ``models``, names in camelCase.

    Raises:
        BadConfiguration: a part has a wrong type.
    """
    document = _mapping(raw, "the configuration")
    proxies, models = _mapping(document.get("proxies", {}), "proxies"), _mapping(document.get("models", {}), "models")
    servers = _mapping(models.get("servers", {}), "models.servers")
    return ServingSettings(
        {name: _proxy(name, _mapping(proxies.get(name, {}), f"proxies.{name}")) for name in PROXIES},
        tuple(
            _server(name, _mapping(one, f"models.servers.{name}")) for name, one in servers.items()
            if _mapping(one, f"models.servers.{name}").get("enabled", True)
        ),
        {
            _text(one, "name", f"models.processes.{place}"): one.get("engine") or "llamacpp"
            for place, one in enumerate(_list(models.get("processes", []), "models.processes"))
        },
        _seconds(_mapping(models.get("resourceLimits", {}), "models.resourceLimits"), "maxTimeoutSeconds", 300.0),
        frozenset(
            _text(one, "model", f"models.keepText.{place}")
            for place, one in enumerate(_list(models.get("keepText", []), "models.keepText"))
        ),
        models,
    )


def _proxy(name: ProxyName, raw: Mapping[str, Any]) -> ProxySettings:
    def number(key: str, default: float, factor: float = 1.0) -> float:
        value = raw.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadConfiguration(f"proxies.{name}.{key} must be a number, not {value!r}")
        return value * factor

    def texts(key: str, what: str) -> tuple[str, ...]:
        value = raw.get(key, ())
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise BadConfiguration(f"proxies.{name}.{key} must be a list of {what}")
        return tuple(value)

    return ProxySettings(
        name=name, enabled=bool(raw.get("enabled", False)), host=str(raw.get("host", "127.0.0.1")),
        port=int(number("port", PORTS[name])), upstreams=texts("upstreams", "names of model servers"),
        idle_timeout=number("timeout", 30_000, 0.001),
        first_byte_timeout=number("firstByteTimeout", 300_000, 0.001),
        connect_timeout=number("connectTimeout", 2000, 0.001), retries=int(number("retries", 3)),
        check_every=number("healthCheckInterval", 5000, 0.001), api_key=str(raw.get("apiKey", "")),
        rate_limit=int(number("rateLimitPerMinute", 1000)), largest_request=int(number("maxRequestMb", 64, 1 << 20)),
        concurrency=int(number("concurrency", 0)), queue_size=int(number("queueSize", 100)),
        forwarded_for=bool(raw.get("forwardedFor", False)),
        cors_origins=frozenset(texts("corsOrigins", "origins of web pages")),
    )


def _server(name: str, raw: Mapping[str, Any]) -> ServerSettings:
    url = _text(raw, "url", f"models.servers.{name}").rstrip("/")
    return ServerSettings(name, url, str(raw.get("engine") or "auto"), str(raw.get("apiKey") or ""))


def _seconds(raw: Mapping[str, Any], key: str, default: float) -> float:
    value = raw.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise BadConfiguration(f"models.resourceLimits.{key} must be a number of seconds, not {value!r}")
    return float(value)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadConfiguration(f"{where} must be an object, not {type(value).__name__}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise BadConfiguration(f"{where} must be a list, not {type(value).__name__}")
    return list(value)


def _text(raw: Any, key: str, where: str) -> str:
    value = _mapping(raw, where).get(key)
    if not isinstance(value, str) or not value:
        raise BadConfiguration(f"{where}.{key} must be a text, not {value!r}")
    return value


NOTHING = read_settings({})
"""Before a configuration is known: both proxies off."""
