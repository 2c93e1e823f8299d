"""Signing in and out through the pages."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from security.limits import CallLimits, network_of
from tests.security.conftest import BROWSER, PASSWORD, Clock, Site

DAY, HOUR = 86400, 3600


def post(site: Site, client: FlaskClient, path: str, **form: str) -> TestResponse:
    return client.post(path, data={"csrf_token": site.csrf(client), **form}, headers=BROWSER)


def is_in(client: FlaskClient) -> bool:
    return client.get("/", headers=BROWSER).status_code == 200


@pytest.fixture
def real_time(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    """The clock of the library that counts attempts, too."""
    monkeypatch.setattr(time, "time", clock)
    return clock


def test_the_right_password_signs_in(site: Site) -> None:
    client = site.client()
    response = site.sign_in(client, "Viewer")
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert client.get("/", headers=BROWSER).text == "<p>overview</p>"
    assert client.get("/login", headers=BROWSER).headers["Location"] == "/"


def test_a_wrong_password_an_unknown_name_and_a_closed_account_read_the_same(site: Site) -> None:
    site.accounts.people.set_disabled("operator", True)
    answers = [
        site.sign_in(site.client(), name, password)
        for name, password in (("viewer", "not it"), ("nobody", "not it"), ("operator", PASSWORD))
    ]
    assert [a.status_code for a in answers] == [401] * 3
    messages = {a.text.split('role="alert">')[1].split("<")[0] for a in answers}
    assert messages == {"The name or the password is not right."}
    assert "not it" not in answers[0].text


def test_the_form_is_made_for_people_and_password_managers(site: Site) -> None:
    page = site.client().get("/login?next=/monitoring", headers=BROWSER)
    for part in ('autocomplete="username"', 'autocomplete="current-password"', 'name="csrf_token"', "autofocus",
                 'name="remember"', 'value="/monitoring"', 'lang="en"'):
        assert part in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_what_was_typed_is_shown_as_text(site: Site) -> None:
    page = site.sign_in(site.client(), '"><script>alert(1)</script>', "x")
    assert "<script>alert" not in page.text


def test_five_wrong_passwords_block_the_sixth_attempt_and_say_how_long(site: Site, real_time: Clock) -> None:
    client = site.client()
    for _ in range(5):
        assert site.sign_in(client, "viewer", "wrong").status_code == 401
        real_time.forward(60)
    blocked = site.sign_in(client, "Viewer", PASSWORD)
    assert blocked.status_code == 429
    assert blocked.headers["Retry-After"] == "600"
    assert "Try again in 10 min." in blocked.text
    assert site.sign_in(client, "viewer", PASSWORD).status_code == 429
    assert site.blocked == [("127.0.0.1", "viewer")], "one alarm, not one per attempt"
    assert site.sign_in(client, "operator").status_code == 302, "another name from here is not blocked"
    elsewhere = site.sign_in(site.client(), "viewer", environ_base={"REMOTE_ADDR": "192.0.2.9"})
    assert elsewhere.status_code == 302, "nobody is locked out from afar"
    real_time.forward(601)
    assert site.sign_in(site.client(), "viewer").status_code == 302


def test_a_right_password_clears_the_count(site: Site) -> None:
    for _ in range(3):
        for _ in range(4):
            assert site.sign_in(site.client(), "viewer", "wrong").status_code == 401
        assert site.sign_in(site.client(), "viewer").status_code == 302


def test_one_address_has_a_bound_over_all_names(site: Site) -> None:
    client = site.client()
    token = site.csrf(client)
    statuses = [
        client.post("/login", data={"username": f"no {i}", "password": "x", "csrf_token": token}).status_code
        for i in range(61)
    ]
    assert statuses == [401] * 60 + [429]
    assert site.blocked == [("127.0.0.1", "")], "what was typed as a name may be a password"


def test_a_sign_in_expires_when_idle(site: Site) -> None:
    client = site.signed_in()
    site.clock.forward(12 * HOUR - 1)
    assert is_in(client)
    site.clock.forward(12 * HOUR + 1)
    assert not is_in(client)


def test_lifetimes_come_from_the_settings(make_site: Callable[..., Site]) -> None:
    site = make_site(session_hours=1, remember_days=2)
    idle, kept = site.signed_in(), site.signed_in(remember="1")
    site.clock.forward(HOUR + 1)
    assert not is_in(idle)
    assert is_in(kept)
    site.clock.forward(2 * DAY)
    assert not is_in(kept)


def test_remember_me_keeps_the_cookies_when_the_browser_closes(site: Site) -> None:
    for name in (site.secrets.session_cookie, site.secrets.csrf_cookie):
        kept, dropped = site.signed_in(remember="1").get_cookie(name), site.signed_in().get_cookie(name)
        assert kept is not None
        assert kept.expires is not None
        assert abs(kept.expires.timestamp() - time.time() - 30 * DAY) < 60
        assert dropped is not None
        assert dropped.expires is None


def test_a_remembered_cookie_dies_with_its_row(site: Site) -> None:
    client = site.signed_in(remember="1")
    site.clock.forward(13 * HOUR)
    assert is_in(client)
    site.accounts.sessions.end_all(site.accounts.people.get("viewer").id)
    assert not is_in(client)


def test_signing_out_ends_the_row_and_the_cookies(site: Site) -> None:
    client = site.signed_in(remember="1")
    cookie = client.get_cookie(site.secrets.session_cookie)
    assert cookie is not None
    response = post(site, client, "/logout")
    assert response.headers["Location"] == "/login?out"
    assert "You are signed out." in client.get("/login?out", headers=BROWSER).text
    assert not is_in(client)
    thief = site.client()
    thief.set_cookie(site.secrets.session_cookie, cookie.value)
    assert not is_in(thief)


def test_signing_out_needs_a_post(site: Site) -> None:
    client = site.signed_in()
    assert client.get("/logout", headers=BROWSER).status_code == 405
    assert is_in(client)


def test_signing_out_everywhere(site: Site) -> None:
    here, there, other = site.signed_in(), site.signed_in(remember="1"), site.signed_in("operator")
    post(site, here, "/logout", everywhere="1")
    assert not is_in(here)
    assert not is_in(there)
    assert is_in(other)


def test_a_sign_in_gets_a_new_session_and_csrf_token(site: Site) -> None:
    client = site.client()
    before = site.csrf(client)
    site.sign_in(client)
    with client.session_transaction() as session:
        assert "csrf_token" in session
    response = client.post("/logout", data={"csrf_token": before}, headers=BROWSER)
    assert response.status_code == 400, "a token planted before the sign-in is worth nothing after it"


@pytest.mark.parametrize("target", [
    "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
    "/login?next=/", "/logout", "/api/users", "/_dash-layout", "/x\r\nSet-Cookie: a=b", "///evil.example", " //evil",
    "/\t/evil.example", "",
])
def test_next_never_leads_away(site: Site, target: str) -> None:
    response = site.sign_in(site.client(), form={"next": target})
    assert (response.status_code, response.headers["Location"]) == (302, "/")


@pytest.mark.parametrize("target", ["/monitoring?tab=gpu&window=1h", "/settings", "/"])
def test_next_leads_to_the_page_that_was_wanted(site: Site, target: str) -> None:
    client = site.client()
    sent = client.get(target, headers=BROWSER)
    assert sent.status_code == 302
    page = client.get(sent.headers["Location"], headers=BROWSER)
    assert page.status_code == 200
    response = site.sign_in(client, form={"next": target})
    assert response.headers["Location"] == target


def test_a_post_without_a_token_shows_the_form_again(site: Site) -> None:
    response = site.client().post("/login", data={"username": "viewer", "password": PASSWORD}, headers=BROWSER)
    assert response.status_code == 400
    assert 'name="password"' in response.text


def test_the_form_speaks_the_readers_language(site: Site) -> None:
    site.server.extensions["babel"].locale_selector = None
    page = site.client().get("/login", headers=BROWSER)
    assert '<html lang="en"' in page.text


def test_while_the_database_is_away_new_sign_ins_get_a_clear_answer(site: Site) -> None:
    known = site.signed_in()
    assert is_in(known)
    site.database.away = True
    for _ in range(8):
        answer = site.sign_in(site.client())
        assert answer.status_code == 503
        assert "the database is away" in answer.text
    site.clock.forward(600)
    assert is_in(known)
    site.clock.forward(400)
    gone = known.get("/", headers=BROWSER)
    assert gone.status_code == 503
    assert "out for lunch" in gone.text
    assert site.client().get("/api/health").status_code == 200
    assert known.get("/api/health").json == {"who": None}
    site.database.away = False
    site.clock.forward(5)
    assert is_in(known)
    assert site.sign_in(site.client()).status_code == 302, "attempts that could not be checked do not count"


def test_signing_out_works_without_the_database(site: Site) -> None:
    client = site.signed_in(remember="1")
    token = site.csrf(client)
    site.database.away = True
    assert client.post("/logout", data={"csrf_token": token}, headers=BROWSER).status_code == 302
    site.database.away = False
    site.clock.forward(5)
    assert not is_in(client)


@pytest.mark.parametrize("secure", [False, True])
def test_cookies_are_private_and_secure_over_tls(site: Site, secure: bool) -> None:
    client, base = site.client(), f"{'https' if secure else 'http'}://vigie.example"
    client.get("/login", base_url=base, headers=BROWSER)
    readable = client.get_cookie(site.secrets.csrf_cookie, domain="vigie.example")
    assert readable is not None
    assert (readable.secure, readable.http_only, readable.same_site) == (secure, False, "Lax")
    form = {"username": "viewer", "password": PASSWORD, "remember": "1", "csrf_token": readable.value}
    response = client.post("/login", data=form, base_url=base, headers={**BROWSER, "Origin": base})
    assert response.status_code == 302
    cookies = response.headers.getlist("Set-Cookie")
    assert len(cookies) == 3  # the session, the CSRF token, and that this browser is known
    assert all(("; Secure;" in f"{cookie};") == secure for cookie in cookies)
    session = client.get_cookie(site.secrets.session_cookie, domain="vigie.example")
    assert session is not None
    assert (session.secure, session.http_only, session.same_site) == (secure, True, "Lax")


def test_an_address_is_one_subscriber() -> None:
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9")
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("fe80::1%eth0") == "fe80::"
    assert network_of("not an address/") == network_of("not an address/")


def test_calls_are_counted_per_caller_and_minute() -> None:
    clock = Clock()
    clock.at = 600.0
    calls = CallLimits(clock, most=3)
    assert [calls.hit("a") for _ in range(5)] == [0, 0, 0, 60, 60]
    assert calls.hit("b") == 0
    clock.forward(59.5)
    assert calls.hit("a") == 1
    clock.forward(0.5)
    assert calls.hit("a") == 0
