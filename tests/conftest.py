"""Fixtures for every room, and the rule that decides what a skip means."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import TEST_ALL, free_port, new_schema, postgres_server, redis_server

LAST = "the real server"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With VIGIE_TEST_ALL=1 a skipped test has failed, unless it is marked ``hardware``."""
    report = yield
    if TEST_ALL and report.skipped and not hasattr(report, "wasxfail") and not item.get_closest_marker("hardware"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and VIGIE_TEST_ALL=1 allows no skip: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself."""
    report = yield
    if TEST_ALL and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, and VIGIE_TEST_ALL=1 allows no skip: {report.longrepr}"
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the real server or a browser comes last. What fails in a browser, which may be late on a busy
    machine, is tried once more, and named RERUN at the end."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=lambda item: part(item.nodeid) == LAST)


def part(nodeid: str) -> str:
    """Which tests one process runs together: a file, or all of the real server and the browser, for two browsers on
    two cores are slower than one."""
    file = nodeid.split("::", 1)[0]
    return LAST if file.startswith("tests/e2e/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """pytest-xdist hands out parts."""
    from xdist.scheduler import LoadScopeScheduling

    class Parts(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return part(nodeid)

    return Parts(config, log)


@pytest.fixture
def port() -> int:
    """A free TCP port of this machine."""
    return free_port()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis for the whole run."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL for the whole run."""
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def state_url(request: pytest.FixtureRequest) -> str | None:
    """Where tables are kept, in turn: None for a file, or an empty place in a real PostgreSQL."""
    return new_schema(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that real llama.cpp serves, some thousand tokens a second."""
    from tests.engine.models import tiny

    return tiny(tmp_path_factory.mktemp("models") / "tiny.gguf")
