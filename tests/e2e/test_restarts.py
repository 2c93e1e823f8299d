"""What outlives the server: history, sign-ins, and the page that is open."""

from __future__ import annotations

import signal
from collections.abc import Callable
from uuid import uuid4

import pytest
import requests

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, drawn, newest, ready
from tests.support import create_database, free_port, redis_server, wait_until

pytestmark = pytest.mark.e2e


def rows(server: Server, session: requests.Session) -> list[str]:
    """Times of the newest rows in the history, oldest first."""
    answer = session.get(f"{server.url}/api/metrics/history?last=300", timeout=10).json()
    return [row["timestamp"] for row in answer["data"] if row["cpu_percent"] is not None]


def collected(server: Server, count: int) -> list[str]:
    session = server.login()
    return wait_until(lambda: (r := rows(server, session)) and len(r) >= count and r, 30, what=f"{count} rows")


def test_history_survives_kill_9(start_server: Callable[..., Server]) -> None:
    server = start_server()
    before = collected(server, 5)
    server.stop(signal.SIGKILL)
    server.start()
    after = collected(server, len(before))
    assert set(before) <= set(after)


def test_history_survives_kill_9_on_redis_and_postgresql(
    start_server: Callable[..., Server], redis_url: str, postgres_url: str
) -> None:
    database = create_database(postgres_url, f"kill_{uuid4().hex[:8]}")
    redis_other = redis_url.rsplit("/", 1)[0] + "/1"
    server = start_server("--redis-url", redis_other, "--database-url", database)
    before = collected(server, 5)
    server.stop(signal.SIGKILL)
    server.start()
    assert set(before) <= set(collected(server, len(before)))


def test_the_page_recovers_by_itself_when_the_server_restarts(
    start_server: Callable[..., Server], visitor: Visitor
) -> None:
    visitor.allow("the server did not respond|WebSocket connection|Failed to fetch|ERR_[A-Z_]+")
    server = start_server()
    page = visitor.open(server, "/monitoring")
    ready(page)
    drawn(page, "cpu")
    page.evaluate("window.stillHere = true")
    server.stop()
    page.wait_for_function("() => document.body.dataset.live === 'offline'", timeout=30_000)
    at = newest(page, "cpu")
    server.start()
    page.wait_for_function("() => document.body.dataset.live === 'live'", timeout=60_000)
    page.wait_for_function("at => vigie.charts.all().get('cpu').lastT > at", arg=at, timeout=30_000)
    assert page.evaluate("window.stillHere") is True, "the page was loaded anew"


def test_a_stop_is_quick_and_clean(start_server: Callable[..., Server], visitor: Visitor) -> None:
    visitor.allow("WebSocket|ERR_")
    server = start_server()
    ready(visitor.open(server))
    assert server.process is not None
    process = server.process
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert "Traceback" not in server.output()
    server.process = None


def test_a_redis_that_goes_away_is_said_and_caught_up_with(start_server: Callable[..., Server]) -> None:
    port = free_port()
    with redis_server(port=port) as url:
        server = start_server("--redis-url", url)
        before = collected(server, 3)
        session = server.login()
    wait_until(lambda: not ring(server, session)["ok"], 30, what="health says that the ring is away")
    away = rows_while_away = wait_until(
        lambda: session.get(f"{server.url}/api/metrics/latest", timeout=10).json()["timestamp"], 10
    )
    assert before[-1] < away
    with redis_server(port=port):
        wait_until(lambda: ring(server, session)["ok"], 60, what="health says that the ring is back")
        found = wait_until(lambda: (r := rows(server, session)) and rows_while_away in r and r, 30,
                           what="the ticks of the time without Redis are in the history")
        assert found


def ring(server: Server, session: requests.Session) -> dict[str, object]:
    parts = session.get(f"{server.url}/api/health", timeout=10).json()["parts"]
    return next(part for part in parts if part["name"] == "ring")
