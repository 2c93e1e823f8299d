"""What else moved? All series ranked by how far they departed, in a window, from their own past.

`analysis.departure` says what a departure is; here the past is chosen, series are read a batch at a time, values that
stopped or appeared are judged beside those that moved, and what moved together is folded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.alike import alike
from analysis.departure import (
    DIPPED,
    FEWEST_WINDOWS,
    LEVEL,
    PEAKED,
    ROUGH,
    STEP,
    Departures,
    bounds,
    departures,
)
from analysis.moved_plan import Kept, Plan, plan
from analysis.pieces import layout
from analysis.presence import FEWEST, presence
from metrics.series import Series, SeriesInfo

Direction = Literal["up", "down", "rougher", "calmer", "stopped", "appeared"]
Reason = Literal["level", "step", "rough", "peak", "dip", "presence"]
REASONS: tuple[Reason, ...] = ("level", "step", "rough", "peak", "dip", "presence")
BATCH = 400_000
"""Values worked on at once."""
FLOORS = {
    "ratio": 0.005, "celsius": 0.5, "watts": 0.5, "bytes": 2.0**20, "bytes_per_second": 1024.0, "hertz": 1e6,
    "seconds": 0.0002, "rpm": 10.0, "per_second": 0.05, "": 0.05,
}
"""By unit, the smallest swing that anyone minds; and `PART` of the series' own size."""
PART = 0.002


class Store(Protocol):
    """What is needed of `storage.query.Query`."""

    @property
    def step(self) -> float: ...

    def raw_from(self) -> float: ...

    def read(self, infos: Sequence[SeriesInfo], start: float, end: float, source: Kept) -> list[Series]: ...


@dataclass(frozen=True, slots=True)
class Move:
    """A series and how it departed."""

    info: SeriesInfo
    score: float
    """0 to 100; 50 and more stands out."""
    direction: Direction
    reason: Reason
    swings: float
    """Its distance from its usual in swings: 1 is the farthest that it ever went in its past."""
    now: float
    """Level, peak, dip or roughness in the window, as ``reason`` says; ``low`` and ``high`` are the range of the same
    in the past. Of ``step``: the level just before, in both."""
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Moved:
    """The answer: all series that could be judged, the most suspicious first."""

    plan: Plan
    moves: list[Move]
    apart: int
    """How many of them stand out; the rest did what it has done before."""
    groups: list[list[int]]
    """Places in ``moves`` of those that stand out, folded: the first of each group is its leader."""
    short_past: int
    """Series left out because their past is shorter than `FEWEST_WINDOWS` windows."""
    few_values: int
    """Series left out because they report too seldom for this window."""
    windows: int
    """Past windows, without overlap, that most series had."""
    past: float
    """When the first value of the past was recorded, epoch seconds; the plan's when there is none."""


