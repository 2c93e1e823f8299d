"""Fixtures for every room, and the rule that decides what a skip means."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import TEST_ALL, free_port, new_schema, postgres_server, redis_server


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
    items.sort(key=lambda item: real(item.nodeid))


def real(nodeid: str) -> bool:
    """Whether a test, or all of a file, needs the real server or a browser."""
    return nodeid.startswith("tests/e2e/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """pytest-xdist hands out files: those with a browser to its first process, which has most of them for itself, for
    two browsers on two cores are in each other's way; to the others all else, and then browsers from the end."""
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.split("::", 1)[0]

        def _assign_work_unit(self, node: Any) -> None:
            first, queue = node.gateway.id == "gw0", self.workqueue
            left = queue if first else reversed(queue)
            file = next((one for one in queue if real(one) == first), None) or next(iter(left))
            queue.move_to_end(file, last=False)
            super()._assign_work_unit(node)

    return Files(config, log)


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
