"""Values of rules that look at a window: read through the query, each at a pace of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from alerts.rule import Function, Rule
from analysis.transform import counted
from metrics.metric import Metric, rate_of, series_key
from metrics.series import Series, SeriesInfo
from storage.query import Query

PARTS = 30
"""A window is looked at anew after this part of it has passed,"""
SOONEST, LATEST = 5.0, 60.0
"""but not sooner and not later than after so many seconds."""
RAW_UP_TO = 900.0
"""Windows up to so many seconds are read sample by sample, longer ones in minutes."""
COVERED = 0.9
"""Share of a window that must lie between its first and last value for its growth to be told."""


def pace(rule: Rule) -> float:
    """Seconds between two looks at the window of ``rule``."""
    return min(max(rule.window_seconds / PARTS, SOONEST), LATEST)


def read_as(info: SeriesInfo) -> SeriesInfo:
    """The series that is read for ``info``: a counter's rate, for its totals are not kept."""
    if info.kind != "counter":
        return info
    rate = rate_of(Metric(info.name, "counter", info.unit, info.help or info.name))
    return SeriesInfo(rate.name, info.labels, rate.unit, "gauge", rate.help, info.every)


def reduced(function: Function, series: Series, seconds: float, *, counter: bool) -> float:
    """One number out of a window's values; NaN when it cannot be told."""
    present = np.isfinite(series.value)
    if not present.any():
        return math.nan
    value, t = series.value[present].astype(np.float64), series.t[present] / 1000
    if function == "mean":
        return float(value.mean())
    if function == "min":
        return float((value if series.low is None else series.low[present]).min())
    if function == "max":
        return float((value if series.high is None else series.high[present]).max())
    if counter:
        return counted(t, value, max(series.step, series.info.every), series.info.unit)
    if t[-1] - t[0] < COVERED * seconds - series.step:
        return math.nan
    return float(value[-1] - value[0])


class Windows:
    """The newest value of each windowed rule and series."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._read: dict[str, float] = {}
        self._values: dict[str, dict[str, float]] = {}

    def forget(self, rules: Sequence[Rule]) -> None:
        """Keeps only what belongs to ``rules``."""
        known = {rule.id for rule in rules}
        self._read = {rule: at for rule, at in self._read.items() if rule in known}
        self._values = {rule: values for rule, values in self._values.items() if rule in known}

    def renew(self, rule: Rule) -> None:
        """Reads ``rule`` at the next look: it was changed."""
        self._read.pop(rule.id, None)

    def due(self, rules: Sequence[Rule], now: float) -> list[Rule]:
        """Those that are to be read, the longest overdue first."""
        late = [(now - self._read.get(rule.id, -math.inf) - pace(rule), rule) for rule in rules]
        # A clock that was set back makes it never late: such a one is read, too.
        return [rule for over, rule in sorted(late, key=lambda one: -one[0]) if over >= 0 or over < -2 * LATEST]

    def read(self, rule: Rule, infos: Sequence[SeriesInfo], now: float) -> None:
        """Reads the window of ``rule`` for its series.

        Raises:
            StoreUnavailable: a store is away.
        """
        self._read[rule.id] = now
        asked = {series_key(info.name, info.labels): read_as(info) for info in infos}
        source = "samples" if rule.window_seconds <= RAW_UP_TO else "minutes"
        start = now - rule.window_seconds + (self._query.step if source == "samples" else 60) / 2
        found = self._query.read(list(asked.values()), start, now, source)  # type: ignore[arg-type]
        self._values[rule.id] = {
            key: reduced(rule.function, series, rule.window_seconds, counter=read.key != key)
            for (key, read), series in zip(asked.items(), found, strict=True)
        }

    def of(self, rule: str) -> Mapping[str, float]:
        """The newest values of a rule, by series."""
        return self._values.get(rule, {})
