"""The processes that belong together: a model process, its children, and what they left behind.

A process group is not enough: engines start workers in sessions of their own. A process belongs to the tree when it was
once seen below the leader, or shares the leader's session or group. Each is known by pid and start time, so that a pid
that the kernel gave to somebody else is never taken for one of ours.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Stat:
    """A line of ``/proc/PID/stat``, as far as it is needed; ``start`` in clock ticks since the machine started, ``cpu``
    in seconds."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    cpu: float
    start: int

    @property
    def dead(self) -> bool:
        """True for a zombie: it ended, and nobody asked how."""
        return self.state in "ZX"


@dataclass(frozen=True)
class Usage:
    """What a tree uses: resident bytes that are its own, those that are mapped files or shared, CPU seconds so far."""

    anon: int
    file: int
    cpu: float

    @property
    def memory(self) -> int:
        """All resident bytes. What two processes of a tree share counts twice."""
        return self.anon + self.file


def stat_of(pid: int, proc: str = "/proc") -> Stat | None:
    """None when there is no such process."""
    try:
        text = Path(proc, str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # a name may hold spaces and parentheses
    if len(fields) < 20:
        return None
    cpu = (int(fields[11]) + int(fields[12])) / TICKS
    return Stat(pid, fields[0], int(fields[1]), int(fields[2]), int(fields[3]), cpu, int(fields[19]))


def scan(proc: str = "/proc") -> dict[int, Stat]:
    """Every process of the machine."""
    names = (path.name for path in Path(proc).iterdir())
    found = (stat_of(int(name), proc) for name in names if name.isdecimal())
    return {stat.pid: stat for stat in found if stat is not None}


def boot_id() -> str:
    """Tells one start of the machine from another; empty when it cannot be read."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


@dataclass
class Tree:
    """A leader and all that belongs to it."""

    pid: int
    start: int
    known: dict[int, int] = field(default_factory=dict)
    """Start time by pid of every member seen and not known to be gone, the leader included."""

    def __post_init__(self) -> None:
        self.known[self.pid] = self.start

    def refresh(self, stats: dict[int, Stat]) -> None:
        """Takes in new members out of a `scan`, and forgets those that ended."""
        self.known = {pid: start for pid, start in self.known.items() if self._is(stats.get(pid), start)}
        below: dict[int, list[Stat]] = {}
        for stat in stats.values():
            below.setdefault(stat.parent, []).append(stat)
        queue = list(self.known)
        # Ids of sessions and groups are not given anew while one member lives, but may be once all are gone.
        ours = self.pid if self.pid not in stats or self._is(stats[self.pid], self.start) else None
        for stat in stats.values():
            if ours in (stat.session, stat.group) and stat.start >= self.start and not stat.dead:
                queue.append(stat.pid)
        while queue:
            pid = queue.pop()
            if pid in stats and not stats[pid].dead:
                self.known[pid] = stats[pid].start
            queue += [child.pid for child in below.get(pid, ()) if child.pid not in self.known]

    def alive(self) -> list[int]:
        """Pids of the known members that still run."""
        return [pid for pid, start in self.known.items() if self._is(stat_of(pid), start)]

    def usage(self) -> Usage | None:
        """What the known members use together; None when none of them can be read."""
        anon = file = 0
        cpu, seen = 0.0, False
        for pid, start in self.known.items():
            stat = stat_of(pid)
            if stat is None or stat.start != start:
                continue
            with contextlib.suppress(OSError, ValueError, IndexError):
                resident, shared = (int(part) for part in Path(f"/proc/{pid}/statm").read_text().split()[1:3])
                anon, file, cpu, seen = anon + (resident - shared) * PAGE, file + shared * PAGE, cpu + stat.cpu, True
        return Usage(anon, file, cpu) if seen else None

    @staticmethod
    def _is(stat: Stat | None, start: int) -> bool:
        return stat is not None and stat.start == start and not stat.dead
