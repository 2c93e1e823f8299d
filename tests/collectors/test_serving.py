"""The serving process, as it is collected."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from collectors.base import NoData
from collectors.serving import STARTING, Serving
from metrics import models as m
from metrics.models import LE
from tests.collectors.reading import NOW, read_keys

LANE = 'model="tiny",proxy="lmstudio",server="box"'


def counts(**cells: int) -> list[int]:
    """A histogram with so many in some buckets (``b3=2``: two in the fourth)."""
    return [cells.get(f"b{place}", 0) for place in range(len(LE))]


def status() -> dict[str, Any]:
    """What a serving process tells that has answered a request."""
    return {
        "boot": "a", "started": 1.0, "pid": 7, "upstreams": [],
        "proxies": [
            {"name": "lmstudio", "enabled": True, "host": "127.0.0.1", "port": 1234, "up": True, "healthy": False,
             "uptime": 5.0, "running": 1, "waiting": 0, "requests": 3, "errors": 1, "refused": 0, "gone": 0,
             "limited": 0, "received": 100, "sent": 200, "upstreams": ["box"]},
            {"name": "ollama", "enabled": False, "host": "127.0.0.1", "port": 11434, "up": False, "running": 0,
             "waiting": 0, "requests": 0, "errors": 0, "refused": 0, "gone": 0, "limited": 0, "received": 0, "sent": 0,
             "upstreams": []},
        ],
        "lanes": [{
            "proxy": "lmstudio", "server": "box", "engine": "llamacpp", "model": "tiny", "running": 1, "waiting": 2,
            "requests": 3, "timeouts": 0, "errors": {"connect": 1}, "finished": {"stop": 2},
            "phases": {"queue": 0.5, "prefill": 1.0, "decode": 2.0}, "tokens": {"prompt": 10, "cached": 0, "output": 5},
            "histograms": {"ttft": counts(b3=2), "prefill": counts(b1=1)},
            "sums": {"ttft": 0.0013, "prefill": 0.0004},
        }],
        "processes": [
            {"name": "own", "engine": "llamacpp", "state": "running", "memory": 1000, "cpu": 0.5, "responding": True},
            {"name": "off", "engine": "llamacpp", "state": "stopped"},
        ],
    }


def test_nothing_configured_is_no_data() -> None:
    with pytest.raises(NoData, match="No proxy is switched on"):
        list(Serving(status, lambda: False).collect(0.0))


def test_a_process_that_should_be_there_and_is_not_has_its_proxies_down() -> None:
    serving = Serving(lambda: None, lambda: True, lambda: ("lmstudio",))
    assert read_keys(serving) == {} and serving.snapshot()["starting"], "it has a while to start"
    assert read_keys(serving, NOW + STARTING) == {'proxy_up{proxy="lmstudio"}': 0.0}
    assert serving.snapshot()["answers"] is False and "starting" not in serving.snapshot()


def test_since_when_it_is_silent_is_told_by_who_heard_it_before() -> None:
    told: dict[str, Any] | None = None
    serving = Serving(lambda: told, lambda: True)
    read_keys(serving, NOW)
    assert "since" not in serving.snapshot()
    told = status()
    read_keys(serving, NOW + 1)
    told = None
    for later in (2, 3):
        read_keys(serving, NOW + later)
        assert serving.snapshot()["since"] == NOW + 2
    told = status()
    read_keys(serving, NOW + 4)
    assert serving.snapshot()["answers"] is True and "since" not in serving.snapshot()
    told = None
    read_keys(serving, NOW + 5)
    assert serving.snapshot()["since"] == NOW + 5


def test_counters_gauges_and_states_are_told_and_what_is_unknown_is_not() -> None:
    serving = Serving(status, lambda: True)
    found = read_keys(serving)
    assert found['proxy_up{proxy="lmstudio"}'] == 1
    assert found['proxy_healthy{proxy="lmstudio"}'] == 0
    assert found['proxy_requests_total{proxy="lmstudio"}'] == 3
    assert not any('proxy="ollama"' in key for key in found)
    assert found[f"model_requests_total{{{LANE}}}"] == 3
    assert found['model_request_errors_total{class="connect",' + LANE + "}"] == 1
    assert found['model_request_phase_seconds_total{' + LANE.replace("model", 'model', 1).replace(
        'proxy=', 'phase="decode",proxy=') + "}"] == 2
    assert f"model_cached_tokens_total{{{LANE}}}" not in found
    assert not any(key.startswith(("model_request_duration_p95", "model_decode_tokens")) for key in found)
    assert found['model_state{engine="llamacpp",model="own",server="own",state="running"}'] == 1
    assert found['model_up{engine="llamacpp",model="own",server="own"}'] == 1
    assert 'model_up{engine="llamacpp",model="off",server="off"}' not in found
    shown = serving.snapshot()
    assert [proxy["name"] for proxy in shown["proxies"]] == ["lmstudio"]
    assert not {"histograms", "sums"} & set(shown["lanes"][0])
    named = {"model": "tiny", "proxy": "lmstudio", "server": "box"}
    assert shown["histograms"] == [
        {"metric": "model_time_to_first_token_seconds", "labels": named, "counts": counts(b3=2), "sum": 0.0013},
    ]


def test_what_is_counted_before_its_first_look_is_in_the_rate_of_the_next() -> None:
    told = status()
    serving = Serving(lambda: told, lambda: True)
    timeouts = f"model_request_timeouts_total{{{LANE.replace('tiny', 'new')}}}"
    read_keys(serving)
    told = copy.deepcopy(told)
    told["lanes"].append({**copy.deepcopy(told["lanes"][0]), "model": "new", "timeouts": 2, "histograms": {}})
    assert read_keys(serving)[timeouts] == 0
    assert read_keys(serving)[timeouts] == 2
    told = {**copy.deepcopy(told), "boot": "b"}
    assert read_keys(serving)[timeouts] == 0, "another process began to count anew"
    assert read_keys(serving)[timeouts] == 2


def test_a_histogram_tells_what_a_tick_added_and_begins_anew_with_another_process() -> None:
    told = status()
    serving = Serving(lambda: told, lambda: True)

    def ttft() -> dict[str, float]:
        samples = [one for one in serving.collect(NOW) if one.metric is m.TTFT]
        return {dict(one.labels)["le"]: one.value for one in samples}

    assert ttft() == {}  # what was counted before Vigie looked happened whenever
    told = copy.deepcopy(told)
    told["lanes"][0]["histograms"]["ttft"] = counts(b3=5, b4=1)
    assert ttft() == {LE[3]: 3, LE[4]: 1}
    assert ttft() == {}
    told = copy.deepcopy(told)
    told["boot"], told["lanes"][0]["histograms"]["ttft"] = "b", counts(b3=2)
    assert ttft() == {LE[3]: 2}


def test_what_a_process_counted_that_began_under_our_eyes_is_news_at_the_first_answer() -> None:
    told: dict[str, Any] | None = None
    serving = Serving(lambda: told, lambda: True)
    assert read_keys(serving) == {}
    told = {**status(), "started": NOW + 1}
    found = read_keys(serving, NOW + 5)
    key = f'model_time_to_first_token_seconds{{le="{LE[3]}",{LANE}}}'
    assert found[key] == 2
    assert found[f"model_requests_total{{{LANE}}}"] == 0
    assert read_keys(serving, NOW + 6)[f"model_requests_total{{{LANE}}}"] == 3
