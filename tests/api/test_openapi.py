"""The OpenAPI document, and what happens when its routes are called with whatever it allows and does not allow."""

from __future__ import annotations

import re

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from pydantic import BaseModel
from schemathesis import BaseSchema, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from security.permissions import PERMISSIONS
from tests.api.conftest import bearer
from tests.api.house import House

CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    negative_data_rejection,
)


OPERATIONS = (
    "GET /api/health", "GET /api/metrics/latest", "GET /api/metrics/current/{server}", "GET /api/metrics/history",
    "GET /api/metrics/history/{server}", "GET /api/metrics/series", "GET /api/metrics/catalogue",
    "GET /api/analysis/moved", "GET /api/monitoring",
    "POST /api/auth/login", "POST /api/auth/refresh", "POST /api/auth/logout",
    "GET /api/views", "POST /api/views", "GET /api/views/{view}",
    "PUT /api/views/{view}", "DELETE /api/views/{view}", "POST /api/views/{view}/copy", "GET /api/views/{view}/file",
    "GET /api/metrics/export", "GET /api/metrics/export/estimate", "POST /api/exports",
    "POST /api/exports/picture", "GET /api/jobs",
    "GET /api/jobs/{job}", "DELETE /api/jobs/{job}", "GET /api/jobs/{job}/file",
    "GET /api/embeds", "POST /api/embeds", "DELETE /api/embeds/{embed}",
    "GET /api/audit", "GET /api/audit/export", "POST /api/audit/verify", "POST /api/logs/client",
    "GET /api/config", "POST /api/config", "POST /api/config/validate", "GET /api/config/schema",
    "GET /api/config/versions", "GET /api/config/versions/{number}", "GET /api/config/versions/{number}/diff",
    "POST /api/config/restore", "GET /api/config/export", "POST /api/config/import",
    "POST /api/config/import/validate", "GET /api/config/presets",
    "GET /api/config/folders",
    "GET /api/alerts", "GET /api/alerts/{server}", "GET /api/alerts/history", "GET /api/alerts/one/{alert}",
    "GET /api/alerts/rules", "POST /api/alerts/rules", "GET /api/alerts/rules/{rule}", "PUT /api/alerts/rules/{rule}",
    "DELETE /api/alerts/rules/{rule}", "POST /api/alerts/rules/{rule}/reset", "POST /api/alerts/rules/test",
    "GET /api/alerts/past", "GET /api/alerts/history/file", "GET /api/alerts/silences/preview",
    "GET /api/alerts/backtest", "GET /api/alerts/suggest", "GET /api/alerts/silences", "POST /api/alerts/silences",
    "PUT /api/alerts/silences/{silence}", "DELETE /api/alerts/silences/{silence}", "GET /api/alerts/inhibitions",
    "POST /api/alerts/inhibitions", "PUT /api/alerts/inhibitions/{inhibition}",
    "DELETE /api/alerts/inhibitions/{inhibition}",
    "POST /api/alerts/one/{alert}/acknowledge", "POST /api/alerts/one/{alert}/assign",
    "GET /api/notifications/bell", "POST /api/notifications/read", "PUT /api/notifications/choices",
    "GET /api/notifications/deliveries", "POST /api/notifications/deliveries/{delivery}/again",
    "POST /api/notifications/{channel}/test", "POST /api/notifications/preview",
    "GET /api/users", "POST /api/users", "GET /api/users/{user}", "PATCH /api/users/{user}",
    "POST /api/users/{user}/password", "DELETE /api/users/{user}/lock", "DELETE /api/users/{user}/second-factor",
    "DELETE /api/users/{user}/sessions", "GET /api/roles", "GET /api/tokens", "POST /api/tokens",
    "DELETE /api/tokens/{token}", "GET /api/sessions", "DELETE /api/sessions/{session}",
    "GET /api/account/second-factor", "POST /api/account/second-factor", "POST /api/account/second-factor/confirm",
    "POST /api/account/second-factor/off", "POST /api/account/second-factor/codes",
    "GET /api/models", "GET /api/models/proxies", "GET /api/models/one", "GET /api/models/objective",
    "POST /api/models/start", "POST /api/models/stop", "POST /api/models/restart",
    "POST /api/models/load", "POST /api/models/unload",
    "GET /api/models/requests", "GET /api/models/requests/{request}", "GET /api/models/requests/{request}/autopsy",
    "GET /api/models/requests/export", "GET /api/models/files", "GET /api/models/fit", "GET /api/models/definitions",
    "PUT /api/models/definitions/{name}", "DELETE /api/models/definitions/{name}", "GET /api/models/logs",
    "GET /api/models/memory", "GET /api/models/energy", "GET /api/models/idle", "GET /api/models/capacity",
    "GET /api/models/compare", "GET /api/models/bench", "POST /api/models/bench", "POST /api/models/bench/cancel",
    "GET /api/models/bench/{bench}", "PUT /api/models/bench/{bench}/note", "DELETE /api/models/bench/{bench}",
    "GET /api/models/bench/{bench}/export",
    "GET /api/marks", "POST /api/notes", "PUT /api/notes/{note}", "DELETE /api/notes/{note}",
)


