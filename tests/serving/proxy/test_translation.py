"""Ollama's dialect before a server that speaks OpenAI's: requests said anew, answers said back."""

from __future__ import annotations

import json
import socket
from typing import Any

import ollama
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.proxy.answer_ollama import StreamedAnswer
from serving.proxy.ask_openai import say
from serving.proxy.dialect import Refusal, dialect_of, error_body
from serving.proxy.exchange import Exchange
from serving.proxy.lists import Entry, _openai, _tag
from tests.serving.proxy.support import DONE, Asked, Serving, begin, event, part, scripted

PIXEL = "iVBORw0KGgoAAAANSUhEUg=="
HELLO = {"role": "user", "content": "hi"}


def said(path: str, document: dict[str, Any], engine: str = "llamacpp") -> dict[str, Any]:
    """The body of the request said anew."""
    body = say(path, document, "m", engine).body
    assert body is not None
    made: dict[str, Any] = json.loads(body)
    return made


def test_options_are_said_as_each_engine_knows_them() -> None:
    options = {"temperature": 0.5, "top_k": 5, "repeat_penalty": 1.2, "num_predict": 7, "num_ctx": 99, "stop": ["x"]}
    document = {"messages": [HELLO], "options": options}
    common = {"temperature": 0.5, "max_tokens": 7, "stop": ["x"]}
    for engine, more in (("llamacpp", {"top_k": 5, "repeat_penalty": 1.2}),
                         ("vllm", {"top_k": 5, "repetition_penalty": 1.2}), ("openai", {})):
        made = said("/api/chat", document, engine)
        rest = {key: value for key, value in made.items() if key not in ("model", "messages", "stream",
                                                                         "stream_options")}
        assert rest == common | more, engine
    assert "max_tokens" not in said("/api/chat", {"messages": [HELLO], "options": {"num_predict": -1}})


def test_images_formats_and_thinking_are_said() -> None:
    made = said("/api/chat", {"messages": [HELLO | {"images": [PIXEL]}], "format": "json", "think": False})
    assert made["messages"][0]["content"] == [
        {"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    assert made["response_format"] == {"type": "json_object"}
    assert made["chat_template_kwargs"] == {"enable_thinking": False}
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    made = said("/api/generate", {"prompt": "p", "system": "s", "format": schema, "think": "high"})
    assert made["messages"] == [{"role": "system", "content": "s"}, {"role": "user", "content": "p"}]
    assert made["response_format"]["json_schema"]["schema"] == schema and made["reasoning_effort"] == "high"
    raw = say("/api/generate", {"prompt": "p", "raw": True}, "m", "llamacpp")
    assert raw.path == "/v1/completions" and json.loads(raw.body or b"")["prompt"] == "p"


def test_calls_of_tools_find_their_answers() -> None:
    made = said("/api/chat", {"messages": [
        HELLO,
        {"role": "assistant", "content": "", "tool_calls": [
            {"function": {"name": "a", "arguments": {"x": 1}}}, {"function": {"name": "b", "arguments": {}}}]},
        {"role": "tool", "tool_name": "b", "content": "of b"}, {"role": "tool", "content": "of a"},
    ], "tools": [{"type": "function", "function": {"name": "a"}}]})
    _, asking, of_b, of_a = made["messages"]
    calls = {call["function"]["name"]: call for call in asking["tool_calls"]}
    assert json.loads(calls["a"]["function"]["arguments"]) == {"x": 1}
    assert (of_b["tool_call_id"], of_a["tool_call_id"]) == (calls["b"]["id"], calls["a"]["id"])
    assert made["tools"]


@pytest.mark.parametrize(("document", "unload"), [
    ({"messages": []}, False), ({"messages": [], "keep_alive": 0}, True), ({"keep_alive": -1}, False),
])
def test_without_a_prompt_only_loading_is_asked_for(document: dict[str, Any], unload: bool) -> None:
    asked = say("/api/chat", document, "m", "llamacpp")
    assert (asked.body, asked.unload) == (None, unload)


@pytest.mark.parametrize(("path", "document"), [
    ("/api/chat", {"messages": "x"}), ("/api/chat", {"messages": [1]}), ("/api/embed", {"input": 3}),
])
def test_what_has_a_wrong_type_is_refused(path: str, document: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as error:
        say(path, document, "m", "llamacpp")
    assert error.value.status == 400


def call(index: int, **function: str) -> bytes:
    delta = {"tool_calls": [{"index": index, "function": function}]}
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}).encode() + b"\n\n"


def thinks_and_calls(connection: socket.socket, _asked: Asked) -> None:
    begin(connection)
    thought = {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}, "finish_reason": None}]}
    part(connection, b"data: " + json.dumps(thought).encode() + b"\n\n" + event("Well. "))
    part(connection, call(0, name="weather", arguments='{"to') + call(0, arguments='wn":"Brest"}') + call(1, name="b"))
    part(connection, event("", "tool_calls") + b'data: {"choices":[],"usage":{"prompt_tokens":3,'
                     b'"completion_tokens":9}}\n\n' + DONE)
    part(connection, b"")


