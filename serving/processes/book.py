"""Which processes run, kept in a file, so that they are found again after the serving process ended."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from config.atomic import write_atomic


@dataclass(frozen=True)
class Entry:
    """One running process. ``start`` is in clock ticks since the machine's start ``boot``: with the pid it names a
    process for good. Times are epoch seconds; ``command`` has no secrets."""

    name: str
    pid: int
    start: int
    boot: str
    port: int
    command: tuple[str, ...]
    fingerprint: str
    log: str
    started: float
    ready_seconds: float | None


def read(path: Path) -> list[Entry]:
    """The entries of the file; none when it is missing or holds something else."""
    try:
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return []
    keys = {one.name for one in fields(Entry)}
    found = []
    for one in raw if isinstance(raw, list) else ():
        with contextlib.suppress(TypeError, ValueError, KeyError):
            entry = Entry(**{key: one[key] for key in keys})
            numbers = (entry.pid, entry.start, entry.port)
            if entry.name and all(isinstance(value, int) and value > 0 for value in numbers):
                found.append(entry)
    return found


def write(path: Path, entries: Iterable[Entry]) -> None:
    """Puts the entries into the file, whole or not at all, readable by its owner alone. After a power cut it may be
    the one before: what it names is gone then in any case.

    Raises:
        OSError: it could not be written.
    """
    write_atomic(path, json.dumps([asdict(one) for one in entries], indent=1).encode(), lasting=False)
