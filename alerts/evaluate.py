"""All rules on all their series at once: `alerts.state` for thousands of pairs in one go of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.rule import ORDERED
from alerts.state import FLAP_QUIET, Condition, State, Status

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]
INACTIVE, PENDING, FIRING = (np.int8(state) for state in State)
_NEW: Final[dict[str, float]] = {"state": 0, "since": np.nan, "clear": np.nan, "seen": np.nan, "peak": np.nan,
                                 "flapping": 0}
"""Columns of a pair's state, and what they hold for a new pair."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Places of the pairs that changed in one tick: began to be pending, began to fire, were over before they fired,
    were over."""

    pended: Indices
    fired: Indices
    dropped: Indices
    resolved: Indices

    def __bool__(self) -> bool:
        return bool(self.pended.size or self.fired.size or self.dropped.size or self.resolved.size)


class Table:
    """Conditions and states of pairs, a column each."""

    def __init__(self, conditions: Sequence[Condition] = ()) -> None:
        self.state = np.zeros(len(conditions), np.int8)
        self.since, self.clear, self.seen, self.peak = (np.full(len(conditions), np.nan) for _ in range(4))
        self.flapping = np.zeros(len(conditions), np.bool_)
        self.condition(conditions)

    def __len__(self) -> int:
        return len(self.state)

    def condition(self, conditions: Sequence[Condition]) -> None:
        """Takes up conditions, one for each pair."""
        self.sign = np.array([-1.0 if c.comparison in ("<", "<=") else 1.0 for c in conditions])
        self.limit = np.array([c.limit for c in conditions], np.float64)
        self.resolve_limit = np.array([c.resolve_limit for c in conditions], np.float64)
        self._ordered = np.array([c.comparison in ORDERED for c in conditions], np.bool_)
        self._equal = np.array([c.comparison in (">=", "<=", "==") for c in conditions], np.bool_)
        self._other = np.array([c.comparison == "!=" for c in conditions], np.bool_)
        self._for = np.array([c.for_seconds for c in conditions], np.float64)
        self._quiet = np.array([c.resolve_seconds for c in conditions], np.float64)
        self._keeps = np.array([c.no_data == "keep" for c in conditions], np.bool_)
        self._alerts = np.array([c.no_data == "alert" for c in conditions], np.bool_)
        self._patience = np.array([c.no_data_seconds for c in conditions], np.float64)

    def take_over(self, old: Table, places: Indices) -> None:
        """Takes the states of another table's pairs; ``places`` (n,) are their places there, -1 for a new pair."""
        known = places >= 0
        for name, empty in _NEW.items():
            column = getattr(self, name)
            column[:] = empty
            column[known] = getattr(old, name)[places[known]]

    def status(self, place: int) -> Status:
        """One pair's state."""
        return Status(
            State(int(self.state[place])), float(self.since[place]), float(self.clear[place]), float(self.seen[place]),
        )

    def put(self, place: int, status: Status, peak: float | None, flapping: bool) -> None:
        """Sets one pair's state."""
        self.state[place], self.since[place], self.clear[place] = status.state, status.since, status.clear
        self.seen[place], self.flapping[place] = status.seen, flapping
        self.peak[place] = np.nan if peak is None else peak

    def step(self, now: float, values: Floats, frozen: Flags | None = None) -> Changes:
        """One tick at ``now`` (epoch seconds) with a value for each pair, NaN where there is none. Nothing changes for
        those that are ``frozen``; that they have no value does not count."""
        if frozen is not None:
            values = np.where(frozen, np.nan, values)
            self.seen[frozen] = now
        present = ~np.isnan(values)
        self.seen[np.isnan(self.seen)] = now
        for began in (self.since, self.clear, self.seen):  # a clock that was set back
            np.minimum(began, now, out=began)
        gone = ~present & (now - self.seen >= self._patience) & ~self._keeps
        if frozen is not None:
            gone &= ~frozen
        self.seen[present] = now
        known = present | gone
        signed = values * self.sign
        absent_alert = gone & self._alerts
        bad = absent_alert | (present & self._holds(values, signed, self.limit))
        still = absent_alert | (present & self._holds(values, signed, self.resolve_limit))
        before = self.state.copy()
        resolved = self._firing(now, before == FIRING, known, still)
        pended, fired, dropped = self._waiting(now, before, known, bad)
        active = present & (self.state != INACTIVE)
        self.peak[active] = np.fmax(signed[active], (self.peak * self.sign)[active]) * self.sign[active]
        return Changes(*(np.flatnonzero(flags) for flags in (pended, fired, dropped, resolved)))

    def _holds(self, values: Floats, signed: Floats, limit: Floats) -> Flags:
        same = values == limit
        beyond = (signed > limit * self.sign) & self._ordered
        found: Flags = beyond | (same & self._equal) | (~same & self._other)
        return found

    def _firing(self, now: float, firing: Flags, known: Flags, still: Flags) -> Flags:
        self.clear[firing & known & still] = np.nan
        over = firing & known & ~still
        self.clear[over & np.isnan(self.clear)] = now
        quiet = np.where(self.flapping, np.maximum(self._quiet, FLAP_QUIET), self._quiet)
        resolved: Flags = over & (now - self.clear >= quiet)
        self.state[resolved] = INACTIVE
        self.since[resolved] = self.clear[resolved] = np.nan
        self.flapping[resolved] = False
        return resolved

    def _waiting(self, now: float, before: NDArray[np.int8], known: Flags, bad: Flags) -> tuple[Flags, Flags, Flags]:
        began = (before == INACTIVE) & bad
        self.since[began] = now
        self.peak[began] = np.nan
        pending = (before == PENDING) | began
        dropped: Flags = (before == PENDING) & known & ~bad
        fired: Flags = pending & bad & (now - self.since >= self._for)
        self.state[began] = PENDING
        self.state[fired] = FIRING
        self.clear[fired] = np.nan
        self.state[dropped] = INACTIVE
        self.since[dropped] = np.nan
        return began & ~fired, fired, dropped
