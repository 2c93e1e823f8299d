"""A ring that never says no: ticks wait in memory while the medium is away."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from metrics.series import SeriesInfo
from storage.errors import StoreUnavailable, TooManySeries
from storage.ring.base import EPOCH, Handles, Ring, Values
from storage.ring.cells import NOTHING, Samples, joined_samples, steps_between

log = logging.getLogger(__name__)

FLUSH = 240
"""Ticks written back in one go: the tick in hand must not wait for an hour of backlog."""


_AWAY = -1
_REFUSED = -2


class _Tick(NamedTuple):
    n: int
    handles: Handles
    values: Values


class BufferedRing:
    """See `storage.ring.base.Ring`. Of ``bound_ticks`` and more, the oldest are lost.

    Its handles are its own: a series seen for the first time while the medium is away has one too.
    """

    def __init__(self, ring: Ring, bound_ticks: int = 3600, *, now: Callable[[], float] = time.time) -> None:
        self._ring, self._bound, self._now = ring, bound_ticks, now
        self.step, self.capacity = ring.step, ring.capacity
        self.place: str = getattr(ring, "place", "The ring")
        self._lock = threading.RLock()
        self._ticks: deque[_Tick] = deque(maxlen=bound_ticks)
        self._infos: list[SeriesInfo] = []
        self._handles: dict[str, int] = {}
        self._inner = np.empty(0, np.int64)
        self._known: dict[int, SeriesInfo] | None = None
        self._seen: Mapping[int, SeriesInfo] | None = None
        self._since = 0.0
        self._reason = ""
        self._lost = 0

    @property
    def buffered(self) -> int:
        """Ticks that wait."""
        return len(self._ticks)

    @property
    def warning(self) -> str:
        """What the medium warns of; empty when nothing."""
        return str(getattr(self._ring, "warning", ""))

    def problem(self) -> str:
        """A sentence while the medium is away or the backlog is not written yet; empty otherwise."""
        if not self._reason:
            return ""
        at = datetime.fromtimestamp(self._since, UTC)
        lost = f", {self._lost} lost" if self._lost else ""
        return (f"{self.place} has been away since {at:%H:%M} UTC ({self._reason.rstrip('.')}); "
                f"{len(self._ticks)} ticks are buffered (bound {self._bound}){lost}.")

    def _away(self, error: StoreUnavailable) -> None:
        if not self._reason:
            self._since = self._now()
            log.warning("%s is away: %s", self.place, error)
        self._reason = str(error)

    def _back(self) -> None:
        if self._reason and not self._ticks:
            log.warning("%s is back; its backlog is written.", self.place)
            self._reason, self._lost = "", 0

    # -- series

    def _number(self, info: SeriesInfo, inner: int) -> int:
        with self._lock:
            handle = self._handles.get(info.key)
            if handle is None:
                handle = len(self._infos)
                self._infos.append(info)
                self._handles[info.key] = handle
                self._inner = np.append(self._inner, inner)
                self._known = None
            elif inner >= 0:
                self._inner[handle] = inner
            if self._infos[handle] != info:
                self._infos[handle] = info
                self._known = None
            return handle

    def handle(self, info: SeriesInfo) -> int:
        """See `Ring.handle`; never raises StoreUnavailable."""
        try:
            inner = self._ring.handle(info)
        except StoreUnavailable as error:
            self._away(error)
            inner = _AWAY
        return self._number(info, inner)

    def series(self) -> Mapping[int, SeriesInfo]:
        """See `Ring.series`."""
        seen = self._ring.series()
        if seen is not self._seen:
            for inner, info in seen.items():
                if info.key not in self._handles:
                    self._number(info, inner)
            self._seen = seen
        known = self._known
        if known is None:
            with self._lock:
                known = self._known = dict(enumerate(self._infos))
        return known

    def _resolve(self, handles: Handles) -> Handles:
        """Handles of the medium; asks it for those it was away for. One it has no room for is negative.

        Raises:
            StoreUnavailable: it still is away for one.
        """
        for handle in handles[self._inner[handles] == _AWAY].tolist():
            try:
                self._inner[handle] = self._ring.handle(self._infos[handle])
            except TooManySeries as error:
                log.error("%s is not kept: %s", self._infos[handle].key, error)
                self._inner[handle] = _REFUSED
        return self._inner[handles]

    def _store(self, tick: _Tick, newest: int | None) -> None:
        inner = self._resolve(tick.handles)
        kept = inner >= 0
        self._ring.write(tick.n, inner[kept], tick.values[kept], newest)

    # -- ticks

    def write(self, n: int, handles: Handles, values: Values, newest: int | None = None) -> None:
        """See `Ring.write`; never raises StoreUnavailable: the tick waits instead."""
        tick = _Tick(n, np.array(handles, np.int64), np.array(values, np.float32))
        try:
            self._store(tick, newest)
        except StoreUnavailable as error:
            self._keep(self._write_known(tick, newest), error)
        else:
            if self._ticks or self._reason:
                self._supersede(tick)
                self._flush(max(n, newest or 0))

    def _write_known(self, tick: _Tick, newest: int | None) -> _Tick:
        """Writes the series the medium knows, when it is away for new ones only (a full disk); the rest."""
        known = self._inner[tick.handles] >= 0
        if known.all() or not known.any():
            return tick
        try:
            self._ring.write(tick.n, self._inner[tick.handles[known]], tick.values[known], newest)
        except StoreUnavailable:
            return tick
        return _Tick(tick.n, tick.handles[~known], tick.values[~known])

    def _keep(self, tick: _Tick, error: StoreUnavailable) -> None:
        with self._lock:
            self._lost += len(self._ticks) == self._bound
            self._ticks.append(tick)
        self._away(error)

    def _supersede(self, done: _Tick) -> None:
        """Takes out of the backlog what the tick just written says anew, after a clock was set back."""
        with self._lock:
            for place, tick in enumerate(self._ticks):
                if tick.n == done.n:
                    kept = ~np.isin(tick.handles, done.handles)
                    self._ticks[place] = _Tick(tick.n, tick.handles[kept], tick.values[kept])

    def _flush(self, newest: int) -> None:
        try:
            for _ in range(FLUSH):
                if not self._ticks:
                    break
                tick = self._ticks[0]
                # A tick of the future came from a wrong clock and was not written late, but as it came.
                self._store(tick, max(newest, tick.n))
                with self._lock:
                    self._ticks.popleft()
        except StoreUnavailable as error:
            self._away(error)
        else:
            self._back()

    def _waiting(self, handles: Sequence[int], first: int, last: int) -> tuple[Handles, Handles, Values]:
        """What waits of some series: handles, step numbers and values, sorted by these; the newest of what was
        written twice."""
        with self._lock:
            ticks = [tick for tick in self._ticks if first <= tick.n <= last]
        if not ticks:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        wanted = np.zeros(len(self._infos), bool)
        wanted[np.asarray(handles, np.int64)] = True
        of = np.concatenate([tick.handles for tick in ticks])
        n = np.repeat([tick.n for tick in ticks], [tick.handles.size for tick in ticks])
        value = np.concatenate([tick.values for tick in ticks])
        kept = wanted[of] & ~np.isnan(value)
        of, n, value = of[kept], n[kept], value[kept]
        order = np.lexsort((n, of))
        of, n, value = of[order], n[order], value[order]
        final = np.ones(of.size, bool)
        final[:-1] = (of[1:] != of[:-1]) | (n[1:] != n[:-1])
        return of[final], n[final], value[final]

    # -- reading

    def read(self, handles: Sequence[int], first: int, last: int) -> Values:
        """See `Ring.read`: what the medium answers, and what waits."""
        found = np.full((len(handles), max(0, last - first + 1)), np.nan, np.float32)
        inner = self._inner[np.asarray(handles, np.int64)]
        there = np.flatnonzero(inner >= 0)
        try:
            if there.size:
                found[there] = self._ring.read(inner[there].tolist(), first, last)
        except StoreUnavailable as error:
            self._away(error)
        of, n, value = self._waiting(handles, max(first, last - self.capacity + 1), last)
        place = np.zeros(len(self._infos), np.int64)
        place[np.asarray(handles, np.int64)] = np.arange(len(handles))
        found[place[of], n - first] = value
        return found

    def window(self, handles: Sequence[int], start: float, end: float) -> list[Samples]:
        """See `Ring.window`: what the medium answers, and what waits."""
        try:
            return self.complete_window(handles, start, end)
        except StoreUnavailable as error:
            self._away(error)
        return self._overlaid([NOTHING] * len(handles), handles, start, end)

    def complete_window(self, handles: Sequence[int], start: float, end: float) -> list[Samples]:
        """As `window`, for whoever must not take a part for the whole.

        Raises:
            StoreUnavailable: the medium is away.
        """
        inner = self._inner[np.asarray(handles, np.int64)].tolist()
        answered = iter(self._ring.window([i for i in inner if i >= 0], start, end))
        found = [next(answered) if i >= 0 else NOTHING for i in inner]
        return self._overlaid(found, handles, start, end)

    def _overlaid(self, found: list[Samples], handles: Sequence[int], start: float, end: float) -> list[Samples]:
        of, n, value = self._waiting(handles, *steps_between(start, end, self.step))
        if not of.size:
            return found
        t = n * round(self.step * 1000) + EPOCH * 1000
        begin = np.searchsorted(of, handles, side="left").tolist()
        behind = np.searchsorted(of, handles, side="right").tolist()
        return [joined_samples(one, (t[a:b], value[a:b])) for one, a, b in zip(found, begin, behind, strict=True)]

    def oldest(self) -> float:
        """See `Ring.oldest`."""
        return self._ring.oldest()

    def close(self) -> None:
        """Writes what still waits, if it can, and closes the medium."""
        while self._ticks:
            before = len(self._ticks)
            self._flush(self._ticks[-1].n)
            if len(self._ticks) == before:
                break
        self._ring.close()
