"""What the routes take and give, as types: requests are checked with them, and the OpenAPI document says them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, JsonValue
from pydantic_core import CoreSchema

from api.wire import When

Interval = Literal["1m", "5m", "15m", "1h"]
SECONDS: dict[str, int] = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600}
MOST_ROWS = 100_000
"""Rows or points of one answer at most: beyond, an answer takes seconds and hundreds of megabytes."""


class Parameters(BaseModel):
    """Base of all query and path parameters: closed, so that a misspelt one is told and not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    _schema: ClassVar[dict[type, dict[str, Any]]] = {}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Without null: a parameter is left out, and never sent as one."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        for one in schema.get("properties", {}).values():
            kinds = [kind for kind in one.get("anyOf", ()) if kind != {"type": "null"}]
            if len(kinds) == 1:
                del one["anyOf"]
                kind = dict(kinds[0])
                if examples := kind.pop("examples", None):
                    kind["example"] = examples[0]  # of a parameter OpenAPI wants one, or a dict of them
                one.update({key: value for key, value in kind.items() if key not in one})
                if one.get("default", 0) is None:
                    del one["default"]
        return schema

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The schema; kept after the first time, because flask-openapi3 asks for it at every request."""
        if args or kwargs:
            return super().model_json_schema(*args, **kwargs)
        known = Parameters._schema.get(cls)
        if known is None:
            known = Parameters._schema[cls] = super().model_json_schema()
        return known


class Closed(BaseModel):
    """Base of bodies: closed, so that a misspelt key is told and not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _below(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for one in base.__subclasses__():
        yield one
        yield from _below(one)


def parameter_names(title: str, within: Sequence[int | str] = ()) -> list[str]:
    """The parameters of the class of that name, as they are written; with ``within`` those of the part that this path
    of keys leads to."""
    known: Any = next((c for base in (Parameters, Closed) for c in _below(base) if c.__name__ == title), None)
    for key in within:
        field = known.model_fields.get(str(key)) if known is not None else None
        parts = (field.annotation, *get_args(field.annotation)) if field is not None else ()
        known = next((p for p in parts if isinstance(p, type) and issubclass(p, BaseModel)), None)
    return [field.alias or name for name, field in known.model_fields.items()] if known is not None else []


METRIC: Any = Field(
    default_factory=list, max_length=64,
    description='A series: name, or name{label="value"}; repeatable. Keys of the answer are these strings.',
)


class LatestQuery(Parameters):
    metric: list[str] = METRIC
    server: int = Field(1, description="Server id; this machine is 1")


class HistoryQuery(Parameters):
    last: int | None = Field(None, ge=1, le=MOST_ROWS, description="The newest N rows")
    start: When | None = Field(None, alias="from", description="Start of the window")
    end: When | None = Field(None, alias="to", description="End of the window; now when not given")
    interval: Interval | None = Field(None, description="One row per interval, holding means")
    metric: list[str] = METRIC
    server: int = Field(1, description="Server id; this machine is 1")
    points: int | None = Field(
        None, ge=2, le=20_000, description="Columns instead of rows, each series reduced to this many points at most"
    )
    extremes: bool = Field(
        True, description="With points, where steps hold means: the lowest and highest values too, so no spike is lost"
    )


class ServerPath(Parameters):
    server: int = Field(description="Server id; this machine is 1")


class ServerHistoryQuery(Parameters):
    start: When | None = Field(None, alias="from", description="Start of the window; an hour before its end by default")
    end: When | None = Field(None, alias="to", description="End of the window; now when not given")
    interval: Interval | None = Field(None, description="One row per interval, holding means; 1m by default")


class SeriesQuery(Parameters):
    metric: list[str] = METRIC


class FlatRow(BaseModel):
    """The flat row: percentages 0 to 100, ``_mb`` in MiB, ``_gb`` in GiB, absent values null."""

    timestamp: str = Field(examples=["2026-11-20T16:42:00.000Z"])
    recorded_at: str
    server_id: int
    cpu_percent: float | None
    ram_percent: float | None
    ram_used_mb: float | None
    ram_total_mb: float | None
    disk_percent: float | None = Field(description="Root volume, as the other disk keys")
    disk_used_gb: float | None
    disk_total_gb: float | None
    network_sent_mb: float | None = Field(description="Since boot")
    network_recv_mb: float | None = Field(description="Since boot")
    fps_in: float | None = Field(description="Of a pipeline, as are fps_out, latency_ms and queue_rt_drops")
    fps_out: float | None
    latency_ms: float | None
    gpu_util: float | None
    gpu_memory_mb: float | None
    queue_rt_drops: float | None
    health: Literal["OK", "WARNING", "CRITICAL"] | None


class LatestAnswer(BaseModel):
    """The flat row; or, with ``metric``, ``timestamp`` and one key per ``metric``."""

    model_config = ConfigDict(extra="allow")
    timestamp: str


class HistoryAnswer(BaseModel):
    """Rows, oldest first. With ``points`` one column per series: the times of its ``value`` are ``times[time]``."""

    data: list[dict[str, JsonValue]]
    times: list[list[int]] | None = Field(None, description="With points: epoch milliseconds")
    problems: list[str] | None = Field(None, description="Stores that could not be read; absent when all could")


class SeriesFact(BaseModel):
    """What is known of a series."""

    series: str = Field(examples=['disk_volume_used_ratio{mount="/"}'])
    name: str
    labels: dict[str, str]
    unit: str
    kind: str
    help: str


class SeriesAnswer(BaseModel):
    data: list[SeriesFact]


class HealthAnswer(BaseModel):
    """``status`` is ok, degraded (a source or a store fails) or down (a loop has stopped)."""

    model_config = ConfigDict(extra="allow")
    status: Literal["ok", "degraded", "down"]


class MonitoringAnswer(BaseModel):
    """The full current snapshot."""

    model_config = ConfigDict(extra="allow")
    timestamp: str
    system: dict[str, JsonValue]
    proxies: dict[str, JsonValue] = Field(description="ollama and lmstudio; latencies in milliseconds")
    models: dict[str, JsonValue] = Field(
        description="By name, or by server/name where several servers have it; latencies in milliseconds, error rates "
                    "from 0 to 1, sizes in bytes, temperatures in Celsius")
    application: dict[str, JsonValue]


class Tokens(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds the access token lasts")
    refresh_expires_in: int = Field(description="Seconds the refresh token lasts")


class FieldError(BaseModel):
    field: str
    given: JsonValue
    allowed: str


class ConfigClash(BaseModel):
    """One place of the configuration that two people changed."""

    field: str
    base: JsonValue = Field(None, description="In the version that the save was based on; absent: not there")
    mine: JsonValue = Field(None, description="What was to be saved")
    theirs: JsonValue = Field(None, description="What is in force")


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(json_schema_extra={"x-media-type": "application/problem+json"})
    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None
    conflicts: list[ConfigClash] | None = None
