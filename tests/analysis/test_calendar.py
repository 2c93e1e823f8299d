"""Hours of the week, as clocks on the wall show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.calendar import week
from metrics.series import Series, SeriesInfo

ZONES = ("UTC", "Europe/Paris", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Auckland")


def series(begin: datetime, hours: int, minutes: int = 15) -> Series:
    t = round(begin.timestamp() * 1000) + np.arange(hours * 60 // minutes, dtype=np.int64) * minutes * 60_000
    return Series(SeriesInfo("x", (), "", "gauge", ""), t, np.arange(t.size, dtype=np.float32), 60.0)


@given(st.integers(0, 3 * 366 * 24), st.sampled_from(ZONES))
def test_every_value_is_in_the_cell_that_a_wall_clock_shows(hour: int, zone: str):
    one = series(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour), 60)
    cells: dict[tuple[int, int], list[float]] = {}
    for at, value in zip(one.t.tolist(), one.value.tolist(), strict=True):
        wall = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone))
        cells.setdefault((wall.weekday(), wall.hour), []).append(value)
    found = week([one], ZoneInfo(zone))
    assert found.count.sum() == one.t.size
    for (day, hour), values in cells.items():
        assert found.mean[day, hour] == pytest.approx(np.mean(values))
        begun = datetime.fromtimestamp(found.newest[day, hour] / 1000, UTC).astimezone(ZoneInfo(zone))
        assert (begun.weekday(), begun.hour) == (day, hour)
    assert np.isnan(found.mean).sum() == 168 - len(cells)
    assert (found.newest == -1).sum() == 168 - len(cells)


def test_the_hour_that_summer_time_repeats_holds_two_and_the_skipped_one_none():
    paris = ZoneInfo("Europe/Paris")
    autumn = week([series(datetime(2026, 10, 24, 22, tzinfo=UTC), 24)], paris)  # Sunday 25 October, 25 hours
    assert autumn.count[6, 2] == 8
    assert autumn.count[6, 3] == 4
    spring = week([series(datetime(2026, 3, 28, 23, tzinfo=UTC), 23)], paris)  # Sunday 29 March, 23 hours
    assert spring.count[6, 2] == 0
    assert spring.count[6, 1] == spring.count[6, 3] == 4
    assert spring.newest[6, 3] == round((datetime(2026, 3, 29, 3, tzinfo=paris)).timestamp() * 1000)


def test_several_series_share_the_cells_and_gaps_are_no_values():
    one = series(datetime(2026, 3, 2, tzinfo=UTC), 1)
    gap = Series(one.info, one.t, np.full(one.t.size, np.nan, np.float32), 60.0)
    found = week([one, one, gap], ZoneInfo("UTC"))
    assert found.count[0, 0] == 8
    assert found.mean[0, 0] == pytest.approx(1.5)
    assert week([], ZoneInfo("UTC")).count.sum() == 0
    assert timedelta(milliseconds=int(found.newest[0, 0] - one.t[0])) == timedelta(0)
