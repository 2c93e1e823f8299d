"""The tiles of the Models page say how their sums were got."""

from __future__ import annotations

from typing import Any

import pytest

from components.model_words import traffic
from components.models_page import actions, table, tiles
from live.models import Model, Reading


def tile_titles(*rows: Model) -> dict[str, tuple[str, str]]:
    """Tile -> how its number and what stands below it were got."""
    drawn: list[Any] = list(tiles(rows).children)
    return {one.children[0].children: tuple(part.title for part in one.children[1:]) for one in drawn}


def test_a_tile_says_each_way_that_its_sum_was_got_by(english: None) -> None:
    seen = tile_titles(
        Model("a", "m", "vllm", "running", readings={
            "tokens_per_second": Reading(9, "proxy"), "p95": Reading(2, "proxy"), "memory": Reading(5, "process"),
            "gpu_memory": Reading(3, "driver"), "waiting": Reading(1, "engine gauge"),
        }),
        Model("a", "n", "vllm", "running", readings={
            "tokens_per_second": Reading(4, "engine counter"), "p95": Reading(1, "engine histogram"),
        }),
    )
    assert seen["Tokens written"] == ("Measured by the proxy · From a counter of the engine", "")
    assert seen["Slowest p95"][0] == "Measured by the proxy", "of the model that is the slowest"
    assert seen["Memory of models"] == ("Measured on the process", "Told by the GPU driver")
    assert seen["Requests"] == ("Not told by the engine, and seen by no proxy", "Told by the engine (gauge)")
    assert seen["Models running"][0]


def test_nothing_written_just_now_by_busy_models_is_a_number_and_no_dash(english: None) -> None:
    drawn: list[Any] = list(tiles([Model("a", "m", "vllm", "running", readings={
        "tokens_per_second": Reading(0, "proxy"), "requests_per_second": Reading(0.5, "proxy"),
    })]).children)
    assert {one.children[0].children: one.children[1].children for one in drawn}["Tokens written"] == "0 /s"


def test_requests_that_failed_are_traffic_though_their_model_answers_no_more(english: None) -> None:
    hung = Model("a", "m", "vllm", "error", "not responding", proxied=True, readings={
        "error_ratio": Reading(1.0, "proxy"), "tokens_per_second": Reading(0, "proxy"),
    })
    idle = Model("a", "n", "vllm", "running", proxied=True)
    shown: list[Any] = list(tiles([hung, idle]).children)
    values = {one.children[0].children: one.children[1].children for one in shown}
    assert (values["Tokens written"], values["Failed"]) == ("0 /s", "100 %")
    assert "'–'" in str(table([hung], may_start=True, may_stop=True))
    assert "Td(children='0'" not in str(table([hung], may_start=True, may_stop=True))


def test_a_model_that_answered_within_the_minute_is_not_busy(english: None) -> None:
    just = Model("a", "m", "vllm", "running", readings={
        "p95": Reading(1, "proxy"), "tokens_per_second": Reading(0, "proxy")})
    assert (traffic(just), just.traffic, just.busy) == ("nothing just now", True, False)
    busy = Model("a", "m", "vllm", "running", readings={"running": Reading(1, "proxy")})
    assert traffic(busy) == "busy" and busy.busy


@pytest.mark.parametrize(("state", "detail", "more", "offered"), [
    ("running", "", {"pid": 7}, ["stop", "restart"]), ("loading", "starting", {}, ["stop", "restart"]),
    ("running", "stopping", {"pid": 7}, []), ("error", "not responding", {"pid": 7}, ["stop", "restart"]),
    ("error", "waiting", {}, ["start", "stop"]), ("error", "gave_up", {}, ["start"]), ("stopped", "", {}, ["start"]),
])
def test_what_can_be_done_with_a_process_is_offered(
    english: None, state: str, detail: str, more: dict[str, Any], offered: list[str],
) -> None:
    row = Model("own", "own", "llamacpp", state, detail, process={"name": "own", **more})
    assert [one.attrs["data-model-do"] for one in actions(row, may_start=True, may_stop=True)] == offered


def test_no_traffic_is_no_number_that_was_got_somehow(english: None) -> None:
    seen = tile_titles(Model("a", "m", "vllm", "running", proxied=True))
    assert [seen[name][0] for name in ("Tokens written", "Requests", "Slowest p95", "Failed")] == [""] * 4
