"""What the routes of alert rules take and give, as types."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from alerts.rule import Category, Comparison, Function, NoData, Rule
from api.models import Closed, Parameters
from api.wire import When
from config.dashboard import Severity

CANDIDATE = (
    "selectors", "function", "window_seconds", "comparison", "threshold", "threshold_from", "factor", "for_seconds",
    "resolve_threshold", "margin", "resolve_seconds", "no_data", "no_data_seconds",
)
"""Fields of a rule that a backtest may change."""


class NewRule(Closed, Rule):
    """A rule. Thresholds are in the base unit of what is watched, times in seconds."""


class RuleChange(Closed):
    """What is to change of a rule; the rest stays. A threshold takes the place of threshold_from, and the other way
    round."""

    name: str | None = Field(None, max_length=100)
    selectors: list[str] | None = Field(None, max_length=8)
    function: Function | None = None
    window_seconds: float | None = None
    comparison: Comparison | None = None
    threshold: float | None = None
    threshold_from: str | None = None
    factor: float | None = None
    for_seconds: float | None = None
    resolve_threshold: float | None = Field(None, description="null: none")
    margin: float | None = None
    resolve_seconds: float | None = None
    severity: Severity | None = None
    no_data: NoData | None = None
    no_data_seconds: float | None = None
    labels: dict[str, str] | None = None
    message: str | None = Field(None, max_length=500)
    category: Category | None = None
    enabled: bool | None = None


class RulePath(Parameters):
    rule: str = Field(pattern=r"^[a-z0-9_-]{1,64}$", description="Id of a rule")


class RuleFact(Rule):
    """A rule and what it does now. Times are epoch milliseconds."""

    words: str = Field(description="Its name in the asker's language")
    shipped: bool = Field(description="Vigie comes with it: it can be changed and reset, not deleted")
    changes: list[str] = Field(description="Fields of a shipped rule that were changed")
    changed: int | None
    changed_by: str
    threshold_now: float = Field(description="In force, in the base unit")
    resolve_threshold_now: float
    series: int | None = Field(description="How many series it watches; null while another process evaluates")
    pending: int
    firing: int
    waiting: bool = Field(description="It has nothing to watch because its source is not set up")
    problem: str = Field(description="Why it is not evaluated now; empty when it is")
    unit: str = Field(description="Of what it watches; empty when that is not known")
    last_fired: int | None = Field(description="Null when it never has, as far as is kept")
    fired_week: int = Field(description="How often in the last seven days")


class RulesAnswer(BaseModel):
    data: list[RuleFact]


class SeenFact(BaseModel):
    series: str
    unit: str
    value: float | None
    holds: bool = Field(description="It would be pending, or fire, now")


class RuleTestAnswer(BaseModel):
    data: list[SeenFact]


class BacktestQuery(Parameters):
    rule: str | None = Field(None, pattern=r"^[a-z0-9_-]{1,64}$", description="A rule that is kept; what else is given "
                             "replaces its fields. Without it give selectors and threshold")
    selectors: list[str] = Field(default_factory=list, max_length=8, description="Series to watch; repeatable")
    function: Function | None = None
    window_seconds: float | None = Field(None, ge=0)
    comparison: Comparison | None = None
    threshold: float | None = Field(None, allow_inf_nan=False, description="In the base unit")
    threshold_from: str | None = None
    factor: float | None = Field(None, gt=0, allow_inf_nan=False)
    for_seconds: float | None = Field(None, ge=0)
    resolve_threshold: float | None = Field(None, allow_inf_nan=False)
    margin: float | None = Field(None, ge=0, le=0.9)
    resolve_seconds: float | None = Field(None, ge=0)
    no_data: NoData | None = None
    no_data_seconds: float | None = Field(None, ge=0)
    start: When | None = Field(None, alias="from", description="Start of the window; a day before its end when absent")
    end: When | None = Field(None, alias="to", description="End of the window; now when absent")

    today: bool = Field(True, description="Also what the rule as it is would have done: not asked twice while dragging")

    def changes(self) -> dict[str, Any]:
        """The fields of a rule that were given."""
        return {name: value for name in CANDIDATE if name in self.model_fields_set
                and (value := getattr(self, name)) is not None and value != []}


class SuggestQuery(BacktestQuery):
    most: float = Field(1, ge=0, le=1000, allow_inf_nan=False, description="Alerts a day at most, over all series")


class SpanFact(BaseModel):
    series: str
    start: int = Field(description="Epoch milliseconds")
    end: int | None = Field(description="null: it would still fire")


class BacktestFact(BaseModel):
    limit: float
    alerts: int
    seconds: float
    longest_seconds: float
    spans: list[SpanFact] = Field(description="Newest first, 500 at most")


class BacktestAnswer(BaseModel):
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    series: list[str]
    left_out: int = Field(description="Series beyond the 50 that are looked at")
    unit: str
    candidate: BacktestFact
    today: BacktestFact | None = Field(description="The rule as it is; null when none was named")
    milliseconds: float


class SuggestAnswer(BaseModel):
    threshold: float | None = Field(description="In the base unit; null when there is too little history")
    alerts: int = Field(description="That it would have given")
    days: float
    most: float

