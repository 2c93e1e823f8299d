"""Model servers: configured ones and those found on this machine, looked at without touching them.

Each server is looked at in a thread of its own; one that is slow or dead holds up no other. What a server does not tell
is absent. One that should answer and does not has ``model_server_up`` 0 and ``model_up`` 0 for its models, but not
for those that did not run; everything else of it is absent until it answers again, but for what its process uses while
that still holds the port: a hung engine keeps its memory, which is its models'. Of one that was found by itself nothing
is told until a look round has said whether it is gone: see `collectors.engines.discovery`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import psutil

from collectors.base import NoData
from collectors.engines.base import Look
from collectors.engines.discovery import EVERY, Discovery, Own
from collectors.engines.footprint import Footprint
from collectors.engines.listeners import TUNNELS, Listener, ancestors, listeners
from collectors.engines.watched import Place, Watched
from collectors.pace import Pace
from metrics.metric import Metric, Sample
from metrics.models import CPU, MEMORY, OF_ENGINES, OFF_GPU, ON_GPU, SERVER_UP, STATE, UP

PATIENCE = 0.6
"""Seconds that the others are waited for; a server that takes longer comes into the next tick."""
FIRST_ROUND = 3.0
"""Seconds that a look round is waited for when there is nothing else to tell."""
NONE_FOUND = "No model server was found on this machine, and none is configured."
NONE_CONFIGURED = "No model server is configured, and they are not searched for on this machine."


OF_OURS = (UP, STATE, MEMORY, CPU)
"""What the serving process itself tells of the model processes that it runs: not told twice in one series."""
GPU_SHARE = (ON_GPU, OFF_GPU)
"""So also this, where a process wrote it."""


class Key(Protocol):
    """A secret as the configuration holds it."""

    def reveal(self) -> str: ...


class Target(Protocol):
    """A configured server, as `config.serving.ModelServer`."""

    @property
    def url(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def api_key(self) -> Key: ...
    @property
    def enabled(self) -> bool: ...


class ModelServers:
    """Looks at ``targets`` (name -> server), and at what is found on this machine while ``discover`` says so.

    A target with an attribute ``ours`` that is true is a model process of Vigie's own, one with ``gpu_share_told`` has
    told how much of its model lies on GPUs.
    ``own`` says what of Vigie listens; ``gpu_processes`` gives GPUs as the snapshot of `collectors.nvidia` tells them.
    """

    name: ClassVar[str] = "model_servers"
    metrics: ClassVar[tuple[Metric, ...]] = OF_ENGINES
    every: float = 2.0

    def __init__(
        self,
        targets: Callable[[], Mapping[str, Target]] = dict,
        discover: Callable[[], bool] = lambda: True,
        own: Callable[[], Own] = Own,
        gpu_processes: Callable[[], Sequence[Mapping[str, Any]]] = list,
        *,
        sockets: Callable[[], Sequence[Listener]] = listeners,
        parents: Callable[[int], Sequence[int]] = ancestors,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._targets, self._discover, self._clock, self._patience = targets, discover, clock, patience
        self._watched: dict[str, Watched] = {}
        self._answered: dict[str, int] = {}
        """The process that answered last, by server."""
        self._local = _Local()
        self._discovery = Discovery(own, self._taken, self._states, sockets=sockets, parents=parents, clock=clock)
        self._rounds = Pace(EVERY)
        self._footprint = Footprint(gpu_processes, clock)
        self._snapshot: dict[str, Any] = {}

    def collect(self, now: float) -> Iterator[Sample]:  # noqa: ARG002 - the contract's
        """Looks at every server once; those that are late are not waited for.

        Raises:
            NoData: there is no server.
            OSError: the sockets of this machine cannot be seen, and no server is configured.
        """
        configured = self._targets()
        self._look_round(any(one.enabled for one in configured.values()))
        self._follow(configured)
        if not self._watched:
            self._snapshot = {}
            if self._discover() and self._discovery.trouble:
                raise OSError(self._discovery.trouble)
            raise NoData(NONE_FOUND if self._discover() else NONE_CONFIGURED, soon=True)
        self._look()
        settled = self._settled()
        samples = [sample for one in settled for sample in _told(one)]
        samples += self._footprint.read(
            [(one.name, one.engine, pid, one.models) for one in settled if (pid := self._pid(one))],
            self._discovery.seen.by_port,
        )
        self._snapshot = {"servers": [
            {**one.told(), "pid": self._pid(one), "local": self._is_here(one)} for one in settled
        ]}
        told = {
            name: OF_OURS + (GPU_SHARE if getattr(one, "gpu_share_told", False) else ())
            for name, one in configured.items() if getattr(one, "ours", False)
        }
        yield from (one for one in samples if one.metric not in told.get(dict(one.labels).get("server", ""), ()))

    def snapshot(self) -> dict[str, Any]:
        """servers: [{name, url, engine, version, state ("ok", "down" or "unrecognised"), message, found ("configured"
        or "discovered"), pid (None: not known), local (whether it is on this machine), models: [{name, state, …}]}];
        what is known of a model goes by the names of `collectors.engines.base.Model`. Of a server that is down they are
        those of the last look that succeeded, with their states then."""
        return self._snapshot

    def stop(self) -> None:
        """Ends the threads."""
        self._discovery.stop()
        for one in self._watched.values():
            one.stop()
        self._watched.clear()

    def _look_round(self, something_else: bool) -> None:
        """Has the sockets looked at when that is due. They are wanted for the processes of configured servers, too."""
        if self._rounds.due(self._clock()):
            self._discovery.ask(self._discover())
            if not something_else and not self._watched:
                self._discovery.wait(time.monotonic() + FIRST_ROUND)

    def _settled(self) -> list[Watched]:
        """All but those that have just stopped to answer and may be gone; a look round begins at once to find out."""
        begun, watched = self._discovery.seen.begun, list(self._watched.values())
        if self._discovery.trouble:
            return watched
        settled = [
            one for one in watched
            if one.place.found == "configured" or one.failed_at is None or one.failed_at <= begun
        ]
        if len(settled) < len(watched):
            self._discovery.ask(self._discover())
        return settled

    def _taken(self) -> tuple[set[int], set[str]]:
        """Ports of this machine and names that the configuration names."""
        configured = self._targets()
        return {port for one in configured.values() if (port := self._local.port(one.url))}, set(configured)

    def _states(self) -> dict[str, str]:
        """How each server answered the newest look; asked for by the thread that looks round."""
        return {name: one.outcome.state for name, one in self._watched.copy().items() if one.outcome}

    def _follow(self, configured: Mapping[str, Target]) -> None:
        """Begins and ends watches as the configuration and the newest round have it."""
        places = dict(self._discovery.seen.places) if self._discover() else {}
        taken, _ = self._taken()
        places = {name: place for name, place in places.items() if urlsplit(place.url).port not in taken}
        places |= {
            name: Place(one.url, one.engine, one.api_key.reveal(), ours=bool(getattr(one, "ours", False)))
            for name, one in configured.items() if one.enabled
        }
        for name, one in list(self._watched.items()):
            if places.get(name) != one.place:
                one.stop()
                del self._watched[name]
                self._answered.pop(name, None)
        for name, place in places.items():
            if name not in self._watched:
                self._watched[name] = Watched(name, place, self._clock)

    def _look(self) -> None:
        for one in self._watched.values():
            if one.late and not one.busy:
                one.late = False  # it answered after the tick before: that is this tick's look
                continue
            if not one.busy:
                local = self._listener(one)
                one.command = local.command if local and local.serves else ()
                one.pid = local.pid if local and local.serves else None
            one.ask()
        end = time.monotonic() + self._patience
        for one in self._watched.values():
            one.late = one.late or not one.wait(end)

    def _listener(self, one: Watched) -> Listener | None:
        port = self._local.port(one.place.url)
        return self._discovery.seen.by_port.get(port) if port else None

    def _is_here(self, one: Watched) -> bool:
        listener = self._listener(one)
        return self._local.port(one.place.url) is not None and not (listener and listener.name in TUNNELS)

    def _pid(self, one: Watched) -> int | None:
        """The process that serves it: what listens at its port, if that answers, or did so before it fell silent."""
        listener = self._listener(one)
        state = one.outcome.state if one.outcome is not None else ""
        if listener is None or not listener.serves or listener.pid is None or state not in ("ok", "down"):
            return None
        if state == "ok":
            self._answered[one.name] = listener.pid
        elif listener.pid != self._answered.get(one.name) or not _holds(listener.pid, listener.port):
            return None
        return listener.pid


class _Local:
    """Knows which addresses are this machine's."""

    def __init__(self) -> None:
        self._hosts: set[str] = set()
        self._read = Pace(60.0)

    def port(self, url: str) -> int | None:
        """The port of ``url`` when it is on this machine, else None."""
        parts = urlsplit(url)
        if self._read.due(time.monotonic()):
            self._hosts = {"localhost", "0.0.0.0", "::1", socket.gethostname().lower()}
            self._hosts |= {one.address for found in psutil.net_if_addrs().values() for one in found}
        host = (parts.hostname or "").lower()
        if host not in self._hosts and not host.startswith("127."):
            return None
        return parts.port or (443 if parts.scheme == "https" else 80)


def _holds(pid: int, port: int) -> bool:
    """Whether a process listens at a port now; one that hangs or is stopped does, one that has ended does not."""
    try:
        sockets = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port for one in sockets)


def _told(one: Watched) -> list[Sample]:
    """The samples of a server: what the newest look told, or that it is down."""
    outcome = one.outcome
    if outcome is None or (one.late and outcome.state == "ok"):
        return []
    look = Look(one.name, one.engine, samples=list(outcome.look.samples) if outcome.look else [])
    look.add(SERVER_UP, float(outcome.alive))
    if not outcome.alive:
        for model in one.models:
            if model.state in ("running", ""):
                look.add(UP, 0.0, model.name)
    return look.samples
