"""The writer: one tick in, ring and newest values written, listeners told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from metrics.metric import Labels, Sample, series_key
from metrics.series import SeriesInfo
from storage.errors import StoreUnavailable, TooManySeries
from storage.latest import Latest
from storage.ring.base import Ring, step_number
from storage.ring.cells import MAX_STEP_NUMBER

log = structlog.get_logger(__name__)

NO_SUCH_TIME = "The clock of this machine is wrong: what is read now does not become history."


@dataclass(slots=True)
class Tick:
    """What the scrape runner hands over: nominal time (epoch seconds), samples, and snapshots by collector."""

    at: float
    samples: list[Sample]
    snapshots: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Known:
    info: SeriesInfo
    key: str
    handle: int


class Writer:
    """Writes ticks. ``publish`` gets (epoch seconds, values by key, flat row as JSON) after each."""

    def __init__(
        self,
        ring: Ring,
        latest: Latest,
        publish: Callable[[float, Mapping[str, float], bytes], None],
        cadence: Callable[[str], float],
    ) -> None:
        self._ring, self._latest, self._publish, self._cadence = ring, latest, publish, cadence
        self._known: dict[tuple[str, Labels], _Known] = {}
        self._full = self._astray = ""
        self.write_seconds = 0.0
        """How long the newest ring write took."""

    def problem(self) -> str:
        """A sentence when the ring has no room for some series, or no cell for the time it is; empty otherwise."""
        return self._astray or self._full

    def write(self, tick: Tick) -> None:
        """Writes one tick. Never raises for an absent store: the buffered ring keeps what it can."""
        values, handles, cells = self._sort(tick.samples)
        started = time.perf_counter()
        self._store(tick.at, handles, cells, None)
        self.write_seconds = time.perf_counter() - started
        row = self._latest.update(tick.at, values, tick.snapshots)
        self._publish(tick.at, {key: value for _, key, value in values}, row)

    def relearn(self) -> None:
        """Asks for the cadence of every series anew, at its next sample."""
        self._known = {}

    def write_past(self, tick: Tick, newest: float) -> None:
        """Writes a tick of the past (epoch seconds; ``newest`` is now): history only, no newest values, no news."""
        _, handles, cells = self._sort(tick.samples)
        self._store(tick.at, handles, cells, step_number(newest, self._ring.step))

    def _sort(self, samples: list[Sample]) -> tuple[list[tuple[SeriesInfo, str, float]], list[int], list[float]]:
        values: list[tuple[SeriesInfo, str, float]] = []
        handles: list[int] = []
        cells: list[float] = []
        for sample in samples:
            if not math.isfinite(sample.value):
                continue
            known = self._known.get((sample.metric.name, sample.labels)) or self._learn(sample)
            values.append((known.info, known.key, sample.value))
            # Running totals stay in float64 with the newest values; the ring holds gauges and rates.
            if known.handle < 0 and known.info.kind != "counter":
                known.handle = self._handle(known.info)
            if known.handle >= 0:
                handles.append(known.handle)
                cells.append(sample.value)
        return values, handles, cells

    def _store(self, at: float, handles: list[int], cells: list[float], newest: int | None) -> None:
        if not handles:
            return
        n = step_number(at, self._ring.step)
        # A clock without a battery begins in 1970, before the first step; the collection must outlive that.
        self._astray = "" if 0 < n <= MAX_STEP_NUMBER else NO_SUCH_TIME
        if self._astray:
            return
        try:
            with np.errstate(over="ignore"):
                self._ring.write(n, np.array(handles, np.int64), np.array(cells, np.float32), newest)
        except StoreUnavailable as error:  # beyond what the buffer holds, and the store is still away
            log.debug("tick not kept", error=str(error))

    def _learn(self, sample: Sample) -> _Known:
        metric = sample.metric
        unit = "" if metric.kind == "histogram" else metric.unit  # a bucket holds how many, whatever of
        info = SeriesInfo(
            metric.name, sample.labels, unit, metric.kind, metric.help, max(self._cadence(metric.name), 0.0)
        )
        known = _Known(info, series_key(info.name, info.labels), -1)
        self._known[(metric.name, sample.labels)] = known
        return known

    def _handle(self, info: SeriesInfo) -> int:
        try:
            return self._ring.handle(info)
        except TooManySeries as error:
            self._full = str(error)
        except StoreUnavailable as error:
            log.debug("series not registered yet", series=info.key, error=str(error))
        return -1
