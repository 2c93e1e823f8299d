"""Model processes outlive the serving process, and the next one takes them over."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from serving.processes.book import Entry, read, write
from serving.processes.tree import boot_id, stat_of
from tests.engine.run import COMMAND, healthy
from tests.serving.processes.conftest import House, child, gone, one, post, reached, until

HOST = Path(__file__).with_name("host.py")


def killed_host(house: House, *processes: dict[str, Any]) -> list[str]:
    """Starts the processes from a serving process that is then killed; their URLs."""
    host = subprocess.Popen(
        [sys.executable, str(HOST), str(house.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=HOST.parents[3], env={**os.environ, "PYTHONPATH": str(HOST.parents[3])}, start_new_session=True,
    )
    assert host.stdin and host.stdout
    host.stdin.write(json.dumps({"processes": processes}).encode() + b"\n")
    host.stdin.flush()
    urls = json.loads(host.stdout.readline())
    os.killpg(host.pid, signal.SIGKILL)
    host.wait()
    return urls


def test_a_real_engine_outlives_a_killed_serving_process(house: House, tiny_model: Path) -> None:
    engine = {
        "name": "tiny", "file": str(tiny_model), "restart": "no",
        "command": f"{COMMAND} --model {{file}} --alias {{name}} --host {{host}} --port {{port}}",
    }
    urls = killed_host(house, engine)
    assert healthy(urls[0])

    async def test() -> None:
        async with house.supervisor(engine) as supervisor:
            assert supervisor.running() == {"tiny": urls[0]}
            told = one(supervisor, "tiny")
            assert told["state"] == "running" and not told["needs_restart"] and told["ready_seconds"] > 0
            assert await supervisor.ensure("tiny") == urls[0]
            assert any("listening" in line.text for line in supervisor.logs("tiny"))
            await until(lambda: one(supervisor, "tiny").get("memory", 0) > 10e6)
            await until(lambda: one(supervisor, "tiny").get("responding") is True)
            await supervisor.stop_process("tiny")
            assert gone(told["pid"]) and one(supervisor, "tiny")["state"] == "stopped"
            assert await supervisor.ensure("tiny")

    house.run(test)


def test_its_output_goes_on_and_its_end_is_seen(house: House) -> None:
    [url] = killed_host(house, child("good"))

    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await post(f"{url}/die?5")
            told = await reached(supervisor, "good", state="error")
            assert told["exit"]["lines"] == ["CUDA error: out of memory"] and "code" not in told["exit"]
            assert told["message"] == "It ended; how is not known to Vigie, which was started later."

    house.run(test)


def test_an_end_is_seen_without_pidfd_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    [url] = killed_host(house, child("good", restart="on-failure"))
    monkeypatch.delattr(os, "pidfd_open")

    async def test() -> None:
        async with house.supervisor(child("good", restart="on-failure")) as supervisor:
            await post(f"{url}/die?5")
            await until(lambda: one(supervisor, "good")["restarts"] == 1 and "good" in supervisor.running())
            await post(f"{supervisor.running()['good']}/die?6")
            await until(lambda: one(supervisor, "good")["exit"].get("code") == 6)

    house.run(test)


@pytest.mark.parametrize("defined", [True, False])
def test_what_one_that_ended_meanwhile_left_behind_is_ended(house: House, defined: bool) -> None:
    pids: list[int] = []

    async def test() -> None:
        async with house.supervisor(child("family"), keep=True) as supervisor:
            await supervisor.ensure("family")
            pids.append(one(supervisor, "family")["pid"])
            pids.extend(await until(lambda: [
                int(pid) for line in supervisor.logs("family") if line.text.startswith("children ")
                for pid in line.text.split()[1:]
            ]))
        os.kill(pids[0], signal.SIGKILL)
        await until(lambda: gone(pids[0]))
        with (house.folder / "other.log").open("wb") as file:
            other = subprocess.Popen(["sleep", "60"], stdout=file)
        try:
            assert not any(gone(pid) for pid in pids[1:])
            async with house.supervisor(*([child("family", autostart=True)] if defined else [])) as supervisor:
                assert all(gone(pid) for pid in pids[1:]), "before it is started again, which takes their memory"
                assert other.poll() is None
                if defined:
                    await reached(supervisor, "family", state="running")
        finally:
            other.kill()
            other.wait()
            for pid in filter(lambda pid: not gone(pid), pids):
                os.kill(pid, signal.SIGKILL)

    house.run(test)


def test_one_that_is_left_running_is_found_by_the_next(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good"), child("slow"), keep=True) as supervisor:
            url = await supervisor.ensure("good")
            await supervisor.start_process("slow")
            await until(lambda: one(supervisor, "slow")["detail"] == "loading")
            slow = one(supervisor, "slow")["url"]
        async with house.supervisor(child("good"), child("slow")) as supervisor:
            assert supervisor.running() == {"good": url} and one(supervisor, "slow")["state"] == "loading"
            waiting = asyncio.create_task(supervisor.ensure("slow"))
            await post(f"{slow}/status?200")
            assert await waiting == slow

    house.run(test)


def test_one_that_is_no_longer_defined_is_stopped(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good"), keep=True) as supervisor:
            await supervisor.ensure("good")
            pid = one(supervisor, "good")["pid"]
        async with house.supervisor(child("slow")) as supervisor:
            assert supervisor.names() == ["slow"]
            assert one(supervisor, "good")["removed"] is True
            await until(lambda: gone(pid) and len(supervisor.status()) == 1)

    house.run(test)


def test_without_a_configuration_nothing_is_stopped(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good"), keep=True) as supervisor:
            url = await supervisor.ensure("good")
        async with house.supervisor(child("good"), keep=True) as supervisor:
            await supervisor.configure({})
            assert supervisor.running() == {"good": url}
        async with house.supervisor(child("good")) as supervisor:
            assert supervisor.running() == {"good": url}

    house.run(test)


@pytest.mark.parametrize("wrong", [{"start": 1}, {"boot": "another"}, {"pid": 2**22 - 7}])
def test_somebody_elses_pid_is_left_alone(house: House, wrong: dict[str, Any]) -> None:
    other = subprocess.Popen(["sleep", "60"])
    stat = stat_of(other.pid)
    assert stat is not None
    house.folder.mkdir()
    entry: dict[str, Any] = {
        "name": "good", "pid": other.pid, "start": stat.start, "boot": boot_id(), "port": 1, "command": (),
        "fingerprint": "", "log": "", "started": time.time(), "ready_seconds": 1.0,
    }
    write(house.folder / "processes.json", [Entry(**(entry | wrong))])

    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            assert one(supervisor, "good")["state"] == "stopped"
        async with house.supervisor() as supervisor:
            assert supervisor.status() == []

    try:
        house.run(test)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_the_book_is_private_and_holds_no_secret(house: House) -> None:
    async def test() -> None:
        command = child("good")["command"] + " --alias=x"
        async with house.supervisor(child("good") | {"command": command}) as supervisor:
            await supervisor.ensure("good")
            path = house.folder / "processes.json"
            assert path.stat().st_mode & 0o777 == 0o600
            [entry] = read(path)
            told = one(supervisor, "good")
            assert (entry.name, entry.pid, entry.port) == ("good", told["pid"], told["port"])
            assert Path(entry.log).stat().st_mode & 0o777 == 0o600

    house.run(test)


@pytest.mark.parametrize("text", [b"", b"{", b"{}", b"null", b"[1]", b'[{"name": "x"}]', b"\xff"])
def test_a_book_that_is_none_is_no_obstacle(house: House, text: bytes) -> None:
    house.folder.mkdir()
    (house.folder / "processes.json").write_bytes(text)

    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await supervisor.ensure("good")

    house.run(test)
