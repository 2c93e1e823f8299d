"""Which files there are in the watched folders. A link to a file is followed, a link to a folder never: no loop, and
nothing outside of the folder is gone through."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.dashboard import EXTENSIONS, Paths
from config.marks import N_
from serving.files.sentence import Sentence

CONFIG, INDEX = "config.json", ".safetensors.index.json"
MOST_FILES = 10_000
"""Model files of one watched folder."""
MOST_FOLDERS = 4096
"""Subfolders of one."""
DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to look for model files in. Extensions are small letters with their dot."""

    path: str
    recursive: bool = True
    extensions: tuple[str, ...] = EXTENSIONS


def folders_of(paths: Paths) -> tuple[Folder, ...]:
    """The folders of the configuration's section ``paths``, each once."""
    found = [Folder(paths.models_directory)] if paths.models_directory else []
    found += [Folder(one.path, one.recursive, one.extensions) for one in paths.watched_directories]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Seen:
    """A file. While ``key`` stays the same, so does what was read from it."""

    path: str
    folder: str
    size: int = 0
    modified_ns: int = 0
    inode: int = 0
    error: Sentence | None = None

    @property
    def key(self) -> tuple[int, int, int]:
        """Size, time of the last change, and inode."""
        return self.size, self.modified_ns, self.inode

    @property
    def name(self) -> str:
        """Its name within its folder."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The folder it lies in."""
        return self.path.rpartition("/")[0]


@dataclass(slots=True)
class Scan:
    """What was found: model files, the JSON files that belong to them, and the folders with their inodes, which tell
    when one was replaced by another of the same name."""

    files: list[Seen] = field(default_factory=list)
    beside: dict[str, Seen] = field(default_factory=dict)
    directories: dict[str, tuple[int, int]] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    """The files that links lead to: what changes there changes a model, too."""
    unreadable: list[Seen] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    troubles: list[Sentence] = field(default_factory=list)


def identity(path: str) -> tuple[int, int] | None:
    """Device and inode of a folder; None when it is not there."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def walk(folders: Sequence[Folder], pause: Callable[[], None] = lambda: None) -> Scan:
    """Goes through ``folders``; calls ``pause`` between entries. Files that two of them share are found once."""
    scan, known = Scan(), set[str]()
    for folder in folders:
        if identity(folder.path) is None:
            scan.missing.append(folder.path)
            scan.troubles.append(Sentence(N_("The folder {path} is not there."), {"path": folder.path}))
        else:
            _walk(folder, scan, known, pause)
    scan.files.sort(key=lambda seen: seen.path)
    return scan


def _walk(folder: Folder, scan: Scan, known: set[str], pause: Callable[[], None]) -> None:
    waiting = [(folder.path.rstrip("/") or "/", 0)]
    looked_at, before = 0, len(scan.files)
    while waiting:
        place, depth = waiting.pop()
        looked_at += 1
        if looked_at > MOST_FOLDERS + 1:  # itself is none of its subfolders
            scan.troubles.append(Sentence(
                N_("{path} has more than {most} subfolders; the others are not looked at."),
                {"path": folder.path, "most": MOST_FOLDERS},
            ))
            return
        inode = identity(place)
        if inode:
            scan.directories[place] = inode
        real = os.path.realpath(place)
        for entry in _entries(place, folder, scan):
            pause()
            if not _named(entry, folder, scan):
                continue
            if entry.is_dir(follow_symlinks=False):
                if folder.recursive and depth < DEEPEST and not entry.name.startswith("."):
                    waiting.append((entry.path, depth + 1))
            elif len(scan.files) - before >= MOST_FILES and entry.name.lower().endswith(folder.extensions):
                scan.troubles.append(Sentence(
                    N_("{path} has more than {most} model files; the others are not shown."),
                    {"path": folder.path, "most": MOST_FILES},
                ))
                return
            else:
                _file(entry, f"{real}/{entry.name}", folder, scan, known)


def _entries(place: str, folder: Folder, scan: Scan) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            yield from entries
    except FileNotFoundError:
        return  # it went away meanwhile: the next scan will not find it
    except OSError as error:
        scan.unreadable.append(Seen(place, folder.path, error=refusal(error)))


def _named(entry: os.DirEntry[str], folder: Folder, scan: Scan) -> bool:
    """Whether its name is text; a name in other bytes can neither be shown nor sent as JSON, and is told instead."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        pass
    else:
        return True
    if entry.name.lower().endswith(folder.extensions):
        path = f"{entry.path.rpartition('/')[0]}/{os.fsencode(entry.name).decode('utf-8', 'replace')}"
        scan.unreadable.append(Seen(path, folder.path, error=Sentence(N_("The name of this file is not UTF-8."))))
    return False


def _file(entry: os.DirEntry[str], real: str, folder: Folder, scan: Scan, known: set[str]) -> None:
    name = entry.name.lower()
    helper = name == CONFIG or (name.endswith(INDEX) and ".safetensors" in folder.extensions)
    if not helper and not name.endswith(folder.extensions):
        return
    if real in known:
        return
    known.add(real)
    if entry.is_symlink():
        scan.targets.add(os.path.realpath(entry.path))
    try:
        status = entry.stat()
    except OSError as error:
        if not helper and (entry.is_symlink() or not isinstance(error, FileNotFoundError)):
            scan.files.append(Seen(entry.path, folder.path, error=refusal(error)))
        return
    if stat.S_ISDIR(status.st_mode):
        return  # a link to a folder
    seen = Seen(entry.path, folder.path, status.st_size, status.st_mtime_ns, status.st_ino)
    if helper:
        scan.beside[entry.path] = seen
    else:
        scan.files.append(seen)


def refusal(error: OSError) -> Sentence:
    """Why something could not be looked at."""
    if isinstance(error, PermissionError):
        return Sentence(N_("Vigie may not read this."))
    if isinstance(error, FileNotFoundError):
        return Sentence(N_("This link leads nowhere."))
    return Sentence(N_("This could not be read: {why}."), {"why": error.strerror or type(error).__name__})
