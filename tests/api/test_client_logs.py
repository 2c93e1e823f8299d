"""What goes wrong in a browser, told to the server: by a signed-in person's page, bounded, without secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from api.client_logs import MOST_BYTES
from security.setup import REPORTS_A_MINUTE
from tests.api.house import House, build
from tests.api.test_notes import browser

PATH = "/api/v1/logs/client"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = build(tmp_path_factory.mktemp("client"))
    for name in ("ann", "bob", "cleo"):
        house.services.accounts.people.add(name, "a-long-password", "viewer")
    yield house
    house.close()


@pytest.fixture
def tab(home: House, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr("tests.api.test_notes.PASSWORD", "a-long-password")
    return browser(home, "ann")


def test_it_is_in_the_log_with_who_and_where(tab: FlaskClient) -> None:
    with capture_logs() as lines:
        answer = tab.post(PATH, json={
            "message": "x is not a function", "level": "error", "page": "/monitoring", "error": "at f (a.js:1)",
            "data": {"line": 7},
        })
    assert answer.status_code == 204, answer.text
    line = next(one for one in lines if one["event"] == "browser")
    assert (line["log_level"], line["who"], line["page"]) == ("error", "ann", "/monitoring")
    assert (line["error"], line["data"]) == ("at f (a.js:1)", '{"line": 7}')


@pytest.mark.parametrize("secret", [
    "/embed/WzEsMTgwMDA.abcdef/x", "vgt_abcdefghijkl", "Bearer abcdefghijklmnop", "password=hunter2abc",
    '{"token": "hunter2abc"}', '{"cookie": "hunter2abc"}', "vigie_csrf_1a2b=hunter2abc",
    "https://ann:hunter2abc@host/x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdef",
])
def test_no_secret_gets_into_the_log(tab: FlaskClient, home: House, secret: str) -> None:
    home.server.extensions["vigie.security"].reports._counts.clear()
    with capture_logs() as lines:
        tab.post(PATH, json={"message": f"failed at {secret}", "page": f"/x?{secret}", "error": secret})
    text = str([one for one in lines if one["event"] == "browser"])
    assert "***" in text
    for part in ("abcdef", "hunter2abc", "WzEs"):
        assert part not in text


def test_a_line_break_makes_no_line_of_its_own(tab: FlaskClient, home: House) -> None:
    home.server.extensions["vigie.security"].reports._counts.clear()
    with capture_logs() as lines:
        tab.post(PATH, json={"message": "a\x1b[31m\r\n2026 [error] forged"})
    message = next(one for one in lines if one["event"] == "browser")["message"]
    assert "\x1b" not in message and "\r" not in message


def test_too_much_and_too_often_are_refused(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.api.test_notes.PASSWORD", "a-long-password")
    tab = browser(home, "bob")
    assert tab.post(PATH, json={"message": "x", "data": "y" * MOST_BYTES}).status_code == 413
    answers = [tab.post(PATH, json={"message": "x"}) for _ in range(REPORTS_A_MINUTE + 1)]
    assert [one.status_code for one in answers[:-1]] == [204] * REPORTS_A_MINUTE
    assert answers[-1].status_code == 429 and int(answers[-1].headers["Retry-After"]) > 0
    assert browser(home, "cleo").post(PATH, json={"message": "x"}).status_code == 204  # others still may


def test_only_a_persons_browser_tells(home: House, tab: FlaskClient) -> None:
    assert home.server.test_client().post(PATH, json={"message": "x"}).status_code == 401
    robot = {"Authorization": f"Bearer {home.token('robot', 'dashboard:view')}"}
    assert home.server.test_client().post(PATH, json={"message": "x"}, headers=robot).status_code == 403
    tab.environ_base["HTTP_X_CSRFTOKEN"] = "forged"
    assert tab.post(PATH, json={"message": "x"}).status_code == 400


@pytest.mark.parametrize("body", [
    {}, {"message": ""}, {"message": "x", "level": "loud"}, {"message": "x", "more": 1}, [],
])
def test_what_is_no_report_is_refused(home: House, tab: FlaskClient, body: object) -> None:
    home.server.extensions["vigie.security"].reports._counts.clear()
    assert tab.post(PATH, json=body).status_code == 400
