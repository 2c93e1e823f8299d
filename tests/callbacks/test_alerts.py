"""The charts of the Alerts page."""

from __future__ import annotations

from typing import Any

from callbacks.alerts import charts
from components import ids
from components.alerts_firing import MOST_CARDS
from tests.pages.site import Site, texts

SLOTS = [ids.alerts_slot(number) for number in range(MOST_CARDS)]


def ask(site: Site, wanted: Any) -> list[Any]:
    with site.server.test_request_context():
        return charts(wanted, SLOTS)


def test_a_slot_gets_the_chart_of_its_series_and_the_others_stay(site: Site) -> None:
    found = ask(site, {"n": 1, "list": [[2, "cpu_usage_ratio"], [3, None], [4, "no_such_series"]]})
    assert "CPU use" in texts(found[2].to_plotly_json())
    assert found[3] == found[4] == []
    assert sum(one.__class__.__name__ == "NoUpdate" for one in found) == MOST_CARDS - 3


def test_nothing_that_is_asked_is_trusted(site: Site) -> None:
    for wanted in (None, 5, {"list": 7}, {"list": [[99, "cpu_usage_ratio"], ["0", "x"], [1]]}):
        assert all(one.__class__.__name__ == "NoUpdate" for one in ask(site, wanted))
    assert ask(site, {"list": [[0, "{{{"], [1, "x" * 5000], [5, 7]]})[0] == []
