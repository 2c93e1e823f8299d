from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One app for all tests that only look."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.runtime.stop()


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """An app for a test that changes something."""
    made = Site(tmp_path / "data")
    yield made
    made.runtime.stop()
