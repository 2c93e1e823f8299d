"""The pages of saved views, the overview with pinned ones, and the wall screen's first view."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from desk.views import Person, View, ViewBody
from pages.index import _page
from storage.errors import StoreUnavailable
from tests.pages.site import BROWSER, Site, texts, walk


def person(site: Site, name: str) -> Person:
    return Person(site.vigie.accounts.people.get(name).id, name)


def save(site: Site, name: str, *charts: str, owner: str = "viewer", **more: Any) -> View:
    flags = {key: more.pop(key) for key in ("shared", "pinned") if key in more}
    body = ViewBody(charts=list(charts or ("cpu", "memory")), **more)
    made: View = site.vigie.views.create(person(site, owner), name, body, **flags)
    return made


def take_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database of the views is away; that of the accounts is not."""

    def refuse() -> None:
        raise StoreUnavailable("The database is out for lunch.")

    monkeypatch.setattr(site.vigie.views, "_database", SimpleNamespace(read=refuse, write=refuse))
    site.vigie.views._forget()


def charts(layout: Any) -> list[str]:
    return [node["props"]["data-chart"] for node in walk(layout) if "data-chart" in node["props"]]


def stored(layout: Any, name: str) -> Any:
    return next(node["props"]["data"] for node in walk(layout) if node["props"].get("id") == name)


def test_without_views_the_list_says_what_one_is(own_site: Site) -> None:
    shown = texts(own_site.page(own_site.signed_in(), "/views"))
    assert "No saved views yet" in shown
    assert "Add to a view" in shown


def test_the_list_has_ones_own_and_shared_views(own_site: Site) -> None:
    save(own_site, "my own", "gpu-power:1", "q:cpu_load1!area", description="for me")
    save(own_site, "the admin's", owner="admin", shared=True)
    save(own_site, "nobody else's", owner="admin")
    shown = texts(own_site.page(own_site.signed_in(), "/views"))
    assert "my own" in shown
    assert "the admin's" in shown
    assert "nobody else's" not in shown
    assert "for me" in shown
    assert "Power · GPU 1" in shown
    html = own_site.signed_in().get("/views", headers=BROWSER).text
    assert html.count('data-act="delete"') == 1, "a viewer cannot delete what the admin shares"
    assert own_site.signed_in("admin").get("/views", headers=BROWSER).text.count('data-act="delete"') == 2


def test_a_view_shows_its_charts_in_order_with_its_window(own_site: Site) -> None:
    view = save(own_site, "Wall", "memory", "q:cpu_load1!area", "cpu", window="6h", columns=3)
    client = own_site.signed_in()
    layout = own_site.page(client, f"/views/{view.id}")
    assert charts(layout) == ["memory", "q:cpu_load1!area", "cpu"]
    opened = stored(layout, "time-view")
    assert (opened["window"], opened["base"], opened["from"], opened["path"]) == ("6h", "6h", None, f"/views/{view.id}")
    changed = stored(own_site.page(client, f"/views/{view.id}", "?window=1h"), "time-view")
    assert (changed["window"], changed["base"]) == ("1h", "6h")


def test_a_span_that_was_saved_is_opened_and_may_be_left(own_site: Site) -> None:
    span = {"start": 1_800_000_000_000, "end": 1_800_000_060_000}
    view = save(own_site, "incident", **span)
    client = own_site.signed_in()
    opened = stored(own_site.page(client, f"/views/{view.id}"), "time-view")
    assert (opened["from"], opened["to"]) == tuple(span.values())
    live = stored(own_site.page(client, f"/views/{view.id}", "?window=1h"), "time-view")
    assert live["from"] is None


def test_the_document_of_a_view_has_its_name_and_its_charts(own_site: Site) -> None:
    view = save(own_site, 'Racks <1> & "2"', "cpu")
    answer = own_site.signed_in().get(f"/views/{view.id}", headers=BROWSER)
    assert answer.status_code == 200
    assert "<title>Racks &lt;1&gt; &amp; &quot;2&quot; – Vigie</title>" in answer.text
    assert 'data-chart="cpu"' in answer.text.split('<div id="react-entry-point">')[0]


@pytest.mark.parametrize("path", ["/views/99", "/views/0", "/views/x", "/views/1e3", "/views/99999999999999999999"])
def test_a_view_that_is_not_there_is_a_useful_page_with_status_404(site: Site, path: str) -> None:
    client = site.signed_in()
    answer = client.get(path, headers=BROWSER)
    assert answer.status_code == 404
    assert "There is no such view" in answer.text
    layout = site.page(client, path)
    assert "/views" in [node["props"].get("href") for node in walk(layout)]


