"""Who may do what: every route, page and callback, really called by everybody.

What was seen stands in ``matrix.txt`` beside this file, so that a change of it is a change that somebody reads. After
adding a route, a page or a callback: ``WRITE_MATRIX=1 make test-unit ARGS=tests/security/test_matrix.py`` writes
the file anew. What must hold whatever the file says is tested first: nothing is without a permission, and each person
may exactly what their role names.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dash
import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from security.embeds import Target
from security.guard import DASH, is_open
from security.permissions import PERMISSIONS, ROLES, permission_of
from tests.pages.site import Site, texts

FILE = Path(__file__).with_name("matrix.txt")
WRITE = os.environ.get("WRITE_MATRIX") == "1"
ROLE_NAMES = ("viewer", "operator", "admin")
ACTORS = ("anonymous", *ROLE_NAMES, "token", "embed")
TOKEN = frozenset({"metrics:read"})
"""What the token may: what a program most often gets."""
CALLBACKS = "/_dash-update-component"
NOT_THERE = 999_999_999
"""A row that does not exist: whoever is let through changes nothing."""
ROUTER = ("_pages_content.children", "_pages_dummy.children")
"""Dash's own callbacks; the layouts that they call ask by themselves, and are rows of their own here."""
EMBEDDED = {"GET /", "GET /_dash-layout", "GET /_dash-dependencies", "GET /ws/metrics"}
"""Routes that answer an embed link, besides the callbacks of what it shows."""
ENDS_A_SIGN_IN = ("POST /logout",)

MEANT_TO_BE_OPEN = {
    "/login", "/login/code", "/login/password", "/login/oidc", "/login/oidc/back", "/_favicon.ico", "/api/health",
    "/api/auth/login", "/api/auth/refresh", "/api/auth/logout",
}
"""Besides files. Whoever adds one says here that it is meant."""

Table = dict[str, tuple[str, dict[str, str]]]
"""Row -> permission and, per actor, what was answered."""


