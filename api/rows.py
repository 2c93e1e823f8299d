"""Series into rows: pure functions on arrays. Times are epoch milliseconds, absent values NaN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.wire import numbers, stamps
from metrics.flat import KEYS, MIB, PIPELINE_KEYS, SERIES
from metrics.health import ORDER, WATCHED, Limits
from metrics.series import Series, SeriesInfo, TimeArray
from storage.latest import STALE_AFTER
from storage.reduce import GAP_STEPS

Column = NDArray[np.float64]
TOTALS = {
    "network_sent_mb": "network_all_transmit_bytes_per_second",
    "network_recv_mb": "network_all_receive_bytes_per_second",
}
"""Keys that count since boot -> the rate that is kept of their counter."""
GPU = ("gpu_usage_ratio", "gpu_memory_used_bytes")
FLAT_METRICS = tuple(dict.fromkeys(
    [series.partition("{")[0] for key, (series, _) in SERIES.items() if key not in TOTALS]
    + [*TOTALS.values(), *GPU, *WATCHED]
))
"""All metrics that rows of past times need."""


def row_times(series: Iterable[Series]) -> TimeArray:
    """All times at which any of ``series`` has a value, ascending."""
    present = [s.t[np.isfinite(s.value)] for s in series]
    if not present:
        return np.empty(0, np.int64)
    first = present[0]
    # Most series tick together: compare before merging.
    if all(len(t) == len(first) and np.array_equal(t, first) for t in present[1:]):
        return first
    merged: TimeArray = np.unique(np.concatenate(present))
    return merged


def hold(info: SeriesInfo) -> float:
    """Seconds for which a sample is a series' value, as `Latest` judges it."""
    return max(STALE_AFTER * info.every, 3.0)


def at_times(series: Series, t: TimeArray) -> Column:
    """Values of ``series`` at times ``t``: the newest that is not stale by then, as `Latest` judges it."""
    present = np.isfinite(series.value)
    times, values = series.t[present], series.value[present].astype(np.float64)
    if len(times) == len(t) and np.array_equal(times, t):
        return values
    out = np.full(len(t), np.nan)
    if len(times):
        newest = np.searchsorted(times, t, side="right") - 1
        fresh = (newest >= 0) & (t - times[newest] <= 1000 * hold(series.info))
        out[fresh] = values[newest[fresh]]
    return out


def totals_before(rate: Series | None, t: TimeArray, newest: float | None) -> Column:
    """A counter's past totals at ``t``, counted back from its ``newest`` total by its rate, which reaches up to now.

    Behind a gap nobody knows what was counted meanwhile: absent from there back.
    """
    present = np.isfinite(rate.value) if rate is not None else np.empty(0, bool)
    if rate is None or newest is None or not present.any():
        return np.full(len(t), np.nan)
    times, rates = rate.t[present], rate.value[present].astype(np.float64)
    elapsed = np.diff(times) / 1000
    later = np.append(rates[1:] * elapsed, 0.0)[::-1].cumsum()[::-1]
    totals = newest - later
    holes = np.flatnonzero(elapsed > GAP_STEPS * max(rate.step, rate.info.every))
    if len(holes):
        totals[: holes[-1] + 1] = np.nan
    totals[totals < 0] = np.nan
    return at_times(replace(rate, t=times, value=totals), t)  # type: ignore[arg-type]  # wide on purpose


def health_at(series: Sequence[Series], t: TimeArray, limits: Limits) -> NDArray[np.int8]:
    """Index into `metrics.health.ORDER` at each time: `metrics.health.judge` on arrays."""
    worst = np.zeros(len(t), np.int8)
    for one in series:
        watched = WATCHED.get(one.info.name)
        if watched is None:
            continue
        name, factor = watched
        value = np.round(at_times(one, t) * factor, 4)  # 0.95 is 0.94999999 in the ring
        with np.errstate(invalid="ignore"):
            np.maximum(worst, (value >= getattr(limits, name + "_warning")).astype(np.int8), out=worst)
            worst[value >= getattr(limits, name + "_critical")] = 2
    return worst


def flat_columns(
    series: Sequence[Series], t: TimeArray, limits: Limits, totals: Mapping[str, float | None]
) -> dict[str, Column]:
    """The numeric columns of the flat row at times ``t`` and ``health`` as an index; ``totals`` are the newest of
    the counters, by key of the flat row, in its unit."""
    by_key = {one.info.key: one for one in series}
    columns: dict[str, Column] = {}
    for key, (name, factor) in SERIES.items():
        if key in TOTALS:
            total = totals.get(key)
            newest = None if total is None else total / factor
            columns[key] = totals_before(by_key.get(TOTALS[key]), t, newest) * factor
        else:
            found = by_key.get(name)
            columns[key] = at_times(found, t) * factor if found else np.full(len(t), np.nan)
    columns.update({key: np.full(len(t), np.nan) for key in PIPELINE_KEYS})
    use, memory = ([at_times(one, t) for one in series if one.info.name == name] for name in GPU)
    if use:
        there = np.isfinite(use).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            columns["gpu_util"] = 100 * np.nansum(use, axis=0) / there
    if memory:
        there = np.isfinite(memory).sum(axis=0)
        columns["gpu_memory_mb"] = np.where(there > 0, np.nansum(memory, axis=0) / MIB, np.nan)
    columns["health"] = health_at(series, t, limits).astype(np.float64)
    return columns


def binned(columns: Mapping[str, Column], t: TimeArray, seconds: int) -> tuple[dict[str, Column], TimeArray]:
    """Columns per interval, stamped with its start: means of what was there; totals their last, health its worst."""
    if not len(t):
        return dict(columns), t
    bins = t // (seconds * 1000)
    starts = np.flatnonzero(np.diff(bins, prepend=bins[0] - 1))
    out: dict[str, Column] = {}
    for key, column in columns.items():
        if key == "health":
            out[key] = np.maximum.reduceat(column, starts)
        elif key in TOTALS:
            out[key] = column[np.append(starts[1:], len(column)) - 1]
        else:
            there = np.add.reduceat(np.isfinite(column).astype(np.float64), starts)
            with np.errstate(invalid="ignore", divide="ignore"):
                out[key] = np.add.reduceat(np.nan_to_num(column), starts) / there
    return out, bins[starts] * (seconds * 1000)


def flat_rows(columns: Mapping[str, Column], t: TimeArray, server: int) -> list[dict[str, Any]]:
    """Rows with the keys of the flat row, in its order and with its two decimals."""
    when = stamps(t)
    lists: dict[str, list[Any]] = {"timestamp": when, "recorded_at": when, "server_id": [server] * len(t)}
    for key in KEYS[3:-1]:
        column = np.round(columns[key], 2)
        values: list[Any] = column.tolist()
        for i in np.flatnonzero(np.isnan(column)).tolist():
            values[i] = None
        lists[key] = values
    lists["health"] = [ORDER[i] for i in columns["health"].astype(np.int8).tolist()]
    ordered = [lists[key] for key in KEYS]
    return [dict(zip(KEYS, values)) for values in zip(*ordered)]


def keyed_rows(columns: Mapping[str, Column], t: TimeArray) -> list[dict[str, Any]]:
    """Rows ``{"timestamp": ..., key: value, ...}`` of any series."""
    keys = ("timestamp", *columns)
    lists = [stamps(t), *(numbers(column) for column in columns.values())]
    return [dict(zip(keys, values)) for values in zip(*lists)]
