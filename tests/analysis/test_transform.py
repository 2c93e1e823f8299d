"""Rates, aggregates, shifts and differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.transform import aggregate, difference, pairs, rate, shifted
from metrics.series import Series, SeriesInfo

NAN = float("nan")
HOLEY = st.lists(st.one_of(st.none(), st.floats(-1e3, 1e3, width=32)), min_size=12, max_size=12)


def series(
    values: list[float | None], name: str = "x_ratio", unit: str = "ratio", kind: str = "gauge", step: int = 1,
    **labels: str,
) -> Series:
    info = SeriesInfo(name, tuple(sorted(labels.items())), unit, kind, "Help", float(step))  # type: ignore[arg-type]
    numbers = np.asarray([NAN if v is None else v for v in values], np.float32)
    return Series(info, np.arange(len(values), dtype=np.int64) * step * 1000, numbers, 1.0)


# -- rate


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=50))
def test_rates_of_a_counter_add_up_to_what_it_counted(increases: list[int]):
    total = np.cumsum(increases).tolist()
    found = rate(series(total, "x_bytes_total", "bytes", "counter"))
    assert found.value.tolist() == increases[1:]
    assert found.info.unit == "bytes_per_second"
    assert found.info.kind == "gauge"


def test_a_reset_counts_from_zero():
    assert rate(series([100, 110, 5, 8], "x_total", "", "counter")).value.tolist() == [10, 5, 3]


def test_of_a_gauge_it_is_the_slope():
    found = rate(series([20, 22, 21], "t_celsius", "celsius", step=2))
    assert found.value.tolist() == [1, -0.5]
    assert found.info.unit == "per_second"


def test_no_rate_is_computed_across_a_gap():
    found = rate(series([1, 2, None, None, None, 9, 11], "x_total", "", "counter"))
    assert found.t.tolist() == [1000, 6000]
    assert found.value.tolist() == [1, 2]


@pytest.mark.parametrize("values", [[], [1], [None, 3]])
def test_there_is_no_rate_of_a_single_value(values: list[float | None]):
    assert rate(series(values)).t.size == 0


# -- aggregates


@given(st.lists(HOLEY, min_size=1, max_size=6), st.sampled_from(["mean", "sum", "min", "max", "p95"]))
def test_an_aggregate_is_that_of_what_was_there(columns: list[list[float | None]], how: str):
    found = aggregate([series(c, core=str(i)) for i, c in enumerate(columns)], how)  # type: ignore[arg-type]
    got = dict(zip(found[0].t.tolist(), found[0].value.tolist(), strict=True))
    plain = {"mean": np.mean, "sum": np.sum, "min": np.min, "max": np.max, "p95": lambda v: np.percentile(v, 95)}[how]
    for place in range(12):
        there = [c[place] for c in columns if c[place] is not None]
        if there:
            assert got.pop(place * 1000) == pytest.approx(float(plain(there)), rel=1e-4, abs=1e-2)
    assert not got  # where nothing was there is nothing


def test_only_the_labels_asked_for_stay():
    cores = [series([i], mode=m, core=str(i)) for i in range(3) for m in ("user", "system")]
    found = aggregate(cores, "sum", ("mode",))
    assert {f.info.labels: f.value.tolist() for f in found} == {(("mode", "user"),): [3], (("mode", "system"),): [3]}
    assert {f.info.name for f in found} == {"x_ratio"}


def test_units_are_never_mixed_and_metrics_can_be_kept_apart():
    mixed = [series([1], "a_watts", "watts"), series([2], "b_celsius", "celsius"), series([3], "c_watts", "watts")]
    assert sorted((f.info.unit, f.info.name, f.value.tolist()) for f in aggregate(mixed, "sum")) == [
        ("celsius", "b_celsius", [2]), ("watts", "", [4])]
    assert len(aggregate(mixed, "sum", ("__name__",))) == 3


def test_a_series_without_the_label_is_in_a_group_of_its_own():
    found = aggregate([series([1], core="0"), series([5])], "mean", ("core",))
    assert [f.info.labels for f in found] == [(("core", "0"),), (("core", ""),)]


def test_the_highest_of_rollups_is_the_highest_sample():
    rolled = Series(series([]).info, np.array([0, 60_000]), np.float32([2, 3]), 60.0, np.float32([1, 1]),
                    np.float32([9, 4]))
    assert aggregate([rolled], "max")[0].value.tolist() == [9, 4]
    assert aggregate([rolled], "min")[0].value.tolist() == [1, 1]
    assert aggregate([rolled], "mean")[0].value.tolist() == [2, 3]


def test_a_slow_series_does_not_come_and_go():
    fast, slow = series(list(range(10)), core="0"), series([100, 100], core="1", step=5)
    (found,) = aggregate([fast, slow], "sum")
    assert found.t.tolist() == [0, 5000]
    assert found.value.tolist() == [102, 107]


def test_nothing_is_made_of_nothing():
    assert aggregate([], "mean") == []
    assert aggregate([series([None])], "p95")[0].t.size == 0


# -- comparisons


@given(HOLEY, HOLEY)
def test_a_difference_is_there_where_both_are(a: list[float | None], b: list[float | None]):
    found = difference(series(a), series(b))
    got = dict(zip(found.t.tolist(), found.value.tolist(), strict=True))
    both = {i * 1000: x - y for i, (x, y) in enumerate(zip(a, b, strict=True)) if x is not None and y is not None}
    assert set(got) == set(both)
    assert all(got[t] == pytest.approx(both[t], rel=1e-4, abs=1e-3) for t in got)


def test_a_week_later_is_a_week_later():
    one = series([1, 2])
    assert shifted(one, 604_800).t.tolist() == [604_800_000, 604_801_000]
    assert difference(shifted(one, 5), one).t.size == 0


def test_a_difference_of_units_is_refused():
    with pytest.raises(ValueError, match="one unit"):
        difference(series([1]), series([1], unit="watts"))


def info(name: str, **labels: str) -> SeriesInfo:
    return SeriesInfo(name, tuple(sorted(labels.items())), "", "gauge", "")


def test_like_is_compared_with_like():
    a = [info("x", server="a", core=str(i)) for i in range(3)]
    b = [info("x", server="b", core=str(i)) for i in (2, 0, 1)]
    assert pairs(a, a) == [(0, 0), (1, 1), (2, 2)]
    assert pairs(a, b) == [(0, 1), (1, 2), (2, 0)]
    assert pairs(a, [info("y")]) == [(0, 0), (1, 0), (2, 0)]
    assert pairs([info("x", gpu="0")], [info("x", gpu="1")]) == [(0, 0)]
    assert pairs(a, b[:2]) == [(0, 1), (2, 0)]
    assert pairs(a, []) == []
    cards, disks = [info("x", gpu="0"), info("x", gpu="1")], [info("y", disk="a"), info("y", disk="b")]
    assert pairs(cards, disks) == [(0, 0), (1, 1)]
