"""What a model process writes: straight into a file, which is followed here and kept within bounds.

The file is the process's own standard output and error, opened for appending. So nothing has to be read for the process
to go on, and it goes on writing when Vigie is gone. Its size is bounded as logrotate's ``copytruncate`` does it: what
is there is copied beside and the file cut to nothing; what is written between the two steps
is lost, a few lines at most. The file is kept open here: somebody may remove or rename it, and the process goes on
writing into it all the same.
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
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


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
        self._file = -1
        self._moved = False

    def open(self) -> int:
        """The file for a new start, as the number of an open file; whatever has no place on the disk goes nowhere."""
        self._since = self._seq
        self._rest = b""
        self.close()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = os.open(self.path, _FLAGS, 0o600)
            if not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)
                raise OSError(0, "what lies in its place is no regular file")
            os.set_blocking(number, True)
            self._offset = os.fstat(number).st_size
            self._file = os.dup(number)
            self.problem, self._moved = None, False
        except OSError as error:
            self._tell(error)
            return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        return number

    def recall(self, pid: int | None = None) -> None:
        """Reads the end of the file again, for a process that was found running: what that one writes into."""
        self.close()
        with contextlib.suppress(OSError):
            self._file = self._found(pid)
            self._offset = max(0, os.fstat(self._file).st_size - FAR_BACK)
            if self._offset:
                self._rest = b"(earlier lines are in the file) "
        for _ in range(FAR_BACK // AT_ONCE):
            self.follow()

    def follow(self) -> bool:
        """Takes in what was written since; True when there is more to read. Of a flood the middle is left out, and a
        line says how much."""
        try:
            size = os.fstat(self._file).st_size
            if size < self._offset:  # cut by somebody else
                self._offset = 0
            skipped = size - self._offset - FAR_BACK
            if skipped > 0:
                self._add(self._rest)
                self._add(f"({skipped} bytes of output were not read; they may be in the file)".encode())
                self._rest, self._offset = b"", self._offset + skipped
            data = os.pread(self._file, AT_ONCE, self._offset)
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
            size = os.fstat(self._file).st_size
            self._look_where_it_lies()
            if os.statvfs(self._file).f_bavail == 0:
                self._tell(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        except OSError:
            return
        if size <= self._most:
            return
        await self._catch_up()
        aside = self.path.with_name(self.path.name + ".1")
        try:
            await asyncio.to_thread(_copy, os.dup(self._file), aside, 2 * self._most)
            if not self._moved:
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
            os.ftruncate(self._file, 0)
            self._offset = 0

    async def end(self) -> None:
        """Takes in the last of an ended process, an unfinished line too."""
        await self._catch_up()
        if self._rest:
            self._add(self._rest)
            self._rest = b""
        self.close()

    def close(self) -> None:
        """Reads no more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

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

    def _found(self, pid: int | None) -> int:
        """The file that process ``pid`` writes into, where that can be seen and lies, or lay, in our folder; else what
        lies in its place. A process may have sent its output elsewhere by itself: that is not ours to cut.

        Raises:
            OSError: there is none.
        """
        if pid is not None:
            with contextlib.suppress(OSError):
                place = f"/proc/{pid}/fd/1"
                lies = os.path.realpath(self.path.parent)
                if os.path.dirname(os.readlink(place)) == lies:  # noqa: PTH115, PTH120 - of a removed file it is no path
                    return os.open(place, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
        return os.open(self.path, _FLAGS & ~os.O_CREAT)

    def _look_where_it_lies(self) -> None:
        """Tells when the file is no longer in its place; what comes is at hand all the same."""
        own, moved = os.fstat(self._file), True
        with contextlib.suppress(OSError):
            there = self.path.stat(follow_symlinks=False)
            moved = (there.st_dev, there.st_ino) != (own.st_dev, own.st_ino)
        if moved:
            self._tell(OSError(0, "it was removed or renamed while it was written"))
        elif self._moved:
            self.problem = None
        self._moved = moved

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


def _copy(source: int, target: Path, most: int) -> None:
    """Copies what an open file begins with, and closes it: its own, for nobody may wait for the end of this."""
    try:
        with contextlib.suppress(FileNotFoundError):
            target.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(target, flags, 0o600), "wb") as new:
            at = 0
            while at < most and (part := os.pread(source, min(AT_ONCE, most - at), at)):
                new.write(part)
                at += len(part)
    finally:
        os.close(source)
