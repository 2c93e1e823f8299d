"""Alerts on the first screen: what the headline says, and what is not said twice."""

from __future__ import annotations

import pytest

from components import alert_words, overview
from components.alert_words import Line
from components.markup import to_html
from metrics.health import Reason
from tests.components.test_overview import NOW, key, summary

pytestmark = pytest.mark.usefixtures("english")


def line(severity: str = "warning", metric: str = "cpu_usage_ratio", **labels: str) -> Line:
    return Line(severity, "High CPU use", "CPU use is at 99 %.", NOW - 60, "/alerts?alert=x", metric, labels)


def test_all_is_not_well_while_an_alert_fires() -> None:
    css, first, _more = overview.headline(summary(), NOW, [line("critical")])
    assert (css, first) == ("is-critical", "1 alert is firing.")
    assert overview.headline(summary(), NOW, [line(), line("error")])[:2] == ("is-critical", "2 alerts are firing.")
    assert overview.headline(summary(), NOW, [line()])[0] == "is-warning"


def test_what_is_for_information_leaves_all_well() -> None:
    css, first, more = overview.headline(summary(), NOW, [line("info")])
    assert (css, first) == ("is-ok", "All is well.") and more == ["1 alert is there for information."]


def test_a_limit_and_its_alert_are_said_once() -> None:
    full = {key("memory_used_ratio"): 0.99}
    alone = overview.headline(summary(full), NOW)
    assert "Memory use" in alone[1]
    _css, first, more = overview.headline(summary(full), NOW, [line("critical", "memory_used_ratio")])
    assert first == "1 alert is firing." and more == []
    _css, _first, more = overview.headline(summary(full), NOW, [line("critical", "disk_volume_used_ratio", mount="/")])
    assert len(more) == 1 and "Memory use" in more[0]
    reason = Reason("WARNING", "disk_volume_used_ratio", (("mount", "/"),), 90, 85)
    assert not alert_words.covers([line(metric="disk_volume_used_ratio", mount="/srv")], reason)


def test_an_embedded_first_screen_counts_alerts_and_tells_nothing_of_them() -> None:
    shown = to_html(overview.state_panel(summary(), NOW, [line("critical")], details=False))
    assert "1 alert is firing." in shown and "99 %" not in shown and "/alerts" not in shown
    assert "99 %" in to_html(overview.state_panel(summary(), NOW, [line("critical")]))


def test_many_alerts_are_cut_with_the_way_to_the_rest() -> None:
    shown = to_html(overview.state_panel(summary(), NOW, [line()] * 8))
    assert shown.count("firing-link") == overview.MOST_FIRING and "and 3 more alerts" in shown
