"""Signing in by OpenID Connect against a real provider with real signatures, and what of it is not believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from security.audit.tables import audit as trail
from security.oidc import VARIABLE
from tests.security.conftest import BROWSER, PASSWORD, Clock, Site
from tests.security.provider import CLIENT, SECRET, Provider, forged_key, serving, shared_key


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving() as found:
        yield found


@pytest.fixture
def make(
    make_site: Callable[..., Site], provider: Provider, monkeypatch: pytest.MonkeyPatch, clock: Clock,
) -> Callable[..., Site]:
    monkeypatch.setenv(VARIABLE, SECRET)
    clock.at = time.time()

    def made(**more: object) -> Site:
        return make_site(oidc_issuer=provider.issuer, oidc_client_id=CLIENT, **more)

    return made


def through(client: FlaskClient, provider: Provider, path: str = "/login/oidc") -> TestResponse:
    """A browser that clicks the button and signs in at the provider."""
    out = client.get(path, headers=BROWSER)
    assert out.status_code == 302, out.text
    back = provider.authorize(out.headers["Location"])
    assert back.startswith("http://localhost/login/oidc/back?")
    return client.get(back.removeprefix("http://localhost"), headers=BROWSER)


def recorded(site: Site) -> list[tuple[str, str, str]]:
    site.server.extensions["vigie.audit"].flush()
    with site.database.read() as connection:
        rows = connection.execute(trail.select().order_by(trail.c.id))
        return [(row.action, row.result, row.after or "") for row in rows]


def test_the_button_leads_in_and_makes_an_account(make: Callable[..., Site], provider: Provider) -> None:
    site = make(oidc_button="Our directory")
    client = site.client()
    form = client.get("/login?next=/explore", headers=BROWSER).text
    assert "Sign in with Our directory" in form and "/login/oidc?next=/explore" in form
    answer = through(client, provider, "/login/oidc?next=/explore")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/explore")
    assert client.get("/", headers=BROWSER).status_code == 200
    user = site.accounts.people.get("grace")
    assert (user.role, user.source) == ("viewer", "oidc")
    assert site.accounts.sessions.list(user.id)[0].method == "oidc"
    assert not site.accounts.people.verify("grace", "")
    assert ("session.open", "ok") in [row[:2] for row in recorded(site)]
    provider.claims = {"preferred_username": "grace.hopper"}
    again = site.client()
    assert through(again, provider).status_code == 302
    assert len(site.accounts.people.page("grace")[0]) == 1, "known by subject, whatever the name is now"


@pytest.mark.parametrize(("claims", "why"), [
    ({"nonce": "another"}, "nonce"), ({"nonce": None}, "nonce"), ({"aud": "somebody-else"}, "aud"),
    ({"aud": [CLIENT, "b"], "azp": "b"}, "another client"), ({"iss": "https://elsewhere.example"}, "iss"),
    ({"exp": 1_000_000}, "expired"), ({"exp": None}, "exp"), ({"sub": None}, "sub"),
    ({"iat": 99_999_999_999}, "future"),
])
def test_claims_that_do_not_fit_are_not_believed(
    make: Callable[..., Site], provider: Provider, claims: dict[str, object], why: str,
) -> None:
    site, client = make(), None
    provider.claims = claims
    client = site.client()
    answer = through(client, provider)
    assert answer.status_code == 401 and "is not believed" in answer.text and why in answer.text
    assert client.get("/", headers=BROWSER).status_code == 302
    assert recorded(site)[-1][:2] == ("session.refused", "refused")


@pytest.mark.parametrize("spoil", ["tampered", "forged", "shared secret"])
def test_signatures_that_do_not_hold_are_not_believed(
    make: Callable[..., Site], provider: Provider, spoil: str,
) -> None:
    site = make()
    if spoil == "tampered":
        provider.tamper = True
    else:
        provider.sign_with = forged_key() if spoil == "forged" else shared_key()
        provider.algorithm = "RS256" if spoil == "forged" else "HS256"
    client = site.client()
    answer = through(client, provider)
    assert answer.status_code == 401 and "is not believed" in answer.text
    assert client.get("/", headers=BROWSER).status_code == 302
    assert not site.accounts.people.known("grace")


def test_an_answer_counts_once_and_only_where_it_was_asked_for(make: Callable[..., Site], provider: Provider) -> None:
    site = make()
    victim, attacker = site.client(), site.client()
    back = provider.authorize(attacker.get("/login/oidc").headers["Location"]).removeprefix("http://localhost")
    assert victim.get(back, headers=BROWSER).status_code == 401, "somebody else's sign-in is not planted"
    victim.get("/login/oidc")
    assert "not begun in this browser" in victim.get(back, headers=BROWSER).text
    assert attacker.get(back, headers=BROWSER).status_code == 302
    assert attacker.get(back, headers=BROWSER).status_code == 401


def test_it_may_not_take_too_long(make: Callable[..., Site], provider: Provider) -> None:
    site = make()
    client = site.client()
    back = provider.authorize(client.get("/login/oidc").headers["Location"]).removeprefix("http://localhost")
    site.clock.forward(601)
    assert "took too long" in client.get(back, headers=BROWSER).text


def test_what_the_provider_refuses_is_told(make: Callable[..., Site], provider: Provider) -> None:
    provider.refuse = "access_denied"
    answer = through(make().client(), provider)
    assert answer.status_code == 401 and "The sign-in failed: access_denied" in answer.text


def test_groups_give_roles_at_each_sign_in(make: Callable[..., Site], provider: Provider) -> None:
    site = make(sign_in_groups=("cn=ops,dc=example=operator", "admins=admin"))
    provider.claims = {"groups": ["staff", "cn=ops,dc=example"]}
    assert through(site.client(), provider).status_code == 302
    assert site.accounts.people.get("grace").role == "operator"
    provider.claims = {"groups": ["admins", "cn=ops,dc=example"]}
    through(site.client(), provider)
    assert site.accounts.people.get("grace").role == "admin", "the highest"
    provider.claims = {"groups": ["staff"]}
    refused = through(site.client(), provider)
    assert refused.status_code == 403 and "None of your groups" in refused.text
    assert "None of your groups" in recorded(site)[-1][2]
    provider.claims = {}
    assert through(site.client(), provider).status_code == 403


def test_groups_may_come_from_userinfo_of_the_same_person_only(make: Callable[..., Site], provider: Provider) -> None:
    provider.userinfo = {"sub": "7", "groups": ["admins"]}
    site = make(sign_in_groups=("admins=admin",))
    assert through(site.client(), provider).status_code == 302
    assert site.accounts.people.get("grace").role == "admin"
    provider.userinfo = {"sub": "8", "groups": ["admins"]}
    assert "somebody else" in through(site.client(), provider).text


def test_everybody_may_have_a_role(make: Callable[..., Site], provider: Provider) -> None:
    site = make(sign_in_groups=("*=operator",))
    through(site.client(), provider)
    assert site.accounts.people.get("grace").role == "operator"


def test_an_account_with_a_password_is_not_taken_over(make: Callable[..., Site], provider: Provider) -> None:
    site = make()
    provider.claims = {"preferred_username": "Admin"}
    answer = through(site.client(), provider)
    assert answer.status_code == 403 and "signs in another way" in answer.text
    site.accounts.people.set_source("viewer", "oidc")
    provider.claims = {"preferred_username": "viewer"}
    assert through(site.client(), provider).status_code == 302, "an administrator said so"
    provider.claims = {"preferred_username": "viewer", "sub": "8"}
    assert through(site.client(), provider).status_code == 403, "another person of the same name"


def test_without_new_accounts_only_known_people_come_in(make: Callable[..., Site], provider: Provider) -> None:
    site = make(sign_in_create=False)
    answer = through(site.client(), provider)
    assert answer.status_code == 403 and "There is no account grace" in answer.text
    site.accounts.people.add("grace", None, "operator", source="oidc")
    assert through(site.client(), provider).status_code == 302
    site.accounts.people.set_disabled("grace", True)
    closed = through(site.client(), provider)
    assert closed.status_code == 403 and "Your account is closed." in closed.text


def test_while_the_provider_is_away_a_password_still_does(make: Callable[..., Site], provider: Provider) -> None:
    site = make()
    provider.port, real = 1, provider.port
    site.server.extensions["vigie.security"].provider._issuer = "http://127.0.0.1:1/realm"
    answer = site.client().get("/login/oidc", headers=BROWSER)
    assert answer.status_code == 503 and "cannot be reached now" in answer.text
    assert site.sign_in(site.client(), "viewer", PASSWORD).status_code == 302
    provider.port = real


def test_a_provider_that_calls_itself_otherwise_is_not_believed(make: Callable[..., Site], provider: Provider) -> None:
    site = make()
    site.server.extensions["vigie.security"].provider._issuer = f"http://localhost:{provider.port}/realm"
    assert site.client().get("/login/oidc", headers=BROWSER).status_code == 503


def test_a_new_signing_key_is_looked_for(make: Callable[..., Site], provider: Provider) -> None:
    site = make()
    assert through(site.client(), provider).status_code == 302
    provider.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    assert through(site.client(), provider).status_code == 401, "not at each forged token"
    site.clock.forward(31)
    assert through(site.client(), provider).status_code == 302
    assert provider.asked.count("/realm/.well-known/openid-configuration") == 1


def test_a_wrong_secret_is_refused_by_the_provider(
    make: Callable[..., Site], provider: Provider, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "not it")
    answer = through(make().client(), provider)
    assert answer.status_code == 401 and "refused the code" in answer.text


def test_without_a_provider_there_is_no_button_and_no_way(site: Site) -> None:
    assert "/login/oidc" not in site.client().get("/login", headers=BROWSER).text
    assert site.client().get("/login/oidc", headers=BROWSER).status_code == 404
    assert site.client().get("/login/oidc/back?code=x&state=y", headers=BROWSER).status_code == 404
