"""(f) The routes that programs poll, over HTTP with keep-alive, beside a route of the same web server that returns a
constant, VictoriaMetrics with the same series and Netdata's newest values, where they are installed.

``python -m bench.api [REQUESTS]``: fills a data folder with 24 h of 8 series at 1 s, starts Vigie on it, and asks one
request after the other (default 600 of `latest`, 200 of each history). Times are those of the client: request sent to
body read. With ``VIGIE_URL`` and ``VIGIE_TOKEN`` it asks a server that runs already, for
series it has.
"""

from __future__ import annotations

import http.client
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import orjson
from flask import Flask, Response
from requests import get, post

from bench.peers import installed, netdata, victoria_metrics
from bench.usage import table
from config.limits import HealthLimits
from metrics.metric import Metric, Sample, labels
from storage.archive.archive import Archive
from storage.database import Database
from storage.latest import Latest
from storage.ring.file import FileRing
from storage.roller import Roller
from storage.writer import Tick, Writer
from tests.e2e.harness import ROOT, Server
from tests.support import free_port, listens, wait_until

SERIES = 8
METRIC = Metric("bench_usage_ratio", "gauge", "ratio", "A made-up load")
PER_TOKEN = 1000
"""Requests per token: Vigie allows 1,200 a minute."""
ENCODINGS = ("identity", "gzip", "br")


def constant() -> Flask:
    """The baseline: a body as long as the flat row."""
    app = Flask("constant", static_folder=None)
    body = b'{"timestamp": "2026-11-20T16:42:00.000Z", "values": "' + b"x" * 350 + b'"}'
    app.add_url_rule("/", view_func=lambda: Response(body, content_type="application/json"))
    return app


def begin(hours: int) -> float:
    """The full hour at which the made-up past begins."""
    return time.time() // 3600 * 3600 - hours * 3600


def made_up(hours: int) -> Iterator[tuple[float, list[float]]]:
    """Each second up to now with a value for each series, the same every time."""
    clock, noise, values = begin(hours), random.Random(1), [0.5] * SERIES
    end = int(time.time())
    while clock < end:
        clock += 1
        values = [min(1.0, max(0.0, v + noise.gauss(0, 0.02) + 0.001 * math.sin(clock / 900))) for v in values]
        yield clock, values


def fill(folder: Path, hours: int = 24) -> None:
    """``hours`` of `SERIES` series at 1 s up to now: the newest in the ring, all of it in the archive."""
    clock = begin(hours)
    ring = FileRing(folder, 1, 1.0, 6 * 3600, now=lambda: clock)
    roller = Roller(ring, Archive(Database("archive", folder)), now=lambda: clock)
    writer = Writer(ring, Latest(HealthLimits()), lambda *_: None, lambda _: 1.0)
    pairs = [labels(n=str(n)) for n in range(SERIES)]
    for clock, values in made_up(hours):
        writer.write(Tick(clock, [Sample(METRIC, p, v) for p, v in zip(pairs, values)]))
        if clock % 3600 == 0:
            clock += LATE
            roller.run_once()
            clock -= LATE
    ring.close()


LATE = 5
"""Seconds after the hour at which it is rolled."""


class Client:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=30)

    def get(self, path: str, headers: dict[str, str]) -> tuple[float, int]:
        """Milliseconds and bytes of one answer.

        Raises:
            RuntimeError: it is not 200.
        """
        began = time.perf_counter()
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        return 1000 * took, len(body)


