"""The whole way: a request through a proxy starts a real engine, which outlives the serving process."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import requests

from serving.client import ServingRefused
from tests.engine.run import COMMAND
from tests.serving.processes.conftest import House, child, gone, reached
from tests.serving.proxy.support import Serving, serving
from tests.support import wait_until

ENGINE = f"{COMMAND} --model {{file}} --alias {{name}} --host {{host}} --port {{port}} --metrics"


def _ask(house: Serving, model: str) -> tuple[int, dict[str, Any]]:
    body = {"model": model, "messages": [{"role": "user", "content": "the"}], "max_tokens": 4}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{house.openai}/v1/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {"after": error.headers["Retry-After"], **json.load(error)}


def _row(house: Serving, name: str) -> dict[str, Any]:
    return next(row for row in house.status()["processes"] if row["name"] == name)


def _define(house: Serving, *processes: dict[str, Any]) -> None:
    house.document["models"]["processes"] = list(processes)
    house.client.configure(house.document)


def test_a_request_starts_it_and_it_outlives_the_serving_process(tmp_path: Path, tiny_model: Path) -> None:
    engine = {"name": "org/tiny", "file": str(tiny_model), "command": ENGINE}
    with serving(tmp_path, {}) as first:
        _define(first, engine, child("broken"))
        assert _row(first, "org/tiny")["state"] == "stopped"
        status, answer = _ask(first, "org/tiny")
        assert status == 200 and answer["usage"]["completion_tokens"] == 4
        before = _row(first, "org/tiny")
        assert before["state"] == "running" and before["in_flight"] == 0
        status, answer = _ask(first, "broken")
        assert status == 503 and answer["after"] and "It ended with code 3" in answer["error"]["message"]
        first.process.kill()
        first.process.wait()
    with serving(tmp_path, {}) as second:
        _define(second, engine)
        assert _row(second, "org/tiny")["pid"] == before["pid"]
        assert _ask(second, "org/tiny")[0] == 200
        second.client.restart("org/tiny")
        wait_until(lambda: _row(second, "org/tiny").get("pid") not in (None, before["pid"]), what="another process")
        assert gone(before["pid"]) and _ask(second, "org/tiny")[0] == 200
        told = second.client.logs("org/tiny")
        assert any("listening" in line["text"] for line in told["lines"])
        assert second.client.logs("org/tiny", told["lines"][-1]["seq"])["lines"] == []
        with pytest.raises(ServingRefused, match="no model process nobody"):
            second.client.logs("nobody")
        second.client.stop("org/tiny")
        assert _row(second, "org/tiny")["state"] == "stopped"
        with pytest.raises(ServingRefused, match="nobody"):
            second.client.start("nobody")


def test_lm_studios_clients_have_a_process_started(tmp_path: Path, tiny_model: Path) -> None:
    with serving(tmp_path, {}) as house:
        _define(house, {"name": "org/tiny", "file": str(tiny_model), "command": ENGINE})
        body = {"model": "org/tiny", "context_length": 512}
        told = requests.post(f"{house.openai}/api/v1/models/load", json=body, timeout=30).json()
        assert (told["instance_id"], told["status"]) == ("org/tiny", "loaded") and told["load_time_seconds"] > 0.05
        assert _row(house, "org/tiny")["state"] == "running"
        house.client.stop("org/tiny")
        body = {"model": "org/tiny", "input": "the", "max_output_tokens": 4}
        told = requests.post(f"{house.openai}/api/v1/chat", json=body, timeout=30).json()
        assert told["stats"]["total_output_tokens"] == 4 and told["stats"]["model_load_time_seconds"] > 0.05
        told = requests.post(f"{house.openai}/api/v1/chat", json=body | {"stream": True}, timeout=30).text
        assert "chat.end" in told and "model_load" not in told  # it was there
        gone = requests.post(f"{house.openai}/api/v1/models/unload", json={"instance_id": "org/tiny"}, timeout=30)
        assert gone.status_code == 501 and _row(house, "org/tiny")["state"] == "running"


def test_a_process_with_a_key_is_asked_with_it(tmp_path: Path, tiny_model: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-of-the-engine\n")
    engine = {"name": "org/tiny", "file": str(tiny_model), "command": f"{ENGINE} --api-key sk-of-the-engine",
              "apiKeyFile": str(key)}
    with serving(tmp_path / "data", {}) as house:
        _define(house, engine)
        assert _ask(house, "org/tiny")[0] == 200
        key.write_text("sk-wrong\n")
        assert _ask(house, "org/tiny")[0] == 401


def test_who_looks_or_unloads_starts_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, {}) as house:
        _define(house, child("good"))
        looks = [requests.get(f"{house.openai}{path}", timeout=5) for path in ("/", "/health", "/favicon.ico")]
        looks += [requests.options(f"{house.openai}/v1/chat/completions", timeout=5)]
        assert {one.status_code for one in looks} == {503}
        assert "does not start it" in looks[0].json()["error"]["message"]
        body = {"model": "good", "keep_alive": 0}
        assert requests.post(f"{house.ollama}/api/generate", json=body, timeout=5).json()["done_reason"] == "unload"
        body = {"instance_id": "good"}
        assert requests.post(f"{house.openai}/api/v1/models/unload", json=body, timeout=5).json() == body
        assert _row(house, "good")["state"] == "stopped"


def test_a_process_that_stays_silent_ends_the_request_within_its_own_limit(tmp_path: Path) -> None:
    with serving(tmp_path, {}) as house:
        house.document["models"]["resourceLimits"] = {"maxTimeoutSeconds": 1}
        _define(house, child("silent"))
        status, answer = _ask(house, "silent")
        assert (status, answer["error"]["message"]) == (504, "silent began no answer within 1 s.")
        assert house.record(0)[0]["error"] == "timeout"
        with pytest.raises(ServingRefused, match=r"models\.resourceLimits\.maxTimeoutSeconds must be a number"):
            house.client.configure({"models": {"resourceLimits": {"maxTimeoutSeconds": "long"}}})


def _healthy(house: Serving) -> set[bool]:
    return {proxy["healthy"] for proxy in house.status()["proxies"]}


def test_a_proxy_is_healthy_only_while_a_process_may_answer(tmp_path: Path) -> None:
    with serving(tmp_path, {}) as house:
        assert _healthy(house) == {False}
        _define(house, child("slow", onDemand=False))
        assert _healthy(house) == {False}  # it is stopped, and no request starts it
        house.client.start("slow")
        assert _row(house, "slow")["state"] == "loading" and _healthy(house) == {True}
        wait_until(lambda: "port" in _row(house, "slow") and _row(house, "slow")["detail"] == "loading")
        requests.post(f"http://127.0.0.1:{_row(house, 'slow')['port']}/status?200", timeout=5)
        wait_until(lambda: _row(house, "slow")["state"] == "running")
        assert _healthy(house) == {True}
        house.client.stop("slow")
        assert _healthy(house) == {False}
        _define(house, child("slow", onDemand=False), child("good"))
        assert _healthy(house) == {True}  # a request starts it


def test_a_process_that_was_given_up_makes_no_proxy_healthy(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("broken", restart="on-failure")) as supervisor:
            assert supervisor.available()
            await supervisor.start_process("broken")
            await reached(supervisor, "broken", detail="gave_up")
            assert not supervisor.available()
            await supervisor.stop_process("broken")
            assert supervisor.available()

    house.run(test)
