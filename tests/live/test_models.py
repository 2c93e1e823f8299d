"""Models joined out of what engines, processes and proxies tell."""

from __future__ import annotations

from typing import Any

import pytest

from live.models import here, rows, servers
from metrics import models as m
from metrics.metric import Metric, labels, rate_of
from metrics.series import SeriesInfo

Told = tuple[SeriesInfo, float]


def told(metric: Metric, value: float, **pairs: str) -> Told:
    given = {"server": "box", "model": "m", **pairs}
    return SeriesInfo(metric.name, labels(given), metric.unit, metric.kind, metric.help), value


def engines(*models: dict[str, Any], **server: Any) -> dict[str, Any]:
    return {"servers": [{"name": "box", "engine": "llamacpp", "url": "http://127.0.0.1:1", "state": "ok",
                         "found": "configured", "models": list(models), **server}]}


def test_a_proxy_knows_better_what_passed_and_an_engine_what_waits() -> None:
    present = [
        told(m.LIVE_TOKENS, 40, engine="llamacpp"), told(m.LIVE_TOKENS, 42, proxy="lmstudio"),
        told(m.LIVE_TOKENS, 8, proxy="ollama"), told(m.WAITING, 3, engine="llamacpp"),
        told(m.WAITING, 1, proxy="lmstudio"), told(m.P95, 2.5, proxy="lmstudio"), told(m.P95, 3.5, proxy="ollama"),
    ]
    row, = rows(engines({"name": "m", "state": "running"}), {}, present)
    assert row.value("tokens_per_second") == 50 and row.readings["tokens_per_second"].how == "proxy"
    assert row.value("waiting") == 3 and row.readings["waiting"].how == "engine gauge"
    assert row.value("p95") == 3.5 and row.value("error_ratio") is None
    assert row.traffic


def test_without_a_proxy_the_engines_counters_tell() -> None:
    row, = rows(engines({"name": "m", "state": "running"}), {}, [told(rate_of(m.OUTPUT_TOKENS), 12, engine="vllm")])
    assert row.readings["tokens_per_second"].how == "engine counter"


def test_p95_and_errors_are_the_engines_where_no_proxy_tells_them() -> None:
    present = [told(m.P95, 4.0, engine="vllm"), told(m.ERROR_RATIO, 0.1, engine="vllm")]
    row, = rows(engines({"name": "m", "state": "running"}), {}, present)
    assert (row.value("p95"), row.readings["p95"].how) == (4.0, "engine histogram")
    assert (row.value("error_ratio"), row.readings["error_ratio"].how) == (0.1, "engine counter")
    better = [*present, told(m.P95, 3.0, proxy="lmstudio"), told(m.ERROR_RATIO, 0.0, proxy="lmstudio")]
    row, = rows(engines({"name": "m", "state": "running"}), {}, better)
    assert (row.value("p95"), row.value("error_ratio")) == (3.0, 0.0) and row.readings["p95"].how == "proxy"


@pytest.mark.parametrize(("engine", "how"), [
    ("llamacpp", "slots"), ("vllm", "engine counter"), ("sglang", "engine gauge"),
])
def test_how_the_live_speed_was_got_depends_on_the_engine(engine: str, how: str) -> None:
    present = [told(m.LIVE_TOKENS, 12, engine=engine), told(m.P95, 1, proxy="lmstudio")]
    row, = rows(engines({"name": "m", "state": "running"}), {}, present)
    assert row.readings["tokens_per_second"].how == how


def test_memory_on_several_cards_is_added_up() -> None:
    present = [told(m.GPU_MEMORY, 5, gpu="0"), told(m.GPU_MEMORY, 7, gpu="1")]
    row, = rows(engines({"name": "m", "state": "running"}), {}, present)
    assert row.value("gpu_memory") == 12 and not row.traffic


def test_a_server_that_is_down_takes_its_running_models_with_it() -> None:
    found = rows(engines({"name": "m", "state": "running"}, {"name": "n", "state": "stopped"}, state="down",
                         message="No connection."), {}, [])
    assert [(row.name, row.state, row.detail, row.message) for row in found] == [
        ("m", "error", "not responding", "No connection."), ("n", "stopped", "", ""),
    ]


@pytest.mark.parametrize(("present", "serving", "traffic"), [
    ([], {}, None), ([told(m.MEMORY, 5), told(m.GPU_MEMORY, 5)], {}, None), ([told(m.RUNNING, 0)], {}, False),
    ([told(m.RUNNING, 0), told(m.WAITING, 1)], {}, True), ([told(rate_of(m.REQUESTS), 0, proxy="ollama")], {}, False),
    ([told(m.P95, 1, proxy="ollama")], {}, True),
    ([], {"proxies": [{"name": "ollama", "up": True, "upstreams": ["box"]}]}, False),
    ([], {"proxies": [{"name": "ollama", "up": True, "upstreams": ["hall"]}]}, None),
    ([], {"proxies": [{"name": "ollama", "up": False, "upstreams": ["box"]}]}, None),
])
def test_no_traffic_is_what_somebody_tells(present: list[Told], serving: dict[str, Any], traffic: bool | None) -> None:
    row, = rows(engines({"name": "m", "state": "running"}), serving, present)
    assert row.traffic is traffic and row.idle is (traffic is False)


