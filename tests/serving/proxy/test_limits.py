"""What keeps a proxy from being overrun, and what it keeps to itself."""

from __future__ import annotations

import asyncio
import json
import math
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from serving.proxy import limits
from serving.proxy.dialect import Refusal
from serving.proxy.limits import Rate, Turns
from serving.proxy.records import Records
from serving.proxy.told import Told
from serving.proxy.totals import MOST_LANES, OTHER, Lanes, Live, ProxyTotals, Recent
from serving.wire import Outcome
from tests.serving.proxy.support import Asked, Serving, ask, scripted, serving, yes
from tests.support import free_port, listens, wait_until

CHAT = "/v1/chat/completions"


def test_a_client_has_so_many_requests_a_minute(tmp_path: Path) -> None:
    with scripted(yes) as upstream, serving(tmp_path, {"box": upstream.url}, rateLimitPerMinute=2) as one:
        codes = [requests.post(one.openai + CHAT, json=ask(), timeout=5) for _ in range(3)]
        assert [answer.status_code for answer in codes] == [200, 200, 429]
        assert 1 <= int(codes[2].headers["Retry-After"]) <= 61
        assert codes[2].json()["error"]["type"] == "rate_limit_error"
        told = requests.post(f"{one.ollama}/api/chat", json=ask(), timeout=5)
        assert told.status_code == 200  # each proxy counts for itself
        assert [record.get("error") for record in one.record(0, 4)] == [None, None, "rate_limited", None]
        proxy = one.status()["proxies"][1]
        assert (proxy["requests"], proxy["limited"], proxy["errors"]) == (2, 1, 0)


def test_the_minute_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [1000.0]
    monkeypatch.setattr(limits.time, "time", lambda: at[0])
    rate = Rate()

    async def take(client: str) -> bool:
        try:
            await rate.take(client, 1)
        except Refusal as refusal:
            return refusal.retry_after == pytest.approx(60 - (at[0] - 1000)) and refusal.error != "rate_limited"
        return True

    async def all_of_it() -> list[bool]:
        found = [await take("a"), await take("b"), await take("a")]
        at[0] += 59
        found.append(await take("a"))
        at[0] += 2
        return [*found, await take("a")]

    assert asyncio.run(all_of_it()) == [True, True, False, False, True]


def test_a_key_is_asked_for_kept_here_and_nowhere_written(tmp_path: Path) -> None:
    with scripted(yes) as upstream, serving(tmp_path, {"box": upstream.url}, apiKey="s3cret-key") as one:
        one.document["models"]["servers"]["box"]["apiKey"] = "up-key"
        one.configure()
        for headers, code in (({}, 401), ({"Authorization": "Bearer other"}, 401), ({"x-api-key": "s3cret-key"}, 200),
                              ({"Authorization": "bearer s3cret-key"}, 200)):
            answer = requests.post(one.openai + CHAT, json=ask(), headers=headers, timeout=5)
            assert answer.status_code == code, headers
        assert requests.get(f"{one.openai}/v1/models", timeout=5).status_code == 401
        assert [asked.headers["authorization"] for asked in upstream.asked] == ["Bearer up-key"] * 2
        assert not any("s3cret-key" in str(asked.headers) for asked in upstream.asked)
        one.document["models"]["servers"]["box"].pop("apiKey")
        one.configure(apiKey="")
        requests.post(one.openai + CHAT, json=ask(), headers={"Authorization": "Bearer mine"}, timeout=5)
        assert upstream.asked[-1].headers["authorization"] == "Bearer mine"
        assert "s3cret-key" not in json.dumps([one.status(), one.client.requests(0)])
        assert "s3cret-key" not in (tmp_path / "serving.log").read_text()
        assert (tmp_path / "serving.json").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "serving.sock").stat().st_mode & 0o777 == 0o600


def test_a_request_has_its_largest_size(tmp_path: Path) -> None:
    with scripted(yes) as upstream, serving(tmp_path, {"box": upstream.url}, maxRequestMb=1) as one:
        answer = requests.post(one.openai + CHAT, data=b"x" * (1 << 20), timeout=5)
        assert answer.status_code == 200
        for body in (b"x" * ((1 << 20) + 1), iter([b"x" * (1 << 20), b"y"])):  # its length told, or not
            answer = requests.post(f"{one.ollama}/api/chat", data=body, timeout=5)
            assert (answer.status_code, answer.json()) == (413, {"error": "The request is larger than 1 MiB."})
        assert [record.get("error") for record in one.record(0, 3)] == [None, "too_large", "too_large"]
        assert len(upstream.asked) == 1


