"""Tokens that are somebody's: worth no more than their owner at the moment."""

from __future__ import annotations

import pytest

from security import apitokens
from security.accounts import Accounts
from security.errors import Refused
from tests.security.conftest import PASSWORD, Clock, Switch


@pytest.fixture
def accounts(both_databases: Switch, clock: Clock) -> Accounts:
    made = Accounts(both_databases, clock)
    for name, role in (("root", "admin"), ("ada", "operator"), ("bob", "viewer")):
        made.people.add(name, PASSWORD, role)
    return made


def own(accounts: Accounts, *permissions: str, name: str = "notebook", who: str = "ada") -> str:
    return accounts.tokens.add(name, permissions, owner=accounts.people.get(who), days=30)[0]


def test_it_says_whose_it_is_and_may_what_was_chosen(accounts: Accounts) -> None:
    identity = accounts.of_token(own(accounts, "metrics:read"))
    assert identity is not None
    assert (identity.kind, identity.name, identity.permissions) == ("token", "ada/notebook", {"metrics:read"})
    assert identity.owner == accounts.people.get("ada").id


def test_nobody_gives_away_more_than_they_have(accounts: Accounts) -> None:
    with pytest.raises(Refused, match="no more than its owner, who lacks: users:manage"):
        own(accounts, "metrics:read", "users:manage")


def test_it_loses_what_its_owner_loses_at_once_and_gets_it_back(accounts: Accounts) -> None:
    secret = own(accounts, "metrics:read", "models:start")
    accounts.people.set_role("ada", "viewer")
    identity = accounts.of_token(secret)
    assert identity is not None and identity.permissions == {"metrics:read"}
    accounts.people.set_disabled("ada", True)
    assert accounts.of_token(secret) is None
    assert accounts.tokens.list()[0].state(accounts.now()) == "asleep"
    accounts.people.set_disabled("ada", False)
    accounts.people.set_role("ada", "operator")
    identity = accounts.of_token(secret)
    assert identity is not None and "models:start" in identity.permissions


def test_two_people_may_have_a_token_of_the_same_name_and_nobody_too(accounts: Accounts) -> None:
    first, second = own(accounts, "metrics:read"), own(accounts, "metrics:read", who="bob")
    shell, _ = accounts.tokens.add("notebook", ["metrics:read"])
    with pytest.raises(Refused, match="already a token"):
        own(accounts, "metrics:read")
    accounts.tokens.revoke("notebook")
    assert accounts.of_token(shell) is None and accounts.of_token(first) and accounts.of_token(second)
    mine = accounts.tokens.list(accounts.people.get("ada").id)
    assert [(t.owner, t.name) for t in mine] == [("ada", "notebook")]
    assert accounts.tokens.revoke_row(mine[0]) and not accounts.tokens.revoke_row(mine[0])
    assert accounts.of_token(first) is None and accounts.of_token(second)


def test_it_expires(accounts: Accounts, clock: Clock) -> None:
    secret = own(accounts, "metrics:read")
    clock.forward(30 * 86400 + 1)
    assert accounts.of_token(secret) is None


def test_one_has_so_many_and_no_more(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apitokens, "MOST", 2)
    own(accounts, "metrics:read", name="a")
    own(accounts, "metrics:read", name="b")
    with pytest.raises(Refused, match="2 tokens"):
        own(accounts, "metrics:read", name="c")
    accounts.tokens.revoke("a", accounts.people.get("ada").id)
    own(accounts, "metrics:read", name="c")


def test_an_account_has_one_door(accounts: Accounts) -> None:
    people = accounts.people
    people.set_source("ada", "oidc")
    assert people.verify("ada", PASSWORD) is None, "the password is gone with the old door"
    with pytest.raises(Refused, match="does not sign in with a password"):
        people.set_password("ada", "three herons by the quay")
    found = people.of_subject("oidc", "https://id.example 7", "ada")
    assert found is not None and found.name == "ada"
    assert people.of_subject("oidc", "https://id.example 7", "renamed") == people.get("ada")
    with pytest.raises(Refused, match="another way"):
        people.of_subject("oidc", "https://id.example 8", "ada")
    with pytest.raises(Refused, match="another way"):
        people.of_subject("header", "", "bob")
    assert people.of_subject("header", "", "nobody") is None
    with pytest.raises(Refused, match="only admin with a password"):
        people.set_source("root", "oidc")
    people.set_role("ada", "admin")
    with pytest.raises(Refused, match="only admin with a password"):
        people.set_disabled("root", True)
    people.set_source("ada", "local")
    people.set_password("ada", "three herons by the quay", must_change=True)
    user = people.verify("ada", "three herons by the quay")
    assert user is not None and user.must_change


def test_people_come_in_pages(accounts: Accounts) -> None:
    for i in range(30):
        accounts.people.add(f"user_{i:02}", PASSWORD, "viewer")
    rows, total = accounts.people.page("USER_", 10, 5)
    assert (total, [user.name for user in rows]) == (30, [f"user_{i}" for i in range(10, 15)])
    assert accounts.people.page("%")[1] == 0
    rows, total = accounts.people.page()
    assert (total, len(rows)) == (33, 33)


def test_everybodys_sign_ins_come_in_pages(accounts: Accounts) -> None:
    for name in ("root", "ada", "ada"):
        assert accounts.sign_in(name, PASSWORD, address="192.0.2.7")
    ada = accounts.people.get("ada").id
    assert accounts.sessions.page()[1] == 3
    rows, total = accounts.sessions.page(search="ada", limit=1)
    assert (total, rows[0].name, rows[0].method, rows[0].user_id) == (2, "ada", "password", ada)
    assert accounts.sessions.page(user_id=ada)[1] == 2 and accounts.sessions.page(search="192.0")[1] == 3
    assert accounts.sessions.counts([ada]) == {ada: 2}
    assert accounts.sessions.owner(rows[0].id) == ada
