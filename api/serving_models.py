"""What the routes about models take and give."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue

from api.models import Closed, Parameters
from api.wire import When

MeasureName = Literal["ttft", "itl", "itl_max", "duration", "queue"]


class ModelsQuery(Parameters):
    server: str = Field("", max_length=128, description="Only models of this model server")
    state: Literal["", "running", "loading", "stopped", "error", "unknown"] = ""


class ModelQuery(Parameters):
    model: str = Field(min_length=1, max_length=512, description="Name of a model")
    server: str = Field("", max_length=128, description="Name of its model server; needed where two have the model")


class ModelWindow(ModelQuery):
    start: When | None = Field(None, alias="from", description="Start of the window; an hour before its end by default")
    end: When | None = Field(None, alias="to", description="End of the window; now when not given")


class ModelAction(Closed):
    """Which model is meant."""

    model: str = Field(min_length=1, max_length=512)
    server: str = Field("", max_length=128, description="Needed where several servers have the model")


class Number(BaseModel):
    value: float
    how: str = Field(description="How it was got, such as proxy, engine counter or driver")


class ModelRow(BaseModel):
    """One model of one server. What is not known is not among ``numbers``, or null."""

    model: str
    server: str
    engine: str
    state: Literal["running", "loading", "stopped", "error", "unknown"] | None = Field(
        description="unknown: Vigie runs it, and the serving process does not answer; "
                    "null where its server does not tell whether it is loaded",
    )
    detail: str
    message: str
    url: str
    found: Literal["configured", "discovered", "process"]
    numbers: dict[str, Number]
    facts: dict[str, JsonValue]
    process: dict[str, JsonValue] | None = Field(
        description="Of a process that Vigie runs; the last lines that it wrote, exit.lines, need requests:view",
    )


class ServerRow(BaseModel):
    name: str
    engine: str
    version: str
    url: str
    state: str
    message: str
    found: str
    models: int


class ModelsAnswer(BaseModel):
    data: list[ModelRow]
    servers: list[ServerRow]


class UpstreamRow(BaseModel):
    """A model server, as the proxies before it see it."""

    name: str
    url: str
    engine: str
    state: Literal["unknown", "ok", "loading", "down"]
    message: str = Field(description="Why it is down")
    models: list[str]


class ProxyRow(BaseModel):
    """A measuring proxy that is on. Seconds and bytes; counts are since the start of the serving
    process; what is not known is null."""

    name: str
    address: str
    state: Literal["healthy", "unhealthy", "down", "starting"]
    message: str = Field(description="Why it is down")
    up: bool | None = Field(description="It listens")
    healthy: bool | None = Field(description="It listens, and something that it passes on to answers")
    uptime: float | None
    running: int | None
    waiting: int | None
    requests: int | None
    errors: int | None = Field(description="Failed by the proxy or what lies behind it")
    refused: int | None
    gone: int | None = Field(description="The client left before the end")
    limited: int | None = Field(description="Beyond the rate limit")
    received: int | None
    sent: int | None
    mean: float | None = Field(description="Duration of the requests of the last minute")
    p95: float | None = Field(description="The same, of 95 of 100 requests of the model that is slowest")
    upstreams: list[UpstreamRow] | None


class ProxiesAnswer(BaseModel):
    data: list[ProxyRow]


class Done(BaseModel):
    message: str = Field(description="What was done, in the asker's language")


class RequestsFilter(Parameters):
    model: str = Field("", max_length=512)
    server: str = Field("", max_length=128)
    proxy: Literal["", "ollama", "lmstudio"] = ""
    client: str = Field("", max_length=300)
    error: str = Field("", max_length=40, description=(
        "A class of errors, failed (by the proxy or what lies behind it), client (refused, or the client left), any of "
        "both, or none"))
    finish: str = Field("", max_length=40)
    kind: Literal["", "chat", "completion", "embedding", "other"] = ""
    text: str = Field("", max_length=200, description="Part of a model, client, path, message or id")
    start: When | None = Field(None, alias="from", description="Ended not before")
    end: When | None = Field(None, alias="to", description="Ended before")
    begun_before: When | None = Field(None, description="Begun before")
    measure: MeasureName = Field("duration", description="What above and up_to are about; itl_max is the longest time "
                                                         "between two tokens, itl the mean")
    above: float | None = Field(None, ge=0, le=1e9, description="Took longer, seconds")
    up_to: float | None = Field(None, ge=0, le=1e9, description="Took at most, seconds")


class RequestsQuery(RequestsFilter):
    before: int | None = Field(None, ge=1, le=2**62, description="Rows below this number: next of the answer before")
    limit: int = Field(50, ge=1, le=1000)


class RequestPath(Parameters):
    request: int = Field(ge=1, le=2**62, description="Number of a request")


class RequestRow(BaseModel):
    """One request; times in seconds, what is not known null."""

    id: int
    request: str
    at: str
    ended: str
    proxy: str
    server: str
    engine: str
    model: str
    client: str
    path: str
    kind: str
    error: str
    message: str
    finish: str
    stream: bool
    exact: bool | None = Field(description="False: tokens were counted, the engine did not tell them")
    status: int | None
    queue: float | None
    ttft: float | None
    duration: float | None
    itl: float | None
    itl_max: float | None
    prefill: float | None
    decode: float | None
    joules: float | None
    prompt_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    bytes_in: int | None
    bytes_out: int | None
    attempts: int | None
    tokens_per_second: float | None


class RequestsAnswer(BaseModel):
    data: list[RequestRow]
    next: int | None
    count: int = Field(description="All that the filter means")
    failed: int


class RequestAnswer(RequestRow):
    prompt: str | None = Field(description="Where the configuration keeps it")
    answer: str | None


class FindingRow(BaseModel):
    code: str
    sentence: str
    weight: float = Field(description="Seconds of the request that it stands for")
    facts: dict[str, JsonValue]


class MomentRow(BaseModel):
    """Something that was looked at: its value while the request was answered, and what was usual."""

    code: str
    name: str
    now: str
    usual: str = Field(description="Empty where it is not known")
    value: float = Field(description="In the base unit")
    usual_value: float | None = Field(
        description="The median of the model's requests, or what the half hour before tells")
    unit: str


class AutopsyAnswer(BaseModel):
    """What stood out while a request was answered, the likeliest cause first; empty when nothing did."""

    headline: str
    slow: bool = Field(description="Whether it took longer than is usual for its model")
    findings: list[FindingRow]
    others: int = Field(description="Other requests that were being answered at the time")
    usual: dict[str, float | int | None]
    looked_at: list[str] = Field(description="Metrics that were there to look at")
    moment_head: str
    moment: list[MomentRow] = Field(description="What was looked at, with its values")


class AttainmentRow(BaseModel):
    total: int
    good: int
    bad: int
    slow_first: int
    slow_tokens: int
    failed: int
    ratio: float | None
    goodput: float | None = Field(description="Good requests a second")


class ObjectiveAnswer(BaseModel):
    """How a model stands to its objective; ``objective`` is null when nothing is asked of it."""

    objective: dict[str, Any] | None
    window: AttainmentRow | None
    hour: AttainmentRow | None
    period: AttainmentRow | None
    burn: float | None
    budget_left: float | None
