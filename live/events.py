"""What happened: starts, sources that failed, stores that went away, changes of health."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from live.hub import Hub
from storage.errors import StorageError

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. ``kind`` is a code the screen puts into words, ``params`` what the words need."""

    at: float
    kind: str
    severity: Severity = "info"
    params: dict[str, str] = field(default_factory=dict)


class EventStore(Protocol):
    """Where events are kept."""

    def append_event(self, at: float, kind: str, severity: str, params: Mapping[str, str]) -> None: ...
    def events(
        self, limit: int = 100, start: float | None = None, end: float | None = None
    ) -> Sequence[tuple[float, str, str, Mapping[str, str]]]: ...


class Events:
    """Keeps events in the archive, and in memory while the archive is away (the newest 500)."""

    def __init__(self, store: EventStore, hub: Hub, now: Callable[[], float] = time.time) -> None:
        self._store, self._hub, self._now = store, hub, now
        self._unwritten: deque[Event] = deque(maxlen=500)
        self._lock = threading.Lock()
        self.count = 0
        """How many happened since the start."""

    def add(self, kind: str, severity: Severity = "info", **params: str) -> None:
        """Records that something happened now. Never raises and never waits for a store: `flush` writes."""
        event = Event(self._now(), kind, severity, params)
        with self._lock:
            self._unwritten.append(event)
            self.count += 1
        self._hub.publish("events", event)

    def flush(self) -> None:
        """Writes what waits, oldest first; what cannot be written waits on."""
        while self._unwritten:
            event = self._unwritten[0]
            try:
                self._store.append_event(event.at, event.kind, event.severity, event.params)
            except StorageError:
                return
            with self._lock:
                if self._unwritten and self._unwritten[0] is event:
                    self._unwritten.popleft()

    def recent(self, limit: int = 20, start: float = 0.0, end: float | None = None) -> list[Event]:
        """The newest events with ``start <= at <= end``, newest first."""
        end = self._now() + 1 if end is None else end
        with self._lock:
            found = [e for e in self._unwritten if start <= e.at <= end]
        try:
            stored = self._store.events(limit, start, end)
        except StorageError:
            stored = ()
        for at, kind, severity, params in stored:
            known: Severity = severity if severity in ("info", "warning", "error") else "info"  # type: ignore[assignment]
            found.append(Event(at, kind, known, dict(params)))
        found.sort(key=lambda e: -e.at)
        return found[:limit]