def test_more_than_may_run_at_once_wait_and_more_than_may_wait_are_refused(tmp_path: Path) -> None:
    go = threading.Event()

    def slow(connection: socket.socket, asked: Asked) -> None:
        go.wait(20)
        yes(connection, asked)

    with scripted(slow) as upstream, serving(tmp_path, {"box": upstream.url}, concurrency=1, queueSize=1) as one, \
            ThreadPoolExecutor(3) as pool:
        def post() -> requests.Response:
            return requests.post(one.openai + CHAT, json=ask(), timeout=20)

        first = pool.submit(post)
        wait_until(lambda: len(upstream.asked) == 1)
        second = pool.submit(post)
        wait_until(lambda: one.status()["proxies"][1]["waiting"] == 1)
        third = post()
        assert (third.status_code, third.json()["error"]["code"]) == (503, "queue_full")
        assert third.headers["Retry-After"]
        lane = one.status()["lanes"][0]
        assert (lane["running"], lane["waiting"], len(upstream.asked)) == (1, 1, 1)
        go.set()
        assert [first.result().status_code, second.result().status_code] == [200, 200]
        records = {record["seq"]: record for record in one.record(0, 3)}
        assert [record.get("error") for record in records.values()].count("queue_full") == 1
        waited = sorted(record["queue"] for record in records.values() if "error" not in record)
        assert waited[1] > waited[0]


def test_turns_are_given_in_order_and_a_client_that_leaves_takes_none() -> None:
    async def all_of_it() -> list[str]:
        turns, order = Turns(), []

        async def one(name: str) -> None:
            await turns.take("m", lambda: 1, 5)
            order.append(name)
            await asyncio.sleep(0.0)
            turns.give_back("m")

        await turns.take("m", lambda: 1, 5)
        waiting = [asyncio.create_task(one(name)) for name in "abc"]
        await asyncio.sleep(0.0)
        waiting[1].cancel()
        turns.give_back("m")
        await asyncio.gather(*waiting, return_exceptions=True)
        await turns.take("m", lambda: 1, 0)  # nothing is left over
        with pytest.raises(Refusal):
            await turns.take("m", lambda: 1, 0)
        return order

    assert asyncio.run(all_of_it()) == ["a", "c"]


def test_a_change_of_address_binds_anew_and_drops_no_request(tmp_path: Path) -> None:
    go = threading.Event()

    def slow(connection: socket.socket, asked: Asked) -> None:
        go.wait(20)
        yes(connection, asked)

    with scripted(slow) as upstream, serving(tmp_path, {"box": upstream.url}) as one, ThreadPoolExecutor(1) as pool:
        before = one.openai
        running = pool.submit(requests.post, before + CHAT, json=ask(), timeout=20)
        wait_until(lambda: len(upstream.asked) == 1)
        old, fresh = one.ports["lmstudio"], free_port()
        one.ports["lmstudio"] = one.document["proxies"]["lmstudio"]["port"] = fresh
        one.configure(maxRequestMb=2)
        assert not listens(old) and listens(fresh)
        go.set()
        assert running.result().status_code == 200
        assert requests.post(one.openai + CHAT, json=ask(), timeout=20).status_code == 200
        assert one.status()["proxies"][1]["requests"] == 2


def test_a_taken_port_is_said_with_who_holds_it_and_tried_again(tmp_path: Path) -> None:
    with scripted(yes) as upstream, serving(tmp_path, {"box": upstream.url}) as one:
        holder = socket.create_server(("127.0.0.1", 0))
        one.ports["lmstudio"] = one.document["proxies"]["lmstudio"]["port"] = holder.getsockname()[1]
        one.configure()
        ollama, lmstudio = one.status()["proxies"]
        assert ollama["up"] and not lmstudio["up"] and "healthy" not in lmstudio
        assert f"process {os.getpid()}" in lmstudio["problem"]
        assert requests.post(f"{one.ollama}/api/chat", json=ask(), timeout=5).status_code == 200
        holder.close()
        wait_until(lambda: one.status()["proxies"][1]["up"], what="it listens")
        assert requests.post(one.openai + CHAT, json=ask(), timeout=5).status_code == 200


def test_a_configuration_that_is_none_changes_nothing(before_nothing: Serving) -> None:
    from serving.client import ServingRefused

    before = before_nothing.status()["configured"]
    with pytest.raises(ServingRefused, match="proxies must be an object"):
        before_nothing.client.configure({"proxies": []})
    assert before_nothing.status()["configured"] == before
    with pytest.raises(ServingRefused, match="No model process is named"):
        before_nothing.client.start("x/y z")


