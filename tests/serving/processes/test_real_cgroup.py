"""Bounds that a real kernel keeps: where these tests were left a cgroup (v2) with memory and CPU, as with
``systemd-run --user --scope -p Delegate=yes`` or in a virtual machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.processes.limits import Cgroups, delegated
from tests.serving.processes.conftest import House, child, gone, one, post, reached, until

MIB = 2**20
PARENT = delegated(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))
WITHIN = 120.0
"""Seconds; an emulated machine is slow."""

pytestmark = [
    pytest.mark.hardware,
    pytest.mark.skipif(PARENT is None, reason="no cgroup was left to us here"),
]


@pytest.fixture
def parent() -> Path:
    assert PARENT is not None
    return PARENT


def _groups(parent: Path) -> list[Path]:
    return list(parent.glob("model-*"))


def _number(file: Path, key: str) -> int:
    return int(next(line.split()[1] for line in file.read_text().splitlines() if line.split()[0] == key))


def test_the_kernel_ends_one_that_eats_too_much(house: House, parent: Path) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", maxMemoryMb=100), limits=Cgroups(parent)) as supervisor:
            url = await supervisor.ensure("good")
            told = one(supervisor, "good")
            assert told["limits"]["way"] == "cgroup" and told["limits"]["memory"] == 100 * MIB
            [group] = _groups(parent)
            assert str(told["pid"]) in (group / "cgroup.procs").read_text().split()
            assert (group / "memory.max").read_text().strip() == str(100 * MIB)
            await post(f"{url}/eat?200")
            after = await reached(supervisor, "good", state="error")
            assert after["message"] == "The system ended it: it used more than its 100 MiB of memory."
            assert after["exit"]["signal"] == "SIGKILL" and gone(told["pid"])
        assert _groups(parent) == []

    house.run(test)


def test_the_kernel_holds_back_one_that_computes_too_much(house: House, parent: Path) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", maxCpuPercent=5), limits=Cgroups(parent)) as supervisor:
            url = await supervisor.ensure("good")
            assert one(supervisor, "good")["limits"]["cpu_way"] == "quota"
            [group] = _groups(parent)
            before = _number(group / "cpu.stat", "nr_throttled")
            await post(f"{url}/spin")
            await until(lambda: _number(group / "cpu.stat", "nr_throttled") > before + 3, WITHIN)
        assert _groups(parent) == []

    house.run(test)


def test_what_left_its_session_is_ended_with_the_group(house: House, parent: Path) -> None:
    async def test() -> None:
        async with house.supervisor(child("family"), limits=Cgroups(parent)) as supervisor:
            await supervisor.ensure("family")
            [group] = _groups(parent)
            pids = [int(pid) for pid in (group / "cgroup.procs").read_text().split()]
            assert len(pids) == 3
            await supervisor.stop_process("family")
            assert all(gone(pid) for pid in pids)
            await until(lambda: _groups(parent) == [], WITHIN)

    house.run(test)
