"""Items of ASVS 4.0.3, level 1, that no other test shows; and that docs/security.md names each, and real tests only."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest

from security.accounts import Accounts
from security.passwords import MAX_LENGTH
from security.sessions import new_secret
from tests.security.conftest import BROWSER, PASSWORD, Clock, Site

ROOT = Path(__file__).parents[2]
ITEMS = [
    *(f"2.1.{n}" for n in range(1, 13)), "2.2.1", "2.2.2", "2.2.3", "2.3.1", *(f"2.5.{n}" for n in range(1, 7)),
    *(f"2.7.{n}" for n in range(1, 5)), "2.8.1", "3.1.1", "3.2.1", "3.2.2", "3.2.3", "3.3.1", "3.3.2",
    *(f"3.4.{n}" for n in range(1, 6)), "3.7.1", "4.1.1", "4.1.2", "4.1.3", "4.1.5", "4.2.1", "4.2.2", "4.3.1", "4.3.2",
]
"""Level 1 of the chapters V2, V3 and V4. Source: OWASP ASVS 4.0.3, 4.0/docs_en, the CSV."""
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) [^|]*\| ([^|]+) \|$", (ROOT / "docs" / "security.md").read_text(), re.M)


def test_every_item_is_answered_once() -> None:
    assert [item for item, _answer in ROWS] == ITEMS


@pytest.mark.parametrize(("item", "answer"), ROWS, ids=[item for item, _answer in ROWS])
def test_every_test_that_is_named_exists(item: str, answer: str) -> None:
    named = re.findall(r"`(tests/[^`]+)`", answer)
    assert named or len(answer.split()) >= 4, "a test, or a line that says why not"
    for one in named:
        file, _colons, name = one.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, one


def test_long_passwords_count_whole(accounts: Accounts) -> None:
    long = ("äb cd😀" * 60)[:MAX_LENGTH]
    accounts.people.add("ann", long, "viewer")
    assert accounts.people.verify("ann", long)
    assert accounts.people.verify("ann", long[:-1]) is None
    assert accounts.people.verify("ann", long[:-1] + "x") is None
    assert accounts.people.verify("ann", long + "x") is None


@pytest.mark.parametrize("password", [
    "tulip gravel lantern quiet", "пароль из слов моих", "漢字漢字仮名交じり文です私", "🦊🌲🎻🧊🚲🪁🍋🧵🎲🪴🛶🧭",
    "UPPERWORTZELAND", "8273 9462 0173 5580",
])
def test_a_password_may_hold_anything_that_can_be_typed(accounts: Accounts, password: str) -> None:
    accounts.people.add("ann", password, "viewer")
    assert accounts.people.verify("ann", password)


def test_a_password_does_not_grow_old(accounts: Accounts, clock: Clock) -> None:
    accounts.people.add("ann", PASSWORD, "viewer")
    clock.forward(20 * 365 * 86400)
    assert accounts.people.verify("ann", PASSWORD)


def test_no_address_holds_what_signs_in(site: Site) -> None:
    client = site.client()
    answer = site.sign_in(client, form={"next": "/"})
    sent = [cookie.split("=", 1)[1].split(";")[0] for cookie in answer.headers.getlist("Set-Cookie")]
    assert len(sent) >= 2
    for place in (answer.headers["Location"], client.get("/", headers=BROWSER).text):
        assert not any(value in unquote(place) for value in sent if len(value) > 20)
    assert site.client().get(f"/?session={sent[0]}", headers=BROWSER).status_code == 302  # and none is taken from there


def test_what_signs_in_is_long_and_random() -> None:
    made = {new_secret() for _ in range(1000)}
    assert len(made) == 1000 and min(map(len, made)) >= 22  # 128 bits in base64
    assert len({one[:6] for one in made}) > 990


def test_the_back_button_asks_again(site: Site) -> None:
    client = site.signed_in()
    page = client.get("/", headers=BROWSER)
    assert {"private", "no-cache"} <= {part.strip() for part in page.headers["Cache-Control"].split(",")}
    client.post("/logout", data={"csrf_token": site.csrf(client)}, headers=BROWSER)
    assert client.get("/", headers=BROWSER).status_code == 302


@pytest.mark.parametrize("path", ["/", "/monitor/"])
def test_the_cookies_path_is_vigies_own(make_site: Callable[..., Site], path: str) -> None:
    answer = make_site(base_path=path).client().get("/login", headers=BROWSER)
    assert all(f"Path={path}" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


def test_while_the_accounts_are_away_nobody_gets_in(site: Site) -> None:
    site.database.away = True
    client = site.client()
    client.set_cookie(site.secrets.session_cookie, "anything")
    assert client.get("/api/metrics/latest").status_code == 401
    forged = {"Authorization": "Bearer vgt_anything"}
    assert client.get("/api/metrics/latest", headers=forged).status_code == 503
