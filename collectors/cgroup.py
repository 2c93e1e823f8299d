"""What a container may use: the limits of control groups, version 2 and, where easy, 1.

Formats: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst. Inside a container the root of
``/sys/fs/cgroup`` is the container's own group; the machine's true root group has no limit files at all, so that on a
plain machine nothing here is limited. The limit of a mere service (systemd's MemoryMax) is not the machine's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from collectors.pace import Pace
from collectors.procfs import clean, pairs, read, read_number, read_text

NO_LIMIT = 1 << 60
"""Version 1 writes "no limit" as the largest page-aligned 63-bit number."""
LOOK_AGAIN = 10.0
"""Seconds between two looks at the limits: they can be changed on a running container."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in force, None where there is none: bytes, and cores (1.5 is one core and a half)."""

    memory_bytes: float | None = None
    cpu_cores: float | None = None
    cpus: frozenset[str] | None = None
    """Names of the cores the container may run on; None for all."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes. ``used`` is without the inactive file cache, as container tools count it; swap None where not told."""

    current: float
    used: float
    cached: float | None
    swap_total: float | None
    swap_used: float | None
    swap_in: float | None
    swap_out: float | None


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU seconds since the container started; ``user`` and ``system`` None where not told."""

    total: float
    user: float | None
    system: float | None


class Cgroup:
    """The container's group under ``root``; all limits None where there is no container or no limit."""

    def __init__(self, root: str = "/sys/fs/cgroup", proc: str = "/proc") -> None:
        self._version, self._memory, self._cpu, self._account, self._set = _find(root, proc)
        self._pace = Pace(LOOK_AGAIN)
        self._limits = Limits()

    @property
    def folder(self) -> str | None:
        """The version 2 folder, for its pressure files; None otherwise."""
        return self._memory if self._version == 2 else None

    def limits(self, now: float) -> Limits:
        """The limits in force, read again every 10 s of ``now``."""
        if self._version and self._pace.due(now):
            self._limits = Limits(self._memory_limit(), self._cpu_limit(), self._cpu_set())
        return self._limits

    def memory(self) -> MemoryUse | None:
        """What the container's processes use, or None where it is not told."""
        v2 = self._version == 2
        current = read_number(f"{self._memory}/{'memory.current' if v2 else 'memory.usage_in_bytes'}")
        stat = _pairs(f"{self._memory}/memory.stat")
        if current is None:
            return None
        inactive = stat.get(b"inactive_file" if v2 else b"total_inactive_file", 0)
        cached = stat.get(b"file" if v2 else b"total_cache")
        return MemoryUse(
            current, max(0.0, current - inactive), None if cached is None else float(cached),
            read_number(f"{self._memory}/memory.swap.max") if v2 else None,
            read_number(f"{self._memory}/memory.swap.current") if v2 else None,
            _pages(stat.get(b"pswpin")), _pages(stat.get(b"pswpout")),
        )

    def cpu(self) -> CpuUse | None:
        """CPU time the container has used, or None where it is not told."""
        if self._version == 2:
            stat = _pairs(f"{self._cpu}/cpu.stat")
            total = stat.get(b"usage_usec")
            if total is None:
                return None
            user, system = stat.get(b"user_usec"), stat.get(b"system_usec")
            return CpuUse(
                total / 1e6, None if user is None else user / 1e6, None if system is None else system / 1e6
            )
        nanoseconds = read_number(f"{self._account}/cpuacct.usage")
        return None if nanoseconds is None else CpuUse(nanoseconds / 1e9, None, None)

    def _memory_limit(self) -> float | None:
        name = "memory.max" if self._version == 2 else "memory.limit_in_bytes"
        limit = read_number(f"{self._memory}/{name}")  # "max" is no number: None
        return limit if limit is not None and 0 < limit < NO_LIMIT else None

    def _cpu_limit(self) -> float | None:
        if self._version == 2:
            try:
                quota, _, period = read(f"{self._cpu}/cpu.max", 64).partition(b" ")
                cores = int(quota) / int(period or 100_000)
            except (OSError, ValueError, ZeroDivisionError):
                return None
            return cores if cores > 0 else None
        quota_us, period_us = (read_number(f"{self._cpu}/cpu.cfs_{n}_us") for n in ("quota", "period"))
        if quota_us is None or not period_us or quota_us <= 0:
            return None
        return quota_us / period_us

    def _cpu_set(self) -> frozenset[str] | None:
        name = "cpuset.cpus.effective" if self._version == 2 else "cpuset.cpus"
        try:
            return parse_cpu_list(read(f"{self._set}/{name}", 4096)) or None
        except (OSError, ValueError):
            return None


def parse_cpu_list(raw: bytes) -> frozenset[str]:
    """The kernel's list format: ``0-2,8`` gives 0, 1, 2 and 8.

    Raises:
        ValueError: something else than numbers, or a range no machine has.
    """
    cpus: set[str] = set()
    for part in raw.strip().split(b","):
        if part:
            first, _, last = part.partition(b"-")
            low, high = int(first), int(last or first)
            if high - low > 1 << 16:
                raise ValueError(f"no machine has {high - low} cores")
            cpus.update(map(str, range(low, high + 1)))
    return frozenset(cpus)


def _find(root: str, proc: str) -> tuple[int, str, str, str, str]:
    """(version or 0, folders of the memory, cpu, cpuacct and cpuset controllers)."""
    for folder in (root, root + _own_path(proc)):
        if any(os.path.exists(f"{folder}/{name}") for name in ("memory.max", "cpu.max")):  # noqa: PTH110 - see read
            # Outside a container every service has such files: its limits are not the machine's.
            if folder != root and not in_container(proc):
                continue
            return 2, folder, folder, folder, folder
    if os.path.exists(f"{root}/memory/memory.limit_in_bytes"):  # noqa: PTH110
        return 1, f"{root}/memory", f"{root}/cpu", f"{root}/cpuacct", f"{root}/cpuset"
    return 0, "", "", "", ""


def _own_path(proc: str) -> str:
    """This process's path below the version 2 root: "" inside a container with its own view of it."""
    try:
        raw = read(f"{proc}/self/cgroup", 4096)
    except OSError:
        return ""
    for line in raw.splitlines():
        if line.startswith(b"0::/"):
            return clean(line[3:]).rstrip("/")
    return ""


def in_container(proc: str = "/proc") -> bool:
    """Whether the machine seen is a container: the marker files of Docker and Podman, systemd's note, or its groups.

    Where the kernel's own threads are to be seen it is none: a machine made from a container's image keeps the marks.
    """
    if read_text(f"{proc}/2/comm") == "kthreadd":
        return False
    top = os.path.dirname(proc.rstrip("/"))  # noqa: PTH120 - the root that proc hangs below: captures bring theirs
    if any(os.path.exists(f"{top}/{m}") for m in (".dockerenv", "run/.containerenv", "run/systemd/container")):  # noqa: PTH110
        return True
    try:
        first = read(f"{proc}/1/cgroup", 4096)
    except OSError:
        return False
    return any(word in first for word in (b"docker", b"kubepods", b"containerd", b"libpod", b"/lxc"))


def _pairs(path: str) -> dict[bytes, int]:
    try:
        return pairs(read(path))
    except OSError:
        return {}


def _pages(count: int | None) -> float | None:
    return None if count is None else count * 4096.0
