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
        self._busy_since: float | None = None

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
        self._over_since = self._since(self._over_since, self.usage is not None and self.usage.memory > most)
        return self._over_since is not None and self._clock() - self._over_since >= self._pace.over

    def busy(self, most: float) -> bool:
        """True when more than ``most`` cores have been in use for long enough."""
        self._busy_since = self._since(self._busy_since, self.cpu is not None and self.cpu > most)
        return self._busy_since is not None and self._clock() - self._busy_since >= self._pace.busy

    def _since(self, since: float | None, is_so: bool) -> float | None:
        return (self._clock() if since is None else since) if is_so else None
