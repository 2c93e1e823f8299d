"""Figures: gaps, units, order, keys for the script; all from series alone."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from components import charts, theme
from components.chartspecs import CHARTS, find, fitting
from metrics.metric import labels
from metrics.series import Series, SeriesInfo

pytestmark = pytest.mark.usefixtures("english")
START = 1_767_225_600.0
NAN = float("nan")


def series(name: str, unit: str, values: list[float], step: float = 1.0, low=None, high=None, **pairs: str) -> Series:
    info = SeriesInfo(name, labels(pairs), unit, "gauge", "help")
    t = ((START + step * np.arange(len(values))) * 1000).astype(np.int64)
    as_array = lambda v: None if v is None else np.asarray(v, np.float32)  # noqa: E731
    return Series(info, t, np.asarray(values, np.float32), step, as_array(low), as_array(high))


def draw(chart: str, found: list[Series], **more):
    spec = find(chart)
    assert spec is not None
    figure = charts.draw(spec, found, START, START + 60, **more)
    go.Figure(figure)  # plotly itself finds nothing wrong with it
    json.dumps(figure, allow_nan=False)
    return figure


def test_a_gap_stays_a_gap_and_data_are_lists_in_epoch_milliseconds():
    figure = draw("cpu", [series("cpu_usage_ratio", "ratio", [0.1, NAN, 0.3])])
    trace = figure["data"][0]
    assert trace["y"] == [10.0, None, 30.0]
    assert trace["x"] == [1767225600000, 1767225601000, 1767225602000]
    assert trace["connectgaps"] is False
    assert all(isinstance(x, int) for x in trace["x"])


def test_a_ratio_is_drawn_in_percent_of_a_fixed_axis():
    layout = draw("cpu", [series("cpu_usage_ratio", "ratio", [0.5])])["layout"]
    assert layout["yaxis"]["range"] == [0, 100]
    assert layout["yaxis"]["ticksuffix"] == " %"
    assert layout["meta"]["scale"] == 100


@pytest.mark.parametrize(("top", "suffix", "drawn"), [
    (100.0, " B/s", 100.0), (2048.0, " KiB/s", 2.0), (3 * 2**20, " MiB/s", 3.0), (5 * 2**30, " GiB/s", 5.0),
])
def test_throughput_has_the_unit_that_suits_its_height(top: float, suffix: str, drawn: float):
    figure = draw("disk-throughput", [series("disk_read_bytes_per_second", "bytes_per_second", [0.0, top], device="a")])
    assert figure["layout"]["yaxis"]["ticksuffix"] == suffix
    assert figure["data"][0]["y"] == [0.0, drawn]
    assert [factor for factor, _ in figure["layout"]["meta"]["scales"]] == [1 / 1024**i for i in range(5)]


def test_an_axis_speaks_the_viewers_language(french: None):
    figure = draw("fans", [series("sensor_fan_rpm", "rpm", [900.0, 1200.0], chip="a", sensor="1")])
    assert figure["layout"]["yaxis"]["ticksuffix"] == " tr/min"


def test_the_script_is_told_the_key_of_each_trace():
    found = [series("cpu_core_usage_ratio", "ratio", [0.1], core=str(c)) for c in (10, 2)]
    figure = draw("cpu", [*found, series("cpu_usage_ratio", "ratio", [0.1])])
    assert figure["layout"]["meta"]["series"] == [
        "cpu_usage_ratio", 'cpu_core_usage_ratio{core="2"}', 'cpu_core_usage_ratio{core="10"}',
    ]
    assert [t["name"] for t in figure["data"]] == ["All cores", "Core 2", "Core 10"]
    assert figure["data"][0]["line"]["width"] > figure["data"][1]["line"]["width"]


def test_a_single_rollup_has_a_band_from_low_to_high_that_no_live_value_extends():
    one = series("gpu_usage_ratio", "ratio", [0.5, 0.5], 60, [0.1, 0.2], [0.9, 0.8], gpu="0")
    figure = draw("gpu-use:0", [one])
    assert [t["y"] for t in figure["data"]] == [[10.0, 20.0], [90.0, 80.0], [50.0, 50.0]]
    assert figure["layout"]["meta"]["series"] == [None, None, 'gpu_usage_ratio{gpu="0"}']
    assert figure["data"][1]["fill"] == "tonexty"


def test_many_lines_have_no_bands():
    found = [series("gpu_usage_ratio", "ratio", [0.5], 60, [0.1], [0.9], gpu=g) for g in "01"]
    assert len(draw("gpus-use", found)["data"]) == 2


def test_a_limit_is_a_dotted_line_and_leaves_the_band_alone():
    found = [
        series("gpu_power_watts", "watts", [100.0], 60, [90.0], [110.0], gpu="0"),
        series("gpu_power_limit_watts", "watts", [300.0], 60, [300.0], [300.0], gpu="0"),
    ]
    figure = draw("gpu-power:0", found)
    assert len(figure["data"]) == 4
    assert figure["data"][-1]["line"]["dash"] == "dot"


def test_areas_lie_in_the_order_of_the_chart_and_end_with_their_sum():
    names = ("memory_free_bytes", "memory_used_bytes", "memory_cached_bytes", "memory_buffers_bytes")
    figure = draw("memory", [series(n, "bytes", [2**30 * (i + 1)]) for i, n in enumerate(names)])
    assert [t["name"] for t in figure["data"]] == ["Used", "Buffers", "Cached", "Free", ""]
    assert figure["data"][-1]["y"] == [10.0]
    assert "stackgroup" not in figure["data"][-1]
    assert figure["layout"]["yaxis"]["ticksuffix"] == " GiB"
    assert figure["layout"]["meta"]["series"][-1] is None


def test_nothing_is_filled_across_a_gap():
    both = [[1.0, NAN, NAN, 3.0], [2.0, NAN, NAN, 4.0]]
    figure = draw("network", [
        series("network_all_receive_bytes_per_second", "bytes_per_second", both[0]),
        series("network_all_transmit_bytes_per_second", "bytes_per_second", both[1]),
    ])
    below, _above, rim = figure["data"]
    assert below["y"] == [1.0, 0.0, 0.0, 3.0]
    assert below["x"] == [1767225600000, 1767225600001, 1767225602999, 1767225603000]
    assert below["hovertemplate"][1] == "–"
    assert below["hovertemplate"][0] != "–"
    assert rim["y"] == [3.0, None, None, 7.0]


def test_a_heatmap_has_a_row_for_each_core_and_the_mean_of_each_piece():
    found = [series("cpu_core_usage_ratio", "ratio", [0.2, 0.4, NAN, NAN], core=str(c)) for c in range(3)]
    spec = CHARTS["cpu-cores"]
    figure = charts.heatmap(spec, found, START, START + 3, columns=2)
    trace = figure["data"][0]
    assert trace["y"] == ["Core 0", "Core 1", "Core 2"]
    assert trace["z"][0] == [30.0, None]
    assert figure["layout"]["meta"]["step"] == 2


def test_a_strip_shows_that_it_happened_at_all():
    found = [series("gpu_throttled", "", [0.0, 1.0, 0.0, 0.0], gpu="0", reason="power_cap")]
    spec = find("gpu-throttled:0")
    assert spec is not None
    figure = charts.heatmap(spec, found, START, START + 3, columns=2)
    assert figure["data"][0]["z"] == [[1.0, 0.0]]
    assert figure["data"][0]["y"] == ["Power limit"]


def test_bars_are_fullest_first_and_coloured_by_their_state():
    spec = CHARTS["volumes"]
    infos = [SeriesInfo("disk_volume_used_ratio", labels(mount=m), "ratio", "gauge", "") for m in ("/", "/a<b>", "/c")]
    figure = charts.bars(
        spec, list(zip(infos, (0.2, 0.97, 0.88), strict=True)), {"/": (2**30, 5 * 2**30)}, (0.85, 0.95),
    )
    go.Figure(figure)
    used, rest = figure["data"]
    assert used["x"] == [97.0, 88.0, 20.0]
    assert [a + b for a, b in zip(used["x"], rest["x"], strict=True)] == [100.0] * 3
    colours = theme.TOKENS["dark"]
    assert used["marker"]["color"] == [colours["critical"], colours["warning"], colours["accent"]]
    words = [note["text"] for note in figure["layout"]["annotations"]]
    assert words[0] == "/a&lt;b&gt;"
    assert words[-1] == "20 % · 1.0 GiB / 5.0 GiB"


def test_every_chart_is_drawn_in_both_themes_without_a_series():
    for spec in CHARTS.values():
        if spec.kind == "bars":
            continue
        for look in theme.THEMES:
            figure = charts.draw(spec, [], START, START + 60, look)
            assert figure["layout"]["meta"]["chart"] == spec.id
            json.dumps(figure)


def test_there_is_room_for_the_thousands_a_fan_turns():
    assert draw("fans", [])["layout"]["margin"]["l"] >= draw("load", [])["layout"]["margin"]["l"] + 14


def test_there_is_room_for_the_name_of_every_core():
    left = [
        draw("cpu-cores", [series("cpu_core_usage_ratio", "ratio", [0.5], core=core)])["layout"]["margin"]["l"]
        for core in ("1", "127")
    ]
    assert left[1] == left[0] + 14


def test_no_chart_offers_a_cloud_or_moves_on_a_wide_label():
    layout = draw("cpu", [])["layout"]
    assert layout["hovermode"] == "x unified"
    assert layout["yaxis"]["fixedrange"] is True
    assert layout["yaxis"]["automargin"] is False


def test_the_summary_says_the_newest_values_and_of_many_the_highest():
    spec = CHARTS["cpu-cores"]
    infos = [SeriesInfo("cpu_core_usage_ratio", labels(core=str(c)), "ratio", "gauge", "") for c in range(20)]
    words = charts.summary(spec, [(info, i / 100) for i, info in enumerate(infos)], most=2)
    assert words == "Core 19 19 %, Core 18 18 %"


def test_with_many_cores_the_cpu_chart_shows_modes():
    infos = [SeriesInfo("cpu_core_usage_ratio", labels(core=str(c)), "ratio", "gauge", "") for c in range(9)]
    assert fitting(CHARTS["cpu"], infos[:8]) is CHARTS["cpu"]
    many = fitting(CHARTS["cpu"], infos)
    assert [line.name for line in many.lines] == ["cpu_usage_ratio"] + ["cpu_mode_ratio"] * 3
    assert len({line.colour for line in many.lines}) == 4
