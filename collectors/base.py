"""What a collector is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Protocol, runtime_checkable

from metrics.metric import Metric, Sample


class NoData(Exception):
    """The machine has no such thing (no GPU, no sensor). A state of its own, not a failure.

    The message says why and, where it helps, what to do; the screen shows it. ``soon``: it may come any moment, for
    somebody has only to define it, and looking costs nothing: it is looked for as often as for what is there.
    """

    def __init__(self, why: str, *, soon: bool = False) -> None:
        super().__init__(why)
        self.soon = soon


@runtime_checkable
class Collector(Protocol):
    """One source of samples, read once per ``every`` seconds (never less than one tick)."""

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]

    @property
    def every(self) -> float:
        """Seconds between scrapes; 0 means every tick. A plain attribute will do; it may change while running.

        Metrics that come less often than that stand in the class attribute ``cadence`` (metric name -> seconds).
        """
        ...

    def collect(self, now: float) -> Iterable[Sample]:
        """Reads the source once. ``now`` is the nominal tick, epoch seconds.

        Raises:
            NoData: the source is not there.
            OSError: the source could not be read.
        """
        ...


@runtime_checkable
class HasSnapshot(Protocol):
    """A collector that also holds a table (processes) or facts (GPU names, addresses) beside its samples."""

    def snapshot(self) -> dict[str, Any]:
        """The newest snapshot, plain JSON types; empty before the first scrape."""
        ...
