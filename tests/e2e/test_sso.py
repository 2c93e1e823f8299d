"""OpenID Connect through a real browser, and the proxy's header at the real server, with those who forge it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.e2e.harness import Server
from tests.e2e.visit import Visitor, ready
from tests.security.provider import CLIENT, SECRET, serving

pytestmark = pytest.mark.e2e
PROXY = "127.0.0.9"


class From(HTTPAdapter):
    """Connects from an address of its own: all of 127.0.0.0/8 is this machine."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: object, **more: object) -> None:
        super().init_poolmanager(*args, source_address=(self.address, 0), **more)  # type: ignore[arg-type]


def connected(address: str) -> requests.Session:
    session = requests.Session()
    session.mount("http://", From(address))
    return session


def test_a_person_comes_in_by_openid_connect(
    start_server: Callable[..., Server], visitor: Visitor, tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    with serving() as provider:
        server = start_server(
            VIGIE_OIDC_ISSUER=provider.issuer, VIGIE_OIDC_CLIENT_ID=CLIENT, VIGIE_OIDC_CLIENT_SECRET_FILE=str(secret),
            VIGIE_OIDC_BUTTON="Our directory", VIGIE_SIGN_IN_GROUPS="ops=operator,admins=admin",
        )
        provider.claims = {"groups": ["ops"]}
        page = visitor.context().new_page()
        page.goto(f"{server.url}/monitoring")
        page.click("text=Sign in with Our directory")
        page.wait_for_url("**/monitoring")
        ready(page)
        page.goto(f"{server.url}/settings")
        ready(page)
        assert "grace" in page.inner_text("#main") and "operator" in page.inner_text("#main")
        assert "Current password" not in page.inner_text("#main")
    visitor.allow("status of 503|503:")
    page = visitor.context().new_page()
    page.goto(f"{server.url}/login")
    page.click("text=Sign in with Our directory")  # discovery is kept an hour; the provider itself is gone
    assert server.login().get(f"{server.url}/api/v1/roles", timeout=10).status_code == 200, "passwords still do"


def test_a_header_counts_from_the_proxy_alone(start_server: Callable[..., Server]) -> None:
    server = start_server(VIGIE_PROXY_USER_HEADER="Remote-User", VIGIE_PROXY_ADDRESSES=f"{PROXY}/32")
    address = f"{server.url}/api/v1/metrics/latest"
    proxy, forger = connected(PROXY), connected("127.0.0.1")
    named = {"Remote-User": "grace"}
    assert proxy.get(address, headers=named, timeout=10).status_code == 200
    assert proxy.get(address, timeout=10).status_code == 401, "signed out at the proxy"
    for forged in (
        named, {"Remote-User": "admin"}, {"REMOTE_USER": "admin"}, {"Remote_User": "admin"}, {"remote-user": "grace"},
        named | {"X-Forwarded-For": PROXY}, named | {"X-Real-IP": PROXY, "Forwarded": f"for={PROXY}"},
    ):
        assert forger.get(address, headers=forged, timeout=10).status_code == 401, forged
    cookies = requests.cookies.cookiejar_from_dict(proxy.cookies.get_dict())
    assert requests.get(address, cookies=cookies, headers=named, timeout=10).status_code == 401, "past the proxy"
    assert proxy.get(address, headers={"Remote-User": "admin"}, timeout=10).status_code == 403, "another door's account"
    rows = server.login().get(f"{server.url}/api/v1/audit?action=session.header", timeout=10).json()["data"]
    assert rows and all(row["result"] == "refused" and row["address"] == "127.0.0.1" for row in rows)
