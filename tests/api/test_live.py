"""WebSocket and server-sent events against a server that really listens."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
import websocket

from api import viewers
from api.live import LONGEST_KEY, MOST_SERIES, SIGNED_OUT, parse_subscribe
from metrics.flat import KEYS
from tests.api.house import PASSWORD, House
from tests.support import free_port, listens, wait_until

Served = tuple[House, str]


def connect(address: str, token: str | None = None, **headers: str) -> websocket.WebSocket:
    sent = [f"{name}: {value}" for name, value in headers.items()]
    if token:
        sent.append(f"Authorization: Bearer {token}")
    return websocket.create_connection(f"ws://{address}/ws/metrics", timeout=10, header=sent, suppress_origin=True)


def refused(address: str, token: str | None = None, **headers: str) -> tuple[int, dict[str, object]]:
    """Status and body of a handshake that is refused."""
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        connect(address, token, **headers)
    return caught.value.status_code, json.loads(caught.value.resp_body or b"{}")


def next_frame(house: House, ws: websocket.WebSocket) -> dict[str, object]:
    """Ticks once and takes the frame."""
    house.tick()
    frame: dict[str, object] = json.loads(ws.recv())
    return frame


def closing_frame(ws: websocket.WebSocket) -> tuple[int, str]:
    """Code and reason of the close frame, past whatever comes before it."""
    while True:
        opcode, data = ws.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big"), data[2:].decode()


def present(house: House, count: int) -> None:
    # The engine of alerts listens, too.
    wait_until(lambda: house.services.hub.listeners("metrics") - 1 == count, what=f"{count} listeners")


def test_row_until_subscribed_then_points(served: Served) -> None:
    house, address = served
    with closing(connect(address, house.token("ws", "metrics:read"))) as ws:
        present(house, 1)
        first = next_frame(house, ws)
        assert tuple(first) == KEYS
        core = 'cpu_core_usage_ratio{core="1"}'
        ws.send(json.dumps({"subscribe": ["cpu_usage_ratio", "no_such_metric", core]}))
        points = first
        while "v" not in points:  # the message and a tick may cross
            points = next_frame(house, ws)
        assert set(points) == {"q", "t", "v"}
        assert points["t"] == house.at * 1000
        values = points["v"]
        assert isinstance(values, list)
        assert values[1] is None
        assert values[0] == pytest.approx(2 * values[2], rel=1e-4)
        again = next_frame(house, ws)
        assert again["q"] == points["q"] + 1  # type: ignore[operator]
        ws.send(json.dumps({"type": "subscribe", "series": [core]}))
        while len(again["v"]) != 1:  # type: ignore[arg-type]
            again = next_frame(house, ws)


def test_a_message_is_answered_without_a_tick(served: Served) -> None:
    house, address = served
    with closing(connect(address, house.token("ws", "metrics:read"))) as ws:
        ws.send("no json")
        assert "error" in json.loads(ws.recv())
        ws.ping("there?")
        opcode, data = ws.recv_data(control_frame=True)
        assert (opcode, data) == (websocket.ABNF.OPCODE_PONG, b"there?")


def test_a_cookie_opens_it_too(served: Served) -> None:
    house, address = served
    house.services.accounts.people.add("eve", PASSWORD, "viewer")
    cookie = sign_in(house, "eve")
    with closing(connect(address, Cookie=cookie, Origin=f"http://{address}")) as ws:
        present(house, 1)
        assert tuple(next_frame(house, ws)) == KEYS


def sign_in(house: House, name: str) -> str:
    """The Cookie header of somebody signed in."""
    client = house.server.test_client()
    with house.server.test_request_context():
        signed_in = house.services.accounts.sign_in(name, PASSWORD)
    assert signed_in is not None
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = signed_in[1], True
    cookie = client.get_cookie(house.server.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return f"{cookie.key}={cookie.value}"


def test_who_is_refused(served: Served) -> None:
    house, address = served
    house.services.accounts.people.add("eve", PASSWORD, "viewer")
    assert refused(address)[0] == 401
    assert refused(address, "vgt_wrong")[0] == 401
    assert refused(address, house.token("other", "models:start"))[0] == 403
    status, body = refused(address, Cookie=sign_in(house, "eve"), Origin="https://elsewhere.example")
    assert status == 403
    assert "another site" in str(body["detail"])
    assert viewers(house.server) == 0


def test_places_are_counted_and_given_back(served: Served) -> None:
    house, address = served
    token = house.token("ws", "metrics:read")
    first, second = connect(address, token), connect(address, token)
    with closing(second):
        assert viewers(house.server) == 2
        status, body = refused(address, token)
        assert status == 503
        assert "viewer_limit" in str(body["detail"])
        stream = requests.get(f"http://{address}/api/metrics/stream", headers=bearer(token), timeout=10)
        assert (stream.status_code, stream.headers["Content-Type"]) == (503, "application/problem+json")
        first.close()
        wait_until(lambda: viewers(house.server) == 1, what="the place given back")
        connect(address, token).close()
    wait_until(lambda: viewers(house.server) == 0, what="all places given back")


def test_a_handshake_that_is_none_costs_no_place(served: Served) -> None:
    house, address = served
    token = house.token("ws", "metrics:read")
    sent = {**bearer(token), "Connection": "Upgrade", "Upgrade": "websocket"}
    for more in ({}, {"Sec-WebSocket-Version": "8", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}):
        answer = requests.get(f"http://{address}/ws/metrics", headers={**sent, **more}, timeout=10)
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    plain = requests.get(f"http://{address}/ws/metrics", headers=bearer(token), timeout=10)
    assert 400 <= plain.status_code < 500
    assert viewers(house.server) == 0


@pytest.mark.parametrize("how", ["revoked", "signed out", "disabled"])
def test_a_login_that_ends_closes_it(how: str, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.presence.CHECK_SECONDS", 0.0)
    house, address = served
    accounts = house.services.accounts
    accounts.people.add("boss", PASSWORD, "admin")
    eve = accounts.people.add("eve", PASSWORD, "viewer")
    token = house.token("ws", "metrics:read")
    ws = connect(address, token) if how == "revoked" else connect(address, Cookie=sign_in(house, "eve"))
    with closing(ws):
        present(house, 1)
        next_frame(house, ws)
        if how == "revoked":
            accounts.tokens.revoke("ws")
        elif how == "signed out":
            accounts.sessions.end_all(eve.id)
        else:
            accounts.people.set_disabled("eve", True)
        house.tick()
        code, reason = closing_frame(ws)
    assert code == SIGNED_OUT
    assert "sign in again" in reason
    wait_until(lambda: viewers(house.server) == 0, what="the place given back")


@pytest.mark.slow
def test_who_does_not_read_loses_the_place(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop that was closed: its connection is open, its buffers fill, and a thread must not wait for it."""
    monkeypatch.setattr("api.presence.SEND_SECONDS", 1)
    house, address = served
    small = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
    header = [f"Authorization: Bearer {house.token('ws', 'metrics:read')}"]
    url = f"ws://{address}/ws/metrics"
    with closing(websocket.create_connection(url, timeout=10, header=header, sockopt=small)) as ws:
        present(house, 1)
        ws.send(json.dumps({"subscribe": ["memory_used_bytes"] * MOST_SERIES}))

        def left() -> bool:
            for _ in range(100):
                house.tick()
            return viewers(house.server) == 0

        wait_until(left, 60, "the place given back")


