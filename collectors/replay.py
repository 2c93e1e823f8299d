"""Replay: plays a capture through the real pipeline. What a replayed collector yields at time t depends on t alone, so
that the past can be told as well as the present, and a restart changes nothing.

A capture is a gzipped JSON object: ``period`` seconds that loop for ever, and per collector its ``series`` (whole
numbers, one per second, as differences, times ``scale``) and its ``snapshot``. A gauge is a curve; a counter holds
what it grows by each second, and grows on over the loops. A series with a ``base`` swells and shrinks around that base
with the hour (`swell`), as the work of a day does. A gauge or bucket that is ``sparse`` has no value where it is 0.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collectors.base import Collector
from collectors.pace import Pace
from metrics.metric import Labels, Metric, Sample, labels

BEGIN = 1_767_225_600
"""2026-01-01T00:00:00Z: counters grow from here."""
DAY = 86_400
SNAPSHOT_EVERY = 5.0
FULL = 1024
"""The whole of the captured load, in `_Swell`."""
_Counts = NDArray[np.int64]


def swell(hour: float) -> float:
    """How much of the captured load there is at an hour of the day (0 to 24, UTC): calm at night, two humps by day."""
    day = math.exp(-(((hour - 10.5) / 2.6) ** 2)) + 0.9 * math.exp(-(((hour - 15.5) / 3.0) ** 2))
    return 0.5 + 0.5 * min(1.0, day)


class _Swell:
    """`swell` by loop of the capture, in 1/`FULL`: constant within a loop for counters, so that they add up exactly."""

    def __init__(self, period: int) -> None:
        self._loops = DAY // period
        self._by_loop = [round(FULL * swell((loop + 0.5) * period / 3600)) for loop in range(self._loops)]
        self._sums = [sum(self._by_loop[:loop]) for loop in range(self._loops + 1)]

    def of_loop(self, loop: int) -> int:
        return self._by_loop[loop % self._loops]

    def before_loop(self, loop: int) -> int:
        """Sum over all loops since `BEGIN`."""
        days, rest = divmod(loop, self._loops)
        return days * self._sums[-1] + self._sums[rest]


class Series(NamedTuple):
    """One series of a capture. ``counts`` (period,) whole numbers of ``scale``; ``base`` NaN where the hour changes
    nothing."""

    metric: Metric
    labels: Labels
    counts: _Counts
    scale: float
    base: float
    hold: bool
    sparse: bool


class Recording(NamedTuple):
    """One collector's part of a capture."""

    period: int
    series: Sequence[Series]
    snapshot: Mapping[str, Any]
    since: Mapping[str, float]
    """Metrics that tell the seconds since a moment (epoch seconds), such as the uptime."""


class ReplayCollector:
    """Stands for one collector: its name, its metrics, its pace, and values from a capture."""

    # The protocol's class variables, here per object: one class stands for all collectors.
    name: str
    metrics: tuple[Metric, ...]
    cadence: dict[str, float]

    def __init__(self, original: type[Collector], recording: Recording) -> None:
        self.name, self.metrics = original.name, original.metrics
        self.cadence = dict(getattr(original, "cadence", {}))
        every = getattr(original, "every", 0.0)
        self.every: float = every if isinstance(every, float) else SNAPSHOT_EVERY
        self._recording, self._swell = recording, _Swell(recording.period)
        self._groups = [
            (Pace(seconds), _Curves(group, self._swell, recording.period))
            for seconds, group in self._by_cadence(recording.series)
        ]
        by_name = {m.name: m for m in self.metrics}
        self._since = [(by_name[name], moment) for name, moment in recording.since.items()]
        self._snapshot_pace, self._snapshot = Pace(SNAPSHOT_EVERY), dict[str, Any]()

    def collect(self, now: float) -> Iterator[Sample]:
        """The samples of time ``now`` (epoch seconds), those of slow metrics when due."""
        for pace, curves in self._groups:
            if pace.due(now):
                yield from curves.at(now)
        for metric, moment in self._since:
            if now >= moment:
                yield Sample(metric, (), now - moment)
        if self._recording.snapshot and self._snapshot_pace.due(now):
            resolved = _resolve(self._recording.snapshot, now, self._recording.period)
            if "rows" in resolved:
                resolved |= {"at": now, "rows": sorted(resolved["rows"], key=lambda row: -row["cpu_ratio"])}
            self._snapshot = resolved

    def snapshot(self) -> dict[str, Any]:
        """As the original's, at the time of the newest `collect`."""
        return self._snapshot

    def _by_cadence(self, series: Sequence[Series]) -> list[tuple[float, list[Series]]]:
        groups: dict[float, list[Series]] = {}
        for one in series:
            groups.setdefault(self.cadence.get(one.metric.name, 0.0), []).append(one)
        return sorted(groups.items())


