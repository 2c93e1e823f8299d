"""Signing in by the header of a trusted proxy, and who sends such a header without being one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from security.audit.tables import audit as trail
from tests.security.conftest import BROWSER, PASSWORD, Site

PROXY, ELSEWHERE = {"REMOTE_ADDR": "10.0.0.5"}, {"REMOTE_ADDR": "192.0.2.66"}


@pytest.fixture
def make(make_site: Callable[..., Site]) -> Callable[..., Site]:
    def made(**more: object) -> Site:
        return make_site(proxy_user_header="Remote-User", proxy_addresses=("10.0.0.0/24", "::1"), **more)

    return made


def get(
    client: FlaskClient, path: str = "/", user: str = "", groups: str = "", base: object = PROXY, **more: str
) -> object:
    headers = {**BROWSER, **({"Remote-User": user} if user else {}), **({"Remote-Groups": groups} if groups else {})}
    return client.get(path, headers=headers | more, environ_base=base)  # type: ignore[arg-type]


def recorded(site: Site) -> list[tuple[str, str]]:
    site.server.extensions["vigie.audit"].flush()
    with site.database.read() as connection:
        return [(row.action, row.result) for row in connection.execute(trail.select().order_by(trail.c.id))]


def test_the_proxy_says_who_it_is(make: Callable[..., Site]) -> None:
    site = make()
    client = site.client()
    assert get(client, user="grace").status_code == 200  # type: ignore[attr-defined]
    user = site.accounts.people.get("grace")
    assert (user.role, user.source) == ("viewer", "header")
    for _ in range(3):
        assert get(client, user="Grace").status_code == 200  # type: ignore[attr-defined]
    assert len(site.accounts.sessions.list(user.id)) == 1
    assert get(client, "/login", user="grace").headers["Location"] == "/"  # type: ignore[attr-defined]


def test_from_elsewhere_it_is_ignored_and_recorded(make: Callable[..., Site]) -> None:
    site = make()
    answer = get(site.client(), user="admin", base=ELSEWHERE)
    assert answer.status_code == 302  # type: ignore[attr-defined]
    assert not site.accounts.sessions.page()[1]
    assert recorded(site) == [("session.header", "refused")]
    get(site.client(), groups="admins", base=ELSEWHERE)
    assert recorded(site)[-1] == ("session.header", "refused")


def test_what_a_header_says_of_the_address_does_not_count(make: Callable[..., Site]) -> None:
    site = make(trusted_proxies=1, base_path="/")
    answer = get(site.client(), user="admin", base=ELSEWHERE, **{"X-Forwarded-For": "10.0.0.5"})
    assert answer.status_code == 302  # type: ignore[attr-defined]
    behind = get(site.client(), user="grace", base=PROXY, **{"X-Forwarded-For": "192.0.2.66"})
    assert behind.status_code == 200, "the proxy itself has connected"  # type: ignore[attr-defined]


def test_a_cookie_is_worth_nothing_without_the_proxy(make: Callable[..., Site]) -> None:
    site = make()
    client = site.client()
    get(client, user="grace")
    assert get(client).status_code == 302, "signed out at the proxy"  # type: ignore[attr-defined]
    assert get(client, base=ELSEWHERE).status_code == 302, "past the proxy"  # type: ignore[attr-defined]
    assert get(client, user="grace", base=ELSEWHERE).status_code == 302  # type: ignore[attr-defined]
    assert get(client, user="grace").status_code == 200  # type: ignore[attr-defined]


def test_somebody_else_at_the_proxy_is_somebody_else_here(make: Callable[..., Site]) -> None:
    site = make()
    client = site.client()
    for name in ("grace", "ada", "grace"):
        headers = {"Remote-User": name}
        assert client.get("/api/metrics/latest", headers=headers, environ_base=PROXY).json == {"name": name}


def test_groups_give_roles_and_a_change_holds_at_once(make: Callable[..., Site]) -> None:
    site = make(sign_in_groups=("ops=operator", "admins=admin"))
    client = site.client()
    assert get(client, user="grace", groups="staff,ops").status_code == 200  # type: ignore[attr-defined]
    assert site.accounts.people.get("grace").role == "operator"
    get(client, user="grace", groups="staff; admins")
    assert site.accounts.people.get("grace").role == "admin"
    refused = get(client, user="grace", groups="staff")
    assert refused.status_code == 403 and "None of your groups" in refused.text  # type: ignore[attr-defined]
    assert get(client, "/login", user="grace", groups="staff").status_code == 200  # type: ignore[attr-defined]
    assert ("session.refused", "refused") in recorded(site)


def test_an_account_with_a_password_is_not_opened_by_a_header(make: Callable[..., Site]) -> None:
    site = make()
    answer = get(site.client(), user="admin")
    assert answer.status_code == 403 and "signs in another way" in answer.text  # type: ignore[attr-defined]
    assert site.sign_in(site.client(), "admin", PASSWORD, environ_base=PROXY).status_code == 302
    site.accounts.people.set_source("viewer", "header")
    assert get(site.client(), user="viewer").status_code == 200  # type: ignore[attr-defined]


def test_without_new_accounts_and_with_a_closed_one(make: Callable[..., Site]) -> None:
    site = make(sign_in_create=False)
    answer = get(site.client(), user="grace")
    assert answer.status_code == 403 and "no account grace" in answer.text  # type: ignore[attr-defined]
    site.accounts.people.add("grace", None, "viewer", source="header")
    client = site.client()
    assert get(client, user="grace").status_code == 200  # type: ignore[attr-defined]
    site.accounts.people.set_disabled("grace", True)
    closed = get(client, user="grace")
    assert closed.status_code == 403 and "Your account is closed." in closed.text  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["a b", "grace,admin", "<b>", "x" * 65])
def test_a_name_that_can_be_nobodys_is_refused(make: Callable[..., Site], name: str) -> None:
    answer = get(make().client(), user=name)
    assert answer.status_code == 403 and "<b>" not in answer.text  # type: ignore[attr-defined]


def test_programs_without_cookies_open_one_sign_in(make: Callable[..., Site]) -> None:
    site = make()
    for _ in range(5):
        answer = site.client().get("/api/metrics/latest", headers={"Remote-User": "robot"}, environ_base=PROXY)
        assert answer.json == {"name": "robot"}
    assert site.accounts.sessions.page()[1] == 1


def test_a_token_stays_a_token_behind_the_proxy(make: Callable[..., Site]) -> None:
    site = make()
    secret, _ = site.accounts.tokens.add("prometheus", ["metrics:read"])
    headers = {"Authorization": f"Bearer {secret}", "Remote-User": "grace"}
    answer = site.client().get("/api/metrics/latest", headers=headers, environ_base=PROXY)
    assert answer.json == {"name": "prometheus"}


def test_changes_still_need_the_token_of_the_page(make: Callable[..., Site]) -> None:
    site = make(sign_in_groups=("*=admin",))
    client = site.client()
    get(client, user="grace")
    assert client.put("/api/users", headers={"Remote-User": "grace"}, environ_base=PROXY).status_code == 400


def test_without_the_setting_no_header_counts(site: Site) -> None:
    assert get(site.client(), user="admin", base={"REMOTE_ADDR": "127.0.0.1"}).status_code == 302  # type: ignore[attr-defined]
    assert recorded(site) == []
