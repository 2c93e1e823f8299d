"""The HTTP side that is not Dash: JSON, live streams, Prometheus, static files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from flask_openapi3.blueprint import APIBlueprint

from api import (
    account,
    alert_mutes,
    alert_past,
    alert_rules,
    alerts,
    audit,
    auth,
    catalogue,
    client_logs,
    config,
    docs,
    embeds,
    export,
    health,
    jobs,
    live,
    metrics,
    monitoring,
    moved,
    notes,
    notifications,
    observe,
    people,
    problems,
    prometheus,
    serving,
    serving_bench,
    serving_definitions,
    serving_files,
    serving_sums,
    static,
    tokens,
    views,
)
from api.presence import viewers_of

ALIAS, PREFIX = "/api/v1/", "/api/"


class Edge:
    """WSGI edge: notes when a request arrives, and takes ``/api/v1/...`` for ``/api/...``, so that each route is
    written once."""

    def __init__(self, wsgi_app: Callable[..., Iterable[bytes]]) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ[observe.STARTED] = time.perf_counter()
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(ALIAS):
            environ["PATH_INFO"] = PREFIX + path.removeprefix(ALIAS)
        return self._wsgi_app(environ, start_response)


def make_server(import_name: str) -> Flask:
    """The Flask server to give to Dash: ``/static`` is ours. It is no `OpenAPI` object, whose ``get`` and ``post``
    would take every room's plain routes for documented ones."""
    return Flask(import_name, static_folder=None)


def init_app(server: Flask) -> None:
    """Registers everything; starts nothing. Needs ``server.extensions["vigie"]``.

    Call it after the security room's, whose checks come first, and before Dash is made, whose file routes it answers.
    """
    services = server.extensions["vigie"]
    # First, because after_request functions run backwards: bodies are compressed once nobody changes them any more.
    observe.init_app(server)
    problems.init_app(server)
    client_logs.init_app(server)
    static.init_app(server, services.settings.data_dir / "cache" / "static")
    bp = APIBlueprint("api", __name__, url_prefix=PREFIX.rstrip("/"))
    for room in (
        health, metrics, catalogue, moved, monitoring, live, alerts, alert_rules, alert_past, alert_mutes, views, notes,
        notifications, export, embeds, jobs, audit, client_logs, auth, config, docs,
        people, tokens, account, serving, serving_bench, serving_files, serving_definitions,
        serving_sums,
    ):
        room.register(bp)
    docs.gather(server, bp, services.version)
    server.register_blueprint(bp)
    live.init_app(server)
    prometheus.init_app(server)
    server.wsgi_app = Edge(server.wsgi_app)  # type: ignore[method-assign]


def viewers(server: Flask) -> int:
    """Live viewers now, for the collector of Vigie itself."""
    return viewers_of(server).viewers()
