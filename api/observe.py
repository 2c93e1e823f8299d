"""What happens around every answer: its time is measured, its body compressed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import cast

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from api.encoding import LEAST, best_encoding, compress_now
from api.presence import viewers_of

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STARTED = "vigie.started"
"""Key of the WSGI environment: when the request arrived, by `time.perf_counter`."""
TEXTS = frozenset({
    "application/json", "application/problem+json", "text/html", "text/plain", "text/css", "application/javascript",
    "text/javascript", "image/svg+xml", "application/manifest+json",
})


@dataclass(slots=True)
class Observed:
    """Counts of one app's requests, in a registry of its own: two apps in one process do not mix."""

    registry: CollectorRegistry
    durations: Histogram
    children: dict[tuple[str, str, int], Histogram] = field(default_factory=dict)
    requests: int = 0
    errors: int = 0
    """Answers of 500 and above."""

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one answer."""
        key = (method, route, status)
        child = self.children.get(key)
        if child is None:
            child = self.children[key] = self.durations.labels(method, route, str(status))
        child.observe(seconds)
        self.requests += 1
        self.errors += status >= 500


def observed(server: Flask) -> Observed:
    """The counts of an app."""
    return cast(Observed, server.extensions["vigie_observed"])


def init_app(server: Flask) -> None:
    """Measures and compresses. Register it before whatever changes bodies: after_request functions run backwards."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    durations = Histogram(
        "http_request_duration_seconds", "Time from the arrival of a request to its answer's first byte",
        ("method", "route", "status"), registry=registry, buckets=BUCKETS,
    )
    counts = server.extensions["vigie_observed"] = Observed(registry, durations)
    Gauge(
        "websocket_connections_active", "Live viewers, by WebSocket or server-sent events", registry=registry
    ).set_function(lambda: viewers_of(server).viewers())

    @server.after_request
    def finish(response: Response) -> Response:
        _compress(response)
        rule, started = request.url_rule, request.environ.get(STARTED)
        if rule is not None and started is not None and not rule.websocket:  # a socket's time is how long one watched
            counts.add(request.method, rule.rule, response.status_code, time.perf_counter() - started)
        return response


def _compress(response: Response) -> None:
    if response.mimetype not in TEXTS or response.direct_passthrough or response.is_streamed:
        return
    length = response.calculate_content_length()
    if length is None or length < LEAST or "Content-Encoding" in response.headers:
        return
    response.vary.add("Accept-Encoding")
    encoding = best_encoding(request.headers.get("Accept-Encoding", ""))
    if not encoding or response.status_code == 206:
        return
    response.set_data(compress_now(response.get_data(), encoding, page=response.mimetype == "text/html"))
    response.headers["Content-Encoding"] = encoding
    etag, weak = response.get_etag()
    if etag and not weak:
        response.set_etag(f"{etag}-{encoding}")
