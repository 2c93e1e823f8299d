"""The first screen: what it says in each situation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from components import overview, vitals
from components.markup import to_html
from config.limits import HealthLimits
from live.events import Event
from live.summary import Summary, spark_points, summarise
from metrics.metric import labels
from metrics.series import SeriesInfo
from metrics.status import PartStatus, SourceStatus
from storage.latest import Latest

pytestmark = pytest.mark.usefixtures("english")
NOW = 1_767_225_600.0


class Happened:
    """Events, newest first."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.all = list(events)

    def recent(self, limit: int = 20, start: float = 0.0, end: float | None = None) -> list[Event]:
        return self.all[:limit]


def key(name: str, unit: str = "ratio", every: float = 1.0, **pairs: str) -> SeriesInfo:
    return SeriesInfo(name, labels(pairs), unit, "gauge", "help", every)


BASE = {
    key("cpu_usage_ratio"): 0.2,
    key("memory_used_ratio"): 0.4,
    key("memory_used_bytes", "bytes"): 4 * 2**30,
    key("memory_total_bytes", "bytes"): 10 * 2**30,
    key("cpu_cores", ""): 8,
    key("cpu_load1", ""): 1.5,
    key("network_all_receive_bytes_per_second", "bytes_per_second"): 2048.0,
    key("network_all_transmit_bytes_per_second", "bytes_per_second"): 1024.0,
    key("disk_volume_used_ratio", mount="/"): 0.5,
    key("disk_volume_used_ratio", mount="/srv"): 0.7,
    key("disk_volume_used_bytes", "bytes", mount="/srv"): 70 * 2**30,
    key("disk_volume_total_bytes", "bytes", mount="/srv"): 100 * 2**30,
}


def gpu(index: str, **more: float) -> dict[SeriesInfo, float]:
    values = {"gpu_usage_ratio": 0.5, "gpu_memory_used_ratio": 0.5, "gpu_memory_used_bytes": 40 * 2**30,
              "gpu_memory_total_bytes": 80 * 2**30, "gpu_temperature_celsius": 60.0, "gpu_power_watts": 300.0, **more}
    units = {"gpu_temperature_celsius": "celsius", "gpu_power_watts": "watts"}
    return {key(n, units.get(n, "bytes" if "bytes" in n else "ratio"), gpu=index): v for n, v in values.items()}


def summary(
    values: dict[SeriesInfo, float] | None = None,
    *,
    sources: Iterable[SourceStatus] = (),
    parts: Iterable[PartStatus] = (),
    events: Iterable[Event] = (),
    snapshots: dict[str, Any] | None = None,
    at: float = NOW,
) -> Summary:
    latest = Latest(HealthLimits())
    if values is None or values:
        latest.update(
            at, [(info, info.key, value) for info, value in {**BASE, **(values or {})}.items()], snapshots or {}
        )
    return summarise(latest, list(sources), list(parts), Happened(events), HealthLimits())


def said(found: Summary, now: float = NOW) -> tuple[str, list[str]]:
    css, sentence, more = overview.headline(found, now)
    return css, [sentence, *more]


def test_all_is_well():
    assert said(summary()) == ("is-ok", ["All is well."])


def test_before_the_first_tick_it_waits():
    assert said(summary({}))[0] == "is-plain"
    assert "state-loading" in to_html(vitals.gauge_cards(summary({}), {}))


def test_a_full_disk_is_told_at_once_with_its_limit():
    css, words = said(summary({key("disk_volume_used_ratio", mount="/srv"): 0.97}))
    assert css == "is-critical"
    assert words == ["Use of /srv is at 97 %, beyond the critical limit of 95 %."]


def test_a_busy_second_is_no_alarm_but_a_busy_while_is():
    busy = {key("cpu_usage_ratio"): 0.99}
    changed = Event(NOW - 60, "health_changed", "error", {"health": "CRITICAL", "metric": "cpu_usage_ratio"})
    assert said(summary(busy)) == ("is-ok", ["All is well."])
    assert said(summary(busy, events=[changed]))[1] == ["CPU use is at 99 %, beyond the critical limit of 95 %."]
    assert "in this state since 31 Dec 23:59" in to_html(
        overview.state_panel(summary(busy, events=[changed]), NOW + 60)
    )
    over = Event(NOW - 30, "health_changed", "info", {"health": "OK"})
    assert said(summary(busy, events=[over, changed]))[0] == "is-ok"


def test_a_failed_source_and_a_store_away_are_told_and_worst_comes_first():
    css, words = said(
        summary(
            gpu("0", gpu_temperature_celsius=95.0),
            sources=[SourceStatus("disk", "failed", "Permission denied.", since=NOW - 5)],
            parts=[PartStatus("ring", True), PartStatus("archive", False, "The archive is read-only.")],
        )
    )
    assert css == "is-critical"
    assert words == [
        "Temperature of GPU 0 is at 95 °C, beyond the critical limit of 92 °C.",
        "Disks failed: Permission denied.",
        "The archive is read-only.",
    ]
    assert said(summary(sources=[SourceStatus("disk", "failed", "x")]))[0] == "is-warning"


def test_missing_hardware_is_calm():
    found = summary(
        sources=[
            SourceStatus("nvidia", "no_data", "No NVIDIA driver here."),
            SourceStatus("sensors", "no_data", "None."),
        ]
    )
    assert said(found)[0] == "is-ok"
    drawn = to_html(vitals.gauge_cards(found, {}))
    assert "No GPU here" in drawn
    assert "No NVIDIA driver here." in drawn
    assert "state-failed" not in drawn


