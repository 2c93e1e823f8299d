"""Monitoring's callbacks on a real pipeline with a few ticks of this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from callbacks import charts, live, monitoring
from components import ids
from components.chartspecs import CHARTS
from metrics.series import Selection, Series, SeriesInfo
from metrics.status import SourceStatus
from tests.pages.site import Site

KEY = "cpu_usage_ratio"


@pytest.fixture
def asked(site: Site) -> Iterator[Site]:
    """A request of the site, for callbacks called as plain functions."""
    with site.server.test_request_context(headers={"Accept-Language": "en"}):
        yield site


def want(chart: str, **more: Any) -> dict[str, Any]:
    return {"chart": chart, "n": 7, "window": "5m", "start": None, "end": None, "theme": "dark", "points": 500} | more


def test_a_panel_gets_its_window_up_to_the_newest_tick(asked: Site):
    answer, panel = charts.load(want("memory"))
    assert panel is None
    assert (answer["chart"], answer["n"], answer["state"]) == ("memory", 7, "ok")
    assert answer["end"] == round(asked.vigie.latest.at * 1000)
    assert answer["end"] - answer["start"] == 300_000
    figure = answer["figure"]
    assert figure["layout"]["meta"]["series"][0] == "memory_used_bytes"
    assert len(figure["data"][0]["x"]) == 3
    assert "Used" in answer["text"]


def test_a_zoom_is_answered_as_it_was_asked(asked: Site):
    end = round(asked.vigie.latest.at * 1000)
    answer, _ = charts.load(want("memory", start=end - 1000, end=end))
    assert (answer["start"], answer["end"]) == (end - 1000, end)
    assert len(answer["figure"]["data"][0]["x"]) == 2


def test_a_window_narrower_than_what_is_kept_is_crossed_by_a_line(asked: Site, monkeypatch: pytest.MonkeyPatch):
    spans: list[float] = []

    class Minutes:
        """An archive that keeps a value a minute."""

        def select(self, matchers: list[str], start: float, end: float, points: int | None = None) -> Selection:
            spans.append(end - start)
            t = np.arange(np.ceil(start / 60) * 60, end, 60)
            info = SeriesInfo(KEY, (), "ratio", "gauge", "")
            found = [Series(info, (t * 1000).astype(np.int64), np.full(len(t), 0.5), 60.0)] if len(t) else []
            return Selection(found, 60.0, [])

    monkeypatch.setattr(asked.vigie, "query", Minutes())
    end = 1_700_000_030_000
    answer, panel = charts.load(want("cpu", start=end - 10_000, end=end))
    assert panel is None
    times = answer["figure"]["data"][0]["x"]
    assert times[0] < end - 10_000
    assert times[-1] > end
    assert (answer["start"], answer["end"]) == (end - 10_000, end)
    spans.clear()
    charts.load(want("cpu", start=end - 600_000, end=end))
    assert spans == [600]


@pytest.mark.parametrize("wrong", [
    None, [], "memory", {}, {"chart": "nothing"}, {"chart": "gpu-power:'"}, {"chart": 3},
])
def test_what_is_no_wish_is_not_answered(asked: Site, wrong: Any):
    assert charts.load(wrong) == (charts.no_update, charts.no_update)


@pytest.mark.parametrize("odd", [
    {"window": "1y"}, {"window": None}, {"points": -5}, {"points": 10**9}, {"points": "x"}, {"start": "x", "end": 1},
    {"start": 1.8e12, "end": float("inf")},
    {"start": 10**15, "end": 10**16}, {"start": 5, "end": 1}, {"theme": "pink"}, {"n": "1"},
])
def test_an_odd_wish_gets_the_usual_window(asked: Site, odd: dict[str, Any]):
    answer, _ = charts.load(want("memory", **odd))
    assert answer["end"] - answer["start"] == 300_000
    assert answer["figure"] is not None


def test_a_window_without_values_says_so_and_names_what_would_fill_it(asked: Site):
    answer, panel = charts.load(want("memory", start=1_600_000_000_000, end=1_600_000_060_000))
    assert answer["figure"] is None
    assert answer["state"] == "no_data"
    assert "memory_used_bytes" in answer["keys"]
    assert "Nothing recorded" in str(panel)


@pytest.mark.parametrize(("state", "expected"), [
    ("failed", "failed"), ("no_data", "no_data"), ("pending", "loading"), ("ok", "no_data"),
])
def test_no_data_failed_and_waiting_are_told_apart(asked: Site, monkeypatch, state: Any, expected: str):
    services = SimpleNamespace(
        latest=SimpleNamespace(at=time.time(), infos=list, value=lambda key: None, present=lambda names: []),
        query=SimpleNamespace(select=lambda *a: Selection([], 1.0, ["The database is away."])),
        sources=lambda: [SourceStatus("cpu", state, "it is so")],
    )
    monkeypatch.setattr(charts, "vigie", lambda: services)
    answer, panel = charts.load(want("cpu"))
    assert answer["state"] == expected
    assert answer["problem"] == "The database is away."
    if expected != "loading":
        assert f"state-{'no-data' if expected == 'no_data' else expected}" in panel.className


@pytest.mark.parametrize(("age", "expected"), [(1.0, "loading"), (60.0, "no_data")])
def test_a_rate_that_waits_for_its_second_reading_is_not_said_to_lack(
    asked: Site, monkeypatch, age: float, expected: str
):
    now = time.time()
    services = SimpleNamespace(
        latest=SimpleNamespace(at=now, infos=list, value=lambda key: None, present=lambda names: []),
        query=SimpleNamespace(select=lambda *a: Selection([], 1.0, [])),
        sources=lambda: [SourceStatus("cpu", "ok", since=now - age)],
    )
    monkeypatch.setattr(charts, "vigie", lambda: services)
    answer, _panel = charts.load(want("cpu"))
    assert answer["state"] == expected


def test_a_machine_without_swap_has_no_empty_chart(asked: Site, monkeypatch):
    monkeypatch.setattr(asked.vigie.latest, "value", lambda key: 0.0)
    answer, panel = charts.load(want("swap"))
    assert answer["figure"] is None
    assert panel is not None


def test_every_chart_of_the_system_is_answered(asked: Site):
    for spec in CHARTS.values():
        if spec.tab == "system":
            answer, panel = charts.load(want(spec.id, window="24h", theme="light"))
            assert (answer["figure"] is None) == (panel is not None), spec.id


def test_looking_at_the_processes_is_known_to_the_collector(asked: Site):
    assert asked.vigie.hub.listeners("processes") == 0
    rows, count = monitoring.processes(1)
    assert asked.vigie.hub.listeners("processes") == 1
    assert any(row["pid"] for row in rows)
    assert str(len(rows)) in count


def test_tabs_are_filled_when_opened(asked: Site):
    assert monitoring.fill_tab(None, {"tab": "gpu"}) is monitoring.no_update
    assert monitoring.fill_tab(1, {"tab": "attic"}) is monitoring.no_update
    for tab in ("system", "gpu", "processes"):
        assert monitoring.fill_tab(1, {"tab": tab}) is not monitoring.no_update


def test_nobody_reads_a_callback_without_signing_in(site: Site):
    outputs, inputs = [(ids.GPU_PROCESSES, "children")], [(ids.GPU_POLL, "n_intervals", 1)]
    client = site.signed_in()
    assert site.callback(client, outputs, inputs).status_code == 200
    client.delete_cookie(site.server.config["SESSION_COOKIE_NAME"])
    assert site.callback(client, outputs, inputs).status_code == 401


# -- polling in place of the socket


def test_polling_brings_the_newest_values_once(asked: Site):
    frame = live.poll(1, [KEY, "no_such_series"], None)
    assert frame["t"] == round(asked.vigie.latest.at * 1000)
    assert frame["keys"] == [KEY, "no_such_series"]
    assert frame["v"] == [asked.vigie.latest.value(KEY), None]
    assert live.poll(2, [KEY], frame) is live.no_update


def test_polling_brings_the_ticks_it_missed(asked: Site):
    newest = round(asked.vigie.latest.at * 1000)
    frame = live.poll(1, ["memory_used_bytes", "x y"], {"t": newest - 2000})
    assert [t for t, _ in frame["back"]] == [newest - 1000]
    assert frame["back"][0][1][0] > 0
    assert frame["back"][0][1][1] is None


@pytest.mark.parametrize("odd", [[1, None], "abc", [KEY] * 1000])
def test_polling_takes_only_keys_and_not_without_end(asked: Site, odd: Any):
    frame = live.poll(1, odd, {"t": "x"})
    assert len(frame["keys"]) <= live.MOST_KEYS