class Visitors:
    """Everybody, each with a way to send a request."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        server = self.site.server
        parts = server.extensions["vigie.security"]
        for limit in (parts.calls, parts.embed_calls, parts.alarms):
            limit._most = 10**9
        token = self.site.vigie.accounts.tokens.add("program", TOKEN)[0]
        link = parts.embeds.add(
            Target("overview", "", "1h"), title="x", expires=parts.accounts.now() + 9999, site="*", created_by="admin",
            owner_id=1,
        )
        self._prefix = {"embed": f"/embed/{parts.embeds.token(link)}"}
        self.clients: dict[str, FlaskClient] = {
            name: server.test_client() for name in ("anonymous", "token", "embed")
        }
        self.clients["token"].environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        for name in ROLE_NAMES:
            self.renew(name)

    def renew(self, name: str) -> None:
        """Signs somebody in (anew)."""
        client = self.clients[name] = self.site.signed_in(name)
        client.environ_base["HTTP_X_CSRFTOKEN"] = self.site.csrf(client)

    def send(self, actor: str, method: str, path: str, **more: Any) -> str:
        """What ``actor`` is answered: ``yes``, or why not."""
        answer = self.clients[actor].open(self._prefix.get(actor, "") + path, method=method, **more)
        try:
            return outcome(answer)
        finally:
            answer.close()


def outcome(answer: TestResponse) -> str:
    """In a word: whoever is let through may still have asked for what is not there."""
    if answer.status_code in (401, 403):
        return str(answer.status_code)
    if answer.status_code == 302 and "/login" in answer.headers["Location"]:
        return "yes" if answer.headers["Location"].endswith("/login?out") else "login"
    assert answer.status_code != 429
    return "yes"


def routes(site: Site) -> Iterator[tuple[str, Rule, str]]:
    """Row, rule and method of every route, those that end a sign-in last."""
    found = []
    for rule in site.server.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            found.append((f"{method} {rule.rule}", rule, method))
    yield from sorted(found, key=lambda one: (one[0] in ENDS_A_SIGN_IN, one[1].rule, one[2]))


def address(rule: Rule) -> str:
    """A path that the rule takes, of something that is not there."""
    path = re.sub(r"<int:\w+>", str(NOT_THERE), rule.rule)
    path = re.sub(r"<path:\w+>", "no/such/page", path)
    return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?\w+>", "0123456789abcdef", path)


def permission_of_route(site: Site, rule: Rule) -> str:
    """What the guard asks for."""
    if is_open(rule.rule):
        return "open"
    found = permission_of(site.server.view_functions.get(rule.endpoint))
    return found or ("dashboard:view" if rule.rule in DASH else "")


def callbacks(site: Site) -> Iterator[tuple[str, dict[str, Any]]]:
    """Output and registration of every callback that runs on the server."""
    for output, entry in sorted(site.dash.callback_map.items()):
        if "callback" in entry and not any(part in output for part in ROUTER):
            yield output, entry


def body(output: str, entry: dict[str, Any], value: Any = None, *, one_of_all: bool = False) -> dict[str, Any]:
    """What a page would send, with ``value`` in each part; none or one of what there may be many of."""
    def part(one: dict[str, Any]) -> Any:
        name = one["id"]
        if not name.startswith("{"):
            return {"id": name, "property": one["property"], "value": value}
        many = '["ALL"]' in name or '["ALLSMALLER"]' in name
        found = json.loads(re.sub(r'\["(ALL|ALLSMALLER|MATCH)"\]', '"x"', name))
        told = {"id": found, "property": one["property"], "value": value}
        return told if not many else [told] if one_of_all else []

    outputs = []
    for one in output.strip(".").split("..."):
        name, _dot, prop = one.rpartition(".")
        found = json.loads(name.replace('["MATCH"]', '"x"').replace('["ALL"]', '"x"')) if name[:1] == "{" else name
        outputs.append([{"id": found, "property": prop}] if '["ALL"]' in name else {"id": found, "property": prop})
    first = entry["inputs"][0]
    return {
        "output": output, "outputs": outputs if output.startswith("..") else outputs[0],
        "inputs": [part(one) for one in entry["inputs"]], "state": [part(one) for one in entry["state"]],
        "changedPropIds": [f"{first['id']}.{first['property']}"],
    }


@pytest.fixture(scope="module")
def visitors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitors]:
    made = Visitors(tmp_path_factory.mktemp("matrix"))
    yield made
    made.site.runtime.stop()


@pytest.fixture(scope="module")
def seen(visitors: Visitors) -> Table:
    """Everything, called by everybody."""
    site, table = visitors.site, Table()
    socket = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "http://localhost"}
    for output, entry in callbacks(site):
        sent = body(output, entry)
        table[f"CALLBACK {output}"] = (permission_of(entry["callback"]) or "", {
            actor: visitors.send(actor, "POST", CALLBACKS, json=sent) for actor in ACTORS
        })
    for page in sorted(dash.page_registry.values(), key=lambda one: one["path"]):
        shown = {name: _page(site, visitors.clients[name], page["path"]) for name in ROLE_NAMES}
        table[f"PAGE {page['path_template'] or page['path']}"] = ("", shown)
    for row, rule, method in routes(site):
        if rule.rule == CALLBACKS:
            continue
        more: dict[str, Any] = {"headers": socket} if rule.websocket else {}
        table[row] = (permission_of_route(site, rule), {
            actor: visitors.send(actor, method, address(rule), **more) for actor in ACTORS
        })
    return table


def _page(site: Site, client: FlaskClient, path: str) -> str:
    return "403" if "Not for your role" in texts(site.page(client, path)) else "yes"


def test_nothing_is_without_a_permission(seen: Table) -> None:
    missing = [row for row, (permission, _answers) in seen.items() if not permission and not row.startswith("PAGE")]
    assert missing == [], "name a permission: @requires(...) above the view, or requires(...)(callback)"


def test_the_open_routes_are_the_few_that_are_meant(seen: Table) -> None:
    opened = {row.split()[1] for row, (permission, _answers) in seen.items() if permission == "open"}
    files = ("/assets/", "/static/", "/_dash-component-suites/")
    assert {path for path in opened if not path.startswith(files)} == MEANT_TO_BE_OPEN


@pytest.mark.parametrize("actor", ["anonymous", *ROLE_NAMES, "token"])
def test_each_may_what_their_permissions_name_and_nothing_else(seen: Table, actor: str) -> None:
    mine = {**{role: ROLES[role] for role in ROLE_NAMES}, "token": TOKEN, "anonymous": frozenset()}[actor]
    wrong = {
        row: answers[actor] for row, (permission, answers) in seen.items()
        if not row.startswith("PAGE") and permission != "open"
        and (answers[actor] == "yes") != may(row, permission, mine)
    }
    assert wrong == {}


def may(row: str, permission: str, mine: frozenset[str]) -> bool:
    """Whether these permissions are enough: a callback comes by a route of Dash's own, which asks too."""
    return permission in mine and (not row.startswith("CALLBACK") or "dashboard:view" in mine)