def test_somebody_elses_private_view_is_not_there(own_site: Site) -> None:
    view = save(own_site, "secret", owner="admin")
    answer = own_site.signed_in().get(f"/views/{view.id}?view_id={view.id}", headers=BROWSER)
    assert answer.status_code == 404
    assert "secret" not in answer.text
    shared = save(own_site, "open", owner="admin", shared=True)
    opened = own_site.signed_in().get(f"/views/{shared.id}", headers=BROWSER)
    assert opened.status_code == 200
    assert 'data-edit="begin"' not in opened.text, "it is not the viewer's to edit"
    assert 'data-edit="begin"' in own_site.signed_in("admin").get(f"/views/{shared.id}", headers=BROWSER).text


def test_a_path_within_a_template_is_one_segment(site: Site) -> None:
    site.signed_in().get("/", headers=BROWSER)
    found = _page("/views/7")
    assert found is not None
    assert found[1] == {"view_id": "7"}
    assert _page("/views/7/8") is None
    assert _page("/views/none") is not None
    assert _page("/views") is not None


def test_a_chart_that_is_no_more_says_so(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    view = save(own_site, "old", "cpu", "no-such-chart")
    layout = own_site.page(own_site.signed_in(), f"/views/{view.id}")
    assert charts(layout) == ["cpu"]
    assert "knows no such chart" in texts(layout)


def test_while_the_database_is_away_the_pages_say_so(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = own_site.signed_in()
    assert own_site.page(client, "/") is not None

    take_away(own_site, monkeypatch)
    for path in ("/views", "/views/1", "/views?kiosk&views=1"):
        page, _, search = path.partition("?")
        assert "out for lunch" in texts(own_site.page(client, page, f"?{search}")), path
    assert "Busiest now" in texts(own_site.page(client, "/")), "the overview is there all the same"


# -- on the overview


def test_an_overview_without_pinned_views_is_what_it_was(own_site: Site) -> None:
    layout = own_site.page(own_site.signed_in(), "/")
    assert charts(layout) == []
    assert "timed" not in layout["props"]["className"]


def test_pinned_views_are_on_the_overview_of_who_may_see_them(own_site: Site) -> None:
    save(own_site, "a of all", "cpu", "memory", "disk-throughput", "network", "swap", owner="admin", shared=True,
         pinned=True, window="1h")
    save(own_site, "b of mine", "cpu", "q:cpu_load1", pinned=True)
    mine, admins = (own_site.page(own_site.signed_in(name), "/") for name in ("viewer", "admin"))
    assert charts(mine) == ["cpu", "memory", "disk-throughput", "network", "q:cpu_load1"], "each chart once"
    assert "1 more in the view" in texts(mine)
    assert "b of mine" not in texts(admins)
    assert stored(mine, "time-view")["window"] == "1h"
    text = texts(mine)
    assert text.index("a of all") > text.index("CPU"), "the overview's own comes first"
    zoomed = stored(own_site.page(
        own_site.signed_in(), "/", "?window=6h&from=1800000000000&to=1800000060000"
    ), "time-view")
    assert (zoomed["window"], zoomed["from"]) == ("6h", 1_800_000_000_000)


# -- the wall screen


@pytest.mark.parametrize("path", ["/", "/monitoring", "/views", "/settings"])
def test_kiosk_is_in_the_document_before_any_script(site: Site, path: str) -> None:
    client = site.signed_in()
    for query, wanted in (("?kiosk", True), ("?kiosk=1", True), ("", False)):
        html = client.get(path + query, headers=BROWSER).text
        assert bool(re.search(r'<html [^>]*class="vigie kiosk"', html)) == wanted


def test_a_wall_screen_begins_with_the_first_pinned_view(own_site: Site) -> None:
    client = own_site.signed_in()
    assert "Nothing to show yet" in texts(own_site.page(client, "/views", "?kiosk"))
    save(own_site, "b", "memory", pinned=True)
    first = save(own_site, "a", "cpu", pinned=True)
    other = save(own_site, "not pinned", "swap")
    layout = own_site.page(client, "/views", "?kiosk&every=7")
    assert charts(layout) == ["cpu"]
    told = stored(layout, "wall-shown")
    assert (told["view"], told["index"], told["count"]) == (first.id, 0, 2)
    assert layout["props"]["data-wall"] == 7
    chosen = own_site.page(client, "/views", f"?kiosk&views={other.id},{first.id},99")
    assert charts(chosen) == ["swap"]
    assert stored(chosen, "wall-shown")["count"] == 2


def test_a_wall_screen_gives_many_charts_more_columns(own_site: Site) -> None:
    view = save(own_site, "many", *[f"q:metric_{i}" for i in range(24)], columns=1, pinned=True)
    layout = own_site.page(own_site.signed_in(), f"/views/{view.id}")
    grid = next(n["props"] for n in walk(layout) if "view-grid" in str(n["props"].get("className", "")))
    assert grid["style"] == {"--wall-columns": "6", "--wall-rows": "4"}
    assert "columns-1" in grid["className"]
