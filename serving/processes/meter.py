"""What a model process uses, read once a second, and whether it is more than it may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from serving.processes.backoff import Pace
from serving.processes.tree import Tree, Usage, scan


class Meter:
    """The usage of one tree. ``cpu`` is in cores, of the time between the last two readings; None: not known."""

    def __init__(self, pace: Pace, clock: Callable[[], float]) -> None:
        self.usage: Usage | None = None
        self.cpu: float | None = None
        self._pace, self._clock = pace, clock
        self._read_at = self._scanned_at = float("-inf")
        self._over_since: float | None = None

    async def read(self, tree: Tree) -> bool:
        """Reads, when it is time to; True when it did."""
        at = self._clock()
        if at - self._read_at < self._pace.sample:
            return False
        if at - self._scanned_at >= self._pace.scan:
            self._scanned_at = at
            tree.refresh(await asyncio.to_thread(scan))
        before, usage = self.usage, tree.usage()
        # A member that ended takes its CPU seconds with it: such a reading tells no rate.
        known = before is not None and usage is not None and usage.cpu >= before.cpu
        self.cpu = (usage.cpu - before.cpu) / (at - self._read_at) if known and before and usage else None
        self.usage, self._read_at = usage, at
        return True

    def over(self, most: int) -> bool:
        """True when more than ``most`` bytes have been in use for long enough."""
        if self.usage is None or self.usage.memory <= most:
            self._over_since = None
            return False
        if self._over_since is None:
            self._over_since = self._clock()
        return self._clock() - self._over_since >= self._pace.over
