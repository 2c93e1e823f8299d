"""The roller: each minute it brings the archive up to date with the ring."""

from __future__ import annotations

import logging
import platform
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from metrics.flat import SERIES
from metrics.series import SeriesInfo
from storage.archive.archive import Archive
from storage.archive.pages import HOURS, MINUTES
from storage.archive.rollup import Rollup, coarser, roll, stacked
from storage.errors import StorageError
from storage.ring.base import Ring

log = logging.getLogger(__name__)

LATE = 3.0
"""Seconds after a minute at which it is rolled: its last tick has been written by then."""
CHUNK = 3600
"""Seconds rolled in one transaction when there is much to catch up with."""
PRUNE_EVERY = 3600
RETRY = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


def own_address() -> str | None:
    """The address this machine would speak from to another one; None without a network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


class Roller:
    """Rolls the ring into the archive. While the database is away it tries again, later and later; the ring holds
    what is missing meanwhile.

    ``totals`` gives the newest value of a running total (``network_all_transmit_bytes_total``), which the ring does
    not hold; None when absent. ``address`` gives this machine's address for its row in `servers`. Until ``ready`` the
    roller's own loop waits: what enters the ring behind the newest minute rolled would stay out of the archive.
    """

    def __init__(self, ring: Ring, archive: Archive, now: Callable[[], float] = time.time, *,
                 totals: Callable[[str], float | None] = lambda _key: None,
                 address: Callable[[], str | None] = own_address, ready: Callable[[], bool] = lambda: True) -> None:
        self._ready = ready
        self._ring, self._archive, self._now, self._totals = ring, archive, now, totals
        self._address = address
        self._registered = False
        self._ran_at = float("-inf")
        self._prune_at = 0.0
        self._problem = ""
        self._failures = 0
        self._since = datetime.fromtimestamp(0, UTC)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.write_seconds = 0.0
        """How long the newest run took."""

    def problem(self) -> str:
        """A sentence while the archive cannot be written; empty otherwise."""
        return self._problem

    def run_once(self) -> None:
        """Rolls every whole minute, then every whole hour, that the archive does not have yet.

        Raises:
            StorageError: a store is away. What was written stays written; the next run goes on from there.
        """
        started = time.perf_counter()
        now = self._now()
        if not self._registered:
            self._archive.register(platform.node() or "local", socket.gethostname(), self._address(),
                                   platform.system(), now)
            self._registered = True
        self._roll_minutes(now)
        self._roll_hours()
        self._prune(now)
        self.write_seconds = time.perf_counter() - started

    def _prune(self, now: float) -> None:
        """Prunes each hour, but not in the first one after a start or a jump of the clock: a wrong clock is set
        right by then, most often, and must not have cost any history."""
        jumped = not 0 <= now - self._ran_at <= PRUNE_EVERY
        self._ran_at = now
        if jumped:
            self._prune_at = now + PRUNE_EVERY
        elif now >= self._prune_at:
            self._archive.prune(now)
            self._prune_at = now + PRUNE_EVERY

    def _roll_minutes(self, now: float) -> None:
        known = self._ring.series()
        # A buffered ring answers with a part while its medium is away; that part must not become history.
        read = getattr(self._ring, "complete_window", self._ring.window)
        handles, infos = list(known), list(known.values())
        end = int(now - LATE) // 60 * 60
        held = -(-int(self._ring.oldest()) // 60) * 60
        mark = self._archive.watermark(MINUTES)
        if mark is not None and mark > end + 60:
            mark = end - 60  # the clock was set back: all but the minute just over is still to come
        # Never before what the ring holds: after a clock jumped ahead by years there is nothing to walk through.
        begin = held if mark is None else max(mark, held)
        while begin < end:
            until = min(begin + CHUNK, end)
            samples = read(handles, begin, until - 0.001)
            rolled = roll(samples, MINUTES.step)
            rows = self._rows(infos, rolled, newest=end - 60)
            self._archive.write(MINUTES, infos, rolled, until, rows)
            begin = until

    def _rows(self, infos: list[SeriesInfo], rolled: Rollup, newest: int) -> dict[int, dict[str, float | None]]:
        """The flat rows, by minute: means of its gauges, and for the ``newest`` the running totals as they are now."""
        wanted = {key: (name, factor) for name, (key, factor) in SERIES.items()}
        places = {i: wanted[info.key] for i, info in enumerate(infos) if info.key in wanted}
        rows: dict[int, dict[str, float | None]] = {}
        for i, (name, factor) in places.items():
            one = rolled.of(i)
            for t, mean in zip(one.t.tolist(), one.mean.tolist(), strict=True):
                rows.setdefault(t // 1000, {})[name] = mean * factor
        if newest in rows:
            for key, (name, factor) in wanted.items():
                total = self._totals(key) if key.endswith("_total") else None
                if total is not None:
                    rows[newest][name] = total * factor
        return rows

    def _roll_hours(self) -> None:
        minutes = self._archive.watermark(MINUTES)
        if minutes is None:
            return
        end = minutes // 3600 * 3600
        mark = self._archive.watermark(HOURS)
        if mark is not None and mark > end:
            mark = end
        known = self._archive.series()
        ids, infos = list(known), list(known.values())
        begin = end - MINUTES.keep if mark is None else max(mark, end - MINUTES.keep)
        while begin < end:
            until = min(begin + 24 * 3600, end)
            parts = self._archive.read(MINUTES, ids, begin, until)
            self._archive.write(HOURS, infos, stacked([coarser(part, HOURS.step) for part in parts]), until)
            begin = until

    # -- the thread

    def start(self) -> None:
        """Rolls shortly after each minute, in a thread, until `stop`."""
        self._thread = threading.Thread(target=self._loop, name="roller", daemon=True)
        self._thread.start()

    def alive(self) -> bool:
        """True while the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Ends the thread and waits for the run in hand."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _loop(self) -> None:
        while not self._stop.wait(self._pause()):
            if not self._ready():
                continue
            try:
                self.run_once()
            except StorageError as error:
                self._failed(str(error))
            except Exception:  # the edge of this thread: a roller that dies would stop history in silence
                log.exception("The roller failed; it will try again.")
                self._failed("The history could not be written; the log says why.")
            else:
                self._problem, self._failures = "", 0

    def _failed(self, sentence: str) -> None:
        self._failures += 1
        if not self._problem:
            log.warning("History is not written for now: %s", sentence)
            self._since = datetime.fromtimestamp(self._now(), UTC)
        self._problem = f"{sentence} History waits in the ring since {self._since:%H:%M} UTC."

    def _pause(self) -> float:
        """Seconds until the next run: shortly after the minute, or soon after a failure."""
        if self._failures:
            return RETRY[min(self._failures, len(RETRY)) - 1]
        if not self._ready():
            return 0.5
        if not self._registered:
            return 0.0
        return 60 - (self._now() - LATE) % 60 + 0.05