def test_stopping_says_so(served: Served) -> None:
    house, address = served
    with closing(connect(address, house.token("ws", "metrics:read"))) as ws:
        present(house, 1)
        house.services.hub.close()
        assert closing_frame(ws)[0] == 1001


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def events(answer: requests.Response) -> Iterator[dict[str, str]]:
    """Server-sent events as dicts of their fields."""
    event: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line:
            name, _, value = line.partition(":")
            event[name] = value.strip()
        elif event:
            yield event
            event = {}


def test_server_sent_events(served: Served) -> None:
    house, address = served
    url, token = f"http://{address}/api/v1/metrics/stream", house.token("sse", "metrics:read")
    with requests.get(url, headers=bearer(token), stream=True, timeout=10) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["X-Accel-Buffering"] == "no"
        stream = events(answer)
        assert "retry" in next(stream)
        present(house, 1)
        for _ in range(2):
            house.tick()
            event = next(stream)
            assert json.loads(event["data"]) == house.services.latest.row()
        assert viewers(house.server) == 1
    wait_until(lambda: house.tick() and viewers(house.server) == 0, what="the place given back")


def test_server_sent_events_end_with_the_login(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.presence.CHECK_SECONDS", 0.0)
    house, address = served
    token = house.token("sse", "metrics:read")
    with requests.get(f"http://{address}/api/metrics/stream", headers=bearer(token), stream=True, timeout=10) as answer:
        stream = events(answer)
        next(stream)
        present(house, 1)
        house.services.accounts.tokens.revoke("sse")
        house.tick()
        assert [event["event"] for event in stream if "event" in event] == ["end"]


def test_an_idle_stream_is_kept_open(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.PING_SECONDS", 0.05)
    house, address = served
    token = house.token("sse", "metrics:read")
    with requests.get(f"http://{address}/api/metrics/stream", headers=bearer(token), stream=True, timeout=10) as answer:
        lines = (line for line in answer.iter_lines(chunk_size=1) if line)
        assert next(lines) == b"retry: 2000"
        assert next(lines) == b": ping"


@pytest.mark.parametrize("message", [
    "", "[]", '"x"', "{}", '{"subscribe": "cpu"}', '{"subscribe": [1]}', '{"type": "subscribe"}',
    '{"type": "x", "series": []}', b"\xff\xfe",
    json.dumps({"subscribe": ["x" * (LONGEST_KEY + 1)]}), json.dumps({"subscribe": ["x"] * (MOST_SERIES + 1)}),
])
def test_messages_that_are_none(message: str | bytes) -> None:
    with pytest.raises(ValueError):
        parse_subscribe(message)


@contextmanager
def gunicorn(folder: Path) -> Iterator[str]:
    """The house under a real gunicorn with threads, ticking by itself."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", "8", "-b", f"127.0.0.1:{port}",
         "--no-control-socket", "tests.api.house:served()"],
        env={**os.environ, "HOUSE_FOLDER": str(folder)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )
    try:
        token = folder / "token"
        wait_until(lambda: process.poll() is not None or (listens(port) and token.exists() and token.read_text()), 30)
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=15)


@pytest.mark.slow
def test_under_gunicorn(tmp_path: Path) -> None:
    with gunicorn(tmp_path) as address:
        token = (tmp_path / "token").read_text()
        sockets = [connect(address, token) for _ in range(4)]
        for ws in sockets:
            ws.send(json.dumps({"subscribe": ["cpu_usage_ratio"]}))
        for ws in sockets:
            deadline = time.monotonic() + 10
            frame: dict[str, object] = {}
            while "v" not in frame and time.monotonic() < deadline:
                frame = json.loads(ws.recv())
            assert len(frame["v"]) == 1  # type: ignore[arg-type]
        assert refused(address, token)[0] == 503
        # Sockets hold threads, and others are left for requests.
        latest = requests.get(f"http://{address}/api/metrics/latest", headers=bearer(token), timeout=10)
        assert latest.status_code == 200
        for ws in sockets:
            ws.close()

        def opens() -> bool:
            try:
                connect(address, token).close()
            except websocket.WebSocketBadStatusException:
                return False
            return True

        wait_until(opens, what="a place given back")


CHANGE = {
    "changes": ["monitoring.alertThresholds.cpuPercent", "ui.theme"], "services": ["health", "pages"], "by": "ada",
    "version": 7, "source": "form", "restart": [],
}


def test_news_come_only_to_who_asked_and_may_have_them(served: Served) -> None:
    house, address = served
    may = house.token("page", "metrics:read", "config:view")
    with closing(connect(address, may)) as asks, closing(connect(address, may)) as silent:
        present(house, 2)
        asks.send(json.dumps({"subscribe": ["cpu_usage_ratio"], "topics": ["config"]}))
        silent.send(json.dumps({"subscribe": ["cpu_usage_ratio"]}))
        wait_until(lambda: house.services.hub.listeners("config") == 1)
        house.services.hub.publish("config", CHANGE)
        news = json.loads(asks.recv())
        assert news["news"] == "config" and news["data"] == CHANGE
        assert news["text"].startswith("ada changed the configuration: CPU use, warning; Theme.")
        assert "State, Pages" in news["text"]
        wait_until(lambda: set(next_frame(house, silent)) == {"q", "t", "v"}, what="it has subscribed")
        house.services.hub.publish("config", CHANGE)
        assert set(next_frame(house, silent)) == {"q", "t", "v"}, "a program's frames are what they were"


@pytest.mark.parametrize(("topics", "says"), [
    (["config"], "config:view"), (["sorcery"], "topics is a list"), ("config", "topics is a list"), ([1], "topics is"),
])
def test_topics_that_are_not_given_are_refused_and_values_come_all_the_same(
    served: Served, topics: object, says: str,
) -> None:
    house, address = served
    with closing(connect(address, house.token("reader", "metrics:read"))) as ws:
        present(house, 1)
        ws.send(json.dumps({"subscribe": ["cpu_usage_ratio"], "topics": topics}))
        assert says in json.loads(ws.recv())["error"]
        house.services.hub.publish("config", CHANGE)
        house.tick()
        assert set(json.loads(ws.recv())) == {"q", "t", "v"}
