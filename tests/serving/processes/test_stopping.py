"""Stopping, idleness, and that nothing is left afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from collectors.base import NoData
from collectors.model_servers import ModelServers
from serving.processes.sentences import Unavailable
from serving.processes.supervisor import Supervisor
from serving.service import targets
from tests.engine.run import SERVE
from tests.serving.processes.conftest import House, child, gone, one, post, reached, until


def _children(supervisor: Supervisor) -> list[int]:
    told = [line.text.split() for line in supervisor.logs("family") if line.text.startswith("children ")]
    return [int(pid) for words in told for pid in words[1:]]


def test_one_that_ignores_sigterm_is_killed(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("stubborn")) as supervisor:
            await supervisor.ensure("stubborn")
            pid = one(supervisor, "stubborn")["pid"]
            stopping = asyncio.create_task(supervisor.stop_process("stubborn"))
            await until(lambda: one(supervisor, "stubborn")["detail"] == "stopping")
            assert supervisor.running() == {}
            await stopping
            told = one(supervisor, "stubborn")
            assert gone(pid) and told["state"] == "stopped" and told["exit"]["signal"] == "SIGKILL"
            assert told["detail"] == "" and "message" not in told

    house.run(test)


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_the_whole_family_is_gone_even_who_left_the_group(house: House, how: str) -> None:
    async def test() -> None:
        async with house.supervisor(child("family")) as supervisor:
            url = await supervisor.ensure("family")
            pids = await until(lambda: _children(supervisor))
            await until(lambda: one(supervisor, "family").get("processes") == 3)
            assert os.getsid(pids[1]) == pids[1]  # one of them has a session of its own
            if how == "stop":
                await supervisor.stop_process("family")
            else:
                await post(f"{url}/die?9")
                await until(lambda: one(supervisor, "family")["state"] == "error")
                assert one(supervisor, "family")["exit"]["code"] == 9
            assert all(gone(pid) for pid in pids)

    house.run(test)


def test_stopping_everything_leaves_nothing(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good"), child("family")) as supervisor:
            await asyncio.gather(supervisor.ensure("good"), supervisor.ensure("family"))
            pids = [one(supervisor, "good")["pid"], one(supervisor, "family")["pid"]]
            pids += await until(lambda: _children(supervisor))
            await supervisor.stop()
            assert all(gone(pid) for pid in pids)
            assert (house.folder / "processes.json").read_text() == "[]"

    house.run(test)


def test_a_restart_gives_another_process(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await supervisor.ensure("good")
            pid = one(supervisor, "good")["pid"]
            await supervisor.restart_process("good")
            await supervisor.ensure("good")
            assert one(supervisor, "good")["pid"] != pid and gone(pid)
            await supervisor.restart_process("good")
            await supervisor.stop_process("good")
            await supervisor.start_process("good")
            assert await supervisor.ensure("good")

    house.run(test)


def test_a_request_that_comes_while_it_stops_gets_a_fresh_one(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("stubborn")) as supervisor:
            await supervisor.ensure("stubborn")
            pid = one(supervisor, "stubborn")["pid"]
            stopping = asyncio.create_task(supervisor.stop_process("stubborn"))
            await until(lambda: one(supervisor, "stubborn")["detail"] == "stopping")
            url = await supervisor.ensure("stubborn")
            await stopping
            assert one(supervisor, "stubborn")["pid"] != pid and supervisor.running() == {"stubborn": url}

    house.run(test)


def test_an_idle_one_is_stopped_and_comes_back_when_asked(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", idleMinutes=0.1 / 60, restart="always")) as supervisor:
            await supervisor.ensure("good")
            told = one(supervisor, "good")
            assert told["idle_stop_at"] == pytest.approx(told["last_used"] + 0.1)
            told = await reached(supervisor, "good", state="stopped")
            assert told["detail"] == "idle" and told["message"].startswith("Nobody asked it anything for")
            await supervisor.ensure("good")
            assert "good" in supervisor.running()

    house.run(test)


def test_it_is_not_idle_while_a_request_is_in_flight(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", idleMinutes=0.1 / 60)) as supervisor:
            await supervisor.ensure("good")
            with supervisor.using("good"):
                begun = time.time()
                assert one(supervisor, "good")["in_flight"] == 1 and "idle_stop_at" not in one(supervisor, "good")
                await until(lambda: time.time() > begun + 0.4)
                assert "good" in supervisor.running()
            assert one(supervisor, "good")["last_used"] >= begun + 0.4
            await until(lambda: one(supervisor, "good")["detail"] == "idle")

    house.run(test)


def test_who_asks_it_directly_keeps_it_busy(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", idleMinutes=0.1 / 60)) as supervisor:
            host, port = (await supervisor.ensure("good")).removeprefix("http://").split(":")
            _reader, writer = await asyncio.open_connection(host, int(port))
            begun = time.time()
            await until(lambda: time.time() > begun + 0.5)
            assert "good" in supervisor.running()
            writer.close()
            await until(lambda: one(supervisor, "good")["detail"] == "idle")

    house.run(test)


def test_being_looked_at_all_the_time_keeps_no_engine_from_its_idle_stop(house: House, tiny_model: Path) -> None:
    engine = child("tiny", command=SERVE, file=str(tiny_model), contextSize=512, idleMinutes=0.8 / 60)

    async def test() -> None:
        async with house.supervisor(engine) as supervisor:
            collector = ModelServers(lambda: targets({}, {"processes": supervisor.status()}), lambda: False)
            looks = 0

            def look() -> None:
                nonlocal looks
                with suppress(NoData):
                    looks += bool(list(collector.collect(0.0)))

            try:
                await supervisor.ensure("tiny")
                async with asyncio.timeout(5):  # a kept connection would be closed after a hundred questions
                    while one(supervisor, "tiny")["detail"] != "idle":
                        await asyncio.to_thread(look)
                        await asyncio.sleep(0.09)
            finally:
                collector.stop()
            assert looks

    house.run(test)


def test_a_crash_after_ready_is_told_with_its_last_words(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await post(f"{await supervisor.ensure('good')}/die?134")
            told = await reached(supervisor, "good", state="error")
            assert told["exit"]["code"] == 134 and told["exit"]["lines"][-1] == "CUDA error: out of memory"
            assert told["message"] == "It ended with code 134." and abs(told["exit"]["at"] - time.time()) < 10

    house.run(test)


@pytest.mark.parametrize(("number", "says"), [
    (signal.SIGSEGV, "It was ended by SIGSEGV."),
    (signal.SIGKILL, "It was ended by SIGKILL: by somebody, or by the system for want of memory."),
])
def test_a_signal_is_told_by_its_name(house: House, number: signal.Signals, says: str) -> None:
    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await supervisor.ensure("good")
            os.kill(one(supervisor, "good")["pid"], number)
            told = await reached(supervisor, "good", state="error")
            assert told["exit"]["signal"] == number.name and "code" not in told["exit"]
            assert told["message"] == says

    house.run(test)


def test_a_mistake_of_ours_is_told_and_leaves_the_others_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with house.supervisor(child("good"), child("slow")) as supervisor:
            url = await supervisor.ensure("good")
            monkeypatch.setattr("serving.processes.run.shutil.which", None)
            with pytest.raises(Unavailable, match="TypeError"):
                await supervisor.ensure("slow")
            assert one(supervisor, "slow")["message"].startswith("Vigie failed to look after it")
            assert supervisor.running() == {"good": url}
            monkeypatch.undo()
            await supervisor.start_process("slow")
            await reached(supervisor, "slow", detail="loading")

    house.run(test)


def test_one_that_answers_no_more_is_told_and_left_alone(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", restart="on-failure")) as supervisor:
            url = await supervisor.ensure("good")
            await post(f"{url}/status?503")
            await until(lambda: one(supervisor, "good")["responding"] is False)
            assert one(supervisor, "good")["state"] == "running"
            await post(f"{url}/status?200")
            await until(lambda: one(supervisor, "good")["responding"] is True)
            os.kill(one(supervisor, "good")["pid"], signal.SIGSTOP)  # it takes connections, and answers none
            await until(lambda: one(supervisor, "good")["responding"] is False)
            assert one(supervisor, "good")["restarts"] == 0
            os.kill(one(supervisor, "good")["pid"], signal.SIGCONT)
            await until(lambda: one(supervisor, "good")["responding"] is True)

    house.run(test)
