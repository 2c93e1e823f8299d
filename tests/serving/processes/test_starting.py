"""Starting a model process, and what is told of one that does not start."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.request
from pathlib import Path

import pytest

from config.dashboard import DashboardConfig
from config.documents import document
from serving.processes.sentences import ProcessError, Unavailable, UnknownProcess
from tests.engine.run import COMMAND
from tests.serving.processes.conftest import House, child, gone, one, post, until
from tests.support import free_port

ENGINE = f"{COMMAND} --model {{file}} --alias {{name}} --host {{host}} --port {{port}} --ctx-size {{contextSize}}"


def test_a_real_engine_starts_answers_and_stops(house: House, tiny_model: Path) -> None:
    config = DashboardConfig.model_validate({"models": {
        "command": ENGINE, "processes": [{"name": "org/tiny:q4", "file": str(tiny_model), "contextSize": 512}],
    }})

    async def test() -> None:
        async with house.supervisor() as supervisor:
            await supervisor.configure(document(config.models, secret=lambda text: text.reveal()))
            assert one(supervisor, "org/tiny:q4")["state"] == "stopped" and supervisor.running() == {}
            urls = await asyncio.gather(*(supervisor.ensure("org/tiny:q4") for _ in range(5)))
            assert set(urls) == {supervisor.running()["org/tiny:q4"]}
            told = one(supervisor, "org/tiny:q4")
            assert told["state"] == "running" and told["responding"] is True and told["ready_seconds"] > 0
            assert told["command"][-2:] == ["--ctx-size", "512"] and told["restarts"] == 0 and "exit" not in told
            answer = await asyncio.to_thread(_complete, urls[0])
            assert answer["model"] == "org/tiny:q4" and answer["usage"]["completion_tokens"] == 4
            await until(lambda: one(supervisor, "org/tiny:q4").get("memory", 0) > 10e6)
            assert any("listening" in line.text for line in supervisor.logs("org/tiny:q4"))
            await supervisor.stop_process("org/tiny:q4")
            told = one(supervisor, "org/tiny:q4")
            assert told["state"] == "stopped" and told["exit"]["code"] == 0 and "pid" not in told

    house.run(test)


def _complete(url: str) -> dict[str, object]:
    body = json.dumps({"prompt": "the", "max_tokens": 4}).encode()
    request = urllib.request.Request(f"{url}/v1/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_a_broken_model_file_is_told_with_what_the_engine_said(house: House, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF" + bytes(100))

    async def test() -> None:
        async with house.supervisor({"name": "bad", "command": ENGINE, "file": str(bad), "restart": "no",
                                     "contextSize": 512}) as supervisor:
            with pytest.raises(Unavailable, match="bad did not start: It ended with code 1"):
                await supervisor.ensure("bad")
            told = one(supervisor, "bad")
            assert told["state"] == "error" and told["exit"]["code"] == 1
            assert any("error loading model" in line for line in told["exit"]["lines"])

    house.run(test)


def test_it_counts_as_loading_until_its_health_says_otherwise(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("slow")) as supervisor:
            await supervisor.start_process("slow")
            waiting = asyncio.create_task(supervisor.ensure("slow"))
            await until(lambda: one(supervisor, "slow")["detail"] == "loading")
            told = one(supervisor, "slow")
            assert told["state"] == "loading" and not waiting.done() and supervisor.running() == {}
            await post(f"{told['url']}/status?200")
            assert await waiting == told["url"] and one(supervisor, "slow")["state"] == "running"

    house.run(test)


def test_who_leaves_while_it_starts_does_not_end_the_start(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("slow")) as supervisor:
            left = asyncio.create_task(supervisor.ensure("slow"))
            await until(lambda: one(supervisor, "slow")["detail"] == "loading")
            left.cancel()
            staying = asyncio.create_task(supervisor.ensure("slow"))
            await post(f"{one(supervisor, 'slow')['url']}/status?200")
            assert await staying == one(supervisor, "slow")["url"]

    house.run(test)


@pytest.mark.parametrize(("how", "says"), [
    ("never", "was not ready within 0.01 s."),
    ("slow", "was not ready within 0.01 s."),
    ("lost", "was not ready within 0.01 s: /health answers with 404."),
])
def test_one_that_does_not_get_ready_is_stopped_and_said_so(house: House, how: str, says: str) -> None:
    async def test() -> None:
        async with house.supervisor(child(how)) as supervisor:
            await supervisor.start_process(how)
            waits_at = "starting" if how == "never" else "loading"
            await until(lambda: one(supervisor, how)["detail"] == waits_at and "pid" in one(supervisor, how))
            pid = one(supervisor, how)["pid"]
            await supervisor.configure({"processes": [child(how, startTimeoutSeconds=0.01)]})
            with pytest.raises(Unavailable, match=says):
                await supervisor.ensure(how)
            told = one(supervisor, how)
            assert told["state"] == "error" and told["message"] == f"It {says}" and gone(pid)
            assert told["message_template"].startswith("It was not ready within %(seconds)s s")

    house.run(test)


def test_one_that_ends_at_once_is_told_with_code_and_clean_output(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("broken")) as supervisor:
            with pytest.raises(Unavailable, match="It ended with code 3") as caught:
                await supervisor.ensure("broken")
            told = one(supervisor, "broken")
            assert told["exit"]["code"] == 3 and told["exit"]["lines"] == ["loading the model", "error: bad magic"]
            assert caught.value.retry_after is not None and told["detail"] == ""
            with pytest.raises(Unavailable, match="can be tried again") as caught:
                await supervisor.ensure("broken")
            assert caught.value.retry_after is not None and caught.value.retry_after > 0

    house.run(test)


def test_stopping_while_it_starts_tells_those_who_wait(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("never")) as supervisor:
            waiting = asyncio.create_task(supervisor.ensure("never"))
            await until(lambda: "pid" in one(supervisor, "never"))
            await supervisor.stop_process("never")
            with pytest.raises(Unavailable, match="stopped while it was starting"):
                await waiting
            assert one(supervisor, "never")["state"] == "stopped"

    house.run(test)


@pytest.mark.parametrize(("given", "says"), [
    ({"command": "no-such-engine --port {port}"}, "There is no program no-such-engine"),
    ({"command": "/etc/passwd {port}"}, "There is no program /etc/passwd"),
    ({"command": "cat {file}", "file": "/no/such.gguf"}, "The model file /no/such.gguf is not there"),
    ({"command": "cat {file}"}, "names no model file"),
])
def test_what_cannot_be_started_is_said_before_anything_runs(house: House, given: dict[str, str], says: str) -> None:
    async def test() -> None:
        async with house.supervisor({"name": "x", "restart": "no", **given}) as supervisor:
            with pytest.raises(Unavailable, match=says):
                await supervisor.ensure("x")
            assert one(supervisor, "x")["state"] == "error" and "exit" not in one(supervisor, "x")

    house.run(test)


def test_a_taken_port_is_told_with_who_holds_it(house: House) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            async with house.supervisor(child("good", port=port)) as supervisor:
                with pytest.raises(Unavailable, match=rf"Port {port} is taken by .*process \d+"):
                    await supervisor.ensure("good")
        async with house.supervisor(child("good", port=port)) as supervisor:
            assert await supervisor.ensure("good") == f"http://127.0.0.1:{port}"

    house.run(test)


def test_a_port_that_was_taken_meanwhile_is_left_for_another(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            free = free_port()
            chosen = iter([server.getsockname()[1], free])
            monkeypatch.setattr("serving.processes.ports.free_port", lambda _taken: next(chosen))
            async with house.supervisor(child("good")) as supervisor:
                assert await supervisor.ensure("good") == f"http://127.0.0.1:{free}"
                assert one(supervisor, "good")["restarts"] == 0

    house.run(test)


def test_who_is_not_started_on_demand_waits_for_an_operator(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", onDemand=False)) as supervisor:
            with pytest.raises(Unavailable, match="not started on demand"):
                await supervisor.ensure("good")
            await supervisor.start_process("good")
            assert await supervisor.ensure("good") == supervisor.running()["good"]

    house.run(test)


def test_a_name_that_is_not_defined_is_said_so(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            assert supervisor.names() == ["good"]
            for ask in (supervisor.ensure, supervisor.start_process, supervisor.stop_process):
                with pytest.raises(UnknownProcess, match="no model process nobody"):
                    await ask("nobody")
            with pytest.raises(ProcessError), supervisor.using("nobody"):
                pass

    house.run(test)


def test_autostart_starts_with_the_first_configuration(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", autostart=True)) as supervisor:
            await until(lambda: "good" in supervisor.running())

    house.run(test)
