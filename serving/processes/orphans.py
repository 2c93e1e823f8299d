"""What is left of a model process whose leader ended while nobody looked after it: nobody would find it again, and it
would hold its memory for good."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from serving.processes.book import Entry
from serving.processes.tree import scan, stat_of

LOOK = 0.05
"""Seconds between two looks at whether they have ended."""
KILL_WAIT = 2.0
"""Seconds that the kernel gets to end what was killed; what is to be started waits for that."""


def left_of(entry: Entry) -> dict[int, int]:
    """Pids of its descendants that still run, with their start times.

    Known by the file that they write their output or errors into, which they have from the leader, and by having
    begun after it. Those that write elsewhere are not found: session and group do not do, for once all of theirs have
    ended the kernel may give their numbers to somebody else.
    """
    log = f"{os.path.realpath(Path(entry.log).parent)}/{Path(entry.log).name}"
    return {
        pid: stat.start for pid, stat in scan().items()
        if stat.start >= entry.start and not stat.dead and pid != os.getpid() and _writes(pid, log)
    }


async def end(found: dict[int, int], seconds: float) -> None:
    """Ends them: asked first, killed after ``seconds``."""
    loop = asyncio.get_running_loop()
    for number, wait in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILL_WAIT)):
        for pid in _running(found):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        deadline = loop.time() + wait
        while _running(found) and loop.time() < deadline:
            await asyncio.sleep(LOOK)


def _running(found: dict[int, int]) -> list[int]:
    stats = [(stat_of(pid), start) for pid, start in found.items()]
    return [stat.pid for stat, start in stats if stat is not None and stat.start == start and not stat.dead]


def _writes(pid: int, log: str) -> bool:
    for number in (1, 2):
        with contextlib.suppress(OSError):
            if str(Path(f"/proc/{pid}/fd/{number}").readlink()).removesuffix(" (deleted)") == log:
                return True
    return False
