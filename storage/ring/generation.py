"""One file of cells and its index: the rows of one server at one step and capacity.

``ring-<server>-<step ms>-<capacity>.cells`` holds a header page, then rows of ``capacity`` cells; it grows by
extents that are allocated on disk before they are mapped, because a store to an unallocated page of a full disk is
a SIGBUS. ``.index`` beside it has one JSON line per row, written before the row's first cell.
"""

from __future__ import annotations

import errno
import logging
import mmap
import os
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from metrics.series import SeriesInfo
from storage.errors import StoreUnavailable, TooManySeries
from storage.ring.base import CELL_BYTES
from storage.ring.cells import Cells, pack_info, unpack_info

log = logging.getLogger(__name__)

MAGIC = b"VIGIERNG"
VERSION = 1
HEADER_BYTES = 4096
EXTENT_ROWS = 64
_HEADER = struct.Struct("<8sIIII")  # magic, version, server, step in ms, capacity; then the CRC-32 of these
_NAME = re.compile(r"ring-(\d+)-(\d+)-(\d+)\.cells\Z")


class Corrupt(Exception):
    """The header or the index is not what was written."""


class Generation:
    """The files of one (server, step, capacity), open. ``series`` maps a row to its description.

    Raises:
        Corrupt: the header or a whole line of the index cannot be read.
        StoreUnavailable: the folder is read-only or the disk full.
    """

    def __init__(self, folder: Path, server: int, step: float, capacity: int, *, writable: bool) -> None:
        self.folder, self.server, self.step, self.capacity = folder, server, step, capacity
        self.path = folder / f"ring-{server}-{round(step * 1000)}-{capacity}.cells"
        self.index_path = self.path.with_suffix(".index")
        self.series: dict[int, SeriesInfo] = {}
        self.rows_of: dict[str, int] = {}
        self.rows = 0
        self.cells: Cells = np.empty((0, capacity), np.uint64)
        self._map: mmap.mmap | None = None
        self._index = -1
        self._unsynced = False
        flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
        with _sentences(folder):
            self._fd = os.open(self.path, flags | os.O_CLOEXEC, 0o600)
        try:
            self._open(writable)
        except BaseException:
            self.close()
            raise

    def _open(self, writable: bool) -> None:
        header = _HEADER.pack(MAGIC, VERSION, self.server, round(self.step * 1000), self.capacity)
        header += struct.pack("<I", zlib.crc32(header))
        size = os.fstat(self._fd).st_size
        if writable and size < HEADER_BYTES:
            if os.pread(self._fd, size, 0).strip(b"\0"):
                raise Corrupt("its header is cut short")
            self._allocate(HEADER_BYTES)
            with _sentences(self.folder):
                os.pwrite(self._fd, header, 0)
        elif os.pread(self._fd, len(header), 0) != header:
            raise Corrupt("its header is not the one of its name")
        self._load_index(writable)
        rows = max(0, os.fstat(self._fd).st_size - HEADER_BYTES) // (self.capacity * CELL_BYTES)
        if writable:
            needed = max(self.series, default=0) + 1
            extents = max(-(-rows // EXTENT_ROWS), -(-needed // EXTENT_ROWS))
            self.grow_to(extents * EXTENT_ROWS)
        else:
            self._remap(rows, mmap.ACCESS_READ)

    def _load_index(self, writable: bool) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND if writable else os.O_RDONLY
        with _sentences(self.folder):
            self._index = os.open(self.index_path, flags | os.O_CLOEXEC, 0o600)
            text = os.pread(self._index, os.fstat(self._index).st_size, 0)
        whole = text.rfind(b"\n") + 1
        if writable and whole < len(text):
            os.ftruncate(self._index, whole)  # a line that a kill cut short: its row has no cells yet
        for line in text[:whole].splitlines():
            try:
                info, found = unpack_info(line)
                row = int(found["row"])
            except (ValueError, KeyError, TypeError) as error:
                raise Corrupt(f"its index has a bad line ({error})") from None
            self._name_row(row, info)

    def _name_row(self, row: int, info: SeriesInfo) -> None:
        before = self.series.get(row)
        if before is not None and self.rows_of.get(before.key) == row:
            del self.rows_of[before.key]
        older = self.rows_of.get(info.key)
        if older is not None and older != row:
            del self.series[older]
        self.series[row] = info
        self.rows_of[info.key] = row

    def declare(self, row: int, info: SeriesInfo) -> None:
        """Gives ``row`` to ``info``. `sync_index` before the first cell: one whose series is lost must not exist."""
        known = self.series.get(row)
        if (known is None or known.key != info.key) and self.cells[row].any():
            self.cells[row] = 0
        line = pack_info(info, row=row) + b"\n"
        with _sentences(self.folder):
            at = os.fstat(self._index).st_size
            if os.write(self._index, line) != len(line):
                os.ftruncate(self._index, at)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._unsynced = True
        self._name_row(row, info)

    def sync_index(self) -> None:
        """Makes sure that every declared row is on the disk: called before cells are written, once for many rows."""
        if self._unsynced:
            with _sentences(self.folder):
                os.fsync(self._index)
            self._unsynced = False

    def grow_to(self, rows: int) -> None:
        """Allocates and maps ``rows`` rows. Arrays handed out before stay valid: both maps show one file."""
        self._allocate(HEADER_BYTES + rows * self.capacity * CELL_BYTES)
        self._remap(rows, mmap.ACCESS_WRITE)

    def _allocate(self, size: int) -> None:
        before = os.fstat(self._fd).st_size
        try:
            os.posix_fallocate(self._fd, 0, size)
        except OSError as error:
            if before < os.fstat(self._fd).st_size:
                os.ftruncate(self._fd, before)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                more = max(1, (size - before) >> 20)
                raise StoreUnavailable(
                    f"The disk of {self.folder} is full: the ring needs {more} MiB more."
                ) from error
            raise StoreUnavailable(_sentence(self.folder, error)) from error

    def _remap(self, rows: int, access: int) -> None:
        if rows:
            length = HEADER_BYTES + rows * self.capacity * CELL_BYTES
            with _sentences(self.folder):
                self._map = mmap.mmap(self._fd, length, access=access)
            flat = np.frombuffer(self._map, "<u8", rows * self.capacity, HEADER_BYTES)
            self.cells = flat.reshape(rows, self.capacity)
        self.rows = rows

    def newest_stamp(self, row: int) -> int:
        """The greatest step number in a row; 0 when it is empty."""
        return int(self.cells[row].view("<u4")[0::2].max())

    def give_back(self) -> None:
        """Unmaps the pages touched so far; their data stays in the page cache and on its way to the disk."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Closes the files; the map goes when its last reader lets go of its array."""
        self.cells, self._map = np.empty((0, self.capacity), np.uint64), None
        for fd in (self._fd, self._index):
            if fd >= 0:
                os.close(fd)
        self._fd = self._index = -1

    def delete(self) -> None:
        """Closes and removes both files."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.index_path.unlink(missing_ok=True)


def open_row(generation: Generation, free: list[int], limit: int) -> int:
    """A row nobody uses: one never named, one of ``free`` (taken from it), or the first of a new extent.

    Raises:
        TooManySeries: ``limit`` rows are in use.
        StoreUnavailable: the disk has no room for another extent.
    """
    row = max(generation.series, default=-1) + 1
    if row < min(generation.rows, limit):
        return row
    if free:
        return free.pop()
    if row >= limit:
        raise TooManySeries(f"The ring holds {limit} series, its limit; this machine has more.")
    generation.grow_to(generation.rows + EXTENT_ROWS)
    return row


def generations(folder: Path, server: int) -> list[tuple[float, int]]:
    """Step and capacity of every generation of ``server`` in ``folder``."""
    names = (_NAME.match(path.name) for path in sorted(folder.glob(f"ring-{server}-*.cells")))
    return [(int(name[2]) / 1000, int(name[3])) for name in names if name and int(name[1]) == server]


def set_aside(folder: Path, server: int, step: float, capacity: int, reason: str) -> None:
    """Renames a generation that cannot be read to ``*.corrupt`` and says so in the log."""
    stem = f"ring-{server}-{round(step * 1000)}-{capacity}"
    with _sentences(folder):
        for suffix in (".cells", ".index"):
            path = folder / (stem + suffix)
            if path.exists():
                path.replace(path.with_name(path.name + ".corrupt"))
    log.error("The ring file %s.cells cannot be read: %s; it is kept as %s.cells.corrupt.", stem, reason, stem)


@contextmanager
def _sentences(folder: Path) -> Iterator[None]:
    """Turns an OSError into a StoreUnavailable about ``folder``."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(_sentence(folder, error)) from error


def _sentence(folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {folder} is full: the ring cannot be written."
    return f"The ring in {folder} cannot be written: {error.strerror or error}."
