"""What tests share: programs that may be missing, free ports, waiting, and real stores in throw-away folders."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

T = TypeVar("T")
TEST_ALL = os.environ.get("VIGIE_TEST_ALL") == "1"
"""On the machine that decides, nothing may be skipped: see `pytest_runtest_makereport` in conftest.py."""
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/sbin")
"""Where Debian keeps programs that are not on everyone's PATH."""
CHROMIUM_ARGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)


def need(program: str) -> str:
    """The path of a program; the test that asks is skipped, by name, where it is not installed."""
    found = shutil.which(program)
    for place in PLACES:
        found = found or next((str(p) for p in sorted(Path("/").glob(f"{place[1:]}/{program}"))), None)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], T], seconds: float = 15.0, what: str = "", every: float = 0.05) -> T:
    """Polls until ``condition`` gives something true, and returns it.

    Raises:
        AssertionError: it did not within ``seconds``; with ``what`` and the last answer.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition} (last: {answer!r})")
        time.sleep(every)


def listens(port: int) -> bool:
    """True when something accepts connections on 127.0.0.1:``port``."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def redis_server(*options: str, port: int | None = None) -> Iterator[str]:
    """A real Redis on a free port, keeping nothing on disk; its URL."""
    program = need("redis-server")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="vigie-redis-") as folder:
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder,
             *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: listens(port), what="redis-server answers")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(20)


def _unprivileged() -> dict[str, Any]:
    """Popen arguments under which PostgreSQL, which refuses to run as root, runs."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL on a free port; the URL of its database ``vigie``, for a user with a password."""
    initdb, postgres = need("initdb"), need("postgres")
    who = _unprivileged()
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="vigie-pg-"))
    try:
        (folder / "password").write_text("secret\n")
        if who:
            for path in (folder, folder / "password"):
                os.chown(path, who["user"], who["group"])
        subprocess.run(
            [initdb, "-D", str(folder / "data"), "-U", "vigie", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C",
             f"--pwfile={folder / 'password'}", "--no-sync"],
            check=True, capture_output=True, cwd="/", **who,
        )
        process = subprocess.Popen(
            [postgres, "-D", str(folder / "data"), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
             "-c", f"unix_socket_directories={folder}", "-c", "fsync=off", "-c", "max_connections=50"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/", **who,
        )
        try:
            base = f"postgresql://vigie:secret@127.0.0.1:{port}"
            wait_until(lambda: _postgres_ready(f"{base}/postgres"), 30, what="PostgreSQL answers")
            create_database(f"{base}/postgres", "vigie")
            yield f"{base}/vigie"
        finally:
            process.send_signal(2)  # fast shutdown: does not wait for clients
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_ready(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def create_database(url: str, name: str) -> str:
    """Makes a database beside the one of ``url``; its URL."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rsplit('/', 1)[0]}/{name}"


def new_schema(url: str) -> str:
    """An empty place in PostgreSQL, much sooner made than a database; the URL that leads there."""
    import psycopg

    name = f"t{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{url}?options=-csearch_path%3D{name}"
