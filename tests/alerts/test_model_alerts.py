"""Alerts of models and proxies, fired and resolved by the real thing: a serving process, model servers and engines
through the collectors and the rules that are shipped. What happens is real; only the seconds of the alerts are ticks.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from collectors.base import Collector, NoData
from collectors.model_servers import ModelServers
from collectors.serving import Serving as ServingSource
from config.dashboard import AlertThresholds
from config.serving import ModelServer
from metrics.metric import Sample
from metrics.models import DURATION, OFF_GPU
from metrics.rates import Rates
from serving.client import ServingAway
from serving.wire import Status
from storage.database import Database
from tests.alerts.box import Box, make_box
from tests.collectors.replay_server import Reply, replay
from tests.engine import run
from tests.serving.processes.conftest import child
from tests.serving.proxy.support import Asked, Scripted, Serving, ask, scripted, serving, whole
from tests.support import free_port, wait_until

QUICK = "tests.alerts.quick_serving"


class Vigil:
    """A box that watches what a collector tells, a tick a second."""

    def __init__(self, box: Box, collector: Collector) -> None:
        self.box, self._collector, self._rates = box, collector, Rates()
        self.said: list[str] = []

    def tick(self) -> list[str]:
        """One tick: the news."""
        try:
            samples: list[Sample] = list(self._collector.collect(self.box.at))
        except NoData:
            samples = []
        news = self.box.take([*samples, *self._rates.derive(samples, self.box.at)])
        self.said += news
        return news

    def until(self, news: str, ticks: int) -> None:
        """Ticks until ``news`` is told."""
        before = list(self.said)
        for _ in range(ticks):
            if news in self.tick():
                return
        raise AssertionError(f"not within {ticks} ticks: {news}; there was {self.said[len(before):]}")

    def quiet(self, ticks: int = 90) -> None:
        """So many ticks without news."""
        assert [one for _ in range(ticks) for one in self.tick()] == []


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Callable[[Collector], Vigil]]:
    """``watching(collector)``: a box before it, with a limit of 200 ms for answers."""
    database = Database("state", tmp_path)
    boxes: list[Box] = []

    def make(collector: Collector) -> Vigil:
        boxes.append(make_box(tmp_path / "box", database, thresholds=AlertThresholds.model_validate({
            "latencyMs": 200, "errorRatePercent": 5,
        })))
        return Vigil(boxes[-1], collector)

    yield make
    for box in boxes:
        box.close()
    database.close()


def source(served: Serving, names: tuple[str, ...] = ("lmstudio",)) -> ServingSource:
    """The collector of a serving process."""

    def read() -> Status | None:
        try:
            return served.status()
        except ServingAway:
            return None

    return ServingSource(read, lambda: True, lambda: names)  # type: ignore[arg-type, return-value]


def chat(served: Serving) -> int:
    """Asks for an answer; its status."""
    body = json.dumps(ask()).encode()
    request = urllib.request.Request(
        f"{served.openai}/v1/chat/completions", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def chats(served: Serving, count: int) -> set[int]:
    """Asks so often; the statuses."""
    with ThreadPoolExecutor(4) as clients:
        return {one.result() for one in [clients.submit(chat, served) for _ in range(count)]}


class Moody:
    """A script whose answers are as a test wants them: after ``wait``, with ``status``."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.go_on: Callable[[], Any] = lambda: None

    def __call__(self, connection: socket.socket, _asked: Asked) -> None:
        self.go_on()
        answer = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
                  "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
        whole(connection, json.dumps(answer).encode(), self.status)


@pytest.fixture
def moody() -> Iterator[tuple[Scripted, Moody]]:
    mood = Moody()
    with scripted(mood) as server:
        yield server, mood


def slowly(seconds: float) -> Callable[[], Any]:
    """Waits on a socket that nobody writes to."""
    ours, theirs = socket.socketpair()

    def wait() -> None:
        ours.settimeout(seconds)
        try:
            ours.recv(1)
        except TimeoutError:
            theirs.fileno()

    return wait


def test_slow_answers_and_failed_ones(
    moody: tuple[Scripted, Moody], tmp_path: Path, watching: Callable[[Collector], Vigil],
) -> None:
    server, mood = moody
    with serving(tmp_path / "data", {"box": server.url}) as served:
        watched = source(served)
        vigil = watching(watched)
        vigil.quiet()
        mood.go_on = slowly(0.4)
        assert chats(served, 2) == {200}
        vigil.until("firing high_latency", 70)
        mood.go_on = lambda: None
        assert chats(served, 60) == {200}
        vigil.until("resolved high_latency", 40)
        took = next(one for one in watched.snapshot()["histograms"] if one["metric"] == DURATION.name)
        assert sum(took["counts"]) == 62 and 0.8 < took["sum"] < 60
        mood.status = "500 Internal Server Error"
        assert chats(served, 6) == {500}
        vigil.until("firing high_error_rate", 70)
        mood.status = "200 OK"
        assert chats(served, 140) == {200}
        vigil.until("resolved high_error_rate", 40)
    named = {row.rule: row.labels for row in vigil.box.rows()}
    assert named["high_latency"] == {"proxy": "lmstudio", "server": "box", "model": "m"}


