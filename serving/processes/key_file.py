"""The API key that an engine of ours asks for, out of the file that it was given: the configuration holds no key."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

LONGEST = 8192
"""Bytes that are read."""


def key_in(path: str) -> str:
    """The first line of a file that is no empty one; empty where there is none, or it could be no key. Of several keys
    that an engine takes (llama.cpp: one a line) any will do."""
    if not path:
        return ""
    with suppress(OSError, ValueError):
        lines = (line.strip() for line in _read(path).decode("ascii").split("\n"))
        key = next((line for line in lines if line), "")
        return key if key.isprintable() else ""
    return ""


def _read(path: str) -> bytes:
    """Raises OSError. Nothing but a file is waited for: a pipe would have whoever reads it wait for good."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(opened, LONGEST) if stat.S_ISREG(os.fstat(opened).st_mode) else b""
    finally:
        os.close(opened)
