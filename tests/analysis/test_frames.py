"""Series on common times: nothing invented, nothing lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.frames import align, bucket, chained, coarsened, common, present, reduce_together, reduced
from metrics.series import Series, SeriesInfo

NAN = float("nan")


def series(t: list[int], values: list[float], every: float = 1.0, **labels: str) -> Series:
    info = SeriesInfo("x", tuple(sorted(labels.items())), "", "gauge", "", every)
    return Series(info, np.asarray(t, np.int64), np.asarray(values, np.float32), 1.0)


def test_series_meet_on_the_union_of_their_times():
    t, values = align([series([1, 2, 4], [1, 2, 4]), series([2, 3], [20, 30])])
    assert t.tolist() == [1, 2, 3, 4]
    assert np.array_equal(values, [[1, 2, NAN, 4], [NAN, 20, 30, NAN]], equal_nan=True)


@given(st.lists(st.floats(0, 1e6), min_size=50, max_size=400), st.integers(0, 49))
def test_the_highest_and_lowest_sum_survive_the_reduction(numbers: list[float], hole: int):
    values = np.asarray([numbers, numbers])
    values[:, hole] = NAN
    t, reduced = reduce_together(np.arange(len(numbers), dtype=np.int64), values, 20)
    there = values.sum(axis=0)
    assert np.nanmax(reduced.sum(axis=0)) == np.nanmax(there)
    assert np.nanmin(reduced.sum(axis=0)) == np.nanmin(there)
    assert np.all(np.diff(t) > 0)
    assert reduced.shape == (2, len(t))
    assert hole in t  # the gap is still there
    assert np.isnan(reduced[:, t.tolist().index(hole)]).all()


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60), st.integers(1, 10))
def test_columns_hold_the_mean_of_what_was_there(numbers: list[float], width: int):
    times, grid = bucket([series([i * 1000 for i in range(len(numbers))], numbers)], 0, len(numbers) - 1, width)
    for column, cell in enumerate(grid[0]):
        inside = numbers[column * width : (column + 1) * width]
        assert np.isclose(cell, np.mean(inside)) if inside else np.isnan(cell)
    assert np.all(np.diff(times) == width * 1000)


@given(st.lists(st.one_of(st.none(), st.floats(-1e3, 1e3, width=32)), min_size=1, max_size=80))
def test_rows_of_one_pace_are_the_values_themselves(numbers: list[float | None]):
    values = [NAN if v is None else v for v in numbers]
    one = series([i * 1000 for i in range(len(values))], values)
    t, rows = common([one, one])
    first, second = rows
    there = {int(at): float(v) for at, v in zip(t, first, strict=True) if not np.isnan(v)}
    assert there == {i * 1000: np.float32(v) for i, v in enumerate(numbers) if v is not None}
    assert np.array_equal(first, second, equal_nan=True)


def test_series_of_different_pace_meet_at_the_slower():
    fast = series([i * 1000 for i in range(10)], list(range(10)))
    slow = series([0, 5000], [10, 20], every=5)
    t, rows = common([fast, slow])
    assert t.tolist() == [0, 5000]
    assert [row.tolist() for row in rows] == [[2, 7], [10, 20]]


def test_nothing_in_common_is_nothing():
    t, rows = common([series([], []), series([1000], [NAN])])
    assert t.size == 0
    assert [row.size for row in rows] == [0, 0]


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=300, max_size=600), st.integers(50, 90))
def test_a_computed_series_keeps_its_extremes_and_its_gap(numbers: list[float], hole: int):
    t = [i * 1000 for i in range(len(numbers)) if not hole <= i < hole + 10]
    one = series(t, [numbers[i // 1000] for i in t])
    few = reduced(one, 60)
    assert np.nanmax(few.value) == one.value.max()
    assert np.nanmin(few.value) == one.value.min()
    assert np.isnan(few.value).any()
    assert len(few.t) < 80
    assert np.all(np.diff(few.t) > 0)


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=200), st.integers(1, 20))
def test_coarser_steps_know_what_was_in_them(numbers: list[float], seconds: int):
    (found,) = coarsened([series([i * 1000 for i in range(len(numbers))], numbers)], seconds)
    for at, mean, low, high in zip(found.t // 1000, found.value, found.low, found.high, strict=True):
        inside = numbers[at : at + seconds]
        assert np.isclose(mean, np.mean(inside), rtol=1e-4, atol=1e-3)
        assert (low, high) == (np.float32(min(inside)), np.float32(max(inside)))


def test_pieces_become_one_series_again():
    whole = series([0, 1000, 2000, 3000], [1, 2, 3, 4], core="0")
    other = series([0], [9], core="1")
    pieces = [[series([0, 1000], [1, 2], core="0"), other], [series([2000, 3000], [3, 4], core="0")]]
    first, second = chained(pieces)
    assert np.array_equal(first.t, whole.t)
    assert np.array_equal(first.value, whole.value)
    assert second is other


def test_what_marks_gaps_is_no_value():
    assert present(series([0, 1000, 2000], [1, NAN, 3])).t.tolist() == [0, 2000]