class Counting:
    """The metrics of a TGI that counts what a test says."""

    def __init__(self) -> None:
        self.good = self.bad = self.slow = 0

    def __call__(self, path: str) -> Reply | None:
        quick = self.good - self.slow
        told = [
            f"tgi_request_success {self.good}", f'tgi_request_failure{{err="generation"}} {self.bad}',
            f'tgi_request_duration_bucket{{le="0.1"}} {quick}', f'tgi_request_duration_bucket{{le="0.5"}} {self.good}',
            f'tgi_request_duration_bucket{{le="+Inf"}} {self.good}',
            f"tgi_request_duration_sum {0.05 * quick + 0.4 * self.slow}", f"tgi_request_duration_count {self.good}",
        ]
        return Reply(200, "\n".join(told).encode()) if path == "/metrics" else None


def test_slow_answers_and_failed_ones_that_only_the_engine_tells(watching: Callable[[Collector], Vigil]) -> None:
    counting, now = Counting(), [0.0]
    with replay("tgi-3.3.6", changed=counting) as server:
        collector = ModelServers(
            lambda: {"box": ModelServer(url=server.url)}, lambda: False, clock=lambda: now[0], patience=20.0)
        vigil = watching(collector)

        def serve(ticks: int, news: str, *, good: int = 0, slow: int = 0, bad: int = 0) -> None:
            """Ticks, with so many requests in each, until ``news`` is told."""
            for _ in range(ticks):
                counting.good, counting.slow, counting.bad = (
                    counting.good + good + slow, counting.slow + slow, counting.bad + bad)
                now[0] += 1.0
                if news in vigil.tick():
                    return
            assert not news, f"not within {ticks} ticks: {news}; there was {vigil.said}"

        try:
            serve(90, "", good=3)
            assert vigil.said == []
            serve(140, "firing high_latency", good=2, slow=1)
            serve(200, "resolved high_latency", good=3)
            serve(140, "firing high_error_rate", good=3, bad=1)
            serve(200, "resolved high_error_rate", good=3)
        finally:
            collector.stop()
    assert {row.rule for row in vigil.box.rows()} == {"high_latency", "high_error_rate"}
    assert all(row.labels["engine"] == "tgi" and "proxy" not in row.labels for row in vigil.box.rows())


def test_requests_whose_answer_does_not_begin(
    moody: tuple[Scripted, Moody], tmp_path: Path, watching: Callable[[Collector], Vigil],
) -> None:
    server, mood = moody
    with serving(tmp_path / "data", {"box": server.url}, firstByteTimeout=150) as served:
        vigil = watching(source(served))
        vigil.quiet(5)
        mood.go_on = slowly(1.0)
        assert chats(served, 3) == {504}, "the model was never asked before: its counters are new"
        vigil.until("firing inference_timeout", 20)
        row, = [one for one in vigil.box.rows() if one.rule == "inference_timeout"]
        assert row.value == pytest.approx(3)
        vigil.until("resolved inference_timeout", 360)


def test_who_asks_too_often(
    moody: tuple[Scripted, Moody], tmp_path: Path, watching: Callable[[Collector], Vigil],
) -> None:
    server, _ = moody
    with serving(tmp_path / "data", {"box": server.url}, rateLimitPerMinute=5) as served:
        vigil = watching(source(served))
        assert chats(served, 3) == {200}
        vigil.quiet(20)
        assert 429 in chats(served, 6)
        vigil.until("firing rate_limit_exceeded", 20)
        vigil.until("resolved rate_limit_exceeded", 360)


def test_what_a_proxy_stands_before_goes_and_comes_back(
    tmp_path: Path, watching: Callable[[Collector], Vigil],
) -> None:
    with scripted() as first, scripted() as second, serving(tmp_path / "data", {"box": first.url}) as served:
        vigil = watching(source(served))
        vigil.quiet(40)
        served.configure({"box": f"http://127.0.0.1:{free_port()}"})
        vigil.until("firing proxy_unhealthy", 40)
        served.configure({"box": second.url})
        vigil.until("resolved proxy_unhealthy", 40)


def test_a_proxy_that_cannot_listen(tmp_path: Path, watching: Callable[[Collector], Vigil]) -> None:
    with scripted() as server, serving(tmp_path / "data", {"box": server.url}) as served:
        vigil = watching(source(served))
        vigil.quiet(20)
        with socket.create_server(("127.0.0.1", 0)) as other:
            served.document["proxies"]["lmstudio"]["port"] = other.getsockname()[1]
            served.configure()
            vigil.until("firing proxy_down", 15)
        served.configure()
        wait_until(lambda: all(one["up"] for one in served.status()["proxies"]), what="it listens")
        vigil.until("resolved proxy_down", 40)