@pytest.fixture(scope="module")
def documented(house: House, reader: FlaskClient) -> BaseSchema:
    """The document, bound to the app that serves it."""
    house.server.extensions["vigie.security"].calls._most = 10**9
    document = reader.get("/api/openapi.json").json
    del document["security"]  # who may come in is tested elsewhere: here everybody carries a token
    schema: BaseSchema = schemathesis.openapi.from_dict(document)
    schema.app = house.server
    return schema


@pytest.fixture(scope="module")
def able(house: House) -> FlaskClient:
    """A program that may do everything."""
    return bearer(house, house.token("able", *PERMISSIONS))


NO_INPUT = ("GET /api/health", "GET /api/metrics/catalogue", "GET /api/monitoring", "GET /api/views", "GET /api/jobs",
            "GET /api/embeds", "GET /api/config", "GET /api/config/schema", "GET /api/config/versions",
            "GET /api/alerts/rules", "GET /api/alerts/inhibitions", "GET /api/config/export", "POST /api/config/import",
            "GET /api/config/presets", "POST /api/config/import/validate", "POST /api/audit/verify",
            "GET /api/models/files", "GET /api/models/definitions", "GET /api/models/memory", "GET /api/models/bench",
            "GET /api/models/proxies",
            "POST /api/models/bench/cancel", "GET /api/notifications/bell", "GET /api/roles",
            "GET /api/account/second-factor")
CASES = [(o, m) for o in OPERATIONS for m in GenerationMode if m is GenerationMode.POSITIVE or o not in NO_INPUT]


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_no_input_breaks_a_route(
    operation: str, mode: GenerationMode, documented: BaseSchema, able: FlaskClient
) -> None:
    method, path = operation.split()
    strategy = documented[path][method].as_strategy(generation_mode=mode)

    @given(case=strategy)
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def run(case: Case) -> None:
        case.call_and_validate(
            base_url="http://localhost", checks=list(CHECKS),
            headers={"Authorization": able.environ_base["HTTP_AUTHORIZATION"], "Accept-Encoding": "identity"},
        )

    run()


def test_every_route_is_documented(house: House, reader: FlaskClient) -> None:
    document = reader.get("/api/openapi.json").json
    routes = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in house.server.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.rule not in ("/api/openapi.json", "/api/docs")
    }
    assert set(document["paths"]) == routes
    assert {operation.split()[1] for operation in OPERATIONS} == routes - {"/api/metrics/stream"}  # that one never ends
    assert document["openapi"].startswith("3.")
    assert document["info"] == {"title": "Vigie", "version": "1.2.3"}
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            assert operation["responses"]["400"]["content"].keys() == {"application/problem+json"}


def test_the_page_is_ours_alone(reader: FlaskClient) -> None:
    page = reader.get("/api/docs")
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in policy
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert reader.get(address).status_code == 200


def test_each_body_and_answer_has_a_name_of_its_own() -> None:
    """The document keeps one schema a name: of two alike, one would stand for both."""
    found: dict[str, set[str]] = {}
    waiting: list[type[BaseModel]] = [BaseModel]
    while waiting:
        waiting += (below := waiting.pop().__subclasses__())
        for model in below:
            if model.__module__.startswith("api."):
                found.setdefault(model.__name__, set()).add(model.__module__)
    assert {name: rooms for name, rooms in found.items() if len(rooms) > 1} == {}
