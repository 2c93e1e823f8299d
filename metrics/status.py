"""State of the things that work in the background: sources, loops and stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SourceState = Literal["pending", "ok", "no_data", "failed"]
STATE_VALUES: dict[SourceState, int] = {"ok": 0, "no_data": 1, "failed": 2}
"""The value of ``vigie_collector_status`` for each state."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Outcome of a collector's newest scrape. ``message`` is a sentence for no_data and failed.

    ``since`` is when this state began and ``at`` the newest scrape, epoch seconds; ``duration`` in seconds.
    """

    name: str
    state: SourceState = "pending"
    message: str = ""
    duration: float = 0.0
    at: float = 0.0
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class PartStatus:
    """State of a loop or a store: ``ok``, or not with the sentence that says why and what is lost."""

    name: str
    ok: bool
    message: str = ""
    detail: str = ""
