"""Files written beside and renamed, so that nobody sees half of one. Imports nothing: the serving process needs it."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

Signature = tuple[int, ...] | None
"""What tells one state of a path from another; None when nothing is there."""


def signature(path: Path) -> Signature:
    """Changes whenever the file is written, replaced or made unreadable. Never raises."""
    try:
        found = path.lstat()
    except OSError as error:
        return None if error.errno == errno.ENOENT else (error.errno or 0,)
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid


def write_atomic(path: Path, data: bytes, *, lasting: bool = True) -> Signature:
    """Puts ``data`` in place of the file, mode 0600: whoever reads sees the old or the new, also after a power cut
    (unless it need not be ``lasting``, which spares the wait for the disk). Returns the signature of what was written.

    Raises:
        OSError: it could not be written; the old file stays.
    """
    fresh = path.with_name(f".{path.name}.new")
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            os.fchmod(number, 0o600)
            file.write(data)
            file.flush()
            if lasting:
                os.fsync(number)
        written = signature(fresh)
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    if lasting:
        sync_folder(path.parent)
    return written


def sync_folder(folder: Path) -> None:
    """Makes renames in ``folder`` last, where the file system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(number)
        finally:
            os.close(number)
