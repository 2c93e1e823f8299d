"""Why an answer was slow: one cause at a time put into a recorded half hour, and nothing found where nothing was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from components import autopsy_words
from metrics import models as m
from metrics.metric import Metric
from pages.i18n import init_i18n
from serving.autopsy.examine import examine
from serving.autopsy.found import Autopsy, Fired
from serving.requests import reading
from serving.requests.table import Request
from tests.serving.store import Store, request

pytestmark = pytest.mark.usefixtures("english")
CPU = Metric("cpu_usage_ratio", "gauge", "ratio", "CPU")
CLOCK = Metric("gpu_sm_clock_hertz", "gauge", "hertz", "Clock")
GPU = Metric("gpu_usage_ratio", "gauge", "ratio", "GPU")
THROTTLED = Metric("gpu_throttled", "gauge", "", "Throttled")
CARD = Metric("gpu_memory_used_ratio", "gauge", "ratio", "GPU memory")
DISK = Metric("disk_busy_ratio", "gauge", "ratio", "Disk")
POWER_CAP = {"gpu": "0", "reason": "power_cap"}
HEAT = {"gpu": "0", "reason": "hardware_thermal"}
HERE = {"server": "box", "model": "m"}
USUAL: dict[str, Any] = {
    "ttft": 0.2, "itl": 0.02, "prefill": 0.2, "decode": 0.8, "prompt_tokens": 100, "cached_tokens": 60,
    "output_tokens": 40, "attempts": 1,
}
BEGIN, COUNT = 600, 30


@pytest.fixture
def english() -> Iterator[None]:
    """A request of somebody who reads English."""
    server = Flask("autopsy")
    init_i18n(server)
    with server.test_request_context(headers={"Accept-Language": "en"}):
        yield


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Ten quiet minutes of a machine, and thirty requests of one second each."""
    made = Store(tmp_path)
    for second in range(0, BEGIN, 5):
        made.tick(second, (CPU, 0.2, {}), (CLOCK, 2e9, {"gpu": "0"}), (GPU, 0.9, {"gpu": "0"}))
    made.add(*(request(10 * n, 10 * n + 1, n + 1, **USUAL) for n in range(COUNT)))
    return made


def autopsy(store: Store, seconds: float, *values: tuple[Metric, float, dict[str, str]], **more: Any) -> Autopsy:
    """Of a request that took so long, while ``values`` were measured."""
    slow = request(BEGIN, BEGIN + seconds, 999, **{**USUAL, **more})
    store.add(slow)
    for second in range(int(seconds) + 1):
        store.tick(BEGIN + second, (GPU, 0.9, {"gpu": "0"}), *values)
    found = reading.page(store.database, reading.Filter()).requests[0]
    return examine(store.database, store.query, found)


def before(store: Store, *values: tuple[Metric, float, dict[str, str]]) -> None:
    """``values`` in the last minute before, of a card that worked."""
    for second in range(BEGIN - 60, BEGIN):
        store.tick(second, (GPU, 0.9, {"gpu": "0"}), *values)


def codes(found: Autopsy) -> list[str]:
    return [one.code for one in found.findings]


def headline(found: Autopsy) -> str:
    return autopsy_words.headline(found.findings, slow=found.slow, known=found.usual.count,
                                  seconds=found.request.duration)


def test_nothing_stands_out_of_what_is_usual(store: Store) -> None:
    found = autopsy(store, 1, (CPU, 0.2, {}))
    assert codes(found) == [] and not found.slow
    assert headline(found) == "It took no longer than is usual for this model, and nothing stands out."


def test_of_a_request_that_was_not_slow_no_cause_is_claimed(store: Store) -> None:
    found = autopsy(store, 1, (CLOCK, 0.9e9, {"gpu": "0"}))
    assert codes(found) == ["gpu_clocks"] and not found.slow
    assert headline(found) == (
        "It took no longer than is usual for this model; what stands out: GPU 0 ran at 900 MHz, before at 2.00 GHz."
    )


