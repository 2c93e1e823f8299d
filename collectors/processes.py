"""Processes: the busiest and the largest, as a table. A snapshot, not series: their names come and go."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import nlargest
from typing import Any, ClassVar

from collectors.base import NoData
from collectors.cgroup import Cgroup
from collectors.masking import mask_command
from collectors.procfs import HERTZ, PAGE, PidStat, clean, parse_meminfo, parse_pid_stat, read
from metrics.metric import Metric, Sample

TOP = 200
"""Rows by CPU and rows by memory; the table is both together."""
EVERY, EVERY_WATCHED, EVERY_FIRST = 5.0, 2.0, 1.0
DETAILS_FOR = 60.0
"""Seconds after which a name, user and command line are read anew: a server may rename itself and change its user.
Up to 30 more by pid, so that not all are read at once."""
COMMAND_BYTES, COMMAND_SHOWN = 4096, 512
_SPACES = bytes.maketrans(b"\n\r\t", b"   ")
KERNEL_PARENT = 2
"""kthreadd: the parent of the kernel's own threads."""
STATES = {
    "R": "running", "S": "sleeping", "D": "disk sleep", "Z": "zombie", "T": "stopped", "t": "tracing stop",
    "I": "idle", "X": "dead", "P": "parked", "W": "waking", "K": "wake kill",
}


@dataclass(slots=True)
class _Details:
    comm: bytes
    name: str
    user: str
    command: str
    read_at: float


