"""What is made of series: rates, aggregates over series, shifts in time, differences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.frames import common, pace_of, present
from metrics.metric import Labels
from metrics.series import FloatArray, Series, SeriesInfo

How = Literal["mean", "sum", "min", "max", "p95"]
GAP_STEPS = 2.5
"""A hole longer than this many intervals is a gap; as `storage.reduce` has it."""
_CHUNK = 4096
"""Columns sorted at once for a percentile: bounds the copies that takes."""


def rate_unit(unit: str) -> str:
    """The base unit of a rate per second: bytes give bytes per second, seconds a ratio."""
    return {"bytes": "bytes_per_second", "seconds": "ratio"}.get(unit, "per_second")


def rate(one: Series) -> Series:
    """The change per second, at the later of each two neighbours: (n,) -> (n - 1,) without gaps.

    Of a counter the increase, as Prometheus' ``irate`` counts it: where the total fell it was set back to zero, and
    what it shows now is what came since. Of anything else the slope, which may be negative. Nothing is computed across
    a gap, which stays one.
    """
    whole = present(one)
    info = replace(one.info, unit=rate_unit(one.info.unit), kind="gauge")
    if whole.t.size < 2:
        return Series(info, whole.t[:0], whole.value[:0], one.step)
    value = whole.value.astype(np.float64)
    change = np.diff(value)
    if one.info.kind == "counter":
        change = np.where(change < 0, value[1:], change)
    seconds = np.diff(whole.t) / 1000
    near = seconds <= GAP_STEPS * max(one.info.every, one.step)
    return Series(info, whole.t[1:][near], (change[near] / seconds[near]).astype(np.float32), one.step)


def counted(t: NDArray[np.float64], rate: NDArray[np.float64], step: float, unit: str) -> float:
    """How much was counted: rates of ``unit``, each for the time since the one before (``t`` in seconds), the first
    for ``step``. A rate of things gives a whole number of them."""
    spans = np.minimum(np.diff(t, prepend=t[0] - step), GAP_STEPS * step)
    total = float((rate * spans).sum())
    return float(round(total)) if unit == "per_second" else total


def shifted(one: Series, seconds: float) -> Series:
    """The same values, ``seconds`` later."""
    return replace(one, t=one.t + round(seconds * 1000))


def aggregate(series: Sequence[Series], how: How, by: Sequence[str] = ()) -> list[Series]:
    """One series for each unit and each combination of values of the labels ``by``; only these labels stay.

    At each moment what is there counts: an absent value is no zero, and a mean divides by the values that were there.
    Where nothing is there is nothing. Series of different pace meet at that of the slowest, each by its mean. Of
    rollups the mean, sum and p95 are those of the steps' means, min and max those of their extremes.

    Returns series without NaN: `frames.reduced` marks the gaps.
    """
    groups: dict[tuple[str, Labels], list[Series]] = {}
    for one in series:
        kept = tuple((name, _label(one.info, name)) for name in sorted(set(by)))
        groups.setdefault((one.info.unit, kept), []).append(one)
    return [_aggregated(members, how, unit, kept) for (unit, kept), members in groups.items()]


def _label(info: SeriesInfo, name: str) -> str:
    return info.name if name == "__name__" else info.label(name)


def _aggregated(members: list[Series], how: How, unit: str, kept: Labels) -> Series:
    infos = [m.info for m in members]
    one_metric = len({i.name for i in infos}) == 1
    info = SeriesInfo(
        infos[0].name if one_metric else "", kept, unit, "gauge", infos[0].help if one_metric else "",
        max(i.every for i in infos),
    )
    extreme = {"min": "low", "max": "high"}.get(how)
    if extreme:
        members = [m if (c := getattr(m, extreme)) is None else replace(m, value=c) for m in members]
    t, rows = common(members)
    value = _p95(list(rows), t.size) if how == "p95" else _combined(rows, how, t.size)
    there = ~np.isnan(value)
    return Series(info, t[there], value[there].astype(np.float32), pace_of(members) / 1000)


def _combined(rows: Iterable[FloatArray], how: How, size: int) -> NDArray[np.float64]:
    """Mean, sum, min or max of rows (size,), one row at a time."""
    if how in ("min", "max"):
        join = np.fmin if how == "min" else np.fmax
        found = np.full(size, np.nan)
        for row in rows:
            join(found, row, out=found)
        return found
    total, count = np.zeros(size), np.zeros(size, np.int32)
    for row in rows:
        there = ~np.isnan(row)
        np.add(total, row, out=total, where=there)
        count += there
    return np.divide(total, count if how == "mean" else 1, out=np.full(size, np.nan), where=count > 0)


def _p95(rows: Sequence[FloatArray], size: int) -> NDArray[np.float64]:
    """The 95th percentile of each column, between neighbours by straight line, as ``numpy.percentile`` has it."""
    found = np.full(size, np.nan)
    for begin in range(0, size, _CHUNK):
        columns = np.column_stack([row[begin : begin + _CHUNK] for row in rows])
        columns.sort(axis=1)  # NaN goes to the end
        count = np.count_nonzero(~np.isnan(columns), axis=1)
        there = np.flatnonzero(count)
        place = (count[there] - 1) * 0.95
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, count[there] - 1)
        low, high = columns[there, below].astype(np.float64), columns[there, above].astype(np.float64)
        found[begin + there] = low + (high - low) * (place - below)
    return found


def difference(one: Series, other: Series) -> Series:
    """``one`` less ``other`` wherever both are there, at the pace of the slower: of its steps the means.

    Raises:
        ValueError: the two have different units.
    """
    if one.info.unit != other.info.unit:
        raise ValueError(f"a difference needs one unit; given {one.info.unit!r} and {other.info.unit!r}")
    t, rows = common([one, other])
    first, second = rows
    value = first - second
    there = ~np.isnan(value)
    every = max(one.info.every, other.info.every)
    return Series(replace(one.info, every=every, kind="gauge"), t[there], value[there], pace_of([one, other]) / 1000)


def pairs(first: Sequence[SeriesInfo], second: Sequence[SeriesInfo]) -> list[tuple[int, int]]:
    """Which series of ``second`` each of ``first`` is compared with: places in both lists.

    Those with the same key; else those alike in the labels that vary on their own side (the same core of two
    servers); else by place in the list where both are as long, and against the one where there is only one.
    """
    for names in (lambda infos: [i.key for i in infos], _own_labels):
        places = {name: place for place, name in enumerate(names(second))}
        found = [(place, places[name]) for place, name in enumerate(names(first)) if name in places]
        if found and len(places) == len(second) and (len(second) > 1 or names is not _own_labels):
            return found
    if len(second) == 1:
        return [(place, 0) for place in range(len(first))]
    return [(place, place) for place in range(len(first))] if len(first) == len(second) else []


def _own_labels(infos: Sequence[SeriesInfo]) -> list[Labels]:
    """Of each series the labels whose values differ among them."""
    varying = {name for name in {n for i in infos for n, _ in i.labels} if len({i.label(name) for i in infos}) > 1}
    return [tuple((n, v) for n, v in i.labels if n in varying) for i in infos]
