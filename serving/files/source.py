"""A file that is read forwards in small pieces: what it says of lengths is believed only within its real size."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct

from config.marks import N_
from serving.files.sentence import BadModelFile

WINDOW = 256 * 1024
"""Bytes read at once: all that is ever held of a file, but for what a caller asks to keep."""
_U32, _U64 = Struct("<I"), Struct("<Q")


class Source:
    """The bytes of an open file, from its start on. Every step that would leave the file raises `BadModelFile`."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self._descriptor = descriptor
        self._held = b""
        self._first = 0  # where in the file the held bytes begin
        self._at = 0  # how far into them the reading is

    @property
    def place(self) -> int:
        """Bytes from the start of the file."""
        return self._first + self._at

    def take(self, count: int, part: str) -> bytes:
        """The next ``count`` bytes, 256 KiB at most; ``part`` names them in the refusal."""
        if count > len(self._held) - self._at:
            self._fill(count, part)
        end = self._at + count
        taken = self._held[self._at:end]
        self._at = end
        return taken

    def skip(self, count: int, part: str) -> None:
        """Goes ``count`` bytes on, without reading them."""
        if count > self.size - self.place:
            self._beyond(count, part)
        if count <= len(self._held) - self._at:
            self._at += count
        else:
            self._first, self._held, self._at = self.place + count, b"", 0

    def piece(self, count: int, part: str) -> bytes:
        """The next ``count`` bytes at once, past the window; the caller bounds them."""
        place = self.place
        if count > self.size - place:
            self._beyond(count, part)
        held = os.pread(self._descriptor, count, place)
        if len(held) < count:
            self._beyond(count, part)
        self._first, self._held, self._at = place + count, b"", 0
        return held

    def u32(self, part: str) -> int:
        """The next 4 bytes as a number, little-endian."""
        return int(_U32.unpack(self.take(4, part))[0])

    def u64(self, part: str) -> int:
        """The next 8 bytes as a number, little-endian."""
        return int(_U64.unpack(self.take(8, part))[0])

    def skip_texts(self, count: int, part: str) -> None:
        """Goes over ``count`` texts, each a length of 8 bytes and as many bytes."""
        unpack, held, at = _U64.unpack_from, self._held, self._at
        for _ in range(count):
            if at + 8 > len(held):
                self._at = at
                self._fill(8, part)
                held, at = self._held, self._at
            length = unpack(held, at)[0]
            at += 8
            if length <= len(held) - at:
                at += length
            else:
                self._at = at
                self.skip(length, part)
                held, at = self._held, self._at
        self._at = at

    def _fill(self, count: int, part: str) -> None:
        """Holds the next ``count`` bytes at least."""
        place = self.place
        if count > self.size - place or count > WINDOW:
            self._beyond(count, part)
        held = os.pread(self._descriptor, WINDOW, place)
        if len(held) < count:  # it became shorter while it was read, or a network folder gave less than was asked for
            held += os.pread(self._descriptor, WINDOW, place + len(held))
        if len(held) < count:
            self._beyond(count, part)
        self._held, self._first, self._at = held, place, 0

    def _beyond(self, count: int, part: str) -> None:
        raise BadModelFile(
            N_("{part} claims {given} bytes at byte {place}; the file has {left} more."),
            part=part, given=count, place=self.place, left=max(0, self.size - self.place),
        )


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The file at ``path``, open for reading.

    Raises:
        OSError: it cannot be opened.
        BadModelFile: it is a pipe, a device or a folder.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold the reader up
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BadModelFile(N_("This is no ordinary file."))
        yield Source(descriptor, status.st_size)
    finally:
        os.close(descriptor)
