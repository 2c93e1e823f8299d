"""The OpenAPI document and a page to try the routes, both served from here."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask, Response, current_app, render_template_string
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from api.models import ProblemDocument
from api.static import vendor_url
from api.wire import raw_json
from components.links import href
from security.guard import OPEN
from security.permissions import requires

PROBLEMS = {
    "400": "A parameter is wrong: errors name it, what was given and what is allowed",
    "401": "Nobody is signed in", "403": "The permission is missing", "429": "Too many requests",
    "503": "A store is away, nothing was collected yet, or all places are taken",
}
NO_SERVER = {"404": "There is no such server"}
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Vigie API</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="{{ css }}">
</head>
<body>
<div id="docs"></div>
<script src="{{ js }}" nonce="{{ csp_nonce() }}"></script>
<script nonce="{{ csp_nonce() }}">
SwaggerUIBundle({
  url: "{{ document }}", dom_id: "#docs", deepLinking: true, tryItOutEnabled: true, validatorUrl: null,
  requestInterceptor: function (request) {
    var start = {{ csrf_cookie | tojson }} + "=";
    var cookie = document.cookie.split("; ").find(function (pair) { return pair.startsWith(start); });
    if (cookie) { request.headers["X-CSRFToken"] = decodeURIComponent(cookie.slice(start.length)); }
    return request;
  }
});
</script>
</body>
</html>
"""


def gather(server: Flask, bp: APIBlueprint, version: str) -> None:
    """Makes the document of the routes of ``bp``, with our errors and how to sign in."""
    app = OpenAPI(
        "openapi", info=Info(title="Vigie", version=version), doc_ui=False, static_folder=None,
        security_schemes={"bearer": {"type": "http", "scheme": "bearer"}},
    )
    app.register_api(bp)
    made: dict[str, Any] = orjson.loads(orjson.dumps(app.api_doc))
    made["security"] = [{"bearer": []}]
    made["servers"] = [{"url": server.extensions["vigie"].settings.base_path.rstrip("/") or "/"}]
    schemas = made["components"]["schemas"]
    schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs", {})
    schemas["ProblemDocument"] = schema
    schemas.pop("ValidationErrorModel", None)
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    for path, item in made["paths"].items():
        for operation in item.values():
            if path in OPEN:
                operation["security"] = []
            responses = operation["responses"]
            responses.pop("422", None)
            takes_server = any(p["name"] == "server" for p in operation.get("parameters", ()))
            for code, words in (PROBLEMS | NO_SERVER if takes_server else PROBLEMS).items():
                responses.setdefault(code, {"description": words, "content": content})
    server.extensions["vigie_openapi"] = orjson.dumps(made)


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/openapi.json", doc_ui=False)
    @requires("metrics:read")
    def openapi_document() -> Response:
        return raw_json(current_app.extensions["vigie_openapi"])

    @bp.get("/docs", doc_ui=False)
    @requires("metrics:read")
    def try_it() -> str:
        return render_template_string(
            PAGE, css=href(vendor_url("swagger-ui.css")), js=href(vendor_url("swagger-ui-bundle.js")),
            document=href("/api/openapi.json"),
            csrf_cookie=current_app.config["VIGIE_CSRF_COOKIE"],
        )
