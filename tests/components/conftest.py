from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from pages.i18n import init_i18n


@pytest.fixture(scope="session")
def server() -> Flask:
    server = Flask("components")
    init_i18n(server)
    return server


@pytest.fixture
def english(server: Flask) -> Iterator[None]:
    """A request of somebody who reads English, at UTC."""
    with server.test_request_context(headers={"Accept-Language": "en"}):
        yield


@pytest.fixture
def french(server: Flask) -> Iterator[None]:
    """A request of somebody who reads French, in Paris."""
    with server.test_request_context(headers={"Accept-Language": "fr", "Cookie": "vigie-timezone=Europe/Paris"}):
        yield


@pytest.fixture
def reading(server: Flask) -> Callable[[str], object]:
    """A request context for a language."""
    return lambda language: server.test_request_context(headers={"Accept-Language": language})
