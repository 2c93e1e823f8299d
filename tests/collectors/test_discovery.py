"""Finding model servers on this machine, against real listening sockets."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from collectors.engines.discovery import (
    FORGOTTEN_AFTER,
    NOT_HTTP,
    OWN_PORTS,
    PROBES,
    SETTLED_AFTER,
    USUAL,
    Discovery,
    Own,
    looks_like,
)
from collectors.engines.listeners import Listener, ancestors, listeners, trees
from collectors.engines.watched import Place
from tests.collectors.replay_server import Replay, Reply, replay
from tests.engine import run


class Sockets:
    """Those of the machine that a test gives."""

    def __init__(self, *given: Listener) -> None:
        self.given = list(given)

    def __call__(self) -> Sequence[Listener]:
        return self.given


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def name_of(engine: str, server: Replay) -> str:
    return f"{engine}:{port_of(server.url)}"


def listener(server: Replay | str, name: str = "ollama", pid: int | None = None) -> Listener:
    return Listener(port_of(server if isinstance(server, str) else server.url), name=name, pid=pid)


@contextmanager
def silent() -> Iterator[tuple[int, list[bytes]]]:
    """A raw socket that takes what it is sent and never answers: its port, and what it was sent."""
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        ended = threading.Event()

        def serve() -> None:
            kept = []
            while not ended.is_set():
                try:
                    kept.append(server.accept()[0])
                except TimeoutError:
                    continue
                sent.append(kept[-1].recv(4096))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1]), sent
        finally:
            ended.set()
            thread.join()


def test_the_real_engine_is_found_by_its_socket(tiny_model: Path) -> None:
    with run.engine(tiny_model) as engine:
        mine = Discovery(sockets=lambda: [one for one in listeners() if one.port == port_of(engine.url)])
        seen = mine.look_round()
    assert seen.places == {f"llamacpp:{port_of(engine.url)}": Place(engine.url, "llamacpp", "", "discovered")}
    found = seen.by_port[port_of(engine.url)]
    assert found.pid == engine.process.pid
    assert "--metrics" in found.command
    assert found.serves


def test_what_listens_here_is_seen_with_its_process() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as here,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
    ):
        found = {one.port: one for one in listeners()}
        assert found[here.getsockname()[1]].pid == os.getpid()
        assert found[six.getsockname()[1]].url == f"http://[::1]:{six.getsockname()[1]}"
        assert all(one.host in ("127.0.0.1", "::1") for one in found.values())


def test_processes_know_their_ancestors_and_descendants() -> None:
    assert os.getppid() in ancestors(os.getpid())
    assert os.getpid() in trees([os.getppid()])[os.getppid()]
    assert ancestors(2**22 + 1) == [] and trees([2**22 + 1]) == {}


def test_a_plain_web_server_and_a_silent_socket_are_none() -> None:
    with replay(changed=lambda _path: Reply(200, b"<html>It works</html>")) as web, silent() as (port, sent):
        seen = Discovery(sockets=Sockets(listener(web), Listener(port, name="vllm"))).look_round()
        assert seen.places == {}
        assert {method for method, _ in web.asked} == {"GET"}
        assert [line.split(b"\r\n")[0] for line in sent] == [b"GET /v1/models HTTP/1.1"]  # and no more after no answer


def test_vigie_itself_and_what_is_configured_are_never_asked() -> None:
    with replay("ollama-current") as own, replay("ollama-current") as process, replay("ollama-current") as configured:
        discovery = Discovery(
            lambda: Own({port_of(own.url)}, {4242}), lambda: ({port_of(configured.url)}, {"mine"}),
            sockets=Sockets(listener(own), listener(process, pid=4242), listener(configured)),
        )
        assert discovery.look_round().places == {}
        assert own.asked == process.asked == configured.asked == []


def test_only_what_looks_like_an_engine_is_asked_on_an_unusual_port() -> None:
    with replay("vllm-0.33.0") as server:
        for name, command, found in (("nginx", (), False), ("python3", ("python3", "-m", "vllm.entrypoints"), True)):
            one = Listener(port_of(server.url), name=name, command=command)
            assert bool(Discovery(sockets=Sockets(one)).look_round().places) is found
            assert bool(server.asked) is found


def test_ports_of_other_protocols_are_not_asked() -> None:
    assert not NOT_HTTP & USUAL.keys()
    asked: list[int] = []
    discovery = Discovery(sockets=Sockets(*(Listener(port, name="ollama") for port in NOT_HTTP)))
    discovery._probe = lambda one, _names: asked.append(one.port)  # type: ignore[method-assign]
    discovery.look_round()
    assert asked == []


def test_a_candidate_that_was_none_is_asked_less_and_less() -> None:
    now = [0.0]
    with replay(changed=lambda _path: Reply(404)) as web:
        sockets = Sockets(listener(web, pid=7))
        discovery = Discovery(sockets=sockets, parents=lambda _pid: (), clock=lambda: now[0])

        def asked(at: float) -> bool:
            now[0], before = at, len(web.asked)
            discovery.look_round()
            return len(web.asked) > before

        assert [asked(at) for at in (0, 10, 59, 60, 119, 179, 180, 300, 420)] == [
            True, False, False, True, False, False, True, False, True
        ]
        sockets.given = [listener(web, pid=8)]  # another process is another matter
        assert asked(421)


def test_a_round_asks_so_many_at_most_and_likely_ones_first() -> None:
    asked: list[int] = []
    unlikely = [Listener(port, name="nginx") for port in USUAL][: PROBES + 2]
    discovery = Discovery(sockets=Sockets(*unlikely, Listener(60_001, name="ollama")))
    discovery._probe = lambda one, _names: asked.append(one.port)  # type: ignore[method-assign]
    discovery.look_round()
    assert len(asked) == PROBES
    assert asked[0] == 60_001


def test_children_of_a_server_are_not_servers_of_their_own() -> None:
    with replay("ollama-current") as ollama, replay("llamacpp-b11549") as child, replay("llamacpp-b11549") as other:
        family = {100: (1,), 101: (100, 1), 102: (1,)}
        discovery = Discovery(
            sockets=Sockets(
                listener(child, "llama-server", 101), listener(ollama, pid=100), listener(other, "llama-server", 102)
            ),
            parents=family.__getitem__,
        )
        places = discovery.look_round().places
        assert {name: place.url for name, place in places.items()} == {
            name_of("ollama", ollama): ollama.url, name_of("llamacpp", other): other.url,
        }
        assert child.asked == []
        assert port_of(child.url) in discovery.seen.by_port  # its memory is wanted all the same


def test_a_name_depends_on_nothing_but_the_port() -> None:
    with replay("ollama-current") as one, replay("ollama-0.5.1") as two:
        names = {server.url: name_of("ollama", server) for server in (one, two)}
        for order in ((one, two), (two, one)):  # the second comes later, or Vigie starts when both are there
            sockets = Sockets(listener(order[0]))
            discovery = Discovery(sockets=sockets)
            discovery.look_round()
            sockets.given.append(listener(order[1]))
            for _ in range(2):
                assert {place.url: name for name, place in discovery.look_round().places.items()} == names
                discovery = Discovery(sockets=sockets)


def test_a_server_on_the_port_of_its_engine_is_called_by_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {engine: OWN_PORTS[engine] for engine in ("ollama", "llamacpp", "vllm")} == {
        "ollama": 11434, "llamacpp": 8080, "vllm": 8000,
    }
    with replay("ollama-current") as own, replay("ollama-current") as other:
        monkeypatch.setitem(OWN_PORTS, "ollama", port_of(own.url))
        sockets = Sockets(listener(other), listener(own))
        assert set(Discovery(sockets=sockets).look_round().places) == {"ollama", name_of("ollama", other)}
        configured = Discovery(taken=lambda: ((), {"ollama"}), sockets=sockets)
        assert set(configured.look_round().places) == {name_of("ollama", own), name_of("ollama", other)}


def test_a_server_that_goes_is_kept_for_a_while_if_it_had_been_there_for_long() -> None:
    now = [0.0]
    with replay("tgi-3.3.6") as server:
        there = listener(server, "text-generation-router")
        sockets = Sockets(there)
        discovery = Discovery(sockets=sockets, clock=lambda: now[0])
        assert list(discovery.look_round().places) == [name_of("tgi", server)]
        now[0], sockets.given = SETTLED_AFTER - 1, []
        assert list(discovery.look_round().places) == [], "somebody tried it out"
        began, sockets.given = now[0] + 60, [there]
        now[0] = began
        assert list(discovery.look_round().places) == [name_of("tgi", server)]
        sockets.given = []
        for seconds, kept in ((0.0, True), (FORGOTTEN_AFTER, True), (FORGOTTEN_AFTER + 1.0, False)):
            now[0] = began + SETTLED_AFTER + seconds
            assert list(discovery.look_round().places) == [name_of("tgi", server)] * kept


def test_one_that_was_started_again_has_been_there_all_the_time() -> None:
    now = [0.0]
    with replay("tgi-3.3.6") as server:
        sockets = Sockets(listener(server, "text-generation-router", 7))
        discovery = Discovery(sockets=sockets, parents=lambda _pid: (), clock=lambda: now[0])
        discovery.look_round()
        now[0], sockets.given = SETTLED_AFTER, [listener(server, "text-generation-router", 8)]
        discovery.look_round()
        now[0], sockets.given = SETTLED_AFTER + 30, []
        assert list(discovery.look_round().places) == [name_of("tgi", server)]


def test_another_engine_on_a_port_has_another_name() -> None:
    with replay("ollama-current") as server:
        sockets = Sockets(listener(server, pid=7))
        discovery = Discovery(sockets=sockets, parents=lambda _pid: ())
        discovery.look_round()
        server.capture, sockets.given = "lmstudio-v1", [listener(server, "lm-studio", 8)]
        assert list(discovery.look_round().places) == [name_of("lmstudio", server)]


@contextmanager
def intruder(kind: str) -> Iterator[int]:
    """Something that is no engine: a web site, one that asks everybody for a key, or one that never answers."""
    if kind == "silent":
        with silent() as (port, _sent):
            yield port
    else:
        with replay(key="secret" if kind == "guarded" else "", changed=lambda _path: None) as web:
            yield port_of(web.url)


@pytest.mark.parametrize("kind", ["site", "guarded", "silent"])
@pytest.mark.parametrize("settled", [False, True])
def test_a_server_whose_port_is_held_by_something_else_has_gone(kind: str, settled: bool) -> None:
    now = [0.0]
    with intruder(kind) as port, replay("tgi-3.3.6", changed=lambda _path: None) as server:
        was = Listener(port_of(server.url), pid=7, name="text-generation-router")
        sockets = Sockets(was)
        discovery = Discovery(sockets=sockets, parents=lambda _pid: (), clock=lambda: now[0])
        [name] = discovery.look_round().places
        moved, discovery._servers = discovery._servers.pop(was.port), {}
        discovery._servers[port] = moved  # as if it had been where the other is now
        sockets.given = [Listener(port, pid=8, name="nginx")]
        now[0] = SETTLED_AFTER if settled else SETTLED_AFTER - 1
        assert list(discovery.look_round().places) == ([name] if settled else [])
        now[0] += FORGOTTEN_AFTER
        assert list(discovery.look_round().places) == ([name] if settled else [])
        now[0] += 1
        assert discovery.look_round().places == {}, "though its port is open all the time"


def test_a_server_that_comes_back_to_its_port_has_not_gone() -> None:
    now = [0.0]
    with replay("tgi-3.3.6") as server:
        sockets = Sockets(listener(server, "text-generation-router", 7))
        discovery = Discovery(sockets=sockets, parents=lambda _pid: (), clock=lambda: now[0])
        [name] = discovery.look_round().places
        server.capture, sockets.given = "", [listener(server, "python3", 8)]
        now[0] = SETTLED_AFTER
        discovery.look_round()
        server.capture, sockets.given = "tgi-3.3.6", [listener(server, "text-generation-router", 9)]
        now[0] += 60
        discovery.look_round()
        now[0] += FORGOTTEN_AFTER + 1
        assert list(discovery.look_round().places) == [name]


def test_a_server_whose_port_is_vigies_now_is_forgotten() -> None:
    own = Own()
    with replay("ollama-current") as server:
        discovery = Discovery(lambda: own, sockets=Sockets(listener(server)))
        assert discovery.look_round().places
        own = Own({port_of(server.url)})
        assert discovery.look_round().places == {}


def test_where_processes_are_not_seen_an_answer_that_is_not_its_own_tells_of_another() -> None:
    states: dict[str, str] = {}
    with replay("ollama-current") as server:
        discovery = Discovery(states=lambda: states, sockets=Sockets(listener(server)))
        [first] = discovery.look_round().places
        states[first], asked = "down", len(server.asked)
        assert list(discovery.look_round().places) == [first] and len(server.asked) == asked
        server.capture, states[first] = "vllm-0.33.0", "unrecognised"
        [second] = discovery.look_round().places.values()
        assert second.engine == "vllm"
        server.capture = ""
        states.update(dict.fromkeys(discovery.seen.places, "unrecognised"))
        assert discovery.look_round().places == {}


def test_one_that_asks_for_a_key_is_not_asked_in_each_round_what_it_is() -> None:
    now = [0.0]
    with replay("vllm-0.33.0", key="secret") as server:
        discovery = Discovery(
            states=lambda: {name_of("vllm", server): "unrecognised"}, sockets=Sockets(listener(server, "vllm")),
            clock=lambda: now[0],
        )
        discovery.look_round()
        asked = len(server.asked)
        for now[0] in range(0, 60, 10):
            assert list(discovery.look_round().places) == [name_of("vllm", server)]
        assert len(server.asked) == asked


def test_a_server_that_asks_for_a_key_is_found_when_its_process_tells_what_it_is() -> None:
    with replay("vllm-0.33.0", key="secret") as server:
        found = Discovery(sockets=Sockets(listener(server, "vllm"))).look_round().places
        assert list(found) == [name_of("vllm", server)]
        usual = Listener(8000, "127.0.0.1", None, "grafana")
        assert looks_like(usual) == ""


def test_without_searching_it_is_only_seen_who_listens() -> None:
    with replay("ollama-current") as server:
        discovery = Discovery(sockets=Sockets(listener(server)))
        seen = discovery.look_round(probe=False)
        assert seen.places == {} and list(seen.by_port) == [port_of(server.url)]
        assert server.asked == []


def test_sockets_that_cannot_be_seen_are_said() -> None:
    def refused() -> Sequence[Listener]:
        raise PermissionError("not allowed")

    discovery = Discovery(sockets=refused)
    assert discovery.look_round().places == {}
    assert "not allowed" in discovery.trouble


@pytest.mark.parametrize(("name", "command", "engine"), [
    ("ollama", ("/usr/local/bin/ollama", "serve"), "ollama"),
    ("llama-server", ("llama-server", "-m", "x.gguf"), "llamacpp"),
    ("python3", ("python3", "-m", "vllm.entrypoints.openai.api_server"), "vllm"),
    ("vllm", ("/venv/bin/python", "/venv/bin/vllm", "serve", "m"), "vllm"),
    ("python", ("python", "-m", "sglang.launch_server"), "sglang"),
    ("litellm", ("/venv/bin/python3", "/venv/bin/litellm", "--config", "c.yaml"), "litellm"),
    ("text-generation-router", (), "tgi"), ("nginx", ("nginx: master process",), ""), ("", (), ""),
])
def test_what_a_process_looks_like(name: str, command: tuple[str, ...], engine: str) -> None:
    assert looks_like(Listener(1, name=name, command=command)) == engine
