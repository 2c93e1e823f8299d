"""Statistics of exactly a window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats import of
from metrics.series import Series, SeriesInfo

INFO = SeriesInfo("x", (), "", "gauge", "")
NAN = float("nan")


def raw(values: list[float]) -> Series:
    return Series(INFO, np.arange(len(values), dtype=np.int64) * 1000, np.asarray(values, np.float32), 1.0)


@given(st.lists(st.one_of(st.just(NAN), st.floats(-1e3, 1e3, width=32)), min_size=1, max_size=100), st.data())
def test_samples_of_the_window_and_no_others_count(values: list[float], data: st.DataObject):
    start = data.draw(st.integers(0, len(values) - 1))
    end = data.draw(st.integers(start, len(values) - 1))
    inside = np.asarray([v for v in values[start : end + 1] if not np.isnan(v)])
    found = of(raw(values), start, end)
    if not inside.size:
        assert found is None
        return
    assert found is not None
    assert found.count == inside.size
    assert found.exact
    middle = np.percentile(inside, (50, 95, 99))
    expected = [inside.min(), inside.mean(), inside.max(), *middle, inside[-1]]
    assert found.row() == pytest.approx(expected, rel=1e-5, abs=1e-3)


def test_of_rollups_the_extremes_are_those_of_the_samples_and_it_is_said_to_be_no_more():
    t = np.arange(5, dtype=np.int64) * 60_000
    mean = np.float32([1, 2, 3, NAN, 5])
    rolled = Series(INFO, t, mean, 60.0, mean - 1, mean + 1)
    found = of(rolled, 90, 240)  # the minute that holds 90 s counts
    assert found is not None
    assert (found.min, found.mean, found.max, found.last, found.count, found.exact) == (
        1, pytest.approx(10 / 3), 6, 5, 3, False)
    assert of(rolled, 301, 400) is None
