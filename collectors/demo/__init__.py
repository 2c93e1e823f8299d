"""The demo: a busy GPU server, simulated, replayed through the real pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

from collectors import COLLECTORS
from collectors.base import Collector
from collectors.replay import ReplayCollector, load_capture
from collectors.vigie import OF_ITSELF, Stats, VigieSelf
from metrics.metric import Metric, Sample

CAPTURE = Path(__file__).with_name("gpu-box.json.gz")
SIMULATED = "Simulated GPU server: no real machine measured these values."
"""What the screen says in the demo."""
PRESENT = 60.0
"""Seconds before now from which on a tick is no past that is filled in."""


class OwnState:
    """What the simulated server's Vigie cost, replayed, with the true state of the one that shows it."""

    name: ClassVar[str] = VigieSelf.name
    metrics: ClassVar[tuple[Metric, ...]] = VigieSelf.metrics

    def __init__(self, replayed: ReplayCollector, self_stats: Callable[[], Stats]) -> None:
        self._replayed, self._self_stats = replayed, self_stats
        self.every = replayed.every

    def collect(self, now: float) -> Iterator[Sample]:
        """Both; of the past only what is replayed."""
        yield from self._replayed.collect(now)
        if now > time.time() - PRESENT:
            for told, value in self._self_stats().items():
                name, pairs = (told, ()) if isinstance(told, str) else told
                if name in OF_ITSELF:
                    yield Sample(OF_ITSELF[name], pairs, value)

    def snapshot(self) -> dict[str, Any]:
        """What is replayed."""
        return self._replayed.snapshot()


def build_demo_collectors(path: Path = CAPTURE, self_stats: Callable[[], Stats] = dict) -> list[Collector]:
    """One replayed collector for each of `COLLECTORS`, of the same names and metrics.

    Raises:
        OSError: the capture cannot be read.
        ValueError: it is no capture.
    """
    recordings = load_capture(path, COLLECTORS)
    replayed = [ReplayCollector(original, recordings[original.name]) for original in COLLECTORS]
    return [
        cast(Collector, OwnState(one, self_stats) if one.name == VigieSelf.name else one) for one in replayed
    ]
