"""What drawings answer: from a store of an hour of raw samples, minutes before, and counters kept as rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from callbacks import charts, drawings
from components.drawings import parse, spec_of
from metrics.series import Selection, Series, SeriesInfo
from storage.selector import Catalogue
from tests.pages.site import Site

NOW = 1_800_000_000.0
WORK = {
    f'core_ratio{{core="{i}"}}': SeriesInfo("core_ratio", (("core", str(i)),), "ratio", "gauge", "") for i in range(4)
} | {
    i.key: i for i in (
        SeriesInfo("power_watts", (("gpu", "0"),), "watts", "gauge", "Power drawn"),
        SeriesInfo("power_watts", (("gpu", "1"),), "watts", "gauge", "Power drawn"),
        SeriesInfo("read_bytes_per_second", (("device", "a"),), "bytes_per_second", "gauge", "Bytes read"),
        SeriesInfo("busy_ratio", (), "ratio", "gauge", "Busy"),
        SeriesInfo("gone_ratio", (), "ratio", "gauge", "Gone"),
        *(SeriesInfo("wait_bucket", (("le", le),), "", "gauge", "Waits") for le in ("0.1", "1", "+Inf")),
        *(SeriesInfo("lag_bucket", (("le", le),), "", "gauge", "Lags") for le in ("7.5", "10")),
    )
}


class Store:
    """Every second of the newest hour, every minute before; the value is the place of the series, and a wave."""

    def __init__(self) -> None:
        self._catalogue, self._series = Catalogue(), dict(enumerate(WORK.values()))

    def series(self, matchers: Sequence[str] | None = None) -> list[SeriesInfo]:
        return self._catalogue.match(matchers, self._series)

    def select(self, matchers: Sequence[str], start: float, end: float, points: int | None = None) -> Selection:
        step = 1 if start >= NOW - 3660 else 60
        t = np.arange(np.ceil(start / step), np.floor(end / step) + 1, dtype=np.int64) * step
        found = []
        for info in self.series(matchers):
            if info.name == "gone_ratio" or info.label("le") == "7.5":
                continue
            place = list(WORK).index(info.key)
            value = (place + np.sin(t / 40)).astype(np.float32)
            band = (value - 1, value + 1) if step == 60 else (None, None)
            found.append(Series(info, t * 1000, value, float(step), *band))
        return Selection(found, float(step))


@pytest.fixture
def services(site: Site) -> Iterator[Any]:
    with site.server.test_request_context(headers={"Accept-Language": "en"}):
        yield SimpleNamespace(query=Store())


def drawn(services: Any, text: str, seconds: float = 300, **more: Any) -> tuple[dict[str, Any], Any]:
    drawing = parse(text)
    want = charts.Want(spec_of(drawing), 1, NOW - seconds, NOW, 500, "dark", drawing, **more)
    return drawings.draw(services, want, drawing, {"state": "ok", "figure": None, "problem": ""})


def test_a_selector_is_drawn_and_goes_on_live(services: Any):
    answer, panel = drawn(services, "power_watts")
    assert panel is None
    assert answer["problem"] == ""
    assert answer["figure"]["layout"]["meta"]["series"] == ['power_watts{gpu="0"}', 'power_watts{gpu="1"}']
    assert answer["text"].startswith("GPU 0 ")


@pytest.mark.parametrize("text", [
    "core_ratio!mean", "core_ratio!p95", "core_ratio!max=core", "power_watts!rate", "power_watts!before",
    "power_watts{gpu=0}!vs=power_watts{gpu=1}", "core_ratio!sum!day", "power_watts!bars", "power_watts!heat",
    "power_watts!hist", "power_watts!hours", "wait_bucket!buckets", "power_watts,busy_ratio",
])
def test_everything_else_is_asked_for_anew_and_is_said_in_words(services: Any, text: str):
    answer, panel = drawn(services, text)
    assert panel is None, panel
    meta = answer["figure"]["layout"]["meta"]
    assert meta["extend"] is False
    assert not any(meta["series"])
    assert answer["text"]


@pytest.mark.parametrize("text", ["power_watts", "power_watts!area"])
def test_a_plain_drawing_is_cheap_to_follow(services: Any, text: str):
    answer, _ = drawn(services, text)
    assert answer["figure"]["layout"]["meta"]["extend"] is True


def test_an_aggregate_is_of_all_values_and_its_extremes_stay(services: Any):
    answer, _ = drawn(services, "core_ratio!mean", 3600)
    (trace,) = answer["figure"]["data"]
    assert trace["name"] == "mean"
    assert len(trace["x"]) < 600
    assert max(trace["y"]) == pytest.approx(250, abs=0.1)
    answer, _ = drawn(services, "core_ratio!mean", 3600, stats=True)
    (row,) = answer["stats"]
    assert row["count"] == 3601
    assert row["exact"]


def test_a_lone_group_is_called_by_its_metric_and_not_sum(services: Any):
    answer, _ = drawn(services, "power_watts{gpu=0}!sum=gpu")
    (trace,) = answer["figure"]["data"]
    assert trace["name"] == "Power drawn"


def test_percentiles_have_names_and_statistics_of_their_own(services: Any):
    answer, _ = drawn(services, "wait_bucket!quantiles", stats=True)
    assert [row["name"] for row in answer["stats"]] == ["p50", "p95", "p99"]
    assert all(answer["figure"]["layout"]["meta"]["keys"])


@pytest.mark.parametrize("kind", ["quantiles", "buckets"])
def test_a_bucket_without_a_value_bounds_the_next(services: Any, kind: str):
    answer, _ = drawn(services, f"lag_bucket!{kind}")
    assert "p50 8.75 s" in answer["text"]


def test_a_counters_total_is_drawn_as_its_rate_and_that_is_said(services: Any):
    plain, _ = drawn(services, "read_bytes_total")
    assert "its rate is shown" in plain["problem"]
    asked, _ = drawn(services, "read_bytes_total!rate")
    assert asked["problem"] == ""
    for answer in (plain, asked):
        assert answer["figure"]["layout"]["meta"]["series"] == ['read_bytes_per_second{device="a"}']
    busy, _ = drawn(services, "busy_seconds_total!mean")
    assert busy["figure"]["layout"]["meta"]["unit"] == "ratio"


def test_the_rate_of_a_gauge_is_its_slope(services: Any):
    answer, _ = drawn(services, "power_watts!rate", 600)
    low, high = answer["figure"]["layout"]["yaxis"]["range"]
    assert low < 0 < high
    assert answer["figure"]["data"][0]["y"][5] == pytest.approx(
        np.diff(np.sin(np.array([NOW - 600, NOW - 599]) / 40))[0], abs=0.03)


def test_yesterday_lies_under_today(services: Any):
    answer, _ = drawn(services, "power_watts{gpu=0}!day")
    assert [t["name"] for t in answer["figure"]["data"]] == ["Power drawn", "a day ago", "Power drawn"]
    start, end = (NOW - 300) * 1000, NOW * 1000
    for trace in answer["figure"]["data"]:
        assert start - 60_000 <= trace["x"][0]
        assert trace["x"][-1] <= end


def test_nothing_to_compare_with_is_said(services: Any):
    answer, _ = drawn(services, "power_watts{gpu=0}!vs=gone_ratio")
    assert "Nothing to compare with" in answer["problem"]
    assert len(answer["figure"]["data"]) == 1


@pytest.mark.parametrize(("text", "state", "words"), [
    ('power_watts{gpu=~"("}', "failed", "not a regular expression"),
    ("power_watts{gpu", "failed", "Not a selector"),
    ("no_such_thing", "no_data", "No such series"),
    ("gone_ratio", "no_data", "Nothing recorded"),
    ("power_watts,busy_ratio!area", "failed", "Several units"),
    ("power_watts!vs=busy_ratio", "failed", "one unit can be compared"),
    ("power_watts!hist!week", "failed", "drawn as lines"),
    ("power_watts!buckets", "failed", "no label le"),
])
def test_what_cannot_be_drawn_says_why_and_what_to_do(services: Any, text: str, state: str, words: str):
    answer, panel = drawn(services, text)
    assert answer["figure"] is None
    assert answer["state"] == state
    assert words in str(panel)
    assert len(panel.children[1].children) >= 3  # a title, why, and what to do


# -- statistics


def test_statistics_are_of_exactly_the_window_and_from_all_values(services: Any):
    answer, _ = drawn(services, "power_watts", 3600, stats=True)
    assert [r["name"] for r in answer["stats"]] == ["GPU 0", "GPU 1"]
    place = list(WORK).index('power_watts{gpu="0"}')
    wave = place + np.sin(np.arange(NOW - 3600, NOW + 1) / 40)
    expected = [wave.min(), wave.mean(), wave.max(), *np.percentile(wave, (50, 95, 99)), wave[-1]]
    assert answer["stats"][0]["raw"] == pytest.approx(expected, rel=1e-5)
    assert answer["stats"][0]["colour"].startswith("#")
    assert answer["stats"][0]["unit"] == "W"
    assert len(answer["stats_head"]) == len(answer["stats"][0]["cells"]) == 7
    assert answer["stats_note"] == "From all 7,202 values in sight."


def test_statistics_of_rollups_say_what_they_are(services: Any):
    answer, _ = drawn(services, "power_watts", 86_400, stats=True)
    assert not answer["stats"][0]["exact"]
    assert "1 min" in answer["stats_note"]


def test_a_comparison_has_rows_for_both_and_the_difference(services: Any):
    answer, _ = drawn(services, "power_watts{gpu=0}!before", stats=True)
    assert [r["name"] for r in answer["stats"]] == ["Power drawn", "before", "difference"]


def test_bytes_have_their_unit_in_each_cell(services: Any):
    answer, _ = drawn(services, "read_bytes_total", stats=True)
    assert answer["stats"][0]["unit"] == ""
    assert answer["stats"][0]["cells"][0].endswith("B/s")


def test_vigies_own_charts_have_statistics_too_alone_or_with_the_figure(site: Site):
    with site.server.test_request_context(headers={"Accept-Language": "en"}):
        asked = {"chart": "memory", "n": 3, "window": "5m", "theme": "dark", "points": 500, "stats": True}
        answer, _ = charts.load(asked)
        assert [r["name"] for r in answer["stats"]][:1] == ["Used"]
        assert answer["figure"] is not None
        alone, panel = charts.load(asked | {"only": "stats"})
        assert alone["figure"] is None
        assert alone["only"] == "stats"
        assert alone["stats"][0]["cells"] == answer["stats"][0]["cells"]
        assert panel is charts.no_update
        without, _ = charts.load(asked | {"stats": False})
        assert "stats" not in without
        drawing, _ = charts.load(asked | {"chart": "q:memory_used_bytes", "only": "stats"})
        assert drawing["figure"] is None
        assert drawing["stats"]
