"""Guessing at one account from many addresses, and what its owner feels of it."""

from __future__ import annotations

import time

import pytest

from security.lockout import FREE, LONGEST, Lockouts, wait_after
from tests.security.conftest import PASSWORD, Clock, Site, Switch


@pytest.fixture
def real_time(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    monkeypatch.setattr(time, "time", clock)
    return clock


def guess(site: Site, count: int, name: str = "viewer", first: int = 0) -> list[int]:
    """Wrong passwords, each from an address of its own."""
    return [
        site.sign_in(site.client(), name, "wrong", environ_base={"REMOTE_ADDR": f"198.51.100.{i}"}).status_code
        for i in range(first, first + count)
    ]


def test_the_count_survives_and_is_forgotten(both_databases: Switch, clock: Clock) -> None:
    lockouts = Lockouts(both_databases, clock)
    assert [lockouts.failed("Ada") for _ in range(FREE - 1)] == [0.0] * (FREE - 1)
    assert lockouts.failed("ada ") == 60.0
    assert Lockouts(both_databases, clock).wait("ADA") == 60.0
    clock.forward(61)
    assert lockouts.wait("ada") == 0.0 and lockouts.failed("ada") == 120.0
    assert lockouts.clear("ada") and not lockouts.clear("ada") and lockouts.wait("ada") == 0.0
    lockouts.failed("ada")
    clock.forward(3601)
    lockouts.failed("bob")
    assert not lockouts.clear("ada"), "forgotten after an hour"


def test_the_wait_is_bounded() -> None:
    assert [wait_after(n) for n in (1, 9, 10, 11, 13, 14, 1000)] == [0, 0, 60, 120, 480, 900, LONGEST]
    # 100 failures an hour at most: ASVS 2.2.1.
    attempts, at = 0, 0.0
    while at <= 3600:
        attempts += 1
        at += wait_after(attempts)
    assert attempts < 25


def test_many_addresses_are_slowed_down_and_an_attempt_during_the_wait_does_not_prolong_it(
    site: Site, real_time: Clock,
) -> None:
    assert guess(site, FREE) == [401] * FREE
    assert guess(site, 3, first=50) == [429] * 3
    blocked = site.sign_in(site.client(), "viewer", environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert blocked.status_code == 429 and int(blocked.headers["Retry-After"]) <= 60
    real_time.forward(61)
    assert site.sign_in(site.client(), "viewer", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 302
    assert guess(site, FREE - 1, first=100) == [401] * (FREE - 1), "a right password began the count anew"


def test_a_name_that_is_nobodys_is_slowed_down_just_so(site: Site, real_time: Clock) -> None:
    assert guess(site, FREE + 2, name="nobody") == [401] * FREE + [429] * 2


def test_who_has_signed_in_from_this_browser_before_gets_in_all_the_same(site: Site, real_time: Clock) -> None:
    mine = site.client()
    assert site.sign_in(mine).status_code == 302
    mine.post("/logout", data={"csrf_token": site.csrf(mine)})
    guess(site, FREE + 5)
    assert site.sign_in(site.client()).status_code == 429
    assert site.sign_in(mine).status_code == 302
    other = site.client()
    cookie = mine.get_cookie(f"{site.secrets.session_cookie}_device")
    assert cookie is not None
    other.set_cookie(cookie.key, cookie.value)
    assert site.sign_in(other, "operator", "wrong").status_code == 401, "it is known at its own name only"


def test_a_stolen_device_cookie_does_not_buy_endless_guesses(site: Site, real_time: Clock) -> None:
    mine = site.client()
    site.sign_in(mine)
    cookie = mine.get_cookie(f"{site.secrets.session_cookie}_device")
    assert cookie is not None
    statuses = []
    for i in range(12):
        thief = site.client()
        thief.set_cookie(cookie.key, cookie.value)
        statuses.append(site.sign_in(
            thief, "viewer", "wrong", environ_base={"REMOTE_ADDR": f"203.0.113.{i}"}
        ).status_code)
    assert statuses == [401] * 10 + [429] * 2


def test_an_administrator_unlocks(site: Site, real_time: Clock) -> None:
    guess(site, FREE)
    assert site.accounts.lockouts.waits(["viewer", "admin"]).keys() == {"viewer"}
    assert site.accounts.lockouts.clear("viewer")
    assert site.sign_in(site.client(), "viewer", PASSWORD).status_code == 302


def test_who_may_try_again_may_at_once_wherever_the_wrong_passwords_came_from(site: Site, real_time: Clock) -> None:
    lockouts, home = site.accounts.lockouts, site.client()
    assert site.sign_in(home, "viewer").status_code == 302, "a browser that is known from now on"
    home.delete_cookie(site.server.config["SESSION_COOKIE_NAME"])
    for client in (site.client(), home):
        assert [site.sign_in(client, "viewer", "wrong").status_code for _ in range(5)] == [401] * 5
        assert site.sign_in(client, "viewer").status_code == 429
        real_time.forward(1)
        lockouts.forgive("Viewer")
        assert site.sign_in(client, "viewer").status_code == 302
        client.delete_cookie(site.server.config["SESSION_COOKIE_NAME"])
    guess(site, FREE + 1)
    lockouts.forgive("viewer")
    assert site.sign_in(site.client(), "viewer").status_code == 302