def test_a_serving_process_that_was_killed(tmp_path: Path, watching: Callable[[Collector], Vigil]) -> None:
    with scripted() as server:
        with serving(tmp_path / "data", {"box": server.url}) as served:
            vigil = watching(source(served, ("lmstudio", "ollama")))
            vigil.quiet(20)
            served.process.kill()
            served.process.wait(20)
            vigil.until("firing proxy_down", 15)
            assert vigil.said.count("firing proxy_down") == 2  # both
        with serving(tmp_path / "data", {"box": server.url}):
            vigil.until("resolved proxy_down", 40)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Serving]:
    """A serving process with a model process of its own, ready."""
    with serving(tmp_path / "data", {}, module=QUICK) as served:
        served.document["models"]["processes"] = [child("good", autostart=False)]
        served.configure()
        served.client.start("good")
        wait_until(lambda: process_of(served)["state"] == "running", what="it is ready")
        yield served


def process_of(served: Serving) -> dict[str, Any]:
    """What is told of the model process."""
    return served.status()["processes"][0]


def test_a_model_process_that_is_killed(own: Serving, watching: Callable[[Collector], Vigil]) -> None:
    vigil = watching(source(own))
    vigil.quiet(40)
    os.kill(process_of(own)["pid"], signal.SIGKILL)
    wait_until(lambda: process_of(own)["state"] == "error", what="its end was noticed")
    vigil.until("firing model_crashed", 3)
    vigil.until("firing model_not_responding (inhibited:model_crashed)", 40)
    own.client.start("good")
    wait_until(lambda: process_of(own)["state"] == "running", what="it is ready again")
    vigil.until("resolved model_crashed", 40)


def test_a_model_process_that_hangs(own: Serving, watching: Callable[[Collector], Vigil]) -> None:
    vigil = watching(source(own))
    vigil.quiet(40)
    request = urllib.request.Request(f"{process_of(own)['url']}/hang", b"", method="POST")
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(request, timeout=0.3)
    wait_until(lambda: process_of(own).get("responding") is False, what="its silence was noticed")
    vigil.until("firing model_not_responding", 40)
    own.client.restart("good")
    wait_until(lambda: process_of(own)["state"] == "running" and process_of(own).get("responding"), what="it answers")
    vigil.until("resolved model_not_responding", 80)


def test_a_model_server_that_dies_and_comes_back(
    tiny_model: Path, watching: Callable[[Collector], Vigil],
) -> None:
    port = free_port()
    collector = ModelServers(lambda: {"box": ModelServer(url=f"http://127.0.0.1:{port}")}, lambda: False)
    try:
        with run.engine(tiny_model, port=port) as engine:
            vigil = watching(collector)
            wait_until(lambda: any(one.metric.name == "model_up" for one in collector.collect(0.0)), what="it is seen")
            vigil.quiet(40)
            engine.process.kill()
            engine.process.wait(20)
            vigil.until("firing model_not_responding", 60)
        with run.engine(tiny_model, port=port):
            vigil.until("resolved model_not_responding", 60)
    finally:
        collector.stop()


def test_a_server_that_only_lists_its_models_dies_and_comes_back(watching: Callable[[Collector], Vigil]) -> None:
    with replay("openai-compatible") as server:
        seconds = count(0.0, 20.0)  # a server that is not recognised is asked again in a while
        collector = ModelServers(
            lambda: {"box": ModelServer(url=server.url)}, lambda: False, clock=lambda: next(seconds), patience=20.0)
        try:
            vigil = watching(collector)
            vigil.quiet(40)
            server.changed = lambda _path: Reply(502)
            vigil.until("firing model_not_responding", 60)
            server.changed = lambda _path: None
            vigil.until("resolved model_not_responding", 140)
        finally:
            collector.stop()


def test_a_model_of_which_a_part_is_in_host_memory(watching: Callable[[Collector], Vigil]) -> None:
    with replay("ollama-0.5.1") as server:
        collector = ModelServers(lambda: {"box": ModelServer(url=server.url)}, lambda: False)
        try:
            vigil = watching(collector)
            wait_until(lambda: any(one.metric is OFF_GPU for one in collector.collect(0.0)), what="it is seen")
            vigil.until("firing model_partly_on_gpu", 70)
        finally:
            collector.stop()
    row, = vigil.box.rows()
    assert row.labels["model"] == "qwen2.5:7b" and row.value == pytest.approx(0.228, abs=0.001)


def test_a_model_process_of_which_a_part_is_in_host_memory(
    own: Serving, watching: Callable[[Collector], Vigil],
) -> None:
    own.document["models"]["processes"] = [child("partly", autostart=True)]
    own.configure()
    wait_until(lambda: process_of(own).get("on_gpu"), what="it wrote where its model lies")
    vigil = watching(source(own))
    vigil.until("firing model_partly_on_gpu", 70)
    row, = vigil.box.rows()
    assert row.labels["server"] == row.labels["model"] == "partly" and row.value == pytest.approx(0.390, abs=0.001)
    own.client.stop("partly")
    vigil.until("resolved model_partly_on_gpu", 120)
