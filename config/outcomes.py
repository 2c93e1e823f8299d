"""What comes of a change of the configuration: it is in force, or it is refused, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

from config import affected
from config.dashboard import DashboardConfig
from config.differences import Change, Clash
from config.versions import Version

Via = Literal["form", "api", "file"]
"""The ways by which a change comes in."""


class ConfigConflict(Exception):
    """Somebody else changed the same places meanwhile. ``theirs`` is the newest version that touched one,
    ``clashes`` each place with the three values; secrets masked. Nothing was saved."""

    def __init__(self, theirs: Version, clashes: list[Clash]) -> None:
        super().__init__(f"{theirs.by} changed {', '.join(c.path for c in clashes)} in version {theirs.number}")
        self.theirs, self.clashes = theirs, clashes


class ConfigUnwritable(Exception):
    """The configuration could not be written; nothing was changed. The text says why."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A change that is in force now, as subscribers get it."""

    version: Version
    changes: tuple[Change, ...]
    """With secrets masked."""

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(change.path for change in self.changes)

    @property
    def services(self) -> tuple[str, ...]:
        """Codes of the parts that go by what changed."""
        return affected.services(self.paths)


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save did. ``merged`` is what others changed since the version it was based on, kept beside it; ``emptied``
    names secrets that an import did not carry; ``set_aside`` is where a file that was no good lies now."""

    version: Version
    changes: tuple[Change, ...] = ()
    merged: tuple[Change, ...] = ()
    emptied: tuple[str, ...] = ()
    set_aside: str = ""


Subscriber = Callable[[DashboardConfig, DashboardConfig, Applied], None]


@dataclass(slots=True)
class Counts:
    """Changes taken up and refused since the start, by way."""

    reloads: dict[str, int] = field(default_factory=lambda: dict.fromkeys(get_args(Via), 0))
    rejections: dict[str, int] = field(default_factory=lambda: dict.fromkeys(get_args(Via), 0))