def test_nobody_is_told_to_sign_in_or_refused_on_an_open_route(seen: Table) -> None:
    for row, (permission, answers) in seen.items():
        if permission == "open" and "/auth/" not in row and "/login/" not in row and row != "POST /login":
            assert {answers[actor] for actor in ACTORS if actor != "embed"} == {"yes"}, row


def test_an_embed_link_opens_its_page_and_nothing_else(seen: Table, visitors: Visitors) -> None:
    shown = {row for row, (_permission, answers) in seen.items() if answers.get("embed") == "yes"}
    site = visitors.site
    for row in shown - EMBEDDED:
        kind, _space, output = row.partition(" ")
        assert kind == "CALLBACK" and site.dash.embeddable(output, "overview"), row
    assert shown >= EMBEDDED


@pytest.mark.parametrize("odd", [None, "x", "\x00\ud800", 5, 1e308, True, [], [None, ["x"]], {"tab": None}], ids=repr)
def test_a_callback_takes_what_no_page_sends_without_a_mistake(visitors: Visitors, odd: Any) -> None:
    failed = []
    for output, entry in callbacks(visitors.site):
        sent = body(output, entry, odd, one_of_all=True)
        answer = visitors.clients["admin"].post(CALLBACKS, json=sent)
        if answer.status_code >= 500 or "log says why" in answer.text:
            failed.append(output)
        if "settings-sessions-confirm" in json.dumps(sent):  # that one has ended the sign-in
            visitors.renew("admin")
    assert failed == []


def test_every_permission_is_somebodys(seen: Table) -> None:
    assert ROLES["viewer"] < ROLES["operator"] < ROLES["admin"] == PERMISSIONS


def test_what_was_seen_is_what_is_written_down(seen: Table) -> None:
    text = written(seen)
    if WRITE:
        FILE.write_text(text, encoding="utf-8")
    known, now = (set(one.splitlines()) for one in (FILE.read_text(encoding="utf-8"), text))
    assert (sorted(now - known), sorted(known - now)) == ([], []), (
        "seen and not in matrix.txt, and the other way round; WRITE_MATRIX=1 writes the file anew"
    )


def written(seen: Table) -> str:
    """The table as people read it."""
    columns: list[tuple[str, Callable[[str], str]]] = [("permission", lambda row: seen[row][0] or "-")]
    columns += [(actor, lambda row, actor=actor: seen[row][1].get(actor, "-")) for actor in ACTORS]  # type: ignore[misc]
    order = sorted(seen, key=lambda row: (row.split()[0] in ("CALLBACK", "PAGE"), row.split()[0] == "CALLBACK",
                                          row.split(" ", 1)[1], row))
    lines = [f"{'permission':20}{''.join(f'{name:10}' for name in ACTORS)}what"]
    for row in order:
        cells = [get(row) for _name, get in columns]
        lines.append(f"{cells[0]:20}{''.join(f'{cell:10}' for cell in cells[1:])}{row}")
    return "\n".join(line.rstrip() for line in lines) + "\n"
