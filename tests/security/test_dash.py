"""The guard before a real Dash app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dash import Dash, Input, Output, dcc, html
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from security.guard import DASH, is_open
from security.permissions import permission_of, requires_callback
from tests.security.conftest import BROWSER, Site


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    site = make_site(overview=False)
    app = Dash(
        "sample", server=site.server, csrf_token_name=site.secrets.csrf_cookie, suppress_callback_exceptions=True
    )
    app.layout = html.Div([dcc.Input(id="in"), html.Div(id="all"), html.Div(id="few")])
    for output, permission in (("all", "dashboard:view"), ("few", "users:manage")):
        callback = requires_callback(permission)(lambda value: 2 * value)
        app.callback(Output(output, "children"), Input("in", "value"))(callback)
    site.server.extensions["sample"] = app
    return site


def update(client: FlaskClient, output: str, headers: dict[str, str]) -> TestResponse:
    body: dict[str, Any] = {
        "output": f"{output}.children", "outputs": {"id": output, "property": "children"},
        "inputs": [{"id": "in", "property": "value", "value": 21}], "changedPropIds": ["in.value"],
    }
    return client.post("/_dash-update-component", json=body, headers=headers)


def test_every_route_of_dash_is_open_or_needs_a_permission(site: Site) -> None:
    site.signed_in().get("/", headers=BROWSER)
    app = site.server.extensions["sample"]
    known = {rule.rule for rule in site.server.url_map.iter_rules()}
    assert set(DASH) <= known
    mine = {rule for rule in known if rule.startswith("/_") or rule in ("/", "/<path:path>")}
    assert {rule for rule in mine if not is_open(rule)} == set(DASH)
    assert all(permission_of(entry["callback"]) for entry in app.callback_map.values())


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/"), ("GET", "/monitoring"), ("GET", "/_dash-layout"), ("GET", "/_dash-dependencies"),
    ("POST", "/_dash-update-component"), ("GET", "/_reload-hash"),
])
def test_nobody_sees_anything_of_dash(site: Site, method: str, path: str) -> None:
    assert site.client().open(path, method=method).status_code in (302, 401)
    assert site.signed_in().open(path, method=method, headers=BROWSER).status_code in (200, 400)


def test_callbacks_run_with_the_pages_token_and_for_whom_they_may(site: Site) -> None:
    viewer, admin = site.signed_in(), site.signed_in("admin")
    assert update(viewer, "all", {}).status_code == 400
    answer = update(viewer, "all", {"X-CSRFToken": site.csrf(viewer)})
    assert answer.status_code == 200
    assert answer.json == {"multi": True, "response": {"all": {"children": 42}}}
    refused = update(viewer, "few", {"X-CSRFToken": site.csrf(viewer)})
    assert (refused.status_code, refused.mimetype) == (403, "application/problem+json")
    assert update(admin, "few", {"X-CSRFToken": site.csrf(admin)}).status_code == 200
    site.clock.forward(13 * 3600)
    assert update(admin, "few", {"X-CSRFToken": site.csrf(admin)}).status_code == 401


def test_a_program_that_asks_for_nothing_there_gets_no_page(site: Site) -> None:
    client = site.signed_in()
    for path in ("/api/nowhere", "/_dash-nowhere"):
        answer = client.get(path, headers=BROWSER)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert client.get("/monitoring", headers=BROWSER).status_code == 200


def test_component_suites_are_open(site: Site) -> None:
    suite = "/_dash-component-suites/dash/dcc/dash_core_components.js"
    assert site.client().get(suite).status_code == 200
    assert site.client().get("/_dash-component-suites/").status_code in (302, 401)
