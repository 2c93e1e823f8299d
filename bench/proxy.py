"""What the measuring proxy costs, beside none, nginx and LiteLLM, in one run; and whether both proxies measure right.

``python -m bench.proxy [--seconds 3] [--rounds 3] [--requests 20000] [--abandoned 200] [--litellm VENV]``: the issue's
own figures are --requests 100000 --abandoned 1000. nginx stands for the model server where one is installed. Everything
runs on this machine, so compare rows; on a busy one the rounds differ, and the best of each is told.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import requests

from bench import usage
from bench.proxy_load import LIST, MODEL, WHOLE
from serving.client import ServingAway, ServingClient
from tests.engine import models, run
from tests.support import free_port, listens, wait_until

STREAMS, CHUNKS, PAUSE = 100, 150, 0.02
OURS, GATHERED = "ours", "ours, llama.cpp"
"""A llama.cpp is asked for streams, and its answer put together: a client that leaves frees its slot so. It has a
connection for each request, as it closes them."""
KEY = "sk-bench-0123456789abcdef"
TARGETS = "Targets: added p50 < 0.5 ms, >= 4,500 req/s with 32 clients, chunk delay p99 < 6 ms with 100 streams."


@dataclass(frozen=True)
class Way:
    """A way to the model server: port of the requests, port of the streams (0: none are measured)."""

    name: str
    whole: int
    streams: int


def load(*words: object) -> dict[str, Any]:
    """What `bench.proxy_load` measures, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.proxy_load", *map(str, words)], capture_output=True, text=True, check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@contextlib.contextmanager
def started(*command: str, port: int, within: float = 60, **more: Any) -> Iterator[None]:
    """A program that listens."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        wait_until(lambda: listens(port), within, f"{command[0]} listens")
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


def nginx_configuration(folder: Path, server: int, whole: int, streams: int, behind: int) -> str:
    """nginx as a model server on ``server``, and as a proxy before it and before the stream server ``behind``."""
    def before(listen: int, target: int) -> str:
        return f"""
  upstream u{target} {{ server 127.0.0.1:{target}; keepalive 128; keepalive_requests 1000000; }}
  server {{ listen 127.0.0.1:{listen} backlog=4096; location / {{ proxy_pass http://u{target}; proxy_buffering off;
    proxy_http_version 1.1; proxy_set_header Connection ""; }} }}"""

    return f"""daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; default_type application/json;
  server {{ listen 127.0.0.1:{server} backlog=4096; location = /v1/models {{ return 200 '{LIST.decode()}'; }}
    location / {{ return 200 '{WHOLE.decode()}'; }} }}{before(whole, server)}{before(streams, behind)}
}}"""


class Ours:
    """The serving process, its proxy before one server at a time."""

    def __init__(self, folder: Path) -> None:
        self.client, self.port, self.ollama = ServingClient(folder), free_port(), free_port()
        self.process = subprocess.Popen([sys.executable, "-m", "serving", "--folder", str(folder)])
        wait_until(self.answers, 20, "the serving process answers")

    def answers(self) -> bool:
        """Whether it is there."""
        with contextlib.suppress(ServingAway):
            return bool(self.client.status()["pid"])
        return False

    def before(self, url: str, engine: str = "auto") -> None:
        """Puts the proxies before a server."""
        ports = {"lmstudio": self.port, "ollama": self.ollama}
        self.client.configure({
            "proxies": {name: {"enabled": True, "port": port, "rateLimitPerMinute": 1_000_000}
                        for name, port in ports.items()},
            "models": {"servers": {"box": {"url": url, "engine": engine}}},
        })
        wait_until(lambda: self.client.status()["upstreams"][0]["state"] == "ok" and all(map(listens, ports.values())))

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(20)


@contextlib.contextmanager
def litellm(venv: Path | None, folder: Path, server: int) -> Iterator[Way | None]:
    """LiteLLM's proxy before a server, where it is installed."""
    program = venv / "bin" / "litellm" if venv is not None else None
    if program is None or not program.exists():
        print("LiteLLM: not installed (give --litellm VENV)\n")
        yield None
        return
    port, config = free_port(), folder / "litellm.yaml"
    config.write_text(json.dumps({
        "model_list": [{"model_name": MODEL, "litellm_params": {
            "model": f"openai/{MODEL}", "api_base": f"http://127.0.0.1:{server}/v1", "api_key": "none"}}],
        "general_settings": {"master_key": KEY},
    }))
    environment = {**os.environ, "LITELLM_MASTER_KEY": KEY, "LITELLM_LOG": "ERROR"}
    with started(str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), port=port,
                 within=180, env=environment):
        yield Way("LiteLLM", port, 0)


