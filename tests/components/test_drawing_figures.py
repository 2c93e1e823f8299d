"""Figures of drawings, from series alone: units, names, ranges, and what the page's script reads of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import drawing_compare, drawing_figures, drawing_grids
from components.charts import Figure
from components.drawing_figures import Drawn, Shown, column_width, named, nice, pieces, ruled_alike, span_of_axis
from components.drawings import parse, spec_of
from metrics.metric import labels
from metrics.series import Series, SeriesInfo

pytestmark = pytest.mark.usefixtures("english")
START = 1_767_225_600.0  # Thursday 1 January 2026
NAN = float("nan")


def series(values: list[float], name: str = "gpu_power_watts", unit: str = "watts", step: float = 1.0, low=None,
           high=None, **pairs: str) -> Series:
    info = SeriesInfo(name, labels(pairs), unit, "gauge", "help", step)
    t = ((START + step * np.arange(len(values))) * 1000).astype(np.int64)
    as_array = lambda v: None if v is None else np.asarray(v, np.float32)  # noqa: E731
    return Series(info, t, np.asarray(values, np.float32), step, as_array(low), as_array(high))


def checked(drawn: Drawn) -> Figure:
    figure = drawn.figure
    go.Figure(figure)  # plotly itself finds nothing wrong with it
    json.dumps(figure, allow_nan=False)
    meta = figure["layout"]["meta"]
    assert len(meta["series"]) == len(meta["keys"])
    if figure["data"][0]["type"] != "heatmap":
        assert len(meta["keys"]) == len(figure["data"])
    return figure


def drawn(kind: str, found: list[Series], seconds: float = 60, **more: Any) -> Drawn:
    draw = {"lines": drawing_figures.lines, "area": drawing_figures.area, "bars": drawing_figures.columns,
            "heat": drawing_grids.heat, "hist": drawing_grids.hist, "hours": drawing_grids.hours,
            "buckets": drawing_grids.buckets}[kind]
    text = "x" if kind == "lines" else f"x!{kind}"
    made: Drawn = draw(spec_of(parse(text)), named(found, "dark"), START, START + seconds, **more)
    return made


# -- lines


def test_lines_of_one_unit_go_on_by_themselves():
    figure = checked(drawn("lines", [series([1, NAN, 3], gpu="0"), series([4, 5, 6], gpu="1")]))
    meta = figure["layout"]["meta"]
    assert meta["series"] == meta["keys"] == ['gpu_power_watts{gpu="0"}', 'gpu_power_watts{gpu="1"}']
    assert meta["extend"] is True
    assert meta["fixed"] is False
    assert [t["name"] for t in figure["data"]] == ["GPU 0", "GPU 1"]
    assert figure["data"][0]["y"] == [1, None, 3]
    assert figure["data"][0]["line"]["color"] != figure["data"][1]["line"]["color"]


def test_two_units_have_an_axis_each_and_a_third_is_told():
    found = [series([100, 200], gpu="0"), series([50, 60], "gpu_temperature_celsius", "celsius", gpu="0"),
             series([100, 50], gpu="1"), series([0.5, 0.5], "gpu_usage_ratio", "ratio", gpu="0"),
             series([51, 61], "gpu_temperature_celsius", "celsius", gpu="1")]
    made = drawn("lines", found)
    figure = checked(made)
    layout = figure["layout"]
    assert "GPU use" in made.problem
    assert layout["yaxis"]["ticksuffix"] == " W"
    assert layout["yaxis2"]["ticksuffix"] == " °C"
    assert layout["yaxis2"]["side"] == "right"
    assert layout["yaxis2"]["range"] == [40, 70]
    pieces_of = [(a["range"][1] - a["range"][0]) / a["dtick"] for a in (layout["yaxis"], layout["yaxis2"])]
    assert pieces_of[0] == pytest.approx(pieces_of[1])
    assert layout["meta"]["axes"]["y2"]["unit"] == "celsius"
    assert layout["meta"]["extend"] is False
    assert set(layout["meta"]["series"]) == {None}
    assert {t["name"]: t.get("yaxis", "y") for t in figure["data"]} == {
        "GPU power · GPU 0": "y", "GPU power · GPU 1": "y", "GPU temperature · GPU 0": "y2",
        "GPU temperature · GPU 1": "y2"}


def test_what_falls_below_zero_is_in_sight():
    figure = checked(drawn("lines", [series([-3, 2])]))
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < -3
    assert high > 2
    assert figure["layout"]["meta"]["fixed"] is True


def test_a_single_rollup_has_its_band():
    figure = checked(drawn("lines", [series([2, 3], step=60, low=[1, 1], high=[5, 6])]))
    assert figure["layout"]["meta"]["keys"] == [None, None, "gpu_power_watts"]
    assert figure["data"][1]["fill"] == "tonexty"


def test_of_too_many_series_the_highest_are_drawn_and_the_rest_is_told():
    made = drawn("lines", [series([i, i], gpu=str(i)) for i in range(drawing_figures.MOST_LINES + 5)])
    figure = checked(made)
    assert len(figure["data"]) == drawing_figures.MOST_LINES
    assert "GPU 0" not in {t["name"] for t in figure["data"]}
    assert str(drawing_figures.MOST_LINES + 5) in made.problem


# -- areas and columns


def test_areas_stand_upon_each_other_with_the_line_of_their_sum():
    figure = checked(drawn("area", [series([1, NAN, 3], gpu="0"), series([10, NAN, 30], gpu="1")]))
    assert [t.get("stackgroup") for t in figure["data"]] == ["one", "one", None]
    assert figure["data"][2]["y"][0] == 11
    assert figure["layout"]["meta"]["keys"][2] is None


def test_the_line_of_the_sum_is_in_no_layers_colour_for_the_uppermost_may_be_zero():
    figure = checked(drawn("area", [series([5, 5], gpu="0"), series([0, 0], gpu="1")]))
    *layers, rim = [trace["line"] for trace in figure["data"]]
    assert rim["color"] not in {one["color"] for one in layers} and rim["width"] < 1
    alone = checked(drawn("area", [series([5, 5], gpu="0")]))
    assert alone["data"][-1]["line"]["color"] == alone["data"][0]["line"]["color"]


def test_columns_are_means_of_round_pieces_of_time():
    figure = checked(drawn("bars", [series([i % 10 for i in range(600)])], 600, points=840))
    x = figure["data"][0]["x"]
    assert set(np.diff(x)) == {10_000}
    assert figure["data"][0]["y"][5] == 4.5
    assert figure["layout"]["meta"]["step"] == 10
    assert figure["layout"]["yaxis"]["range"][0] == 0


@given(st.floats(1, 1e8), st.floats(0.5, 4000), st.integers(1, 400))
def test_columns_are_no_more_than_asked_for(span: float, step: float, columns: int):
    width = column_width(span, step, columns)
    assert width >= step * 0.99
    assert span / width <= columns * 1.01
    assert width in drawing_figures.WIDTHS or width % 86_400 == 0


@given(st.floats(1e-9, 1e15))
def test_a_round_number_is_near(value: float):
    assert value * 0.999 <= nice(value) <= value * 1.35


@settings(deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.sampled_from(["", "celsius", "bytes"]))
def test_an_axis_holds_what_is_drawn(low: float, span: float, unit: str):
    bottom, top = span_of_axis(low, low + span, unit)
    assert bottom < top
    assert bottom <= low + 1e-9
    assert low + span <= top + 1e-9


@settings(deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9), st.integers(3, 6))
def test_round_pieces_hold_a_range(low: float, span: float, count: int):
    begin, end, length = pieces(low, low + span, count)
    slack = length * 1e-5 + 1e-9 * abs(low)
    assert begin <= low + slack
    assert low + span <= end + slack
    assert length <= 10 * span
    assert f"{length:e}"[:3].replace(".", "") in ("10", "20", "25", "50")


def test_two_axes_have_one_grid():
    left, right = ruled_alike((0, 60), (0, 1.2))
    assert (left["range"], left["dtick"]) == ([0, 60], 10)
    assert right["range"] == pytest.approx([0, 1.2])
    assert right["dtick"] == pytest.approx(0.2)


# -- grids


def test_a_heat_map_has_a_row_for_each_series_in_the_order_people_count():
    found = [series([i / 10, i / 10], "cpu_core_usage_ratio", "ratio", core=str(i)) for i in (10, 2, 1)]
    trace = checked(drawn("heat", found, 2))["data"][0]
    assert trace["y"] == ["core 1", "core 2", "core 10"]
    assert [row[0] for row in trace["z"]] == [10, 20, 100]
    assert trace["zmin"] == 0
    assert trace["zmax"] == 100
    assert trace["showscale"] is True


def test_a_histogram_shows_the_share_of_all_values():
    made = drawn("hist", [series([1, 2, 3, 4] * 25, gpu="0"), series([4] * 100, gpu="1")], 100)
    figure = checked(made)
    assert sum(sum(t["y"]) for t in figure["data"]) == pytest.approx(100, abs=0.1)
    assert figure["layout"]["meta"]["timed"] is False
    assert figure["layout"]["xaxis"]["ticksuffix"] == " W"
    assert figure["layout"]["yaxis"]["ticksuffix"] == " %"
    assert "200 values from 1 W to 4 W" in made.text
    for trace in figure["data"]:
        assert [n for _words, n in trace["customdata"]] == [round(v * 2) for v in trace["y"]]


def test_very_many_series_share_one_histogram():
    made = drawn("hist", [series([i, i], gpu=str(i)) for i in range(20)])
    assert len(checked(made)["data"]) == 1
    assert "20" in made.problem
    assert len(made.shown) == 20


def test_the_hours_of_a_week_know_their_newest_moment():
    made = drawn("hours", [series(list(range(14 * 24)), step=3600)], 14 * 86_400, zone="Europe/Paris")
    trace = checked(made)["data"][0]
    assert trace["y"][:2] == ["Monday", "Tuesday"]
    assert len(trace["x"]) == 24
    thursday_one = trace["z"][3][1]  # 1 January 00:00 UTC is 01:00 in Paris, and a week later again
    assert thursday_one == 84.0
    assert trace["customdata"][3][1] == [(START + 604_800) * 1000, (START + 608_400) * 1000]
    assert "Highest on Thursday at 00:00" in made.text
    assert made.problem == ""


def test_a_short_window_has_few_hours_and_says_so():
    made = drawn("hours", [series([1, 2, 3])])
    trace = checked(made)["data"][0]
    assert "7 d" in made.problem
    assert sum(cell is not None for row in trace["customdata"] for cell in row) == 1


def test_latency_buckets_stand_in_order_with_their_percentiles():
    found = [series([c] * 60, "wait_bucket", "", le=le) for le, c in (("0.5", 4), ("+Inf", 0), ("0.1", 6), ("1", 0))]
    made = drawn("buckets", found)
    figure = checked(made)
    heat, *lines = figure["data"]
    assert [row[0] for row in heat["z"]] == [6, 4, 0, 0]
    assert [t["name"] for t in lines] == ["p50", "p95", "p99"]
    # The median lies within the first bucket, p95 within the second.
    assert -0.5 < lines[0]["y"][0] < 0.5 < lines[1]["y"][0] < 1.5
    assert "p50 83.3 ms" in made.text
    assert figure["layout"]["yaxis"]["ticktext"] == ["to 100 ms", "to 500 ms", "to 1 s", "above"]


def test_what_has_no_buckets_is_not_drawn():
    assert drawn("buckets", [series([1, 2])]) is None


# -- comparisons


def compared(shown: list[Series], other: list[Series], words: str = "a week ago", names: tuple[str, ...] = ()) -> Drawn:
    spec = spec_of(parse("x!week"))
    return drawing_compare.compare(spec, named(shown, "dark"), other, words, names, START, START + 60)


def test_now_and_then_lie_over_each_other_with_the_difference_below():
    made = compared([series([10, 20, 30])], [series([1, 2, 40])])
    figure = checked(made)
    now, then, less = figure["data"]
    assert (now["name"], then["name"]) == ("GPU power", "a week ago")
    assert then["line"]["dash"] == "dash"
    assert then["line"]["color"] == now["line"]["color"]
    assert less["y"] == [9, 18, -10]
    assert less["yaxis"] == "y2"
    assert less["name"] == now["name"]  # hidden with its line
    assert figure["layout"]["yaxis2"]["domain"][1] < figure["layout"]["yaxis"]["domain"][0]
    assert figure["layout"]["meta"]["keys"] == ["gpu_power_watts", "then:gpu_power_watts", None]
    assert figure["layout"]["meta"]["extend"] is False
    assert "difference -10 W" in made.text
    assert [s.name for s in made.whole] == ["GPU power", "a week ago", "difference"]


def test_each_of_several_has_its_own_past():
    now = [series([1, 1], gpu="0"), series([5, 5], gpu="1")]
    made = compared(now, [series([2, 2], gpu="1"), series([4, 4], gpu="0")])
    figure = checked(made)
    assert [t["name"] for t in figure["data"][:4]] == ["GPU 0", "GPU 1", "GPU 0 · a week ago", "GPU 1 · a week ago"]
    assert [t["y"] for t in figure["data"][4:]] == [[-3, -3], [3, 3]]


def test_one_gpu_is_compared_with_another():
    figure = checked(compared([series([7, 7], gpu="0")], [series([4, 5], gpu="1")], "", ("GPU 1",)))
    assert [t["name"] for t in figure["data"]] == ["GPU power", "GPU 1", "GPU power"]
    assert figure["data"][0]["line"]["color"] != figure["data"][1]["line"]["color"]
    assert figure["data"][2]["y"] == [3, 2]


def test_without_a_counterpart_there_is_no_difference_and_that_is_said():
    made = compared([series([1, 1], gpu="0")], [])
    assert "yaxis2" not in checked(made)["layout"]
    assert made.problem


def test_units_must_agree():
    shown = named([series([1])], "dark")
    assert drawing_compare.same_unit(shown, [series([2])])
    assert not drawing_compare.same_unit(shown, [series([2], unit="celsius")])
    assert not drawing_compare.same_unit([*shown, Shown(series([1], unit="rpm"), "", "")], [series([2])])
