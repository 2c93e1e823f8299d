"""Where the serving process lies in the data folder: its socket, what it keeps, its log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET = "serving.sock"
KEPT = "serving.json"
LOCK = "serving.lock"
LOG = "serving.log"
LONGEST_ADDRESS = 100
"""Bytes of a path that the kernel takes for a socket: 107, and some to spare."""


@contextmanager
def socket_address(folder: Path) -> Iterator[str]:
    """The path of the socket in ``folder``, by a way short enough for the kernel however long the path is.

    Raises:
        OSError: the folder is not there.
    """
    path = str(folder / SOCKET)
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield path
        return
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)
