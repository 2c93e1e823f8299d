"""The house, and who knocks at its door."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from tests.api.house import PASSWORD, House, build


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house for tests that only read."""
    built = build(tmp_path_factory.mktemp("house"))
    yield built
    built.close()


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """A house for one test that changes things; two live viewers at most."""
    built = build(tmp_path, viewer_limit=2)
    yield built
    built.close()


@pytest.fixture
def anonymous(house: House) -> FlaskClient:
    """Nobody in particular."""
    return house.server.test_client()


def bearer(house: House, secret: str) -> FlaskClient:
    """A client that sends a token."""
    client = house.server.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


@pytest.fixture(scope="module")
def reader(house: House) -> FlaskClient:
    """A program that may read metrics."""
    return bearer(house, house.token("reader", "metrics:read"))


@pytest.fixture(scope="module")
def stranger(house: House) -> FlaskClient:
    """A program whose token is good for something else."""
    return bearer(house, house.token("stranger", "models:start"))


@pytest.fixture(scope="module", params=["viewer", "admin"])
def person(house: House, request: pytest.FixtureRequest) -> FlaskClient:
    """Somebody signed in by cookie."""
    house.services.accounts.people.add(request.param, PASSWORD, request.param)
    client = house.server.test_client()
    with house.server.test_request_context():
        user = house.services.accounts.sign_in(request.param, PASSWORD)
    assert user is not None
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = user[1], True
    return client


@pytest.fixture
def served(own_house: House) -> Iterator[tuple[House, str]]:
    """A house that really listens, and where: ``host:port``."""
    listener = make_server("127.0.0.1", 0, own_house.server, threaded=True)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield own_house, f"127.0.0.1:{listener.port}"
    own_house.services.hub.close()
    listener.shutdown()
    thread.join(5)
    listener.server_close()
