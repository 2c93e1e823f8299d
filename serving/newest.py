"""The model processes as the serving process has them now: what was asked of it is seen at once, not a tick later."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from serving.wire import Status

KEPT = 30.0
"""Seconds for which a look counts at most, should no tick come after it: longer than any time between two ticks."""


class Asked(Protocol):
    """The serving process, as the web process reaches it."""

    def settle(self, within: float) -> None:
        """Waits until it goes by the configuration in force."""

    def read(self) -> Status | None:
        """What it tells; None while it does not answer."""


class Newest:
    """``asked`` is None where there is no serving process, as in a simulation."""

    def __init__(self, asked: Asked | None, now: Callable[[], float] = time.time) -> None:
        self._asked, self._now = asked, now
        self._look: tuple[float, list[dict[str, Any]]] | None = None

    def settle(self, within: float) -> None:
        """Waits until the serving process goes by the configuration in force, at most ``within`` seconds."""
        if self._asked is not None:
            self._asked.settle(within)

    def look(self) -> None:
        """Looks now. It counts until a tick that began later tells the same."""
        at, told = self._now(), self._asked.read() if self._asked is not None else None
        self._look = None if told is None else (at, told["processes"])

    def processes(self, ticked: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """The processes by a look that is newer than the snapshot of a tick; None when there is none."""
        if self._look is None:
            return None
        at, told = self._look
        newer = at >= float(ticked.get("at") or 0.0) and 0 <= self._now() - at < KEPT
        return told if newer else None
