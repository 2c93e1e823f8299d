"""The ring in memory-mapped files: the default medium. Survives a restart and a kill -9."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from metrics.series import SeriesInfo
from storage.errors import StoreLocked, StoreUnavailable
from storage.ring.base import Handles, Values, encode, step_number, step_time
from storage.ring.cells import NOTHING, Samples, joined_samples, samples, slots, steps, steps_between
from storage.ring.generation import Corrupt, Generation, generations, open_row, set_aside

log = logging.getLogger(__name__)

GIVE_BACK_SECONDS = 60
AGE_SECONDS = 3600


class FileRing:
    """See `storage.ring.base.Ring`. One process writes a folder's ring of one server, any thread of it reads.

    A file of another step or capacity is an older generation: read until it has aged out, then deleted.

    Raises:
        StoreLocked: another process writes here.
        StoreUnavailable: the folder is read-only or the disk full.
    """

    place = "The ring file"

    def __init__(self, folder: Path, server: int, step: float, capacity: int, *,
                 now: Callable[[], float] = time.time, max_series: int = 8192) -> None:
        self.folder, self.server, self.step, self.capacity = folder, server, step, capacity
        self._now, self._max_series = now, max_series
        self._lock = threading.Lock()
        self._lock_fd = self._take_lock()
        self._older: list[Generation] = []
        self._old_handles: dict[str, int] = {}
        self._used: set[int] = set()
        self._free: list[int] | None = None
        self._known: dict[int, SeriesInfo] | None = None
        self._ticks = 0
        self._give_back_ticks = max(1, round(GIVE_BACK_SECONDS / step))
        self._age_ticks = max(1, round(AGE_SECONDS / step))
        try:
            self._newest = self._open_newest()
            self._open_older()
        except BaseException:
            self.close()
            raise

    def _take_lock(self) -> int:
        path = self.folder / f"ring-{self.server}.lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"{self.folder} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise StoreLocked(f"Another Vigie already writes to {self.folder}.") from None
        return fd

    def _open_newest(self) -> Generation:
        try:
            return Generation(self.folder, self.server, self.step, self.capacity, writable=True)
        except Corrupt as error:
            set_aside(self.folder, self.server, self.step, self.capacity, str(error))
        return Generation(self.folder, self.server, self.step, self.capacity, writable=True)

    def _open_older(self) -> None:
        for step, capacity in generations(self.folder, self.server):
            if (step, capacity) == (self.step, self.capacity):
                continue
            try:
                self._older.append(Generation(self.folder, self.server, step, capacity, writable=False))
            except Corrupt as error:
                set_aside(self.folder, self.server, step, capacity, str(error))
            except StoreUnavailable as error:
                log.error("An older ring file is left out: %s", error)
        self._drop_aged()

    def _drop_aged(self) -> None:
        for old in list(self._older):
            newest = max((old.newest_stamp(row) for row in old.series), default=0)
            if step_time(newest, old.step) < self._now() - old.capacity * old.step:
                self._older.remove(old)
                self._known = None
                old.delete()
            else:
                old.give_back()

    def handle(self, info: SeriesInfo) -> int:
        """See `Ring.handle`. A row that nothing wrote to for a whole span before this start is used again."""
        newest = self._newest
        row = newest.rows_of.get(info.key)
        if row is not None and newest.series[row] == info:
            self._used.add(row)
            return row
        with self._lock:
            if row is None:
                row = newest.rows_of.get(info.key)
            if row is None:
                row = self._spare_row()
            newest.declare(row, info)
            self._used.add(row)
            self._known = None
        return row

    def _spare_row(self) -> int:
        newest = self._newest
        if self._free is None and max(newest.series, default=-1) + 1 >= min(newest.rows, self._max_series):
            gone = step_number(self._now(), self.step) - self.capacity
            self._free = [row for row in newest.series if row not in self._used and newest.newest_stamp(row) < gone]
        free = [] if self._free is None else [row for row in self._free if row not in self._used]
        row = open_row(newest, free, self._max_series)
        if self._free is not None:
            self._free = free
        return row

    def write(self, n: int, handles: Handles, values: Values, newest: int | None = None) -> None:
        """See `Ring.write`: one store of aligned 64-bit words, so that no reader sees half a cell."""
        if not self._newest.rows:
            raise StoreUnavailable(f"The ring in {self.folder} is closed.")
        self._newest.sync_index()
        flat = self._newest.cells.reshape(-1)
        at = np.asarray(handles, np.int64) * self.capacity + n % self.capacity
        words = encode(n, np.asarray(values, np.float32))
        if newest is not None:
            stamps = flat[at] & np.uint64(0xFFFFFFFF)
            kept = (stamps > n) & (stamps <= newest)
            at, words = at[~kept], words[~kept]
        flat[at] = words
        self._ticks += 1
        if self._ticks % self._give_back_ticks == 0:
            self._newest.give_back()
            if self._older and self._ticks % self._age_ticks < self._give_back_ticks:
                self._drop_aged()

    def read(self, handles: Sequence[int], first: int, last: int) -> Values:
        """See `Ring.read`. Of the newest generation only."""
        cells = self._newest.cells
        if last < first or not len(handles) or not len(cells):
            return np.full((len(handles), max(0, last - first + 1)), np.nan, np.float32)
        rows = np.asarray(handles, np.int64)
        absent = rows >= len(cells)
        rows = np.where(absent, 0, rows)
        count = min(last - first + 1, self.capacity)
        parts = [cells[rows, part] for part in slots(last - count + 1, last, self.capacity)]
        found = steps(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1), first, last, self.capacity)
        found[absent] = np.nan
        return found

    def window(self, handles: Sequence[int], start: float, end: float) -> list[Samples]:
        """See `Ring.window`."""
        known = self.series()
        keys = [known[handle].key if handle in known else "" for handle in handles]
        found = _window(self._newest, keys, start, end)
        for old in tuple(self._older):
            found = [joined_samples(a, b) for a, b in zip(_window(old, keys, start, end), found, strict=True)]
        return found

    def series(self) -> Mapping[int, SeriesInfo]:
        """See `Ring.series`."""
        known = self._known
        if known is None:
            with self._lock:
                newest = self._newest
                known = dict(newest.series)
                for old in self._older:
                    for info in old.series.values():
                        if info.key not in newest.rows_of:
                            number = self._max_series + len(self._old_handles)
                            known[self._old_handles.setdefault(info.key, number)] = info
                self._known = known
        return known

    def oldest(self) -> float:
        """See `Ring.oldest`."""
        return self._now() - max(g.step * g.capacity for g in (self._newest, *self._older))

    def close(self) -> None:
        """Closes the files and gives the lock back."""
        for generation in (getattr(self, "_newest", None), *self._older):
            if generation is not None:
                generation.close()
                generation.rows = 0
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1


def _window(generation: Generation, keys: Sequence[str], start: float, end: float) -> list[Samples]:
    first, last = steps_between(start, end, generation.step)
    if first > last:
        return [NOTHING] * len(keys)
    parts, cells = slots(first, last, generation.capacity), generation.cells
    found = []
    for key in keys:
        row = generation.rows_of.get(key)
        if row is None or row >= len(cells):
            found.append(NOTHING)
            continue
        taken = cells[row, parts[0]] if len(parts) == 1 else np.concatenate([cells[row, part] for part in parts])
        found.append(samples(taken, first, last, generation.step))
    return found
