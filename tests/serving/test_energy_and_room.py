"""Energy shared among requests, hours unused, and what a model can take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.serving import Objective
from live.models import Here
from metrics import models as m
from metrics.metric import Metric
from metrics.series import Series, SeriesInfo
from serving import energy
from serving.energy import Crowd, shared
from serving.requests import reading
from serving.requests.comparing import side
from serving.requests.reading import Filter
from serving.requests.table import Request
from serving.room import room
from tests.serving.store import NOW, Store, request


def power(watts: list[float]) -> Series:
    info = SeriesInfo("gpu_power_watts", (("gpu", "0"),), "watts", "gauge", "", 1.0)
    return Series(info, ((NOW + np.arange(len(watts))) * 1000).astype(np.int64), np.float32(watts), 1.0)


def part(one: Request, together: list[Request], drawn: Series) -> float | None:
    return shared(one.at, one.ended, Crowd((other.at, other.ended) for other in together), drawn)


def test_a_request_alone_gets_all_of_it_and_two_at_once_half_each() -> None:
    one, two = request(0, 10, 1), request(5, 10, 2)
    steady = power([100.0] * 20)
    assert part(one, [one], steady) == pytest.approx(1000)
    assert part(one, [one, two], steady) == pytest.approx(750)
    assert part(two, [one, two], steady) == pytest.approx(250)


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(1.0, 20)), min_size=1, max_size=8))
def test_what_is_shared_is_never_more_than_there_was(spans: list[tuple[float, float]]) -> None:
    together = [request(begin, begin + long, number) for number, (begin, long) in enumerate(spans)]
    total = sum(part(one, together, power([200.0] * 60)) or 0.0 for one in together)
    covered = np.zeros(60 * 100, bool)
    for begin, long in spans:
        covered[int(begin * 100):int((begin + long) * 100) + 1] = True
    assert total <= 200 * covered.sum() / 100 * 1.25 + 400  # pieces of up to a second are rough at the ends


def test_where_no_power_is_known_nothing_is_given() -> None:
    assert part(request(100, 110), [request(100, 110)], power([100.0] * 20)) is None


def test_a_short_request_between_two_samples_gets_its_part() -> None:
    one = request(3.4, 3.6)
    assert part(one, [one], power([50.0] * 10)) == pytest.approx(10)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


WATTS = Metric("gpu_power_watts", "gauge", "watts", "Power")
PACKAGE = Metric("cpu_power_watts", "gauge", "watts", "Power")


def box() -> Here:
    """The server of `request` is on this machine."""
    return Here(frozenset({"box"}))


def test_the_cards_that_hold_the_model_count(store: Store) -> None:
    here = {"server": "box", "model": "m"}
    for second in range(20):
        store.tick(second, (WATTS, 100, {"gpu": "0"}), (WATTS, 300, {"gpu": "1"}),
                   (m.GPU_MEMORY, 5e9, {**here, "gpu": "1"}))
    one, other = replace(request(2, 12, 1), output_tokens=300), replace(request(13, 15, 2), model="n", output_tokens=10)
    store.add(one, other)
    assert energy.fill(store.database, store.query, box, NOW + 20) == 0, "it is too early: others may still be on"
    assert energy.fill(store.database, store.query, box, NOW + 100) == 2
    assert energy.fill(store.database, store.query, box, NOW + 100) == 0
    found = {one.name: one for one in energy.spent(store.database, "model", Filter())}
    assert found["m"].joules == pytest.approx(3000, rel=0.02), "of card 1 alone"
    assert found["n"].joules == pytest.approx(800, rel=0.02), "which card it uses is not known: both"
    assert found["m"].joules_per_token == pytest.approx(10, rel=0.02)
    assert found["m"].wh_per_1000 == pytest.approx(10 / 3.6, rel=0.02)
    assert found["m"].cost_per_1000(0.36) == pytest.approx(0.001, rel=0.02)


def test_the_processor_counts_beside_the_cards(store: Store) -> None:
    for second in range(20):
        store.tick(second, (WATTS, 100, {"gpu": "0"}), (PACKAGE, 30, {"package": "0"}), (PACKAGE, 20, {"package": "1"}))
    store.add(request(2, 12, output_tokens=100))
    assert energy.fill(store.database, store.query, box, NOW + 100) == 1
    found, = energy.spent(store.database, "model", Filter())
    assert found.joules == pytest.approx(1500, rel=0.02)


def test_what_another_machine_answered_used_no_energy_here(store: Store) -> None:
    for second in range(20):
        store.tick(second, (WATTS, 100, {"gpu": "0"}))
    store.add(request(2, 12, 1), request(2, 12, 2, server="far"), request(2, 12, 3, model="m-cloud"),
              request(2, 12, 4, server=""))
    place = Here(frozenset({"box"}), frozenset({("box", "m-cloud")}))
    assert energy.fill(store.database, store.query, lambda: place, NOW + 100) == 1
    told = {one.id: one.joules for one in reading.page(store.database, Filter()).requests}
    assert told == {1: pytest.approx(1000, rel=0.02), 2: None, 3: None, 4: None}, "nor does it take a share"
    assert energy.fill(store.database, store.query, Here, NOW + 100) == 0


def test_all_that_is_due_is_reckoned_at_once_past_what_cannot_be(
    store: Store, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(energy, "BATCH", 3)
    for second in range(100, 130):
        store.tick(second, (WATTS, 100, {"gpu": "0"}))
    store.add(*(request(k, k + 1, k + 1) for k in range(5)))
    store.add(*(request(105 + k, 106 + k, 11 + k) for k in range(10)))
    assert energy.fill(store.database, store.query, box, NOW + 200) == 10
    assert energy.spent(store.database, "model", Filter())[0].requests == 10


def test_joules_per_token_are_of_what_wrote_tokens(store: Store) -> None:
    for second in range(60):
        store.tick(second, (WATTS, 100, {"gpu": "0"}))
    store.add(
        request(2, 12, 1, output_tokens=100), request(13, 23, 2, kind="embedding", output_tokens=None),
        request(24, 34, 3, error="upstream", output_tokens=0), request(35, 45, 4, output_tokens=None),
    )
    assert energy.fill(store.database, store.query, box, NOW + 200) == 4
    found, = energy.spent(store.database, "model", Filter())
    assert found.requests == 4 and found.joules == pytest.approx(4000, rel=0.02)
    assert found.joules_per_token == pytest.approx(10, rel=0.02)
    assert found.wh_per_1000 == pytest.approx(10 / 3.6, rel=0.02)
    assert side(store.database, Filter()).joules_per_token == pytest.approx(10, rel=0.02)


def test_without_any_power_nothing_is_said(store: Store) -> None:
    store.add(request(2, 12))
    assert energy.fill(store.database, store.query, box, NOW + 100) == 0
    assert energy.spent(store.database, "model", Filter()) == []
    assert reading.page(store.database, Filter()).requests[0].joules is None


def test_hours_in_memory_without_a_request(store: Store) -> None:
    here = {"server": "box", "model": "m", "engine": "ollama"}
    for second in range(0, 1200, 10):
        busy = ((m.RUNNING, 1.0, here),) if second < 300 else ()
        store.tick(second, (m.LOADED, 1, here), *busy)
    found, = energy.idle(store.query, NOW, NOW + 1200)
    assert (found.server, found.model) == ("box", "m")
    assert found.loaded_hours == pytest.approx(20 / 60, abs=0.02) and found.idle_hours == pytest.approx(0.25, abs=0.02)


def test_hours_of_a_model_whose_use_is_not_known_are_not_told(store: Store) -> None:
    quiet, silent = ({"server": "box", "model": name, "engine": "ollama"} for name in ("quiet", "silent"))
    by_proxy = {"server": "box", "model": "quiet", "proxy": "ollama"}
    for second in range(0, 1200, 10):
        store.tick(second, (m.LOADED, 1, quiet), (m.LOADED, 1, silent), (m.RUNNING, 0.0, by_proxy))
    found, = energy.idle(store.query, NOW, NOW + 1200)
    assert (found.model, found.used_hours) == ("quiet", 0.0) and found.idle_hours == pytest.approx(20 / 60, abs=0.02)


def test_room_comes_from_busy_and_quiet_minutes(store: Store) -> None:
    asked = Objective.model_validate({"firstTokenMs": 1000, "interTokenMs": 100})
    number, found = 0, []
    for minute in range(60):
        count = 6 + (minute * 7) % 48
        ttft = 0.2 / (1 - count / 60 / 1.2)
        for i in range(count):
            number += 1
            end = minute * 60 + i * 60 / count
            found.append(replace(request(end - 1, end, number), ttft=ttft, itl=0.02))
    store.add(*found)
    told = room(store.database, asked, NOW - 60, NOW + 3600, model="m")
    assert told.by == "ttft" and told.capacity is not None
    assert told.capacity.rate == pytest.approx(1.2 * 0.8, rel=0.15), "where the curve meets one second"
    assert told.more is not None and told.more >= 0
    nothing = room(store.database, asked, NOW - 60, NOW + 3600, model="other")
    assert (nothing.capacity, nothing.more, nothing.minutes) == (None, None, 0)
