"""A window read piece by piece is the window that `select` answers, whatever the pieces."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.archive.pages import DAY, HOURS, MINUTES
from storage.errors import StoreUnavailable
from storage.query import Query
from storage.reading import PIECE
from tests.storage.conftest import NOW
from tests.storage.test_archive import steps
from tests.storage.test_ring import info
from tests.storage.test_roller import House

CPU = "cpu_usage_ratio"


def query(house):
    return Query(house.ring, house.archive, house.now)


def joined(reading, values=PIECE):
    """(milliseconds, values, low, high) of the first series over all pieces, which must not overlap."""
    parts, until = [], reading.start
    for end, found in reading.pieces(values):
        one = found[0]
        if one.t.size and until > reading.start:
            assert one.t[0] >= until * 1000
        parts.append(one)
        until = end
    low = np.concatenate([np.empty(0) if p.low is None else p.low for p in parts])
    return np.concatenate([p.t for p in parts]), np.concatenate([p.value for p in parts]), low, len(parts)


def same_as_select(house, start, end, values=PIECE):
    reading = query(house).reading([CPU], start, end)
    selected = query(house).select([CPU], start, end)
    (whole,) = selected.series
    there = ~np.isnan(whole.value)
    t, value, low, pieces = joined(reading, values)
    np.testing.assert_array_equal(t, whole.t[there])
    np.testing.assert_array_equal(value, whole.value[there])
    if whole.low is not None:
        np.testing.assert_array_equal(low, whole.low[there])
    assert reading.step == selected.step
    return reading, pieces


def test_samples_of_the_ring(tmp_path):
    house = House(tmp_path, capacity=1200)
    house.run(900, lambda s: None if 100 <= s < 160 else float(s))
    reading, pieces = same_as_select(house, NOW + 7.5, NOW + 700, values=60)
    assert reading.source == "samples" and pieces == 12
    assert reading.rows == 693 and reading.first == NOW + 8


def test_minutes_and_what_the_archive_has_not_yet(tmp_path):
    house = House(tmp_path, capacity=600)
    house.run(9000 + 30, lambda s: None if 4000 <= s < 4400 else float(s % 97))
    reading, pieces = same_as_select(house, NOW + 90, NOW + 9025, values=1)
    assert reading.source == "minutes" and pieces == 3
    same_as_select(house, NOW, NOW + 9025)


def test_hours_minutes_and_samples_in_one(tmp_path):
    house = House(tmp_path, capacity=600)
    house.t = NOW + 100 * DAY
    begin = int(house.t) - 90 * DAY
    t = np.arange(begin, int(house.t) - 3 * 3600, 3600)
    old = steps(t, np.arange(t.size, dtype=float), count=3600)
    house.archive.write(HOURS, [info(CPU)], old, int(house.t) - 3 * 3600)
    recent = np.arange(int(house.t) - 3 * 3600, int(house.t) - 300, 60)
    house.archive.write(MINUTES, [info(CPU)], steps(recent, np.full(recent.size, 2.0)), int(house.t) - 300)
    reading, pieces = same_as_select(house, begin + 1234.5, house.t, values=24)
    assert reading.source == "hours" and pieces >= 90


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 9000), st.floats(0, 9000), st.integers(1, 5000))
def test_any_window_in_any_pieces(long_house, first, length, values):
    start = NOW + first
    end = start + length
    if query(long_house).select([CPU], start, end).series:
        same_as_select(long_house, start, end, values)


@pytest.fixture(scope="module")
def long_house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("long"), capacity=600)
    house.run(9000, lambda s: None if s % 1000 < 150 else float(s % 13))
    return house


def test_thirty_days_up_to_a_moment_ago_are_minutes(tmp_path):
    house = House(tmp_path, capacity=600)
    house.t = NOW + 40 * DAY
    t = np.arange(int(house.t) - 31 * DAY, int(house.t) - 120, 60)
    house.archive.write(MINUTES, [info(CPU)], steps(t, np.ones(t.size)), int(house.t) - 120)
    reading = query(house).reading([CPU], house.t - 2 - 30 * DAY, house.t - 2)
    assert reading.source == "minutes"
    assert sum(found[0].t.size for _, found in reading.pieces()) == 30 * 1440 - 1


def test_a_store_that_goes_away_ends_the_reading(tmp_path, monkeypatch):
    house = House(tmp_path, capacity=600)
    house.run(9000)
    reading = query(house).reading([CPU], NOW, NOW + 9000)

    def away(*_):
        raise StoreUnavailable("The archive is away: gone")

    pieces = reading.pieces(1)
    next(pieces)
    monkeypatch.setattr(house.archive, "read", away)
    with pytest.raises(StoreUnavailable, match="gone"):
        list(pieces)


def test_a_window_of_all_times_has_no_more_pieces_than_what_is_there(tmp_path):
    house = House(tmp_path, capacity=600)
    house.run(3000)
    q = query(house)
    assert len(list(q.reading([CPU], 0, 4e9).pieces(1))) < 50
    assert len(list(q.reading([CPU], NOW + 2900, 4e9).pieces(1))) < 70


def test_nothing_is_nothing(tmp_path):
    house = House(tmp_path, capacity=600)
    house.run(10)
    reading = query(house).reading([CPU], NOW + 100, NOW + 200)
    assert reading.rows == 0 and reading.values == 0
    assert all(found[0].t.size == 0 for _, found in reading.pieces())
    with pytest.raises(ValueError, match="must begin before it ends"):
        query(house).reading([CPU], 2, 1)
