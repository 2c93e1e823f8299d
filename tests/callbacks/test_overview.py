"""The slow part of the first screen, and the frame's callbacks."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from components import ids
from live.models import Model
from tests.pages.site import Site, texts

OUTPUTS = [
    (ids.OVERVIEW_STATE, "children"), (ids.OVERVIEW_GAUGES, "children"), (ids.OVERVIEW_LIVE, "data"),
    (ids.OVERVIEW_BUSY, "children"), (ids.OVERVIEW_SOURCES, "children"), (ids.OVERVIEW_EVENTS, "children"),
    (ids.OVERVIEW_MODELS, "children"),
]


def refresh(site: Site, client: FlaskClient, shown: Any) -> dict[str, Any]:
    answer = site.callback(
        client, OUTPUTS, [(ids.OVERVIEW_TICK, "n_intervals", 1)], [(ids.OVERVIEW_LIVE, "data", shown)],
    )
    assert answer.status_code == 200, answer.text
    return answer.json["response"]


def test_only_what_changed_is_drawn_anew(own_site: Site, monkeypatch: Any):
    found: list[Model] = []  # model servers of the machine that runs this come and go
    monkeypatch.setattr(own_site.vigie.serving, "rows", lambda: found)
    sources = own_site.vigie.sources()
    monkeypatch.setattr(own_site.vigie, "sources", lambda: sources)
    client = own_site.signed_in()
    first = refresh(own_site, client, None)
    assert set(first) == {name for name, _ in OUTPUTS}
    shown = first[ids.OVERVIEW_LIVE]["data"]
    own_site.runtime.tick(own_site.vigie.latest.at + 1)
    assert set(refresh(own_site, client, shown)) == {ids.OVERVIEW_STATE, ids.OVERVIEW_BUSY}
    found.append(Model("box", "llama3", "ollama", "running"))
    with_model = refresh(own_site, client, shown)
    assert "llama3" in texts(with_model[ids.OVERVIEW_MODELS]["children"])
    assert ids.OVERVIEW_MODELS not in refresh(own_site, client, with_model[ids.OVERVIEW_LIVE]["data"])
    own_site.vigie.events.add("store_away", "error", part="archive", error="The archive is read-only.")
    later = refresh(own_site, client, shown)
    assert ids.OVERVIEW_SOURCES not in later
    assert "The archive is read-only." in texts(later[ids.OVERVIEW_EVENTS]["children"])


def test_the_theme_that_was_switched_is_kept(own_site: Site):
    client = own_site.signed_in()
    for theme, kept in (("light", "light"), ("purple", "light"), (None, "light"), ("dark", "dark")):
        own_site.callback(client, [(ids.SHELL_THEME_SAVED, "data")], [(ids.SHELL_THEME_CHOSEN, "data", theme)])
        assert own_site.vigie.accounts.people.get("viewer").theme == kept


def test_the_chip_says_what_is_away_and_is_gone_when_all_is_there(own_site: Site):
    client = own_site.signed_in()

    def chip() -> str:
        answer = site_callback()
        return texts(answer.json["response"][ids.SHELL_PARTS]["children"])

    def site_callback() -> Any:
        return own_site.callback(client, [(ids.SHELL_PARTS, "children")], [(ids.SHELL_PARTS_TICK, "n_intervals", 1)])

    # The loops of this app are not started, and that is what it says.
    assert "The collection loop is not running." in chip()
    assert "Degraded" in chip()


def test_a_callback_that_breaks_says_so_and_the_page_stays(own_site: Site, monkeypatch: Any):
    client = own_site.signed_in()
    monkeypatch.setattr(own_site.vigie.latest, "present", lambda *_a: 1 / 0)
    answer = own_site.callback(
        client, OUTPUTS, [(ids.OVERVIEW_TICK, "n_intervals", 1)], [(ids.OVERVIEW_LIVE, "data", None)],
    )
    assert answer.status_code == 200
    assert "did not work" in texts(answer.json["sideUpdate"][ids.TOASTS]["children"])
    assert "ZeroDivisionError" not in answer.text
