"""The pattern of a week: values by weekday and hour of the day, as clocks on the wall show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analysis.frames import Times
from metrics.series import Series

_QUARTER = 900_000
"""Milliseconds; all zones change on quarters of an hour."""


@dataclass(frozen=True, slots=True)
class Week:
    """All (7, 24): Monday first, hours of the wall clock.

    ``mean`` NaN where nothing was; ``count`` values it is made of; ``newest`` epoch milliseconds of the begin of the
    newest such hour that holds a value, -1 where there is none.
    """

    mean: NDArray[np.float64]
    count: NDArray[np.int64]
    newest: NDArray[np.int64]


def offsets(t: Times, zone: ZoneInfo) -> NDArray[np.int64]:
    """Milliseconds that ``zone`` is ahead of UTC at each time (n,), summer time included."""
    quarters, places = np.unique(t // _QUARTER, return_inverse=True)
    ahead = np.array([_offset(int(q) * 900, zone) for q in quarters], np.int64)
    return ahead[places] if ahead.size else np.zeros(0, np.int64)


def _offset(at: int, zone: ZoneInfo) -> int:
    found = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return round(found.total_seconds() * 1000) if found is not None else 0


def week(series: Iterable[Series], zone: ZoneInfo) -> Week:
    """The mean of all values of all series in each hour of each weekday, in a time zone.

    A value counts for the hour in which its step begins; the hour that summer time repeats counts twice, the one that
    it skips is empty.
    """
    total, count, newest = np.zeros(168), np.zeros(168, np.int64), np.full(168, -1, np.int64)
    for one in series:
        there = ~np.isnan(one.value)
        t, value = one.t[there], one.value[there].astype(np.float64)
        wall = (t + offsets(t, zone)) // 3_600_000
        cell = (wall + 3 * 24) % 168  # 1 January 1970 was a Thursday
        total += np.bincount(cell, weights=value, minlength=168)
        count += np.bincount(cell, minlength=168)
        np.maximum.at(newest, cell, t - (t + offsets(t, zone)) % 3_600_000)
    mean = np.divide(total, count, out=np.full(168, np.nan), where=count > 0)
    return Week(mean.reshape(7, 24), count.reshape(7, 24), newest.reshape(7, 24))
