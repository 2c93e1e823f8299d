"""What goes wrong behind a proxy: each client gets a right answer or a clear error, and it is counted right."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
import requests

from tests.serving.proxy.support import (
    DONE,
    LISTED,
    Asked,
    Scripted,
    Serving,
    ask,
    begin,
    event,
    part,
    received,
    scripted,
    serving,
    yes,
)
from tests.support import free_port, wait_until

OLLAMA_LISTED = {
    "/api/version": {"version": "0.9.9"}, "/api/ps": {"models": []},
    "/api/tags": {"models": [{"name": "m:latest", "model": "m:latest", "size": 5, "digest": "abc",
                              "modified_at": "2026-01-01T00:00:00Z", "details": {"family": "llama"}}]},
}


def stream(url: str, path: str = "/v1/chat/completions", **more: Any) -> tuple[int, bytes, bool]:
    """Status, bytes and whether the answer came to its end."""
    return received(url + path, ask(stream=True, **more))


def three(connection: socket.socket) -> None:
    """Three tokens of a stream."""
    begin(connection)
    for text in "abc":
        part(connection, event(text))


def killed(connection: socket.socket, _asked: Asked) -> None:
    three(connection)
    os.close(connection.detach())  # as the kernel does for a process that was killed


def closes_early(connection: socket.socket, _asked: Asked) -> None:
    three(connection)
    part(connection, b"")


def without_length(connection: socket.socket, _asked: Asked) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + event("a"))
    connection.shutdown(socket.SHUT_RDWR)


def hangs_between(connection: socket.socket, _asked: Asked) -> None:
    three(connection)
    connection.recv(1)


def reports(connection: socket.socket, _asked: Asked) -> None:
    three(connection)
    part(connection, b'data: {"error":{"message":"out of memory","type":"server_error"}}\n\n')
    part(connection, b"")


@pytest.mark.parametrize(("script", "error", "says"), [
    (killed, "midstream", "broke off"), (closes_early, "midstream", "before it was over"),
    (without_length, "midstream", "before it was over"), (hangs_between, "timeout", "sent nothing for 0.3 s"),
])
def test_a_stream_that_breaks_off_ends_with_an_error_and_without_its_last_part(
    before_nothing: Serving, script: Callable[..., None], error: str, says: str
) -> None:
    with scripted(script) as upstream:
        before_nothing.configure({"box": upstream.url}, timeout=300)
        after = before_nothing.last
        status, got, ended = stream(before_nothing.openai)
        assert (status, ended) == (200, False)
        assert got.startswith(event("a"))
        last = json.loads(got.rstrip().rpartition(b"data: ")[2])
        assert says in last["error"]["message"]
        record = before_nothing.record(after)[0]
        assert (record["error"], record["status"], record["exact"]) == (error, 200, False)
        status, got, ended = stream(before_nothing.ollama, "/api/chat")
        lines = [json.loads(line) for line in got.splitlines()]
        assert lines[0]["message"]["content"] == "a" and says in lines[-1]["error"] and not ended
        assert before_nothing.record(after, 2)[1]["error"] == error


def test_an_error_that_an_engine_reports_in_its_stream_is_counted(before_nothing: Serving) -> None:
    with scripted(reports) as upstream:
        before_nothing.configure({"box": upstream.url})
        after = before_nothing.last
        assert b"out of memory" in stream(before_nothing.openai)[1]
        record = before_nothing.record(after)[0]
        assert (record["error"], record["message"]) == ("upstream", "The engine reported an error (server_error).")


def streams_and_is_gone(connection: socket.socket, _asked: Asked) -> None:
    """As llama.cpp does when it is slow to close: whoever asks on this connection again gets no answer."""
    three(connection)
    part(connection, event("", "stop") + DONE)
    part(connection, b"")
    connection.recv(65_536)
    connection.shutdown(socket.SHUT_RDWR)


def test_no_request_follows_a_stream_of_llamacpp_on_its_connection(before_nothing: Serving) -> None:
    with scripted(streams_and_is_gone) as upstream:
        before_nothing.configure({"box": upstream.url}, engine="llamacpp")
        after = before_nothing.last
        for url, path in ((before_nothing.openai, "/v1/chat/completions"), (before_nothing.ollama, "/api/chat")) * 3:
            assert stream(url, path)[0] == 200
            assert requests.post(url + path, json=ask(), timeout=20).status_code == 200
        assert not any("error" in one for one in before_nothing.record(after, 12))


def hangs(connection: socket.socket, _asked: Asked) -> None:
    connection.recv(1)


def hangs_after_headers(connection: socket.socket, _asked: Asked) -> None:
    begin(connection)
    connection.recv(1)


def closes(connection: socket.socket, _asked: Asked) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def garbage(connection: socket.socket, _asked: Asked) -> None:
    connection.sendall(b"\0\1 what is this\r\n\r\n")
    connection.shutdown(socket.SHUT_RDWR)


def half(connection: socket.socket, _asked: Asked) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"choices"')
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(("script", "status", "error"), [
    (hangs, 504, "timeout"), (closes, 502, "upstream"), (garbage, 502, "upstream"), (half, 502, "upstream"),
])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat"])
def test_what_begins_no_answer_gets_a_clear_error(
    before_nothing: Serving, script: Callable[..., None], status: int, error: str, path: str
) -> None:
    with scripted(script) as upstream:
        before_nothing.configure({"box": upstream.url}, firstByteTimeout=300)
        after = before_nothing.last
        url = before_nothing.ollama if path.startswith("/api") else before_nothing.openai
        answer = requests.post(url + path, json=ask(), timeout=20)
        told = answer.json()["error"]
        assert answer.status_code == status
        assert (told if isinstance(told, str) else told["message"]).startswith("box ")
        record = before_nothing.record(after)[0]
        assert (record["error"], record["status"], record["attempts"]) == (error, status, 1)
        assert len(upstream.asked) == 1  # it may have run: it is not asked twice
    before_nothing.configure(firstByteTimeout=300_000)


def test_headers_alone_are_no_first_part(before_nothing: Serving) -> None:
    with scripted(hangs_after_headers) as upstream:
        before_nothing.configure({"box": upstream.url}, firstByteTimeout=300)
        after = before_nothing.last
        status, got, ended = stream(before_nothing.openai)
        assert (status, ended) == (200, False) and b"sent nothing for 0.3 s" in got
        assert before_nothing.record(after)[0]["error"] == "timeout"
    before_nothing.configure(firstByteTimeout=300_000)


def test_a_server_that_refuses_is_asked_again_and_then_given_up(before_nothing: Serving) -> None:
    port = free_port()
    before_nothing.configure({"box": f"http://127.0.0.1:{port}"}, retries=2)
    after = before_nothing.last
    answer = requests.post(f"{before_nothing.openai}/v1/chat/completions", json=ask(), timeout=20)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert answer.headers["Retry-After"]
    record = before_nothing.record(after)[0]
    assert (record["error"], record["attempts"]) == ("connect", 3)
    proxies = before_nothing.status()["proxies"]
    assert [one["healthy"] for one in proxies] == [False, False]
    before_nothing.configure(retries=8)
    for count in range(2, 12):  # on a busy machine the server may be there before the first try
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(
                requests.post, f"{before_nothing.openai}/v1/chat/completions", json=ask(), timeout=30)
            wait_until(lambda: before_nothing.status()["proxies"][1]["running"] == 1)
            listener = socket.create_server(("127.0.0.1", port))
            threading.Thread(target=_answer_one, args=(listener,), daemon=True).start()
            assert waiting.result().json()["choices"][0]["message"]["content"] == "yes"
            listener.shutdown(socket.SHUT_RDWR)  # else the port is held for as long as the thread waits for a client
            listener.close()
        if before_nothing.record(after, count)[count - 1]["attempts"] > 1:
            return
    pytest.fail("no request was tried again")


def _answer_one(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        got = connection.recv(65_536)
        if got.startswith(b"POST"):
            yes(connection, Asked("POST", "/", {}, b""))
        connection.close()


def test_before_the_first_look_a_proxy_is_neither_healthy_nor_not(before_nothing: Serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        before_nothing.client.configure(before_nothing.document | {"models": {"servers": {"silent": {"url": url}}}})
        told = before_nothing.status()
        assert told["upstreams"][0]["state"] == "unknown"
        assert not any("healthy" in one for one in told["proxies"])


def test_a_server_that_loads_is_waited_for(before_nothing: Serving) -> None:
    loading = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
    ready = threading.Event()

    with _loading_server(ready, loading) as upstream:
        before_nothing.configure({"box": upstream.url}, engine="llamacpp")
        wait_until(lambda: before_nothing.status()["upstreams"][0]["state"] == "loading")
        assert all(one["healthy"] for one in before_nothing.status()["proxies"])
        after = before_nothing.last
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(requests.post, f"{before_nothing.openai}/v1/chat/completions", json=ask(), timeout=30)
            wait_until(lambda: before_nothing.status()["proxies"][1]["waiting"] == 1)
            ready.set()
            assert waiting.result().status_code == 200
        assert before_nothing.record(after)[0]["queue"] > 0


@pytest.mark.parametrize(("path", "asked", "status"), [
    ("/v1/chat/completions", "big", 200), ("/api/chat", "big", 200), ("/v1/chat/completions", "none", 404),
])
def test_a_model_that_nobody_lists_is_waited_for_while_a_server_loads(
    before_nothing: Serving, path: str, asked: str, status: int
) -> None:
    loading = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
    listed = {"object": "list", "data": [{"id": "big", "object": "model", "owned_by": "llamacpp", "created": 5}]}
    ready = threading.Event()
    with scripted(yes) as other, _loading_server(ready, loading, listed) as upstream, ThreadPoolExecutor(1) as pool:
        before_nothing.configure({"other": other.url, "box": upstream.url})
        wait_until(lambda: [one["state"] for one in before_nothing.status()["upstreams"]] == ["ok", "loading"])
        known = requests.post(f"{before_nothing.openai}/v1/chat/completions", json=ask(), timeout=20)
        assert known.status_code == 200  # others are served meanwhile
        url = before_nothing.ollama if path.startswith("/api") else before_nothing.openai
        waiting = pool.submit(requests.post, url + path, json=ask(model=asked), timeout=30)
        wait_until(lambda: sum(one["running"] for one in before_nothing.status()["proxies"]) == 1)
        looked = len(upstream.looked)
        wait_until(lambda: len(upstream.looked) > looked + 4)
        assert not waiting.done()
        ready.set()
        assert waiting.result().status_code == status
        assert [one.json["model"] for one in upstream.asked] == (["big"] if status == 200 else [])


def test_a_model_of_a_server_that_loads_too_long_is_no_404(before_nothing: Serving) -> None:
    loading = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
    with scripted(yes) as other, _loading_server(threading.Event(), loading) as upstream:
        before_nothing.configure({"other": other.url, "box": upstream.url}, firstByteTimeout=300)
        wait_until(lambda: [one["state"] for one in before_nothing.status()["upstreams"]] == ["ok", "loading"])
        answer = requests.post(f"{before_nothing.openai}/v1/chat/completions", json=ask(model="big"), timeout=20)
        assert answer.status_code == 504 and "box was still loading" in answer.json()["error"]["message"]
    before_nothing.configure(firstByteTimeout=300_000)


def test_a_model_that_a_server_may_have_that_never_answered_is_no_404(before_nothing: Serving) -> None:
    with scripted(yes) as other:
        before_nothing.configure({"other": other.url, "box": f"http://127.0.0.1:{free_port()}"})
        after = before_nothing.last
        answer = requests.post(f"{before_nothing.openai}/v1/chat/completions", json=ask(model="big"), timeout=20)
        assert answer.status_code == 503 and answer.headers["Retry-After"]
        told = answer.json()["error"]
        assert told["code"] == "model_not_ready" and "box has yet to tell its models" in told["message"]
        assert before_nothing.record(after)[0]["error"] == "connect"


def _loading_server(ready: threading.Event, loading: Any, listed: dict[str, Any] = LISTED) -> Any:
    """A llama.cpp that says 503 until it is ``ready``, and then has the models ``listed``."""
    class Health(dict[str, Any]):
        def get(self, path: str, default: Any = None) -> Any:
            return super().get(path, default) if ready.is_set() else loading

    return scripted(yes, Health(listed, **{"/health": {"status": "ok"}}))


def test_a_thousand_clients_at_once_and_nothing_is_left_over(before_nothing: Serving) -> None:
    with scripted(yes) as upstream:
        before_nothing.configure({"box": upstream.url}, concurrency=20, queueSize=2000)
        after = before_nothing.last
        before = before_nothing.status()["proxies"][1]
        process = psutil.Process(before_nothing.process.pid)

        async def one(session: aiohttp.ClientSession, number: int) -> bool:
            url = before_nothing.ollama if number % 4 == 0 else before_nothing.openai
            path = "/api/chat" if number % 4 == 0 else "/v1/chat/completions"
            async with session.post(url + path, json=ask()) as answer:
                return answer.status == 200 and b"yes" in await answer.read()

        async def all_at_once() -> list[bool]:
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(90)) as session:
                return await asyncio.gather(*(one(session, number) for number in range(1000)))

        assert all(asyncio.run(all_at_once()))
        records = before_nothing.record(after, 1000)
        assert len(records) == len({record["id"] for record in records}) == 1000
        told = before_nothing.status()
        assert told["proxies"][1]["requests"] - before["requests"] == 750
        assert [one["running"] + one["waiting"] for one in told["proxies"]] == [0, 0]
        assert all(lane["running"] == lane["waiting"] == 0 for lane in told["lanes"])
        assert max(record["queue"] for record in records) > 0
    before_nothing.configure({}, concurrency=0, queueSize=100)
    wait_until(lambda: len(process.net_connections()) <= 4, 20, "all connections are gone")


def test_a_full_disk_is_said_and_stops_nothing(tmp_path: Path) -> None:
    def no_files() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    with scripted(yes) as upstream, serving(tmp_path, {"box": upstream.url}, no_files) as one:
        assert "cannot be kept" in one.status()["problem"]
        answer = requests.post(f"{one.openai}/v1/chat/completions", json=ask(), timeout=20)
        assert answer.json()["choices"][0]["message"]["content"] == "yes"
        assert not (tmp_path / "serving.json").exists()


def finishes(connection: socket.socket, _asked: Asked) -> None:
    begin(connection)
    part(connection, event("a"))
    part(connection, event("", "stop"))
    part(connection, b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":9}}\n\n')
    part(connection, DONE)
    part(connection, b"")


def test_usage_is_asked_for_and_taken_out_again(before_nothing: Serving) -> None:
    with scripted(finishes) as upstream:
        before_nothing.configure({"box": upstream.url})
        after = before_nothing.last
        assert stream(before_nothing.openai) == (200, event("a") + event("", "stop") + DONE, True)
        assert upstream.asked[-1].json["stream_options"] == {"include_usage": True}
        record = before_nothing.record(after)[0]
        assert (record["prompt_tokens"], record["output_tokens"], record["exact"]) == (3, 9, True)
        got = stream(before_nothing.openai, stream_options={"include_usage": True})[1]
        assert b'"choices":[]' in got
        stream(before_nothing.openai, stream_options={"include_usage": False})
        assert upstream.asked[-1].json["stream_options"] == {"include_usage": False}


@pytest.fixture
def ollama_server() -> Iterator[Scripted]:
    """An Ollama, scripted."""
    def script(connection: socket.socket, _asked: Asked) -> None:
        begin(connection, "application/x-ndjson")
        part(connection, b'{"model":"m","message":{"role":"assistant","content":"x"},"done":false}\n')
        part(connection, b'{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop",'
                         b'"prompt_eval_count":4,"eval_count":1,"eval_duration":5000000}\n')
        part(connection, b"")

    with scripted(script, OLLAMA_LISTED) as one:
        yield one


def test_an_ollama_behind_an_ollama_proxy_gets_and_gives_the_same_bytes(
    before_nothing: Serving, ollama_server: Scripted
) -> None:
    before_nothing.configure({"old": ollama_server.url})
    after = before_nothing.last
    raw = b'{ "model": "m",  "messages": [], "keep_alive": 5 }'
    direct = requests.post(f"{ollama_server.url}/api/chat", data=raw, timeout=10)
    through = requests.post(f"{before_nothing.ollama}/api/chat", data=raw, timeout=10)
    assert through.content == direct.content
    assert through.headers["Content-Type"] == "application/x-ndjson"
    assert [one.body for one in ollama_server.asked] == [raw, raw]
    record = before_nothing.record(after)[0]
    assert (record["engine"], record["model"], record["output_tokens"], record["prompt_tokens"]) == (
        "ollama", "m:latest", 1, 4)
    assert record["decode"] == pytest.approx(0.005)
    for path in ("/api/tags", "/api/version", "/api/ps"):
        assert requests.get(before_nothing.ollama + path, timeout=5).json() == OLLAMA_LISTED[path]


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/pull"), ("POST", "/api/show"), ("DELETE", "/api/delete")])
def test_what_runs_no_model_is_logged_and_is_no_request_of_one(
    before_nothing: Serving, ollama_server: Scripted, method: str, path: str
) -> None:
    ollama_server.script = yes
    before_nothing.configure({"old": ollama_server.url})
    before = before_nothing.status()
    answer = requests.request(method, before_nothing.ollama + path, json={"model": "m:latest"}, timeout=5)
    assert answer.status_code == 200 and ollama_server.asked[-1].path == path
    record = before_nothing.record(before["requests"]["last"])[0]
    assert (record["kind"], record["model"], record["path"]) == ("other", "m:latest", path)
    told = before_nothing.status()
    assert told["proxies"][0]["requests"] == before["proxies"][0]["requests"] + 1
    counted = [[(one["server"], one["model"], one["requests"]) for one in at["lanes"]] for at in (before, told)]
    assert counted[0] == counted[1]


def test_what_runs_no_model_takes_no_turn_of_it(before_nothing: Serving, ollama_server: Scripted) -> None:
    go = threading.Event()

    def pulls(connection: socket.socket, asked: Asked) -> None:
        if asked.path == "/api/pull":
            go.wait(20)
        yes(connection, asked)

    ollama_server.script = pulls
    before_nothing.configure({"old": ollama_server.url}, concurrency=1, queueSize=0)
    with ThreadPoolExecutor(1) as pool:
        pull = pool.submit(requests.post, f"{before_nothing.ollama}/api/pull", json={"model": "m:latest"}, timeout=20)
        wait_until(lambda: ollama_server.asked)
        answer = requests.post(f"{before_nothing.ollama}/api/chat", json=ask(), timeout=10)
        go.set()
        assert (answer.status_code, pull.result().status_code) == (200, 200)
    before_nothing.configure(concurrency=0, queueSize=100)


def test_a_reranking_is_a_request_of_its_model(before_nothing: Serving) -> None:
    with scripted(yes) as upstream:
        before_nothing.configure({"ranks": upstream.url})
        after = before_nothing.last
        answer = requests.post(f"{before_nothing.openai}/v1/rerank", json={"model": "m", "query": "a"}, timeout=5)
        assert answer.status_code == 200 and before_nothing.record(after)
        assert [one["requests"] for one in before_nothing.status()["lanes"] if one["server"] == "ranks"] == [1]


def test_a_stream_without_tokens_goes_on_for_longer_than_the_wait_for_its_first_byte(before_nothing: Serving) -> None:
    line = b'{"status":"pulling abc","total":9,"completed":3}\n'

    def pulls(connection: socket.socket, _asked: Asked) -> None:
        begin(connection, "application/x-ndjson")
        for _ in range(24):
            part(connection, line)
            time.sleep(0.05)
        part(connection, b"")

    with scripted(pulls, OLLAMA_LISTED) as upstream:
        before_nothing.configure({"old": upstream.url}, firstByteTimeout=500, timeout=60_000)
        after = before_nothing.last
        assert stream(before_nothing.ollama, "/api/pull") == (200, line * 24, True)
        assert "error" not in before_nothing.record(after)[0]
    before_nothing.configure(firstByteTimeout=300_000)


def test_lists_of_several_servers_are_one(before_nothing: Serving, ollama_server: Scripted) -> None:
    with scripted(yes) as vllm:
        before_nothing.configure({"old": ollama_server.url, "new": vllm.url}, engine="auto")
        after = before_nothing.last
        vllm.listed = {"object": "list", "data": [{"id": "big", "object": "model", "owned_by": "vllm", "created": 5}]}
        found = wait_until(lambda: names if "big" in (names := [
            one["id"] for one in requests.get(f"{before_nothing.openai}/v1/models", timeout=5).json()["data"]
        ]) else None)
        assert found == ["m:latest", "big"]
        tags = requests.get(f"{before_nothing.ollama}/api/tags", timeout=5).json()["models"]
        assert [one["name"] for one in tags] == ["m:latest", "big"]
        assert tags[0] == OLLAMA_LISTED["/api/tags"]["models"][0]  # type: ignore[index]
        answer = requests.post(f"{before_nothing.openai}/v1/chat/completions", json=ask(model="big"), timeout=5)
        assert answer.status_code == 200 and vllm.asked[-1].json["model"] == "big"
        answer = requests.post(f"{before_nothing.openai}/v1/chat/completions", json=ask(model="none"), timeout=5)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
        answer = requests.post(f"{before_nothing.ollama}/api/chat", json=ask(model="none"), timeout=5)
        assert answer.status_code == 404 and "not found" in answer.json()["error"]
        records = before_nothing.record(after, 3)
        assert [record.get("server") for record in records] == ["new", None, None]
        before_nothing.configure(upstreams=["old"])
        shown = requests.get(f"{before_nothing.ollama}/api/tags", timeout=5).json()["models"]
        assert [one["name"] for one in shown] == ["m:latest"]
        before_nothing.configure(upstreams=[])


def test_a_health_check_only_looks(before_nothing: Serving, ollama_server: Scripted) -> None:
    with scripted(yes) as vllm:
        before_nothing.configure({"old": ollama_server.url, "new": vllm.url})
        seen = len(vllm.looked) + len(ollama_server.looked)
        wait_until(lambda: len(vllm.looked) + len(ollama_server.looked) > seen + 4)
        assert set(ollama_server.looked) <= {"/api/version", "/api/tags"}
        assert set(vllm.looked) <= {"/api/version", "/v1/models", "/api/v0/models"}
        assert not vllm.asked and not ollama_server.asked


def test_a_proxy_that_is_its_own_upstream_says_so(before_nothing: Serving) -> None:
    before_nothing.configure({"self": before_nothing.openai}, engine="openai")
    answer = requests.post(f"{before_nothing.openai}/v1/chat/completions", json=ask(), timeout=10)
    assert answer.status_code == 508 and "circle" in answer.json()["error"]["message"]
