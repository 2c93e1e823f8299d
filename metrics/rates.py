"""Rates of counters, from one scrape to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from metrics.metric import Labels, Metric, Sample, rate_of

CLOSE = 1.5
"""Times that two clocks may differ over the same span and still mean the same."""


class Rates:
    """Remembers each counter's last total and derives its rate per second.

    No rate is given for a first sight, a reset (the total fell: a reboot, a device replugged) or when more than
    ``longest`` seconds passed since the last total: a mean over a long hole would be drawn as one sample.
    """

    def __init__(self, longest: float = 60.0) -> None:
        self._longest = longest
        self._last: dict[tuple[str, Labels], tuple[float, float, float]] = {}
        self._metrics: dict[str, Metric] = {}

    def derive(self, samples: Iterable[Sample], at: float, kept_at: float | None = None) -> Iterator[Sample]:
        """Rates of the counters among ``samples``; ``at`` is a monotonic time in seconds.

        Args:
            kept_at: the time that the values are kept under, epoch seconds, where that is another one. A count of
                things is spread over the time between two such: summed up again it gives the things that were counted,
                though the totals were read some milliseconds sooner or later.
        """
        last, kept = self._last, at if kept_at is None else kept_at
        for metric, pairs, total in samples:
            if metric.kind != "counter":
                continue
            key = (metric.name, pairs)
            before = last.get(key)
            last[key] = (at, total, kept)
            if before is None:
                continue
            elapsed = at - before[0]
            if total >= before[1] and 0 < elapsed <= self._longest:
                rate = self._metrics.get(metric.name)
                if rate is None:
                    rate = self._metrics[metric.name] = rate_of(metric)
                between = kept - before[2]
                # A clock that was set says nothing about how long it took.
                if metric.unit or not elapsed / CLOSE < between < elapsed * CLOSE:
                    between = elapsed
                yield Sample(rate, pairs, (total - before[1]) / between)
