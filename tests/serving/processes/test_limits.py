"""Bounds on memory and CPU: by a cgroup, of which a folder stands for the real one, and by watching, for real."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil
import pytest

from serving.processes.backoff import Pace
from serving.processes.limits import NICE, Bounds, Cgroups, Watched, best, delegated
from serving.processes.meter import Meter
from serving.processes.tree import Tree, Usage
from tests.serving.processes.conftest import QUICK, House, child, gone, one, post, reached, until

MIB = 2**20


def test_one_that_eats_too_much_is_stopped_and_told_why(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", maxMemoryMb=100)) as supervisor:
            url = await supervisor.ensure("good")
            told = await until(lambda: one(supervisor, "good") if "memory" in one(supervisor, "good") else None)
            assert told["memory"] == told["memory_anon"] + told["memory_file"] < 100 * MIB
            assert told["limits"]["way"] == "watched" and told["limits"]["memory"] == 100 * MIB
            await post(f"{url}/eat?200")
            after = await reached(supervisor, "good", state="error")
            assert after["message"] == "It used more than its 100 MiB of memory." and gone(told["pid"])

    house.run(test)


def test_a_changed_bound_counts_at_once(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", maxMemoryMb=1000)) as supervisor:
            await post(f"{await supervisor.ensure('good')}/eat?200")
            await until(lambda: one(supervisor, "good").get("memory", 0) > 200 * MIB)
            await supervisor.configure({"processes": [child("good", maxMemoryMb=150)]})
            assert not one(supervisor, "good")["needs_restart"]
            await reached(supervisor, "good", state="error")

    house.run(test)


def test_a_short_peak_is_not_held_against_it() -> None:
    class Grown(Tree):
        used = 0

        def usage(self) -> Usage:
            return Usage(self.used, 0, 0.0)

    import asyncio

    time = 0.0
    tree, meter = Grown(os.getpid(), 0), Meter(QUICK, lambda: time)

    async def over(at: float, used: int) -> bool:
        nonlocal time
        time, tree.used = at, used
        await meter.read(tree)
        return meter.over(100)

    seen = [(0, 101), (0.06, 50), (0.12, 101), (0.18, 101), (0.3, 101)]
    assert [asyncio.run(over(at, used)) for at, used in seen] == [False, False, False, False, True]


def test_cpu_is_told_in_cores(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await supervisor.ensure("good")
            assert await until(lambda: "cpu" in one(supervisor, "good"))
            assert 0 <= one(supervisor, "good")["cpu"] < 64

    house.run(test)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a machine with one core has nothing to share out")
def test_without_a_cgroup_a_share_of_the_cpu_is_a_number_of_cores(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", maxCpuPercent=1)) as supervisor:
            await supervisor.ensure("good")
            told = one(supervisor, "good")
            assert told["limits"]["cpu_way"] == "cores" and told["limits"]["cores"] == 1
            assert len(os.sched_getaffinity(told["pid"])) == 1
            await supervisor.configure({"processes": [child("good", maxCpuPercent=100)]})
            assert os.sched_getaffinity(told["pid"]) == os.sched_getaffinity(0)
            assert one(supervisor, "good")["limits"]["cpu_way"] == "none"

    house.run(test)


def test_without_a_cgroup_who_uses_more_than_its_share_gives_way(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("good", maxCpuPercent=0.1)) as supervisor:
            url = await supervisor.ensure("good")
            pid = one(supervisor, "good")["pid"]
            await post(f"{url}/spin")
            await until(lambda: one(supervisor, "good")["gives_way"])
            [spinning] = psutil.Process(pid).children()
            assert os.getpriority(os.PRIO_PROCESS, pid) == spinning.nice() == NICE
            autogroup = Path(f"/proc/{pid}/autogroup")
            assert not autogroup.exists() or autogroup.read_text().endswith(f"nice {NICE}\n")
            assert one(supervisor, "good")["state"] == "running"

    house.run(test)


@pytest.mark.parametrize(("used", "given"), [
    ((0.0, 1.0, 2.0, 3.0), True), ((0.0, 0.8, 1.6, 2.4), False), ((0.0, 1.0, 1.5, 2.5), False),
], ids=["more for long", "less", "bursts"])
def test_bursts_are_not_held_against_it(used: tuple[float, ...], given: bool) -> None:
    """CPU seconds, read once a second; more than 0.9 cores for a second are too much."""
    import asyncio

    time = 0.0

    class Busy(Tree):
        def usage(self) -> Usage:
            return Usage(0, 0, used[int(time)])

    tree, meter, seen = Busy(os.getpid(), 0), Meter(Pace(sample=1.0, busy=1.0), lambda: time), []
    for second in range(len(used)):
        time = float(second)
        asyncio.run(meter.read(tree))
        seen.append(meter.busy(0.9))
    assert any(seen) is given


def test_the_cores_of_a_share() -> None:
    ways = Watched(cores=range(os.cpu_count() or 1))
    all_cores = os.cpu_count() or 1
    assert ways.facts("x", Bounds(1, 1.0))["cpu_way"] == "none"
    assert ways.facts("x", Bounds(1, 0.5)).get("cores", all_cores) == -(-all_cores // 2)


def test_a_cgroup_gets_the_bounds_and_the_process(house: House, tmp_path: Path) -> None:
    parent = tmp_path / "cgroup"
    parent.mkdir()

    async def test() -> None:
        limits = Cgroups(parent, remove=shutil.rmtree)
        async with house.supervisor(child("good", maxMemoryMb=512, maxCpuPercent=50), limits=limits) as supervisor:
            await supervisor.ensure("good")
            [group] = parent.iterdir()
            assert group.name.startswith("model-good-")
            assert (group / "memory.max").read_text() == str(512 * MIB)
            assert (group / "memory.oom.group").read_text() == "1"
            assert (group / "cpu.max").read_text() == f"{int(0.5 * (os.cpu_count() or 1) * 100_000)} 100000"
            assert (group / "cgroup.procs").read_text() == str(one(supervisor, "good")["pid"])
            assert one(supervisor, "good")["limits"] == {
                "way": "cgroup", "memory": 512 * MIB, "cpu": 0.5, "cpu_way": "quota",
            }
            await supervisor.configure({"processes": [child("good", maxMemoryMb=1024, maxCpuPercent=50)]})
            assert (group / "memory.max").read_text() == str(1024 * MIB)
            await supervisor.stop_process("good")
            assert list(parent.iterdir()) == []

    house.run(test)


def test_what_the_kernel_killed_for_its_memory_is_told_so(house: House, tmp_path: Path) -> None:
    async def test() -> None:
        async with house.supervisor(
            child("good", maxMemoryMb=512), limits=Cgroups(tmp_path, remove=shutil.rmtree)
        ) as supervisor:
            await supervisor.ensure("good")
            group = next(tmp_path.glob("model-*"))
            (group / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n")
            os.kill(one(supervisor, "good")["pid"], 9)
            told = await reached(supervisor, "good", state="error")
            assert told["message"] == "The system ended it: it used more than its 512 MiB of memory."
            assert told["exit"]["signal"] == "SIGKILL"

    house.run(test)


def test_what_the_kernel_refuses_is_watched_and_told_so(tmp_path: Path) -> None:
    limits = Cgroups(tmp_path)
    limits.apply("x", Bounds(1000, 0.5), [])
    assert not limits.is_watched("x")
    for file in ("memory.max", "cpu.max"):
        next(tmp_path.glob(f"model-x-*/{file}")).write_text("max 100000" if file == "cpu.max" else "max")
    assert limits.is_watched("x")
    assert limits.facts("x", Bounds(1000, 0.5)) == {"way": "watched", "memory": 1000, "cpu": 0.5, "cpu_way": "none"}
    limits.end("x")  # what does not go away is left for the next start


def _hierarchy(root: Path, own: str) -> Path:
    folder = root / own.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    (root / "cgroup.controllers").write_text("cpu memory pids")
    for place in (folder, folder.parent):
        (place / "cgroup.subtree_control").write_text("cpu memory pids")
    line = root.parent / "own"
    line.write_text(f"1:name=systemd:/\n0::{own}\n")
    return line


def _leave_to_us(folder: Path) -> None:
    if os.geteuid() == 0:
        os.setxattr(folder, "user.delegate", b"1")


def test_a_delegated_cgroup_is_used_or_the_one_above(tmp_path: Path) -> None:
    root = tmp_path / "root"
    own = _hierarchy(root, "/system.slice/vigie.service/main")
    try:
        _leave_to_us(root / "system.slice/vigie.service")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    (root / "system.slice/vigie.service/main/cgroup.subtree_control").unlink()
    (root / "system.slice/vigie.service/main").chmod(0o500)
    found = delegated(root, own)
    if os.geteuid() == 0:
        assert found == root / "system.slice/vigie.service"
    assert isinstance(best(root, own), Cgroups)


def test_without_a_cgroup_of_ours_it_is_watched(tmp_path: Path) -> None:
    assert isinstance(best(tmp_path, tmp_path / "missing"), Watched)
    root = tmp_path / "root"
    own = _hierarchy(root, "/a/b")
    if os.geteuid() == 0:  # to root everything seems to belong; only the mark tells
        assert delegated(root, own) is None
    (root / "cgroup.controllers").unlink()
    assert delegated(root, own) is None


def test_cgroup_v1_is_not_taken_for_v2(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("4:memory:/x\n1:cpu:/\n")
    assert delegated(tmp_path, own) is None


def test_the_usage_of_a_pid_that_was_given_anew_is_not_known() -> None:
    assert Tree(os.getpid(), 0).usage() is None  # pid and start time do not belong together