def measure(url: str, path: str, tokens: list[str], requests: int, encoding: str) -> tuple[float, float, int]:
    """p50 and p95 in ms, and bytes on the wire, after 20 requests that do not count."""
    client, times, size = Client(url), [], 0
    for i in range(-20, requests):
        headers = {"Accept-Encoding": encoding}
        if tokens:
            headers["Authorization"] = f"Bearer {tokens[i % len(tokens)]}"
        took, size = client.get(path, headers)
        if i >= 0:
            times.append(took)
    times.sort()
    return times[len(times) // 2], times[int(0.95 * len(times))], size


def history(series: list[str], seconds: int, points: int, extremes: bool = False) -> str:
    """The address of the columns of ``series``, with the extremes of each step or its mean alone."""
    end = int(time.time()) * 1000
    metrics = "".join(f"&metric={quote(key)}" for key in series)
    return f"/api/metrics/history?from={end - seconds * 1000}&to={end}&points={points}&extremes={extremes}{metrics}"


def rows(url: str, tokens: list[str], series: list[str], requests: int) -> list[tuple[object, ...]]:
    """A line per route and encoding."""
    found: list[tuple[object, ...]] = [
        ("/api/metrics/latest", "–", *measure(url, "/api/metrics/latest", tokens, requests, "gzip, br"), "0.9 / 2")
    ]
    for name, seconds, points, extremes, budget in (
        ("24 h x 8, every minute's mean", 86400, 1500, False, "4 / 8, 60 KB"),
        ("24 h x 8, 500 points with extremes", 86400, 500, True, "4 / 8, 60 KB"),
        ("1 h x 8, raw at 1 s", 3600, 4000, False, "3 / 5"),
    ):
        for encoding in ENCODINGS:
            path = history(series, seconds, points, extremes)
            found.append((name, encoding, *measure(url, path, tokens, requests // 3, encoding), budget))
    found.append(("/metrics", "gzip", *measure(url, "/metrics", tokens, requests // 6, "gzip"), "–"))
    return found


def baseline(requests: int) -> tuple[object, ...]:
    """The constant under the same web server."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "64", "--keep-alive", "75",
         "--no-control-socket", "-b", f"127.0.0.1:{port}", "--log-level", "error", "bench.api:constant()"], cwd=ROOT,
    )
    try:
        wait_until(lambda: listens(port), 30)
        return ("constant, plain Flask", "–", *measure(f"http://127.0.0.1:{port}", "/", [], requests, "gzip"), "–")
    finally:
        process.terminate()
        process.wait(15)


def peers(requests: int, hours: int = 24) -> Iterator[tuple[object, ...]]:
    """The same of those that are installed: the window without what VictoriaMetrics remembers of answers, and with."""
    if installed("netdata"):
        with netdata() as peer:
            wait_until(lambda: get(peer.urls[0], timeout=5).ok, 30, what="Netdata has a value")
            base, path = peer.urls[0].split("/api/", 1)
            yield ("Netdata: newest of one chart", "gzip", *measure(base, "/api/" + path, [], requests, "gzip"), "–")
    if not installed("victoria-metrics"):
        return
    with victoria_metrics() as url:
        past = list(made_up(hours))
        send(url, past)
        end = int(past[-1][0])
        day = f"/api/v1/query_range?start={end - 86400}&end={end}&step=60&query=avg_over_time({METRIC.name}[1m])"
        for name, path, encoding in (
            ("newest of 8 series", f"/api/v1/query?time={end}&query={METRIC.name}", "gzip"),
            ("24 h x 8, every minute's mean", f"{day}&nocache=1", "gzip"),
            ("the same, asked again", day, "gzip"),
            ("1 h x 8, raw at 1 s", f"/api/v1/query?time={end}&query={METRIC.name}[1h]", "identity"),
            ("1 h x 8, raw at 1 s", f"/api/v1/query?time={end}&query={METRIC.name}[1h]", "gzip"),
        ):
            yield (f"VictoriaMetrics: {name}", encoding, *measure(url, path, [], requests // 3, encoding), "–")


def send(url: str, past: list[tuple[float, list[float]]]) -> None:
    """Hands the made-up past to VictoriaMetrics and waits until it can be asked for."""
    times = [round(1000 * clock) for clock, _ in past]
    lines = [
        orjson.dumps({"metric": {"__name__": METRIC.name, "n": str(n)}, "values": column, "timestamps": times})
        for n, column in enumerate(zip(*(values for _, values in past), strict=True))
    ]
    post(f"{url}/api/v1/import", data=b"\n".join(lines), timeout=120).raise_for_status()
    get(f"{url}/internal/force_flush", timeout=60).raise_for_status()


def main() -> None:
    """Measures and prints the table."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    head = ("route", "encoding", "p50 ms", "p95 ms", "bytes", "budget ms")
    lines = [baseline(requests)]
    if url := os.environ.get("VIGIE_URL"):
        series = ["cpu_usage_ratio", "memory_used_ratio", "cpu_load1", "cpu_load5", "cpu_load15", "memory_used_bytes",
                  "memory_cached_bytes", "memory_free_bytes"]
        print(table(head, lines + rows(url, [os.environ["VIGIE_TOKEN"]], series, min(requests, 240))))
        return
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        fill(data)
        server = Server(data).start()
        try:
            tokens = []
            for n in range(1 + 5 * requests // PER_TOKEN):
                made = server.run("token", "add", "--name", f"bench{n}", "--permission", "metrics:read").stdout.split()
                tokens.append(next(word for word in made if word.startswith("vgt_")))
            series = [f'bench_usage_ratio{{n="{n}"}}' for n in range(SERIES)]
            print(table(head, lines + rows(server.url, tokens, series, requests) + list(peers(requests))))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
