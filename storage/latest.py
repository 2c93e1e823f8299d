"""The newest value of every series, the newest snapshots, and the newest flat row, serialised once a tick."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import orjson

from metrics.flat import flat_row
from metrics.health import WATCHED, Health, Limits, Reason, judge
from metrics.series import SeriesInfo

STALE_AFTER = 2.5
"""A value is stale, and then absent, when it is older than this many times its series' interval (and 3 s)."""

_PER_GPU = frozenset({"gpu_usage_ratio", "gpu_memory_used_bytes"})


FORGET_AFTER = 3600.0
"""Seconds after which a series that no longer reports is forgotten: containers and their interfaces come and go."""


class Latest:
    """Written by the writer once a tick, read by anyone. Values are float64; counters keep their running total."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        """What judges the health; see `judge_by`."""
        self._lock = threading.Lock()
        self._values: dict[str, tuple[SeriesInfo, float, float]] = {}
        self._snapshots: dict[str, dict[str, Any]] = {}
        self._row: dict[str, Any] = {}
        self._row_json = b"{}"
        self._tidied = 0.0
        self.at = 0.0
        """Epoch seconds of the newest tick; 0 before the first."""
        self.health: Health | None = None
        self.reasons: list[Reason] = []

    def update(self, at: float, values: list[tuple[SeriesInfo, str, float]], snapshots: Mapping[str, Any]) -> bytes:
        """Takes one tick: (info, key, value) triples and new snapshots; returns the flat row as JSON bytes."""
        with self._lock:
            for info, key, value in values:
                self._values[key] = (info, value, at)
            self._snapshots.update(snapshots)
            if at < self.at - 60:  # the clock was set back: forget what claims to be from the future
                self._values = {k: v for k, v in self._values.items() if v[2] <= at}
            if abs(at - self._tidied) > FORGET_AFTER:
                self._values = {k: v for k, v in self._values.items() if v[2] > at - FORGET_AFTER}
                self._tidied = at
            self.at = at
        self._judge()
        # By number and not by count: of two cards the first may be the one that is lost.
        numbers = [info.label("gpu") for info, _ in self.present(_PER_GPU)]
        gpus = 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1)
        self._row = flat_row(self.value, gpus, at, self.health)
        self._row_json = orjson.dumps(self._row)
        return self._row_json

    def judge_by(self, limits: Limits) -> None:
        """Judges by other limits from now on, what is known already first."""
        self.limits = limits
        if self.at:
            self._judge()

    def _judge(self) -> None:
        watched = [(i.name, i.labels, v) for i, v in self.present(WATCHED)]
        self.health, self.reasons = judge(watched, self.limits)

    def _fresh(self, entry: tuple[SeriesInfo, float, float]) -> bool:
        return self.at - entry[2] <= max(STALE_AFTER * entry[0].every, 3.0)

    def value(self, key: str) -> float | None:
        """The newest value of a series; None when absent or stale."""
        entry = self._values.get(key)
        return entry[1] if entry is not None and self._fresh(entry) else None

    def info(self, key: str) -> SeriesInfo | None:
        """What is known of a series that has reported since the start."""
        entry = self._values.get(key)
        return entry[0] if entry is not None else None

    def infos(self) -> list[SeriesInfo]:
        """All series that have reported since the start, stale ones included."""
        with self._lock:
            return [entry[0] for entry in self._values.values()]

    def present(self, names: Mapping[str, Any] | frozenset[str] | None = None) -> list[tuple[SeriesInfo, float]]:
        """All values that are not stale, of all metrics or of those in ``names``."""
        with self._lock:
            entries = list(self._values.values())
        return [(e[0], e[1]) for e in entries if (names is None or e[0].name in names) and self._fresh(e)]

    def snapshot(self, collector: str) -> dict[str, Any]:
        """The newest snapshot of a collector; empty when there is none."""
        return self._snapshots.get(collector, {})

    def row(self) -> dict[str, Any]:
        """The newest flat row; empty before the first tick."""
        return self._row

    def row_json(self) -> bytes:
        """The newest flat row as JSON bytes, made once per tick."""
        return self._row_json
