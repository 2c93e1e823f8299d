"""Ports of 127.0.0.1: free ones, and who holds one."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psutil

from serving.processes.definition import HOST
from serving.processes.tree import Tree, stat_of


@dataclass(frozen=True)
class Holder:
    """Who listens on a port; pid and name are None where the system does not tell (another user's process)."""

    pid: int | None
    name: str | None


def is_free(port: int) -> bool:
    """True when a server could listen on it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int] = ()) -> int:
    """A port that nothing listens on and that is not in ``taken`` (given to a process that has yet to listen).

    Raises:
        OSError: the system has none left.
    """
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
    raise OSError("no free port")


def holder(port: int) -> Holder | None:
    """Who listens on ``port``; None when nobody does. Reads the whole table: for when something is wrong."""
    for one in _connections():
        if one.status == psutil.CONN_LISTEN and one.laddr[1:2] == (port,):
            return Holder(one.pid, _name(one.pid))
    return None


def is_others(port: int, tree: Tree) -> bool:
    """True when a process listens on ``port`` that is none of ``tree`` and was there before its leader: who came later
    may be its container's. False when the system does not tell."""
    found = holder(port)
    if found is None or found.pid is None or found.pid in tree.known:
        return False
    stat = stat_of(found.pid)
    return stat is not None and stat.start < tree.start


def clients(port: int) -> int:
    """How many connections to ``port`` are open, whoever has them, as far as the system tells."""
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr[1:2] == (port,) for one in _connections())


def _connections() -> list[Any]:
    """All of the machine; none where the system does not tell."""
    try:
        return psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return []


def _name(pid: int | None) -> str | None:
    if pid is not None:
        with contextlib.suppress(psutil.Error):
            return psutil.Process(pid).name()
    return None