def test_a_state_that_is_not_told_is_none_until_the_server_is_down() -> None:
    listed = {"name": "m"}, {"name": "n", "state": "stopped"}
    assert [(row.name, row.state) for row in rows(engines(*listed), {}, [])] == [("m", ""), ("n", "stopped")]
    row, _stopped = rows(engines(*listed, state="down", message="No connection."), {}, [])
    assert (row.state, row.detail) == ("error", "not responding")


def test_a_process_of_ours_is_there_before_its_server_answers_and_one_row_after() -> None:
    process = {"name": "own", "engine": "llamacpp", "state": "loading", "detail": "starting", "memory": 5_000}
    row, = rows({}, {"processes": [process]}, [])
    assert (row.name, row.server, row.state, row.found) == ("own", "own", "loading", "process")
    assert row.value("memory") == 5000
    process = process | {"state": "running", "detail": ""}
    row, = rows(engines({"name": "own", "state": "running"}, name="own"), {"processes": [process]}, [])
    assert row.found == "process" and row.process is not None and row.state == "running"
    row, = rows(engines({"name": "own"}, name="own"), {"processes": [process]}, [])
    assert row.state == "running", "its server does not tell, but its process runs"


@pytest.mark.parametrize(("process", "down_pid", "state", "detail"), [
    ({"state": "loading", "detail": "starting"}, None, "loading", "starting"),
    ({"state": "running", "detail": "stopping"}, None, "running", "stopping"),
    ({"state": "running", "responding": True}, None, "running", ""),  # the look is of the run before
    ({"state": "running", "responding": True}, 7, "error", "not responding"),  # the process is there, and hangs
    ({"state": "running", "responding": False}, None, "error", "not responding"),
    ({"state": "error", "detail": "waiting", "message": "It ended with code 1."}, None, "error", "waiting"),
])
def test_what_a_process_says_of_itself_wins_over_a_look_at_the_run_before(
    process: dict[str, Any], down_pid: int | None, state: str, detail: str,
) -> None:
    found = engines({"name": "own", "state": "running"}, name="own", state="down", message="No connection.",
                    pid=down_pid)
    row, = rows(found, {"processes": [{"name": "own", "pid": 8, **process}]}, [])
    assert (row.state, row.detail) == (state, detail)
    assert row.message == process.get("message", "No connection." if detail == "not responding" else "")


def test_what_a_process_that_has_ended_used_is_gone_with_it() -> None:
    present = [told(m.MEMORY, 5e9, model="own", server="own"), told(m.GPU_MEMORY, 5e9, model="own", server="own"),
               told(m.P95, 1, model="own", server="own", proxy="p")]
    for found in ({}, engines({"name": "own", "state": "running"}, name="own", state="down")):
        row, = rows(found, {"processes": [{"name": "own", "state": "stopped"}]}, present)
        assert (row.value("memory"), row.value("gpu_memory"), row.value("p95")) == (None, None, 1)
    row, = rows({}, {"processes": [{"name": "own", "state": "running", "pid": 7}]}, present)
    assert row.value("memory") == 5e9


def test_what_only_a_proxy_has_seen_is_a_row_too() -> None:
    row, = rows({}, {}, [told(rate_of(m.REQUESTS), 1, proxy="ollama")])
    assert (row.server, row.name, row.state) == ("box", "m", "running")
    assert rows({}, {}, [told(m.MEMORY, 1)]) == []


def test_what_runs_stands_first() -> None:
    found = rows(engines({"name": "a", "state": "stopped"}, {"name": "c", "state": "running"},
                         {"name": "b", "state": "loading"}), {}, [])
    assert [row.name for row in found] == ["c", "b", "a"]


def test_servers_are_told_with_how_they_are_known() -> None:
    one, = servers(engines({"name": "m", "state": "running"}, found="discovered", version="b1"))
    assert (one.name, one.found, one.models, one.version) == ("box", "discovered", 1, "b1")


def test_what_answers_on_this_machine() -> None:
    cloud = {"name": "big-cloud", "state": "stopped", "capabilities": ["completion", "remote"]}
    found = engines({"name": "m", "state": "running"}, cloud, local=True)["servers"]
    found += engines({"name": "m", "state": "running"}, name="far", local=False)["servers"]
    found += engines({"name": "m", "state": "running"}, name="gateway", engine="litellm", local=True)["servers"]
    place = here({"servers": found}, {"processes": [{"name": "own", "state": "stopped"}]})
    assert place.has("box", "m") and place.has("own", "own")
    assert not any(place.has(*one) for one in (("box", "big-cloud"), ("far", "m"), ("gateway", "m"), ("", "m")))
    assert here({}, {}).servers == frozenset()
