"""Folders of the watched machine as a path picker shows them: only below allowed roots, and never by a link out."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.marks import N_

MODELS = (".gguf", ".safetensors", ".bin", ".onnx", ".pt", ".pth")
"""Endings of model files."""
MOST_FOLDERS, MOST_MODELS = 500, 200
MOST_ENTRIES = 20_000
"""Directory entries read for one answer."""
DEEPEST = 5
"""Levels below the folder in which models are counted."""
LONGEST = 1.0
"""Seconds for one answer."""


class FolderRefused(Exception):
    """The folder is not shown; ``message`` says why, in a text marked for translation."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status


@dataclass(slots=True)
class Folder:
    """One folder. ``models`` are (path below it, bytes), the largest first; ``count`` and ``size`` are those of all
    that were found; not ``complete`` when there is more than was looked at."""

    path: str
    parent: str
    folders: list[str] = field(default_factory=list)
    models: list[tuple[str, int]] = field(default_factory=list)
    count: int = 0
    size: int = 0
    writable: bool = False
    complete: bool = True


OUTSIDE = N_("This folder lies outside of those that may be looked at (setting browse_roots).")
MISSING = N_("There is no such folder.")
UNREADABLE = N_("Vigie may not read this folder.")
NOT_ABSOLUTE = N_("Give an absolute path, such as /srv/models.")


def roots(allowed: Sequence[str]) -> list[str]:
    """Those of the allowed roots that are there."""
    return [root for root in dict.fromkeys(os.path.normpath(root) for root in allowed) if Path(root).is_dir()]


def look(path: str, allowed: Sequence[str], clock: Callable[[], float] = time.monotonic) -> Folder:
    """One folder with its subfolders and the models in and below it.

    Raises:
        FolderRefused: it is outside of ``allowed``, not there, or not readable.
    """
    if not path.startswith("/") or "\0" in path:
        raise FolderRefused(NOT_ABSOLUTE)
    real = [os.path.realpath(root) for root in roots(allowed)]
    place = os.path.realpath(path)
    if not _inside(place, real):
        raise FolderRefused(OUTSIDE, 403)  # said of what is not there, too: it tells nothing of what lies outside
    parent = str(Path(place).parent)
    found = Folder(place, parent if _inside(parent, real) else "", writable=os.access(place, os.W_OK))
    try:
        _fill(found, real, clock)
    except PermissionError:
        raise FolderRefused(UNREADABLE, 403) from None
    except OSError:
        raise FolderRefused(MISSING, 404) from None
    return found


def _inside(place: str, real: Sequence[str]) -> bool:
    return any(place == root or place.startswith(root.rstrip("/") + "/") for root in real)


def _fill(found: Folder, real: Sequence[str], clock: Callable[[], float]) -> None:
    end, left = clock() + LONGEST, MOST_ENTRIES
    waiting: list[tuple[str, int]] = [("", 0)]
    while waiting:
        below, depth = waiting.pop(0)
        for entry in _entries(Path(found.path, below), strict=depth == 0):
            left -= 1
            if left <= 0 or clock() > end:
                found.complete = False
                break
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth == 0 and not entry.name.startswith("."):
                    found.folders.append(entry.name)
                if depth + 1 < DEEPEST:
                    waiting.append((name, depth + 1))
                else:
                    found.complete = False
            elif entry.name.lower().endswith(MODELS) and (size := _size(entry, real)) is not None:
                found.models.append((name, size))
                found.count += 1
                found.size += size
        if left <= 0 or clock() > end:
            found.complete = False
            break
    found.folders.sort(key=str.casefold)
    found.models.sort(key=lambda model: (-model[1], model[0]))
    found.complete = found.complete and len(found.folders) <= MOST_FOLDERS and len(found.models) <= MOST_MODELS
    del found.folders[MOST_FOLDERS:], found.models[MOST_MODELS:]


def _entries(place: Path, *, strict: bool) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            yield from entries
    except OSError:
        if strict:
            raise
        return  # a subfolder that may not be read has no models to show


def _size(entry: os.DirEntry[str], real: Sequence[str]) -> int | None:
    """Bytes of a model file; of a link only where it leads to one below the roots, as a download cache has them."""
    try:
        if entry.is_symlink() and not _inside(os.path.realpath(entry.path), real):
            return None
        status = entry.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