def test_what_is_usual_of_a_card_is_what_it_does_at_work(tmp_path: Path) -> None:
    store = Store(tmp_path)
    at_rest = (CLOCK, 2e8, {"gpu": "0"}), (THROTTLED, 0.0, POWER_CAP), (GPU, 0.0, {"gpu": "0"})
    at_work = (CLOCK, 2e9, {"gpu": "0"}), (THROTTLED, 1.0, POWER_CAP), (GPU, 0.9, {"gpu": "0"})
    for second in range(0, BEGIN, 2):
        store.tick(second, *(at_work if second % 10 == 0 else at_rest))
    found = autopsy(store, 6, (CLOCK, 0.9e9, {"gpu": "0"}), (THROTTLED, 1.0, POWER_CAP))
    usual = {one.code: one.usual for one in found.moment}
    cause = next(one for one in found.findings if one.code == "gpu_clocks")
    assert usual["gpu_clock"] == cause.facts["usual"] == pytest.approx(2e9)
    assert usual["gpu_throttled"] == pytest.approx(1.0) and "gpu_throttled" not in codes(found)


def test_slow_without_evidence_claims_nothing(store: Store) -> None:
    found = autopsy(store, 6, (CPU, 0.2, {}))
    assert codes(found) == [] and found.slow and headline(found) == "Nothing stands out."


@pytest.mark.parametrize(("more", "values", "code", "words"), [
    ({"queue": 4.0, "ttft": 4.2}, (), "queue", "It waited 4.00 s for its turn"),
    ({"prompt_tokens": 4000, "cached_tokens": 60, "prefill": 4.5, "ttft": 4.5}, (), "long_prompt", "4,000 tokens"),
    ({"cached_tokens": 0, "prefill": 4.0, "ttft": 4.0}, (), "cache_miss", "Little of its prompt was in the cache"),
    ({"output_tokens": 400, "decode": 5.5}, (), "long_answer", "400 tokens, usually 40"),
    ({"itl": 0.15}, (), "slow_decode", "Tokens came slowly: 150 ms between them, usually 20 ms"),
    ({}, ((CPU, 0.97, {}),), "cpu_busy", "The processor was at 97 %"),
    ({}, ((THROTTLED, 1.0, {"gpu": "0", "reason": "hardware_thermal"}),), "gpu_throttled", "held back by heat"),
    ({}, ((CLOCK, 0.9e9, {"gpu": "0"}),), "gpu_clocks", "ran at 900 MHz, before at 2.00 GHz"),
    ({"ttft": 5.0}, ((m.STATE, 1.0, {**HERE, "state": "loading"}),), "loading", "being loaded"),
    ({}, ((m.ON_GPU, 0.4, HERE),), "on_cpu", "Only 40 % of the model lay on GPUs"),
    ({}, ((m.KV_USED, 0.99, HERE),), "kv_full", "The KV cache was full (99 %)"),
    ({"attempts": 4}, (), "retried", "only at try 4"),
    ({"ttft": 5.0, "prefill": 5.0}, ((m.WAITING, 5, HERE), (m.RUNNING, 4, HERE)), "engine_queue",
     "It waited about 4.80 s in the engine: 5 waiting there, usually –, and 4 being answered."),
    ({"ttft": 5.0, "prefill": 5.0}, ((m.WAITING, 5, {"server": "box"}),), "engine_queue", "5 waiting there, usually –"),
    ({"ttft": 5.0}, ((m.STATE, 1.0, {**HERE, "model": "big", "state": "loading"}),), "other_loading",
     "was loading big for 5.00 s of it"),
    ({}, ((CARD, 0.995, {"gpu": "0"}),), "gpu_memory_full", "The memory of GPU 0 was full (100 %)"),
    ({}, ((DISK, 0.98, {"device": "sda"}),), "device_busy", "Disk sda had work 98 % of the time"),
])
def test_a_cause_is_named_with_its_evidence(
    store: Store, more: dict[str, Any], values: tuple[Any, ...], code: str, words: str,
) -> None:
    found = autopsy(store, 6, *values, **more)
    assert codes(found)[:1] == [code] and found.slow
    assert headline(found).startswith("Likeliest cause: ") and words in headline(found)


