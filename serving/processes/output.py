"""What a model process writes: straight into a file, which is followed here and kept within bounds.

The file is the process's own standard output and error, opened for appending. So nothing has to be read for the process
to go on, and it goes on writing when Vigie is gone. Its size is bounded as logrotate's ``copytruncate`` does it: what
is there is copied beside and the file cut to nothing; what is written between the two steps
is lost, a few lines at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import stat
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from config.marks import N_
from serving.processes.sentences import Sentence

MOST_LINES = 2000
LONGEST_LINE = 8192
"""Characters kept of a line."""
MOST_BYTES = 4 * 2**20
"""Size at which the file is set aside; one older file is kept beside it."""
AT_ONCE = 2**16
"""Bytes read in one go: some milliseconds, in a loop that requests wait for."""
FAR_BACK = 2**18
"""Bytes from the file's end that are read again when a process is found."""
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
_CONTROLS = dict.fromkeys([*range(9), *range(10, 32), *range(127, 160)])
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Line:
    """A line of output: its number, which grows by one, when it was read (epoch seconds), and its text."""

    seq: int
    at: float
    text: str


def file_name(name: str) -> str:
    """The name of the file for a model process called ``name``: never a path, never too long, never another's."""
    made = quote(name, safe="-_.@+")
    return f"{made if len(made) <= 180 else made[:100] + '-' + sha256(name.encode()).hexdigest()[:16]}.log"


def clean(raw: bytes) -> str:
    """A line as text: no control character, no colour, of a progress bar its last state, cut where it is too long."""
    text = raw.decode("utf-8", errors="replace")
    if not text.isprintable():  # most lines are, and a flood has many
        text = _ESCAPES.sub("", text).rstrip("\r").rpartition("\r")[2].translate(_CONTROLS)
    return text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + " …"


class Output:
    """The output of one model process, over all its starts. ``problem`` says why the file is not written or kept."""

    def __init__(self, folder: Path, name: str, now: Callable[[], float] = time.time, most: int = MOST_BYTES) -> None:
        self.path = folder / file_name(name)
        self.problem: Sentence | None = None
        self._now, self._most = now, most
        self._lines: deque[Line] = deque(maxlen=MOST_LINES)
        self._seq = self._since = 0
        self._offset = 0
        self._rest = b""

    def open(self) -> int:
        """The file for a new start, as the number of an open file; whatever has no place on the disk goes nowhere."""
        self._since = self._seq
        self._rest = b""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = os.open(self.path, _FLAGS, 0o600)
            if not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)
                raise OSError(0, "what lies in its place is no regular file")
            os.set_blocking(number, True)
            self._offset = os.fstat(number).st_size
            self.problem = None
        except OSError as error:
            self._tell(error)
            return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        return number

    def recall(self) -> None:
        """Reads the end of the file again, for a process that was found running."""
        with contextlib.suppress(OSError):
            self._offset = max(0, self.path.stat().st_size - FAR_BACK)
            if self._offset:
                self._rest = b"(earlier lines are in the file) "
        for _ in range(FAR_BACK // AT_ONCE):
            self.follow()

    def follow(self) -> bool:
        """Takes in what was written since; True when there is more to read. Of a flood the middle is left out, and a
        line says how much."""
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._offset:  # cut by somebody else
                    self._offset = 0
                skipped = size - self._offset - FAR_BACK
                if skipped > 0:
                    self._add(self._rest)
                    self._add(f"({skipped} bytes of output were not read; they may be in the file)".encode())
                    self._rest, self._offset = b"", self._offset + skipped
                file.seek(self._offset)
                data = file.read(AT_ONCE)
        except OSError:
            return False
        self._offset += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        for raw in whole:
            self._add(raw)
        if len(self._rest) > 4 * LONGEST_LINE:  # a line without an end
            self._add(self._rest)
            self._rest = b""
        return self._offset < size

    async def keep_small(self) -> None:
        """Sets the file aside once it is too large. On a full disk it is cut all the same, which makes room."""
        try:
            size = self.path.stat().st_size
            if os.statvfs(self.path).f_bavail == 0:
                self._tell(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        except OSError:
            return
        if size <= self._most:
            return
        await self._catch_up()
        aside = self.path.with_name(self.path.name + ".1")
        try:
            await asyncio.to_thread(_copy, self.path, aside, 2 * self._most)
            self.problem = None
        except OSError as error:
            self._tell(error)
            with contextlib.suppress(OSError):
                aside.unlink()
        await self._catch_up()
        for _ in range(FAR_BACK // AT_ONCE):  # without a pause: what comes now is not read
            if not self.follow():
                break
        with contextlib.suppress(OSError):
            os.truncate(self.path, 0)
            self._offset = 0

    async def end(self) -> None:
        """Takes in the last of an ended process, an unfinished line too."""
        await self._catch_up()
        if self._rest:
            self._add(self._rest)
            self._rest = b""

    @property
    def before_start(self) -> int:
        """The number of the last line before the latest start; 0 of a process that was found running."""
        return self._since

    def after(self, seq: int) -> list[Line]:
        """Lines with a number above ``seq``, oldest first."""
        return [line for line in self._lines if line.seq > seq]

    def last(self, count: int) -> list[str]:
        """The last lines of the latest start."""
        return [line.text for line in self._lines if line.seq > self._since][-count:]

    async def _catch_up(self) -> None:
        for _ in range(2 * FAR_BACK // AT_ONCE):  # who writes faster than this is not waited for
            if not self.follow():
                return
            await asyncio.sleep(0)  # requests come first

    def _add(self, raw: bytes) -> None:
        text = clean(raw)
        if text.strip():
            self._seq += 1
            self._lines.append(Line(self._seq, self._now(), text))

    def _tell(self, error: OSError) -> None:
        self.problem = Sentence(
            N_("Its output cannot be kept in %(path)s: %(reason)s."),
            {"path": str(self.path), "reason": error.strerror or str(error)},
        )


def _copy(source: Path, target: Path, most: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with source.open("rb") as old, os.fdopen(os.open(target, flags, 0o600), "wb") as new:
        while most > 0 and (part := old.read(min(AT_ONCE, most))):
            new.write(part)
            most -= len(part)
