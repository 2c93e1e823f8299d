"""What clients send that is no plain request, and what they must not be able to do."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.engine.run import Engine
from tests.serving.proxy.support import Asked, Serving, ask, begin, event, part, scripted, whole, yes
from tests.serving.proxy.test_faults import OLLAMA_LISTED
from tests.support import wait_until

CHAT = "/v1/chat/completions"


def raw(url: str, line: str, body: bytes = b"", headers: str = "") -> tuple[int, bytes]:
    """Status and body of a request whose first line is ours to write."""
    at = urlsplit(url)
    assert at.hostname and at.port
    head = f"{line}\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    with socket.create_connection((at.hostname, at.port), 10) as connection:
        connection.sendall(head.encode() + body)
        got = b""
        while part_ := connection.recv(65_536):
            got += part_
    first, _, rest = got.partition(b"\r\n\r\n")
    return int(first.split()[1]), rest


def test_a_client_cannot_say_where_a_request_and_the_servers_key_go(before_nothing: Serving) -> None:
    body = json.dumps(ask()).encode()
    with scripted(yes) as upstream:
        before_nothing.configure({"box": upstream.url})
        for line in (f"POST http://elsewhere.invalid{CHAT}?a=1 HTTP/1.1", f"POST {CHAT}?a=1 HTTP/1.1"):
            status, got = raw(before_nothing.openai, line, body, "Content-Type: application/json\r\n")
            assert status == 200 and b'"yes"' in got
        for target in (f"host://a{CHAT}", f"@a{CHAT}", "*"):
            assert raw(before_nothing.openai, f"POST {target} HTTP/1.1", body)[0] == 400
        assert [one.path for one in upstream.asked] == [f"{CHAT}?a=1"] * 2


@pytest.mark.parametrize(("path", "body"), [
    ("/api/chat", b""), ("/api/chat", b"{broken"), ("/api/chat", b"[1]"), ("/api/generate", b'{"a": NaN}'),
    ("/api/generate", b'{"prompt": "a"}'), ("/api/chat", b"[" * 2000), ("/api/v1/chat", b"{broken"),
    ("/api/v1/models/load", b"{}"), ("/api/chat", b'\xef\xbb\xbf{"model": "tiny"}'),
])
def test_a_broken_body_is_refused_and_not_taken_for_a_load(before_engine: Serving, path: str, body: bytes) -> None:
    after = before_engine.last
    for proxy in (before_engine.ollama, before_engine.openai):
        answer = requests.post(proxy + path, data=body, timeout=5, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400 and answer.json()["error"]
    assert {one["error"] for one in before_engine.record(after, 2)} == {"refused"}


@pytest.mark.parametrize("calls", ["x", [{"function": None}], ["x"], [{"function": {"arguments": 5}}]])
def test_calls_of_a_wrong_shape_are_no_fault_of_ours(before_engine: Serving, calls: Any) -> None:
    answer = requests.post(f"{before_engine.ollama}/api/chat", timeout=10, json={
        "model": "tiny", "messages": [{"role": "assistant", "tool_calls": calls}, {"role": "user", "content": "hi"}],
        "options": {"num_predict": 2}, "stream": False})
    assert answer.status_code < 600 and "The proxy failed" not in answer.text


def test_ollamas_own_command_finds_an_ollama_beside_other_servers(before_nothing: Serving) -> None:
    with scripted(yes, OLLAMA_LISTED) as one, scripted(yes) as other:
        before_nothing.configure({"a": one.url, "b": other.url})
        answer = requests.get(before_nothing.ollama + "/", timeout=5)
        assert (answer.text, answer.headers["Content-Type"].partition(";")[0]) == ("Ollama is running", "text/plain")
        answer = requests.head(before_nothing.ollama + "/", timeout=5)
        assert (answer.status_code, answer.content) == (200, b"")


def test_nothing_is_said_to_be_unloaded_that_stays(before_engine: Serving) -> None:
    for path in ("/api/generate", "/api/chat"):
        answer = requests.post(before_engine.ollama + path, json={"model": "tiny", "keep_alive": 0}, timeout=5)
        assert answer.status_code == 501 and "cannot be unloaded" in answer.json()["error"]
    answer = requests.post(before_engine.ollama + "/api/generate", json={"model": "tiny"}, timeout=5)
    assert answer.json()["done_reason"] == "load"


def test_a_look_at_the_path_of_a_model_is_no_request_of_it(before_engine: Serving) -> None:
    after = before_engine.last
    requests.options(before_engine.openai + CHAT, timeout=5)
    requests.options(before_engine.ollama + "/api/chat", timeout=5)
    requests.post(before_engine.openai + CHAT, json=ask(model="tiny", max_tokens=2), timeout=10)
    assert [one["path"] for one in before_engine.record(after)] == [CHAT]


def test_a_client_that_reads_slowly_gets_it_all_and_the_server_is_not_blamed(before_nothing: Serving) -> None:
    many = [event("x" * 60_000)] * 400

    def sends(connection: socket.socket, _asked: Asked) -> None:
        begin(connection)
        for one in many:
            part(connection, one)
        part(connection, event("", "stop") + b"data: [DONE]\n\n")
        part(connection, b"")

    with scripted(sends) as upstream:
        before_nothing.configure({"box": upstream.url}, timeout=300)
        after = before_nothing.last
        answer = requests.post(before_nothing.openai + CHAT, json=ask(stream=True), stream=True, timeout=30)
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() - begun > 1.0)  # the client does something else
        size = sum(map(len, answer.iter_content(None)))
        assert size > 400 * 60_000 and "error" not in before_nothing.record(after)[0]
    before_nothing.configure(timeout=30_000)


def closes_early(kind: bytes) -> Any:
    def script(connection: socket.socket, _asked: Asked) -> None:
        begin(connection)
        part(connection, b"data: " + kind + b"\n\n")
        part(connection, b"")

    return script


@pytest.mark.parametrize(("path", "first"), [
    ("/v1/responses", b'{"type":"response.output_text.delta","delta":"a"}'),
    ("/v1/messages", b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}'),
    ("/completion", b'{"content":"a","stop":false}'),
])
def test_a_stream_of_any_dialect_that_ends_early_is_an_error(
    before_nothing: Serving, path: str, first: bytes
) -> None:
    with scripted(closes_early(first)) as upstream:
        before_nothing.configure({"box": upstream.url})
        after = before_nothing.last
        answer = requests.post(before_nothing.openai + path, json=ask(stream=True), stream=True, timeout=5)
        with pytest.raises(requests.RequestException):
            list(answer.iter_content(None))
        assert before_nothing.record(after)[0]["error"] == "midstream"


@pytest.mark.parametrize(("path", "body"), [
    ("/v1/responses", {"input": "hello", "max_output_tokens": 24}),
    ("/v1/messages", {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 24}),
    ("/completion", {"prompt": "hello", "n_predict": 24}),
])
@pytest.mark.parametrize("stream", [True, False])
def test_other_dialects_are_measured_as_right(
    before_engine: Serving, engine: Engine, path: str, body: dict[str, Any], stream: bool
) -> None:
    body |= {"model": "tiny", "temperature": 0, "seed": 1, "stream": stream}
    requests.post(engine.url + path, json=body, timeout=10)
    after = before_engine.last
    requests.post(before_engine.openai + path, json=body, timeout=10)
    record = before_engine.record(after)[0]
    assert (record["output_tokens"], record["exact"]) == (24, True)
    assert record["prompt_tokens"] > record["cached_tokens"] > 0 and record["prompt_tokens"] < 60
    assert record["finish"] in ("length", "max_tokens", "stop") and "error" not in record
    assert 0 <= record["itl"] * 23 <= record["duration"]


def test_a_form_with_a_file_goes_to_the_server_of_its_model(before_nothing: Serving) -> None:
    def listing(name: str) -> dict[str, Any]:
        return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "vllm"}]}

    with scripted(yes, listing("chat")) as one, scripted(yes, listing("whisper")) as other:
        before_nothing.configure({"a": one.url, "b": other.url})
        after = before_nothing.last
        answer = requests.post(before_nothing.openai + "/v1/audio/transcriptions", timeout=5,
                               data={"model": "whisper"}, files={"file": ("a.wav", b"RIFF" * 9000)})
        assert answer.status_code == 200 and (len(one.asked), len(other.asked)) == (0, 1)
        assert b"RIFFRIFF" in other.asked[0].body
        assert before_nothing.record(after)[0]["model"] == "whisper"
        broken = requests.post(before_nothing.openai + "/v1/audio/transcriptions", timeout=5, data=b"--x",
                               headers={"Content-Type": "multipart/form-data; boundary=y"})
        assert broken.status_code == 400


def test_headers_that_a_client_names_as_its_hops_stay_here(before_nothing: Serving) -> None:
    with scripted(yes) as upstream:
        before_nothing.configure({"box": upstream.url})
        requests.post(before_nothing.openai + CHAT, json=ask(), timeout=5,
                      headers={"Connection": "keep-alive, X-Mine", "X-Mine": "1", "X-Other": "2"})
        assert "x-mine" not in upstream.asked[0].headers and upstream.asked[0].headers["x-other"] == "2"


def test_behind_a_reverse_proxy_clients_are_told_apart_by_what_it_says(before_nothing: Serving) -> None:
    with scripted(yes) as upstream:
        before_nothing.configure({"box": upstream.url}, forwardedFor=True, rateLimitPerMinute=1)
        after, found = before_nothing.last, []
        for said in ("10.0.0.1", "6.6.6.6, 10.0.0.2", "10.0.0.1", "nobody", None):
            answer = requests.post(before_nothing.openai + CHAT, json=ask(), timeout=5,
                                   headers={"X-Forwarded-For": said} if said else {})
            found.append(answer.status_code)
        assert found == [200, 200, 429, 200, 429]
        told = [one["client"] for one in before_nothing.record(after, 5)]
        assert told == ["10.0.0.1", "10.0.0.2", "10.0.0.1", "127.0.0.1", "127.0.0.1"]
    before_nothing.configure(forwardedFor=False, rateLimitPerMinute=0)


PAGE = "https://chat.example.org"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def test_only_pages_that_are_named_may_ask_from_a_browser(before_nothing: Serving) -> None:
    with scripted(yes) as upstream:
        before_nothing.configure({"box": upstream.url}, corsOrigins=[PAGE], apiKey="sk-0123456789abcdef")
        for proxy, path in ((before_nothing.openai, CHAT), (before_nothing.ollama, "/api/chat")):
            leave = requests.options(proxy + path, headers={"Origin": PAGE, **ASKS}, timeout=5)
            assert (leave.status_code, leave.headers["Access-Control-Allow-Origin"]) == (204, PAGE)
            assert leave.headers["Access-Control-Allow-Headers"] == "authorization"
            stranger = requests.options(proxy + path, headers={"Origin": "https://evil.example", **ASKS}, timeout=5)
            assert stranger.status_code == 401 and "Access-Control-Allow-Origin" not in stranger.headers
            for key, status in (("sk-0123456789abcdef", 200), ("wrong", 401)):
                answer = requests.post(proxy + path, json=ask(), timeout=5, headers={
                    "Origin": PAGE, "Authorization": f"Bearer {key}"})
                assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, PAGE)
        names = requests.get(before_nothing.ollama + "/api/tags", timeout=5, headers={
            "Origin": PAGE, "Authorization": "Bearer sk-0123456789abcdef"})
        assert names.headers["Access-Control-Allow-Origin"] == PAGE
    before_nothing.configure(corsOrigins=[], apiKey="")


def test_an_upload_of_any_size_passes_as_it_comes(before_nothing: Serving) -> None:
    def takes(connection: socket.socket, asked: Asked) -> None:
        got = b""
        while not got.endswith(b"0\r\n\r\n"):
            got = got[-9:] + connection.recv(1 << 20)
        yes(connection, asked)

    with scripted(takes, OLLAMA_LISTED) as upstream:
        before_nothing.configure({"box": upstream.url}, maxRequestMb=1)
        digest = "sha256:" + "0" * 64
        answer = requests.post(f"{before_nothing.ollama}/api/blobs/{digest}", data=b"a" * (3 << 20), timeout=20)
        assert answer.status_code == 200
        answer = requests.post(f"{before_nothing.ollama}/api/create", data=b"a" * (3 << 20), timeout=20)
        assert answer.status_code == 413
    before_nothing.configure(maxRequestMb=64)


def test_a_server_that_refuses_what_we_add_is_asked_without_it(before_nothing: Serving) -> None:
    def strict(connection: socket.socket, asked: Asked) -> None:
        if "stream_options" in asked.json:
            whole(connection, b'{"error":"unknown field stream_options"}', "422 Unprocessable Entity")
        else:
            begin(connection)
            part(connection, event("a") + event("", "stop") + b"data: [DONE]\n\n")
            part(connection, b"")

    with scripted(strict) as upstream:
        before_nothing.configure({"box": upstream.url})
        after = before_nothing.last
        for _ in range(2):
            assert requests.post(before_nothing.openai + CHAT, json=ask(stream=True), timeout=5).status_code == 200
        assert ["stream_options" in one.json for one in upstream.asked] == [True, False, False]
        assert not any("error" in one for one in before_nothing.record(after, 2))


def test_an_address_of_both_families_takes_clients_of_both(before_nothing: Serving) -> None:
    if not socket.has_dualstack_ipv6():
        return  # this machine has one family alone
    with scripted(yes) as upstream:
        before_nothing.configure({"box": upstream.url}, host="::")
        port = before_nothing.ports["lmstudio"]
        for host in ("127.0.0.1", "[::1]"):
            assert requests.post(f"http://{host}:{port}{CHAT}", json=ask(), timeout=5).status_code == 200
    before_nothing.configure(host="127.0.0.1")


def test_turns_are_those_of_the_model_through_whichever_proxy(slow_engine: Engine, before_nothing: Serving) -> None:
    before_nothing.configure({"slow": slow_engine.url}, concurrency=1)
    streams = []
    for proxy, path, more in ((before_nothing.openai, CHAT, {"max_tokens": 900}),
                              (before_nothing.ollama, "/api/chat", {"options": {"num_predict": 2}})):
        streams.append(requests.Session())
        body = ask(stream=True, model="slow", **more)
        threading.Thread(target=streams[-1].post, args=(proxy + path,), kwargs={"json": body, "timeout": 60},
                         daemon=True).start()
        wait_until(lambda: sum(one["running"] for one in before_nothing.status()["proxies"]) == len(streams))
    waiting = {one["name"]: one["waiting"] for one in before_nothing.status()["proxies"]}
    assert waiting == {"lmstudio": 0, "ollama": 1}
    before_nothing.configure(concurrency=0)  # who waits may go at once
    wait_until(lambda: sum(one["waiting"] for one in before_nothing.status()["proxies"]) == 0, 2)
    wait_until(lambda: sum(one["running"] for one in before_nothing.status()["proxies"]) == 0, 30)


def test_likelihoods_of_tokens_are_translated(before_engine: Serving) -> None:
    body = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "logprobs": True, "top_logprobs": 2,
            "options": {"num_predict": 4, "temperature": 0, "seed": 1}}
    whole = requests.post(before_engine.ollama + "/api/chat", json=body | {"stream": False}, timeout=10).json()
    lines = requests.post(before_engine.ollama + "/api/chat", json=body, timeout=10).text.splitlines()
    streamed = [one for line in lines for one in json.loads(line).get("logprobs", ())]
    assert [one["token"] for one in streamed] == [one["token"] for one in whole["logprobs"]]
    assert "".join(one["token"] for one in streamed) == whole["message"]["content"]
    assert all(len(one["top_logprobs"]) == 2 and one["logprob"] <= 0 for one in streamed)


def test_llamacpp_is_asked_for_what_stands_between_as_it_can_do_it(before_nothing: Serving) -> None:
    def fills(connection: socket.socket, _asked: Asked) -> None:
        begin(connection)
        part(connection, b'data: {"content":"x = 1","stop":false}\n\n')
        part(connection, b'data: {"content":"","stop":true,"stop_type":"eos","timings":{"predicted_n":3}}\n\n')
        part(connection, b"")

    with scripted(fills) as upstream:
        before_nothing.configure({"box": upstream.url}, engine="llamacpp")
        told = requests.post(before_nothing.ollama + "/api/generate", timeout=5, json={
            "model": "m", "prompt": "a", "suffix": "b", "stream": False}).json()
        assert (told["response"], told["done_reason"], told["eval_count"]) == ("x = 1", "stop", 3)
        asked = upstream.asked[0]
        assert asked.path == "/infill" and (asked.json["input_prefix"], asked.json["input_suffix"]) == ("a", "b")