def test_a_gpu_that_stopped_answering_is_not_a_missing_one():
    drawn = to_html(vitals.gauge_cards(summary(sources=[SourceStatus("nvidia", "failed", "The driver hangs.")]), {}))
    assert "The GPUs do not answer" in drawn
    assert "The driver hangs." in drawn


@pytest.mark.parametrize(("state", "words"), [
    ("failed", "Not readable now"), ("no_data", "No temperature here"), ("pending", "Loading"),
])
def test_a_gauge_without_a_value_says_which_kind_of_nothing_it_is(state: Any, words: str):
    found = summary(sources=[SourceStatus("sensors", state, "It says why.")])
    assert words in to_html(vitals.gauge_cards(found, {}))
    assert vitals.signature(found) != vitals.signature(summary(sources=[SourceStatus("sensors", "ok")]))


def test_values_that_stopped_are_old_and_not_all_well():
    css, words = said(summary(), now=NOW + 60)
    assert css == "is-critical"
    assert words[0] == "No new values since 00:00."


def test_the_fullest_volume_and_every_gpu_are_shown():
    snapshot = {
        "nvidia": {
            "gpus": [{"gpu": "0", "name": "H100 <a>", "processes": [{"pid": 7, "name": "", "memory_bytes": 2**30}]}]
        },
        "processes": {"rows": [{"pid": 7, "name": "vllm", "cpu_ratio": 1.5, "memory_bytes": 2**30}], "total": 1},
    }
    found = summary({**gpu("0"), **gpu("10"), **gpu("2")}, snapshots=snapshot)
    assert found.volume.label("mount") == "/srv"
    assert [one.index for one in found.gpus] == ["0", "2", "10"]
    assert found.on_gpu[0]["name"] == "vllm"
    drawn = to_html(vitals.gauge_cards(found, {}))
    assert "H100 &lt;a&gt;" in drawn
    assert "70.0 GiB of 100 GiB" in re_space(drawn)
    assert "GPU memory" in to_html(overview.busy_panel(found))


def re_space(html: str) -> str:
    import re

    return re.sub(r"<[^>]+>", "", html)


def test_a_panel_is_drawn_anew_only_when_it_shows_something_else():
    same = overview.signatures(summary(), NOW)
    assert overview.signatures(summary({key("cpu_usage_ratio"): 0.9}), NOW + 5) == same
    for changed, panel in (
        (summary(gpu("0")), "gauges"),
        (summary({key("disk_volume_used_ratio", mount="/"): 0.9}), "gauges"),
        (summary(sources=[SourceStatus("disk", "failed", "x")]), "sources"),
        (summary(events=[Event(NOW, "started")]), "events"),
    ):
        assert {name for name, now in overview.signatures(changed, NOW).items() if now != same[name]} == {panel}
    assert overview.signatures(summary(), NOW + 86400)["day"] != same["day"]


@pytest.mark.parametrize(("shown", "columns"), [(4, 4), (6, 6), (7, 4), (8, 4), (10, 5), (12, 6), (13, 5)])
def test_no_card_is_left_alone_when_it_can_be_helped(shown: int, columns: int):
    assert vitals.columns(shown) == columns


def test_a_model_that_was_not_loaded_is_an_event_in_words():
    failed = Event(NOW, "model_load_failed", "error", {"model": "qwen", "error": "no memory"})
    assert "qwen was not loaded: no memory" in to_html(overview.events_panel(summary(events=[failed]), NOW))


def test_every_kind_of_event_has_words():
    kinds = {
        "started": {},
        "stopped": {},
        "source_failed": {"source": "disk", "error": "x"},
        "source_ok": {"source": "disk"},
        "store_away": {"part": "archive", "error": "x"},
        "store_back": {"part": "archive"},
        "login_blocked": {"address": "192.0.2.1"},
        "health_changed": {
            "health": "WARNING",
            "metric": "disk_volume_used_ratio",
            "value": "91",
            "limit": "85",
            "mount": "/",
        },
    }
    drawn = to_html(overview.events_panel(summary(events=[Event(NOW, k, "info", p) for k, p in kinds.items()]), NOW))
    assert not [kind for kind in kinds if f">{kind}<" in drawn]
    assert "Use of / reached 91 % (limit 85 %)." in drawn
    assert "Nothing happened yet" in to_html(overview.events_panel(summary(), NOW))


def test_events_with_odd_params_still_have_words():
    odd = [
        Event(NOW, "health_changed", "error", {"health": "CRITICAL"}),
        Event(NOW, "source_failed", "error", {}),
        Event(NOW, "new", "info", {}),
    ]
    assert "The state turned critical." in to_html(overview.events_panel(summary(events=odd), NOW))


def test_points_are_seconds_ago_and_gaps_stay_gaps():
    import numpy as np

    from metrics.series import Series

    t = np.array([NOW - 400, NOW - 2, NOW - 1, NOW]) * 1000
    series = Series(key("cpu_usage_ratio"), t.astype(np.int64), np.array([1, 0.5, np.nan, 0.25], np.float32), 1.0)
    assert spark_points([series], NOW) == {"cpu_usage_ratio": [[2.0, 0.5], [1.0, None], [0.0, 0.25]]}


def test_what_stands_there_while_the_page_hears_nothing_is_in_it_from_the_start():
    drawn = to_html(overview.away_panel())
    assert "No connection to Vigie." in drawn
    assert 'role="status"' in drawn
