"""What the routes about sums of models take and give."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from api.models import Parameters
from api.serving_models import ModelWindow
from api.wire import When


class Window(Parameters):
    start: When | None = Field(None, alias="from", description="Start of the window; a day before its end by default")
    end: When | None = Field(None, alias="to", description="End of the window; now when not given")


class EnergyQuery(Window):
    by: Literal["model", "client"] = Field("model", description="client needs the permission requests:view")


class PartRow(BaseModel):
    server: str
    model: str = Field(description="Empty where several models lie in one process of the server")
    bytes: float


class MemoryRow(BaseModel):
    """The memory of a GPU or of the machine, bytes."""

    used: float
    total: float | None
    free: float | None
    others: float = Field(description="Used, and no known model's")
    models: list[PartRow]


class GpuRow(MemoryRow):
    gpu: str
    name: str


class MemoryAnswer(BaseModel):
    gpus: list[GpuRow]
    host: MemoryRow | None


class SpentRow(BaseModel):
    """Energy of the requests that were reckoned."""

    name: str
    requests: int
    tokens: int = Field(description="Written")
    joules: float
    joules_per_token: float | None
    wh_per_1000: float | None = Field(description="Watt-hours of a thousand tokens written")
    cost_per_1000: float | None = Field(description="Of a thousand tokens written, in the currency")
    share: float | None = Field(description="Of all energy here, 0 to 1")


class EnergyAnswer(BaseModel):
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    power: bool = Field(description="Whether this machine tells any power")
    price_per_kwh: float
    currency: str
    data: list[SpentRow]


class IdleRow(BaseModel):
    server: str
    model: str
    loaded_hours: float
    used_hours: float
    idle_hours: float


class IdleAnswer(BaseModel):
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    data: list[IdleRow]


class CapacityAnswer(BaseModel):
    """What a model can take, requests a second; ``limit`` is null when nothing is asked of it, ``rate`` and what
    follows from it where there is not enough data."""

    now: float | None = Field(description="Of the last three whole minutes")
    more: float | None = Field(description="Beyond those of now")
    rate: float | None = Field(description="At which the limit is met")
    low: float | None
    high: float | None = Field(description="80 of 100 fits put it between low and high")
    measured: float | None = Field(description="The highest rate that was measured")
    beyond: bool | None = Field(description="The limit lies farther than was measured: rate is a lower bound")
    by: Literal["ttft", "itl"] | None = Field(description="What breaks first")
    limit: float | None = Field(description="Its limit, seconds")
    minutes: int | None = Field(description="Minutes with requests that were looked at")
    minutes_needed: int
    points: int | None = Field(description="Minutes, or groups of about one rate, with requests enough for the target")
    points_needed: int
    requests_per_point: int | None = Field(description="That a point needs at least, by the objective's target")


class CompareQuery(ModelWindow):
    other_model: str = Field("", max_length=512, description="The other side's model; the same when not given")
    other_server: str = Field("", max_length=128, description="Its server; that of model when both are empty")
    other_from: When | None = Field(None, description="Start of the other side's window; the same when not given")
    other_to: When | None = Field(None, description="End of the other side's window; the same when not given")


class SideRow(BaseModel):
    """One side. Times in seconds, of requests that went well: percentiles by name, null where none is known."""

    model: str
    server: str
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    requests: int
    failed: int = Field(description="By the proxy or what lies behind it")
    client_did: int = Field(description="Refused, or the client left: these have not failed")
    prompt_tokens: int | None
    output_tokens: int | None
    ttft: dict[str, float | None]
    itl: dict[str, float | None]
    duration: dict[str, float | None]
    speed: dict[str, float | None] = Field(description="Tokens a second of a request")
    joules_per_token: float | None
    finish: dict[str, int] = Field(description="Reason -> requests that ended so")
    cut: bool = Field(description="Times are of the newest 200,000 requests alone")


class ChangeRow(BaseModel):
    name: str
    unit: Literal["count", "seconds", "per_second", "joules", "ratio"]
    first: float | None
    second: float | None
    change: float | None = Field(description="Second against first, 0.1: a tenth more; of ratios the plain difference")
    verdict: Literal["better", "worse", "same", ""]


class CompareAnswer(BaseModel):
    first: SideRow
    second: SideRow
    rows: list[ChangeRow]
