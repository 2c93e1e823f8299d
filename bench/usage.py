"""CPU and memory of process trees on Linux, read from /proc."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Over a window: CPU in percent of one core, and memory (PSS, MiB) at its end, of a whole process tree."""

    cpu: float
    pss: float


def tree(roots: Iterable[int]) -> dict[int, int]:
    """Process id -> CPU ticks used so far, of the processes ``roots`` and all below them."""
    children: dict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:  # it ended
            continue
        fields = text[text.rindex(")") + 2 :].split()
        children[int(fields[1])].append(int(entry.name))
        ticks[int(entry.name)] = int(fields[11]) + int(fields[12])
    found: dict[int, int] = {}
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in ticks and pid not in found:
            found[pid] = ticks[pid]
            waiting += children[pid]
    return found


def pss(pids: Iterable[int]) -> float:
    """Proportional set size of processes, MiB."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total / 1024


def over(seconds: float, roots: Callable[[], Iterable[int]] | Iterable[int]) -> Usage:
    """Usage of the trees below ``roots`` over the next ``seconds``."""
    pids = list(roots() if callable(roots) else roots)
    before, began = tree(pids), time.monotonic()
    time.sleep(seconds)
    after, wall = tree(pids), time.monotonic() - began
    used = sum(ticks - before.get(pid, 0) for pid, ticks in after.items())
    return Usage(100 * used / TICKS / wall, pss(after))


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Rows as a Markdown table; numbers with two digits, absent values as an en dash."""
    def cell(value: object) -> str:
        if value is None:
            return "–"
        return f"{value:.2f}" if isinstance(value, float) else str(value)

    lines = [head, tuple("---" for _ in head), *(tuple(cell(v) for v in row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
