"""What panels about models say: memory, energy, capacity, comparisons."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.capacity import Capacity
from analysis.compare import Side
from components import model_compare, model_energy, model_memory, model_page, model_room, models_page, overview
from components.formats import figure
from components.model_compare import Shown
from components.model_plot import Axis
from live.host_memory import Host, host
from live.models import Card, Model, Reading
from metrics import models as m
from metrics.metric import labels
from metrics.series import SeriesInfo
from serving.energy import Idle, Spent
from serving.requests import comparing
from serving.room import Room
from tests.pages.site import texts

pytestmark = pytest.mark.usefixtures("english")
GIB = 2.0**30
NOW = 1_800_000_000.0


def said(component: Any) -> str:
    """All words of a component, with one space between."""
    return " ".join(texts(json.loads(whole(component))).split())


def whole(component: Any) -> str:
    """A component as the browser gets it."""
    return json.dumps(component, default=lambda one: one.to_plotly_json())


# ---- memory

CARD = Card("1", "H200", 15 * GIB, 24 * GIB, (("box", "llama3", 11.2 * GIB), ("hall", "", 0.7 * GIB)))


def test_memory_is_told_by_model_and_what_is_left() -> None:
    words = said(model_memory.panel([CARD], None))
    assert "llama3 = 11.2 GiB" in words and "other = 3.1 GiB" in words and "free = 9.0 GiB" in words
    assert "hall (several models) = 717 MiB" in words and "15.0 GiB of 24.0 GiB" in words
    assert "llama3 = 11.2 GiB on GPU 1" in str(model_memory.panel([CARD], None).tree), "for who hears it"


def test_models_of_one_name_are_told_apart() -> None:
    two = replace(CARD, models=(("box", "llama3", GIB), ("hall", "llama3", GIB)))
    assert "llama3 · hall = 1.0 GiB" in said(model_memory.panel([two], None))


def test_without_a_gpu_the_host_alone_is_shown() -> None:
    words = said(model_memory.panel([], Host(8 * GIB, 16 * GIB, (("box", "m", GIB),))))
    assert "No GPU is told" in words and "m = 1.0 GiB" in words and "GPU memory" not in words
    assert model_memory.panel([], Host(8 * GIB, 16 * GIB)) is None and model_memory.panel([], None) is None


def test_memory_that_two_tell_of_one_model_counts_once() -> None:
    def info(name: str, **named: str) -> SeriesInfo:
        return SeriesInfo(name, labels(**named), "bytes", "gauge", "")

    found = host([
        (info("memory_used_bytes"), 10.0), (info("memory_total_bytes"), 20.0),
        (info(m.MEMORY.name, server="own", model="own"), 4.0),
        (info(m.MEMORY.name, server="own", model="own", engine="llamacpp"), 3.0),
    ])
    assert found == Host(10.0, 20.0, (("own", "own", 4.0),)) and found.others == 6.0
    assert host([(info("memory_total_bytes"), 20.0)]) is None


# ---- energy

RUNNING = Model("box", "m", "ollama", "running")


def energy(*spent: Spent, idle: tuple[Idle, ...] = (), power: bool = True, may_stop: bool = False) -> str:
    body = model_energy.body(spent, idle, [RUNNING], by="model", price=0.36, currency="€", power=power,
                             may_stop=may_stop)
    return said(body)


def test_energy_is_told_per_token_and_as_money() -> None:
    words = energy(Spent("m", 12, 1000, 12_000.0, 10_000.0), Spent("n", 1, 0, 36_000.0, 0.0))
    assert "10.0" in words and "2.78" in words and "0.00100 €" in words and "75 %" in words and "25 %" in words
    assert "–" in words, "what wrote no token has no joules per token"
    assert "divided among those answered at once" in words


def test_without_power_it_says_so_and_without_requests_too() -> None:
    assert "No power is told on this machine" in energy(power=False)
    assert "No request was reckoned" in energy()


def test_hours_unused_say_no_traffic_and_may_be_ended() -> None:
    idle = (Idle("box", "m", 5.0, 0.0), Idle("away", "gone", 0.5, 0.25))
    words = energy(idle=idle, may_stop=True)
    assert "5.0 h no traffic 5.0 h" in words and "30 min 15 min 15 min" in words and "Unload" in words
    assert "Unload" not in energy(idle=idle)


@pytest.mark.parametrize(("value", "words"), [(None, "–"), (0.0, "0"), (0.00012345, "0.000123"), (12.345, "12.3"),
                                              (1234.5, "1,234")])
def test_small_figures_do_not_vanish(value: float | None, words: str) -> None:
    assert figure(value) == words


# ---- capacity

FOUND = Capacity(5.6, 4.5, 6.4, 2.4, 60, line=(4.0, -0.5))


def test_capacity_says_how_much_and_how_sure() -> None:
    words = model_room.sentence(Room(2.4, FOUND, "ttft", 60, 1.0, ((1.0, 0.3),)))
    assert words == ("About 3.2 more requests/s before the first token takes longer than 1.00 s "
                     "(80 % sure: 2.1 to 4.0), measured up to 2.40/s.")
    beyond = replace(FOUND, beyond=True)
    assert model_room.sentence(Room(2.4, beyond, "itl", 60, 0.1)).startswith("At least 3.2 more requests/s before the "
                                                                           "time between tokens is longer than 100 ms")
    assert model_room.sentence(Room(9.0, FOUND, "ttft", 60, 1.0)).startswith("No more")


@pytest.mark.parametrize(("minutes", "pieces", "words"), [
    (0, 0, "no request in the last 24 hours. 20 minutes"),
    (7, 1, "make 1 of the 20 points that are needed, at different loads. A point takes a minute, and 100 requests"),
    (90, 20, "all at about the same load"),
])
def test_too_little_data_says_what_is_needed(minutes: int, pieces: int, words: str) -> None:
    told = model_room.sentence(Room(0.0, None, None, minutes, 1.0, pieces=pieces, each=100))
    assert told.startswith("Not enough data") and words in told


def test_the_card_draws_minutes_curve_and_limit() -> None:
    words = said(model_room.card(Room(2.4, FOUND, "ttft", 60, 1.0, ((1.0, 0.3), (2.4, 0.4)))))
    assert "99 % of the requests" in words and "measured minutes" in words and "fitted" in words and "limit" in words
    assert "Nothing is asked of this model" in said(model_room.card(None))


# ---- comparisons


def shown(model: str, requests: int) -> Shown:
    side = Side(requests, 0, None, None, None, {"stop": requests},
                {"ttft": np.full(requests, 0.5 if model == "a" else 1.0)})
    return Shown(model, "box", NOW, NOW + 3600, side)


def test_a_comparison_says_better_and_worse() -> None:
    words = said(model_compare.compared(shown("a", 50), shown("b", 50), "ttft", NOW))
    assert "Time to the first token, p95 500 ms 1.00 s +100 % worse" in words
    assert "Joules per token – – –" in words and "Ended: complete 100 % 100 %" in words


def test_a_side_that_is_cut_says_of_how_many_requests_its_times_are() -> None:
    whole = shown("a", 50)
    cut = replace(whole, side=replace(whole.side, cut=True))
    assert f"newest {comparing.MOST:,} requests" in said(model_compare.compared(cut, shown("b", 50), "ttft", NOW))


def test_an_empty_side_is_named_and_two_have_no_table() -> None:
    one = said(model_compare.compared(shown("a", 50), shown("b", 0), "ttft", NOW))
    assert "No requests in this window: b · box" in one and "p95" in one
    both = said(model_compare.compared(shown("a", 0), shown("b", 0), "itl", NOW))
    assert both.count("No requests in this window") == 2 and "p95" not in both


@pytest.mark.parametrize("given", [None, 3, "box", "box|", {"x": 1}])
def test_a_choice_that_is_none_is_the_model_itself(given: Any) -> None:
    assert model_compare.named(given) is None


def test_a_choice_holds_server_and_model() -> None:
    assert model_compare.named(model_compare.value_of("a:80", "org/m|x")) == ("a:80", "org/m|x")


@pytest.mark.parametrize("axis", [Axis(0.0, 7.3, str), Axis(0.003, 2.0, str, log=True), Axis(1.0, 1.0, str),
                                  Axis(0.2, 0.3, str, log=True)])
def test_ticks_lie_within_the_axis(axis: Axis) -> None:
    ticks = axis.ticks()
    assert len(ticks) <= 6 and all(axis.low <= tick <= axis.high * 1.000001 for tick in ticks)


def test_what_no_engine_tells_of_its_queue_is_a_dash() -> None:
    told = replace(RUNNING, readings={"running": Reading(2.0, "engine gauge")})
    assert "2 being answered, – waiting" in said(models_page.tiles([told]))
    assert "queue not told" in said(models_page.tiles([RUNNING]))


UNTOLD = Model("box", "m", "openai", "")


def test_a_model_whose_state_is_not_told_is_a_dash_that_says_why() -> None:
    why = "The server does not tell whether this model is loaded"
    for component in (
        models_page.grid([UNTOLD]), models_page.table([UNTOLD], may_start=True, may_stop=True),
        model_page.head(UNTOLD, may_start=True, may_stop=True),
    ):
        assert why in str(component) and "running" not in said(component) and "–" in said(component)
        assert "is-ok" not in str(component) and "is-critical" not in str(component)
    assert why not in str(models_page.grid([RUNNING]))


@pytest.mark.parametrize(("models", "words"), [
    ((UNTOLD,), "Models running – 1 whose state is not told · 1 known"),
    ((UNTOLD, RUNNING), "Models running 1 1 whose state is not told · 2 known"),
    ((replace(RUNNING, state="stopped"),), "Models running 0 1 known"),
])
def test_what_is_not_known_to_run_is_not_counted(models: tuple[Model, ...], words: str) -> None:
    assert words in said(models_page.tiles(models))


def test_the_overview_has_a_card_only_with_models() -> None:
    assert overview.models_card([]) is None
    words = said(overview.models_card([IDLE]))
    assert "Models" in words and "no traffic" in words and "All models" in words


IDLE = replace(RUNNING, readings={"running": Reading(0.0, "engine gauge")})
BUSY = replace(RUNNING, readings={"running": Reading(2.0, "engine gauge")})
WOULD = "The engine does not tell; a measuring proxy before it would"


def shown_of(model: Model) -> list[Any]:
    """Where the traffic of a model stands."""
    return [
        models_page.tiles([model]), models_page.grid([model]), overview.models_card([model]),
        models_page.table([model], may_start=True, may_stop=True), model_page.tiles(model),
    ]


@pytest.mark.parametrize("model", [RUNNING, UNTOLD])
def test_what_nobody_tells_is_a_dash_that_names_what_would_tell(model: Model) -> None:
    for component in shown_of(model):
        assert "–" in said(component) and "no traffic" not in said(component)
        assert WOULD in whole(component)


@pytest.mark.parametrize("model", [IDLE, replace(RUNNING, proxied=True), replace(UNTOLD, proxied=True)])
def test_who_is_known_not_to_be_asked_has_no_traffic(model: Model) -> None:
    for component in shown_of(model):
        assert "no traffic" in said(component) and WOULD not in whole(component)


def test_who_is_asked_has_traffic_whatever_others_tell() -> None:
    for component in shown_of(BUSY):
        assert "no traffic" not in said(component) and WOULD not in whole(component)
    tiles = models_page.tiles([IDLE, RUNNING])
    assert "no traffic" not in said(tiles) and WOULD in whole(tiles), "of one of them it is not known"
    assert WOULD not in whole(models_page.tiles([BUSY, RUNNING]))


def test_tiles_of_requests_do_not_say_that_proxies_alone_tell_them() -> None:
    words = said(models_page.tiles([BUSY]))
    assert "Slowest p95 – no request told in a minute" in words and "Failed – no request told in a minute" in words
    p95, failed = Reading(2.0, "engine histogram"), Reading(0.0, "engine counter")
    words = said(models_page.tiles([replace(BUSY, readings={"p95": p95, "error_ratio": failed})]))
    assert "Slowest p95 2.00 s end to end" in words and "of a minute's requests" in words


def test_a_model_that_does_not_run_says_nothing_of_its_traffic() -> None:
    stopped = replace(RUNNING, state="stopped")
    for component in (models_page.grid([stopped]), models_page.table([stopped], may_start=True, may_stop=True)):
        assert "no traffic" not in said(component) and WOULD not in whole(component)
