"""Histograms of values, and percentiles from buckets."""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analysis.frames import coarsened
from analysis.histogram import FEWEST, MOST, all_buckets, buckets, counts, edges, nice_step
from metrics.models import BOUNDS, LE
from metrics.quantiles import quantile
from metrics.series import Series, SeriesInfo
from storage.archive.rollup import Rollup
from storage.reduce import rolled_series

VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300)


@given(VALUES)
@example([6.0, -5e-324])
def test_every_value_is_in_one_bin_and_bins_are_few_and_round(values: list[float]):
    given_values = np.asarray(values)
    found = edges(given_values)
    assert counts(given_values, found).sum() == len(values)
    assert 1 <= found.size - 1 <= MOST
    assert np.all(np.diff(found) > 0)
    if found.size > 2:
        assert found.size - 1 >= max(min(FEWEST, math.sqrt(len(values))), 4) / 2.1
        width = (found[-1] - found[0]) / (found.size - 1)
        assert width == pytest.approx(nice_step(width), rel=1e-6)


@given(st.floats(1e-12, 1e12))
def test_a_nice_step_is_the_next_round_number(width: float):
    step = nice_step(width)
    assert width * 0.999 <= step <= width * 2.51
    assert any(math.isclose(step / 10 ** math.floor(math.log10(step) + 1e-9), n, rel_tol=1e-6) for n in (1, 2, 2.5, 5))


def test_equal_values_and_none_at_all():
    assert counts(np.full(9, 4.0), edges(np.full(9, 4.0))).tolist() == [9]
    assert counts(np.zeros(3), edges(np.zeros(3))).tolist() == [3]
    assert edges(np.asarray([np.nan])).size == 0
    assert counts(np.zeros(3), np.zeros(0)).size == 0


def bucketed(le: str, values: list[float], every: float = 1.0, model: str = "m") -> Series:
    info = SeriesInfo("wait_seconds_bucket", (("le", le), ("model", model)), "", "gauge", "", every)
    return Series(info, np.arange(len(values), dtype=np.int64) * 1000, np.asarray(values, np.float32), 1.0)


def test_buckets_stand_in_order_and_are_added_up():
    found = [bucketed("+Inf", [0, 1, 0, 0]), bucketed("0.5", [1, 2, 3, 4]), bucketed("0.1", [4, 0, 0, 0]),
             bucketed("0.1", [1, 1, 0, 0], model="n"), bucketed("many", [9, 9, 9, 9])]
    bounds, times, grid = buckets(found, 0, 3, 2)
    assert bounds == [0.1, 0.5, math.inf]
    assert times.tolist() == [1000, 3000]
    assert grid.tolist() == [[6, 0], [3, 7], [1, 0]]


def test_a_rollup_stands_for_all_its_samples_and_an_empty_column_for_nothing():
    info = bucketed("1", []).info
    rolled = Series(info, np.array([0, 120_000]), np.float32([2, 0.5]), 60.0, np.float32([0, 0]), np.float32([9, 9]))
    bounds, _times, grid = buckets([rolled, bucketed("2", [])], 0, 179, 60)
    assert bounds == [1, 2]
    assert np.array_equal(grid, [[120, np.nan, 30], [0, np.nan, 0]], equal_nan=True)


def test_a_rollup_of_a_histogram_holds_sums():
    info = SeriesInfo("wait_seconds", (("le", "1"),), "seconds", "histogram", "", 1.0)
    steps = Rollup(np.zeros(1, np.int64), np.array([60_000]), np.float32([2]), np.float32([1]), np.float32([4]),
                   np.uint32([7]))
    rolled = rolled_series(info, steps, 60, None)
    assert rolled.value.tolist() == [14]
    sparse = Series(info, np.array([0, 5000, 9000]), np.float32([1, 2, 4]), 1.0)
    assert coarsened([sparse], 10)[0].value.tolist() == [7]
    _bounds, _times, grid = buckets([sparse, rolled], 0, 119, 60)
    assert grid.tolist() == [[7, 14]]


def by_hand(q: float, bounds: list[float], inside: list[float]) -> float:
    """Prometheus' own words, one bucket after the other."""
    total = sum(inside)
    if not total or len(bounds) < 2:
        return math.nan
    rank, seen = q * total, 0.0
    for place, (bound, count) in enumerate(zip(bounds, inside, strict=True)):
        if seen + count >= rank:
            if math.isinf(bound):
                return bounds[place - 1]
            if place == 0 and bound <= 0:
                return bound
            low = bounds[place - 1] if place else 0.0
            return low + (bound - low) * ((rank - seen) / count if count else 0)
        seen += count
    return bounds[-2]


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=8, unique=True), st.data())
def test_percentiles_are_those_of_prometheus(bounds: list[float], data: st.DataObject):
    full = [*sorted(bounds), math.inf]
    inside = data.draw(st.lists(st.integers(0, 50), min_size=len(full), max_size=len(full)))
    q = data.draw(st.sampled_from([0.01, 0.5, 0.95, 0.99]))
    found = quantile(q, full, np.asarray(inside, np.float64)[:, None])[0]
    expected = by_hand(q, full, inside)  # type: ignore[arg-type]
    assert found == pytest.approx(expected, nan_ok=True)


