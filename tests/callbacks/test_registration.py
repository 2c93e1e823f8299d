"""What holds for every callback of the app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components import ids
from components.chartspecs import TABS
from desk.views import Person, ViewBody
from live.models import Model
from security.permissions import permission_of
from tests.pages.site import BROWSER, Site, walk

ROUTER = ("_pages_content.children", "_pages_dummy.children")
"""Dash's own: the layouts it calls ask for their permission themselves."""


def test_every_callback_asks_for_a_permission(site: Site):
    site.signed_in().get("/", headers=BROWSER)
    server_side = {name: entry for name, entry in site.dash.callback_map.items() if "callback" in entry}
    assert len(server_side) > 10
    unmarked = [
        name for name, entry in server_side.items()
        if permission_of(entry["callback"]) is None and not any(part in name for part in ROUTER)
    ]
    assert unmarked == []


def test_every_id_that_a_callback_names_exists(tmp_path: Path):
    """The app with Dash's layout validation on, whose layout holds every page; the demo, which has all hardware."""
    site = Site(tmp_path / "data", validate=True, demo=True)
    client = site.signed_in("admin")
    assert client.get("/", headers=BROWSER).status_code == 200
    trees = [site.dash.validation_layout.to_plotly_json(), client.get("/_dash-layout").json]
    site.vigie.serving.rows = lambda: [Model("box", "m", "llamacpp", "running", process={"name": "m"})]
    paths = ("/", "/explore", "/settings", "/embeds", "/moved", "/audit", "/configuration", "/people", "/alerts",
             "/models")
    trees.append(site.page(client, "/models/one", "?server=box&model=m"))
    trees += [site.page(client, path) for path in paths]
    trees += [site.page(client, "/monitoring", f"?tab={tab}") for tab in TABS]
    view = site.vigie.views.create(Person(1, "admin"), "x", ViewBody(charts=["cpu"]), shared=True)
    trees += [site.page(client, *address) for address in (("/views",), ("/views", "?kiosk"), (f"/views/{view.id}",))]
    trees.append(site.callback(
        client, [(ids.SETTINGS_SESSIONS, "children")],
        [(ids.SETTINGS_SESSIONS_END_ALL, "id", ""), (ids.session_end("x"), "n_clicks", [])],
    ).json["response"][ids.SETTINGS_SESSIONS]["children"])
    plain, patterns = set(), set()
    for tree in trees:
        for node in walk(json.loads(json.dumps(tree, default=lambda c: c.to_plotly_json()))):
            _note(node["props"].get("id"), plain, patterns)
    missing = set()
    for entry in site.dash._callback_list:
        for part in entry["inputs"] + entry["state"]:
            missing |= _absent(part["id"], plain, patterns)
        for name in entry["output"].strip(".").split("..."):
            missing |= _absent(name.rpartition(".")[0], plain, patterns)
    site.runtime.stop()
    assert missing - {""} == set()


def _note(found: Any, plain: set[str], patterns: set[frozenset[str]]) -> None:
    if isinstance(found, dict):
        patterns.add(frozenset({*found, f"type={found.get('type')}"}))
    elif found:
        plain.add(str(found))


def _absent(name: str, plain: set[str], patterns: set[frozenset[str]]) -> set[str]:
    if name.startswith("{"):
        wanted = json.loads(name)
        return set() if frozenset({*wanted, f"type={wanted.get('type')}"}) in patterns else {name}
    return set() if name in plain else {name}
