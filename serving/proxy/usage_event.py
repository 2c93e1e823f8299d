"""Takes out of a stream the one event that the client did not ask for: ``choices: []`` with the usage.

It comes only because the proxy asked for it (`body.asking_for_usage`). Such a stream goes on by whole events, not by
raw pieces; each other event stays as it was, byte for byte but for a ``usage: null`` that some servers add.
"""

from __future__ import annotations

import re

from serving.proxy import lines
from serving.proxy.body import parsed

_LIKELY = re.compile(rb'"choices":\s*(?:\[\s*\]|null)').search
_BETWEEN = re.compile(rb"\r?\n\r?\n")
LONGEST_BETWEEN = 4
"""Bytes of what stands between two events."""


class WithoutUsage:
    """A `passing.Rewriter`."""

    content_type: str | None = None
    gathers = False

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """The events that are whole now.

        Raises:
            Refusal: 502, one is too long.
        """
        data, out, start = self._rest, [], 0
        searched = max(0, len(data) - LONGEST_BETWEEN + 1)
        data += chunk
        for between in _BETWEEN.finditer(data, searched):
            event = bytes(data[start:between.end()])
            start = between.end()
            if not self._is_usage(event):
                out.append(event)
        del data[:start]
        if len(data) > lines.LONGEST_LINE:
            raise lines.too_long()
        return b"".join(out)

    def end(self) -> bytes:
        """What came without its end."""
        rest, self._rest = bytes(self._rest), bytearray()
        return b"" if self._is_usage(rest) else rest

    @staticmethod
    def _is_usage(event: bytes) -> bool:
        if not _LIKELY(event):
            return False
        data = [line[5:] for line in event.splitlines() if line.startswith(b"data:")]
        document = parsed(b"\n".join(data).strip())
        return not document.get("choices") and isinstance(document.get("usage"), dict)
