"""What the routes of alerts take and give, as types."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue

from alerts.history import MOST
from alerts.service import MOST_NOTE
from api.models import Closed, Parameters
from api.wire import When
from config.dashboard import Severity

Plain = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
AlertState = Literal["firing", "resolved"]


class AlertsQuery(Parameters):
    server: int | None = Field(None, description="Only of this server")
    pending: bool = Field(False, description="Also those that hold, but not yet for long enough")


class AlertPath(Parameters):
    alert: str = Field(pattern=r"^[0-9a-f-]{1,64}$", description="Id of an alert")


LARGEST = 2**31 - 1
"""What a column of whole numbers holds."""


class HistoryOfAlerts(Parameters):
    state: AlertState | None = Field(None, description="Only those that still fire, or only those that are over")
    severity: list[Severity] = Field(default_factory=list, max_length=4, description="Only these; repeatable")
    rule: list[Plain] = Field(default_factory=list, max_length=64, description="Only of these rules; repeatable")
    type: list[Plain] = Field(default_factory=list, max_length=32, description="Only of these types; repeatable")
    category: list[Plain] = Field(default_factory=list, max_length=8, description="Only these; repeatable")
    server: int | None = Field(None, ge=0, le=LARGEST, description="Only of this server")
    owner: Plain | None = Field(None, description="Only of this owner")
    acknowledged: bool | None = Field(None, description="Only those that were, or were not, taken up")
    muted: bool | None = Field(None, description="Only those that were, or were not, muted when they ended")
    text: Plain | None = Field(None, description="Part of a name, series, note or owner")
    start: When | None = Field(None, alias="from", description="Fired at this time or later")
    end: When | None = Field(None, alias="to", description="Fired at this time or sooner")
    limit: int = Field(50, ge=1, le=MOST, description="Alerts in the answer")
    before: int | None = Field(None, ge=1, le=LARGEST, description="``more`` of the page before")


class AlertFact(BaseModel):
    """An alert. Times are epoch milliseconds, values in the base unit."""

    id: str
    rule: str
    type: str = Field(description="One of the specification's, or empty")
    name: str
    server: int
    series: str
    metric: str
    unit: str
    labels: dict[str, str]
    category: str
    severity: Severity
    state: Literal["pending", "firing", "resolved"]
    comparison: str
    threshold: float
    value: float | None
    peak: float | None = Field(description="The worst value so far")
    message: str = Field(description="In the asker's language")
    started: int
    fired: int | None
    resolved: int | None
    reason: str = Field(description="Why it ended, when not by itself: rule or gone")
    acknowledged: int | None
    acknowledged_by: str
    note: str
    owner: str
    flapping: bool = Field(description="It came and went: it is now over only after ten quiet minutes")
    muted: str = Field(description="silence:ID or inhibited:RULE; empty when it is told")
    fingerprint: str = Field(description="The same each time that the rule holds on the series")


class AlertsAnswer(BaseModel):
    version: int = Field(description="Changes with everything that becomes of an alert")
    data: list[AlertFact]


class FrequentRule(BaseModel):
    rule: str
    name: str
    count: int


class AlertHistoryAnswer(BaseModel):
    """A page, newest first, and sums over all that the filter means."""

    data: list[AlertFact]
    more: int | None = Field(description="Give as ``before`` for the next page; null at the end")
    count: int
    mean_seconds_to_acknowledge: float | None
    mean_seconds_to_resolve: float | None
    firing_seconds: float
    by_severity: dict[str, int]
    most_frequent: FrequentRule | None = Field(description="The rule that fired most often; null without any")


class AlertStep(BaseModel):
    kind: Literal["firing", "unmuted", "resolved", "acknowledged", "assigned"]
    at: int
    value: float | None
    muted: str
    who: str
    note: str


class AlertAnswer(AlertFact):
    """An alert and what became of it, oldest first."""

    story: list[AlertStep]


class ServerAlert(BaseModel):
    """An active alert as ``spec/2`` has it: percentages 0 to 100."""

    id: str
    server_id: int
    type: str = Field(description="cpu, ram, disk, gpu_memory, or the type in small letters")
    severity: Severity
    message: str
    value: float | None
    threshold: float
    resolved: Literal[False]
    created_at: str
    resolved_at: None
    labels: dict[str, JsonValue]


class Acknowledgement(Closed):
    note: str = Field("", max_length=4 * MOST_NOTE, description=f"{MOST_NOTE} characters at most")


class Assignment(Closed):
    owner: Annotated[str, Field(max_length=400, description="Who takes care of it; empty: nobody")]
    note: str = Field("", max_length=4 * MOST_NOTE, description=f"{MOST_NOTE} characters at most")
