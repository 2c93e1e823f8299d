"""Every version of the configuration: a file each, with who made it, when and how."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from config.atomic import write_atomic
from config.differences import Document
from config.disk import read_bounded
from config.problems import ConfigInvalid

Source = Literal["start", "form", "api", "file", "restore", "import"]
KEPT_VERSIONS = 200
"""How many are kept, the newest first."""
LARGEST_VERSION = 4 * 2**20
_FILE = re.compile(r"(\d{6,12})\.json")


class VersionMissing(Exception):
    """There is no such version: it never was, is no longer kept, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version. ``at`` epoch seconds; ``changes`` the paths that differ from the one before; ``note`` says more,
    such as which version was restored."""

    number: int
    at: float
    by: str
    source: Source
    changes: tuple[str, ...] = ()
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "number": self.number, "at": self.at, "by": self.by, "source": self.source, "changes": list(self.changes),
            "note": self.note,
        }


class Versions:
    """The folder of versions. Documents go in and come out with their secrets encrypted."""

    def __init__(self, folder: Path, most: int = KEPT_VERSIONS) -> None:
        self._folder, self._most = folder, most
        self._lock = threading.Lock()
        self._known: dict[int, Version] | None = None

    def newest(self) -> int:
        """The highest number given so far; 0 before the first."""
        return max(self._numbers(), default=0)

    def all(self) -> list[Version]:
        """Those that can be read, newest first."""
        with self._lock:
            if self._known is None:
                self._known = {}
                for number in self._numbers():
                    with contextlib.suppress(VersionMissing):
                        self._known[number] = self._load(number)[0]
            return sorted(self._known.values(), key=lambda version: -version.number)

    def get(self, number: int) -> tuple[Version, Document]:
        """One version and its document.

        Raises:
            VersionMissing: there is none.
        """
        return self._load(number)

    def add(self, version: Version, document: Document) -> None:
        """Keeps one, and lets go of the oldest beyond the bound.

        Raises:
            OSError: it could not be written.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        text = json.dumps({**version.plain(), "config": document}, ensure_ascii=False, indent=1)
        write_atomic(self._path(version.number), text.encode())
        with self._lock:
            if self._known is not None:
                self._known[version.number] = version
        for number in sorted(self._numbers())[: -self._most]:
            self.remove(number)

    def remove(self, number: int) -> None:
        """Lets go of one, if it is there."""
        with contextlib.suppress(OSError):
            self._path(number).unlink()
        with self._lock:
            if self._known is not None:
                self._known.pop(number, None)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.json"

    def _numbers(self) -> list[int]:
        try:
            names = [entry.name for entry in self._folder.iterdir()]
        except OSError:
            return []
        return [int(found[1]) for name in names if (found := _FILE.fullmatch(name))]

    def _load(self, number: int) -> tuple[Version, Document]:
        try:
            kept = json.loads(read_bounded(self._path(number), LARGEST_VERSION))
            source = kept["source"]
            if source not in get_args(Source) or not isinstance(kept["config"], dict):
                raise VersionMissing(number)
            version = Version(
                number, float(kept["at"]), str(kept["by"]), source, tuple(map(str, kept["changes"])),
                str(kept.get("note", "")),
            )
        except (ConfigInvalid, KeyError, TypeError, ValueError):
            raise VersionMissing(number) from None
        return version, kept["config"]
