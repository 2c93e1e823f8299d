"""The tiles of the Models page say how their sums were got."""

from __future__ import annotations

from typing import Any

from components.models_page import tiles
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
    assert {one.children[0].children: one.children[1].children for one in drawn}["Tokens written"] == "0.00 /s"


def test_no_traffic_is_no_number_that_was_got_somehow(english: None) -> None:
    seen = tile_titles(Model("a", "m", "vllm", "running", proxied=True))
    assert [seen[name][0] for name in ("Tokens written", "Requests", "Slowest p95", "Failed")] == [""] * 4
