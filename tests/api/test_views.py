"""Saved views over HTTP: who sees and changes which, what a wrong body is told, and files there and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from desk.views import Person
from storage.errors import StoreUnavailable
from tests.api.conftest import bearer
from tests.api.house import PASSWORD, House, build

BODY = {"charts": ["cpu", "q:cpu_load1!area"], "window": "6h", "columns": 3, "description": "what to watch"}
TYPE = "application/problem+json"


class People:
    """A house with people of every role, each in a browser of their own."""

    def __init__(self, house: House) -> None:
        self.house = house
        for name, role in (("ann", "viewer"), ("bob", "viewer"), ("otto", "operator"), ("ada", "admin")):
            house.services.accounts.people.add(name, PASSWORD, role)

    def browser(self, name: str) -> FlaskClient:
        """Somebody signed in by cookie, on a page that holds the CSRF token."""
        client = self.house.server.test_client()
        with self.house.server.test_request_context():
            found = self.house.services.accounts.sign_in(name, PASSWORD)
        assert found is not None
        with client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = found[1], True
        client.get("/api/docs", headers={"Accept": "text/html"})
        cookie = client.get_cookie(self.house.server.config["VIGIE_CSRF_COOKIE"])
        assert cookie is not None
        client.environ_base["HTTP_X_CSRFTOKEN"] = cookie.value
        return client


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    house = build(tmp_path_factory.mktemp("views"))
    yield People(house)
    house.close()


@pytest.fixture
def save(people: People) -> Callable[..., dict[str, Any]]:
    """Saves a view as somebody."""

    def run(who: str = "ann", name: str = "Wall", **more: Any) -> dict[str, Any]:
        answer = people.browser(who).post("/api/v1/views", json={"name": name, "body": BODY, **more})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json
        return found

    return run


def names(client: FlaskClient) -> list[str]:
    return [view["name"] for view in client.get("/api/v1/views").json["data"]]


def test_nobody_in_particular_gets_and_changes_nothing(people: People, save: Callable[..., dict[str, Any]]) -> None:
    view, client = save(shared=True)["id"], people.house.server.test_client()
    for method, path in (
        ("GET", "/api/views"), ("POST", "/api/views"), ("GET", f"/api/views/{view}"), ("PUT", f"/api/views/{view}"),
        ("DELETE", f"/api/views/{view}"), ("GET", f"/api/views/{view}/file"), ("POST", f"/api/views/{view}/copy"),
    ):
        refused = client.open(path, method=method, json={"name": "x", "body": BODY})
        assert (refused.status_code, refused.content_type) == (401, TYPE), (method, path)
    assert people.house.services.views.get(view, Person(0, "")).name == "Wall"


def test_a_program_needs_the_permission(people: People) -> None:
    reader = bearer(people.house, people.house.token("r", "metrics:read"))
    writer = bearer(people.house, people.house.token("w", "metrics:read", "views:edit"))
    assert reader.get("/api/views").status_code == 200
    assert reader.post("/api/views", json={"name": "x", "body": BODY}).status_code == 403
    made = writer.post("/api/views", json={"name": "by a program", "body": BODY})
    assert made.status_code == 201
    assert made.json["owner"] == "w"
    assert made.headers["Location"] == f"/api/views/{made.json['id']}"
    assert writer.get(made.headers["Location"]).json == made.json
    # A program and a person of the same number are two.
    assert reader.get(made.headers["Location"]).status_code == 404
    assert people.browser("ann").get(made.headers["Location"]).status_code == 404


def test_a_change_by_cookie_needs_the_pages_token(people: People) -> None:
    client = people.browser("ann")
    del client.environ_base["HTTP_X_CSRFTOKEN"]
    refused = client.post("/api/views", json={"name": "x", "body": BODY})
    assert refused.status_code == 400
    assert "x" not in names(client)
    elsewhere = people.browser("ann").post(
        "/api/views", json={"name": "x", "body": BODY}, headers={"Origin": "https://elsewhere.example"}
    )
    assert elsewhere.status_code == 403


def test_a_view_comes_back_as_it_was_saved(people: People, save: Callable[..., dict[str, Any]]) -> None:
    made = save(name="  Mine  ")
    assert made["name"] == "Mine"
    assert made["body"] == {**BODY, "version": 1, "from": None, "to": None}
    assert (made["mine"], made["editable"], made["shared"], made["pinned"], made["owner"]) == (
        True, True, False, False, "ann",
    )
    assert people.browser("ann").get(f"/api/views/{made['id']}").json == made


def test_a_drawing_is_kept_as_its_panel_spells_it_and_once(people: People, save: Callable[..., dict[str, Any]]) -> None:
    made = save(body={**BODY, "charts": ['q:cpu_core_usage_ratio{core="0"}']})
    assert made["body"]["charts"] == ["q:cpu_core_usage_ratio{core=0}"]
    twice = {**BODY, "charts": ['q:cpu_core_usage_ratio{core="0"}', "q:cpu_core_usage_ratio{core=0}"]}
    answer = people.browser("ann").post("/api/v1/views", json={"name": "Twice", "body": twice})
    assert answer.status_code == 400 and "named twice" in answer.json["detail"]


@pytest.mark.parametrize("other", ["bob", "otto", "ada"])
def test_a_private_view_is_not_there_for_others(
    people: People, save: Callable[..., dict[str, Any]], other: str
) -> None:
    view = save(name="secret")["id"]
    client = people.browser(other)
    assert "secret" not in names(client)
    for method, path, body in (
        ("GET", "", None), ("GET", "/file", None), ("PUT", "", {"name": "mine now"}), ("DELETE", "", None),
        ("POST", "/copy", {"name": "copy"}),
    ):
        refused = client.open(f"/api/views/{view}{path}", method=method, json=body)
        assert (refused.status_code, refused.content_type) == (404, TYPE), (method, path)
    assert names(people.browser("ann")).count("secret") >= 1


@pytest.mark.parametrize(("other", "status"), [("bob", 403), ("otto", 403), ("ada", 200)])
def test_a_shared_view_is_seen_by_all_and_changed_by_its_owner_or_an_admin(
    people: People, save: Callable[..., dict[str, Any]], other: str, status: int
) -> None:
    made, client = save(name=f"for {other}", shared=True), people.browser(other)
    address = f"/api/views/{made['id']}"
    seen = client.get(address).json
    assert (seen["mine"], seen["editable"], seen["owner"]) == (False, status == 200, "ann")
    assert client.get(f"{address}/file").status_code == 200
    assert client.put(address, json={"pinned": True}).status_code == status
    assert client.put(address, json={"name": "renamed"}).status_code == status
    assert client.delete(address).status_code == (204 if status == 200 else 403)
    assert (made["name"] in names(people.browser("ann"))) == (status != 200)


def test_what_is_unshared_is_private_again(people: People, save: Callable[..., dict[str, Any]]) -> None:
    address = f"/api/views/{save(shared=True)['id']}"
    assert people.browser("bob").get(address).status_code == 200
    people.browser("ann").put(address, json={"shared": False})
    assert people.browser("bob").get(address).status_code == 404


def test_two_people_who_edit_do_not_overwrite_each_other(people: People, save: Callable[..., dict[str, Any]]) -> None:
    made = save(name="both", shared=True)
    address, ann, ada = f"/api/views/{made['id']}", people.browser("ann"), people.browser("ada")
    first = ada.put(address, json={"name": "hers", "changed": made["changed"]})
    assert first.status_code == 200
    clash = ann.put(address, json={"body": {**BODY, "columns": 1}, "changed": made["changed"]})
    assert (clash.status_code, clash.content_type) == (409, TYPE)
    assert "hers" in clash.json["detail"]
    assert ann.get(address).json == {**first.json, "mine": True}
    # Pinning is no change of content: it clashes with nobody.
    assert ada.put(address, json={"pinned": True}).json["changed"] == first.json["changed"]
    assert ann.put(address, json={"name": "his", "changed": first.json["changed"]}).status_code == 200


def test_a_file_goes_out_and_comes_in_as_a_view_of_ones_own(
    people: People, save: Callable[..., dict[str, Any]]
) -> None:
    made = save(name='Hall: "GPU" é/ü', shared=True)
    answer = people.browser("bob").get(f"/api/views/{made['id']}/file")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert ".json" in answer.headers["Content-Disposition"]
    file = answer.json
    assert file == {"type": "vigie-view", "name": made["name"], "body": made["body"]}
    back = people.browser("bob").post("/api/views", json=file)
    assert back.status_code == 201
    assert back.json["body"] == made["body"]
    assert (back.json["owner"], back.json["shared"]) == ("bob", False)


@pytest.mark.parametrize(
    ("change", "field", "allowed"),
    [
        ({"type": "grafana"}, "type", "vigie-view"),
        ({"rows": []}, "rows", "name"),
        ({"name": " "}, "name", "1 to 120"),
        ({"name": "a" * 121}, "name", "1 to 120"),
        ({"name": "two\nlines"}, "name", "one line"),
        ({"body": None}, "body", "dictionary"),
        ({"body": {**BODY, "version": 2}}, "body.version", "1"),
        ({"body": {**BODY, "panels": 1}}, "body.panels", "charts, window, from"),
        ({"body": {**BODY, "charts": []}}, "body.charts", "at least 1"),
        ({"body": {**BODY, "charts": ["cpu", "no-such"]}}, "body.charts", "no-such"),
        ({"body": {**BODY, "charts": ["q:"]}}, "body.charts", "drawing"),
        ({"body": {**BODY, "charts": ["cpu", "cpu"]}}, "body", "twice"),
        ({"body": {**BODY, "charts": [f"q:a{i}" for i in range(25)]}}, "body.charts", "at most 24"),
        ({"body": {**BODY, "window": "2h"}}, "body.window", "6h"),
        ({"body": {**BODY, "from": 1_700_000_000_000}}, "body", "both"),
        ({"body": {**BODY, "from": 1_700_000_000_000, "to": 1_700_000_000_000}}, "body", "before"),
        ({"body": {**BODY, "from": 1, "to": 2}}, "body.from", "greater"),
        ({"body": {**BODY, "columns": 4}}, "body.columns", "3"),
    ],
)
def test_a_wrong_file_is_told_which_field_and_what_is_allowed(
    people: People, change: dict[str, Any], field: str, allowed: str
) -> None:
    client = people.browser("ann")
    before = names(client)
    answer = client.post("/api/views", json={"type": "vigie-view", "name": "x", "body": BODY, **change})
    assert (answer.status_code, answer.content_type) == (400, TYPE)
    told = {error["field"]: error["allowed"] for error in answer.json["errors"]}
    assert allowed in told[field], told
    assert names(client) == before


def test_what_is_no_json_is_told(people: People) -> None:
    client = people.browser("ann")
    for data in ("", "{", "[]", '"x"', "null"):
        answer = client.post("/api/views", data=data, content_type="application/json")
        assert (answer.status_code, answer.content_type) == (400, TYPE), data


def test_a_change_of_nothing_and_a_wrong_id_are_told(people: People, save: Callable[..., dict[str, Any]]) -> None:
    client = people.browser("ann")
    assert client.put(f"/api/views/{save()['id']}", json={}).status_code == 400
    for wrong in ("0", str(2**31), "9" * 30):
        assert client.get(f"/api/views/{wrong}").status_code == 400
    assert client.get(f"/api/views/{2**31 - 1}").status_code == 404


def test_there_is_an_end_to_how_many(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["desk.views"], "MOST_VIEWS", 1)
    client = people.browser("otto")
    assert client.post("/api/views", json={"name": "one", "body": BODY}).status_code == 201
    refused = client.post("/api/views", json={"name": "two", "body": BODY})
    assert (refused.status_code, refused.content_type) == (409, TYPE)


def test_a_database_that_is_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = People(build(tmp_path))
    client = people.browser("ann")

    def away(*_args: object, **_named: object) -> None:
        raise StoreUnavailable("PostgreSQL is away.")

    for name in ("read", "write"):
        monkeypatch.setattr(people.house.services.views._database, name, away)
    for answer in (client.get("/api/views"), client.post("/api/views", json={"name": "x", "body": BODY})):
        assert (answer.status_code, answer.content_type) == (503, TYPE)
        assert "PostgreSQL is away" in answer.json["detail"]
    people.house.close()