def test_who_shares_the_engine_is_told_from_an_engine_that_is_slow(store: Store) -> None:
    store.add(*(request(BEGIN - 1, BEGIN + 9, 500 + n, **USUAL) for n in range(3)))
    found = autopsy(store, 6, itl=0.15)
    assert codes(found)[0] == "crowd" and found.others == 3
    assert "shared the engine with 3 other requests" in headline(found)


def test_the_worst_cause_stands_first(store: Store) -> None:
    found = autopsy(store, 8, (CPU, 0.9, {}), queue=5.0, ttft=5.2)
    assert codes(found) == ["queue", "cpu_busy"]
    assert found.findings[0].weight > found.findings[1].weight


def test_an_alert_is_evidence_and_no_cause(store: Store) -> None:
    slow = request(BEGIN, BEGIN + 6, 999, **USUAL)
    store.add(slow)
    found: Request = reading.page(store.database, reading.Filter()).requests[0]
    alert = Fired("Disk full", "disk_volume_used_ratio", {"mount": "/srv"})
    told = examine(store.database, store.query, found, lambda _start, _end: [alert])
    assert codes(told) == ["alert"] and headline(told) == "Nothing stands out."
    assert autopsy_words.sentence(told.findings[0]) == "An alert was firing: Disk full (/srv)."


def test_only_alerts_of_the_model_its_server_its_proxy_or_this_machine_are_told(store: Store) -> None:
    slow = request(BEGIN, BEGIN + 6, 999, **USUAL)
    store.add(slow)
    found: Request = reading.page(store.database, reading.Filter()).requests[0]
    mine = [
        Fired("Model crashed", "model_state", {**HERE, "engine": "llamacpp"}),
        Fired("Proxy down", "proxy_up", {"proxy": found.proxy}), Fired("High CPU use", "cpu_usage_ratio", {}),
    ]
    others = [
        Fired("Model crashed", "model_state", {"server": "box", "model": "other"}),
        Fired("Model does not respond", "model_server_up", {"server": "second"}),
        Fired("Proxy down", "proxy_up", {"proxy": "elsewhere"}),
        Fired("Source of values fails", "vigie_collector_status", {"collector": "disk"}),
    ]
    told = examine(store.database, store.query, found, lambda _start, _end: [*others, *mine])
    assert [autopsy_words.sentence(one) for one in told.findings] == [
        "An alert was firing: Model crashed (m, box).", "An alert was firing: Proxy down (LM Studio / OpenAI).",
        "An alert was firing: High CPU use (CPU use).",
    ]
    assert words(told)["Alerts that fired"] == ("3", "")
    far = examine(store.database, store.query, found, lambda _start, _end: mine, lambda _server, _model: False)
    assert [one.facts["name"] for one in far.findings] == ["Model crashed", "Proxy down"]


def test_a_model_with_few_requests_has_no_usual(tmp_path: Path) -> None:
    store = Store(tmp_path)
    found = autopsy(store, 6)
    assert found.usual.count == 0 and found.usual.duration is None and codes(found) == []


# -- whose hardware it was


def test_a_card_that_is_at_its_power_limit_whenever_it_works_explains_nothing(store: Store) -> None:
    before(store, (THROTTLED, 1.0, POWER_CAP))
    assert codes(autopsy(store, 6, (THROTTLED, 1.0, POWER_CAP))) == []


def test_more_of_the_power_limit_than_usual_is_named(store: Store) -> None:
    before(store, (THROTTLED, 0.0, POWER_CAP))
    found = autopsy(store, 6, (THROTTLED, 1.0, POWER_CAP))
    assert codes(found) == ["gpu_throttled"] and "held back by its power limit" in headline(found)


def test_a_card_that_did_not_work_before_is_no_measure_of_its_power_limit(store: Store) -> None:
    for second in range(BEGIN):
        store.tick(second, (THROTTLED, 0.0, POWER_CAP), (GPU, 0.0, {"gpu": "0"}))
    assert codes(autopsy(store, 6, (THROTTLED, 1.0, POWER_CAP))) == []