def test_percentiles_without_observations_or_buckets_are_absent():
    assert np.isnan(quantile(0.5, [1, math.inf], np.zeros((2, 3)))).all()
    assert np.isnan(quantile(0.5, [1.0], np.ones((1, 2)))).all()
    assert quantile(0.5, [-1, 2, math.inf], np.asarray([[5.0], [0], [0]])).tolist() == [-1]


COARSE = ("0.004", "0.032", "0.256", "2.048", "16.384", "+Inf")
"""Bounds of an engine, each one of a proxy's too."""


def bucket_info(le: str, **labels: str) -> SeriesInfo:
    return SeriesInfo("wait_seconds", tuple(sorted({"le": le, **labels}.items())), "", "histogram", "")


def told(les: tuple[str, ...], values: list[float], **labels: str) -> list[Series]:
    """One series for each bucket that saw something, and for no other."""
    seen: dict[str, int] = {}
    for value in values:
        le = les[bisect_left([float(le) for le in les], value)]
        seen[le] = seen.get(le, 0) + 1
    return [Series(bucket_info(le, **labels), np.zeros(1, np.int64), np.float32([n]), 1.0) for le, n in seen.items()]


def estimate(q: float, series: list[Series], known: list[SeriesInfo]) -> float:
    bounds, _times, inside = all_buckets(series, known, 0, 59, 60)
    return float(quantile(q, bounds, inside)[0])


SECONDS = st.lists(st.floats(0, 2 * BOUNDS[-1]), min_size=1, max_size=60)
SHARES = st.sampled_from([0.5, 0.95, 0.99])


def in_the_bucket_of(estimated: float, values: list[float], q: float, les: tuple[str, ...]) -> bool:
    true = sorted(values)[math.ceil(q * len(values)) - 1]
    place = bisect_left([float(le) for le in les], true)
    lower, upper = float(les[place - 1]) if place else 0.0, float(les[place])
    # Above the last bound it is the last bound.
    return bool(lower * (1 - 1e-9) <= estimated <= (lower if math.isinf(upper) else upper) * (1 + 1e-9))


@given(SECONDS, SHARES)
def test_a_percentile_lies_in_the_bucket_of_the_true_one_whatever_buckets_are_empty(values: list[float], q: float):
    assert in_the_bucket_of(estimate(q, told(LE, values, proxy="p"), []), values, q, LE)
    known = [bucket_info(le, engine="vllm") for le in COARSE]
    assert in_the_bucket_of(estimate(q, told(COARSE, values, engine="vllm"), known), values, q, COARSE)


@given(st.lists(st.floats(0, 16), min_size=1, max_size=40), st.lists(st.floats(0, 16), min_size=1, max_size=40), SHARES)
def test_histograms_of_other_bounds_keep_their_own_neighbours(proxy: list[float], engine: list[float], q: float):
    fine = (*COARSE[:2], "0.1", *COARSE[2:4], "9", *COARSE[4:])
    series = [*told(fine, proxy, server="a"), *told(COARSE, engine, server="b")]
    known = [*(bucket_info(le, server="a") for le in fine), *(bucket_info(le, server="b") for le in COARSE)]
    assert in_the_bucket_of(estimate(q, series, known), [*proxy, *engine], q, COARSE)
    assert all_buckets(series, known, 0, 59, 60)[2].sum() == pytest.approx(len(proxy) + len(engine))


def test_a_sum_over_models_has_the_bounds_of_all_of_them():
    summed = Series(SeriesInfo("wait_seconds", (("le", "16.384"),), "", "gauge", ""), np.zeros(1, np.int64),
                    np.float32([3]), 1.0)
    known = [bucket_info(le, model=model) for le, model in (("0.256", "m"), ("2.048", "n"), ("16.384", "n"))]
    assert estimate(0.5, [summed], known) == pytest.approx((2.048 + 16.384) / 2)


def test_what_is_only_above_the_last_bound_is_put_at_it():
    series = [*told(("+Inf",), [99.0], server="a"), *told(COARSE, [99.0], server="b")]
    known = [bucket_info(le, server="b") for le in COARSE]
    assert estimate(0.5, series, known) == 16.384
