"""The audit page: rows with their differences, older ones, the filter, and the button that verifies."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from components import audit, ids
from components.audit import Line, difference
from components.audit_words import action_words
from security.audit import reading
from security.audit.reading import Filter
from tests.pages.site import BROWSER, Site

INPUTS = (ids.AUDIT_WHO, ids.AUDIT_ACTION, ids.AUDIT_RESULT, ids.AUDIT_FROM, ids.AUDIT_TO, ids.AUDIT_TEXT)


def rows(site: Site, name: str = "admin", more: bool = False, before: int | None = None, **values: Any) -> Any:
    inputs = [(one, "value", values.get(one.removeprefix("audit-"))) for one in INPUTS]
    answer = site.callback(
        site.signed_in(name),
        [(ids.AUDIT_ROWS, "children"), (ids.AUDIT_NEXT, "data"), (ids.AUDIT_MORE, "hidden"),
         (ids.AUDIT_SEARCHED, "children"), (ids.AUDIT_EXPORT, "children")],
        [*inputs, (ids.AUDIT_MORE, "n_clicks", 1 if more else None)], [(ids.AUDIT_NEXT, "data", before)],
        [f"{ids.AUDIT_MORE}.n_clicks"] if more else None,
    )
    assert answer.status_code == 200, answer.text
    return answer.json["response"]


def test_rows_show_who_did_what_and_what_differs(own_site: Site) -> None:
    own_site.vigie.audit.record("user.role", "bob", before={"role": "viewer"}, after={"role": "admin"})
    text = json.dumps(rows(own_site, action="user")[ids.AUDIT_ROWS]["children"])
    assert "Role changed" in text and "bob" in text and "viewer" in text and "admin" in text


def test_older_rows_are_added_and_a_filter_begins_anew(own_site: Site) -> None:
    trail = own_site.vigie.audit
    for number in range(120):
        trail.record("test.step", f"step {number}")
    first = rows(own_site, action="test")
    assert len(first[ids.AUDIT_ROWS]["children"]) == 50 and first[ids.AUDIT_MORE]["hidden"] is False
    begin = first[ids.AUDIT_NEXT]["data"]
    older = rows(own_site, more=True, before=begin, action="test")
    assert older[ids.AUDIT_ROWS]["children"]["operations"][0]["operation"] == "Extend"
    none = rows(own_site, text="no such thing")
    assert "No rows" in json.dumps(none[ids.AUDIT_ROWS]) and none[ids.AUDIT_MORE]["hidden"] is True
    assert "text=no%20such%20thing" in json.dumps(none[ids.AUDIT_EXPORT])


@pytest.mark.parametrize("values", [
    {"from": "nonsense", "to": "9999-12-31"}, {"who": 7, "action": ["x"], "text": None},
])
def test_what_no_page_sends_does_no_harm(own_site: Site, values: dict[str, Any]) -> None:
    assert ids.AUDIT_ROWS in rows(own_site, **values)


def test_the_button_verifies_and_says_so(own_site: Site) -> None:
    client = own_site.signed_in("admin")
    answer = own_site.callback(client, [(ids.AUDIT_VERIFIED, "children")], [(ids.AUDIT_VERIFY, "n_clicks", 1)])
    assert "The chain holds." in answer.text
    database = own_site.vigie.audit.database
    with database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit SET who = 'eve' WHERE id = 1")
    answer = own_site.callback(client, [(ids.AUDIT_VERIFIED, "children")], [(ids.AUDIT_VERIFY, "n_clicks", 2)])
    assert "The chain is broken." in answer.text and "Row 1 was changed" in answer.text
    facts = own_site.callback(client, [(ids.AUDIT_FACTS, "children")], [(ids.AUDIT_VERIFIED, "children", None)])
    assert "365 days" in facts.text


@pytest.mark.parametrize("name", ["viewer", "operator"])
def test_the_page_and_its_callbacks_are_for_who_may(site: Site, name: str) -> None:
    client = site.signed_in(name)
    assert "Not for your role" in json.dumps(site.page(client, "/audit"))
    answer = site.callback(client, [(ids.AUDIT_VERIFIED, "children")], [(ids.AUDIT_VERIFY, "n_clicks", 1)])
    assert answer.status_code == 403


def test_differences_are_told_member_by_member() -> None:
    before = {"a": 1, "b": {"c": [1, 2], "d": True}, "same": "x"}
    after = {"a": 2, "b": {"c": [1, 2, 3], "d": True}, "same": "x", "new": [{"k": 1}]}
    assert difference(before, after) == [
        Line("a", "1", "2"), Line("b.c", "1, 2", "1, 2, 3"), Line("new[0].k", None, "1"),
    ]
    assert difference(None, {"a": 1}) == [Line("a", None, "1")] and difference(None, None) == []
    assert len(difference(None, "x" * 9999)[0].after or "") == audit.MOST_WORDS


def test_a_change_of_the_configuration_is_kept_member_by_member(own_site: Site) -> None:
    store = own_site.vigie.config
    changed = store.current.model_copy(update={"logging": store.current.logging.model_copy(update={"level": "error"})})
    store.save(changed, base_version=store.versions()[0].number, who="ada")
    text = json.dumps(rows(own_site, action="config")[ids.AUDIT_ROWS]["children"])
    assert "Configuration changed" in text and "logging.level" in text and "error" in text and "ada" in text


def test_the_address_is_the_filter(own_site: Site) -> None:
    client = own_site.signed_in("admin")
    shown = json.dumps(own_site.page(client, "/audit", "?who=ada&action=user&result=refused&to=2026-11-02&text=x%20y"))
    for value in ("ada", "user", "refused", "2026-11-02", "x y"):
        assert f'"value": "{value}"' in shown or f'"value":"{value}"' in shown
    odd = json.dumps(own_site.page(client, "/audit", "?who=a&who=b&action=no.such&from=nonsense"))
    assert ids.AUDIT_ROWS in odd and '"no.such"' not in odd


def test_every_action_that_is_recorded_has_words() -> None:
    root = Path(__file__).parents[2]
    rooms = ("api", "alerts", "callbacks", "config", "desk", "security")
    actions = {
        action for room in rooms for path in root.glob(f"{room}/**/*.py")
        for action in re.findall(r'record\(\s*"([a-z]+\.[a-z._]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(actions) > 30
    assert [action for action in sorted(actions) if action_words(action) == action] == []


@pytest.mark.parametrize(("path", "permission"), [("/audit", "audit:view"), ("/people", "users:manage")])
def test_a_page_that_is_refused_leaves_a_row(own_site: Site, path: str, permission: str) -> None:
    own_site.page(own_site.signed_in("viewer"), path)
    own_site.vigie.audit.flush()
    newest = reading.page(own_site.vigie.audit.database, Filter(action="access")).rows[0]
    assert (newest.who, newest.target, newest.result) == ("viewer", f"GET {path}", "refused")
    assert newest.after == {"permission": permission}


def test_a_page_that_is_refused_is_one_row(own_site: Site) -> None:
    client = own_site.signed_in("viewer")
    refused = Filter(action="access.refused")

    def told() -> list[str]:
        own_site.vigie.audit.flush()
        return [one.target for one in reading.everything(own_site.vigie.audit.database, refused)]

    client.get("/audit", headers=BROWSER)
    own_site.page(client, "/audit")
    assert told() == ["GET /audit"], "the document and the router are one refusal"
    own_site.page(client, "/people")
    assert told() == ["GET /people", "GET /audit"], "a page that was reached without a document, too"