def costs(ways: list[Way], before: Callable[[Way, str], None], seconds: float, rounds: int) -> None:
    """Requests and streams by each way, the rounds interleaved; prints the table."""
    found: dict[str, list[list[float]]] = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            before(way, "whole")
            one, many = load("requests", way.whole, 1, seconds), load("requests", way.whole, 32, seconds)
            if one["wrong"] or many["wrong"]:
                print(f"{way.name}: wrong answers: {one['first_wrong'] or many['first_wrong']}")
            row = [one["p50"], one["p99"], many["per_second"], many["p99"]]
            if way.streams:
                before(way, "streams")
                stream = load("streams", way.streams, STREAMS, CHUNKS, PAUSE)
                row += [stream["p50"], stream["p99"], float(stream["wanted"] - stream["chunks"])]
            found[way.name].append(row)
    best = {name: [max(column) if place == 2 else min(column) for place, column in enumerate(zip(*rows))]
            for name, rows in found.items()}
    direct = best["direct"][0]
    head = ("", "added p50, ms", "p50 c=1", "p99 c=1", "req/s c=32", "p99 c=32", "chunk p50", "chunk p99", "lost")
    print(usage.table(head, [
        (name, row[0] - direct, *row, *([None] * (7 - len(row)))) for name, row in best.items()
    ]))
    print(f"\n{TARGETS}\n")


