"""Who watches live: counted, bounded, and looked at again while they watch."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Any, cast

from flask import Flask

from api.problems import Problem
from security.context import security
from security.identity import Identity
from services import Vigie

SEND_SECONDS = 20
"""How long a write waits for a client that does not read; each holds a thread."""
CHECK_SECONDS = 5.0
"""How often a live connection asks whether its login still holds."""


class Viewers:
    """Counts live connections (WebSocket and SSE), each of which holds a thread, and refuses those above the limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def viewers(self) -> int:
        """Live connections now: the value of ``vigie_viewers``."""
        return self._count

    def enter(self, limit: int) -> None:
        """Takes a place; give it back with `leave`.

        Raises:
            Problem: 503, all places are taken.
        """
        with self._lock:
            if self._count >= limit:
                raise Problem(
                    503, f"All {limit} places for live viewers are taken (setting viewer_limit); /api/metrics/latest "
                    "still answers.", Retry_After="30",
                )
            self._count += 1

    def leave(self) -> None:
        """Gives a place back."""
        with self._lock:
            self._count -= 1


def viewers_of(server: Flask) -> Viewers:
    """The viewers of an app."""
    return cast(Viewers, server.extensions["vigie_viewers"])


def limit_sends(environ: dict[str, Any]) -> None:
    """Makes writes to a client that stopped reading fail after a while, instead of holding their thread for hours."""
    sock = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if sock is not None:
        with contextlib.suppress(OSError):  # gone already: the next write says so
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))


class LoginCheck:
    """Asks now and then whether the login that opened a live connection still holds."""

    def __init__(self, services: Vigie, identity: Identity | None) -> None:
        self._services, self.identity = services, identity
        self._embeds = security().embeds if identity is not None and identity.embed is not None else None
        self._next = 0.0

    def ended(self, monotonic: float) -> bool:
        """True once the login has ended, was revoked, or its account was disabled."""
        if monotonic < self._next:
            return False
        self._next = monotonic + CHECK_SECONDS
        if self.identity is None:
            return True
        if self._embeds is not None:
            return not self._embeds.good(self.identity.id)
        return not self._services.accounts.valid(self.identity)
