"""The app's own scripts, and its own style sheets, as one file each: a browser asks twice instead of 84 times."""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b
from pathlib import Path
from threading import Lock

import structlog

log = structlog.get_logger(__name__)
Stamp = tuple[tuple[str, int, int], ...]


class Bundle:
    """The files of a folder one after another, in the order of their names, as Dash would load them.

    Args:
        source: the folder they are in.
        folder: where the one file is written, named after what is in it.
        ending: which files, such as ``.js``.
    """

    def __init__(self, source: Path, folder: Path, ending: str) -> None:
        self._source, self._folder, self._ending = source, folder, ending
        self._lock = Lock()
        self._stamp: Stamp | None = None
        self._made: Path | None = None

    def path(self) -> Path | None:
        """The file, made anew when one of its parts has changed; None while it cannot be written, or has no part."""
        stamp = tuple(sorted(
            (entry.name, entry.stat().st_mtime_ns, entry.stat().st_size)
            for entry in os.scandir(self._source) if entry.name.endswith(self._ending)
        ))
        with self._lock:
            if stamp != self._stamp or (self._made is not None and not self._made.is_file()):
                self._made, self._stamp = self._make(stamp), stamp
            return self._made

    def _make(self, stamp: Stamp) -> Path | None:
        if not stamp:
            return None
        body = b"\n".join((self._source / name).read_bytes().rstrip() for name, _, _ in stamp) + b"\n"
        made = self._folder / f"vigie-{blake2b(body, digest_size=10).hexdigest()}{self._ending}"
        unfinished = made.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(body)
            unfinished.replace(made)
        except OSError as error:  # a full or read-only disk: pages then name each file
            log.warning("scripts and styles are sent one by one", folder=str(self._folder), error=str(error))
            with contextlib.suppress(OSError):
                unfinished.unlink()
            return None
        for old in self._folder.glob(f"vigie-*{self._ending}"):
            if old != made:
                with contextlib.suppress(OSError):
                    old.unlink()
        return made
