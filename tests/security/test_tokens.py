"""Access and refresh tokens of programs, on both databases."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from security import errors
from security.accounts import Accounts
from security.secrets import Secrets, load_secrets
from security.tokens import ACCESS_SECONDS, Tokens
from tests.security.conftest import PASSWORD, Clock, Site, Switch

DAY = 86400


@pytest.fixture
def accounts(both_databases: Switch, clock: Clock) -> Accounts:
    made = Accounts(both_databases, clock)
    made.people.add("ada", PASSWORD, "operator")
    return made


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return load_secrets(tmp_path)


@pytest.fixture
def tokens(accounts: Accounts, secrets: Secrets, clock: Clock) -> Tokens:
    return Tokens(accounts, secrets, clock)


def test_a_login_gives_tokens_that_name_the_person(tokens: Tokens) -> None:
    pair = tokens.login("ada", PASSWORD)
    assert (pair.token_type, pair.expires_in, pair.refresh_expires_in) == ("Bearer", 900, 7 * DAY)
    identity = tokens.identity(pair.access_token)
    assert identity is not None
    assert (identity.kind, identity.name, identity.role) == ("user", "ada", "operator")
    with pytest.raises(errors.SignInRefused):
        tokens.login("ada", "wrong")


def test_an_access_token_lasts_a_quarter_of_an_hour(tokens: Tokens, clock: Clock) -> None:
    pair = tokens.login("ada", PASSWORD)
    clock.forward(ACCESS_SECONDS - 1)
    assert tokens.identity(pair.access_token)
    clock.forward(1)
    assert tokens.identity(pair.access_token) is None
    assert tokens.identity(tokens.refresh(pair.refresh_token).access_token)


def test_an_access_token_ends_with_its_session_its_account_and_its_role(tokens: Tokens, accounts: Accounts) -> None:
    first, second = tokens.login("ada", PASSWORD), tokens.login("ada", PASSWORD)
    tokens.logout(first.refresh_token)
    assert tokens.identity(first.access_token) is None
    with pytest.raises(errors.RefreshRefused):
        tokens.refresh(first.refresh_token)
    accounts.people.set_role("ada", "viewer")
    identity = tokens.identity(second.access_token)
    assert identity is not None
    assert identity.role == "viewer"
    accounts.people.set_disabled("ada", True)
    assert tokens.identity(second.access_token) is None
    with pytest.raises(errors.RefreshRefused):
        tokens.refresh(second.refresh_token)


def test_refreshing_keeps_a_program_signed_in_and_staying_away_does_not(tokens: Tokens, clock: Clock) -> None:
    pair = tokens.login("ada", PASSWORD)
    for _ in range(5):
        clock.forward(6 * DAY)
        pair = tokens.refresh(pair.refresh_token)
    clock.forward(7 * DAY)
    with pytest.raises(errors.RefreshRefused):
        tokens.refresh(pair.refresh_token)


def test_a_refresh_token_that_comes_twice_ends_the_whole_family(tokens: Tokens) -> None:
    other = tokens.login("ada", PASSWORD)
    stolen = tokens.login("ada", PASSWORD)
    owner = tokens.refresh(stolen.refresh_token)
    newest = tokens.refresh(owner.refresh_token)
    with pytest.raises(errors.RefreshRefused):
        tokens.refresh(stolen.refresh_token)
    for pair in (stolen, owner, newest):
        assert tokens.identity(pair.access_token) is None
        with pytest.raises(errors.RefreshRefused):
            tokens.refresh(pair.refresh_token)
    assert tokens.identity(other.access_token), "other sign-ins go on"


def test_forged_tokens_are_nobodys(tokens: Tokens, secrets: Secrets) -> None:
    good = tokens.login("ada", PASSWORD).access_token
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = [
        jwt.encode(claims, "another key that is long enough 123", algorithm="HS256"),
        jwt.encode(claims, secrets.session_key, algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode({**claims, "iss": "vigie-00000000"}, secrets.token_key, algorithm="HS256"),
        jwt.encode({**claims, "sub": "2"}, secrets.token_key, algorithm="HS256"),
        jwt.encode({**claims, "sid": 99}, secrets.token_key, algorithm="HS256"),
        jwt.encode({**claims, "sid": "x"}, secrets.token_key, algorithm="HS256"),
        jwt.encode({k: v for k, v in claims.items() if k != "exp"}, secrets.token_key, algorithm="HS256"),
        good[:-2], "a.b.c", "",
    ]
    assert [tokens.identity(token) for token in forged] == [None] * len(forged)
    assert tokens.identity(good)


def test_a_programs_session_is_no_cookie_and_a_cookies_session_no_token(
    accounts: Accounts
) -> None:
    browser = accounts.sign_in("ada", PASSWORD)
    program = accounts.sign_in("ada", PASSWORD, kind="api")
    assert browser is not None
    assert program is not None
    assert accounts.of_session(browser[1])
    assert accounts.of_session(program[1]) is None
    assert accounts.of_access(program[2], program[0].id)
    assert accounts.of_access(browser[2], browser[0].id) is None


def test_a_number_of_a_session_is_never_used_twice(tokens: Tokens, accounts: Accounts) -> None:
    old = tokens.login("ada", PASSWORD)
    accounts.people.add("eve", PASSWORD, "viewer")
    tokens.logout(old.refresh_token)
    tokens.login("ada", PASSWORD)
    assert tokens.identity(old.access_token) is None


def test_requests_with_an_access_token_are_its_persons(site: Site) -> None:
    tokens = Tokens(site.accounts, site.secrets, site.clock)
    pair = tokens.login("operator", PASSWORD)
    client, headers = site.client(), {"Authorization": f"Bearer {pair.access_token}"}
    assert client.get("/api/metrics/latest", headers=headers).json == {"name": "operator"}
    assert client.post("/api/models/start", headers=headers).status_code == 200
    assert client.put("/api/users", headers=headers).status_code == 403
    site.clock.forward(ACCESS_SECONDS)
    assert client.get("/api/metrics/latest", headers=headers).status_code == 401
