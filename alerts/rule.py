"""A rule: which series it watches, when that is an alert, and when it is over."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_snake

from config.dashboard import AlertThresholds, Severity
from storage.selector import parse_selector

Comparison = Literal[">", ">=", "<", "<=", "==", "!="]
Function = Literal["last", "mean", "min", "max", "increase"]
"""What is compared: the newest value, or one number out of the values of a window. ``increase`` is how much a value
grew over the window; of a counter, how much it counted."""
NoData = Literal["ok", "keep", "alert"]
"""What a series without values counts as: well, as before, or as an alert."""
Category = Literal["system_alert", "model_failure", "high_resource_usage", "config_changed"]
"""The entries of ``notifications.alertTypes``: where an alert is told."""
Source = Literal["", "models", "proxies", "fleet"]

TYPES: Final = (
    "HIGH_CPU", "HIGH_MEMORY", "DISK_FULL", "GPU_MEMORY_FULL", "NETWORK_ISSUES", "DISK_IO_SLOW",
    "MODEL_CRASHED", "HIGH_LATENCY", "HIGH_ERROR_RATE", "MODEL_NOT_RESPONDING", "INFERENCE_TIMEOUT",
    "PROXY_DOWN", "PROXY_UNHEALTHY", "RATE_LIMIT_EXCEEDED",
    "INVALID_CONFIG", "CONFIG_AUTO_LOADED", "CONFIG_VALIDATION_FAILED",
    "STARTUP_ERROR", "MEMORY_LEAK_DETECTED", "SERVICE_DEGRADATION",
)
"""The types of ``spec/1`` 5.1."""
THRESHOLDS: Final = tuple(field.alias or name for name, field in AlertThresholds.model_fields.items())
"""Fields of the configuration's ``monitoring.alertThresholds`` that a rule may refer to."""
ORDERED: Final = frozenset({">", ">=", "<", "<="})
DAY: Final = 86400.0
_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")
RESERVED: Final = frozenset({"rule", "type", "severity", "category", "server", "metric", "series"})
"""Labels that every alert has by itself."""


