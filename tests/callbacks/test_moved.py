"""The page's callbacks on a real pipeline with a planted past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callbacks import moved
from components import ids
from metrics.metric import labels
from metrics.series import SeriesInfo
from storage.errors import StoreUnavailable
from storage.ring.base import step_number
from tests.pages.site import ROLES, Site, texts, walk

PAST, SPAN = 1200, 60
INFOS = [SeriesInfo("queue_things", labels(model=str(i)), "", "gauge", "Waiting") for i in range(6)]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with twenty minutes of six made-up series; the first two jump in the last minute."""
    site = Site(tmp_path_factory.mktemp("moved") / "data")
    ring = site.vigie.query._ring
    handles = np.array([ring.handle(info) for info in INFOS])
    last = step_number(site.vigie.latest.at, ring.step)
    chance = np.random.default_rng(1)
    for n in range(last - PAST, last + 1):
        values = 10 + chance.standard_normal(len(INFOS))
        values[:2] += 50 * (n > last - SPAN)
        ring.write(n, handles, values.astype(np.float32), newest=last)
    yield site
    site.runtime.stop()


def asked(site: Site, ago: float = 0, span: float = SPAN, **more: Any) -> dict[str, Any]:
    end = site.vigie.latest.at - ago
    return {"from": round(1000 * (end - span)), "to": round(1000 * end), "chart": "", "part": ""} | more


def answered(site: Site, call: Any, *arguments: Any) -> str:
    with site.server.test_request_context(headers={"Accept-Language": "en"}):
        return json.dumps(call(*arguments), default=lambda c: c.to_plotly_json())


def test_what_moved_leads_and_its_like_is_folded_under_it(planted: Site):
    said = answered(planted, moved.find, asked(planted))
    assert said.count('"move-said"') == 1 and "and 1 alike" in said and "2 series stand out" in said
    assert "queue_things{model=" in said and "move-line" in said


def test_the_chart_that_was_asked_from_is_known_again(planted: Site):
    assert "In the chart you came from" in answered(planted, moved.find, asked(planted, chart="q:queue_things"))
    assert "In the chart you came from" not in answered(planted, moved.find, asked(planted, chart="memory"))
    assert "newest fifth" in answered(planted, moved.find, asked(planted, part="fifth"))


def test_all_series_are_ranked_when_they_are_asked_for(planted: Site):
    said = answered(planted, moved.rank, 1, asked(planted))
    assert said.count('"rank-said"') >= 6 and "the most suspicious first" in said
    assert moved.rank(None, asked(planted)) is moved.no_update


@pytest.mark.parametrize("wrong", [
    None, {}, [], "x", {"from": 1, "to": 2}, {"from": "x", "to": None}, {"from": 1e300, "to": 2},
    {"from": [], "to": {}},
])
def test_what_is_no_window_gets_a_word_and_no_error(planted: Site, wrong: Any):
    assert "Choose a window first" in answered(planted, moved.find, wrong)
    assert moved.rank(1, wrong) is moved.no_update


@pytest.mark.parametrize(("ago", "span", "words"), [
    (0, 2, "too short"), (0, 100 * 86_400, "too long"), (-4000, 60, "has not begun"), (0, 500, "not enough past"),
])
def test_a_window_that_cannot_be_judged_says_so(planted: Site, ago: float, span: float, words: str):
    assert words in answered(planted, moved.find, asked(planted, ago, span))


def test_a_store_that_is_away_is_told(planted: Site, monkeypatch: pytest.MonkeyPatch):
    def away(*_: Any) -> Any:
        raise StoreUnavailable("The ring file is read-only.")

    monkeypatch.setattr(planted.vigie.query, "read", away)
    assert "The history cannot be read now" in answered(planted, moved.find, asked(planted))


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_ask(planted: Site, role: str):
    answer = planted.callback(planted.signed_in(role), [(ids.MOVED_RESULT, "children")],
                              [(ids.MOVED_ASK, "data", asked(planted))])
    assert answer.status_code == 200 and "stand out" in answer.text


def test_nobody_may_ask_without_signing_in(planted: Site):
    client = planted.server.test_client()
    client.get("/login")
    answer = client.post("/_dash-update-component", json={
        "output": f"{ids.MOVED_RESULT}.children", "outputs": {"id": ids.MOVED_RESULT, "property": "children"},
        "inputs": [{"id": ids.MOVED_ASK, "property": "data", "value": asked(planted)}], "changedPropIds": [],
    })
    assert answer.status_code in (400, 401)
    assert client.get("/moved", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}).status_code == 302


def test_the_page_asks_for_its_window(planted: Site):
    client = planted.signed_in()
    window = asked(planted)
    tree = planted.page(client, "/moved", f"?from={window['from']}&to={window['to']}&chart=cpu")
    assert "What else moved?" in texts(tree) and "CPU use" in texts(tree)
    (store,) = [n for n in walk(tree) if n["props"].get("id") == ids.MOVED_ASK]
    assert store["props"]["data"] == {**window, "chart": "cpu"}
    for wrong in ("", "?from=x&to=y", "?from=5&to=2", "?chart=nothing&from=1"):
        assert "Choose a window first" in texts(planted.page(client, "/moved", wrong))


def test_a_folder_of_its_own(tmp_path: Path):
    """A fresh site has no past at all: said, not a failure."""
    site = Site(tmp_path / "data")
    try:
        assert "not enough past" in answered(site, moved.find, asked(site))
    finally:
        site.runtime.stop()
