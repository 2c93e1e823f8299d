"""The app's own scripts, and its own style sheets, as one file each: a browser asks for two files instead of each."""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b
from pathlib import Path
from threading import Lock

import structlog

from config.atomic import write_atomic

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
        self._warned = False

    def path(self) -> Path | None:
        """The file, made anew when one of its parts has changed; None while it cannot be made, or has no part."""
        with self._lock:
            try:
                stamp = self._look()
                if stamp != self._stamp or self._made is None or not self._made.is_file():
                    self._made, self._stamp = self._make(stamp), stamp
            except OSError as error:  # a full or read-only disk, a part being replaced: pages then name each file
                if not self._warned:
                    log.warning("scripts and styles are sent one by one", folder=str(self._folder), error=str(error))
                self._made, self._warned = None, True
            return self._made

    def _look(self) -> Stamp:
        with os.scandir(self._source) as entries:
            found = [(one.name, one.stat()) for one in entries if one.name.endswith(self._ending)]
        return tuple(sorted((name, facts.st_mtime_ns, facts.st_size) for name, facts in found))

    def _make(self, stamp: Stamp) -> Path | None:
        if not stamp:
            return None
        body = b"\n".join((self._source / name).read_bytes().rstrip() for name, _, _ in stamp) + b"\n"
        made = self._folder / f"vigie-{blake2b(body, digest_size=10).hexdigest()}{self._ending}"
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomic(made, body)
        self._warned = False
        for old in self._folder.glob(f"vigie-*{self._ending}"):
            if old != made:
                with contextlib.suppress(OSError):
                    old.unlink()
        return made