class Rule(BaseModel):
    """One rule. Thresholds are in the base unit of what is watched, times in seconds.

    An alert is *pending* while the comparison holds, *firing* once it has held for ``for_seconds``, and *resolved* when
    it has not held, with the ``margin`` or the ``resolve_threshold``, for ``resolve_seconds``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="Small letters, digits, - and _; it never changes")
    name: str = Field(min_length=1, max_length=100, description="What people call it")
    type: str = Field("", description="One of the types of the specification, or empty")
    selectors: tuple[str, ...] = Field(
        min_length=1, max_length=8, description='Series to watch, each for itself: name{label="value"}',
        examples=[["cpu_usage_ratio"]],
    )
    function: Function = "last"
    window_seconds: float = Field(0, ge=0, le=7 * DAY, description="Of the function; 0 with last")
    comparison: Comparison = ">"
    threshold: float | None = Field(None, allow_inf_nan=False, description="In the base unit; or threshold_from")
    threshold_from: str = Field("", description="Field of the configuration's monitoring.alertThresholds")
    factor: float = Field(1, gt=0, allow_inf_nan=False, description="From that field's unit to the base unit")
    for_seconds: float = Field(0, ge=0, le=DAY, description="How long it must hold before it fires")
    resolve_threshold: float | None = Field(None, allow_inf_nan=False, description="Over below (above) this")
    margin: float = Field(0, ge=0, le=0.9, description="Or over so far from the threshold, as a share of it")
    resolve_seconds: float = Field(0, ge=0, le=DAY, description="How long it must be over")
    severity: Severity = "warning"
    no_data: NoData = "ok"
    no_data_seconds: float = Field(60, ge=0, le=DAY, description="How long without values until that counts")
    labels: dict[str, str] = Field(default_factory=dict, max_length=16, description="Added to those of the series")
    message: str = Field("", max_length=500, description="May name {value} {limit} {name} {server} and any {label}")
    category: Category = "system_alert"
    enabled: bool = True
    source: Source = Field("", description="What has to be set up before there is anything to watch")

    @field_validator("id")
    @classmethod
    def _slug(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            raise ValueError("has 1 to 64 small letters, digits, - or _, and begins with a letter")
        return value

    @field_validator("name", "message")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.replace("\n", "").isprintable():
            raise ValueError("has letters, digits and signs")
        return value.strip()

    @field_validator("type")
    @classmethod
    def _type(cls, value: str) -> str:
        if value and value not in TYPES:
            raise ValueError(f"is empty or one of {', '.join(TYPES)}")
        return value

    @field_validator("selectors")
    @classmethod
    def _selectors(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not parse_selector(text).name:
                raise ValueError(f"selector {text!r}: name the metric")
        return value

    @field_validator("threshold_from")
    @classmethod
    def _field(cls, value: str) -> str:
        if value and value not in THRESHOLDS:
            raise ValueError(f"is one of {', '.join(THRESHOLDS)}")
        return value

    @field_validator("labels")
    @classmethod
    def _labels(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _LABEL.fullmatch(name) or name in RESERVED:
                taken = ", ".join(sorted(RESERVED))
                raise ValueError(f"label {name[:64]!r}: letters, digits and _, and none of {taken}")
            if len(text) > 200 or not text.isprintable():
                raise ValueError(f"label {name}: a value has 200 characters at most")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        if (self.threshold is None) == (not self.threshold_from):
            raise ValueError("give either threshold or threshold_from")
        if self.function == "last" and self.window_seconds:
            raise ValueError("window_seconds: last looks at no window; choose mean, min, max or increase")
        if self.function != "last" and self.window_seconds < 10:
            raise ValueError(f"window_seconds: {self.function} needs a window of 10 seconds or more")
        if self.comparison not in ORDERED and (self.resolve_threshold is not None or self.margin):
            raise ValueError(f"resolve_threshold and margin go with > >= < <=, not with {self.comparison}")
        if self.threshold is not None and self.resolve_threshold is not None:
            beyond = self.resolve_threshold - self.threshold
            if (beyond > 0 and self.rising) or (beyond < 0 and not self.rising):
                side = "above" if self.rising else "below"
                raise ValueError(f"resolve_threshold ({self.resolve_threshold:g}) must not lie {side} the threshold")
        return self

    @property
    def rising(self) -> bool:
        """True when large values are the bad ones."""
        return self.comparison in (">", ">=")

    def limit(self, thresholds: AlertThresholds) -> float:
        """The threshold in force, in the base unit."""
        if self.threshold is not None:
            return self.threshold
        return float(getattr(thresholds, to_snake(self.threshold_from))) * self.factor

    def resolve_limit(self, thresholds: AlertThresholds) -> float:
        """The threshold below (above) which it is over."""
        limit = self.limit(thresholds)
        if self.comparison not in ORDERED:
            return limit
        if self.resolve_threshold is not None:
            # A threshold of the configuration may have moved past it.
            return min(self.resolve_threshold, limit) if self.rising else max(self.resolve_threshold, limit)
        return limit - abs(limit) * self.margin if self.rising else limit + abs(limit) * self.margin


CHANGEABLE: Final = tuple(name for name in Rule.model_fields if name not in ("id", "type", "source"))
"""What may be changed of a shipped rule."""
CATEGORIES: Final[tuple[str, ...]] = get_args(Category)


def changed(rule: Rule, changes: dict[str, Any]) -> Rule:
    """``rule`` with some fields changed; a threshold replaces the reference to the configuration and vice versa.

    Raises:
        pydantic.ValidationError: the result is no rule.
    """
    values = rule.model_dump() | changes
    if changes.get("threshold") is not None and "threshold_from" not in changes:
        values["threshold_from"] = ""
    if changes.get("threshold_from") and "threshold" not in changes:
        values["threshold"] = None
    return Rule.model_validate(values)
