"""Pace: lets one collector read its slow parts less often than its fast ones."""

from __future__ import annotations


class Pace:
    """True once per ``seconds``; true at once when the clock went back (a set clock must not silence a source)."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last: float | None = None

    def due(self, now: float) -> bool:
        """Whether the part is due at ``now`` (seconds of one clock); the next one counts from here."""
        if self._last is not None and 0.0 <= now - self._last < self.seconds - 0.05:
            return False
        self._last = now
        return True
