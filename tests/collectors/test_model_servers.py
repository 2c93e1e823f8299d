"""The collector of model servers: against the real engine, and against servers that fail in every way."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from collectors.base import NoData
from collectors.engines.discovery import SETTLED_AFTER, Own
from collectors.engines.listeners import Listener
from collectors.model_servers import NONE_CONFIGURED, NONE_FOUND, ModelServers
from config.serving import ModelServer
from metrics.metric import Sample
from metrics.models import ERROR_RATIO, MEAN, OF_ENGINES, P95
from serving.service import own_ports, targets
from tests.collectors.reading import read_keys
from tests.collectors.replay_server import Reply, replay
from tests.engine import models, run
from tests.support import free_port, wait_until

Made = Callable[..., ModelServers]


@pytest.fixture
def made() -> Iterator[Made]:
    """``made(name=url or ModelServer, …)``: a collector of these, which searches for no others."""
    collectors: list[ModelServers] = []

    def make(how: dict[str, Any] | None = None, **servers: str | ModelServer) -> ModelServers:
        targets = {
            name: one if isinstance(one, ModelServer) else ModelServer(url=one) for name, one in servers.items()
        }
        collectors.append(ModelServers(lambda: targets, **{"discover": lambda: False, "patience": 20.0} | (how or {})))
        return collectors[-1]

    yield make
    for one in collectors:
        one.stop()


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.slow(tmp_path_factory.mktemp("models") / "slow.gguf")


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def ask(url: str, tokens: int, prompt: str = "the of and to") -> Any:
    body = {"model": "tiny", "prompt": prompt, "max_tokens": tokens, "cache_prompt": True}
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/completions", json.dumps(body).encode(), kind)
    with urllib.request.urlopen(request, timeout=100) as answer:
        return json.load(answer)


def of(server: str, collector: ModelServers) -> dict[str, Any]:
    return next(one for one in collector.snapshot()["servers"] if one["name"] == server)


def values(found: dict[str, float], metric: str) -> list[float]:
    return [value for key, value in found.items() if key.partition("{")[0] == metric]


def looked(collector: ModelServers, done: Callable[[dict[str, float]], Any]) -> dict[str, float]:
    """Looks until ``done`` finds what it waits for among the samples."""
    newest: dict[str, float] = {}

    def look() -> bool:
        newest.clear()
        newest.update(read_keys(collector))
        return bool(done(newest))

    wait_until(look, 20)
    return newest


# The real engine


def test_the_real_engine_is_recognised_and_told(tiny_model: Path, made: Made) -> None:
    with run.engine(tiny_model, "-np", "2", "-c", "1024") as engine:
        collector = made(box=engine.url)
        found = read_keys(collector)
        before = ask(engine.url, 40)["usage"]
        again = ask(engine.url, 40)["usage"]
        later = read_keys(collector)
        told = of("box", collector)
    labels = 'engine="llamacpp",model="tiny",server="box"'
    assert found['model_server_up{engine="llamacpp",server="box"}'] == 1
    assert found[f"model_up{{{labels}}}"] == found[f"model_loaded{{{labels}}}"] == 1
    assert found[f"model_slots{{{labels}}}"] == 2
    assert found[f"model_output_tokens_total{{{labels}}}"] == 0
    assert f"model_prefix_cache_hit_ratio{{{labels}}}" not in found
    assert later[f"model_output_tokens_total{{{labels}}}"] == 80
    prompts = before["prompt_tokens"] + again["prompt_tokens"]
    cached = again["prompt_tokens_details"]["cached_tokens"]
    assert later[f"model_prompt_tokens_total{{{labels}}}"] == prompts
    assert later[f"model_cached_tokens_total{{{labels}}}"] == cached > 0
    assert later[f"model_prefix_cache_hit_ratio{{{labels}}}"] == pytest.approx(cached / prompts)
    assert (told["engine"], told["state"], told["found"], told["message"]) == ("llamacpp", "ok", "configured", "")
    assert told["models"][0]["quantisation"] == "all F32" and told["models"][0]["size"] > 500_000


def test_live_speed_context_and_queue_of_requests_that_go_on(slow_model: Path, made: Made) -> None:
    with run.engine(slow_model, "-np", "1", "-c", "1024") as engine, ThreadPoolExecutor(2) as clients:
        collector = made(box=engine.url)
        read_keys(collector)
        answers = [clients.submit(ask, engine.url, 200) for _ in range(2)]
        found = looked(collector, lambda now: values(now, "model_context_used_ratio") and any(
            values(now, "model_decode_tokens_per_second")) and values(now, "model_requests_waiting") == [1.0])
        assert values(found, "model_requests_running") == [1.0]
        assert values(found, "model_output_tokens_total")[0] in (0.0, 200.0)  # it moves at the end of a request only
        assert [answer.result()["usage"]["completion_tokens"] for answer in answers] == [200, 200]
        assert 0 < values(found, "model_context_used_ratio")[0] <= 1


def test_every_token_is_in_the_live_speed_once(slow_model: Path, made: Made) -> None:
    now = [0.0]
    with run.engine(slow_model, "-np", "2", "-c", "2048") as engine, ThreadPoolExecutor(4) as clients:
        collector = made({"clock": lambda: now[0]}, box=engine.url)
        read_keys(collector)
        answers = [clients.submit(ask, engine.url, 20 + 15 * n) for n in range(4)]
        written, since = 0.0, now[0]

        def look() -> bool:
            nonlocal written, since
            ended = all(answer.done() for answer in answers)
            now[0] += 1.0
            for speed in values(read_keys(collector), "model_decode_tokens_per_second"):
                written, since = written + speed * (now[0] - since), now[0]
            return ended

        wait_until(look, 60)
        assert written == pytest.approx(sum(20 + 15 * n for n in range(4)))


def test_looking_neither_wakes_a_sleeping_model_nor_keeps_it_awake(tiny_model: Path, made: Made) -> None:
    with run.engine(tiny_model, "--sleep-idle-seconds", "1") as engine:
        collector = made(box=engine.url)
        ask(engine.url, 5)
        found = looked(collector, lambda now: values(now, "model_asleep") == [1.0])
        assert values(found, "model_loaded") == [0.0] and not values(found, "model_loaded_bytes")
        assert values(found, "model_requests_running") == [0.0]
        assert values(found, "model_output_tokens_total") == [5.0]
        seen = []
        looked(collector, lambda now: seen.extend(values(now, "model_asleep")) or len(seen) > 40)
        assert set(seen) == {1.0}
        assert get(f"{engine.url}/props")["is_sleeping"] is True
        ask(engine.url, 5)
        found = looked(collector, lambda now: values(now, "model_asleep") == [0.0])
        assert values(found, "model_output_tokens_total") == [10.0]
        looked(collector, lambda now: values(now, "model_asleep") == [1.0])  # though it was looked at all the time


def test_an_engine_that_dies_is_down_and_comes_back(tiny_model: Path, made: Made) -> None:
    port = free_port()
    collector = made(box=f"http://127.0.0.1:{port}")
    with run.engine(tiny_model, port=port) as engine:
        looked(collector, lambda now: values(now, "model_up") == [1.0])
        engine.process.kill()
        engine.process.wait(20)
        found = looked(collector, lambda now: values(now, "model_up") == [0.0])
        assert found == {
            'model_server_up{engine="llamacpp",server="box"}': 0.0,
            'model_up{engine="llamacpp",model="tiny",server="box"}': 0.0,
        }
        assert of("box", collector)["state"] == "down"
        assert [model["name"] for model in of("box", collector)["models"]] == ["tiny"]
        assert "refused" in of("box", collector)["message"]
        with run.engine(tiny_model, port=port):
            looked(collector, lambda now: values(now, "model_up") == [1.0])
            assert of("box", collector)["state"] == "ok"


def test_an_engine_that_is_started_again_with_another_model_is_told_with_that_one(tiny_model: Path, made: Made) -> None:
    port = free_port()
    collector = made(box=f"http://127.0.0.1:{port}")
    for alias in ("first", "second"):
        with run.engine(tiny_model, alias=alias, port=port):  # no look while none listens
            read_keys(collector)
            assert [model["name"] for model in of("box", collector)["models"]] == [alias]


def test_another_process_on_a_port_is_asked_anew_what_it_serves(made: Made) -> None:
    now = [0.0]
    with replay("litellm-1.109.1") as server:
        sockets = [Listener(int(server.url.rpartition(":")[2]), "127.0.0.1", 7, "litellm")]
        collector = made({"sockets": lambda: sockets, "clock": lambda: now[0]}, box=server.url)

        def facts_read() -> int:
            now[0] += 0.01  # a minute has not passed when the test ends
            read_keys(collector)
            return sum(path == "/v1/models" for _, path in server.asked)

        wait_until(lambda: facts_read() and collector._discovery.seen.by_port)
        once = facts_read()
        assert facts_read() == once
        sockets[:] = [Listener(sockets[0].port, "127.0.0.1", 8, "litellm")]
        now[0] += 10.0
        wait_until(lambda: facts_read() > once)


def test_memory_cpu_and_gpu_memory_of_a_server_here(tiny_model: Path, made: Made) -> None:
    cards: list[dict[str, Any]] = []
    with run.engine(tiny_model) as engine:
        port, pid = int(engine.url.rpartition(":")[2]), engine.process.pid
        cards += [
            {"gpu": "0", "processes": [{"pid": pid, "memory_bytes": 3e9}, {"pid": 1, "memory_bytes": 9e9}]},
            {"gpu": "1", "processes": [{"pid": pid, "memory_bytes": None}]},
        ]
        collector = made({"gpu_processes": lambda: cards}, box=engine.url)
        found = looked(collector, lambda now: values(now, "model_memory_bytes") and values(now, "model_cpu_ratio"))
        assert of("box", collector)["pid"] == pid and port
        assert of("box", collector)["local"] is True
    labels = 'engine="llamacpp",{}model="tiny",server="box"'
    assert found[f"model_memory_bytes{{{labels.format('')}}}"] > 1e7
    gpu = 'gpu="0",'
    assert found[f"model_gpu_memory_bytes{{{labels.format(gpu)}}}"] == 3e9
    assert len(values(found, "model_gpu_memory_bytes")) == 1


def test_a_hung_engine_keeps_its_memory_until_it_has_gone(tiny_model: Path, made: Made) -> None:
    cards: list[dict[str, Any]] = []
    with run.engine(tiny_model) as engine:
        pid = engine.process.pid
        cards.append({"gpu": "0", "processes": [{"pid": pid, "memory_bytes": 3e9}]})
        collector = made({"gpu_processes": lambda: cards, "patience": 0.05}, box=engine.url)
        looked(collector, lambda now: values(now, "model_memory_bytes"))
        os.kill(pid, signal.SIGSTOP)
        try:
            found = looked(collector, lambda now: values(now, "model_up") == [0.0])
            assert values(found, "model_gpu_memory_bytes") == [3e9] and values(found, "model_memory_bytes")[0] > 1e7
            assert of("box", collector)["pid"] == pid
        finally:
            os.kill(pid, signal.SIGCONT)
        engine.process.kill()
        engine.process.wait(20)
        found = looked(collector, lambda now: values(now, "model_up") == [0.0])
        assert not values(found, "model_memory_bytes") and of("box", collector)["pid"] is None


def test_an_engine_that_asks_for_a_key(tiny_model: Path, made: Made) -> None:
    with run.engine(tiny_model, "--api-key", "right") as engine:
        collector = made(
            without=engine.url, wrong=ModelServer(url=engine.url, apiKey="wrong"),
            right=ModelServer(url=engine.url, apiKey="right"),
        )
        found = looked(collector, lambda now: len(values(now, "model_server_up")) == 3)
        assert values(found, "model_server_up") == [1.0, 1.0, 1.0]
        assert "asks for an API key" in of("without", collector)["message"]
        assert "refuses the API key" in of("wrong", collector)["message"]
        assert of("right", collector)["state"] == "ok"
        assert "right" not in json.dumps([of("without", collector), of("wrong", collector)])


# Servers that fail


def test_no_server_at_all_is_no_data(made: Made) -> None:
    with pytest.raises(NoData, match=NONE_CONFIGURED):
        read_keys(made())
    with pytest.raises(NoData, match=NONE_FOUND):
        read_keys(made({"discover": lambda: True, "sockets": list}))
    assert made().snapshot() == {}


def test_only_disabled_servers_are_no_data(made: Made) -> None:
    with replay("ollama-current") as server, pytest.raises(NoData):
        read_keys(made(box=ModelServer(url=server.url, enabled=False)))
    assert server.asked == []


def test_slow_and_dead_servers_hold_up_no_other(made: Made) -> None:
    with (
        replay(changed=lambda _path: Reply(200, b"{}", delay=30.0)) as slow, replay("ollama-0.5.1") as good,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        collector = made(
            {"patience": 1.5}, slow=slow.url, silent=f"http://127.0.0.1:{silent.getsockname()[1]}", good=good.url,
            dead=f"http://127.0.0.1:{free_port()}",
        )
        looks = [read_keys(collector) for _ in range(5)]
        for found in looks:
            assert found['model_server_up{engine="ollama",server="good"}'] == 1
        assert sum(path == "/api/ps" for _, path in good.asked) >= 5
        found = looked(collector, lambda now: sorted(values(now, "model_server_up")) == [0.0, 0.0, 0.0, 1.0])
        assert found['model_server_up{server="dead"}'] == 0, "what was never recognised has no engine"
        assert "does not answer within" in of("slow", collector)["message"]
        assert "does not answer within" in of("silent", collector)["message"]
        assert len(values(found, "model_up")) == 1


def test_a_server_elsewhere_is_told_from_one_here(made: Made) -> None:
    collector = made(far="http://nowhere.invalid:8000", here=f"http://localhost:{free_port()}")
    read_keys(collector)
    assert (of("far", collector)["local"], of("here", collector)["local"]) == (False, True)


def test_a_server_that_never_ends_its_headers_is_down(made: Made) -> None:
    now = [0.0]
    with replay("ollama-current") as good, socket.create_server(("127.0.0.1", 0)) as dripping:
        stopped = threading.Event()

        def drip() -> None:
            connection, _ = dripping.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not stopped.wait(0.05):
                    connection.sendall(b"z")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            collector = made(
                {"clock": lambda: now[0], "patience": 1.0},
                bad=f"http://127.0.0.1:{dripping.getsockname()[1]}", good=good.url
            )
            assert values(read_keys(collector), "model_server_up") == [1.0]
            now[0] = 11.0
            assert sorted(values(read_keys(collector), "model_server_up")) == [0.0, 1.0]
            assert "not ended its answer" in of("bad", collector)["message"]
        finally:
            stopped.set()
            thread.join()


def test_what_answers_and_is_no_model_server(made: Made) -> None:
    with replay(changed=lambda _path: Reply(200, b"<html>It works</html>")) as web:
        collector = made(auto=web.url, vllm=ModelServer(url=web.url, engine="vllm"))
        found = read_keys(collector)
    assert set(values(found, "model_server_up")) == {0.0}
    assert of("auto", collector)["state"] == of("vllm", collector)["state"] == "unrecognised"
    assert "not as any engine" in of("auto", collector)["message"]
    assert "as vLLM does" in of("vllm", collector)["message"]
    assert of("auto", collector)["models"] == []


def test_a_server_that_becomes_another_is_recognised_anew(made: Made) -> None:
    with replay("ollama-current") as server:
        collector = made(box=server.url)
        looked(collector, lambda now: values(now, "model_up") == [1.0])
        server.capture = "vllm-0.33.0"
        looked(collector, lambda now: values(now, "model_server_up") == [0.0])
        server.changed = lambda _path: Reply(502)
        looked(collector, lambda now: of("box", collector)["state"] == "unrecognised")
        assert of("box", collector)["engine"] == "ollama"


OF_A_PROCESS = ("model_memory_bytes", "model_cpu_ratio")
"""Told once it was seen whose process listens, which may be at the first look."""


def test_a_server_that_only_lists_its_models_says_nothing_of_them_until_it_is_down(made: Made) -> None:
    with replay("openai-compatible") as server:
        collector = made(box=server.url)
        told = {key: value for key, value in read_keys(collector).items() if not key.startswith(OF_A_PROCESS)}
        assert told == {'model_server_up{engine="openai",server="box"}': 1.0}
        assert [model["name"] for model in of("box", collector)["models"]] == ["tiny-chat", "tiny-embed"]
        assert not any("state" in model for model in of("box", collector)["models"])
        server.changed = lambda _path: Reply(502)
        found = looked(collector, lambda now: values(now, "model_server_up") == [0.0])
        assert values(found, "model_up") == [0.0, 0.0]
        server.changed = lambda _path: None
        found = looked(collector, lambda now: values(now, "model_server_up") == [1.0])
        assert not values(found, "model_up")


def test_histograms_come_in_the_tick_that_saw_them(made: Made) -> None:
    with replay("vllm-0.33.0") as server:
        collector = made(box=server.url)
        assert not values(read_keys(collector), "model_time_to_first_token_seconds")
        server.later = True
        found = read_keys(collector)
        assert sum(values(found, "model_time_to_first_token_seconds")) == 8
        assert not values(read_keys(collector), "model_time_to_first_token_seconds")


@pytest.mark.parametrize(("capture", "model", "mean", "p95", "failed"), [
    ("vllm-0.33.0", "Qwen/Qwen3-8B", 4.0, (2.5, 5.0), 0.0),
    ("sglang-0.5.23", "Qwen/Qwen3-32B", 5.0, (4.0, 6.0), None),
    ("vllm-0.6.6", "meta-llama/Llama-3.1-8B-Instruct", 3.0, (2.5, 5.0), None),
    ("tgi-3.3.6", "mistralai/Mistral-7B-Instruct-v0.3", 10 / 6, (0.9, 2.7), 0.0),
    ("litellm-1.109.1", "chat", 1.2, (1.0, 1.5), 0.0),
    ("litellm-1.109.1", "big", None, None, 1.0), ("ollama-current", "", None, None, None),
])
def test_what_an_engine_counts_gives_p95_mean_and_errors_of_a_minute(
    made: Made, capture: str, model: str, mean: float | None, p95: tuple[float, float] | None, failed: float | None,
) -> None:
    def told(name: str) -> list[float]:
        return [value for key, value in found.items() if key.startswith(f"{name}{{") and f'model="{model}"' in key]

    with replay(capture) as server:
        collector = made(box=server.url)
        names = MEAN.name, P95.name, ERROR_RATIO.name
        found = read_keys(collector)
        assert [told(name) for name in names] == [[], [], []]
        server.later = True
        found = read_keys(collector)
    assert told(names[0]) == ([] if mean is None else [pytest.approx(mean)])
    assert [p95[0] < value <= p95[1] for value in told(names[1]) if p95] == ([] if p95 is None else [True])
    assert told(names[2]) == ([] if failed is None else [failed])


def test_models_that_are_only_files_have_no_series_until_they_are_used(made: Made) -> None:
    with replay("ollama-0.5.1") as server:
        collector = made(box=server.url)
        found = read_keys(collector)
        assert not [key for key in found if "nomic" in key or "llama3.2" in key]
        assert [model["name"] for model in of("box", collector)["models"]][2] == "nomic-embed-text:latest"
        server.later = True
        assert values(read_keys(collector), "model_loaded") == [1.0, 1.0]
        server.later = False
        assert sorted(values(read_keys(collector), "model_loaded")) == [0.0, 1.0]


def test_a_changed_configuration_is_followed(made: Made) -> None:
    with replay("ollama-current") as one, replay("tgi-3.3.6") as other:
        targets = {"a": ModelServer(url=one.url)}
        collector = ModelServers(lambda: targets, lambda: False, patience=20.0)
        try:
            assert len(values(read_keys(collector), "model_server_up")) == 1
            targets["b"] = ModelServer(url=other.url, engine="tgi")
            assert len(values(read_keys(collector), "model_server_up")) == 2
            targets["a"] = ModelServer(url=other.url)
            read_keys(collector)
            assert of("a", collector)["engine"] == "tgi"
            targets.clear()
            with pytest.raises(NoData):
                read_keys(collector)
        finally:
            collector.stop()


def test_what_is_found_is_watched_and_what_is_configured_wins(made: Made) -> None:
    with replay("ollama-current") as found, replay("tgi-3.3.6") as both:
        ports = {int(one.url.rpartition(":")[2]) for one in (found, both)}
        sockets = [Listener(port, name="ollama", pid=None) for port in sorted(ports)]
        collector = made({"discover": lambda: True, "sockets": lambda: sockets}, mine=both.url)
        looked(collector, lambda now: len(values(now, "model_server_up")) == 2)
        told = {one["name"]: one["found"] for one in collector.snapshot()["servers"]}
    assert told == {f"ollama{found.url.removeprefix('http://127.0.0.1')}": "discovered", "mine": "configured"}


def test_it_is_told_which_servers_are_on_this_machine(made: Made) -> None:
    with replay("tgi-3.3.6") as near, replay("tgi-3.3.6") as tunnel:
        port = int(tunnel.url.rpartition(":")[2])
        sockets = [Listener(port, name="ssh", pid=None)]
        collector = made({"discover": lambda: True, "sockets": lambda: sockets}, near=near.url, tunnel=tunnel.url,
                         far="http://192.0.2.1:8000")
        looked(collector, lambda now: len(values(now, "model_server_up")) >= 2)
        assert {one["name"]: one["local"] for one in collector.snapshot()["servers"]} == {
            "near": True, "tunnel": False, "far": False,
        }


@pytest.mark.parametrize("long", [False, True])
def test_a_found_server_that_ends_is_down_only_if_it_had_been_there_for_long(
    tiny_model: Path, made: Made, long: bool,
) -> None:
    now, sockets = [0.0], list[Listener]()
    with run.engine(tiny_model) as engine:
        sockets.append(Listener(int(engine.url.rpartition(":")[2]), name="llama-server"))
        collector = made({"discover": lambda: True, "sockets": lambda: sockets, "clock": lambda: now[0]})
        looked(collector, lambda found: values(found, "model_server_up") == [1.0])
        now[0] += SETTLED_AFTER if long else SETTLED_AFTER - 60
        read_keys(collector)
    sockets.clear()
    told: list[list[float]] = []

    def look() -> bool:
        now[0] += 1.0
        try:
            told.append(values(read_keys(collector), "model_server_up"))
        except NoData:
            return True
        return told[-1] == [0.0]

    wait_until(look)
    if long:
        assert told[-1] == [0.0] and collector.snapshot()["servers"][0]["state"] == "down"
    else:
        assert [0.0] not in told, "no alert for what somebody tried out and stopped"


@pytest.mark.parametrize("seen", [True, False])
def test_another_program_on_the_port_of_a_found_server_is_no_alert(tiny_model: Path, made: Made, seen: bool) -> None:
    now, sockets = [0.0], list[Listener]()
    with run.engine(tiny_model) as engine:
        port = int(engine.url.rpartition(":")[2])
        sockets.append(Listener(port, "127.0.0.1", engine.process.pid if seen else None, "llama-server"))
        collector = made({"discover": lambda: True, "sockets": lambda: sockets, "clock": lambda: now[0]})
        looked(collector, lambda found: values(found, "model_server_up") == [1.0])
    with replay(port=port):
        sockets[:] = [Listener(port, "127.0.0.1", 1 if seen else None, "nginx")]
        told: list[list[float]] = []

        def look() -> bool:
            now[0] += 1.0
            try:
                told.append(values(read_keys(collector), "model_server_up"))
            except NoData:
                return True
            return False

        wait_until(look)
    assert [0.0] not in told


def test_only_declared_metrics(made: Made) -> None:
    with replay("sglang-0.5.23") as server:
        assert {s.metric for s in made(box=server.url).collect(0.0)} <= set(OF_ENGINES)
    assert threading.active_count() < 200


@pytest.mark.parametrize("written", [True, False])
def test_what_the_serving_process_tells_of_our_own_is_not_told_twice(tiny_model: Path, written: bool) -> None:
    with run.engine(tiny_model, alias="own") as running:
        process = {"name": "own", "url": running.url, "engine": "llamacpp", "state": "running"}
        process |= {"on_gpu": {"own": 0.5}} if written else {}
        card = {"gpu": "0", "processes": [{"pid": running.process.pid, "memory_bytes": 1000}]}
        collector = ModelServers(lambda: targets({}, {"processes": [process]}), lambda: False, Own, lambda: [card])
        try:
            found = wait_until(lambda: _samples(collector), 20, "it is looked at")
        finally:
            collector.stop()
    names = {sample.metric.name for sample in found if dict(sample.labels).get("server") == "own"}
    assert not names & {"model_up", "model_state", "model_memory_bytes", "model_cpu_ratio"}
    assert ("model_off_gpu_ratio" in names) is not written


def test_a_process_of_ours_is_no_found_server_while_it_loads(tiny_model: Path, made: Made) -> None:
    with run.engine(tiny_model) as engine:
        port = int(engine.url.rpartition(":")[2])
        told = {"processes": [{"name": "own", "url": engine.url, "port": port, "state": "loading"}, {"name": "off"}]}
        sockets = [Listener(port, "127.0.0.1", engine.process.pid, "llama-server")]
        collector = made({"discover": lambda: True, "sockets": lambda: sockets, "own": lambda: Own(own_ports(told))})
        with pytest.raises(NoData):
            read_keys(collector)
        told["processes"].clear()
        collector = made({"discover": lambda: True, "sockets": lambda: sockets, "own": lambda: Own(own_ports(told))})
        assert values(read_keys(collector), "model_server_up") == [1.0], "it would have been found"


def _samples(collector: ModelServers) -> list[Sample]:
    """What is told once a server and its process were looked at."""
    try:
        found = list(collector.collect(0.0))
    except NoData:
        return []
    return found if {"model_requests_running", "model_gpu_memory_bytes"} <= {one.metric.name for one in found} else []
