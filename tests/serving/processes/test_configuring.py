"""A configuration that changes while processes run."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.processes.sentences import BadDefinition
from tests.serving.processes.conftest import House, child, gone, one, reached, until


def test_a_changed_command_waits_for_a_restart_and_says_so(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            url = await supervisor.ensure("good")
            changed = child("good") | {"command": child("good")["command"] + " --alias other"}
            await supervisor.configure({"processes": [changed]})
            assert one(supervisor, "good")["needs_restart"] is True and supervisor.running() == {"good": url}
            await supervisor.restart_process("good")
            await supervisor.ensure("good")
            assert one(supervisor, "good")["needs_restart"] is False
            assert one(supervisor, "good")["command"][-1] == "other"
            await supervisor.configure({"processes": [changed | {"gpus": "1"}]})
            assert one(supervisor, "good")["needs_restart"] is True

    house.run(test)


def test_a_default_that_its_command_does_not_name_needs_no_restart(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await supervisor.ensure("good")
            await supervisor.configure({"processes": [child("good")], "defaultParameters": {"temperature": 0.1}})
            assert one(supervisor, "good")["needs_restart"] is False

    house.run(test)


def test_a_changed_idle_time_counts_at_once(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await supervisor.ensure("good")
            await supervisor.configure({"processes": [child("good", idleMinutes=0.05 / 60)]})
            assert one(supervisor, "good")["needs_restart"] is False
            await reached(supervisor, "good", detail="idle")

    house.run(test)


def test_one_that_is_removed_is_stopped_and_another_takes_its_place(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("stubborn"), child("good")) as supervisor:
            await supervisor.ensure("stubborn")
            pid = one(supervisor, "stubborn")["pid"]
            await supervisor.configure({"processes": [child("good"), child("slow")]})
            assert supervisor.names() == ["good", "slow"] and supervisor.running() == {}
            assert [told["name"] for told in supervisor.status()] == ["good", "slow", "stubborn"]
            await until(lambda: gone(pid) and len(supervisor.status()) == 2)

    house.run(test)


def test_a_definition_that_is_none_leaves_what_runs(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            url = await supervisor.ensure("good")
            await supervisor.configure({"processes": [child("good", file="--x")]})
            assert supervisor.running() == {"good": url}
            assert one(supervisor, "good")["message"] == "The model file of good must be an absolute path."
            with pytest.raises(BadDefinition):
                await supervisor.restart_process("good")
            assert await supervisor.ensure("good") == url
            await supervisor.configure({"processes": [child("good")]})
            assert "message" not in one(supervisor, "good")
            assert supervisor.running() == {"good": url}

    house.run(test)


def test_two_that_start_at_once_get_two_ports(house: House) -> None:
    async def test() -> None:
        named = [child("good") | {"name": f"m{k}", "autostart": True} for k in range(4)]
        async with house.supervisor(*named) as supervisor:
            await until(lambda: len(supervisor.running()) == 4)
            assert len(set(supervisor.running().values())) == 4

    house.run(test)


def test_without_a_place_for_the_book_processes_run_all_the_same(house: House, tmp_path: Path) -> None:
    (house.folder / "processes.json").mkdir(parents=True)

    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await supervisor.ensure("good")

    house.run(test)
