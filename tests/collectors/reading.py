"""Reads a collector for a test."""

from __future__ import annotations

from collectors.base import Collector
from metrics.metric import series_key

NOW = 1_800_000_000.0


def read_keys(collector: Collector, now: float = NOW) -> dict[str, float]:
    """Samples by series key; each key once."""
    samples = list(collector.collect(now))
    found = {series_key(s.metric.name, s.labels): s.value for s in samples}
    assert len(found) == len(samples)
    return found