class _Curves:
    """Series that are due together, as two matrices: gauges, and what counters have grown by since the loop began.

    Counters are reckoned in whole numbers: in floating point they would step back by a hair now and then, which is
    how a counter says that it began anew.
    """

    def __init__(self, series: Sequence[Series], swells: _Swell, period: int) -> None:
        self._period, self._swell = period, swells
        self._gauges = [s for s in series if s.metric.kind != "counter"]
        self._counters = [s for s in series if s.metric.kind == "counter"]
        self._values = _stack([s.counts * s.scale for s in self._gauges], period, np.float64)
        self._bases = np.array([s.base for s in self._gauges], dtype=np.float64)
        self._hold = np.array([s.hold for s in self._gauges], dtype=bool)
        self._sparse = np.array([s.sparse for s in self._gauges], dtype=bool)
        # A column more than there are seconds: the growth of the whole loop.
        growths = [np.concatenate(([0], np.cumsum(s.counts))) for s in self._counters]
        self._grown = _stack(growths, period + 1, np.int64)
        self._scales = np.array([s.scale / FULL for s in self._counters], dtype=np.float64)
        self._swelling = np.array([not math.isnan(s.base) for s in self._counters], dtype=bool)
        self._calm = np.array(
            [0 if math.isnan(s.base) else round(s.base / s.scale) for s in self._counters], dtype=np.int64
        )

    def at(self, now: float) -> Iterator[Sample]:
        """The samples of time ``now``, whatever their pace."""
        loop, place = divmod(now - BEGIN, self._period)
        if self._gauges:
            yield from _samples(self._gauges, self._gauge(int(loop), place))
        if self._counters:
            yield from _samples(self._counters, self._counter(int(loop), place))

    def _gauge(self, loop: int, place: float) -> list[float]:
        second = int(place)
        here, there = self._values[:, second], self._values[:, (second + 1) % self._period]
        values = np.where(self._hold, here, here + (there - here) * (place - second))
        # Between the middles of two loops the swell slides, so that no seam is seen.
        shift = place / self._period - 0.5
        before = loop if shift >= 0 else loop - 1
        low, high = self._swell.of_loop(before), self._swell.of_loop(before + 1)
        load = (low + (high - low) * (shift % 1)) / FULL
        swelled = self._bases + (values - self._bases) * load
        told = np.where(np.isnan(self._bases), values, swelled)
        return np.where(self._sparse & (here == 0), math.nan, told).tolist()

    def _counter(self, loop: int, place: float) -> list[float]:
        """Each loop counts ``load`` parts of what was captured, and the rest of the parts of the calm."""
        second = int(place)
        past, load = self._swell.before_loop(loop), self._swell.of_loop(loop)
        rest = np.where(self._swelling, FULL * loop - past, 0), np.where(self._swelling, FULL - load, 0)
        past_parts, parts = np.where(self._swelling, past, FULL * loop), np.where(self._swelling, load, FULL)
        before = self._grown[:, -1] * past_parts + self._calm * self._period * rest[0]
        here = self._grown[:, second] * parts + self._calm * second * rest[1]
        growth = (self._grown[:, second + 1] - self._grown[:, second]) * parts + self._calm * rest[1]
        inside = np.floor(growth * (place - second)).astype(np.int64)
        return ((before + here + inside) * self._scales).tolist()


def _samples(series: Sequence[Series], values: list[float]) -> Iterator[Sample]:
    return (Sample(s.metric, s.labels, value) for s, value in zip(series, values) if not math.isnan(value))


def load_capture(path: Path, originals: Sequence[type[Collector]]) -> dict[str, Recording]:
    """Reads a capture; the metrics of ``originals`` give names their meaning.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no capture, or holds a metric that no collector declares.
    """
    capture = json.loads(gzip.decompress(path.read_bytes()))
    period = int(capture["period"])
    if DAY % period:
        raise ValueError(f"{path.name}: a period of {period} s does not fit into a day")
    recordings = {}
    for original in originals:
        part = capture["collectors"].get(original.name, {})
        by_name = {m.name: m for m in original.metrics}
        unknown = {s["name"] for s in part.get("series", ())} - set(by_name)
        if unknown:
            raise ValueError(f"{path.name}: {original.name} has no {', '.join(sorted(unknown))}")
        series = [
            Series(
                by_name[s["name"]], labels(s.get("labels", {})), _counts(s["delta"], period), float(s["scale"]),
                s.get("base", math.nan), bool(s.get("hold")), bool(s.get("sparse")),
            )
            for s in part.get("series", ())
        ]
        recordings[original.name] = Recording(period, series, part.get("snapshot", {}), part.get("since", {}))
    return recordings


def _counts(deltas: Sequence[int], length: int) -> _Counts:
    """Whole numbers from their differences; a single one is a constant."""
    counts = np.cumsum(np.array(deltas, dtype=np.int64))
    return np.full(length, counts[0], dtype=np.int64) if len(counts) == 1 else counts


def _stack(rows: Sequence[NDArray[Any]], length: int, kind: type[np.generic]) -> NDArray[Any]:
    return np.array(rows, dtype=kind).reshape(len(rows), length)


def _resolve(node: Any, now: float, period: int, began: float = 0.0) -> Any:
    """A snapshot at ``now``. In it ``{"~": "curve", "every", "values"}`` is a value over the period, and
    ``{"~": "since", "at"}`` the seconds since a moment. An object with ``"~during": [a, b]`` is there in those seconds
    of the period only, and ``{"~": "age"}`` in it are the seconds since ``a``."""
    if isinstance(node, list):
        return [_resolve(item, now, period, began) for item in node if _is_there(item, now, period)]
    if not isinstance(node, dict):
        return node
    place = (now - BEGIN) % period
    match node.get("~"):
        case "curve":
            return node["values"][int(place // node["every"]) % len(node["values"])]
        case "since":
            return max(0.0, now - node["at"])
        case "age":
            return place - began
    began = node.get("~during", (began, 0.0))[0]
    return {key: _resolve(value, now, period, began) for key, value in node.items() if key != "~during"}


def _is_there(item: Any, now: float, period: int) -> bool:
    during = item.get("~during") if isinstance(item, dict) else None
    return during is None or during[0] <= (now - BEGIN) % period < during[1]
