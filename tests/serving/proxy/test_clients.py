"""The official clients, through each proxy, before a real llama.cpp: as they do without us."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import ollama
import openai
import pytest
import requests

from tests.engine import models, run
from tests.engine.run import Engine
from tests.serving.proxy.support import Serving, serving
from tests.support import wait_until

HELLO: Any = [{"role": "user", "content": "hello"}]
TOOLS: Any = [{"type": "function", "function": {
    "name": "weather", "description": "of a town",
    "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
}}]
VARYING = ("id", "completed_at", "created", "timings", "time_ms", "system_fingerprint", "created_at")


def openai_at(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=30)


def without(document: Any) -> Any:
    """A JSON value without what differs between two answers."""
    if isinstance(document, dict):
        return {key: without(value) for key, value in document.items() if key not in VARYING}
    return [without(one) for one in document] if isinstance(document, list) else document


def events(url: str, path: str, body: dict[str, Any]) -> list[Any]:
    """The events of a stream, whole."""
    answer = requests.post(url + path, json=body, timeout=30)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return [part if part == "[DONE]" else without(json.loads(part))
            for part in answer.text.replace("data: ", "").split("\n\n") if part]


def test_openai_chats_and_is_measured_as_the_engine_measures(before_engine: Serving) -> None:
    after = before_engine.last
    client = openai_at(before_engine.openai)
    told = client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=24, temperature=0)
    assert told.usage is not None and told.choices[0].message.content
    timings = told.model_extra["timings"]  # type: ignore[index]
    record = before_engine.record(after)[0]
    assert (record["output_tokens"], record["exact"]) == (timings["predicted_n"], True)
    assert record["prompt_tokens"] == told.usage.prompt_tokens == timings["prompt_n"] + timings["cache_n"]
    assert record["prefill"] == pytest.approx(timings["prompt_ms"] / 1000)
    assert record["decode"] == pytest.approx(timings["predicted_ms"] / 1000)
    assert (record["proxy"], record["server"], record["engine"], record["model"]) == (
        "lmstudio", "box", "llamacpp", "tiny")
    assert (record["status"], record["finish"], record["kind"], record["stream"]) == (200, "length", "chat", False)
    assert "prompt" not in record and "answer" not in record and "error" not in record


def test_openai_streams_and_is_measured(before_engine: Serving) -> None:
    after = before_engine.last
    client = openai_at(before_engine.openai)
    parts = list(client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=24, stream=True))
    written = sum(bool(part.choices[0].delta.content) for part in parts if part.choices)
    timings = parts[-1].model_extra["timings"]  # type: ignore[index]
    record = before_engine.record(after)[0]
    assert record["output_tokens"] == timings["predicted_n"] == written == 24
    assert 0 < record["ttft"] < record["duration"] and record["itl"] <= record["itl_max"]
    assert record["stream"] is True and record["exact"] is True and record["finish"] == "length"


@pytest.mark.parametrize(("path", "body"), [
    ("/v1/chat/completions", {"messages": HELLO}),
    ("/v1/chat/completions", {"messages": HELLO, "stream_options": {"include_usage": True}}),
    ("/v1/chat/completions", {"messages": HELLO, "timings_per_token": True, "return_progress": True}),
    ("/v1/completions", {"prompt": "hello"}),
    ("/completion", {"prompt": "hello"}),
])
def test_a_stream_is_what_the_engine_sends(before_engine: Serving, engine: Engine, path: str, body: Any) -> None:
    body |= {"model": "tiny", "max_tokens": 12, "n_predict": 12, "temperature": 0, "seed": 1, "stream": True,
             "cache_prompt": False}
    direct = events(engine.url, path, body)
    for proxy in (before_engine.openai, before_engine.ollama):
        assert events(proxy, path, body) == direct


@pytest.mark.parametrize(("path", "body"), [
    ("/v1/chat/completions", {"messages": HELLO}), ("/v1/completions", {"prompt": "hello"}),
    ("/chat/completions", {"messages": HELLO}), ("/v1/completions", {"prompt": ["hello", "the"]}),
    ("/completions", {"prompt": "hello"}), ("/completion", {"prompt": "hello", "stop": ["a"]}),
    ("/completion", {"prompt": ["hello", "the"]}),
    ("/v1/chat/completions", {"messages": HELLO, "logprobs": True}),
    ("/v1/chat/completions", {"messages": HELLO, "logprobs": False, "n": 1, "top_logprobs": None}),
    ("/v1/responses", {"input": "hello", "max_output_tokens": 12}), ("/v1/messages", {"messages": HELLO}),
    ("/v1/responses", {"input": "a " * 3000}),
    ("/v1/chat/completions", {"messages": HELLO, "tools": TOOLS, "tool_choice": "required", "max_tokens": 300}),
    ("/v1/chat/completions", {"messages": HELLO, "response_format": {"type": "json_object"}}),
])
def test_an_answer_in_one_piece_is_what_the_engine_says(
    before_engine: Serving, engine: Engine, path: str, body: Any
) -> None:
    body = {"model": "tiny", "max_tokens": 12, "n_predict": 12, "temperature": 0, "seed": 1, "cache_prompt": False,
            **body}
    direct = requests.post(engine.url + path, json=body, timeout=30)
    for proxy in (before_engine.openai, before_engine.ollama):
        through = requests.post(proxy + path, json=body, timeout=30)
        assert (through.status_code, without(through.json())) == (direct.status_code, without(direct.json()))
        assert through.headers["Content-Type"] == direct.headers["Content-Type"]
        assert timed(through) == timed(direct)


def timed(answer: requests.Response) -> list[list[str]]:
    """The times that an engine tells of each answer."""
    found = answer.json()
    return [sorted(one.get("timings", {})) for one in (found if isinstance(found, list) else [found])]


@pytest.mark.parametrize("path", [
    "/v1/models", "/health", "/props", "/v1/models?x=1%202", "/nothing/here", "/slots",
])
def test_any_other_path_is_passed_on(before_engine: Serving, engine: Engine, path: str) -> None:
    after = before_engine.last
    direct = requests.get(engine.url + path, timeout=10)
    for proxy in (before_engine.openai, before_engine.ollama):
        through = requests.get(proxy + path, timeout=10)
        assert (through.status_code, without(through.json())) == (direct.status_code, without(direct.json()))
    if direct.status_code == 200:
        assert before_engine.last == after  # a look is no request of a model


@pytest.mark.parametrize("body", [
    b"", b"no json", b'{"model":"tiny"}', b'{"model":"tiny","messages":"x"}',
    json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "a " * 3000}]}).encode(),
])
def test_an_error_is_the_engines(before_engine: Serving, engine: Engine, body: bytes) -> None:
    after = before_engine.last
    path, kind = "/v1/chat/completions", {"Content-Type": "application/json"}
    direct = requests.post(engine.url + path, data=body, headers=kind, timeout=20)
    through = requests.post(before_engine.openai + path, data=body, headers=kind, timeout=20)
    assert (through.status_code, through.json()) == (direct.status_code, direct.json())
    record = before_engine.record(after)[0]
    assert record["error"] == ("refused" if direct.status_code < 500 else "upstream")
    assert record["status"] == direct.status_code
    assert "a a" not in record["message"]


def test_openais_client_raises_what_it_raises_without_us(before_engine: Serving, engine: Engine) -> None:
    raised = []
    for url in (engine.url, before_engine.openai):
        with pytest.raises(openai.BadRequestError) as error:
            openai_at(url).chat.completions.create(model="tiny", messages=[{"role": "user", "content": "a " * 3000}])
        raised.append(error.value.body)
    assert raised[0] == raised[1]


def test_openai_lists_and_completes(before_engine: Serving, engine: Engine) -> None:
    direct, client = openai_at(engine.url), openai_at(before_engine.openai)
    assert [one.id for one in client.models.list()] == [one.id for one in direct.models.list()] == ["tiny"]
    text = client.completions.create(model="tiny", prompt="hello", max_tokens=5, temperature=0)
    assert text.choices[0].text


def called(parts: list[Any]) -> list[tuple[str, str]]:
    """Name and arguments of the calls that parts of an answer make."""
    found: dict[int, tuple[str, str]] = {}
    for part in parts:
        for place, call in enumerate(part.tool_calls or ()):
            number = getattr(call, "index", place)
            name, arguments = found.get(number, ("", ""))
            found[number] = name + (call.function.name or ""), arguments + (call.function.arguments or "")
    return list(found.values())


def test_openai_calls_tools_as_without_us_streamed_and_whole(before_nothing: Serving, tmp_path: Path) -> None:
    parameters = {"type": "object", "properties": {"town": {"enum": ["Brest", "Paris"]}}, "required": ["town"]}
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]
    with run.engine(models.calling(tmp_path / "calling.gguf"), "-c", "2048", "-np", "1") as caller:
        before_nothing.configure({"box": caller.url})
        opens, closes = requests.post(
            f"{caller.url}/tokenize", json={"content": "".join(models.CALLS)}, timeout=10).json()["tokens"]
        asked: Any = {
            "model": "tiny", "messages": HELLO, "tools": tools, "tool_choice": "required", "max_tokens": 300,
            "temperature": 0, "logit_bias": {"2": 100, str(opens): 90, str(closes): 80},  # 2 ends the answer
        }
        calls = []
        for url in (caller.url, before_nothing.openai, before_nothing.ollama):
            client = openai_at(url)
            told = client.chat.completions.create(**asked).choices[0]
            streamed = [part.choices[0] for part in client.chat.completions.create(**asked, stream=True)]
            assert told.finish_reason == streamed[-1].finish_reason == "tool_calls"
            assert not told.message.content and all(call.id for call in told.message.tool_calls or ())
            calls += [called([told.message]), called([part.delta for part in streamed])]
        assert calls == [calls[0]] * 6
        assert [(name, json.loads(arguments)["town"] in ("Brest", "Paris")) for name, arguments in calls[0]] == [
            ("weather", True)]


def test_openai_embeds(embedder: Engine, before_nothing: Serving) -> None:
    before_nothing.configure({"box": embedder.url})
    after = before_nothing.last
    direct = openai_at(embedder.url).embeddings.create(model="embedder", input=["hello", "world"])
    told = openai_at(before_nothing.openai).embeddings.create(model="embedder", input=["hello", "world"])
    wanted = [one.embedding for one in direct.data]
    np.testing.assert_allclose([one.embedding for one in told.data], wanted, rtol=1e-5)
    record = before_nothing.record(after)[0]
    assert (record["kind"], record["prompt_tokens"]) == ("embedding", direct.usage.prompt_tokens)
    client = ollama.Client(before_nothing.ollama)
    vectors = client.embed("embedder", ["hello", "world"])
    assert vectors.prompt_eval_count == direct.usage.prompt_tokens
    np.testing.assert_allclose(vectors.embeddings, wanted, rtol=1e-5)
    np.testing.assert_allclose(client.embeddings("embedder", "hello").embedding, wanted[0], rtol=1e-5)


def test_ollama_chats_and_generates_with_the_engines_numbers(before_engine: Serving) -> None:
    client = ollama.Client(before_engine.ollama)
    after = before_engine.last
    options = {"num_predict": 15, "temperature": 0}
    told = client.chat("tiny", messages=HELLO, options=options)
    record = before_engine.record(after)[0]
    assert told.done and told.done_reason == "length" and told.message.content
    assert told.eval_count == record["output_tokens"] == 15
    assert told.prompt_eval_count == record["prompt_tokens"]
    assert told.eval_duration == pytest.approx(record["decode"] * 1e9, abs=1)
    assert told.prompt_eval_duration == pytest.approx(record["prefill"] * 1e9, abs=1)
    assert told.total_duration and told.total_duration >= told.eval_duration
    assert record["path"] == "/api/chat" and record["exact"] is True
    text = client.generate("tiny:latest", "hello", system="be short", options=options)
    assert text.response and text.eval_count == 15


def test_ollama_streams_lines_of_json_as_they_come(before_engine: Serving) -> None:
    after = before_engine.last
    client = ollama.Client(before_engine.ollama)
    parts = list(client.chat("tiny", messages=HELLO, stream=True, options={"num_predict": 15}))
    assert [part.done for part in parts] == [False] * 15 + [True]
    assert all(part.message.content for part in parts[:-1])
    assert parts[-1].eval_count == 15
    record = before_engine.record(after)[0]
    assert record["output_tokens"] == 15 and record["stream"] is True and 0 < record["ttft"] < record["duration"]
    answer = requests.post(f"{before_engine.ollama}/api/generate", json={
        "model": "tiny", "prompt": "hello", "options": {"num_predict": 3}}, timeout=20)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["done"] for line in lines] == [False] * 3 + [True]


def test_ollama_lists_shows_and_says_what_is_loaded(before_engine: Serving, engine: Engine) -> None:
    client = ollama.Client(before_engine.ollama)
    meta = requests.get(f"{engine.url}/v1/models", timeout=10).json()["data"][0]["meta"]
    listed = client.list().models
    assert [(one.model, one.size) for one in listed] == [("tiny", meta["size"])]
    assert [(one.model, one.context_length) for one in client.ps().models] == [("tiny", meta["n_ctx"])]
    shown = client.show("tiny")
    assert shown.modelinfo and shown.modelinfo["general.parameter_count"] == meta["n_params"]
    assert shown.capabilities == ["completion"]
    assert requests.get(f"{before_engine.ollama}/api/version", timeout=5).json()["version"]
    assert requests.get(f"{before_engine.ollama}/", timeout=5).status_code == 200
    loaded = client.generate("tiny", "")
    assert (loaded.done, loaded.done_reason) == (True, "load")


def test_ollamas_errors_come_in_its_dialect(before_engine: Serving) -> None:
    client = ollama.Client(before_engine.ollama)
    with pytest.raises(ollama.ResponseError) as error:
        client.show("other")
    assert error.value.status_code == 404 and "not found" in error.value.error
    with pytest.raises(ollama.ResponseError) as error:
        client.chat("tiny", messages=[{"role": "user", "content": "a " * 3000}])
    assert error.value.status_code == 400 and "context" in error.value.error
    with pytest.raises(ollama.ResponseError) as error:
        client.pull("other")
    assert error.value.status_code == 503 and "Ollama is missing" in error.value.error


def test_lm_studios_lists_are_made_of_what_is_there(before_engine: Serving, engine: Engine) -> None:
    meta = requests.get(f"{engine.url}/v1/models", timeout=10).json()["data"][0]["meta"]
    v0 = requests.get(f"{before_engine.openai}/api/v0/models", timeout=5).json()
    assert v0["data"][0] == {
        "id": "tiny", "object": "model", "type": "llm", "compatibility_type": "gguf", "quantization": meta["ftype"],
        "state": "loaded", "max_context_length": meta["n_ctx_train"],
    }
    assert requests.get(f"{before_engine.openai}/api/v0/models/tiny", timeout=5).json() == v0["data"][0]
    v1 = requests.get(f"{before_engine.openai}/api/v1/models", timeout=5).json()["models"][0]
    assert (v1["key"], v1["type"], v1["size_bytes"]) == ("tiny", "llm", meta["size"])
    assert v1["loaded_instances"] == [{"id": "tiny", "config": {"context_length": meta["n_ctx"]}}]
    told = requests.post(f"{before_engine.openai}/api/v0/chat/completions", timeout=20, json={
        "model": "tiny", "messages": HELLO, "max_tokens": 3}).json()
    assert told["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("dialect", ["openai", "ollama"])
def test_a_client_that_leaves_a_stream_frees_the_engine(
    slow_engine: Engine, before_nothing: Serving, dialect: str
) -> None:
    before_nothing.configure({"slow": slow_engine.url})
    after = before_nothing.last
    if dialect == "openai":
        stream: Any = openai_at(before_nothing.openai).chat.completions.create(
            model="slow", messages=HELLO, max_tokens=1500, stream=True)
        next(iter(stream))
        assert slow_engine.busy
        stream.close()
    else:
        with requests.post(f"{before_nothing.ollama}/api/chat", stream=True, timeout=20, json={
                "model": "slow", "messages": HELLO, "options": {"num_predict": 1500}}) as answer:
            first = next(answer.iter_lines())
            wait_until(lambda: slow_engine.busy, 2, f"the engine works, after {answer.status_code} {first!r}")
    wait_until(lambda: not slow_engine.busy, 2, "the slot is free", every=0.01)
    record = before_nothing.record(after)[0]
    assert (record["status"], record["error"], record["exact"]) == (499, "client_gone", False)
    assert record["output_tokens"] >= 1
    proxies = {one["name"]: one for one in before_nothing.status()["proxies"]}
    assert proxies["lmstudio" if dialect == "openai" else "ollama"]["gone"] >= 1


@pytest.mark.parametrize(("path", "asked"), [
    ("/v1/chat/completions", {"messages": HELLO}), ("/api/v0/chat/completions", {"messages": HELLO}),
    ("/api/v0/completions", {"prompt": "hello"}), ("/chat/completions", {"messages": HELLO}),
    ("/completions", {"prompt": "hello"}), ("/completion", {"prompt": "hello"}),
    ("/v1/chat/completions", {"messages": HELLO, "n": 1, "logprobs": False}),
    ("/v1/responses", {"input": "hello", "max_output_tokens": 1500}), ("/v1/messages", {"messages": HELLO}),
])
def test_a_client_that_leaves_before_a_whole_answer_is_let_go_at_once(
    slow_engine: Engine, before_nothing: Serving, path: str, asked: dict[str, Any]
) -> None:
    before_nothing.configure({"slow": slow_engine.url})
    after = before_nothing.last
    connection = http.client.HTTPConnection(urlsplit(before_nothing.openai).netloc, timeout=20)
    body = {"model": "slow", "max_tokens": 1500, "n_predict": 1500, **asked}
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    wait_until(lambda: slow_engine.busy, 5, every=0.01)
    connection.close()
    record = before_nothing.record(after)[0]
    assert (record["status"], record["error"]) == (499, "client_gone")
    wait_until(lambda: not slow_engine.busy, 2, "the slot is free", every=0.01)


def test_texts_are_kept_only_of_models_that_are_named(engine: Engine, tmp_path: Any) -> None:
    with serving(tmp_path, {"box": engine.url}) as one:
        client = openai_at(one.openai)
        client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=4)
        one.document["models"]["keepText"] = [{"model": "tiny", "hours": 1}]
        one.configure()
        told = client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=4)
        streamed = list(ollama.Client(one.ollama).chat("tiny", HELLO, stream=True, options={"num_predict": 4}))
        first, second, third = one.record(0, 3)
        assert "prompt" not in first and "answer" not in first
        assert (second["prompt"], second["answer"]) == ("user: hello", told.choices[0].message.content)
        assert third["answer"] == "".join(part.message.content or "" for part in streamed)
