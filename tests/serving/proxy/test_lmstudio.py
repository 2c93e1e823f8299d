"""LM Studio's own dialect before a server that speaks another: requests said anew, answers said back."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from serving.proxy.answer_lmstudio import StreamedChat, WithStats
from serving.proxy.ask_lmstudio import say
from serving.proxy.dialect import Refusal, dialect_of, error_body, error_event
from serving.proxy.exchange import Exchange
from tests.engine.run import Engine
from tests.serving.proxy.support import DONE, Asked, Serving, begin, event, part, scripted, whole
from tests.serving.proxy.test_faults import OLLAMA_LISTED

CHAT = "/api/v1/chat"
NATIVE = {"/v1/models": {"data": [{"id": "m", "object": "model"}]},
          "/api/v0/models": {"data": [{"id": "m", "object": "model", "type": "llm", "state": "loaded"}]}}
THOUGHTFUL = [
    json.dumps({"choices": [{"index": 0, "delta": {"reasoning_content": text}}]}) for text in ("so", " be it")
]


def asked(**more: Any) -> dict[str, Any]:
    return {"model": "tiny", "input": "hello", "max_output_tokens": 6, "temperature": 0, **more}


def events(got: str) -> list[dict[str, Any]]:
    """The data of each event, once its name is seen to be the same."""
    found = []
    for block in got.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


@pytest.fixture
def engines_words(engine: Engine) -> str:
    """What the engine answers when it is asked for the same itself."""
    answer = requests.post(f"{engine.url}/v1/chat/completions", timeout=20, json={
        "model": "tiny", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 6, "temperature": 0})
    text: str = answer.json()["choices"][0]["message"]["content"]
    return text


def test_a_chat_is_answered_in_one_piece(before_engine: Serving, engines_words: str) -> None:
    after = before_engine.last
    answer = requests.post(before_engine.openai + CHAT, json=asked(), timeout=20)
    told, record = answer.json(), before_engine.record(after)[0]
    assert told["model_instance_id"] == "tiny"
    assert told["output"] == [{"type": "message", "content": engines_words}]
    stats = told["stats"]
    assert (stats["input_tokens"], stats["total_output_tokens"]) == (record["prompt_tokens"], record["output_tokens"])
    assert (stats["total_output_tokens"], stats["reasoning_output_tokens"]) == (6, 0)
    assert stats["tokens_per_second"] > 0 and stats["time_to_first_token_seconds"] > 0
    assert "response_id" not in told and "model_load_time_seconds" not in stats
    assert (record["kind"], record["stream"], record["exact"]) == ("chat", False, True)


def test_a_chat_is_streamed_as_named_events(before_engine: Serving, engines_words: str) -> None:
    after = before_engine.last
    answer = requests.post(before_engine.openai + CHAT, json=asked(stream=True), timeout=20)
    assert answer.headers["Content-Type"] == "text/event-stream"
    found = events(answer.text)
    names = [one["type"] for one in found]
    assert names[:4] == ["chat.start", "prompt_processing.start", "prompt_processing.end", "message.start"]
    assert names[-2:] == ["message.end", "chat.end"]
    deltas = [one["content"] for one in found if one["type"] == "message.delta"]
    assert names[4:-2] == ["message.delta"] * len(deltas) and "".join(deltas) == engines_words
    assert found[-1]["result"]["output"] == [{"type": "message", "content": engines_words}]
    record = before_engine.record(after)[0]
    assert found[-1]["result"]["stats"]["total_output_tokens"] == record["output_tokens"] == 6
    assert (record["stream"], record["exact"]) == (True, True)


def thinks(connection: socket.socket, _asked: Asked) -> None:
    begin(connection)
    for one in THOUGHTFUL:
        part(connection, b"data: " + one.encode() + b"\n\n")
    usage = {"prompt_tokens": 5, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 2}}
    part(connection, event("yes") + event("", "stop", usage=usage) + DONE)
    part(connection, b"")


@pytest.mark.parametrize("stream", [True, False])
def test_thoughts_are_told_apart(before_nothing: Serving, stream: bool) -> None:
    with scripted(thinks) as upstream:
        before_nothing.configure({"box": upstream.url})
        answer = requests.post(before_nothing.openai + CHAT, json={"model": "m", "input": "a", "stream": stream})
        sent = upstream.asked[-1].json
    result = events(answer.text)[-1]["result"] if stream else answer.json()
    assert result["output"] == [{"type": "reasoning", "content": "so be it"}, {"type": "message", "content": "yes"}]
    assert result["stats"]["reasoning_output_tokens"] == 2
    if stream:
        names = [one["type"] for one in events(answer.text)]
        assert names[3:] == ["reasoning.start", "reasoning.delta", "reasoning.delta", "reasoning.end",
                             "message.start", "message.delta", "message.end", "chat.end"]
    assert sent["messages"] == [{"role": "user", "content": "a"}] and sent["stream"]


def breaks(connection: socket.socket, _asked: Asked) -> None:
    begin(connection)
    part(connection, event("a"))
    connection.shutdown(socket.SHUT_RDWR)


def reports(connection: socket.socket, _asked: Asked) -> None:
    begin(connection)
    part(connection, event("a") + b'data: {"error":{"message":"out of memory","type":"server_error"}}\n\n')
    part(connection, b"")


def test_what_goes_wrong_in_a_stream_is_an_event_of_its_own(before_nothing: Serving) -> None:
    for script, says, last in ((breaks, "broke off", "error"), (reports, "out of memory", "chat.end")):
        with scripted(script) as upstream:
            before_nothing.configure({"box": upstream.url})
            answer = requests.post(before_nothing.openai + CHAT, json=asked(model="m", stream=True), stream=True)
            got = b""
            try:
                for piece in answer.iter_content(None):
                    got += piece
            except requests.RequestException:
                assert script is breaks
            found = events(got.decode())
        wrong = next(one for one in found if one["type"] == "error")
        assert says in wrong["error"]["message"] and found[-1]["type"] == last


def test_parts_of_a_request_are_said_as_openai_has_them() -> None:
    image = "data:image/png;base64,iVBORw0KGgo="
    body = say({
        "input": [{"type": "message", "content": "what?"}, {"type": "image", "data_url": image}],
        "system_prompt": "be kind", "top_k": 5, "repeat_penalty": 1.2, "max_output_tokens": 7, "reasoning": "off",
        "context_length": 99, "store": True,
    }, "m", "llamacpp").body
    assert body is not None
    assert json.loads(body) == {
        "model": "m", "stream": True, "stream_options": {"include_usage": True}, "top_k": 5, "repeat_penalty": 1.2,
        "max_tokens": 7, "chat_template_kwargs": {"enable_thinking": False}, "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "what?"},
                                         {"type": "image_url", "image_url": {"url": image}}]},
        ],
    }
    assert json.loads(say({"input": "a", "reasoning": "high"}, "m", "vllm").body or b"")["reasoning_effort"] == "high"


@pytest.mark.parametrize(("more", "says"), [
    ({"input": 5}, "input must be"), ({"input": []}, "input must be"), ({"input": [{"type": "x"}]}, "input: each"),
    ({"previous_response_id": "resp_1"}, "only LM Studio keeps chats"),
    ({"integrations": ["mcp/x"]}, "only LM Studio calls tools"),
])
def test_what_cannot_be_asked_is_refused_with_a_reason(
    before_engine: Serving, more: dict[str, Any], says: str
) -> None:
    answer = requests.post(before_engine.openai + CHAT, json=asked(**more), timeout=5)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request") and says in error["message"]


VALUES = st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                          st.sampled_from(["type", "content", "data_url", "text"]), inner, max_size=3))


@given(st.fixed_dictionaries({"input": st.text(max_size=5) | VALUES}, optional=dict.fromkeys(
    ["system_prompt", "temperature", "max_output_tokens", "reasoning", "integrations", "stream"], VALUES)))
def test_whatever_is_asked_is_said_or_refused(document: dict[str, Any]) -> None:
    with suppress(Refusal):
        assert json.loads(say(document, "m", "llamacpp").body or b"")["messages"]


@given(st.lists(st.text(max_size=8), max_size=8), st.lists(st.integers(0, 3000), max_size=30))
def test_a_stream_says_the_same_however_it_is_cut(texts: list[str], at: list[int]) -> None:
    data = b"".join(map(event, texts)) + event("", "length") + DONE
    answer = StreamedChat(Exchange("lmstudio", "", CHAT, "lmstudio", "chat", "POST"), loaded_in=2.0)
    cuts = sorted({place % len(data) for place in at})
    out = b"".join(answer.feed(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)]))
    found = events((out + answer.end()).decode())
    assert [one["content"] for one in found if one["type"] == "message.delta"] == [*filter(None, texts)]
    assert [one["type"] for one in found[:3]] == ["chat.start", "model_load.start", "model_load.end"]
    assert found[-1]["result"]["output"] == [{"type": "message", "content": "".join(texts)}]
    assert found[-1]["result"]["stats"]["model_load_time_seconds"] == 2.0


def test_the_older_api_tells_statistics_and_the_model(before_engine: Serving, engine: Engine) -> None:
    meta = requests.get(f"{engine.url}/v1/models", timeout=10).json()["data"][0]["meta"]
    for path, more in (("chat/completions", {"messages": [{"role": "user", "content": "hello"}]}),
                       ("completions", {"prompt": "hello"})):
        told = requests.post(f"{before_engine.openai}/api/v0/{path}", timeout=20, json={
            "model": "tiny", "max_tokens": 3, **more}).json()
        stats, timings = told["stats"], told["timings"]
        assert told["usage"]["completion_tokens"] == 3 and len(told["choices"]) == 1
        assert stats["stop_reason"] == "maxPredictedTokensReached"
        assert stats["time_to_first_token"] == pytest.approx(timings["prompt_ms"] / 1e3)
        assert stats["generation_time"] == pytest.approx(timings["predicted_ms"] / 1e3)
        assert stats["tokens_per_second"] == pytest.approx(3 / stats["generation_time"])
        assert told["model_info"] == {"quant": meta["ftype"], "format": "gguf", "context_length": meta["n_ctx"]}
        assert told["runtime"] == {"name": "llamacpp"}


def test_the_older_api_tells_no_time_that_nobody_measured(before_nothing: Serving) -> None:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    with scripted(lambda connection, _asked: whole(connection, json.dumps(body).encode())) as upstream:
        before_nothing.configure({"box": upstream.url})
        told = requests.post(f"{before_nothing.openai}/api/v0/chat/completions", timeout=5, json={
            "model": "m", "messages": [{"role": "user", "content": "hi"}]}).json()
    assert told == body | {"stats": {"stop_reason": "eosFound"}, "runtime": {"name": "vllm"}}


def test_what_is_no_answer_of_the_older_api_is_given_on_as_it_is() -> None:
    answer = WithStats(Exchange("lmstudio", "", "/api/v0/completions", "openai", "completion", "POST"), {}, None)
    assert answer.feed(b"<html>") + answer.end() == b"<html>"


def test_a_model_that_is_there_is_loaded_and_none_is_unloaded(before_engine: Serving) -> None:
    answer = requests.post(f"{before_engine.openai}/api/v1/models/load", json={"model": "tiny"}, timeout=5)
    told = answer.json()
    assert told.pop("load_time_seconds") < 5
    assert told == {"type": "llm", "instance_id": "tiny", "status": "loaded"}
    answer = requests.post(f"{before_engine.openai}/api/v1/models/unload", json={"instance_id": "tiny"}, timeout=5)
    assert (answer.status_code, answer.json()["error"]["type"]) == (501, "not_implemented")


def test_an_ollama_loads_and_unloads_as_it_is_asked(before_nothing: Serving) -> None:
    def answers(connection: socket.socket, _asked: Asked) -> None:
        whole(connection, b'{"model":"m:latest","response":"","done":true}')

    with scripted(answers, OLLAMA_LISTED) as upstream:
        before_nothing.configure({"box": upstream.url})
        loaded = requests.post(f"{before_nothing.openai}/api/v1/models/load", json={"model": "m"}, timeout=5).json()
        gone = requests.post(
            f"{before_nothing.openai}/api/v1/models/unload", json={"instance_id": "m"}, timeout=5).json()
    assert (loaded["instance_id"], loaded["status"], gone) == ("m", "loaded", {"instance_id": "m"})
    assert [one.path for one in upstream.asked] == ["/api/generate"] * 2
    assert [one.json for one in upstream.asked] == [
        {"model": "m:latest", "stream": False}, {"model": "m:latest", "stream": False, "keep_alive": 0}]


def test_before_lm_studio_itself_everything_is_passed_on(before_nothing: Serving) -> None:
    def answers(connection: socket.socket, _asked: Asked) -> None:
        whole(connection, b'{"its":"own"}')

    bodies = {CHAT: {"model": "m", "input": "a"}, "/api/v1/models/load": {"model": "m"},
              "/api/v1/models/unload": {"instance_id": "m"}, "/api/v0/completions": {"model": "m", "prompt": "a"}}
    with scripted(answers, NATIVE) as upstream:
        before_nothing.configure({"box": upstream.url})
        for path, body in bodies.items():
            answer = requests.post(before_nothing.openai + path, json=body, timeout=5)
            assert (answer.status_code, answer.json()) == (200, {"its": "own"})
    assert {one.path: one.json for one in upstream.asked} == bodies


def test_errors_are_written_as_lm_studio_does() -> None:
    assert dialect_of("lmstudio", CHAT) == dialect_of("ollama", "/api/v1/models/load") == "lmstudio"
    told = json.loads(error_body("lmstudio", 404, "no", "model_not_found"))
    assert told == {"error": {"type": "model_not_found", "message": "no", "code": "model_not_found"}}
    assert events(error_event("lmstudio", "sse", "gone").decode()) == [
        {"type": "error", "error": {"type": "internal_error", "message": "gone"}}]
