"""Series over the time of a request and the half hour before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metrics import models as m
from metrics.metric import series_key
from metrics.series import SeriesInfo
from serving.requests.table import Request
from storage.query import Query

BEFORE = 1800.0
"""Seconds before a request that tell what was usual."""
AROUND = 2.0
"""Seconds around a request that count as its time: values come once a second."""
WORKS = 0.3
"""A card in use by this share works: the clocks and limits of idle cards say nothing."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One series without its gaps: ``at`` in epoch seconds, and which of the values count as the request's time."""

    info: SeriesInfo
    step: float
    minutes: bool
    """Whether the values are means of minutes or hours."""
    at: np.ndarray
    value: np.ndarray
    inside: np.ndarray

    @property
    def now(self) -> np.ndarray:
        """Its values meanwhile; never empty."""
        return self.value[self.inside]

    @property
    def before(self) -> np.ndarray:
        """Its values before."""
        return self.value[~self.inside]

    @property
    def mean(self) -> float:
        """Meanwhile."""
        return float(self.now.mean())

    @property
    def usual(self) -> float | None:
        """The median before; None where nothing is known of then."""
        return float(np.median(self.before)) if self.before.size else None

    @property
    def reached(self) -> float | None:
        """What it came up to before, the 95th percentile: what is usual of a clock that falls at rest."""
        return float(np.percentile(self.before, 95)) if self.before.size else None

    def earlier(self, start: float) -> np.ndarray:
        """Its values up to ``start``; of minutes those before the one that holds the request."""
        return self.value[~self.inside if self.minutes else self.at <= start]

    def changed(self, start: float, end: float) -> tuple[float, float] | None:
        """A flag's (value, moment) of the first change in ``start..end``; None where it did not change, or it is not
        known what it was before. Of minutes the moment is where the minute begins."""
        then = self.inside if self.minutes else (self.at > start) & (self.at <= end)
        earlier = self.earlier(start)
        if not earlier.size or not then.any():
            return None
        was = float(earlier[-1])
        other = self.value[then] > 0 if was == 0 else self.value[then] < 1
        return (float(was == 0), float(self.at[then][other.argmax()])) if was in (0, 1) and other.any() else None


class Window:
    """What the series say of the time of a request."""

    def __init__(self, query: Query, request: Request) -> None:
        self._query, self._request = query, request
        self.start, self.end = request.at - AROUND, request.ended + AROUND
        self.seen: set[str] = set()
        """Metrics that there were."""
        self._read: dict[str, list[Seen]] = {}

    def during(self, selector: str) -> list[Seen]:
        """What a selector means; series without a value meanwhile are left out."""
        if selector not in self._read:
            self._read[selector] = self._select(selector)
        return self._read[selector]

    def _select(self, selector: str) -> list[Seen]:
        found = []
        for one in self._query.select([selector], self.start - BEFORE, self.end).series:
            there = ~np.isnan(one.value)
            at, value = one.t[there] / 1000, one.value[there].astype(np.float64)
            # Of minutes the one that holds the request counts.
            inside = at >= (self.start if one.low is None else self.start - one.step)
            if inside.any():
                self.seen.add(one.info.name)
                found.append(Seen(one.info, one.step, one.low is not None, at, value, inside))
        return found

    def highest(self, selector: str) -> Seen | None:
        """The series that was highest meanwhile; None where there is none."""
        return max(self.during(selector), key=lambda one: one.mean, default=None)

    def of_server(self, metric: str) -> list[Seen]:
        """A metric of all models of the request's server, as the engine tells it, not the proxy."""
        found = self.during(series_key(metric, (("server", self._request.server),)))
        return [one for one in found if not one.info.label("proxy")]

    def of_model(self, metric: str) -> list[Seen]:
        """A metric of the request's model as the engine tells it; of its server, where it tells no models apart."""
        found = self.of_server(metric)
        mine = [one for one in found if one.info.label("model") == self._request.model]
        return mine or [one for one in found if not one.info.label("model")]

    def here(self) -> bool:
        """Whether the series show that the server runs on this machine: only then its processes are seen."""
        return bool(self.of_server(m.MEMORY.name) or self.of_server(m.GPU_MEMORY.name))

    def on_cards(self, metric: str) -> list[Seen]:
        """A metric of the cards that hold the model; of all where the driver tells of no model where it lies."""
        cards = {one.info.label("gpu") for one in self.of_model(m.GPU_MEMORY.name)}
        if not cards and not self.during(m.GPU_MEMORY.name):
            return self.during(metric)
        return [one for one in self.during(metric) if one.info.label("gpu") in cards]

    def works(self, gpu: str) -> bool:
        """Whether a card worked meanwhile."""
        used = self._usage(gpu)
        return used is not None and used.mean > WORKS

    def at_work(self, seen: Seen) -> float | None:
        """The mean before of a card's series while the card worked; None where it did not, or it is not known."""
        used = self._usage(seen.info.label("gpu"))
        if used is None:
            return None
        worked = used.at[used.value > WORKS]
        there = seen.before[np.isin(seen.at[~seen.inside], worked)]
        return float(there.mean()) if there.size else None

    def _usage(self, gpu: str) -> Seen | None:
        return next((one for one in self.during("gpu_usage_ratio") if one.info.label("gpu") == gpu), None)


def total(found: Sequence[Seen], of: Callable[[Seen], float | None]) -> float | None:
    """The sum over series; None where there is none, or one of them does not tell."""
    values = [of(one) for one in found]
    return sum(value for value in values if value is not None) if values and None not in values else None
