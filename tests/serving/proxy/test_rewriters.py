"""What makes a client's answer out of an upstream's: whatever the upstream sends, in bounded memory."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from serving.proxy import gathering, lines
from serving.proxy.answer_lmstudio import StreamedChat, WholeChat, WithStats
from serving.proxy.answer_ollama import Embeddings, StreamedAnswer, WholeAnswer
from serving.proxy.dialect import Refusal
from serving.proxy.exchange import Exchange
from serving.proxy.gathering import Calls, GatheredAnswer, as_event
from serving.proxy.gathering_events import GatheredMessage, GatheredResponse
from serving.proxy.lines import LONGEST_LINE, Lines
from serving.proxy.meter import Meter
from serving.proxy.passing import LARGEST_PIECE, Rewriter, give_back
from serving.proxy.told import Told
from serving.proxy.usage_event import WithoutUsage
from serving.settings import read_settings
from tests.serving.proxy.support import (
    DONE,
    Asked,
    Serving,
    ask,
    begin,
    document,
    event,
    part,
    received,
    scripted,
    whole,
)
from tests.support import free_port


def exchange(path: str = "/api/chat", stream: bool = True) -> Exchange:
    made = Exchange("ollama", "", path, "ollama", "chat", "POST")
    made.stream = stream
    return made


REWRITERS: dict[str, Callable[[], Rewriter]] = {
    "usage": WithoutUsage, "gathered chat": lambda: GatheredAnswer("/v1/chat/completions"),
    "gathered response": GatheredResponse, "gathered message": GatheredMessage,
    "gathered text": lambda: GatheredAnswer("/v1/completions"), "gathered own": lambda: GatheredAnswer("/completion"),
    "streamed chat": lambda: StreamedAnswer(exchange(), chat=True),
    "streamed text": lambda: StreamedAnswer(exchange(), chat=False),
    "whole chat": lambda: WholeAnswer(exchange(), chat=True),
    "embeddings": lambda: Embeddings(exchange(), single=False),
    "streamed events": lambda: StreamedChat(exchange()), "whole events": lambda: WholeChat(exchange()),
    "statistics": lambda: WithStats(exchange(), {}, None),
    "gathered statistics": lambda: WithStats(exchange(), {}, GatheredAnswer("/v1/chat/completions")),
}
KEYS = st.sampled_from([
    "choices", "delta", "message", "text", "content", "reasoning_content", "tool_calls", "index", "id", "function",
    "name", "arguments", "finish_reason", "usage", "timings", "error", "data", "embedding", "predicted_n", "stats",
    "type", "response", "content_block", "partial_json", "thinking", "status", "stop_type",
])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12,
)
CALL = st.fixed_dictionaries({}, optional={"index": VALUES, "id": VALUES, "function": VALUES | st.fixed_dictionaries(
    {}, optional={"name": VALUES, "arguments": VALUES})})
DELTA = st.fixed_dictionaries({}, optional={"content": VALUES, "reasoning_content": VALUES,
                                            "tool_calls": st.lists(CALL, max_size=3)})
CHOICE = st.fixed_dictionaries({}, optional={"delta": VALUES | DELTA, "text": VALUES, "finish_reason": VALUES})
TYPED = st.fixed_dictionaries({"type": st.sampled_from([
    "response.completed", "message_start", "content_block_start", "content_block_delta", "message_delta",
    "message_stop",
])}, optional={"index": VALUES, "message": VALUES, "content_block": VALUES, "response": VALUES, "delta": VALUES})
EVENT = st.fixed_dictionaries({"choices": VALUES | st.lists(CHOICE, max_size=2)}, optional={
    "usage": VALUES, "timings": VALUES, "error": VALUES})
LINE = st.sampled_from([b"", b"\r", DONE, event("", "stop"), b"data: " + b"[" * 900 + b"]" * 900]) | st.binary(
    max_size=40) | st.builds(lambda one: b"data: " + json.dumps(one).encode(), EVENT | VALUES | TYPED)


def fed(rewriter: Rewriter, data: bytes, at: list[int]) -> bytes | str:
    """What comes out, or why nothing does."""
    cuts = sorted({place % (len(data) + 1) for place in at})
    try:
        out = b"".join([rewriter.feed(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)])])
        return out + rewriter.end()
    except Refusal as refusal:
        return refusal.message


def take(into: Callable[[Any], Any], pieces: list[Any]) -> None:
    for piece in pieces:
        into(piece)


@pytest.mark.parametrize("name", REWRITERS)
@given(found=st.lists(LINE, max_size=8), at=st.lists(st.integers(0, 2000), max_size=9))
def test_whatever_an_upstream_sends_makes_an_answer_or_a_refusal(name: str, found: list[bytes], at: list[int]) -> None:
    assert fed(REWRITERS[name](), b"\n".join(found), at) is not None


@given(st.lists(st.binary(max_size=9) | st.just(b"\n" * 3), max_size=9), st.lists(st.integers(0, 80), max_size=9),
       st.integers(0, 12))
def test_lines_are_the_same_however_they_are_cut(found: list[bytes], at: list[int], most: int) -> None:
    data, cutter, kept = b"\n".join(found), Lines(), []
    cuts = sorted({place % (len(data) + 1) for place in at})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "LONGEST_LINE", most)
        for a, b in zip([0, *cuts], [*cuts, len(data)]):
            kept += cutter.feed(data[a:b])
            assert len(cutter._rest) <= most
    short = [line for line in data.split(b"\n")[:-1] if len(line) <= most]
    assert [line for line in kept if len(line) <= most] == short


@pytest.mark.parametrize("name", [name for name in REWRITERS if name not in ("embeddings", "statistics")])
@pytest.mark.parametrize("piece", [b"x" * 65_536, b"data: " + b"x" * 65_000])
def test_a_line_without_end_is_refused_before_it_fills_the_memory(name: str, piece: bytes) -> None:
    with pytest.raises(Refusal, match="a line of more than 4 MiB"):
        take(REWRITERS[name]().feed, [piece] * (LONGEST_LINE // len(piece) + 1))


@pytest.mark.parametrize("name", [
    "gathered chat", "gathered response", "gathered message", "whole chat", "embeddings", "streamed events",
    "whole events", "statistics", "gathered statistics",
])
def test_what_is_put_together_is_bounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "LARGEST_GATHERED", 1 << 20)
    for module in ("answer_ollama", "answer_lmstudio"):
        monkeypatch.setattr(f"serving.proxy.{module}.LARGEST_GATHERED", 1 << 20)
    text = event("a" * 1000)
    with pytest.raises(Refusal, match="larger than 1 MiB"):
        take(REWRITERS[name]().feed, [text] * ((1 << 20) // len(text) + 1))


def test_calls_of_tools_are_bounded_and_take_arguments_as_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls()
    calls.add([{"function": {"name": "weather", "arguments": {"town": "Brest"}}}, "x", {"index": [], "function": 5}])
    calls.add([{"index": 3, "id": "c2", "function": {"name": "b", "arguments": "{}"}}])
    assert [(one["function"]["name"], one["function"]["arguments"], one["id"]) for one in calls.whole()] == [
        ("weather", '{"town":"Brest"}', ""), ("", "", ""), ("b", "{}", "c2")]
    monkeypatch.setattr(gathering, "LARGEST_GATHERED", 1000)
    with pytest.raises(Refusal, match="larger than"):
        take(calls.add, [[{"index": number}] for number in range(20)])


def test_what_is_told_is_read_out_of_the_nested_object_alone() -> None:
    document: Any = {"usage": {"output_tokens": 3}}
    for _ in range(1000):
        document = {"usage": {"output_tokens": 5}, "message": document}
    told = Told()
    told.read(document)
    assert told.output_tokens == 5


@given(st.text(max_size=9), st.sampled_from([None, 1]), st.booleans())
def test_an_answer_in_one_piece_to_who_asked_for_a_stream_is_said_in_ollamas_dialect(
    text: str, indent: int | None, chat: bool
) -> None:
    said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    body = as_event(json.dumps({"choices": [said | {"finish_reason": "stop"}]}, indent=indent).encode())
    for answer in (StreamedAnswer(exchange(), chat=chat), WholeAnswer(exchange(), chat=chat)):
        out = [json.loads(line) for line in (answer.feed(body) + answer.end()).splitlines()]
        assert "".join(one["message"]["content"] if chat else one["response"] for one in out) == text
        assert (out[-1]["done"], out[-1]["done_reason"]) == (True, "stop")


def endless(connection: socket.socket, _asked: Asked) -> None:
    begin(connection)
    part(connection, event("a"))
    while True:
        part(connection, b"data: " + b"x" * 65_000)


@pytest.mark.parametrize(("path", "streamed"), [
    ("/v1/chat/completions", True), ("/api/chat", True), ("/api/chat", False),
])
def test_a_line_without_end_ends_with_an_error_to_the_client(
    before_nothing: Serving, path: str, streamed: bool
) -> None:
    with scripted(endless) as upstream:
        before_nothing.configure({"box": upstream.url})
        after = before_nothing.last
        url = before_nothing.ollama if path.startswith("/api") else before_nothing.openai
        status, got, ended = received(url + path, ask(stream=streamed))
        assert b"a line of more than 4 MiB" in got and b"HTTP/1.1" not in got and len(got) < LONGEST_LINE
        assert (status, ended) == ((200, False) if streamed else (502, True))
        assert before_nothing.record(after)[0]["error"] == "upstream"


def odd(connection: socket.socket, _asked: Asked) -> None:
    begin(connection)
    call = {"function": {"name": "weather", "arguments": {"town": "Brest"}}}
    found: list[Any] = [["x"], {}, [{"delta": "y"}], [{"delta": {"content": 5, "tool_calls": [call]}}]]
    for choices in found:
        part(connection, b"data: " + json.dumps({"choices": choices}).encode() + b"\n\n")
    part(connection, event("", "tool_calls") + DONE)
    part(connection, b"")


@pytest.mark.parametrize("streamed", [True, False])
def test_json_of_a_wrong_shape_adds_nothing_and_breaks_nothing(before_nothing: Serving, streamed: bool) -> None:
    with scripted(odd) as upstream:
        before_nothing.configure({"box": upstream.url})
        status, got, ended = received(before_nothing.ollama + "/api/chat", ask(stream=streamed))
        assert (status, ended) == (200, True)
        found = [json.loads(line)["message"] for line in got.splitlines()]
        assert [one.get("content") for one in found] == [""] * len(found)
        calls = [call for one in found for call in one.get("tool_calls", ())]
        assert calls == [{"function": {"name": "weather", "arguments": {"town": "Brest"}}}]


@pytest.mark.parametrize("streamed", [True, False])
def test_a_body_that_is_no_answer_is_an_error_and_no_empty_answer(before_nothing: Serving, streamed: bool) -> None:
    with scripted(lambda connection, _asked: whole(connection, b"<html>hello")) as upstream:
        before_nothing.configure({"box": upstream.url})
        status, got, _ = received(before_nothing.ollama + "/api/chat", ask(stream=streamed))
        assert status == 502 and "before it was over" in json.loads(got)["error"]


class Broken:
    """A rewriter with a fault."""

    content_type: str | None = None
    gathers = False

    def feed(self, chunk: bytes) -> bytes:
        if b"b" in chunk:
            raise KeyError("secret")
        return chunk

    def end(self) -> bytes:
        return b""


def test_a_fault_in_the_middle_of_a_stream_is_told_within_it() -> None:
    """Not by a second head of an answer."""
    settings = read_settings(document({"lmstudio": free_port()}, {})).proxies["lmstudio"]

    async def talk(url: str) -> tuple[bytes, Exchange]:
        given = Exchange("lmstudio", "", "/v1/chat/completions", "openai", "chat", "POST")

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            async with aiohttp.ClientSession() as session:
                answer = await session.post(url)
                return await give_back(request, given, answer, Broken(), settings, Meter())

        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        got = await reader.read()
        writer.close()
        await runner.cleanup()
        return got, given

    def script(connection: socket.socket, _asked: Asked) -> None:
        begin(connection)
        part(connection, b"data: a\n\n")
        part(connection, b"data: b\n\n")

    with scripted(script) as upstream:
        got, given = asyncio.run(talk(upstream.url))
    assert got.count(b"HTTP/1.1") == 1 and b"The proxy failed" in got and b"secret" not in got
    assert not got.endswith(b"0\r\n\r\n")
    assert given.error == "internal"


@pytest.mark.parametrize("length", [LARGEST_PIECE // 2, LARGEST_PIECE * 2])
def test_an_answer_in_one_piece_is_held_only_so_far(before_nothing: Serving, length: int) -> None:
    def breaks_off(connection: socket.socket, _asked: Asked) -> None:
        begin(connection, "application/json")
        for _ in range(0, length, 65_536):
            part(connection, b" " * 65_536)
        connection.shutdown(socket.SHUT_RDWR)

    with scripted(breaks_off) as upstream:
        before_nothing.configure({"box": upstream.url})
        after = before_nothing.last
        status, got, ended = received(before_nothing.openai + "/v1/chat/completions", ask(stream=False))
        if length > LARGEST_PIECE:
            assert (status, ended) == (200, False) and len(got) > LARGEST_PIECE
        else:
            assert status == 502 and b"broke off" in got
        assert "broke off" in before_nothing.record(after)[0]["message"]


def test_an_answer_larger_than_what_is_held_comes_whole(before_nothing: Serving) -> None:
    body = json.dumps({"choices": [{"message": {"content": "a" * (LARGEST_PIECE * 2)}}]}).encode()

    def sends(connection: socket.socket, _asked: Asked) -> None:
        begin(connection, "application/json")
        for at in range(0, len(body), 100_000):
            part(connection, body[at:at + 100_000])
        part(connection, b"")

    with scripted(sends) as upstream:
        before_nothing.configure({"box": upstream.url})
        assert received(before_nothing.openai + "/v1/chat/completions", ask(stream=False)) == (200, body, True)
