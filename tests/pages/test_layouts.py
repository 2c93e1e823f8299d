"""Each page for each role, through the router as a browser asks for it."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.pages.site import ROLES, Site, texts, walk

PAGES = {"/": "Busiest now", "/monitoring": "Processes", "/settings": "Current password", "/views": "Wall screen",
         "/configuration": "Watched folders"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_renders_for_each_role(site: Site, path: str, role: str):
    assert PAGES[path] in texts(site.page(site.signed_in(role), path))


@pytest.mark.parametrize("path", PAGES)
def test_ids_of_a_page_and_the_frame_are_unique(site: Site, path: str):
    client = site.signed_in("admin")
    frame = client.get("/_dash-layout").json
    found = [
        str(node["props"]["id"])
        for tree in (frame, site.page(client, path))
        for node in walk(tree)
        if "id" in node["props"]
    ]
    assert [name for name, times in Counter(found).items() if times > 1] == []


def test_a_path_that_is_no_pages_says_where_to_go(site: Site):
    layout = site.page(site.signed_in(), "/nowhere")
    assert "no such page" in texts(layout)
    assert "/monitoring" in [node["props"].get("href") for node in walk(layout)]


def test_odd_queries_do_not_break_a_page(site: Site):
    client = site.signed_in()
    for path in PAGES:
        assert "no such page" not in texts(site.page(client, path, "?tab=%00&window=nix&x=1&x=2&class=3&__=4"))
        assert client.get(f"{path}?a-b=1&class=2&tab=x&tab=y").status_code == 200


def test_a_page_of_somebody_without_the_permission_says_so(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("security.permissions").permissions.ROLES, "viewer", frozenset({"metrics:read"}))
    site.vigie.accounts.people._changed()
    client = site.signed_in()
    assert client.get("/").status_code == 403
    monkeypatch.undo()
    site.vigie.accounts.people._changed()


def test_settings_show_what_the_role_may(site: Site):
    viewer, admin = (texts(site.page(site.signed_in(role), "/settings")) for role in ("viewer", "admin"))
    assert "manage people" in admin
    assert "manage people" not in viewer
    assert "see the pages" in viewer