@pytest.mark.parametrize(("card", "named"), [("0", ["gpu_throttled"]), ("1", [])])
def test_only_the_cards_that_hold_the_model_count(store: Store, card: str, named: list[str]) -> None:
    before(store)
    found = autopsy(
        store, 6, (THROTTLED, 1.0, HEAT), (m.GPU_MEMORY, 1e9, {**HERE, "gpu": card}), (CLOCK, 2e9, {"gpu": "0"}),
        (CLOCK, 1e9, {"gpu": "1"}),
    )
    assert codes(found) == named and {one.of for one in found.moment if one.code == "gpu_clock"} == {card}


def test_a_model_that_lies_on_no_card_is_not_slowed_by_one(store: Store) -> None:
    found = autopsy(
        store, 6, (THROTTLED, 1.0, HEAT), (m.GPU_MEMORY, 1e9, {"server": "other", "model": "x", "gpu": "0"}),
    )
    assert codes(found) == []


@pytest.mark.parametrize(("more", "named"), [
    ((), []), (((m.MEMORY, 1e9, HERE),), ["gpu_throttled", "cpu_busy"]),
])
def test_this_machine_is_no_cause_of_what_another_computed(
    store: Store, more: tuple[Any, ...], named: list[str],
) -> None:
    values: tuple[Any, ...] = (CPU, 0.97, {}), (THROTTLED, 1.0, HEAT)
    autopsy(store, 6, *values, *more)
    found = reading.page(store.database, reading.Filter()).requests[0]
    told = examine(store.database, store.query, found, here=lambda _server, _model: False)
    assert codes(told) == named
    assert any(one.code == "cpu" for one in told.moment) == bool(named)


# -- what the engine did


def test_the_wait_in_the_engine_is_told_by_itself_where_it_tells_how_long_it_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(*(request(10 * n, 10 * n + 1, n + 1, **{**USUAL, "prefill": 0.15}) for n in range(COUNT)))
    found = autopsy(store, 6, ttft=4.0, prefill=0.2)
    assert codes(found) == ["engine_queue"] and found.usual.engine_wait == pytest.approx(0.05)
    assert "began to read its prompt only after 3.75 s" in headline(found)


def test_an_answer_in_one_piece_did_not_wait_while_it_was_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(*(request(10 * n, 10 * n + 1, n + 1, **{**USUAL, "prefill": 0.15}) for n in range(COUNT)))
    long = {"ttft": 6.0, "prefill": 0.2, "decode": 5.5, "output_tokens": 70, "stream": False}
    found = autopsy(store, 6, (m.WAITING, 2, HERE), **long)
    assert codes(found) == [] and "engine_wait" not in {one.code for one in found.moment}


