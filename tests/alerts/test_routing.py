"""Which channels are told of what."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.routing import Told, channels_of, on_page, severe_as, ways_out
from config.dashboard import Notifications

URL = {"url": "json://127.0.0.1/x"}


def notifications(**given: Any) -> Notifications:
    return Notifications.model_validate({"targets": {"email": URL, "slack": URL}, **given})


def told(**given: Any) -> Told:
    return Told(**{"state": "firing", "severity": "critical", "category": "model_failure", **given})


@pytest.mark.parametrize(("category", "ways"), [
    ("model_failure", ("toast", "email", "slack")), ("high_resource_usage", ("toast",)), ("config_changed", ("toast",)),
    ("system_alert", ("toast", "email")), ("unknown", ("toast", "email")), ("model_fields", ("toast", "email")),
])
def test_the_specs_kinds_go_where_the_spec_sends_them(category: str, ways: tuple[str, ...]) -> None:
    assert channels_of(notifications(), told(category=category)) == ways


def test_the_page_is_no_way_out() -> None:
    assert ways_out(notifications(), told()) == ("email", "slack")
    assert on_page(notifications(), told())


def test_nothing_goes_out_when_it_is_off() -> None:
    for off in ({"enabled": False}, {"alertTypes": {"modelFailure": {"enabled": False}}}, {"channels": []}):
        assert channels_of(notifications(**off), told()) == ()


def test_a_channel_without_a_target_or_url_is_none() -> None:
    assert ways_out(notifications(targets={"email": {}}), told()) == ()
    assert ways_out(notifications(channels=["toast", "slack"]), told()) == ("slack",)


def test_a_channel_hears_of_what_is_severe_enough_and_of_ends_when_it_wants() -> None:
    picky = notifications(targets={"email": {**URL, "minSeverity": "error"}, "slack": {**URL, "resolved": False}})
    assert ways_out(picky, told(severity="warning")) == ("slack",)
    assert ways_out(picky, told(severity="error")) == ("email", "slack")
    assert ways_out(picky, told(state="resolved")) == ("email",)


def test_a_severity_that_is_not_known_is_told() -> None:
    assert severe_as("odd", "critical") and not severe_as("info", "warning")


def test_what_is_muted_is_not_shown_as_it_happens() -> None:
    assert not on_page(notifications(), told(muted="silenced"))
