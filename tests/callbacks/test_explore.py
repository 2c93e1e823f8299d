"""The explorer's callback on a real pipeline with a few ticks of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dash import no_update

from callbacks import explore
from components import ids
from components.drawings import MOST_CHARTS
from components.markup import to_html
from tests.pages.site import Site

SLOTS = [ids.explore_slot(n) for n in range(MOST_CHARTS)]
CORES = "cpu_core_usage_ratio"


@pytest.fixture
def asked(site: Site) -> Iterator[Site]:
    """A request of the site, for callbacks called as plain functions."""
    with site.server.test_request_context(headers={"Accept-Language": "en"}):
        yield site


def do(charts: Any, **action: Any) -> tuple[dict[int, Any], Any, Any]:
    """An edit: the slots that change, the state after it, and what is said."""
    children, state, said = explore.edit({"n": 7, "list": charts, "action": action}, SLOTS)
    return {n: child for n, child in enumerate(children) if child is not no_update}, state, said


@pytest.mark.usefixtures("asked")
def test_an_edit_draws_only_the_chart_it_is_about() -> None:
    charts = [[3, CORES], [1, "memory_used_bytes"]]
    changed, state, said = do(charts, do="kind", at=0, value="heat")
    assert list(changed) == [3]
    assert f'data-chart="q:{CORES}!heat"' in to_html(changed[3])
    assert state == {"n": 7, "list": [[3, f"{CORES}!heat"], [1, "memory_used_bytes"]], "error": ""}
    assert said == []
    changed, state, _said = do(charts, do="up", at=1)
    assert changed == {}
    assert state["list"] == [[1, "memory_used_bytes"], [3, CORES]]
    changed, state, _said = do(charts, do="remove", at=0)
    assert changed == {3: []}
    changed, state, _said = do(charts, do="add", texts=["cpu_usage_ratio"])
    assert list(changed) == [0]
    assert state["list"][-1] == [0, "cpu_usage_ratio"]


@pytest.mark.usefixtures("asked")
def test_labels_are_those_of_the_metric_whatever_its_filter() -> None:
    changed, state, _said = do([[0, f"{CORES}{{core=0}}!mean"]], do="by", at=0, value="core")
    assert state["error"] == ""
    assert state["list"] == [[0, f"{CORES}{{core=0}}!mean=core"]]
    changed, state, _said = do([[0, CORES]], do="filter", at=0, label="core", value="0")
    assert 'data-edit="unfilter"' in to_html(changed[0])
    assert "Filter" in to_html(changed[0])


@pytest.mark.usefixtures("asked")
def test_an_edit_that_cannot_be_changes_nothing_and_says_why() -> None:
    for action, words in (
        ({"do": "burn"}, "not an edit"), ({"do": "add", "texts": ["a b"]}, "“a b” is not a metric"),
        ({"do": "versus", "at": 0, "texts": ["c{"]}, "not"), ({"do": "remove", "at": 3}, "no longer"),
    ):
        changed, state, said = do([[0, CORES]], **action)
        assert changed == {}, action
        assert words in state["error"], action
        assert state["list"] == [[0, CORES]]
        assert said is no_update


@pytest.mark.usefixtures("asked")
def test_going_back_to_an_address_keeps_what_is_drawn_already() -> None:
    changed, state, said = do([[5, CORES], [1, "cpu_load1"]], do="show", q=f"cpu_usage_ratio;{CORES};x!what")
    assert state["list"] == [[1, "cpu_usage_ratio"], [5, CORES]]
    assert list(changed) == [1]
    assert "“what” is not an option" in to_html(said)


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("odd", [
    None, 3, [], "x", {}, {"action": None}, {"action": []},
])
def test_what_is_no_question_is_not_answered(odd: Any) -> None:
    assert explore.edit(odd, SLOTS) == ([no_update] * len(SLOTS), no_update, no_update)


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("charts", [
    None, "x", [3], [[0]], [["0", CORES]], [[99, CORES]], [[-1, CORES]], [[0, "!!"]], [[0, "c{"]], [[0, 5]],
    [[0, f"{CORES};cpu_load1"]],
])
def test_a_list_that_is_none_counts_as_empty(charts: Any) -> None:
    changed, state, _said = do(charts, do="add", texts=["cpu_load1"])
    assert state["error"] == ""
    assert state["list"] == [[0, "cpu_load1"]]
    assert list(changed) == [0]


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_who_may_read_metrics_may_edit(site: Site, role: str) -> None:
    client = site.signed_in(role)
    slots = [(ids.explore_slot(n), "children") for n in range(MOST_CHARTS)]
    body = {
        "output": f'..{{"n":["ALL"],"type":"{ids.EXPLORE_SLOT}"}}.children...{ids.EXPLORE_STATE}.data...'
                  f"{ids.EXPLORE_SAID}.children..",
        "outputs": [
            [{"id": i, "property": p} for i, p in slots], {"id": ids.EXPLORE_STATE, "property": "data"},
            {"id": ids.EXPLORE_SAID, "property": "children"},
        ],
        "inputs": [{"id": ids.EXPLORE_ASK, "property": "data", "value": {
            "n": 1, "list": [], "action": {"do": "add", "texts": ["cpu_load1"]}}}],
        "state": [[{"id": i, "property": "id", "value": i} for i, _ in slots]],
        "changedPropIds": [f"{ids.EXPLORE_ASK}.data"],
    }
    client.get("/", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    token = client.get_cookie(site.server.config["VIGIE_CSRF_COOKIE"]).value
    answer = client.post("/_dash-update-component", json=body, headers={"X-CSRFToken": token})
    assert answer.status_code == 200, answer.text
    assert answer.json["response"][ids.EXPLORE_STATE]["data"]["list"] == [[0, "cpu_load1"]]
    client.delete_cookie(site.server.config["SESSION_COOKIE_NAME"])
    assert client.post("/_dash-update-component", json=body, headers={"X-CSRFToken": token}).status_code == 401
