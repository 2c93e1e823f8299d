"""The scheduler: monotonic, drift-free, skips missed ticks, and follows the load when asked to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

HIGH, MEDIUM = 0.80, 0.40
INTERVALS = (0.5, 1.0, 2.0)
"""Seconds at CPU use above 80 %, from 40 % on, and below."""


def interval_for(cpu: float | None, current: float) -> float:
    """The adaptive interval for a CPU use (0..1), with 5 points of hysteresis so that it does not flutter.

    An unknown load keeps the interval in force.
    """
    if cpu is None:
        return current
    margin = 0.05
    if cpu > HIGH or (current == INTERVALS[0] and cpu > HIGH - margin):
        return INTERVALS[0]
    if cpu >= MEDIUM or (current <= INTERVALS[1] and cpu >= MEDIUM - margin):
        return INTERVALS[1]
    return INTERVALS[2]


def next_tick(now: float, interval: float) -> float:
    """The first multiple of ``interval`` after ``now`` (epoch seconds): nominal ticks are round."""
    return (now // interval + 1) * interval


class Scheduler:
    """Calls ``tick(nominal epoch seconds)`` at each interval from a thread of its own.

    It sleeps to a deadline on the monotonic clock; ticks missed (a suspended laptop, a stalled disk) are skipped,
    not run one after the other. The nominal time is read from the wall clock once a tick, so a clock that is set
    moves the stamps and not the rhythm.
    """

    def __init__(
        self,
        tick: Callable[[float], None],
        *,
        interval: float,
        load: Callable[[], float | None] | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tick, self._load, self._now, self._monotonic = tick, load, now, monotonic
        self.interval = interval
        self._wanted: float | None = None
        self._stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="scheduler", daemon=True)
        self._error = ""
        self.skipped = 0
        """Ticks missed since the start."""
        self.beat = 0.0
        """Monotonic time of the newest tick."""

    def start(self) -> None:
        """Starts the thread."""
        self.beat = self._monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the tick in hand."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def change(self, interval: float) -> None:
        """Collects every ``interval`` seconds from now on; without effect on one that follows the load."""
        if self._load is None and interval != self.interval:
            self._wanted = interval
            self._wake.set()

    def problem(self) -> str:
        """A sentence when the loop has stopped or stalled; empty when all is well."""
        if self._error:
            return self._error
        quiet = self._monotonic() - self.beat
        if not self._thread.is_alive():
            return "The collection loop is not running."
        return f"The collection loop has been silent for {quiet:.0f} s." if quiet > 15 + 3 * self.interval else ""

    def _loop(self) -> None:
        try:
            deadline, nominal = self._first()
            while not self._stopping:
                if self._wake.wait(max(0.0, deadline - self._monotonic())):
                    self._wake.clear()
                    if self._wanted is not None:
                        self.interval, self._wanted = self._wanted, None
                        deadline, nominal = self._first()
                    continue
                self.beat = self._monotonic()
                self._tick(nominal)
                deadline, nominal = self._advance(deadline, nominal)
        except Exception as error:
            self._error = f"The collection loop stopped: {type(error).__name__}: {error}"
            log.exception("collection loop stopped")

    def _first(self) -> tuple[float, float]:
        now = self._now()
        nominal = next_tick(now, self.interval)
        return self._monotonic() + nominal - now, nominal

    def _advance(self, deadline: float, nominal: float) -> tuple[float, float]:
        """The next deadline (monotonic) and its nominal time (epoch)."""
        if self._load is not None:
            wanted = interval_for(self._load(), self.interval)
            if wanted != self.interval:
                self.interval = wanted
                return self._first()
        step = self.interval
        late = self._monotonic() - deadline
        missed = int(late // step)
        self.skipped += missed
        deadline += step * (1 + missed)
        nominal += step * (1 + missed)
        drift = (self._now() + deadline - self._monotonic()) - nominal
        if abs(drift) > step / 2:  # the wall clock was set, or slews away: stamps follow it
            return self._first()
        return deadline, nominal
