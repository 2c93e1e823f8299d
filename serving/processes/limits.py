"""Bounds on memory and CPU of a model process: kept by the kernel where a cgroup (v2) can be had, else watched."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

PERIOD = 100_000
"""Microseconds over which the kernel shares out CPU time."""
CONTROLLERS = ("memory", "cpu")
NICE = 10
"""What is added to a process that gives way: beside one as busy it gets a tenth of a core."""


@dataclass(frozen=True)
class Bounds:
    """Bytes of memory, and a share of the whole machine's CPU."""

    memory: int
    cpu: float

    @property
    def cores(self) -> float:
        """The share as a number of cores."""
        return self.cpu * (os.cpu_count() or 1)


class Limits(Protocol):
    """One way to keep a process within bounds. No method raises: what cannot be had is told by `facts`."""

    def apply(self, name: str, bounds: Bounds, pids: Iterable[int]) -> None:
        """Puts the processes under bounds, or under changed ones."""

    def is_watched(self, name: str) -> bool:
        """True when whoever calls has to compare what is in use with the bounds: above that of memory the process is
        stopped, above that of CPU it is made to `give_way`."""

    def killed(self, name: str) -> bool:
        """True when the kernel ended a process of ``name`` for its memory."""

    def end(self, name: str) -> None:
        """Kills what is left of ``name`` and cleans up."""

    def facts(self, name: str, bounds: Bounds) -> dict[str, Any]:
        """What is in force, for people: ``way`` cgroup or watched, ``memory`` bytes, ``cpu`` a share of the
        machine, ``cpu_way`` quota, cores, priority or none, ``cores`` where it is cores."""


class Cgroups:
    """A group per process below ``parent``, a folder of the cgroup v2 file system that is ours to write."""

    def __init__(self, parent: Path, *, remove: Callable[[Path], None] = Path.rmdir) -> None:
        self._parent, self._remove = parent, remove

    def _folder(self, name: str) -> Path:
        readable = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80]
        return self._parent / f"model-{readable}-{sha256(name.encode()).hexdigest()[:8]}"

    def apply(self, name: str, bounds: Bounds, pids: Iterable[int]) -> None:
        folder = self._folder(name)
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
        quota = max(1000, int(bounds.cores * PERIOD))
        _write(folder / "memory.max", str(bounds.memory))
        _write(folder / "memory.oom.group", "1")  # all of it or nothing: half an engine answers nothing
        _write(folder / "cpu.max", f"{quota} {PERIOD}")
        for pid in pids:
            _write(folder / "cgroup.procs", str(pid))

    def is_watched(self, name: str) -> bool:
        folder = self._folder(name)
        return folder.is_dir() and not _read(folder / "memory.max").strip().isdecimal()  # the kernel refused

    def killed(self, name: str) -> bool:
        return _events(self._folder(name)).get("oom_kill", 0) > 0

    def end(self, name: str) -> None:
        folder = self._folder(name)
        if folder.is_dir():
            _write(folder / "cgroup.kill", "1")
            with contextlib.suppress(OSError):  # EBUSY while the killed still go: the next start uses it again
                self._remove(folder)

    def facts(self, name: str, bounds: Bounds) -> dict[str, Any]:
        cpu_way = "none" if _read(self._folder(name) / "cpu.max").startswith("max") else "quota"
        way = "watched" if self.is_watched(name) else "cgroup"
        return {"way": way, "memory": bounds.memory, "cpu": bounds.cpu, "cpu_way": cpu_way}


class Watched:
    """Without a cgroup: the caller compares the memory; CPU is bounded by the cores that a process may run on."""

    def __init__(self, cores: Iterable[int] | None = None) -> None:
        self._cores = sorted(cores if cores is not None else os.sched_getaffinity(0))

    def _mine(self, name: str, bounds: Bounds) -> list[int]:
        """The cores for ``name``; processes begin at different ones, so that small ones do not share."""
        count = min(len(self._cores), max(1, round(bounds.cores + 0.499)))
        first = crc32(name.encode()) % len(self._cores)
        return sorted(self._cores[(first + k) % len(self._cores)] for k in range(count))

    def apply(self, name: str, bounds: Bounds, pids: Iterable[int]) -> None:
        cores = self._mine(name, bounds)
        for pid in pids:
            for thread in _threads(pid):
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(thread, cores)

    def is_watched(self, name: str) -> bool:  # noqa: ARG002 - all are
        return True

    def killed(self, name: str) -> bool:  # noqa: ARG002 - the caller does it here
        return False

    def end(self, name: str) -> None:
        """There is nothing to clean up."""

    def facts(self, name: str, bounds: Bounds) -> dict[str, Any]:
        cores = len(self._mine(name, bounds))
        way: dict[str, Any] = {"cpu_way": "priority" if bounds.cpu < 1 else "none"}
        if cores < len(self._cores):
            way = {"cpu_way": "cores", "cores": cores}
        return {"way": "watched", "memory": bounds.memory, "cpu": bounds.cpu, **way}


def give_way(pids: Iterable[int]) -> None:
    """Has processes leave the CPU to others that want it; for good, as only root may take that back.

    Not a pause and its end in turns: whoever is paused when Vigie dies hangs.
    """
    for pid in pids:
        for thread in _threads(pid):
            with contextlib.suppress(OSError):
                if os.getpriority(os.PRIO_PROCESS, thread) < NICE:
                    os.setpriority(os.PRIO_PROCESS, thread, NICE)
        # With sched_autogroup_enabled sessions share out the CPU, and what is nice counts within each only: sched(7).
        _write(Path(f"/proc/{pid}/autogroup"), str(NICE))


def best(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> Limits:
    """Cgroups where one was given to us with memory and CPU, else watching."""
    parent = delegated(root, own)
    return Cgroups(parent) if parent else Watched()


def delegated(root: Path, own: Path) -> Path | None:
    """The cgroup below which groups may be made: our own or the one above it, when its manager left it to us.

    Groups cannot be made beside processes, so that with systemd the service needs ``Delegate=memory cpu`` and
    ``DelegateSubgroup=`` (systemd 254 or later).
    """
    try:
        line = next(line for line in own.read_text(encoding="utf-8").splitlines() if line.startswith("0::/"))
    except (OSError, StopIteration):
        return None
    if not (root / "cgroup.controllers").exists():
        return None
    mine = root / line[4:]
    return next((folder for folder in (mine, mine.parent) if folder != root.parent and _ours(folder)), None)


def _ours(folder: Path) -> bool:
    """True when the folder was left to us and hands memory and CPU down, or now does."""
    if not _left_to_us(folder):
        return False
    control = folder / "cgroup.subtree_control"
    missing = [one for one in CONTROLLERS if one not in _read(control).split()]
    return not missing or _write(control, " ".join(f"+{one}" for one in missing))


def _left_to_us(folder: Path) -> bool:
    """An ordinary user owns what was delegated to them; to root everything seems to belong, so that systemd's mark
    decides: two masters of one group undo each other's work."""
    try:
        if os.geteuid() != 0:
            return folder.stat().st_uid == os.geteuid() and os.access(folder, os.W_OK)
        return any(_attribute(folder, f"{kind}.delegate") == b"1" for kind in ("user", "trusted"))
    except OSError:
        return False


def _attribute(folder: Path, name: str) -> bytes | None:
    try:
        return os.getxattr(folder, name)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP, errno.EPERM):
            return None
        raise


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _write(path: Path, text: str) -> bool:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        return False
    return True


def _events(folder: Path) -> dict[str, int]:
    pairs = (line.split() for line in _read(folder / "memory.events").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _threads(pid: int) -> list[int]:
    try:
        return [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
