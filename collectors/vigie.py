"""Vigie itself: what the monitor costs. The scrape runner adds each collector's duration and status."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from collectors.procfs import PAGE, read
from metrics.metric import Labels, Metric, Sample, is_present

RING_WRITE = Metric("vigie_ring_write_seconds", "gauge", "seconds", "Time the newest write to the ring took")
ARCHIVE_WRITE = Metric("vigie_archive_write_seconds", "gauge", "seconds", "Time the newest write to the archive took")
VIEWERS = Metric("vigie_viewers", "gauge", "", "Live viewers")
MEMORY = Metric("vigie_memory_bytes", "gauge", "bytes", "Resident memory of Vigie's process")
CPU = Metric("vigie_cpu_ratio", "gauge", "ratio", "CPU that Vigie uses, of one core")
BUFFERED = Metric("vigie_buffered_ticks", "gauge", "", "Ticks waiting for a store that is away")
PART_UP = Metric("vigie_part_up", "gauge", "", "1 while a loop or store of Vigie works, 0 when it does not")
PART_STARTED = Metric("vigie_part_started", "gauge", "", "1 once a loop or store of Vigie has worked since the start")
CONFIG_VALID = Metric("vigie_config_valid", "gauge", "", "1 while the configuration file is good, else 0")
CONFIG_RELOADS = Metric("vigie_config_reloads_total", "counter", "", "Changes of configuration taken up, by way")
CONFIG_REJECTIONS = Metric("vigie_config_rejections_total", "counter", "", "Changes of configuration refused, by way")
NOTIFY_WAITING = Metric("vigie_notifications_waiting", "gauge", "", "Notifications waiting to be sent")
NOTIFY_OLDEST = Metric("vigie_notifications_oldest_seconds", "gauge", "seconds", "Age of the oldest that waits")
NOTIFY_SENT = Metric("vigie_notifications_sent_total", "counter", "", "Messages that a channel has taken")
NOTIFY_FAILED = Metric("vigie_notifications_failed_total", "counter", "", "Messages that a channel has not taken")

OF_ITSELF = {metric.name: metric for metric in (
    PART_UP, PART_STARTED, CONFIG_VALID, CONFIG_RELOADS, CONFIG_REJECTIONS,
    NOTIFY_WAITING, NOTIFY_OLDEST, NOTIFY_SENT, NOTIFY_FAILED,
)}
"""The state of this very Vigie, which no capture of another can tell."""
TOLD = {metric.name: metric for metric in (RING_WRITE, ARCHIVE_WRITE, VIEWERS, BUFFERED)} | OF_ITSELF
"""What ``self_stats`` may tell, by name."""

Stats = Mapping[str | tuple[str, Labels], float]


class VigieSelf:
    """Reads its own process, and asks ``self_stats`` for what only the app knows: metric name, or name and
    labels -> value."""

    name: ClassVar[str] = "vigie"
    metrics: ClassVar[tuple[Metric, ...]] = (*TOLD.values(), MEMORY, CPU)
    every: float = 0.0

    def __init__(
        self,
        self_stats: Callable[[], Stats] = dict,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._self_stats, self._clock, self._cpu_clock = self_stats, clock, cpu_clock
        self._before: tuple[float, float] | None = None

    def collect(self, now: float) -> Iterator[Sample]:  # noqa: ARG002 - the contract's
        """Reads once; the CPU ratio needs two readings. The process is always this one, whatever is replayed.

        Raises:
            KeyError: ``self_stats`` told something that is not declared here.
        """
        for told, value in self._self_stats().items():
            name, pairs = (told, ()) if isinstance(told, str) else told
            if is_present(value):
                yield Sample(TOLD[name], pairs, float(value))
        memory = _resident()
        if memory is not None:
            yield Sample(MEMORY, (), memory)
        at, used = self._clock(), self._cpu_clock()
        before, self._before = self._before, (at, used)
        if before is not None and at > before[0]:
            yield Sample(CPU, (), (used - before[1]) / (at - before[0]))


def _resident() -> float | None:
    try:
        return float(read(f"/proc/{os.getpid()}/statm", 128).split()[1]) * PAGE
    except (OSError, IndexError):
        return None
