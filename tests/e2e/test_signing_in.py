"""Signing in and being refused, as a person sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.e2e.harness import PASSWORD, Server
from tests.e2e.visit import Visitor, ready
from tests.support import wait_until

pytestmark = pytest.mark.e2e


def sign_in(page, name: str, password: str) -> None:
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")


def test_who_is_not_signed_in_sees_only_the_form(any_server: Server, visitor: Visitor) -> None:
    page = visitor.context().new_page()
    page.goto(f"{any_server.url}/monitoring?tab=processes")
    assert "/login" in page.url
    assert "cpu_usage" not in page.content()
    for path in ("/_dash-layout", "/_dash-dependencies", "/api/metrics/latest", "/metrics", "/api/openapi.json"):
        assert requests.get(any_server.url + path, timeout=10).status_code == 401, path


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_form_has_the_systems_theme_until_one_is_chosen(server: Server, visitor: Visitor, scheme: str) -> None:
    page = visitor.context(color_scheme=scheme).new_page()
    page.goto(f"{server.url}/login")
    theme = "document.documentElement.dataset.bsTheme"
    assert page.evaluate(theme) == scheme
    page.evaluate("document.cookie = 'vigie-theme=light;path=/'")
    page.reload()
    assert page.evaluate(theme) == "light"


def test_a_wrong_password_is_refused_and_the_right_one_leads_on(any_server: Server, visitor: Visitor) -> None:
    visitor.allow("status of 401")
    page = visitor.context().new_page()
    page.goto(f"{any_server.url}/monitoring?window=1h")
    sign_in(page, "admin", "not the password")
    message = page.inner_text("[role=alert]")
    assert "/login" in page.url
    sign_in(page, "nobody-of-that-name", "not the password")
    assert page.inner_text("[role=alert]") == message, "the answer tells which names exist"
    sign_in(page, "admin", PASSWORD)
    page.wait_for_url("**/monitoring?window=1h")
    ready(page)


def test_signing_out_ends_it(server: Server, visitor: Visitor) -> None:
    page = visitor.open(server)
    ready(page)
    page.click("#react-entry-point details.menu:last-of-type summary")
    page.click("#react-entry-point form[action='/logout'] button")
    page.wait_for_url("**/login*")
    page.goto(f"{server.url}/settings")
    assert "/login" in page.url


def test_six_wrong_passwords_close_the_door_for_a_while(start_server: Callable[..., Server]) -> None:
    server = start_server()
    for _ in range(5):
        server.login(password="wrong")
    late = server.login()
    assert late.get(f"{server.url}/", timeout=10, allow_redirects=False).status_code in (302, 303)


def test_an_account_that_is_closed_leaves_the_page(server: Server, visitor: Visitor) -> None:
    visitor.allow("status of 401")
    name, password = server.person()
    page = visitor.open(server, "/monitoring", name, password)
    ready(page)
    assert server.run("user", "disable", name).returncode == 0
    page.wait_for_url("**/login*", timeout=60_000)


def test_a_viewer_may_look_and_no_more(server: Server, visitor: Visitor) -> None:
    name, password = server.person("viewer")
    for path in ("/", "/monitoring", "/settings"):
        ready(visitor.open(server, path, name, password))
    bearer = server.api_login(name, password)
    assert bearer.get(f"{server.url}/api/metrics/latest", timeout=10).status_code == 200


def test_a_token_reads_and_does_not_open_pages(server: Server) -> None:
    token = server.run("token", "add", "--name", "prometheus", "--permission", "metrics:read").stdout.strip()
    bearer = {"Authorization": f"Bearer {token}"}
    assert "cpu_usage_ratio" in requests.get(f"{server.url}/metrics", headers=bearer, timeout=10).text
    answer = requests.get(f"{server.url}/monitoring", headers=bearer, timeout=10, allow_redirects=False)
    assert answer.status_code in (302, 303, 401, 403)
    assert server.run("token", "revoke", "prometheus").returncode == 0
    wait_until(  # another process revoked it: the server hears of it within seconds
        lambda: requests.get(f"{server.url}/metrics", headers=bearer, timeout=10).status_code == 401,
        what="the revoked token is refused",
    )
