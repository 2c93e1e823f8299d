"""Limits of containers, and where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.cgroup import Cgroup, Limits, in_container

GIB = 2**30


@pytest.fixture
def group(tmp_path: Path) -> Path:
    folder = tmp_path / "sys" / "fs" / "cgroup"
    folder.mkdir(parents=True)
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "1").mkdir()
    return folder


def cgroup(group: Path) -> Cgroup:
    return Cgroup(str(group), str(group.parents[2] / "proc"))


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


def test_a_plain_machine_has_no_limits(group: Path) -> None:
    write(group, cgroup__controllers="cpu memory", memory__stat="anon 5")
    assert cgroup(group).limits(0) == Limits()


def test_max_is_no_limit(group: Path) -> None:
    write(group, memory__max="max", cpu__max="max 100000")
    limits = cgroup(group).limits(0)
    assert (limits.memory_bytes, limits.cpu_cores) == (None, None)


def test_limits_of_version_2(group: Path) -> None:
    write(group, memory__max=str(4 * GIB), cpu__max="250000 100000", cpuset__cpus__effective="0-1,4")
    limits = cgroup(group).limits(0)
    assert (limits.memory_bytes, limits.cpu_cores) == (4 * GIB, 2.5)
    assert limits.cpus == {"0", "1", "4"}


@pytest.mark.parametrize("text", ["", "x y", "0 100000", "100000 0", "-1 100000", "100000"])
def test_a_quota_that_is_none(text: str, group: Path) -> None:
    write(group, memory__max="max", cpu__max=text)
    assert cgroup(group).limits(0).cpu_cores in (None, 1.0)


def test_a_limit_that_is_changed_is_seen_in_time(group: Path) -> None:
    write(group, memory__max=str(GIB))
    seen = cgroup(group)
    assert seen.limits(0).memory_bytes == GIB
    write(group, memory__max=str(2 * GIB))
    assert seen.limits(1).memory_bytes == GIB
    assert seen.limits(11).memory_bytes == 2 * GIB


def test_limits_of_version_1(group: Path) -> None:
    write(group / "memory", memory__limit_in_bytes=str(GIB), memory__usage_in_bytes="100", memory__stat="total_cache 7")
    write(group / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    seen = cgroup(group)
    assert seen.limits(0) == Limits(memory_bytes=GIB)
    use = seen.memory()
    assert use is not None
    assert (use.used, use.cached, use.swap_used) == (100, 7, None)
    assert seen.cpu() is None


def test_no_limit_of_version_1_is_a_very_large_number(group: Path) -> None:
    write(group / "memory", memory__limit_in_bytes="9223372036854771712")
    assert cgroup(group).limits(0).memory_bytes is None


def test_a_service_with_a_limit_is_not_a_container(group: Path) -> None:
    proc = group.parents[2] / "proc"
    (proc / "self" / "cgroup").write_text("0::/system.slice/vigie.service\n")
    (proc / "1" / "cgroup").write_text("0::/init.scope\n")
    write(group / "system.slice" / "vigie.service", memory__max=str(GIB), cpu__max="50000 100000")
    assert cgroup(group).limits(0) == Limits()


def test_a_container_that_sees_the_machine_s_groups(group: Path) -> None:
    proc = group.parents[2] / "proc"
    (proc / "self" / "cgroup").write_text("0::/docker/abc\n")
    (proc / "1" / "cgroup").write_text("0::/docker/abc\n")
    write(group / "docker" / "abc", memory__max=str(GIB), memory__current="9", cpu__stat="usage_usec 5000000")
    seen = cgroup(group)
    assert seen.limits(0).memory_bytes == GIB
    use = seen.cpu()
    assert use is not None
    assert (use.total, use.user) == (5.0, None)
    assert seen.folder == str(group / "docker" / "abc")


def test_swap_of_a_container(group: Path) -> None:
    write(
        group, memory__max=str(GIB), memory__current="900", memory__stat="inactive_file 1000\nfile 5\npswpin 2",
        memory__swap__max="max", memory__swap__current="64",
    )
    use = cgroup(group).memory()
    assert use is not None
    assert (use.used, use.swap_total, use.swap_used, use.swap_in, use.swap_out) == (0, None, 64, 8192, None)


@pytest.mark.parametrize("marker", [".dockerenv", "run/.containerenv", "run/systemd/container"])
def test_containers_are_known_by_their_marks(marker: str, tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    proc.mkdir()
    assert not in_container(str(proc))
    (tmp_path / marker).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / marker).write_text("")
    assert in_container(str(proc))
    (proc / "2").mkdir()
    (proc / "2" / "comm").write_text("kthreadd\n")  # a machine made from a container's image
    assert not in_container(str(proc))
