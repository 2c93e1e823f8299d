"""Ports of 127.0.0.1: free ones, and who holds one."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection
from dataclasses import dataclass

import psutil

from serving.processes.tree import Tree, stat_of


@dataclass(frozen=True)
class Holder:
    """Who listens on a port; pid and name are None where the system does not tell (another user's process)."""

    pid: int | None
    name: str | None


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """True when a server could listen on it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not count
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int] = (), host: str = "127.0.0.1") -> int:
    """A port that nothing listens on and that is not in ``taken`` (given to a process that has yet to listen).

    Raises:
        OSError: the system has none left.
    """
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
    raise OSError("no free port")


def holder(port: int) -> Holder | None:
    """Who listens on ``port``; None when nobody does. Reads the whole table: for when something is wrong."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr[1:2] == (port,):
            return Holder(one.pid, _name(one.pid))
    return None


def is_others(port: int, tree: Tree) -> bool:
    """True when a process listens on ``port`` that is none of ``tree`` and was there before its leader: who came later
    may be its container's. False when the system does not tell."""
    found = holder(port)
    if found is None or found.pid is None or found.pid in tree.known:
        return False
    stat = stat_of(found.pid, tree.proc)
    return stat is not None and stat.start < tree.start


def clients(port: int) -> int:
    """How many connections to ``port`` are open, whoever has them."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return 0
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr[1:2] == (port,) for one in connections)


def _name(pid: int | None) -> str | None:
    if pid is not None:
        with contextlib.suppress(psutil.Error):
            return psutil.Process(pid).name()
    return None