@pytest.mark.parametrize("stream", [True, False])
def test_thoughts_and_calls_of_tools_come_back_whole(before_nothing: Serving, stream: bool) -> None:
    with scripted(thinks_and_calls) as upstream:
        before_nothing.configure({"box": upstream.url})
        after = before_nothing.last
        client = ollama.Client(before_nothing.ollama)
        told: Any = client.chat("m", messages=[HELLO], stream=stream, think=True)
        parts = list(told) if stream else [told]
        assert "".join(one.message.thinking or "" for one in parts) == "hm"
        assert "".join(one.message.content or "" for one in parts) == "Well. "
        calls = [found for one in parts for found in one.message.tool_calls or []]
        assert [(one.function.name, one.function.arguments) for one in calls] == [
            ("weather", {"town": "Brest"}), ("b", {})]
        assert (parts[-1].done_reason, parts[-1].eval_count, parts[-1].prompt_eval_count) == ("stop", 9, 3)
        assert parts[-1].eval_duration and parts[-1].prompt_eval_duration
        record = before_nothing.record(after)[0]
        assert (record["finish"], record["output_tokens"], record["stream"]) == ("tool_calls", 9, stream)


def test_a_list_holds_no_time_that_its_server_did_not_tell_but_for_the_one_that_must_be_there() -> None:
    entry = Entry("m", "box", "lmstudio", loaded=None)
    assert _openai(entry)["created"] == 0 and "modified_at" not in _tag(entry)


@given(st.lists(st.text(max_size=8), max_size=8), st.lists(st.integers(0, 3000), max_size=30))
def test_a_stream_says_the_same_however_it_is_cut(texts: list[str], at: list[int]) -> None:
    data = b"".join(map(event, texts)) + event("", "length") + DONE
    answer = StreamedAnswer(Exchange("ollama", "", "/api/chat", "ollama", "chat", "POST"), chat=True)
    cuts = sorted({place % len(data) for place in at})
    out = b"".join(answer.feed(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)]))
    lines = [json.loads(line) for line in (out + answer.end()).splitlines()]
    assert [line["message"]["content"] for line in lines] == [*filter(None, texts), ""]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["done_reason"] == "length"


def test_each_path_has_its_dialect() -> None:
    paths = ["/api/chat", "/v1/chat/completions", "/api/v0/models", "/x"]
    assert [dialect_of("ollama", path) for path in paths] == ["ollama", "openai", "openai", "ollama"]
    assert [dialect_of("lmstudio", path) for path in paths] == ["ollama", "openai", "openai", "openai"]
    assert json.loads(error_body("ollama", 404, "no")) == {"error": "no"}
    assert json.loads(error_body("openai", 404, "no"))["error"]["type"] == "not_found_error"
