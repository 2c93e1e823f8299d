"""The list and a view's head drawn anew, and the turns of a wall screen, as the page asks for them."""

from __future__ import annotations

from typing import Any

import pytest

from components import ids
from desk.views import stamp
from tests.pages.site import Site, texts
from tests.pages.test_views import charts, person, save, take_away


def step(site: Site, who: str = "viewer", **asked: Any) -> dict[str, Any]:
    answer = site.callback(
        site.signed_in(who), [(ids.WALL_BODY, "children"), (ids.WALL_SHOWN, "data")],
        [(ids.WALL_STEP, "data", {"n": 1, "by": 1, "view": None, "index": 0, "views": "", **asked})],
    )
    assert answer.status_code in (200, 204), answer.text
    response = (answer.json or {}).get("response", {})
    if not response:
        return {}
    return {"told": response[ids.WALL_SHOWN]["data"], "body": response.get(ids.WALL_BODY, {}).get("children")}


def test_views_come_in_turn_and_new_ones_join(own_site: Site) -> None:
    a, b = (save(own_site, name, chart, pinned=True) for name, chart in (("a", "cpu"), ("b", "memory")))
    second = step(own_site, view=a.id, stamp=stamp(a.changed), n=5)
    assert charts(second["body"]) == ["memory"]
    assert (second["told"]["view"], second["told"]["index"], second["told"]["count"], second["told"]["n"]) == (
        b.id, 1, 2, 5,
    )
    c = save(own_site, "c", "swap", pinned=True)
    assert step(own_site, view=b.id)["told"]["view"] == c.id
    assert step(own_site, view=c.id)["told"]["view"] == a.id
    assert step(own_site, view=a.id, by=-1)["told"]["view"] == c.id
    assert step(own_site, view=c.id, views=f"{b.id},{c.id}")["told"]["view"] == b.id


def test_a_view_that_is_gone_or_unpinned_is_skipped(own_site: Site) -> None:
    a, b, c = (save(own_site, name, "cpu", pinned=True) for name in "abc")
    viewer = person(own_site, "viewer")
    own_site.vigie.views.delete(b.id, viewer)
    assert step(own_site, view=a.id)["told"]["view"] == c.id
    assert step(own_site, view=b.id, index=1)["told"]["view"] == c.id
    own_site.vigie.views.update(a.id, viewer, pinned=False)
    own_site.vigie.views.update(c.id, viewer, pinned=False)
    none = step(own_site, view=c.id)
    assert (none["told"]["view"], none["told"]["count"]) == (None, 0)
    assert "Nothing to show" in texts(none["body"])


def test_a_single_view_is_left_alone_until_it_changes(own_site: Site) -> None:
    view = save(own_site, "only", "cpu", pinned=True)
    same = step(own_site, view=view.id, stamp=stamp(view.changed), flip=True)
    assert same["body"] is None
    assert same["told"]["flip"] is True
    changed = own_site.vigie.views.update(view.id, person(own_site, "viewer"), name="renamed")
    drawn = step(own_site, view=view.id, stamp=stamp(view.changed), flip=True)
    assert charts(drawn["body"]) == ["cpu"]
    assert (drawn["told"]["name"], drawn["told"]["flip"], drawn["told"]["stamp"]) == (
        "renamed", False, stamp(changed.changed),
    )
    # React takes an element of another kind for another chart.
    assert drawn["body"]["type"] != step(own_site, view=view.id, stamp=0, flip=False)["body"]["type"]


def test_a_wall_screen_shows_nobody_elses_private_view(own_site: Site) -> None:
    secret = save(own_site, "secret", "cpu", owner="admin", pinned=True)
    assert step(own_site, views=str(secret.id))["told"]["view"] is None
    assert step(own_site)["told"]["view"] is None
    assert step(own_site, who="admin")["told"]["view"] == secret.id


@pytest.mark.parametrize("asked", [
    None, [], "x", {"n": "x", "view": {}, "by": 9, "index": -1, "views": 3}, {"n": 2**70, "view": 1.5, "flip": "yes"},
])
def test_whatever_the_browser_sends_breaks_nothing(own_site: Site, asked: Any) -> None:
    save(own_site, "a", "cpu", pinned=True)
    answer = own_site.callback(
        own_site.signed_in(), [(ids.WALL_BODY, "children"), (ids.WALL_SHOWN, "data")],
        [(ids.WALL_STEP, "data", asked)],
    )
    assert answer.status_code in (200, 204)
    head = own_site.callback(
        own_site.signed_in(), [(ids.VIEWS_HEAD, "children")], [(ids.VIEWS_HEAD_CHANGED, "data", asked)]
    )
    assert head.status_code in (200, 204)


def test_while_the_database_is_away_a_wall_screen_stays_as_it_is(
    own_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = (save(own_site, name, "cpu", pinned=True) for name in "ab")
    assert step(own_site, view=a.id)["told"]["view"] == b.id

    take_away(own_site, monkeypatch)
    assert step(own_site, view=b.id)["told"]["view"] == a.id, "the pinned ones are known"
    assert step(own_site, view=a.id, views=f"{b.id}") == {}, "chosen ones are asked for again"


def test_the_list_is_drawn_anew(own_site: Site) -> None:
    save(own_site, "fresh", "cpu")
    answer = own_site.callback(own_site.signed_in(), [(ids.VIEWS_LIST, "children")], [(ids.VIEWS_CHANGED, "data", 1)])
    assert "fresh" in texts(answer.json["response"][ids.VIEWS_LIST]["children"])


def test_the_head_of_a_view_is_drawn_anew(own_site: Site) -> None:
    view = save(own_site, "before", "cpu", owner="admin", shared=True)
    own_site.vigie.views.update(view.id, person(own_site, "admin"), name="after")
    answer = own_site.callback(
        own_site.signed_in(), [(ids.VIEWS_HEAD, "children")], [(ids.VIEWS_HEAD_CHANGED, "data", {"view": view.id})]
    )
    assert "after" in texts(answer.json["response"][ids.VIEWS_HEAD]["children"])
    own_site.vigie.views.update(view.id, person(own_site, "admin"), shared=False)
    gone = own_site.callback(
        own_site.signed_in(), [(ids.VIEWS_HEAD, "children")], [(ids.VIEWS_HEAD_CHANGED, "data", {"view": view.id})]
    )
    assert not (gone.json or {}).get("response"), "the head stays as it is"
