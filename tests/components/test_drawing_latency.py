"""Percentiles of latency buckets as lines, and shares."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from components import drawing_grids
from components.drawing_figures import Drawn, Shown
from components.drawing_latency import MOST_SHARES, quantiles, shares
from components.drawings import Drawing, spec_of
from metrics.models import BOUNDS, LE
from metrics.series import Series, SeriesInfo

pytestmark = pytest.mark.usefixtures("english")


def bucket(
    le: str, at: list[int], value: list[float], name: str = "model_time_to_first_token_seconds", **labels: str,
) -> Shown:
    info = SeriesInfo(name, (("le", le), ("model", "m"), *labels.items()), "", "histogram", "", 1.0)
    return Shown(Series(info, np.asarray(at, np.int64) * 1000, np.asarray(value, np.float32), 1.0), le, "#fff")


def spec(kind: str):  # type: ignore[no-untyped-def]
    return spec_of(Drawing(("x",), kind))  # type: ignore[arg-type]


def test_percentiles_are_lines_with_gaps_where_nothing_was_asked() -> None:
    shown = [bucket("0.1", [1, 2, 500], [90, 5, 10]), bucket("0.2", [2], [5]), bucket("0.4", [3], [2])]
    drawn = quantiles(spec("quantiles"), shown, 0, 600)
    assert drawn is not None
    names = [trace["name"] for trace in drawn.figure["data"]]
    assert names == ["p50", "p95", "p99"]
    p50 = drawn.figure["data"][0]
    assert None in p50["y"], "minutes without an observation are a gap"
    scale = drawn.figure["layout"]["meta"]["scale"]
    assert p50["y"][0] == pytest.approx(0.1 * (51 / 95) * scale, rel=0.02)
    assert "p95" in drawn.text and "112 observations" in drawn.text


def newest(drawn: Drawn | None) -> list[float]:
    """What the percentile lines end at, seconds."""
    assert drawn is not None
    return [float(one.series.value[-1]) for one in drawn.whole]


@pytest.mark.parametrize(("seen", "expected"), [
    ({"0.0226274": 95, "0.032": 5}, (19.5e-3, 22.6e-3, 30.1e-3)),  # 20 and 30 ms
    ({"0.128": 18, "11.5852": 2}, (0.111, 9.89, 11.25)),  # 0.1 and 10 s
    ({"11.5852": 3}, (9.89, 11.42, 11.55)),  # 10 s
])
def test_percentiles_of_sparse_traffic_begin_at_the_true_neighbour_of_a_bucket(
    seen: dict[str, int], expected: tuple[float, ...],
) -> None:
    shown = [bucket(le, [1], [count], proxy="p") for le, count in seen.items()]
    assert newest(quantiles(spec("quantiles"), shown, 0, 60)) == pytest.approx(expected, rel=0.02)
    heat = drawing_grids.buckets(spec("buckets"), shown, 0, 60)
    assert heat is not None
    assert len(heat.figure["layout"]["meta"]["bounds"]) == len(seen), "rows are of buckets that saw something"
    assert f"p50 {drawing_grids._seconds(newest(quantiles(spec('quantiles'), shown, 0, 60))[0])}" in heat.text


def test_an_engines_empty_buckets_bound_those_that_saw_something() -> None:
    shown = [bucket("10", [1], [3], engine="vllm")]
    known = [bucket(le, [], [], engine="vllm").series.info for le in ("1", "7.5", "10", "+Inf")]
    assert newest(quantiles(spec("quantiles"), shown, 0, 60, known=known)) == pytest.approx([8.75, 9.875, 9.975])


def test_a_click_on_a_time_between_tokens_is_about_the_longest_one_of_a_request() -> None:
    drawn = quantiles(spec("quantiles"), [bucket("0.1", [1], [1], "model_inter_token_latency_seconds")], 0, 60)
    assert drawn is not None
    meta = drawn.figure["layout"]["meta"]
    assert (meta["measure"], list(meta["spikes"])) == ("itl_max", list(BOUNDS))


def test_series_without_a_bucket_have_no_percentiles() -> None:
    one = Series(SeriesInfo("cpu", (), "ratio", "gauge", ""), np.array([1000]), np.float32([1]), 1.0)
    assert quantiles(spec("quantiles"), [Shown(one, "cpu", "#fff")], 0, 10) is None


def test_a_heatmap_knows_the_bounds_and_the_measure_of_its_cells() -> None:
    drawn = drawing_grids.buckets(spec("buckets"), [bucket("0.1", [1], [1]), bucket("+Inf", [1], [1])], 0, 60)
    assert drawn is not None
    meta = drawn.figure["layout"]["meta"]
    assert meta["bounds"] == [[None, 0.1], [0.1, None]] and meta["measure"] == "ttft"


def test_names_of_lines_that_lie_close_stand_side_by_side() -> None:
    bounds = [*(f"{n / 10:g}" for n in range(1, 40)), "+Inf"]
    counts = {"1": 6.0, "1.2": 4.0}
    drawn = drawing_grids.buckets(spec("buckets"), [bucket(le, [1], [counts.get(le, 0.0)]) for le in bounds], 0, 60)
    assert drawn is not None
    height = drawn.figure["layout"]["height"] - drawing_grids.AROUND_ROWS
    notes = drawn.figure["layout"]["annotations"]
    levels = [note["y"] * height / len(bounds) for note in notes]
    assert all(above - below >= drawing_grids.NAME_HIGH for below, above in pairwise(levels))
    assert " ".join(note["text"] for note in notes) == "p50 p95 p99"
    hovers = [trace["hovertemplate"] for trace in drawn.figure["data"]]
    assert all(one.endswith("<extra></extra>") for one in hovers), "no second box, white, for the name of a line"


def rate(name: str, value: list[float]) -> Shown:
    info = SeriesInfo("model_requests_per_second", (("model", name),), "per_second", "gauge", "", 1.0)
    return Shown(Series(info, np.arange(len(value), dtype=np.int64) * 1000, np.float32(value), 1.0), name, "#fff")


def test_shares_are_what_rates_sum_up_to() -> None:
    drawn = shares(spec("shares"), [rate("a", [1, 1]), rate("b", [6, float("nan")]), rate("c", [0, 0])], 0, 10)
    pie, = drawn.figure["data"]
    assert (pie["labels"], pie["values"]) == (["b", "a"], [6, 2])
    assert "75.0 %" in pie["customdata"][0]


def test_shares_of_counts_are_whole_and_of_the_time_that_each_rate_is_of() -> None:
    slow = rate("a", [3, 2])
    slow.series = replace(slow.series, t=np.int64([0, 2000]))
    pie, = shares(spec("shares"), [slow, rate("b", [0.999, 2.001])], 0, 10).figure["data"]
    assert (pie["labels"], pie["values"]) == (["a", "b"], [7, 3])
    assert [words.split()[0] for words in pie["customdata"]] == ["7", "3"]


def test_of_many_shares_the_small_ones_are_one() -> None:
    many = [rate(f"m{number:02}", [100 - number]) for number in range(MOST_SHARES + 4)]
    pie, = shares(spec("shares"), many, 0, 10).figure["data"]
    assert len(pie["labels"]) == MOST_SHARES + 1 and pie["labels"][-1] == "4 others"


def test_nothing_has_no_share() -> None:
    drawn = shares(spec("shares"), [rate("a", [0])], 0, 10)
    assert drawn.figure["data"] == [] and drawn.problem


def test_bounds_are_two_to_an_octave() -> None:
    numbers = [float(le) for le in LE[:-1]]
    assert all(b / a == pytest.approx(2**0.5, rel=1e-4) for a, b in pairwise(numbers))
