"""The real server process and a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from tests.e2e.harness import Server, wait_for_past
from tests.e2e.visit import Visitor
from tests.support import CHROMIUM_ARGS, create_database, need

Starter = Callable[..., Server]


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """Debian's Chromium instead of a downloaded one."""
    return {"executable_path": need("chromium"), "args": list(CHROMIUM_ARGS)}


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Starter]:
    """Starts servers of the test's own, each on a folder of its own; they end with the test."""
    started: list[Server] = []

    def start(*options: str, **env: str) -> Server:
        server = Server(tmp_path / f"data{len(started)}", *options, **env)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server on this machine's own files for the whole run: tests must not stop it or end its users."""
    running = Server(tmp_path_factory.mktemp("server") / "data")
    try:
        yield running.calm().start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of 64 cores and two GPUs with an hour of past, for the whole run: tests must not stop it."""
    running = Server(tmp_path_factory.mktemp("demo") / "data", "--demo")
    try:
        wait_for_past(running.start())
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def stores_server(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, postgres_url: str
) -> Iterator[Server]:
    """The same on a real Redis and a real PostgreSQL."""
    database = create_database(postgres_url, f"e2e_{uuid4().hex[:8]}")
    running = Server(
        tmp_path_factory.mktemp("stores") / "data", "--redis-url", redis_url, "--database-url", database
    )
    try:
        yield running.calm().start()
    finally:
        running.stop()


@pytest.fixture(params=["files", "redis and postgresql"])
def any_server(request: pytest.FixtureRequest) -> Server:
    """Both in turn: what a person sees does not depend on where it is kept."""
    name = "server" if request.param == "files" else "stores_server"
    running: Server = request.getfixturevalue(name)
    return running


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """Opens pages in Chromium; the test fails when any of them had an error in its console or broke the policy."""
    one = Visitor(browser)
    yield one
    try:
        one.check()
    finally:
        one.close()
