"""Arrays on their way into a figure."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.chartmath import close_gaps, plain

NAN = float("nan")


def test_numbers_are_short_and_absent_ones_none():
    assert plain(np.asarray([0.30000001, NAN], np.float32), 100) == [30.0, None]
    assert plain(np.asarray([1234.56789]), 1) == [1234.6]
    assert plain(np.asarray([NAN, NAN]), 1) == [None, None]
    assert plain(np.asarray([]), 1) == []


@given(st.lists(st.booleans(), max_size=30))
def test_gaps_are_closed_by_a_zero_on_either_side(there: list[bool]):
    t = np.arange(len(there), dtype=np.int64) * 1000
    values = np.where(there, 5.0, NAN)[None, :]
    times, filled, holes = close_gaps(t, values)
    assert not np.isnan(filled).any()
    assert np.all(np.diff(times) > 0)
    assert (filled[0, holes] == 0).all()
    assert int((filled == 5).sum()) == sum(there)
    assert len(holes) == 2 * "".join("x" if x else " " for x in there).strip().count("x ")