class Processes:
    """Scans /proc/<pid>/stat; the rest is read for the rows shown only, and kept."""

    name: ClassVar[str] = "processes"
    metrics: ClassVar[tuple[Metric, ...]] = ()

    def __init__(
        self,
        proc: str = "/proc",
        sys: str = "/sys",
        watched: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        user_name: Callable[[int], str] | None = None,
        top: int = TOP,
    ) -> None:
        self._proc, self._watched, self._clock, self._top = proc, watched, clock, top
        self._cgroup = Cgroup(f"{sys}/fs/cgroup", proc)
        self._user_name = user_name or _user_name
        self._users: dict[int, str] = {}
        self._before: dict[tuple[int, int], int] = {}
        self._before_at: float | None = None
        self._details: dict[tuple[int, int], _Details] = {}
        self._snapshot: dict[str, Any] = {}

    @property
    def every(self) -> float:
        """Seconds between scans: more often while somebody looks, and soon after the first, which knows no CPU use."""
        if self._before_at is None:
            return EVERY_FIRST
        return EVERY_WATCHED if self._watched() else EVERY

    def collect(self, now: float) -> Iterator[Sample]:
        """Scans once; yields no samples, see `snapshot`.

        Raises:
            NoData: there is no /proc to scan.
            OSError: /proc cannot be listed.
        """
        try:
            pids = [int(name) for name in os.listdir(self._proc) if name.isdigit()]  # noqa: PTH208 - cheapest
        except FileNotFoundError:
            raise NoData("This system has no /proc: processes are listed on Linux.") from None
        at = self._clock()
        found = self._scan(pids)
        if not found:
            raise NoData("No process is to be seen in /proc.")
        span = at - self._before_at if self._before_at is not None else 0.0
        ticks = {
            pid: s.cpu - self._before.get((pid, s.start), s.cpu) for pid, s in found.items()
        }
        by_cpu = nlargest(self._top, found, key=lambda pid: (ticks[pid], found[pid].cpu))
        by_memory = nlargest(self._top, found, key=lambda pid: found[pid].memory)
        uptime, total = self._uptime(), self._memory_total(now)
        rows = []
        for pid in dict.fromkeys(by_cpu + by_memory):
            stat = found[pid]
            known = (pid, stat.start) in self._before and span > 0
            cpu = max(0, ticks[pid]) / HERTZ / span if known else None
            row = self._row(pid, stat, cpu, uptime, total, at)
            if row is not None:
                rows.append(row)
        self._before, self._before_at = {(pid, s.start): s.cpu for pid, s in found.items()}, at
        shown = {(row["pid"], found[row["pid"]].start) for row in rows}
        self._details = {key: value for key, value in self._details.items() if key in shown}
        self._snapshot = {"at": now, "rows": rows, "total": len(found)}
        return iter(())

    def snapshot(self) -> dict[str, Any]:
        """at (epoch seconds), total (processes there are), rows: [{pid, name, user, cpu_ratio (of one core, None at
        first sight), memory_bytes, memory_ratio, threads, status, uptime_seconds, command}], busiest first."""
        return self._snapshot

    def _scan(self, pids: list[int]) -> dict[int, PidStat]:
        found = {}
        for pid in pids:
            try:
                found[pid] = parse_pid_stat(read(f"{self._proc}/{pid}/stat", 2048))
            except (OSError, ValueError):
                continue  # ended meanwhile
        return found

    def _row(
        self, pid: int, stat: PidStat, cpu: float | None, uptime: float | None, total: float | None, at: float
    ) -> dict[str, Any] | None:
        details = self._details.get((pid, stat.start))
        if details is None or details.comm != stat.name or at - details.read_at > DETAILS_FOR + pid % 30:
            details = self._read_details(pid, stat, at)
            if details is None:
                return None
            self._details[(pid, stat.start)] = details
        memory = float(stat.memory * PAGE)
        return {
            "pid": pid, "name": details.name, "user": details.user, "cpu_ratio": cpu, "memory_bytes": memory,
            "memory_ratio": memory / total if total else None, "threads": stat.threads,
            "status": STATES.get(stat.state, stat.state),
            "uptime_seconds": None if uptime is None else max(0.0, uptime - stat.start / HERTZ),
            "command": details.command,
        }

    def _read_details(self, pid: int, stat: PidStat, at: float) -> _Details | None:
        folder = f"{self._proc}/{pid}"
        try:
            user = self._user(read(f"{folder}/status", 4096))
            raw = read(f"{folder}/cmdline", COMMAND_BYTES)
        except PermissionError:
            user, raw = "", b""
        except OSError:
            return None  # ended meanwhile
        name = clean(stat.name)
        if stat.parent == KERNEL_PARENT or pid == KERNEL_PARENT or not raw.strip(b"\0"):
            return _Details(stat.name, name, user, f"[{name}]", at)
        argv = raw.rstrip(b"\0").split(b"\0")
        if len(raw) == COMMAND_BYTES and len(argv) > 1:
            argv.pop()  # cut off: half a secret could pass for something else
        words = [clean(a.translate(_SPACES)) for a in argv]
        # The kernel keeps 15 bytes of a name; the program's own gives the rest.
        full = os.path.basename(argv[0].split(b" ")[0])  # noqa: PTH119 - bytes
        if len(stat.name) >= 15 and full.startswith(stat.name):
            name = clean(full)
        command = mask_command(words)
        if len(command) > COMMAND_SHOWN:
            command = command[: COMMAND_SHOWN - 1] + "…"
        return _Details(stat.name, name, user, command, at)

    def _user(self, status: bytes) -> str:
        """Name of the effective user in a status file, or the number where it has none here (a container's)."""
        at = status.find(b"\nUid:")
        fields = status[at + 5 : at + 64].split(None, 2) if at >= 0 else []
        if len(fields) < 2:
            return ""
        uid = int(fields[1])
        if uid not in self._users:
            self._users[uid] = self._user_name(uid)
        return self._users[uid]

    def _uptime(self) -> float | None:
        try:
            return float(read(f"{self._proc}/uptime", 64).split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _memory_total(self, now: float) -> float | None:
        limit = self._cgroup.limits(now).memory_bytes
        try:
            total = parse_meminfo(read(f"{self._proc}/meminfo", 256)).get(b"MemTotal")
        except OSError:
            total = None
        told = [float(v) for v in (limit, total) if v is not None]
        return min(told) if told else None


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
