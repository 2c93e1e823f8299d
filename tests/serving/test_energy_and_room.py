"""Energy shared among requests, hours unused, and what a model can take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from serving.room import Room, of_minutes, room
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


SERVICE, MOST = 0.1, 6.0
"""Seconds of a first token at an idle model, and requests a second at which its queue has no end."""


def busy(until: float, rates: Callable[[int], int], **more: Any) -> list[Request]:
    """Requests of two hours before ``until`` (from `NOW`): ``rates`` a minute, first tokens as of an M/M/1 queue."""
    random, found = np.random.default_rng(7), list[Request]()
    for minute in range(120):
        count = rates(minute)
        for k, ttft in enumerate(random.exponential(SERVICE / (1 - count / 60 / MOST), count).tolist()):
            end = until - (120 - minute) * 60 + k * 60 / count
            found.append(request(end - 1, end, len(found) + 1, ttft=ttft, itl=0.02, **more))
    return found


def asking(**more: Any) -> Objective:
    return Objective.model_validate({"firstTokenMs": 1500, "interTokenMs": 100, **more})


def told(store: Store, until: float = 0.0, **more: Any) -> Room:
    return room(store.database, asking(**more), NOW + until - 86_400, NOW + until, model="m")


def mixed(minute: int) -> int:
    return 30 + minute * 37 % 210


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_at_the_capacity_the_objectives_share_holds(store: Store, percent: float) -> None:
    store.add(*busy(0, mixed))
    found = told(store, targetPercent=percent)
    assert found.by == "ttft" and found.capacity is not None and not found.capacity.beyond
    mean = SERVICE / (1 - found.capacity.rate / MOST)
    missing = np.exp(-1.5 / mean)  # of times that are exponential
    allowed = 1 - percent / 100
    assert allowed / 2 < missing < allowed * 2
    assert found.more == pytest.approx(found.capacity.rate - found.now) and found.more > 0


@given(st.integers(1, 400), st.sampled_from([90.0, 95.0, 99.0]))
def test_points_have_requests_enough_to_tell_the_target(count: int, percent: float) -> None:
    minutes = np.repeat(np.arange(50), count % 40 + 1)
    at = NOW - 3600 + minutes * 60.0
    found = of_minutes(at, {"ttft": np.full(at.size, 0.5), "itl": np.full(at.size, np.nan)},
                       asking(targetPercent=percent), NOW)
    each = round(100 / (100 - percent))
    assert found.each == each and found.minutes == 50
    assert found.pieces == 50 // -(-each // (count % 40 + 1))


def test_few_requests_do_not_tell_a_high_target(store: Store) -> None:
    store.add(*busy(0, lambda minute: 2 + minute % 12))
    high, low = told(store, targetPercent=99), told(store, targetPercent=90)
    assert high.capacity is None and high.pieces < 20 and high.minutes == 120
    assert low.capacity is not None


def test_now_goes_by_the_clock_and_the_minute_in_progress_does_not_count(store: Store) -> None:
    store.add(*busy(0, mixed))
    store.add(*(request(k, k + 1, 100_000 + k, ttft=0.1) for k in range(20)))
    whole = told(store)
    last = sum(mixed(minute) for minute in (117, 118, 119))
    assert whole.now == pytest.approx(last / 180)
    assert replace(told(store, 30), now=0) == replace(whole, now=0), "half a minute later nothing has changed"
    assert told(store, 30).now == whole.now and told(store, 600).now == 0.0
    idle = told(store, 600)
    assert idle.capacity is not None and idle.more == idle.capacity.rate


def test_requests_that_found_no_room_were_never_in_time(store: Store) -> None:
    store.add(*busy(0, lambda minute: 60 + minute % 120))
    calm = told(store, targetPercent=90)
    refused = [request(-7200 + minute * 60, -7199 + minute * 60, 100_000 + minute * 100 + k, error=error, ttft=None)
               for minute in range(60, 120) for k, error in enumerate(["queue_full", "timeout"] * 25)]
    store.add(*refused)
    full = told(store, targetPercent=90)
    assert calm.capacity is not None and full.capacity is not None
    assert full.capacity.rate < calm.capacity.rate and full.capacity.rate < full.capacity.measured


def test_without_requests_there_is_nothing_to_say(store: Store) -> None:
    found = told(store)
    assert (found.capacity, found.more, found.minutes, found.pieces, found.now) == (None, None, 0, 0, 0.0)
