"""Loading and unloading in other engines, against a scripted server that answers as they do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from live.models import Model
from serving.actor import Actor
from serving.acts import CannotAct
from serving.client import ServingClient
from serving.processes.engine_load import EngineRefused, Target, can, load, unload
from tests.engine import run
from tests.support import free_port

Answers = dict[str, tuple[int, Any]]


@contextmanager
def scripted(answers: Answers) -> Iterator[tuple[str, list[tuple[str, Any, str | None]]]]:
    """A server with these answers by ``METHOD /path``; its URL, and what it was asked: route, body, authorization."""
    asked: list[tuple[str, Any, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            route = f"{self.command} {self.path}"
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append((route, json.loads(body) if body else None, self.headers.get("Authorization")))
            status, told = answers.get(route, (404, "404 page not found"))
            data = told.encode() if isinstance(told, str) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_ollama_loads_with_an_empty_prompt_and_unloads_with_keep_alive_0() -> None:
    done = {"model": "gemma", "response": "", "done": True, "done_reason": "load"}
    with scripted({"POST /api/generate": (200, done)}) as (url, asked):
        load("ollama", Target(url), "gemma")
        load("ollama", Target(url + "/"), "gemma")
        unload("ollama", Target(url), "gemma")
    assert [body for _, body, _ in asked] == [
        {"model": "gemma", "stream": False, "keep_alive": kept} for kept in ("5m", "5m", 0)
    ]


def test_lm_studio_loads_by_key_and_unloads_every_instance() -> None:
    listed = {"models": [
        {"key": "a/b", "type": "llm", "loaded_instances": [{"id": "a/b", "config": {}}, {"id": "a/b:2", "config": {}}]},
        {"key": "c", "type": "llm", "loaded_instances": [{"id": "c"}]}, {"key": "d", "loaded_instances": []},
    ]}
    answers: Answers = {
        "GET /api/v1/models": (200, listed),
        "POST /api/v1/models/load": (200, {"type": "llm", "instance_id": "a/b", "status": "loaded"}),
        "POST /api/v1/models/unload": (200, {"instance_id": "a/b"}),
    }
    with scripted(answers) as (url, asked):
        target = Target(url, "key")
        load("lmstudio", target, "a/b")
        unload("lmstudio", target, "a/b")
        unload("lmstudio", target, "d")
        unload("lmstudio", target, "a/b:2")
    unloaded = [body["instance_id"] for route, body, _ in asked if route.endswith("/unload")]
    assert unloaded == ["a/b", "a/b:2", "a/b:2"] and asked[0][1] == {"model": "a/b"}
    assert {authorization for *_, authorization in asked} == {"Bearer key"}


def test_llama_cpp_as_a_router() -> None:
    answers: Answers = {"POST /models/load": (200, {"success": True}), "POST /models/unload": (200, {"success": True})}
    with scripted(answers) as (url, asked):
        load("llamacpp", Target(url), "tiny")
        unload("llamacpp", Target(url), "tiny")
    assert asked == [("POST /models/load", {"model": "tiny"}, None), ("POST /models/unload", {"model": "tiny"}, None)]


@pytest.mark.parametrize(("status", "told", "says"), [
    (404, {"error": "model 'x' not found, try pulling it first"}, r"refused \(404\): model 'x' not found"),
    (400, {"error": {"code": 400, "message": "model is already loaded"}}, "already loaded"),
    (200, {"success": False}, r"refused \(200\): OK"),
    (401, {"error": {"message": "Invalid API Key", "code": 401}}, "asks for an API key"),
    (404, "404 page not found", "has no /models/load: it is too old, or another engine"),
    (500, "<html>", r"refused \(500\): Internal Server Error"),
    (302, "", r"refused \(302\)"),
    (503, {"error": ["odd"]}, r"refused \(503\)"),
])
def test_what_the_engine_says_is_told(status: int, told: Any, says: str) -> None:
    with scripted({"POST /models/load": (status, told)}) as (url, _), pytest.raises(EngineRefused, match=says):
        load("llamacpp", Target(url, "secret"), "x")


def test_a_llama_cpp_with_one_model_says_that_only_a_router_loads(tiny_model: Path, tmp_path: Path) -> None:
    actor = Actor(ServingClient(tmp_path), lambda _model, _sentence: None)
    with run.engine(tiny_model, alias="tiny") as engine:
        model = Model("box", "tiny", "llamacpp", "running", url=engine.url)
        for action in ("load", "unload"):
            with pytest.raises(CannotAct, match="only a router can load and unload") as refused:
                actor.at_server(action, model, "")
            assert refused.value.status == 409, "the server did nothing wrong"


def test_a_server_that_is_not_there_is_told() -> None:
    port = free_port()
    with pytest.raises(EngineRefused, match=rf"127.0.0.1:{port} cannot be reached: ConnectionError") as caught:
        unload("ollama", Target(f"http://127.0.0.1:{port}", "secret"), "x")
    assert "secret" not in str(caught.value)


def test_engines_without_such_an_api_say_so() -> None:
    assert can("ollama") and not can("vllm")
    with pytest.raises(EngineRefused, match="Models of vllm cannot be loaded"):
        load("vllm", Target("http://127.0.0.1:1"), "x")


@pytest.mark.parametrize("listed", [[], {"models": None}, {"models": [{"key": "x"}]}, {}])
def test_an_odd_list_unloads_nothing(listed: Any) -> None:
    with scripted({"GET /api/v1/models": (200, listed)}) as (url, asked):
        unload("lmstudio", Target(url), "x")
    assert len(asked) == 1
