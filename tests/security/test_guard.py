"""Who gets where: roles, tokens, cross-site requests, headers, errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.exceptions import Forbidden, Unauthorized

from security.guard import COUNTED, OPEN, is_open
from security.limits import CALLS_PER_MINUTE
from security.permissions import ADMIN, OPERATOR, PERMISSIONS, VIEWER, requires, requires_callback
from security.secrets import load_secrets
from tests.security.conftest import BROWSER, PASSWORD, Site

ROUTES = {
    ("GET", "/"): "dashboard:view",
    ("GET", "/api/metrics/latest"): "metrics:read",
    ("POST", "/api/models/start"): "models:start",
    ("PUT", "/api/users"): "users:manage",
}
ALLOWED = {"viewer": VIEWER, "operator": OPERATOR, "admin": ADMIN}


@pytest.mark.parametrize("role", ALLOWED)
def test_each_role_gets_what_it_may_and_no_more(site: Site, role: str) -> None:
    client = site.signed_in(role)
    headers = {"X-CSRFToken": site.csrf(client)}
    for (method, path), permission in ROUTES.items():
        expected = 200 if permission in ALLOWED[role] else 403
        assert client.open(path, method=method, headers=headers).status_code == expected, (role, path)


def test_roles_contain_one_another() -> None:
    assert VIEWER < OPERATOR < ADMIN == PERMISSIONS


def test_nobody_is_sent_to_the_sign_in_page_or_told_401(site: Site) -> None:
    client = site.client()
    page = client.get("/monitoring?tab=gpu", headers=BROWSER)
    assert (page.status_code, page.headers["Location"]) == (302, "/login?next=/monitoring%3Ftab%3Dgpu")
    for method, path in (
        ("GET", "/api/metrics/latest"), ("GET", "/api/no-such"), ("POST", "/_dash-update-component"),
        ("GET", "/_dash-layout"), ("GET", "/metrics"), ("PUT", "/api/users"), ("OPTIONS", "/api/users"),
    ):
        answer = client.open(path, method=method)
        assert answer.status_code == 401, path
        assert answer.mimetype == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/", headers={"Sec-Fetch-Mode": "cors", "Accept": "*/*"}).status_code == 401
    assert client.get("/", headers={"Accept": "application/json"}).status_code == 401


def test_a_route_that_names_no_permission_is_refused_even_for_admins(site: Site) -> None:
    assert site.signed_in("admin").get("/forgotten", headers=BROWSER).status_code == 403


def test_open_routes_are_open_and_nothing_beside_them(site: Site) -> None:
    client = site.client()
    assert client.get("/api/health").json == {"who": None}
    assert client.get("/login").status_code == 200
    for rule in ("/assets/<path:filename>", "/_dash-component-suites/<string:package>/<path:file>", "/login"):
        assert is_open(rule)
    for rule in ("/", "/<path:path>", "/login2", "/api/healthy", "/api/health/details", "/assetsx", "/api/auth"):
        assert not is_open(rule)
    assert client.get("/assets/../").status_code in (302, 401)
    assert "/" not in OPEN
    assert "/api/" in COUNTED


@pytest.mark.parametrize(("headers", "status"), [
    ({}, 400),
    ({"X-CSRFToken": "made up"}, 400),
    ({"X-CSRFToken": "{token}"}, 200),
    ({"X-CSRFToken": "{token}", "Origin": "http://localhost"}, 200),
    ({"X-CSRFToken": "{token}", "Referer": "http://localhost/monitoring"}, 200),
    ({"X-CSRFToken": "{token}", "Origin": "http://evil.example"}, 403),
    ({"X-CSRFToken": "{token}", "Origin": "http://localhost.evil.example"}, 403),
    ({"X-CSRFToken": "{token}", "Origin": "http://localhost:81"}, 403),
    ({"X-CSRFToken": "{token}", "Origin": "null"}, 403),
    ({"X-CSRFToken": "{token}", "Origin": "http://["}, 403),
    ({"X-CSRFToken": "{token}", "Referer": "https://evil.example/page"}, 403),
])
def test_what_a_cookie_authorises_is_safe_from_other_sites(site: Site, headers: dict[str, str], status: int) -> None:
    client = site.signed_in("operator")
    token = site.csrf(client)
    sent = {key: value.replace("{token}", token) for key, value in headers.items()}
    assert client.post("/api/models/start", headers=sent).status_code == status
    assert client.post("/api/metrics/latest", headers=sent).status_code == status


def test_a_csrf_token_of_another_session_is_refused(site: Site) -> None:
    client, other = site.signed_in("operator"), site.signed_in("operator")
    assert client.post("/api/models/start", headers={"X-CSRFToken": site.csrf(other)}).status_code == 400


def test_reading_needs_no_csrf_token_and_foreign_origins_see_no_cors(site: Site) -> None:
    answer = site.signed_in().get("/api/metrics/latest", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 200
    assert "Access-Control" not in str(answer.headers)


def test_a_websocket_from_another_site_is_refused(site: Site) -> None:
    client = site.signed_in()
    sent = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "http://evil.example"}
    assert client.get("/ws/metrics", headers=sent).status_code == 403
    assert client.get("/ws/metrics", headers={**sent, "Origin": "http://localhost"}).status_code == 200
    assert site.client().get("/ws/metrics", headers={**sent, "Origin": "http://localhost"}).status_code == 401


def test_an_expired_sign_in_answers_401_before_csrf(site: Site) -> None:
    client = site.signed_in()
    token = site.csrf(client)
    site.clock.forward(13 * 3600)
    for headers in ({}, {"X-CSRFToken": token}):
        assert client.post("/_dash-update-component", json={}, headers=headers).status_code == 401


def test_api_tokens_need_no_csrf_and_have_their_own_permissions(site: Site) -> None:
    secret, _ = site.accounts.tokens.add("prometheus", ["metrics:read"])
    client, headers = site.client(), {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/metrics/latest", headers=headers).json == {"name": "prometheus"}
    assert client.post("/api/metrics/latest", headers=headers).status_code == 200
    assert client.post("/api/models/start", headers=headers).status_code == 403
    assert client.get("/", headers={**headers, **BROWSER}).status_code == 403
    assert client.get_cookie(site.secrets.session_cookie) is None


@pytest.mark.parametrize("value", [
    "Bearer", "Bearer ", "Bearer vgt_x", "Bearer a.b.c", "Basic dmlld2VyOng=", "x" * 5000, "Bearer vgt_\xe9",
])
def test_a_bad_authorization_is_401_whatever_the_cookies(site: Site, value: str) -> None:
    for client in (site.client(), site.signed_in("admin")):
        assert client.get("/api/metrics/latest", headers={"Authorization": value}).status_code == 401


def test_a_bearer_never_borrows_the_cookies_authority(site: Site) -> None:
    secret, _ = site.accounts.tokens.add("prometheus", ["metrics:read"])
    admin = site.signed_in("admin")
    headers = {"Authorization": f"Bearer {secret}"}
    assert admin.put("/api/users", headers=headers).status_code == 403
    assert admin.get("/api/metrics/latest", headers=headers).json == {"name": "prometheus"}


def test_cookies_count_nothing_where_the_body_holds_the_credentials(site: Site) -> None:
    answer = site.signed_in("admin").post("/api/auth/login", json={})
    assert answer.status_code == 200
    assert answer.json == {"who": None}


def test_too_many_calls_are_told_to_wait(site: Site) -> None:
    secret, _ = site.accounts.tokens.add("loop", ["metrics:read"])
    client, headers = site.client(), {"Authorization": f"Bearer {secret}"}
    statuses = [client.get("/api/metrics/latest", headers=headers).status_code for _ in range(CALLS_PER_MINUTE + 1)]
    assert statuses[-2:] == [200, 429]
    answer = client.get("/api/metrics/latest", headers=headers)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert client.get("/api/health").status_code == 200, "others are not concerned"
    site.clock.forward(60)
    assert client.get("/api/metrics/latest", headers=headers).status_code == 200


def test_pages_carry_a_strict_policy_with_a_fresh_nonce(make_site: Callable[..., Site]) -> None:
    site = make_site(frame_ancestors=("https://intranet.example",))
    client = site.signed_in()
    first, second = (client.get("/", headers=BROWSER).headers for _ in range(2))
    policy = first["Content-Security-Policy"]
    assert policy != second["Content-Security-Policy"]
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["default-src"] == "'self'"
    assert parts["frame-ancestors"] == "'self' https://intranet.example"
    assert parts["object-src"] == "'none'"
    assert "unsafe" not in parts["script-src"] + parts["style-src"]
    assert "'nonce-" in parts["script-src"]
    assert "X-Frame-Options" not in first
    assert first["X-Content-Type-Options"] == "nosniff"
    assert first["Referrer-Policy"] == "same-origin"
    assert "camera=()" in first["Permissions-Policy"]
    assert first["Cache-Control"] == "private, no-cache"
    assert "Strict-Transport-Security" not in first
    assert "Strict-Transport-Security" in site.client().get("/login", base_url="https://localhost").headers


def test_a_proxy_counts_only_when_it_is_trusted(make_site: Callable[..., Site]) -> None:
    headers = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "vigie.example"}
    site = make_site()
    answer = site.client().get("/login", headers=headers)
    assert "Strict-Transport-Security" not in answer.headers


def test_a_trusted_proxy_tells_address_scheme_and_host(make_site: Callable[..., Site]) -> None:
    site = make_site(trusted_proxies=1)
    headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.5", "X-Forwarded-Proto": "https",
               "X-Forwarded-Host": "vigie.example"}
    assert "Strict-Transport-Security" in site.client().get("/login", headers=headers).headers
    for _ in range(6):
        client = site.client()
        client.post("/login", data={"username": "viewer", "password": "x", "csrf_token": site.csrf(client)},
                    headers={**headers, "X-Forwarded-Proto": "http"})
    assert site.blocked[0][0] == "203.0.113.5"


def test_errors_are_pages_for_people_and_problems_for_programs(site: Site) -> None:
    client = site.signed_in()
    page = client.get("/nowhere", headers=BROWSER)
    assert page.status_code == 404
    assert "There is nothing at this address." in page.text
    assert page.headers["X-Request-ID"] in page.text
    problem = client.get("/api/nowhere")
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")
    body = problem.get_json(force=True)
    assert body["status"] == 404
    assert body["title"]
    assert body["request"] == problem.headers["X-Request-ID"]
    wrong = client.delete("/api/metrics/latest", headers={"X-CSRFToken": site.csrf(client)})
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]


def test_a_failure_tells_its_number_and_no_detail(site: Site) -> None:
    client = site.signed_in()
    page = client.get("/broken", headers=BROWSER)
    assert page.status_code == 500
    assert "secret detail" not in page.text
    assert page.headers["X-Request-ID"] in page.text
    assert "Content-Security-Policy" in page.headers


def test_an_unknown_permission_stops_at_import() -> None:
    with pytest.raises(ValueError, match="no such permission"):
        requires("dashboard:veiw")
    with pytest.raises(ValueError, match="no such permission"):
        requires_callback("dashboard:veiw")


def test_a_callback_asks_on_every_call(site: Site) -> None:
    @requires_callback("users:manage")
    def refresh(value: int) -> int:
        """Doubles."""
        return 2 * value

    assert refresh.__vigie_permission__ == "users:manage"  # type: ignore[attr-defined]
    assert refresh.__name__ == "refresh"
    with pytest.raises(Unauthorized):
        refresh(1)

    @site.server.get("/call")
    @requires("dashboard:view")
    def call() -> str:
        return str(refresh(21))

    assert site.signed_in("admin").get("/call").text == "42"
    assert site.signed_in("viewer").get("/call").status_code == Forbidden.code


def test_two_installations_on_one_host_do_not_share_cookies(site: Site, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = load_secrets(tmp_path / "other")
    assert other.instance != site.secrets.instance
    assert {other.session_cookie, other.csrf_cookie}.isdisjoint({site.secrets.session_cookie, site.secrets.csrf_cookie})


def test_a_cookie_of_another_key_is_nobody(site: Site) -> None:
    client = site.signed_in("admin")
    stranger = Flask("stranger")
    stranger.secret_key = "guess"
    forged = stranger.session_interface.get_signing_serializer(stranger)  # type: ignore[attr-defined]
    cookie = client.get_cookie(site.secrets.session_cookie)
    assert cookie is not None
    thief = site.client()
    thief.set_cookie(site.secrets.session_cookie, forged.dumps({"_user_id": "1", "_fresh": True}))
    assert thief.get("/", headers=BROWSER).status_code == 302
    assert PASSWORD not in cookie.value