def test_records_are_a_ring_of_requests_and_of_bytes() -> None:
    ring = Records(most=3, most_bytes=1000)
    for number in range(5):
        ring.add({"id": str(number)})  # type: ignore[typeddict-item]
    page = json.loads(ring.page("b", 0, 10))
    assert (page["first"], page["last"], [one["id"] for one in page["requests"]]) == (3, 5, ["2", "3", "4"])
    assert [one["seq"] for one in json.loads(ring.page("b", 3, 1))["requests"]] == [4]
    assert json.loads(ring.page("b", 5, 10))["requests"] == []
    ring.add({"id": "x" * 1100})  # type: ignore[typeddict-item]
    assert (ring.first, ring.last) == (6, 6)


def test_speeds_shares_and_percentiles_are_of_the_last_while(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [1000.0]
    monkeypatch.setattr("serving.proxy.totals.clock", lambda: at[0])
    recent = Recent()
    assert (recent.p95(), recent.mean(), recent.error_ratio()) == (None, None, None)
    for number in range(1000):
        recent.add({"duration": number / 1000})  # type: ignore[typeddict-item]
    p95 = recent.p95()
    assert p95 is not None and 0.9 <= p95 <= 1.0
    assert (recent.mean(), recent.error_ratio()) == (pytest.approx(0.4995), 0.0)
    at[0] += 61
    assert (recent.p95(), recent.error_ratio()) == (None, None)
    live = Live()
    for tenth in range(30):
        live.add(50 + tenth / 10 + 0.01)
    assert live.per_second(53.0) == 10
    assert live.per_second(53.55) == pytest.approx(5, abs=1)
    assert live.per_second(60.0) == 0


def flood(error: str | None, duration: float, count: int) -> list[Outcome]:
    """So many requests that ended alike."""
    one = {"duration": duration, "status": 503, "bytes_in": 0, "bytes_out": 0}
    return [one | ({"error": error} if error else {})] * count  # type: ignore[list-item]


@pytest.mark.parametrize("error", ["queue_full", "upstream", "refused"])
def test_requests_that_fail_at_once_make_no_model_look_fast(error: str) -> None:
    lane, totals = Lanes().of("ollama", "box", "openai", "m"), ProxyTotals()
    for outcome in [*flood(error, 0.001, 300), *flood(None, 8.0, 20), *flood(error, 0.001, 300)]:
        lane.finish(outcome, Told())
        totals.finish(outcome)
    told = lane.status(0.0)
    assert (told["p95"], told["mean"], told["ended"], totals.recent.mean()) == (8.0, pytest.approx(8.0), 20, 8.0)
    assert told["error_ratio"] == pytest.approx(0 if error == "refused" else 600 / 620)


def test_where_all_fail_the_share_is_told_and_no_time_is() -> None:
    lane = Lanes().of("ollama", "box", "openai", "m")
    for outcome in flood("connect", 0.001, 3):
        lane.finish(outcome, Told())
    told = lane.status(0.0)
    assert told["error_ratio"] == 1 and not {"p95", "mean", "ended"} & told.keys()


@given(st.lists(st.tuples(
    st.sampled_from([None, None, "queue_full", "timeout", "refused", "client_gone"]), st.floats(0.001, 100),
), max_size=80))
def test_times_are_of_what_went_well_and_the_share_of_all(ended: list[tuple[str | None, float]]) -> None:
    recent = Recent()
    for error, duration in ended:
        recent.add(flood(error, duration, 1)[0])
    good = sorted(duration for error, duration in ended if error is None)
    stayed = [error for error, _ in ended if error != "client_gone"]
    assert recent.timed() == len(good)
    assert recent.mean() == (pytest.approx(sum(good) / len(good)) if good else None)
    assert recent.p95() == (good[math.ceil(0.95 * len(good)) - 1] if good else None)
    failed = [error for error in stayed if error in ("queue_full", "timeout")]
    assert recent.error_ratio() == (pytest.approx(len(failed) / len(stayed)) if stayed else None)


def test_what_no_engine_tells_is_not_counted_as_nothing() -> None:
    lane = Lanes().of("ollama", "box", "openai", "m")
    lane.finish({"duration": 1.0, "queue": 0.5, "output_tokens": 3}, Told(prompt_tokens=7))  # type: ignore[typeddict-item]
    told = lane.status(0.0)
    assert (told["tokens"], told["phases"]) == ({"prompt": 7, "output": 3}, {"queue": 0.5})


def test_names_of_models_do_not_fill_the_memory() -> None:
    lanes = Lanes()
    for number in range(MOST_LANES + 50):
        lanes.of("ollama", "box", "ollama", f"m{number}")
    told = lanes.status(0.0)
    assert len(told) == MOST_LANES + 1 and told[-1]["model"] == OTHER
