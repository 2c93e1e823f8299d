"""Past values of what a rule watches, as backtests take them: kept for a moment, so that a threshold can be dragged."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alerts.rule import Rule
from alerts.state import FLAP_QUIET, FLAP_WINDOW, FLAPS
from alerts.windows import read_as
from analysis import rolling
from analysis.backtest import Condition, Floats, Samples
from config.dashboard import AlertThresholds
from metrics.series import Series, SeriesInfo
from storage.latest import STALE_AFTER
from storage.query import Query
from storage.selector import parse_selector

MOST_SERIES = 50
RAW_VALUES = 200_000
"""Values of all series together that are taken sample by sample; what lies before is taken in minutes."""
KEPT_SECONDS = 60.0
FRESH_SECONDS = 10.0
"""An answer that ends now may be so old."""
MOST_KEPT = 4
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Past:
    """Series and their values over a window; ``left_out`` series were too many."""

    infos: list[SeriesInfo]
    samples: list[Samples]
    start: float
    end: float
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class _Grid:
    """Minutes from ``start`` to ``edge``, then samples each ``step`` seconds to ``end``."""

    start: float
    edge: float
    end: float
    step: float

    @property
    def minutes(self) -> int:
        return round((self.edge - self.start) / MINUTE)

    @property
    def raw(self) -> int:
        return max(int((self.end - self.edge) // self.step) + 1, 0)

    def times(self) -> Floats:
        return np.concatenate((
            self.start + MINUTE * np.arange(self.minutes), self.edge + self.step * np.arange(self.raw),
        ))


class Pasts:
    """Reads them, and keeps the newest few."""

    def __init__(
        self, query: Query, series: Callable[[], list[SeriesInfo]], now: Callable[[], float] = time.time,
    ) -> None:
        self._query, self._series, self._now = query, series, now
        self._lock = threading.Lock()
        self._kept: dict[tuple[object, ...], tuple[float, Past]] = {}

    def of(self, rule: Rule, start: float, end: float) -> Past:
        """The past of what ``rule`` watches.

        Raises:
            StoreUnavailable: a store is away.
        """
        key = (rule.selectors, rule.function, rule.window_seconds, round(end - start))
        with self._lock:  # one at a time: who drags asks again and again for the same
            made, past = self._kept.get(key, (-math.inf, None))
            if past is not None and self._now() - made < KEPT_SECONDS and abs(past.end - end) <= FRESH_SECONDS:
                return past
            past = self._read(rule, start, end)
            self._kept.pop(key, None)
            while len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = (self._now(), past)
            return past

    def tidy(self) -> None:
        """Forgets what nobody has asked for in a while."""
        with self._lock:
            self._kept = {k: v for k, v in self._kept.items() if self._now() - v[0] < KEPT_SECONDS}

    def _read(self, rule: Rule, start: float, end: float) -> Past:
        selectors = [parse_selector(text) for text in rule.selectors]
        infos = [info for info in self._series() if any(selector.matches(info) for selector in selectors)]
        found = sorted(infos, key=lambda info: info.key)[:MOST_SERIES]
        before = rule.window_seconds if rule.function != "last" else 0.0
        first = math.floor((start - before) / MINUTE) * MINUTE
        step = self._query.step
        raw = RAW_VALUES / max(len(found), 1) * step
        edge = max(math.ceil(max(end - raw, self._query.raw_from() + MINUTE) / MINUTE) * MINUTE, first)
        grid = _Grid(first, min(edge, math.floor(end / MINUTE) * MINUTE), end, step)
        asked = [read_as(info) for info in found]
        minutes = self._query.read(asked, grid.start, grid.edge - 0.001, "minutes") if grid.minutes else []
        samples = self._query.read(asked, grid.edge, grid.end, "samples")
        t = grid.times()
        wanted = t >= start
        made = []
        for place, info in enumerate(found):
            columns = _columns(grid, minutes[place] if grid.minutes else None, samples[place])
            made.append(_samples(rule, info, grid, t, columns, wanted))
        return Past(found, made, start, end, len(infos) - len(found))


Column = NDArray[np.float64]


def _columns(grid: _Grid, minutes: Series | None, samples: Series) -> tuple[Column, Column, Column]:
    """Value, low and high of each place of the grid."""
    value, low, high = (np.full(grid.minutes + grid.raw, np.nan) for _ in range(3))
    if minutes is not None and minutes.t.size:
        places = ((minutes.t / 1000 - grid.start) // MINUTE).astype(np.int64)
        inside = (places >= 0) & (places < grid.minutes)
        value[places[inside]] = minutes.value[inside]
        for column, extreme in ((low, minutes.low), (high, minutes.high)):
            column[places[inside]] = (minutes.value if extreme is None else extreme)[inside]
    raw = np.full(grid.raw, np.nan)
    places = np.rint((samples.t / 1000 - grid.edge) / grid.step).astype(np.int64)
    inside = (places >= 0) & (places < grid.raw)
    raw[places[inside]] = samples.value[inside]
    raw = rolling.held(raw, int(max(STALE_AFTER * samples.info.every, 3.0) // grid.step))
    for column in (value, low, high):
        column[grid.minutes:] = raw
    return value, low, high


def _samples(
    rule: Rule, info: SeriesInfo, grid: _Grid, t: Floats, columns: tuple[Column, Column, Column],
    wanted: NDArray[np.bool_],
) -> Samples:
    step = np.where(np.arange(t.size) < grid.minutes, float(MINUTE), 0.0)[wanted]
    if rule.function == "last":
        value, low, high = (column[wanted].astype(np.float32) for column in columns)
        return Samples(t[wanted], value, low, high, step)
    found = np.concatenate((
        _windowed(rule, info, [column[:grid.minutes] for column in columns], MINUTE),
        _joined(rule, info, grid, columns),
    ))[wanted]
    return Samples(t[wanted], found.astype(np.float32))


def _joined(rule: Rule, info: SeriesInfo, grid: _Grid, columns: tuple[Column, Column, Column]) -> Column:
    """The function over the samples, whose first windows reach back into the minutes."""
    reach = min(math.ceil(rule.window_seconds / MINUTE), grid.minutes)
    times = round(MINUTE / grid.step)
    spread = [
        np.concatenate((np.repeat(column[grid.minutes - reach:grid.minutes], times), column[grid.minutes:]))
        for column in columns
    ]
    return _windowed(rule, info, spread, grid.step)[reach * times:]


def _windowed(rule: Rule, info: SeriesInfo, columns: list[Column], step: float) -> Column:
    """The rule's function at each place of a grid of ``step`` seconds."""
    value, low, high = columns
    count = max(round(rule.window_seconds / step), 1)
    if rule.function == "mean":
        return rolling.mean(value, count)
    if rule.function == "min":
        return rolling.lowest(low, count)
    if rule.function == "max":
        return rolling.highest(high, count)
    if info.kind != "counter":
        return rolling.growth(value, count)
    found = rolling.total(value * step, count)
    return found if info.unit else np.round(found)


def condition(rule: Rule, thresholds: AlertThresholds) -> Condition:
    """What a backtest goes by for ``rule``."""
    return Condition(
        rule.comparison, rule.limit(thresholds), rule.resolve_limit(thresholds), rule.for_seconds,
        rule.resolve_seconds, rule.no_data, rule.no_data_seconds, FLAPS, FLAP_WINDOW, FLAP_QUIET,
    )
