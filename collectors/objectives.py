"""How models stand to their objectives: what requests of the last minutes and hours did to the error budget.

The burn rate is the share of bad requests over the share that may be bad. A short window alone cries wolf and a long
one goes on long after all is well, so `metrics.models.SUSTAINED` is the lesser of a window's burn and of that of its
last twelfth (The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts", table 5-2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from collectors.base import NoData
from metrics.metric import Metric, Sample, labels
from metrics.models import BURN, GOODPUT, OBJECTIVE, OF_OBJECTIVES, SUSTAINED

WINDOWS: dict[str, float] = {"5m": 300.0, "30m": 1800.0, "1h": 3600.0, "6h": 21_600.0}
"""The label ``window`` -> seconds."""
SHORT: dict[str, str] = {"1h": "5m", "6h": "30m"}
"""A window -> its last twelfth."""
LEAST = 20
"""Requests of a window below which a sustained burn is not told: of a handful one that failed is chance."""


class Attained(NamedTuple):
    """How a window's requests to a model held: ``bad`` of ``total``, where the share ``allowed`` may be bad."""

    server: str
    model: str
    window: str
    total: int
    bad: int
    allowed: float

    @property
    def burn(self) -> float:
        """Times faster than allowed."""
        return self.bad / self.total / self.allowed


class Objectives:
    """``read`` gives what there is at a time (epoch seconds), of models with requests in a window alone."""

    name: ClassVar[str] = "objectives"
    metrics: ClassVar[tuple[Metric, ...]] = OF_OBJECTIVES
    every: float = 15.0

    def __init__(self, read: Callable[[float], Sequence[Attained]] = lambda _now: ()) -> None:
        self._read = read

    def collect(self, now: float) -> Iterator[Sample]:
        """Reads once.

        Raises:
            NoData: nobody asked a model with an objective anything within six hours.
            StorageError: the request log cannot be read.
        """
        found = {(one.server, one.model, one.window): one for one in self._read(now) if one.total}
        if not found:
            raise NoData("No request through a proxy within 6 hours to a model that has an objective.")
        for (server, model, window), one in found.items():
            named = labels(server=server, model=model, window=window)
            yield Sample(OBJECTIVE, named, 1 - one.bad / one.total)
            yield Sample(BURN, named, one.burn)
            short = found.get((server, model, SHORT.get(window, "")))
            if short is not None and one.total >= LEAST:
                yield Sample(SUSTAINED, named, min(one.burn, short.burn))
            if window == "5m":
                yield Sample(GOODPUT, labels(server=server, model=model), (one.total - one.bad) / WINDOWS[window])
