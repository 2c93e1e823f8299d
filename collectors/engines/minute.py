"""What became of a server's requests of the last minute, by its own counters and its histogram of durations."""

from __future__ import annotations

from collections import deque

import numpy as np

from collectors.engines.base import Look, Totals
from collectors.engines.prometheus import order
from metrics.models import ERROR_RATIO, MEAN, P95
from metrics.quantiles import quantile

WINDOW = 60.0
"""Seconds, as the proxies reckon theirs."""


class Minute:
    """Remembers a server's totals from look to look, and by how much they grew in the last minute."""

    def __init__(self) -> None:
        self._before: Totals | None = None
        self._at = 0.0
        self._grown: deque[tuple[float, Totals]] = deque()

    def lost(self) -> None:
        """A look failed: the server may begin anew, so what it counts until the next one is of no known time."""
        self._before = None

    def add(self, look: Look, at: float) -> None:
        """Notes the totals of ``look`` and gives it the 95th percentile, the mean and the share that failed; none
        without a request in the minute before ``at`` (monotonic seconds), and none of what the server does not tell."""
        while self._grown and self._grown[0][0] <= at - WINDOW:
            self._grown.popleft()
        if look.totals is not None:
            if self._before is not None and at - self._at < WINDOW:
                self._grown.append((at, _grown(self._before, look.totals)))
            else:
                self._before = {}
            self._before, self._at = {**self._before, **look.totals}, at
        for (kind, model), counts in self._summed().items():
            if kind == "outcomes" and counts["ended"]:
                look.add(ERROR_RATIO, min(counts["failed"] / counts["ended"], 1.0), model)
            elif kind == "times" and counts["ended"]:
                look.add(MEAN, counts["seconds"] / counts["ended"], model)
            elif kind == "buckets":
                look.add(P95, _p95(counts), model)

    def _summed(self) -> Totals:
        found: Totals = {}
        for _at, grown in self._grown:
            for key, counts in grown.items():
                into = found.setdefault(key, {})
                for name, more in counts.items():
                    into[name] = into.get(name, 0.0) + more
        return found


def _grown(before: Totals, now: Totals) -> Totals:
    """By how much totals grew, where they did. What was not there before began at 0: servers tell a counter once it has
    counted. What fell is another process' and tells nothing of the time between."""
    found: Totals = {}
    for key, counts in now.items():
        was = before.get(key) or dict.fromkeys(counts, 0.0)
        if was.keys() == counts.keys() and all(counts[name] >= was[name] for name in counts):
            more = {name: counts[name] - was[name] for name in counts}
            if any(more.values()):
                found[key] = more
    return found


def _p95(inside: dict[str, float]) -> float:
    """Seconds, estimated within the bucket that it falls into; NaN where the buckets do not tell."""
    names = sorted(inside, key=order)
    column = np.array([[inside[le]] for le in names])
    return float(quantile(0.95, [order(le) for le in names], column)[0])
