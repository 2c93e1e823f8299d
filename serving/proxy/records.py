"""The newest finished requests, as JSON in memory: a tenth of the room that objects would take."""

from __future__ import annotations

from collections import deque
from itertools import islice

import orjson

from serving.wire import Outcome

MOST = 20_000
MOST_BYTES = 64 << 20
"""With texts kept, fewer requests fit."""


class Records:
    """A ring. Sequence numbers begin at 1."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._rows: deque[bytes] = deque()
        self._bytes = 0
        self.last = 0
        """The newest sequence number; 0 before the first."""

    @property
    def first(self) -> int:
        """The oldest sequence number that is held; 0 when none is."""
        return self.last - len(self._rows) + 1 if self._rows else 0

    def add(self, outcome: Outcome) -> None:
        """Keeps one and gives it its sequence number; the oldest makes room."""
        self.last += 1
        outcome["seq"] = self.last
        row = bytes(memoryview(orjson.dumps(outcome)))  # copied: orjson's own bytes keep the 8 KiB it wrote into
        self._rows.append(row)
        self._bytes += len(row)
        while len(self._rows) > self._most or (self._bytes > self._most_bytes and len(self._rows) > 1):
            self._bytes -= len(self._rows.popleft())

    def page(self, boot: str, after: int, limit: int) -> bytes:
        """The `serving.wire.Requests` behind ``after``, as JSON."""
        skip = max(0, after - self.first + 1) if self._rows else 0
        rows = b",".join(islice(self._rows, skip, skip + limit))
        head = orjson.dumps({"boot": boot, "first": self.first, "last": self.last})
        return head[:-1] + b',"requests":[' + rows + b"]}"