def lay(series: Sequence[Series], asked: Plan) -> tuple[NDArray[np.float32], NDArray[np.float32] | None,
                                                        NDArray[np.float32] | None]:
    """Values (n, columns) on the plan's grid, NaN where absent; for rollups the lowest and highest too."""
    every, zero = round(asked.step * 1000), round(asked.past * 1000)
    rolled = any(one.low is not None for one in series)
    grids = [np.full((len(series), asked.columns), np.nan, np.float32) for _ in range(3 if rolled else 1)]
    for row, one in enumerate(series):
        if not one.t.size:
            continue
        first = round((int(one.t[0]) - zero) / every)
        last = round((int(one.t[-1]) - zero) / every)
        at: slice | NDArray[np.int64] = slice(first, last + 1)
        cut = slice(None)
        if first < 0 or last >= asked.columns or last - first + 1 != one.t.size:
            places = (one.t - zero + every // 2) // every
            inside = (places >= 0) & (places < asked.columns)
            at, cut = places[inside], inside  # type: ignore[assignment]
        for grid, values in zip(grids, (one.value, one.low, one.high), strict=False):
            if values is not None:
                grid[row, at] = values[cut]
    return (grids[0], grids[1], grids[2]) if rolled else (grids[0], None, None)


def search(store: Store, infos: Sequence[SeriesInfo], start: float, end: float, now: float) -> Moved:
    """Judges all of ``infos`` in the window ``start..end`` (epoch seconds).

    Raises:
        NoWindowError: the window cannot be judged.
        StorageError: a store is away (from the store).
    """
    asked = plan(start, end, now, store.step, store.raw_from())
    infos = [info for info in infos if info.kind != "counter" and info.unit != "info"]
    limits = bounds(len(infos))
    size = max(8, BATCH // asked.columns)
    parts: list[Departures] = []
    known: list[SeriesInfo] = []
    for first in range(0, len(infos), size):
        batch = infos[first:first + size]
        # The plan's last column ends at its end: what is stamped with the end lies in the next one.
        found = store.read(batch, asked.past, asked.end - 0.001, asked.source)
        there = [place for place, one in enumerate(found) if one.t.size]
        if not there:
            continue
        value, low, high = lay([found[place] for place in there], asked)
        known += [batch[place] for place in there]
        size_of = np.nan_to_num(_typical(value))
        floor = np.maximum(np.array([FLOORS.get(batch[place].unit, 0.0) for place in there]), PART * size_of)
        parts.append(departures(value, asked.window, floor, limits, low, high))
    return _judged(asked, known, parts)


def _typical(value: NDArray[np.float32]) -> NDArray[np.float64]:
    """About how large a series' values are."""
    some = np.abs(value[:, ::max(1, value.shape[1] // 64)])
    there = ~np.isnan(some)
    total: NDArray[np.float64] = np.where(there, some, 0).sum(1, dtype=np.float64) / np.maximum(there.sum(1), 1)
    return total


def _judged(asked: Plan, infos: list[SeriesInfo], parts: list[Departures]) -> Moved:
    if not infos:
        return Moved(asked, [], 0, [], 0, 0, 0, asked.past)
    every = np.maximum([info.every for info in infos], asked.step)
    long, many, guard, whole = layout(asked.columns, asked.window)
    count = np.concatenate([part.count for part in parts])
    here, gone = presence(count, every / asked.step, long, many, guard)
    far = np.concatenate([np.concatenate([part.far for part in parts]), here.far[:, None]], 1)
    values = count[:, -many:].sum(1)
    far[values < FEWEST, :-1] = 0
    windows = np.concatenate([part.windows for part in parts])
    # Judged by its presence alone: what has stopped has no values now, what has appeared has no past.
    short = (windows < FEWEST_WINDOWS) & (far[:, -1] < 1)
    seldom = ~short & (values < FEWEST) & (far[:, -1] < 1)
    judged = np.flatnonzero(~short & ~seldom)
    best = far[judged].max(1, initial=0)
    order = np.argsort(-best, kind="stable")
    table = _Table(parts, far, here.now, here.before)
    moves = [table.move(int(judged[place]), infos[judged[place]], float(best[place])) for place in order]
    apart = int((best >= 1).sum())
    shapes = np.concatenate([part.shape for part in parts])[judged[order[:apart]]]
    first = int(np.flatnonzero(count.any(0))[0]) if count.any() else 0
    begun = asked.past + (asked.columns - whole * long + first * long) * asked.step if first else asked.past
    return Moved(
        asked, moves, apart, _alike(moves[:apart], shapes), int((short & ~gone).sum()), int((seldom & ~gone).sum()),
        int(np.median(windows[judged])) if judged.size else 0, begun,
    )


def _alike(moves: Sequence[Move], shapes: NDArray[np.float32]) -> list[list[int]]:
    return alike([move.info.name for move in moves], [move.direction for move in moves], shapes,
                 [move.reason == "presence" for move in moves])


class _Table:
    """The judgements of all batches as one."""

    def __init__(self, parts: list[Departures], far: NDArray[np.float64], now: NDArray[np.float64],
                 before: NDArray[np.float64]) -> None:
        self._far, self._now, self._before, self._parts = far, now, before, {}
        names = ("swings", "sign", "level", "low", "high", "step_from", "rough", "rough_low", "rough_high", "peak",
                 "peak_before", "dip", "dip_before")
        self._parts = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}

    def move(self, row: int, info: SeriesInfo, best: float) -> Move:
        """What one series did, by what tells it best: where several do, its level is what people see first."""
        far = self._far[row]
        why = int(np.argmax(far))
        if why == len(REASONS) - 1 and far[why] >= 1:
            direction: Direction = "stopped" if self._now[row] < self._before[row] else "appeared"
            share = float(self._now[row])
            now = self._of("level", row) if direction == "appeared" else share
            return Move(info, _score(best), direction, "presence", 1.0, now, float(self._before[row]),
                        float(self._before[row]))
        if far[LEVEL] >= 1 or best < 1:  # of one that does not stand out only its level can be told
            why = LEVEL
        elif far[STEP] >= 1:
            why = STEP
        names = {
            LEVEL: ("level", "low", "high"), STEP: ("level", "step_from", "step_from"),
            ROUGH: ("rough", "rough_low", "rough_high"), PEAKED: ("peak", "peak_before", "peak_before"),
            DIPPED: ("dip", "dip_before", "dip_before"),
        }[why]
        up = int(self._parts["sign"][row, why]) >= 0
        direction = ("rougher" if up else "calmer") if why == ROUGH else "up" if up else "down"
        now, low, high = (self._of(name, row) for name in names)
        return Move(info, _score(best), direction, REASONS[why], float(self._parts["swings"][row, why]), now, low, high)

    def _of(self, name: str, row: int) -> float:
        return float(self._parts[name][row])


def _score(far: float) -> float:
    """0 to 100 of a departure divided by its bound; 50 at the bound."""
    return 100.0 if math.isinf(far) else 100 * far / (1 + far)
