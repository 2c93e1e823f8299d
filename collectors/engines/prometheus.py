"""Prometheus text of a server, and what changed in its counters and histograms since the look before."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from prometheus_client.parser import text_string_to_metric_families

from collectors.engines.base import Look, NotThis, text
from collectors.engines.client import Client
from metrics.metric import Metric
from metrics.models import DURATION

SERIES_AT_MOST = 20_000
Key = TypeVar("Key", str, tuple[str, str])


class Line(NamedTuple):
    """One series of a server."""

    labels: dict[str, str]
    value: float


class Exposition:
    """The series of one look, by name. Of several names for one thing, the first that is there counts."""

    def __init__(self, series: dict[str, list[Line]]) -> None:
        self._series = series

    def __bool__(self) -> bool:
        return bool(self._series)

    def lines(self, *names: str) -> list[Line]:
        """The series under the first of ``names`` that there is."""
        return next((found for name in names if (found := self._series.get(name))), [])

    def without(self, wanted: dict[str, tuple[str, ...]]) -> Exposition:
        """Those series alone whose labels have one of the ``wanted`` values: an engine that tells each of its ranks
        would be counted as often as it has ranks."""
        return Exposition({
            name: [line for line in lines if all(line.labels.get(k, v[0]) in v for k, v in wanted.items())]
            for name, lines in self._series.items()
        })

    def grouped(self, key: Callable[[dict[str, str]], Key], *names: str) -> dict[Key, list[float]]:
        """Their values by ``key`` of the labels; what is not finite is left out."""
        found: dict[Key, list[float]] = {}
        for labels, value in self.lines(*names):
            if math.isfinite(value):
                found.setdefault(key(labels), []).append(value)
        return found

    def summed(self, key: Callable[[dict[str, str]], Key], *names: str) -> dict[Key, float]:
        """Their sums by ``key`` of the labels."""
        return {name: sum(values) for name, values in self.grouped(key, *names).items()}

    def buckets(self, key: Callable[[dict[str, str]], str], *names: str) -> dict[str, dict[str, float]]:
        """Cumulative counts by ``key`` and the label ``le``, summed over the other labels."""
        found: dict[str, dict[str, float]] = {}
        for labels, value in self.lines(*(f"{name}_bucket" for name in names)):
            if (le := text(labels.get("le"))) and math.isfinite(value):
                counts = found.setdefault(key(labels), {})
                counts[le] = counts.get(le, 0.0) + value
        return found


def parse(body: str, prefixes: Sequence[str]) -> Exposition:
    """The series of ``body`` whose names begin with one of ``prefixes``; the others are not even parsed.

    Raises:
        NotThis: it is no Prometheus text.
    """
    wanted = tuple(prefixes)
    lines = [line for line in body.split("\n") if line.startswith(wanted) and "_created" not in line][:SERIES_AT_MOST]
    series: dict[str, list[Line]] = {}
    try:
        for family in text_string_to_metric_families("\n".join(lines) + "\n"):
            for sample in family.samples:
                series.setdefault(sample.name, []).append(Line(sample.labels, sample.value))
    except (ValueError, IndexError, KeyError, TypeError):
        raise NotThis("Its /metrics is no Prometheus text.") from None
    return Exposition(series)


def read(client: Client, prefixes: Sequence[str]) -> Exposition | None:
    """The series of a server's ``/metrics``; None where it has none of them.

    Raises: as `Client.get`, and NotThis.
    """
    answer = client.get("/metrics")
    return (parse(answer.text(), prefixes) or None) if answer.status == 200 else None


def order(le: str) -> float:
    """What the label ``le`` says, to sort by; what is no number comes last."""
    try:
        value = float(le)
    except ValueError:
        return math.inf
    return math.inf if math.isnan(value) else value


def uncumulated(counts: dict[str, float]) -> dict[str, float]:
    """Observations of each bucket alone, from cumulative counts by ``le``."""
    found, below = {}, 0.0
    for le in sorted(counts, key=order):
        found[le] = counts[le] - below
        below = counts[le]
    return found


class Deltas:
    """Remembers totals from look to look."""

    def __init__(self) -> None:
        self._before: dict[object, float] = {}
        self._buckets: dict[object, dict[str, float]] = {}

    def grown(self, key: object, total: float | None) -> float | None:
        """By how much a counter grew; None at first sight and when it fell (a restart of the server)."""
        if total is None:
            self._before.pop(key, None)
            return None
        before = self._before.get(key)
        self._before[key] = total
        return total - before if before is not None and total >= before else None

    def observed(self, key: object, cumulative: dict[str, float]) -> dict[str, float]:
        """New observations by bucket, those with none left out; nothing at first sight and when the buckets are others.

        When a bucket fell the server began anew, and all it tells has been observed since.
        """
        now, before = uncumulated(cumulative), self._buckets.get(key)
        self._buckets[key] = now
        if before is None or before.keys() != now.keys():
            return {}
        if any(now[le] < before[le] for le in now):
            before = {}
        return {le: more for le, value in now.items() if (more := value - before.get(le, 0.0)) > 0}


def add_histograms(
    look: Look, deltas: Deltas, text_of: Exposition, key: Callable[[dict[str, str]], str],
    names: Iterable[tuple[Metric, tuple[str, ...]]],
) -> None:
    """Samples of the histograms ``names`` (metric -> their names, the newest first), one per bucket that saw something;
    ``key`` gives the model of a series. The totals of the durations of requests are kept in ``look``, too."""
    for metric, theirs in names:
        told = text_of.buckets(key, *theirs)
        if metric is DURATION:
            seconds = text_of.summed(key, *(f"{name}_sum" for name in theirs))
            look.add_durations({model: uncumulated(counts) for model, counts in told.items()}, seconds)
        for model, cumulative in told.items():
            for le, more in deltas.observed((metric.name, model), cumulative).items():
                look.add(metric, more, model, {"le": le})


def add_each(look: Look, metric: Metric, values: dict[str, float]) -> None:
    """One sample per model."""
    for model, value in values.items():
        look.add(metric, value, model)


def ratios(parts: dict[str, float], wholes: dict[str, float], deltas: Deltas, name: str) -> Iterator[tuple[str, float]]:
    """By model, how much of a counter's growth since the look before another one's growth was; only where it grew."""
    for model, whole in wholes.items():
        part, all_of_it = deltas.grown((name, "part", model), parts.get(model)), deltas.grown((name, model), whole)
        if part is not None and all_of_it:
            yield model, min(part / all_of_it, 1.0)
