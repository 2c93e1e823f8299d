"""Refusals come in floods: the first few of a caller are rows of their own, the rest are counted in one."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass, field

from metrics.flat import iso
from security.audit.entry import Entry, value

WINDOW = 600.0
"""Seconds after which a caller's refusals begin anew, and what was counted becomes a row."""
EACH = 5
"""Rows of their own that one caller gets for one action in a window."""
IN_ALL = 200
"""Rows of their own that all callers get together in a window."""
MOST_CALLERS = 200
"""Callers counted apart; beyond them, all others are one."""
MOST_TARGETS = 10
"""Different targets that a count names."""


@dataclass(slots=True)
class _Count:
    """What one caller was refused. The first ``passed`` had rows of their own."""

    first: Entry
    passed: int = 0
    more: int = 0
    last: float = 0.0
    targets: dict[str, int] = field(default_factory=dict)


class Flood:
    """Bounds what refusals cost: memory and rows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began = 0.0
        self._passed = 0
        self._counts: dict[tuple[str, str, str], _Count] = {}

    @property
    def counting(self) -> bool:
        """True while there is something that is not a row yet."""
        return any(count.more for count in self._counts.values())

    def admits(self, entry: Entry) -> bool:
        """True when ``entry`` is a row of its own; else it is counted."""
        from security.limits import network_of  # which knows sessions, which are audited

        key: tuple[str, str, str] = (entry.action, entry.kind, entry.who or network_of(entry.address))
        with self._lock:
            if not self._counts:
                self._began = entry.at
            if key not in self._counts and len(self._counts) >= MOST_CALLERS:
                key = (entry.action, "", "")
                entry = dataclasses.replace(entry, kind="anonymous", who="", who_id=None, address="", agent="")
            count = self._counts.setdefault(key, _Count(entry))
            if count.passed < EACH and self._passed < IN_ALL and key[1]:
                count.passed += 1
                self._passed += 1
                return True
            count.more += 1
            count.last = entry.at
            if entry.target in count.targets or len(count.targets) < MOST_TARGETS:
                count.targets[entry.target] = count.targets.get(entry.target, 0) + 1
            return False

    def due(self, now: float, *, at_once: bool = False) -> list[Entry]:
        """The rows of what was counted, once the window is over."""
        with self._lock:
            if not self._counts or (not at_once and 0 <= now - self._began < WINDOW):
                return []
            counts, self._counts, self._passed = self._counts, {}, 0
        return [_row(count, now) for count in counts.values() if count.more]


def _row(count: _Count, now: float) -> Entry:
    only = len(count.targets) == 1 and sum(count.targets.values()) == count.more
    return dataclasses.replace(
        count.first, at=round(now, 3), target=next(iter(count.targets)) if only else "", request="", count=count.more,
        before=None, after=value({"since": iso(count.first.at), "last": iso(count.last), "targets": count.targets}),
    )
