"""The second factor and the password that somebody else gave: what they ask, and what they never let through."""

from __future__ import annotations

import pyotp
import pytest

from security.accounts import Accounts
from security.errors import CodeNeeded, CodeWrong, PasswordToChange, Refused
from security.factors import CODES
from security.people import User
from tests.security.conftest import BROWSER, PASSWORD, Clock, Site

NEW = "three herons by the quay"


def turned_on(accounts: Accounts, clock: Clock, name: str = "viewer") -> tuple[User, pyotp.TOTP, list[str]]:
    user = accounts.people.get(name)
    totp = pyotp.TOTP(accounts.factors.begin(user.id).key)
    codes = accounts.factors.confirm(user.id, totp.at(clock.at))
    clock.forward(30)
    return user, totp, codes


@pytest.fixture
def phone(site: Site) -> pyotp.TOTP:
    return turned_on(site.accounts, site.clock)[1]


def test_a_key_is_worth_nothing_before_it_is_confirmed(site: Site) -> None:
    user = site.accounts.people.get("viewer")
    setup = site.accounts.factors.begin(user.id)
    assert setup.key in setup.uri and setup.svg.startswith("<svg") and "<script" not in setup.svg
    assert site.sign_in(site.client()).headers["Location"] == "/"
    with pytest.raises(Refused, match="not right"):
        site.accounts.factors.confirm(user.id, "000000")
    assert not site.accounts.people.get("viewer").second_factor


def test_the_key_is_not_in_the_database_as_it_is_and_codes_only_as_hashes(site: Site) -> None:
    user = site.accounts.people.get("viewer")
    key = site.accounts.factors.begin(user.id).key
    codes = site.accounts.factors.confirm(user.id, pyotp.TOTP(key).at(site.clock.at))
    assert len(set(codes)) == CODES
    stored = b"".join(p.read_bytes() for p in site.database._file.parent.glob("vigie.db*"))  # type: ignore[union-attr]
    assert key.encode() not in stored
    assert not any(code.encode() in stored or code.replace("-", "").encode() in stored for code in codes)


def test_the_password_alone_opens_nothing(site: Site, phone: pyotp.TOTP) -> None:
    client = site.client()
    first = site.sign_in(client, form={"next": "/monitoring?window=1h"})
    assert first.headers["Location"] == "/login/code"
    assert client.get("/", headers=BROWSER).status_code == 302
    assert client.get("/api/metrics/latest").status_code == 401
    wrong = client.post("/login/code", data={"code": "123456", "csrf_token": csrf(site, client)}, headers=BROWSER)
    assert wrong.status_code == 401 and "The code is not right" in wrong.text
    right = client.post(
        "/login/code", data={"code": phone.at(site.clock.at), "csrf_token": csrf(site, client)}, headers=BROWSER
    )
    assert right.headers["Location"] == "/monitoring?window=1h"
    assert client.get("/", headers=BROWSER).status_code == 200


def csrf(site: Site, client: object) -> str:
    return site.csrf(client)  # type: ignore[arg-type]


def test_a_code_is_good_once_and_a_neighbouring_one_too(site: Site, phone: pyotp.TOTP) -> None:
    check, user = site.accounts.factors.check, site.accounts.people.get("viewer")
    now = site.clock.at
    assert check(user.id, phone.at(now))
    assert not check(user.id, phone.at(now)), "replayed within its window"
    assert not check(user.id, phone.at(now - 30)), "an older one after it"
    assert check(user.id, f" {phone.at(now + 30)[:3]} {phone.at(now + 30)[3:]} ")
    assert not check(user.id, phone.at(now + 90))
    assert not check(user.id, "") and not check(user.id, "١٢٣٤٥٦") and not check(user.id, "\ud800")


def test_a_recovery_code_is_good_once(site: Site) -> None:
    user, _totp, codes = turned_on(site.accounts, site.clock)
    assert site.accounts.factors.check(user.id, codes[3].upper())
    assert not site.accounts.factors.check(user.id, codes[3])
    assert site.accounts.factors.left(user.id) == CODES - 1
    fresh = site.accounts.factors.new_codes(user.id)
    assert not site.accounts.factors.check(user.id, codes[4]) and site.accounts.factors.check(user.id, fresh[0])


