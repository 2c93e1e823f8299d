"""The engine over real databases: what fires, what is kept, and who evaluates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alerts import tables
from alerts.muting import Silence
from alerts.rule import Rule
from alerts.state import FLAPS
from config.dashboard import AlertThresholds
from storage.errors import StoreUnavailable
from tests.alerts.box import Box, make_box, rule
from tests.security.conftest import Switch, both_databases  # noqa: F401 - a fixture
from tests.support import wait_until


@pytest.fixture
def open_box(both_databases: Switch, tmp_path: Path) -> Iterator[Callable[..., Box]]:  # noqa: F811
    made: list[Box] = []

    def make(*rules: Rule, holder: str = "one", **more: Any) -> Box:
        made.append(make_box(tmp_path / holder / str(len(made)), both_databases, holder, rules, **more))
        return made[-1]

    yield make
    for box in made:
        box.close()


def transitions(box: Box) -> list[str]:
    """Kinds of all transitions that were kept, oldest first."""
    with box.alerts._database.read() as connection:
        rows = connection.execute(sa.select(tables.transitions.c.kind).order_by(tables.transitions.c.id))
        return [row.kind for row in rows]


def test_an_alert_fires_and_is_over_and_each_is_one_row(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(for_seconds=2, margin=0.5, message="{what} at {value}"))
    assert box.ticks(0.5, 0.9, 0.9) == []
    assert [one.state for one in box.alerts.active()] == ["pending"]
    assert box.ticks(0.95) == ["firing busy"]
    firing, = box.alerts.active()
    assert (firing.state, firing.value, firing.threshold, firing.severity) == ("firing", 0.95, 0.8, "warning")
    assert firing.fired == firing.started + 2
    assert box.ticks(0.9, 0.99, 0.5) == []  # between the thresholds
    assert box.ticks(0.3) == ["resolved busy"]
    over, = box.rows()
    assert (over.state, over.peak, over.resolved, over.reason) == ("resolved", 0.99, box.at, "")
    assert transitions(box) == ["firing", "resolved"]
    assert box.alerts.active() == []


def test_what_was_pending_and_came_to_nothing_leaves_no_row(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(for_seconds=60))
    box.ticks(*[0.9] * 5)
    assert [one.state for one in box.rows()] == ["pending"]
    box.ticks(0.1)
    assert box.rows() == []


def test_a_restart_goes_on_where_it_was_and_fires_nothing_twice(open_box: Callable[..., Box]) -> None:
    rules = rule(for_seconds=10), rule(id="very_busy", name="Very busy", threshold=0.5)
    box = open_box(*rules)
    assert box.ticks(*[0.9] * 6) == ["firing very_busy"]
    again = open_box(*rules)  # the process was killed: nothing was said, nothing given back
    again.at = box.at
    assert again.ticks(*[0.9] * 4) == []
    assert again.ticks(0.9) == ["firing busy"]  # ten seconds after it began, before the restart
    assert again.ticks(0.9, 0.1) == ["resolved busy", "resolved very_busy"]
    assert transitions(again) == ["firing", "firing", "resolved", "resolved"]


def test_every_series_is_judged_for_itself(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(selectors=('load_ratio{unit!="c"}',)))
    assert box.tick({"a": 0.9, "b": 0.1, "c": 0.9}) == ["firing busy"]
    assert box.tick({"a": 0.9, "b": 0.9, "c": 0.9}) == ["firing busy"]
    assert {one.series for one in box.alerts.active()} == {'load_ratio{unit="a"}', 'load_ratio{unit="b"}'}
    assert box.tick({"a": 0.1, "b": 0.9}) == ["resolved busy"]


def test_a_series_that_comes_later_is_watched_and_one_that_goes_is_over(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(no_data_seconds=5))
    box.tick({"a": 0.1})
    news = [one for _ in range(4) for one in box.tick({"a": 0.1, "b": 0.9})]
    assert news == ["firing busy"]  # within the seconds between two looks for new series
    news = [one for _ in range(12) for one in box.tick({"a": 0.1})]
    assert news == ["resolved busy"]


def test_that_a_series_is_missing_can_be_the_alert(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(selectors=('load_ratio{unit="x"}',), no_data="alert", no_data_seconds=5))
    assert [one for _ in range(6) for one in box.tick({"a": 0.1})] == ["firing busy"]
    assert box.alerts.active()[0].series == 'load_ratio{unit="x"}'
    assert [one for _ in range(3) for one in box.tick({"x": 0.1})] == ["resolved busy"]


def test_a_changed_threshold_of_the_configuration_counts_at_once(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(threshold=None, threshold_from="cpuPercent", factor=0.01))
    assert box.ticks(0.84) == []
    box.alerts.limits[0] = AlertThresholds.model_validate({"cpuPercent": 80})  # type: ignore[attr-defined]
    assert box.ticks(0.84) == ["firing busy"]
    assert box.alerts.active()[0].threshold == pytest.approx(0.8)


def test_a_rule_that_is_changed_disabled_or_deleted_ends_its_alerts(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(), rule(id="other", name="Other"))
    assert sorted(box.ticks(0.9)) == ["firing busy", "firing other"]
    box.alerts.rulebook.change("busy", {"enabled": False}, "test")
    assert box.ticks(0.9) == ["resolved busy"]
    box.alerts.rulebook.delete("other")
    assert box.ticks(0.9) == ["resolved other"]
    assert {one.reason for one in box.rows()} == {"rule"}


def test_a_counter_is_counted_over_its_window(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(id="errors", name="Errors", selectors=("errors_total",), function="increase",
                        window_seconds=20, threshold=2))
    news = []
    for errors in [0] * 10 + [1] * 5:
        news += box.tick(0.1, errors)
    for _ in range(8):
        news += box.tick(0.1, 0)
    assert news == ["firing errors"]
    assert box.alerts.active()[0].value == pytest.approx(5, abs=1)
    for _ in range(30):
        news += box.tick(0.1, 0)
    assert news == ["firing errors", "resolved errors"]


def test_a_mean_over_a_window_is_read_from_the_ring(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(function="mean", window_seconds=30, threshold=0.5))
    assert box.ticks(*[0.9, 0.2] * 20) == ["firing busy"]
    assert box.alerts.active()[0].value == pytest.approx(0.55, abs=0.05)


def test_a_rule_that_fails_is_told_and_stops_no_other(
    open_box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = rule(id="bad", name="Bad", function="mean", window_seconds=30)
    box = open_box(rule(), bad)
    monkeypatch.setattr(box.alerts.engine.watch._windows, "read", _break)
    assert box.ticks(0.9) == ["firing busy"]
    problems = {one.entry.rule.id: one.problem for one in box.alerts.statuses() if one.problem}
    assert list(problems) == ["bad"] and "out of order" in problems["bad"]
    monkeypatch.undo()
    box.ticks(*[0.9] * 20)
    assert not any(one.problem for one in box.alerts.statuses())


def test_while_a_rule_fails_its_alerts_stay_as_they_are(
    open_box: Callable[..., Box], monkeypatch: pytest.MonkeyPatch,
) -> None:
    box = open_box(rule(id="mean", name="Mean", function="mean", window_seconds=30), rule())
    assert sorted(box.ticks(*[0.9] * 10)) == ["firing busy", "firing mean"]
    assert {one.rule for one in box.alerts.active()} == {"busy", "mean"}
    monkeypatch.setattr(box.alerts.engine.watch._windows, "read", _break)
    limit = Rule.limit
    monkeypatch.setattr(Rule, "limit", lambda self, limits: _break() if self.id == "busy" else limit(self, limits))
    box.alerts.rulebook.change("mean", {"severity": "error"}, "test")  # makes it find its series anew
    assert box.ticks(*[None] * 100) == []
    assert {one.rule for one in box.alerts.active()} == {"busy", "mean"}
    assert set(box.alerts.engine.watch.problems) == {"busy", "mean"}
    monkeypatch.undo()
    box.alerts.rulebook.change("mean", {"severity": "info"}, "test")
    assert sorted(box.ticks(*[0.1] * 60)) == ["resolved busy", "resolved mean"]


def _break(*_: object) -> None:
    raise RuntimeError("out of order")


def test_what_comes_and_goes_ends_up_calm(open_box: Callable[..., Box]) -> None:
    box = open_box(rule())
    news = [one for _ in range(FLAPS) for one in box.ticks(0.9, 0.1)]
    assert news == ["firing busy", "resolved busy"] * (FLAPS - 1) + ["firing busy"]
    assert box.alerts.active()[0].flapping
    assert box.ticks(*[0.9, 0.1] * 20) == []
    again = open_box(rule())
    again.at = box.at
    assert again.ticks(0.9, 0.1, 0.1) == []  # a restart does not make it forget
    again.at += 595
    again.ticks(0.1)
    assert again.ticks(*[0.1] * 10) == ["resolved busy"]


# Muted


def test_a_silence_mutes_and_its_end_tells(open_box: Callable[..., Box]) -> None:
    box = open_box(rule())
    silences = box.alerts.silences
    one = silences.add(Silence(0, "silence", '{rule="busy",unit="a"}', box.at, box.at + 3600, "me"))
    assert box.tick({"a": 0.9}) == [f"firing busy (silence:{one.id})"]
    silences.end(one.id, "me")
    assert box.tick({"a": 0.9}) == ["unmuted busy"]
    assert box.tick({"a": 0.1}) == ["resolved busy"]


def test_the_end_of_what_was_never_told_is_not_told(open_box: Callable[..., Box]) -> None:
    box = open_box(rule())
    one = box.alerts.silences.add(Silence(0, "silence", '{rule="busy"}', box.at, box.at + 3600, "me"))
    assert box.ticks(0.9, 0.1) == [f"firing busy (silence:{one.id})", f"resolved busy (silence:{one.id})"]


def test_a_critical_alert_mutes_a_milder_one_of_the_same_series(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(), rule(id="worse", name="Worse", severity="critical"))
    assert sorted(box.tick({"a": 0.9})) == ["firing busy (inhibited:worse)", "firing worse"]


def test_a_server_that_is_down_mutes_what_else_fails_on_it(open_box: Callable[..., Box]) -> None:
    box = open_box(rule(), rule(id="down", name="Down", threshold=0.85, labels={"scope": "server"}))
    assert sorted(box.ticks(0.9)) == ["firing busy (inhibited:down)", "firing down"]


# What people say


def test_it_is_taken_up_with_a_note_and_given_an_owner(open_box: Callable[..., Box]) -> None:
    box = open_box(rule())
    box.ticks(0.9)
    uuid = box.alerts.active()[0].uuid
    box.alerts.acknowledge(uuid, "ann", "on it")
    box.alerts.assign(uuid, "bob", "ann")
    assert box.ticks(0.95) == ["acknowledged busy", "assigned busy"]
    alert = box.alerts.active()[0]
    assert (alert.acknowledged_by, alert.note, alert.owner) == ("ann", "on it", "bob")
    box.ticks(0.1)
    over, = box.rows()
    assert (over.state, over.acknowledged_by, over.note, over.owner) == ("resolved", "ann", "on it", "bob")
    assert [step["kind"] for step in box.alerts.story(uuid)] == ["firing", "acknowledged", "assigned", "resolved"]


# Databases that go away, and processes that share one


def test_while_the_database_is_away_it_goes_on_and_writes_when_it_is_back(
    open_box: Callable[..., Box], both_databases: Switch,  # noqa: F811
) -> None:
    box = open_box(rule())
    box.ticks(0.1)
    both_databases.away = True
    assert box.ticks(0.9) == ["firing busy"]
    assert box.ticks(0.1, 0.9) == ["resolved busy", "firing busy"]
    assert "out for lunch" in box.alerts.problem()
    assert box.alerts.store.waiting > 0
    both_databases.away = False
    box.ticks(0.9)
    assert box.alerts.problem() == ""
    assert transitions(box) == ["firing", "resolved", "firing"]
    assert [one.state for one in box.rows()] == ["resolved", "firing"]


def test_a_write_whose_end_was_lost_is_written_once(
    open_box: Callable[..., Box], both_databases: Switch, monkeypatch: pytest.MonkeyPatch,  # noqa: F811
) -> None:
    box = open_box(rule())
    box.ticks(0.1)
    store = box.alerts.store
    popped = store._waiting

    class Sticky(type(popped)):  # type: ignore[misc]
        def popleft(self) -> Any:
            raise StoreUnavailable("the connection broke after the commit")

    store._waiting = Sticky(popped)
    box.ticks(0.9)
    store._waiting = type(popped)(store._waiting)
    box.ticks(0.9)
    assert transitions(box) == ["firing"]
    assert len(box.rows()) == 1


def test_exactly_one_of_two_evaluates_and_the_other_takes_over(
    open_box: Callable[..., Box], both_databases: Switch,  # noqa: F811
) -> None:
    one, two = open_box(rule(), seconds=0.6), open_box(rule(), holder="two", seconds=0.6)
    assert one.ticks(0.1) == []
    assert two.ticks(0.9) == [] and not two.alerts.engine.active
    assert "Another process" in two.alerts.detail()
    assert one.ticks(0.9) == ["firing busy"]
    assert [alert.state for alert in two.alerts.active()] == ["firing"]  # as the database has it
    two.at = one.at
    news: list[str] = []

    def takes_over() -> bool:  # one is dead: it renews no more
        news.extend(two.ticks(0.9))
        return two.alerts.engine.active

    wait_until(takes_over, 10)
    assert news == []  # it fires on, and not anew
    assert two.ticks(0.1) == ["resolved busy"]
    # The one that was thought dead wakes up: what it would write is refused, and it stands by.
    assert one.ticks(0.1) == [] and not one.alerts.engine.active
    assert transitions(two) == ["firing", "resolved"]


def test_one_that_stops_hands_over_at_once(open_box: Callable[..., Box]) -> None:
    one, two = open_box(rule(), seconds=0.4), open_box(rule(), holder="two", seconds=0.4)
    one.ticks(0.9)
    one.alerts.stop()
    wait_until(lambda: two.ticks(0.9) is not None and two.alerts.engine.active, 10)
    assert two.alerts.active()[0].state == "firing"


def test_marks_of_a_window_are_those_that_reach_into_it(open_box: Callable[..., Box]) -> None:
    box = open_box(rule())
    began = box.at
    box.ticks(0.1, 0.9, 0.9, 0.1, 0.1, 0.9)  # fires from the second to the fourth, and from the sixth on
    between = box.alerts.between
    assert [one.fired - began for one in between(began, began + 10)] == [6, 2]
    assert [one.fired - began for one in between(began + 3, began + 3)] == [2]
    assert [one.fired - began for one in between(began + 4, began + 5)] == [2]
    assert between(began + 4.5, began + 5.5) == [] and between(began - 9, began + 1) == []
    assert [one.fired - began for one in between(began + 1000, began + 2000)] == [6]  # it still fires
    assert [one.fired - began for one in between(began, began + 10, limit=1)] == [6]


def test_a_start_without_the_database_says_so_and_evaluates_once_it_is_there(
    open_box: Callable[..., Box], both_databases: Switch,  # noqa: F811
) -> None:
    box = open_box(rule(), seconds=0.3)
    both_databases.away = True
    assert box.ticks(0.9) == []
    assert "out for lunch" in box.alerts.problem()
    both_databases.away = False
    news: list[str] = []
    wait_until(lambda: news.extend(box.ticks(0.9)) or news, 10)
    assert news == ["firing busy"] and box.alerts.problem() == ""


def test_an_open_row_that_it_did_not_know_is_taken_up_and_not_doubled(open_box: Callable[..., Box]) -> None:
    box = open_box(rule())
    box.ticks(0.1)
    other = open_box(rule())  # the same installation, started twice by somebody who got round the lock
    other.at = box.at
    assert other.ticks(0.9) == ["firing busy"]
    box.ticks(0.9, 0.9)
    assert [one.state for one in box.rows()] == ["firing"]
    assert transitions(box) == ["firing"]
    assert [one.uuid for one in box.alerts.active()] == [one.uuid for one in box.rows()]
