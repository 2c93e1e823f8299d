"""Files read with bounds and no link followed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from config.marks import N_
from config.problems import ConfigInvalid, Problem

GONE = N_("The file is gone. The running configuration stays; save it to write the file anew.")
A_LINK = N_("The file is a symbolic link: put the file itself there.")
A_FOLDER = N_("There is a folder in the file's place.")
NO_FILE = N_("What lies in the file's place is no regular file.")
UNREADABLE = N_("The file cannot be read: %(reason)s.")


def read_bounded(path: Path, most: int) -> bytes:
    """The file's bytes, ``most + 1`` of them at most.

    Raises:
        ConfigInvalid: it is not there, not readable, a link, a folder, a pipe; with one sentence.
    """
    try:
        # O_NONBLOCK: a pipe in its place must not hold us up.
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        messages = {errno.ENOENT: GONE, errno.ELOOP: A_LINK, errno.EISDIR: A_FOLDER, errno.ENXIO: NO_FILE}
        message = messages.get(error.errno or 0, UNREADABLE)
        reason = {"reason": os.strerror(error.errno or 0)} if message == UNREADABLE else {}
        raise ConfigInvalid([Problem("", message, params=reason)]) from None
    mode = os.fstat(number).st_mode
    if not stat.S_ISREG(mode):
        os.close(number)
        raise ConfigInvalid([Problem("", A_FOLDER if stat.S_ISDIR(mode) else NO_FILE)])
    with os.fdopen(number, "rb") as file:
        try:
            return file.read(most + 1)
        except OSError as error:
            reason = {"reason": os.strerror(error.errno or 0)}
            raise ConfigInvalid([Problem("", UNREADABLE, params=reason)]) from None


def make_private(path: Path) -> None:
    """Takes the file away from group and others when it is ours and they could read it."""
    with contextlib.suppress(OSError):
        if path.lstat().st_mode & 0o077 and not path.is_symlink():
            path.chmod(0o600)
