"""Marks and notes over HTTP: who reads and writes, what a wrong body is told, what a window holds."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from storage.errors import StoreUnavailable
from tests.api.conftest import bearer
from tests.api.house import PASSWORD, House, build

TYPE = "application/problem+json"
AT = 1_790_000_000_000
"""Epoch milliseconds."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = build(tmp_path_factory.mktemp("notes"))
    for name, role in (("ann", "viewer"), ("bob", "viewer"), ("ada", "admin")):
        house.services.accounts.people.add(name, PASSWORD, role)
    yield house
    house.close()


def browser(house: House, name: str) -> FlaskClient:
    """Somebody signed in by cookie, on a page that holds the CSRF token."""
    client = house.server.test_client()
    with house.server.test_request_context():
        found = house.services.accounts.sign_in(name, PASSWORD)
    assert found is not None
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = found[1], True
    client.get("/api/docs", headers={"Accept": "text/html"})
    cookie = client.get_cookie(house.server.config["VIGIE_CSRF_COOKIE"])
    assert cookie is not None
    client.environ_base["HTTP_X_CSRFTOKEN"] = cookie.value
    return client


def add(client: FlaskClient, start: int = AT, **more: object) -> dict[str, object]:
    answer = client.post("/api/v1/notes", json={"start": start, "text": "a note", **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json
    return found


def listed(client: FlaskClient, start: int, end: int, **more: object) -> dict[str, object]:
    answer = client.get("/api/v1/marks", query_string={"from": start, "to": end, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json
    return found


def test_nobody_in_particular_reads_and_writes_nothing(home: House) -> None:
    note = add(browser(home, "ann"))["note"]
    client = home.server.test_client()
    for method, path in (
        ("GET", "/api/marks?from=0"), ("POST", "/api/notes"), ("PUT", f"/api/notes/{note}"),
        ("DELETE", f"/api/notes/{note}"),
    ):
        refused = client.open(path, method=method, json={"start": AT, "text": "x"})
        assert (refused.status_code, refused.content_type) == (401, TYPE), (method, path)
    assert listed(browser(home, "ann"), AT, AT)["data"]


def test_a_program_needs_the_permission(home: House) -> None:
    reader = bearer(home, home.token("only reads", "metrics:read"))
    assert reader.post("/api/notes", json={"start": AT, "text": "x"}).status_code == 403
    writer = bearer(home, home.token("deploys", "metrics:read", "notes:write"))
    made = add(writer, AT + 5000, text="deployed 1.2")
    assert (made["author"], made["mine"]) == ("deploys", True)
    assert reader.get("/api/marks", query_string={"from": AT + 5000, "to": AT + 5000}).json["data"][0] == {
        **made, "mine": False, "editable": False,
    }
    assert writer.delete(f"/api/notes/{made['note']}").status_code == 204


def test_without_the_pages_token_nothing_is_written(home: House) -> None:
    client = browser(home, "ann")
    del client.environ_base["HTTP_X_CSRFTOKEN"]
    assert client.post("/api/notes", json={"start": AT, "text": "x"}).status_code == 400


def test_a_note_is_there_for_all_and_changed_by_its_author_or_an_administrator(home: House) -> None:
    ann, bob, ada = (browser(home, name) for name in ("ann", "bob", "ada"))
    at = AT + 100_000
    made = add(ann, at, end=at + 60_000, text="Fans replaced")
    assert made == {
        "id": f"note-{made['note']}", "at": at, "end": at + 60_000, "kind": "note", "severity": "info",
        "text": "Fans replaced", "author": "ann", "note": made["note"], "mine": True, "editable": True,
    }
    path = f"/api/notes/{made['note']}"
    for client, mine, editable in ((bob, False, False), (ada, False, True)):
        (seen,) = listed(client, at + 30_000, at + 31_000)["data"]
        assert (seen["text"], seen["mine"], seen["editable"]) == ("Fans replaced", mine, editable)
    for refused in (bob.put(path, json={"text": "x"}), bob.delete(path)):
        assert (refused.status_code, refused.content_type) == (403, TYPE)
        assert "administrator" in refused.json["detail"]
    assert ann.put(path, json={"text": "Both fans"}).json["text"] == "Both fans"
    assert ada.put(path, json={"end": at}).json["end"] == at
    assert ada.delete(path).status_code == 204
    assert listed(ann, at, at)["data"] == []
    for gone in (ann.put(path, json={"text": "x"}), ann.delete(path)):
        assert (gone.status_code, gone.content_type) == (404, TYPE)


def test_where_a_new_note_is(home: House) -> None:
    answer = browser(home, "ann").post("/api/v1/notes", json={"start": "2026-11-20T16:00:00+01:00", "text": "x"})
    assert answer.headers["Location"] == f"/api/notes/{answer.json['note']}"
    assert answer.json["at"] == answer.json["end"] == 1_795_186_800_000


@pytest.mark.parametrize(("body", "field"), [
    ({"text": "x"}, "start"), ({"start": AT}, "text"), ({"start": AT, "text": ""}, "text"),
    ({"start": AT, "text": " \n "}, "text"), ({"start": AT, "text": "x" * 501}, "text"),
    ({"start": AT, "text": "x" * 100_000}, "text"), ({"start": AT, "text": 7}, "text"),
    ({"start": AT, "text": "a\x00b"}, "text"), ({"start": AT, "text": "a\ud800b"}, "text"),
    ({"start": "soon", "text": "x"}, "start"), ({"start": -5, "text": "x"}, "start"),
    ({"start": 1e300, "text": "x"}, "start"), ({"start": None, "text": "x"}, "start"),
    ({"start": AT, "end": AT - 1, "text": "x"}, "end"), ({"start": AT, "end": AT + 4e10, "text": "x"}, "end"),
    ({"start": AT, "text": "x", "author": "root"}, "author"), ([], "body"),
])
def test_a_wrong_note_is_told_by_its_field(home: House, body: object, field: str) -> None:
    client = browser(home, "ann")
    before = listed(client, 0, 4_000_000_000_000)["data"]
    for answer in (
        client.post("/api/notes", json=body),
        client.put(f"/api/notes/{add(client, AT + 1)['note']}", json=body) if "start" in body and "text" in body
        and body["start"] is not None else client.post("/api/notes", json=body),
    ):
        assert (answer.status_code, answer.content_type) == (400, TYPE), answer.text
        assert answer.json["errors"][0]["field"] == field
    assert len(listed(client, 0, 4_000_000_000_000)["data"]) <= len(before) + 1


def test_an_empty_change_and_a_strange_number_are_told(home: House) -> None:
    client = browser(home, "ann")
    note = add(client)["note"]
    assert client.put(f"/api/notes/{note}", json={}).json["errors"][0]["field"] == "body"
    for number in (0, 2**31, 10**30):
        assert client.delete(f"/api/notes/{number}").status_code in (400, 404)


@pytest.mark.parametrize(("query", "field"), [
    ("from=", "from"), ("from=soon", "from"), ("from=2000&to=1000", "from"), ("from=0&kinds=birthdays", "kinds.0"),
    ("from=0&kind=note", "kind"), ("from=0&known=" + "x" * 65, "known"),
])
def test_a_wrong_question_is_told_by_its_field(home: House, query: str, field: str) -> None:
    answer = browser(home, "ann").get(f"/api/marks?{query}")
    assert (answer.status_code, answer.content_type) == (400, TYPE)
    assert answer.json["errors"][0]["field"] == field


def test_what_happened_is_marked_in_the_viewers_language(own_house: House) -> None:
    house, now = own_house, time.time()
    house.services.accounts.people.add("ann", PASSWORD, "viewer")
    events = house.services.events
    events.add("started")
    events.add("source_failed", "error", source="nvidia", error="The driver is gone.")
    events.flush()
    events.add("store_away", "error", part="archive", error="x is read-only.")  # not written yet
    events.add("health_changed", "warning", health="WARNING", metric="cpu_usage_ratio", value="91", limit="85")
    events.add("settings_changed", what="ring_hours: 6 → 12")
    events.add("login_blocked", "warning", address="192.0.2.1", name="ann")
    client = browser(house, "ann")
    note = add(client, round(now * 1000), text="me too")
    window = (round(now * 1000) - 5000, round(now * 1000) + 5000)
    found = listed(client, *window)
    assert {m["kind"] for m in found["data"]} == {"restart", "source", "store", "health", "config", "note"}
    assert [m["at"] for m in found["data"]] == sorted((m["at"] for m in found["data"]), reverse=True)
    texts = {m["kind"]: m["text"] for m in found["data"]}
    assert texts["restart"] == "Vigie started." and "CPU use reached 91 %" in texts["health"]
    assert "ring_hours" in texts["config"]
    assert not found["more"] and len({m["id"] for m in found["data"]}) == 6
    only = listed(client, *window, kinds=["note", "restart"])
    assert {m["kind"] for m in only["data"]} == {"note", "restart"}
    assert listed(client, *window, kinds="note")["data"] == [note]
    assert listed(client, window[0] - 10_000, window[0] - 5000)["data"] == []


def test_who_knows_the_newest_is_told_nothing(own_house: House) -> None:
    own_house.services.accounts.people.add("ann", PASSWORD, "viewer")
    client, events = browser(own_house, "ann"), own_house.services.events

    def ask(known: str) -> int:
        return client.get("/api/marks", query_string={"from": 0, "known": known}).status_code

    known = str(listed(client, 0, AT)["version"])
    assert ask(known) == 204 and ask("other") == 200
    events.add("started")
    assert ask(known) == 200
    known = str(listed(client, 0, AT)["version"])
    note = add(client)["note"]
    assert ask(known) == 200
    known = str(listed(client, 0, AT)["version"])
    client.put(f"/api/notes/{note}", json={"text": "other"})
    assert ask(known) == 200


def test_events_are_there_while_the_notes_are_away(own_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    own_house.services.accounts.people.add("ann", PASSWORD, "viewer")
    client = browser(own_house, "ann")
    own_house.services.events.add("started")

    def away(*_args: object) -> None:
        raise StoreUnavailable("PostgreSQL is away: gone.")

    monkeypatch.setattr(own_house.services.notes, "between", away)
    monkeypatch.setattr(own_house.services.notes, "add", away)
    answer = client.get("/api/marks", query_string={"from": round(time.time() * 1000) - 60_000})
    assert answer.status_code == 200
    assert [m["kind"] for m in answer.json["data"]] == ["restart"]
    assert "away" in answer.json["problems"][0]
    refused = client.post("/api/notes", json={"start": AT, "text": "x"})
    assert (refused.status_code, refused.content_type) == (503, TYPE)
