"""A whole app on a folder of its own, with a person of each role and a few ticks of this machine."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.settings import Settings
from wiring import wire

PASSWORD = "a-long-passphrase-of-ours"
ROLES = ("viewer", "operator", "admin")
BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


class Site:
    """The app and who visits it."""

    def __init__(self, folder: Path, *, validate: bool = False, demo: bool = False, ticks: int = 3) -> None:
        self.dash = wire(Settings(data_dir=folder, demo=demo), folder, validate=validate)
        self.server = self.dash.server
        self.vigie = self.server.extensions["vigie"]
        for role in ROLES:
            self.vigie.accounts.people.add(role, PASSWORD, role)
        self.runtime = self.server.extensions["vigie.runtime"]
        start = float(int(time.time())) - ticks
        for i in range(ticks):
            self.runtime.tick(start + i + 1)

    def signed_in(self, name: str = "viewer", language: str = "en") -> FlaskClient:
        """A browser in which ``name`` has signed in."""
        client = self.server.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        page = client.get("/login", headers=BROWSER).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        answer = client.post("/login", data={"csrf_token": token[1], "username": name, "password": PASSWORD})
        assert answer.status_code == 302, answer.text
        return client

    def csrf(self, client: FlaskClient) -> str:
        """The token that a page hands out to ``client``."""
        client.get("/", headers=BROWSER)
        cookie = client.get_cookie(self.server.config["VIGIE_CSRF_COOKIE"])
        assert cookie is not None
        return str(cookie.value)

    def callback(
        self, client: FlaskClient, outputs: list[tuple[Any, str]], inputs: list[tuple[Any, str, Any]],
        state: list[tuple[Any, str, Any]] = (), changed: list[str] | None = None,  # type: ignore[assignment]
    ) -> TestResponse:
        """Posts one callback as the page would."""
        names = [spelt(i, p) for i, p in outputs]
        body = {
            "output": names[0] if len(names) == 1 else f"..{'...'.join(names)}..",
            "outputs": {"id": outputs[0][0], "property": outputs[0][1]} if len(outputs) == 1
            else [{"id": i, "property": p} for i, p in outputs],
            "inputs": [_value(*one) for one in inputs],
            "state": [_value(*one) for one in state],
            "changedPropIds": changed if changed is not None else [spelt(i, p) for i, p, _ in inputs],
        }
        return client.post("/_dash-update-component", json=body, headers={"X-CSRFToken": self.csrf(client)})

    def page(self, client: FlaskClient, path: str, search: str = "") -> dict[str, Any]:
        """What the router puts into the page container for ``path``."""
        answer = self.callback(
            client, [("_pages_content", "children"), ("_pages_store", "data")],
            [("_pages_location", "pathname", path), ("_pages_location", "search", search)],
        )
        assert answer.status_code == 200, answer.text
        layout: dict[str, Any] = answer.json["response"]["_pages_content"]["children"]
        return layout


def spelt(component: Any, prop: str) -> str:
    """An id and property as Dash spells them."""
    name = json.dumps(component, sort_keys=True, separators=(",", ":")) if isinstance(component, dict) else component
    return f"{name}.{prop}"


def _value(component: Any, prop: str, value: Any) -> Any:
    if isinstance(component, dict) and isinstance(value, list):  # a wildcard: several components
        return [{"id": i, "property": prop, "value": v} for i, v in value]
    return {"id": component, "property": prop, "value": value}


def walk(node: Any) -> Any:
    """Every component of a layout as JSON."""
    if isinstance(node, list):
        for one in node:
            yield from walk(one)
    elif isinstance(node, dict) and "props" in node:
        yield node
        yield from walk(node["props"].get("children"))


def _still_texts(tree: Any) -> str:
    return " ".join(_still_texts(child) for child in tree[2]) if isinstance(tree, list) else str(tree)


def texts(node: Any) -> str:
    """All text of a layout as JSON."""
    if isinstance(node, list):
        return " ".join(texts(one) for one in node)
    if isinstance(node, dict):
        props = node.get("props", {})
        return _still_texts(props["tree"]) if "tree" in props else texts(props.get("children"))
    return "" if node is None else str(node)
