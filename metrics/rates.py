"""Rates of counters, from one scrape to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from metrics.metric import Labels, Metric, Sample, rate_of


class Rates:
    """Remembers each counter's last total and derives its rate per second.

    No rate is given for a first sight, a reset (the total fell: a reboot, a device replugged) or when more than
    ``longest`` seconds passed since the last total: a mean over a long hole would be drawn as one sample.
    """

    def __init__(self, longest: float = 60.0) -> None:
        self._longest = longest
        self._last: dict[tuple[str, Labels], tuple[float, float]] = {}
        self._metrics: dict[str, Metric] = {}

    def derive(self, samples: Iterable[Sample], at: float) -> Iterator[Sample]:
        """Rates of the counters among ``samples``; ``at`` is a monotonic time in seconds."""
        last = self._last
        for metric, pairs, total in samples:
            if metric.kind != "counter":
                continue
            key = (metric.name, pairs)
            before = last.get(key)
            last[key] = (at, total)
            if before is None:
                continue
            elapsed = at - before[0]
            if total >= before[1] and 0 < elapsed <= self._longest:
                rate = self._metrics.get(metric.name)
                if rate is None:
                    rate = self._metrics[metric.name] = rate_of(metric)
                yield Sample(rate, pairs, (total - before[1]) / elapsed)
