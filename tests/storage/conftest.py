"""Real stores for this room: both ring media and both databases, each test on its own."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.database import Database
from storage.ring.base import Ring
from storage.ring.buffered import BufferedRing
from storage.ring.file import FileRing
from storage.ring.redis import RedisRing
from tests.support import _unprivileged as unprivileged
from tests.support import free_port, need, new_schema, wait_until

_numbers = itertools.count(1)
NOW = 1_800_000_000.0
"""The clock of these tests: the beginning of an hour."""

Opener = Callable[..., Ring]


@pytest.fixture(params=["file", "redis", "buffered"])
def media(request: pytest.FixtureRequest) -> Iterator[Callable[[], Opener]]:
    """Makes places for a ring: both media, and the buffer before one of them. A place opens its ring again and again,
    as restarts do."""
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")

        def redis_place() -> Opener:
            server = next(_numbers)

            def open_ring(step: float = 1.0, capacity: int = 600, now: float = NOW, **more: object) -> Ring:
                return RedisRing(url, server, step, capacity, now=lambda: now, **more)

            return open_ring

        yield redis_place
        return
    root = Path(tempfile.mkdtemp(prefix="vigie-ring-"))

    def file_place() -> Opener:
        folder = root / str(next(_numbers))

        def open_ring(step: float = 1.0, capacity: int = 600, now: float = NOW, **more: object) -> Ring:
            ring = FileRing(folder, 1, step, capacity, now=lambda: now, **more)
            return BufferedRing(ring, now=lambda: now) if request.param == "buffered" else ring

        return open_ring

    yield file_place
    shutil.rmtree(root)


@pytest.fixture
def open_ring(media: Callable[[], Opener]) -> Opener:
    """One place for a ring, of both media."""
    return media()




@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty archive database, of both kinds."""
    url = None
    if request.param == "postgresql":
        url = new_schema(request.getfixturevalue("postgres_url"))
    made = Database("archive", tmp_path, url)
    yield made
    made.close()


class Postgres:
    """A PostgreSQL of its own that a test may stop and start."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._who, self._port = folder, unprivileged(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://vigie@127.0.0.1:{self._port}/postgres"
        subprocess.run(
            [need("initdb"), "-D", str(folder / "data"), "-U", "vigie", "--auth=trust", "--locale=C", "--no-sync"],
            check=True, capture_output=True, cwd="/", **self._who,
        )

    def start(self) -> None:
        """Starts it and waits until it answers."""
        import psycopg

        self._process = subprocess.Popen(
            [need("postgres"), "-D", str(self._folder / "data"), "-p", str(self._port), "-c", "fsync=off",
             "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self._folder}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/", **self._who,
        )

        def answers() -> bool:
            try:
                psycopg.connect(self.url, connect_timeout=1).close()
            except psycopg.OperationalError:
                return False
            return True

        wait_until(answers, 20, what="PostgreSQL answers")

    def stop(self) -> None:
        """Stops it without waiting for its clients."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(20)
            self._process = None


@pytest.fixture(scope="session")
def _own_postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="vigie-pg-"))
    who = unprivileged()
    if who:
        shutil.chown(folder, who["user"], who["group"])
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_postgres(_own_postgres: Postgres) -> Iterator[Postgres]:
    """A PostgreSQL to start and stop; not started yet, and empty."""
    _own_postgres.start()
    shared, _own_postgres.url = _own_postgres.url, new_schema(_own_postgres.url)
    _own_postgres.stop()
    yield _own_postgres
    _own_postgres.stop()
    _own_postgres.url = shared
