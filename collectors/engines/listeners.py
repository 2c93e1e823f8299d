"""What listens on this machine: sockets, their processes, and the trees of processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from collectors.procfs import clean

HERE = ("127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0")
FORWARDERS = frozenset({
    "docker-proxy", "rootlessport", "slirp4netns", "pasta", "ssh", "sshd", "socat", "haproxy", "nginx", "caddy",
    "traefik", "envoy", "kubectl", "kube-proxy", "containerd", "systemd", "stunnel", "ngrok",
})
"""Processes that listen for others: their memory is not that of a model."""
TUNNELS = frozenset({"ssh", "kubectl"})
"""Those of them that lead to another machine."""
COMMAND_WORDS, COMMAND_LETTERS = 64, 512


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP socket that is listened on; ``pid`` is None where the process cannot be seen."""

    port: int
    host: str = "127.0.0.1"
    pid: int | None = None
    name: str = ""
    command: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    @property
    def serves(self) -> bool:
        """True when the process is known and serves by itself."""
        return self.pid is not None and self.name not in FORWARDERS


def listeners() -> list[Listener]:
    """The sockets of this machine that accept connections from itself, one per port, by port.

    Raises:
        OSError: the kernel's table cannot be read.
        psutil.Error: likewise.
    """
    found: dict[int, Listener] = {}
    for socket in psutil.net_connections("tcp"):
        address = socket.laddr
        if socket.status != psutil.CONN_LISTEN or not address or address.ip not in HERE:
            continue
        host = "::1" if address.ip == "::1" else "127.0.0.1"
        known = found.get(address.port)
        if known is None or (known.pid is None and socket.pid) or (known.host == "::1" and host != "::1"):
            found[address.port] = Listener(address.port, host, socket.pid)
    return [_named(found[port]) for port in sorted(found)]


def ancestors(pid: int) -> list[int]:
    """The process that started ``pid``, the one that started that, and so on; as far as they can be seen."""
    try:
        return [parent.pid for parent in psutil.Process(pid).parents()]
    except psutil.Error:
        return []


def trees(roots: Iterable[int]) -> dict[int, set[int]]:
    """Each of ``roots`` with all that descends from it; one that has gone is left out."""
    children: dict[int, list[int]] = {}
    parents = {process.pid: process.info["ppid"] for process in psutil.process_iter(["ppid"])}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: dict[int, set[int]] = {}
    for root in roots:
        if root not in parents:
            continue
        seen, rest = {root}, [root]
        while rest:
            more = [pid for pid in children.get(rest.pop(), []) if pid not in seen]
            seen.update(more)
            rest += more
        found[root] = seen
    return found


def _named(listener: Listener) -> Listener:
    if listener.pid is None:
        return listener
    try:
        process = psutil.Process(listener.pid)
        name, command = process.name(), process.cmdline()
    except psutil.Error:
        return listener
    words = tuple(clean(word[:COMMAND_LETTERS]) for word in command[:COMMAND_WORDS])
    return Listener(listener.port, listener.host, listener.pid, clean(name), words)
