"""Finds model servers on this machine by their listening sockets; each is confirmed by its own API.

What is asked, and what is not:

- Only sockets that listen for this machine itself (loopback or any address) are candidates, never those of Vigie, nor
  ports of `NOT_HTTP`, nor an address that the configuration names (what it says counts, also "not enabled").
- A process whose name or command looks like an engine is asked on whatever port it listens; any other, and one that
  cannot be seen, on the usual ports of engines alone (`USUAL`).
- A candidate is asked when it is new, then again after a minute, two, four, up to an hour: no log fills because of us.
  A new process on a port is new, and so is whatever holds the port of a server that no longer answers as its engine
  does or had gone. At most `PROBES` candidates are asked in a round, those that look like engines first.
- The questions are those of `collectors.engines.recognise`: harmless GETs, `PATIENCE` seconds each, and none after one
  that was not answered.
- A child of a server that runs children (Ollama, a llama.cpp router, LM Studio) is no server of its own.
- A server on its engine's own port is called by the engine, any other with its port: what is told of it is kept under
  its name, which must not depend on who else runs or was found first.
- One that stops listening is kept, as down, for `FORGOTTEN_AFTER` seconds if it had been there for `SETTLED_AFTER`: a
  crash must not look like nothing. A shorter-lived one is forgotten at once: somebody who tries out an engine stops it.
  One whose port is held by something that is no engine has gone just so, and one whose port is Vigie's is forgotten.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import psutil

from collectors.engines.client import Client, KeyAsked, Unanswered
from collectors.engines.listeners import Listener, ancestors, listeners
from collectors.engines.recognise import recognise
from collectors.engines.watched import Place
from collectors.engines.worker import Worker

EVERY = 10.0
"""Seconds between two looks at the listening sockets."""
AGAIN, AGAIN_AT_LATEST = 60.0, 3600.0
"""Seconds until a candidate that was none is asked again; doubled each time, up to the second."""
PROBES = 6
PATIENCE = 0.5
SETTLED_AFTER = 600.0
FORGOTTEN_AFTER = 3600.0
USUAL: dict[int, str] = {
    11434: "ollama", 1234: "lmstudio", 8080: "llamacpp", 8000: "vllm", 30000: "sglang", 3000: "tgi", 4000: "litellm",
    5000: "openai", 8081: "llamacpp", 8001: "vllm", 8888: "openai", 5001: "openai",
}
"""Ports that engines listen on when nothing else is said; the first of an engine is its own."""
OWN_PORTS = {engine: port for port, engine in reversed(USUAL.items())}
NOT_HTTP = frozenset({
    21, 22, 23, 25, 53, 88, 110, 111, 135, 139, 143, 389, 445, 465, 514, 587, 636, 873, 993, 995, 1433, 1521, 1883,
    2049, 2181, 3260, 3306, 3389, 4369, 5222, 5432, 5671, 5672, 5900, 5901, 6000, 6379, 6380, 6432, 8883, 9042, 9092,
    9300, 11211, 25672, 26379, 26257, 27017, 27018, 33060, 50051,
})
LOOKS: tuple[tuple[str, str], ...] = (
    ("ollama", "ollama"), ("llama-server", "llamacpp"), ("llama_server", "llamacpp"), ("llamafile", "llamacpp"),
    ("lm-studio", "lmstudio"), ("lmstudio", "lmstudio"), ("lms", "lmstudio"), ("vllm", "vllm"), ("sglang", "sglang"),
    ("text-generation-router", "tgi"), ("text-generation-launcher", "tgi"), ("litellm", "litellm"),
    ("koboldcpp", "openai"), ("local-ai", "openai"), ("localai", "openai"), ("tabbyapi", "openai"),
    ("llama_cpp", "openai"), ("llama-swap", "openai"), ("mlx_lm", "openai"), ("aphrodite", "openai"),
    ("lmdeploy", "openai"), ("xinference", "openai"), ("gpustack", "openai"), ("tritonserver", "openai"),
)
"""What the name of a process or one of its first words begins with -> the engine that it looks like."""
PARENTS = frozenset({"ollama", "llamacpp", "lmstudio"})


@dataclass(frozen=True, slots=True)
class Own:
    """What of Vigie listens: its ports and processes."""

    ports: Collection[int] = ()
    pids: Collection[int] = ()


@dataclass(slots=True)
class _Server:
    engine: str
    name: str
    listener: Listener
    since: float
    gone_at: float | None = None


@dataclass(slots=True)
class _Candidate:
    pid: int | None
    next_at: float = 0.0
    wait: float = AGAIN


@dataclass(slots=True)
class Seen:
    """What the newest round saw."""

    places: dict[str, Place] = field(default_factory=dict)
    by_port: dict[int, Listener] = field(default_factory=dict)
    begun: float = -math.inf
    """When the round began, monotonic seconds."""


class Discovery:
    """Looks round in a thread of its own. ``own`` says what is Vigie's, ``taken`` which ports are configured and which
    names, ``states`` how the servers that were found answer, by name: as `collectors.engines.watched.State`."""

    def __init__(
        self,
        own: Callable[[], Own] = Own,
        taken: Callable[[], tuple[Collection[int], Collection[str]]] = lambda: ((), ()),
        states: Callable[[], Mapping[str, str]] = dict,
        *,
        sockets: Callable[[], Sequence[Listener]] = listeners,
        parents: Callable[[int], Sequence[int]] = ancestors,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own, self._taken, self._states = own, taken, states
        self._sockets, self._parents, self._clock = sockets, parents, clock
        self._servers: dict[int, _Server] = {}
        self._candidates: dict[int, _Candidate] = {}
        self.seen = Seen()
        """The newest round's; replaced whole, never changed."""
        self.trouble = ""
        """Why the sockets cannot be seen, as a sentence; "" while they can."""
        self._probing = True
        self._worker = Worker("find-model-servers", self._round)

    def ask(self, probe: bool) -> None:
        """Begins a round, unless one is being made; without ``probe`` it only sees who listens."""
        self._probing = probe
        self._worker.ask()

    def wait(self, until: float) -> bool:
        """Waits for the round until a monotonic time; True when it is done."""
        return self._worker.wait(until)

    def stop(self) -> None:
        """Ends the thread."""
        self._worker.stop()

    def _round(self) -> None:
        self.look_round(probe=self._probing)

    def look_round(self, probe: bool = True) -> Seen:
        """One round, in the caller's thread."""
        begun = self._clock()
        try:
            found = {one.port: one for one in self._sockets()}
            self.trouble = ""
        except (OSError, psutil.Error) as error:
            self.trouble = f"The listening sockets of this machine cannot be seen: {error}."
            return self.seen
        ports, names = self._taken()
        if not probe:
            self._servers.clear()
        self._age(found, ports)
        if probe:
            for one in self._due(found, ports):
                self._probe(one, names)
            self._drop_children()
        places = {one.name: Place(one.listener.url, one.engine, "", "discovered") for one in self._servers.values()}
        self.seen = Seen(places, found, begun)
        return self.seen

    def _age(self, found: Mapping[int, Listener], configured: Collection[int]) -> None:
        """Drops what is configured now, and what is gone: at once, or after long if it had been there for long."""
        now, own = self._clock(), self._own()
        for port, server in list(self._servers.items()):
            listener = found.get(port)
            if listener is None and server.gone_at is None:
                server.gone_at = now
            ours = port in own.ports or (listener is not None and listener.pid in own.pids)
            if ours or port in configured or not self._is_kept(server):
                del self._servers[port]
            elif listener and listener.pid == server.listener.pid:
                server.listener = listener
        self._candidates = {port: one for port, one in self._candidates.items() if port in found}

    def _due(self, found: Mapping[int, Listener], configured: Collection[int]) -> list[Listener]:
        """The candidates of this round: parents before their children."""
        own, now = self._own(), self._clock()
        due = []
        for port, one in found.items():
            server = self._servers.get(port)
            if port in NOT_HTTP or port in configured or port in own.ports or one.pid in own.pids:
                continue
            if not self._in_doubt(server, one) if server else not (looks_like(one) or port in USUAL):
                continue
            known = self._candidates.get(port)
            if known is None or known.pid != one.pid:
                self._candidates[port] = known = _Candidate(one.pid)
            if self._is_child(one):
                if server:
                    self._replaced(port, server)
            elif now >= known.next_at:
                due.append(one)
        return sorted(due, key=self._order)[:PROBES]

    def _in_doubt(self, server: _Server, one: Listener) -> bool:
        """Whether what listens now may be another than the server that was found there. The process tells, where it can
        be seen; where not, that it does not answer as this engine does."""
        if server.gone_at is not None or server.listener.pid != one.pid:
            return True
        return self._states().get(server.name) == "unrecognised"

    def _is_kept(self, server: _Server) -> bool:
        if server.gone_at is None:
            return True
        kept_for = FORGOTTEN_AFTER if server.gone_at - server.since >= SETTLED_AFTER else -math.inf
        return self._clock() - server.gone_at <= kept_for

    def _order(self, one: Listener) -> tuple[bool, int, bool, int]:
        depth = len(self._parents(one.pid)) if one.pid is not None else 0
        return not looks_like(one), depth, one.port not in USUAL, one.port

    def _probe(self, one: Listener, names: Collection[str]) -> None:
        if self._is_child(one):
            return
        candidate = self._candidates[one.port]
        candidate.next_at, candidate.wait = self._clock() + candidate.wait, min(candidate.wait * 2, AGAIN_AT_LATEST)
        client = Client(one.url, connect=PATIENCE, read=PATIENCE, whole=2 * PATIENCE)
        before = self._servers.get(one.port)
        try:
            engine = recognise(client)
            if engine:
                del self._candidates[one.port]  # should it be in doubt one day, it is asked at once
        except Unanswered:
            if looks_like(one) or (before and before.listener.pid == one.pid):
                return  # it may be starting, or busy
            engine = ""
        except KeyAsked:
            engine = looks_like(one)  # what guards its answers may be anything else
        finally:
            client.close()
        if engine:
            same = before is not None and before.engine == engine
            name = before.name if before and same else self._name(engine, one.port, names)
            self._servers[one.port] = _Server(engine, name, one, before.since if before and same else self._clock())
        elif before:
            self._replaced(one.port, before)

    def _replaced(self, port: int, server: _Server) -> None:
        """Something that is no server of its own holds its port."""
        if server.gone_at is None:
            server.gone_at = self._clock()
        if not self._is_kept(server):
            del self._servers[port]

    @staticmethod
    def _name(engine: str, port: int, configured: Collection[str]) -> str:
        return engine if OWN_PORTS.get(engine) == port and engine not in configured else f"{engine}:{port}"

    def _is_child(self, one: Listener) -> bool:
        if one.pid is None:
            return False
        parents = {
            server.listener.pid for server in self._servers.values()
            if server.engine in PARENTS and server.listener.serves and server.listener.pid != one.pid
        }
        return bool(parents) and not parents.isdisjoint(self._parents(one.pid))

    def _drop_children(self) -> None:
        for port, server in list(self._servers.items()):
            if server.gone_at is None and self._is_child(server.listener):
                del self._servers[port]


def looks_like(one: Listener) -> str:
    """The engine that a process looks like by its name and the first words of its command; "" for none."""
    words = [one.name, *(PurePath(word).name for word in one.command[:4] if not word.startswith("-"))]
    modules = [word for before, word in zip(one.command, one.command[1:]) if before == "-m"]
    for word in (*words, *modules):
        for beginning, engine in LOOKS:
            if word.lower().startswith(beginning):
                return engine
    return ""