def test_the_wait_is_told_too_of_an_answer_that_the_proxy_put_together(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(*(request(10 * n, 10 * n + 1, n + 1, **{**USUAL, "prefill": 0.15}) for n in range(COUNT)))
    found = autopsy(store, 6, ttft=4.0, prefill=0.2, decode=2.0, stream=False)
    assert codes(found) == ["engine_queue"] and "only after 3.75 s" in headline(found)


def test_an_answer_in_one_piece_that_was_not_long_waited_in_the_engines_queue(store: Store) -> None:
    found = autopsy(store, 6, (m.WAITING, 2, HERE), ttft=6.0, prefill=6.0, stream=False)
    assert codes(found) == ["engine_queue"]


def test_a_queue_of_the_proxy_is_not_the_engines(store: Store) -> None:
    lane = {**HERE, "proxy": "lmstudio"}
    found = autopsy(store, 6, (m.WAITING, 5, lane), (m.RUNNING, 4, lane), ttft=5.0, prefill=0.2, queue=4.8)
    assert codes(found) == ["queue"] and not {"waiting", "running"} & {one.code for one in found.moment}


def test_a_queue_that_cost_nothing_is_no_cause(store: Store) -> None:
    assert codes(autopsy(store, 6, (m.WAITING, 5, HERE))) == []


def test_requests_that_came_past_the_proxies_share_the_engine_too(store: Store) -> None:
    found = autopsy(store, 6, (m.RUNNING, 4, HERE), itl=0.15)
    assert codes(found) == ["crowd"] and "with 3 other requests" in headline(found)


def test_requests_of_another_server_do_not_share_the_engine(store: Store) -> None:
    store.add(*(request(BEGIN - 1, BEGIN + 9, 500 + n, server="far", **USUAL) for n in range(3)))
    assert codes(autopsy(store, 6, itl=0.15)) == ["slow_decode"]


@pytest.mark.parametrize(("model", "was", "code", "words"), [
    ("m", 0.0, "loading", "The model was being loaded"), ("big", 0.0, "other_loading", "loaded big meanwhile"),
    ("big", 1.0, "evicted", "put big out of memory meanwhile"),
])
def test_a_change_of_what_lies_in_memory_is_seen(store: Store, model: str, was: float, code: str, words: str) -> None:
    of = {**HERE, "model": model}
    before(store, (m.LOADED, was, of))
    slow = request(BEGIN, BEGIN + 6, 999, **{**USUAL, "ttft": 5.0})
    store.add(slow)
    for second in range(7):
        store.tick(BEGIN + second, (m.LOADED, was if second < 1 else 1 - was, of))
    found = examine(store.database, store.query, reading.page(store.database, reading.Filter()).requests[0])
    assert codes(found) == [code] and words in headline(found)
    told = {one.code: one.now for one in found.moment}
    assert (told["loads"], told["evictions"]) == ((0, 1) if was else (1, 0))


def test_a_model_that_was_in_memory_all_the_time_was_not_loaded(store: Store) -> None:
    before(store, (m.LOADED, 1.0, HERE))
    found = autopsy(store, 6, (m.LOADED, 1.0, HERE), ttft=5.0)
    assert codes(found) == []


# -- the moment


EVERYTHING = (
    (CPU, 0.5, {}), (Metric("memory_used_ratio", "gauge", "ratio", "x"), 0.5, {}), (CARD, 0.5, {"gpu": "0"}),
    (Metric("swap_in_bytes_per_second", "gauge", "bytes_per_second", "x"), 0.0, {}), (DISK, 0.1, {"device": "sda"}),
    *((Metric("pressure_some_ratio", "gauge", "ratio", "x"), 0.0, {"resource": one}) for one in ("io", "memory")),
    (CLOCK, 2e9, {"gpu": "0"}), (THROTTLED, 0.0, POWER_CAP), (m.WAITING, 5, HERE), (m.RUNNING, 4, HERE),
    (m.KV_USED, 0.5, HERE), (m.LOADED, 1.0, HERE),
)


def words(found: Autopsy) -> dict[str, tuple[str, str]]:
    return {autopsy_words.name(one): (autopsy_words.value(one), autopsy_words.usual(one)) for one in found.moment}


def test_the_moment_tells_what_was_looked_at_then_and_usually(store: Store) -> None:
    before(store, (m.WAITING, 1, HERE), (m.LOADED, 1, HERE))
    found = autopsy(store, 6, *EVERYTHING, queue=0.01, prefill=0.15)
    told = words(found)
    assert len(told) == len(found.moment) == 23
    assert told["Waited in the engine"] == ("40 ms", "")
    assert told["First token"] == ("200 ms", "usually 200 ms")
    assert told["Waiting in the engine"] == ("5", "usually 1")
    assert told["Processor"][0].endswith(" %") and told["Processor"][1] == "usually 20 %"
    assert told["Memory of GPU 0"] == ("50 %", "")
    assert told["Other requests"] == ("0", "") and told["Alerts that fired"] == ("0", "")


def test_what_was_not_told_is_not_in_the_moment(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(request(0, 3, 1, **USUAL))
    store.tick(2, (GPU, 0.9, {"gpu": "0"}), (m.LOADED, 1, HERE))  # whether it was loaded just then is not known
    found = examine(store.database, store.query, reading.page(store.database, reading.Filter()).requests[0])
    assert {one.code for one in found.moment} == {
        "ttft", "itl", "prompt_tokens", "output_tokens", "others", "gpu_usage", "alerts",
    }