def memory(ours: Ours, whole: str, streams: str, count: int, abandoned: int) -> None:
    """What is left of many requests and of streams that were left; prints it."""
    def now() -> float:
        return usage.pss([ours.process.pid])

    def files() -> int:
        return len(list(Path(f"/proc/{ours.process.pid}/fd").iterdir()))

    def total(count: Literal["running", "gone"]) -> int:
        return sum(one[count] for one in ours.client.status()["proxies"])

    ours.before(whole)
    load("requests", ours.port, 32, 0, 21_000)  # the ring of requests is full from here on
    rows = [("after 21,000 requests", now(), float(files()))]
    for part in range(1, 5):
        load("requests", ours.port, 32, 0, count // 4)
        rows.append((f"{21_000 + part * (count // 4):,} requests", now(), float(files())))
    ours.before(streams)
    load("abandon", ours.port, abandoned)
    wait_until(lambda: total("running") == 0 and total("gone") >= abandoned, 30, "each abandoned stream is noticed")
    rows.append((f"and {abandoned:,} abandoned streams", now(), float(files())))
    print(usage.table(("", "PSS, MiB", "files open"), rows))
    print(f"\n{total('gone'):,} clients counted as gone\n")


@dataclass(frozen=True)
class Measured:
    """One stream, measured by its client and by the proxy."""

    first_off: float
    """The proxy's time to first token off the client's, ms."""
    ratio: float
    """The proxy's time between tokens in the engine's own."""
    wrong: bool
    """The proxy counted other tokens than the engine."""


def accuracy(ours: Ours, streams: int) -> None:
    """The times of each proxy beside a stopwatch of the client's and the engine's own; prints the table."""
    with tempfile.TemporaryDirectory() as folder, run.engine(
        models.slow(Path(folder) / "slow.gguf"), "-c", "2048", alias="slow"
    ) as engine:
        ours.before(engine.url)
        found = {name: [one(ours, number) for number in range(streams)]
                 for name, one in (("OpenAI's", _openai_stream), ("Ollama's, translated", _ollama_stream))}
    print(usage.table(
        ("proxy", "first token, ms off: median", "largest", "between tokens, of the engine's: median", "least", "most",
         "other counts", "streams"),
        [(name, statistics.median(one.first_off for one in got), max(one.first_off for one in got),
          statistics.median(one.ratio for one in got), min(one.ratio for one in got), max(one.ratio for one in got),
          float(sum(one.wrong for one in got)), float(len(got))) for name, got in found.items()],
    ))
    print("\nTargets: within 5 ms, 0.99 to 1.01, none.")


def _question(number: int) -> str:
    return f"{number} " * (1 + number * 4)


def _openai_stream(ours: Ours, number: int) -> Measured:
    body = {"model": "slow", "stream": True, "max_tokens": 120, "cache_prompt": False,
            "messages": [{"role": "user", "content": _question(number)}]}
    after, first, last = _streamed(ours, f"http://127.0.0.1:{ours.port}/v1/chat/completions", body, b'"timings"')
    timings = json.loads(last[5:])["timings"]
    return _beside(ours, after, first, timings["predicted_n"], timings["predicted_per_token_ms"])


def _ollama_stream(ours: Ours, number: int) -> Measured:
    """What the translated answer tells of the engine is the engine's own word: `serving.proxy.answer_ollama`."""
    body = {"model": "slow", "options": {"num_predict": 120},
            "messages": [{"role": "user", "content": _question(number)}]}
    after, first, last = _streamed(ours, f"http://127.0.0.1:{ours.ollama}/api/chat", body, b'"eval_count"')
    told = json.loads(last)
    return _beside(ours, after, first, told["eval_count"], told["eval_duration"] / 1e6 / told["eval_count"])


def _streamed(ours: Ours, url: str, body: dict[str, Any], mark: bytes) -> tuple[int, float, bytes]:
    """The newest request before, seconds until the first text, and the line that holds ``mark``."""
    after = ours.client.status()["requests"]["last"]
    begin, seen, last = time.perf_counter(), None, b""
    with requests.post(url, json=body, stream=True, timeout=60) as answer:
        for line in answer.iter_lines():
            if seen is None and b'"content":"' in line:
                seen = time.perf_counter() - begin
            if mark in line:
                last = line
    if seen is None or not last:
        raise SystemExit(f"{url} answered {answer.status_code} without a text or its numbers")
    return after, seen, last


def _beside(ours: Ours, after: int, first: float, tokens: int, between: float) -> Measured:
    wait_until(partial(_some, ours, after))
    told = ours.client.requests(after)["requests"][0]
    return Measured(abs(told["ttft"] - first) * 1e3, told["itl"] * 1e3 / between, told.get("output_tokens") != tokens)


def _some(ours: Ours, after: int) -> bool:
    return bool(ours.client.requests(after)["requests"])


def main() -> None:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.proxy", allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--abandoned", type=int, default=200)
    parser.add_argument("--streams", type=int, default=12)
    parser.add_argument("--litellm", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as closing:
        folder, server = Path(name), free_port()
        closing.enter_context(started(sys.executable, "-m", "bench.proxy_load", "serve", str(server), port=server))
        whole = server
        ways = []
        program = shutil.which("nginx")
        if program is None:
            print("nginx: not installed\n")
        else:
            whole, before_whole, before_streams = free_port(), free_port(), free_port()
            (folder / "nginx.conf").write_text(
                nginx_configuration(folder, whole, before_whole, before_streams, server))
            closing.enter_context(started(
                program, "-p", name, "-c", str(folder / "nginx.conf"), port=before_streams))
            ways.append(Way("nginx", before_whole, before_streams))
        (folder / "data").mkdir()
        ours = Ours(folder / "data")
        closing.callback(ours.stop)
        bare_whole, bare_streams = free_port(), free_port()
        for port, behind in ((bare_whole, whole), (bare_streams, server)):
            closing.enter_context(started(
                sys.executable, "-m", "bench.proxy_bare", str(port), f"http://127.0.0.1:{behind}", port=port))
        ways = [
            Way("direct", whole, server), *ways, Way("bare aiohttp", bare_whole, bare_streams),
            Way(OURS, ours.port, ours.port), Way(GATHERED, ours.port, 0),
        ]
        other = closing.enter_context(litellm(given.litellm, folder, whole))
        ways += [other] if other is not None else []
        urls = {"whole": f"http://127.0.0.1:{whole}", "streams": f"http://127.0.0.1:{server}"}

        def before(way: Way, what: str) -> None:
            if way.name == GATHERED:
                ours.before(urls["streams"], "llamacpp")
            elif way.name == OURS:
                ours.before(urls[what], "vllm")

        costs(ways, before, given.seconds, given.rounds)
        memory(ours, urls["whole"], urls["streams"], given.requests, given.abandoned)
        accuracy(ours, given.streams)


if __name__ == "__main__":
    main()