def test_programs_are_asked_too(accounts: Accounts, site: Site) -> None:
    _user, totp, _codes = turned_on(site.accounts, site.clock, "operator")
    with pytest.raises(CodeNeeded):
        site.accounts.sign_in("operator", PASSWORD, kind="api")
    with pytest.raises(CodeWrong):
        site.accounts.sign_in("operator", PASSWORD, kind="api", code="000000")
    assert site.accounts.sign_in("operator", PASSWORD, kind="api", code=totp.at(site.clock.at))


def test_wrong_codes_are_counted_as_wrong_passwords_are(site: Site, phone: pyotp.TOTP) -> None:
    client = site.client()
    site.sign_in(client)
    statuses = []
    for _ in range(5):
        answer = client.post("/login/code", data={"code": "000000", "csrf_token": csrf(site, client)}, headers=BROWSER)
        statuses.append(answer.status_code)
    assert statuses == [401] * 4 + [429]


def test_a_begun_sign_in_ends_with_time_and_with_the_account(site: Site, phone: pyotp.TOTP) -> None:
    for change in (lambda: site.clock.forward(601), lambda: site.accounts.people.set_disabled("viewer", True)):
        client = site.client()
        site.sign_in(client)
        change()
        form = {"code": phone.at(site.clock.at), "csrf_token": csrf(site, client)}
        answer = client.post("/login/code", data=form, headers=BROWSER)
        assert answer.status_code == 401 and "sign in again" in answer.text
        site.accounts.people.set_disabled("viewer", False)
    assert site.client().get("/login/code", headers=BROWSER).status_code == 401


def test_turning_it_on_ends_other_sign_ins_and_a_reset_ends_all(site: Site) -> None:
    client = site.signed_in()
    user, _totp, _codes = turned_on(site.accounts, site.clock)
    assert client.get("/", headers=BROWSER).status_code == 302
    assert site.accounts.factors.off(user.id, reset=True)
    assert not site.accounts.factors.off(user.id, reset=True)
    assert site.accounts.sign_in("viewer", PASSWORD)


def test_a_password_that_was_given_is_good_for_choosing_another_only(site: Site) -> None:
    site.accounts.people.set_password("viewer", PASSWORD, must_change=True)
    with pytest.raises(PasswordToChange):
        site.accounts.sign_in("viewer", PASSWORD, kind="api")
    client = site.client()
    assert site.sign_in(client).headers["Location"] == "/login/password"
    assert client.get("/", headers=BROWSER).status_code == 302

    def choose(new: str, repeat: str) -> object:
        form = {"password": new, "repeat": repeat, "csrf_token": csrf(site, client)}
        return client.post("/login/password", data=form, headers=BROWSER)

    for new, repeat, words in (
        (NEW, "other", "not the same"), ("short", "short", "at least 12"), (PASSWORD, PASSWORD, "choose another one"),
    ):
        answer = choose(new, repeat)
        assert answer.status_code == 400 and words in answer.text  # type: ignore[attr-defined]
    assert choose(NEW, NEW).headers["Location"] == "/"  # type: ignore[attr-defined]
    assert client.get("/", headers=BROWSER).status_code == 200
    assert site.accounts.people.verify("viewer", NEW)


def test_both_steps_come_in_turn(site: Site, phone: pyotp.TOTP) -> None:
    site.accounts.people.set_password("viewer", PASSWORD, must_change=True)
    client = site.client()
    assert site.sign_in(client).headers["Location"] == "/login/code"
    assert client.get("/login/password", headers=BROWSER).headers["Location"] == "/login/code"
    form = {"password": NEW, "repeat": NEW, "csrf_token": csrf(site, client)}
    client.post("/login/password", data=form, headers=BROWSER)
    assert not site.accounts.people.verify("viewer", NEW), "the code cannot be skipped"
    code = {"code": phone.at(site.clock.at), "csrf_token": csrf(site, client)}
    assert client.post("/login/code", data=code, headers=BROWSER).headers["Location"] == "/login/password"
    form["csrf_token"] = csrf(site, client)
    assert client.post("/login/password", data=form, headers=BROWSER).headers["Location"] == "/"
