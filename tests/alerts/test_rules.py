"""Rules: what Vigie comes with, what people change, and what mutes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from alerts import tables
from alerts.alert import Alert, begun
from alerts.muting import SHIPPED as INHIBITIONS
from alerts.muting import Inhibitor, Silence, silenced
from alerts.rule import TYPES, changed
from alerts.rulebook import BadRule, Rulebook, RuleMissing
from alerts.shipped import SHIPPED, SHIPPED_BY_ID
from alerts.text import fill, message
from collectors import COLLECTORS
from collectors.scrape import RUNNER_METRICS
from config.dashboard import AlertThresholds
from metrics.metric import rate_of
from metrics.series import SeriesInfo
from storage.database import Database
from storage.selector import parse_selector
from tests.alerts.box import rule

COLLECTED = {m.name for c in COLLECTORS for m in c.metrics} | {m.name for m in RUNNER_METRICS}
COLLECTED |= {rate_of(m).name for c in COLLECTORS for m in c.metrics if m.kind == "counter"}


def test_every_type_of_the_specification_is_shipped() -> None:
    assert {one.type for one in SHIPPED if one.type} == set(TYPES) and len(TYPES) == 20
    assert len(SHIPPED_BY_ID) == len(SHIPPED)


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.id)
def test_a_shipped_rule_watches_what_is_collected_or_says_what_it_waits_for(one: object) -> None:
    names = {parse_selector(text).name for text in one.selectors}  # type: ignore[attr-defined]
    assert names <= COLLECTED or (one.source and not names & COLLECTED)  # type: ignore[attr-defined]
    assert one.message  # type: ignore[attr-defined]


def test_the_specifications_thresholds_and_severities_are_the_shipped_ones() -> None:
    limits = AlertThresholds()
    told = {
        "high_cpu": (0.85, "warning"), "high_memory": (0.9, "warning"), "disk_full": (0.95, "critical"),
        "gpu_memory_full": (0.95, "warning"), "high_latency": (5.0, "warning"), "high_error_rate": (0.05, "error"),
    }
    for rule_id, (limit, severity) in told.items():
        one = SHIPPED_BY_ID[rule_id]
        assert (one.limit(limits), one.severity) == (pytest.approx(limit), severity)
    severities = {
        "network_issues": "error", "disk_io_slow": "warning", "model_crashed": "critical",
        "model_not_responding": "critical", "inference_timeout": "error", "proxy_down": "critical",
        "proxy_unhealthy": "error", "rate_limit_exceeded": "warning", "invalid_config": "critical",
        "config_auto_loaded": "info", "config_validation_failed": "error", "startup_error": "critical",
        "memory_leak_detected": "error", "service_degradation": "warning",
    }
    assert {key: SHIPPED_BY_ID[key].severity for key in severities} == severities


def test_a_threshold_of_the_configuration_never_passes_the_one_it_resolves_at() -> None:
    one = rule(threshold=None, threshold_from="cpuPercent", factor=0.01, resolve_threshold=0.8)
    assert one.resolve_limit(AlertThresholds()) == 0.8
    low = AlertThresholds.model_validate({"cpuPercent": 50})
    assert one.limit(low) == one.resolve_limit(low) == 0.5


def test_a_threshold_replaces_the_reference_and_the_other_way_round() -> None:
    one = changed(SHIPPED_BY_ID["high_cpu"], {"threshold": 0.5})
    assert (one.threshold, one.threshold_from) == (0.5, "")
    back = changed(one, {"threshold_from": "cpuPercent"})
    assert (back.threshold, back.threshold_from) == (None, "cpuPercent")
    with pytest.raises(ValidationError, match="either"):
        changed(one, {"threshold": 1, "threshold_from": "cpuPercent"})


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database("state", tmp_path)


def test_only_what_differs_from_how_it_comes_is_kept(database: Database) -> None:
    book = Rulebook(database)
    book.change("high_cpu", {"for_seconds": 5, "severity": "warning"}, "ada")
    with database.read() as connection:
        row = connection.execute(sa.select(tables.rules)).one()
    assert json.loads(row.body) == {"for_seconds": 5.0}
    assert book.get("high_cpu").changes == ("for_seconds",) and book.get("high_cpu").changed_by == "ada"
    other = Rulebook(database)  # another process, or the next start
    assert other.load() and not other.load()
    assert other.get("high_cpu").rule.for_seconds == 5
    book.change("high_cpu", {"for_seconds": 60}, "ada")
    with database.read() as connection:
        assert connection.execute(sa.select(tables.rules)).all() == []


def test_what_was_saved_and_is_no_rule_any_more_is_told(database: Database) -> None:
    book = Rulebook(database)
    book.change("high_cpu", {"for_seconds": 5}, "ada")
    book.add(rule(), "ada")
    with database.write() as connection:
        connection.execute(sa.update(tables.rules).values(body='{"severity": "dreadful"}'))
    book.load()
    assert book.get("high_cpu").rule == SHIPPED_BY_ID["high_cpu"] and "not valid" in book.get("high_cpu").problem
    assert not book.get("busy").rule.enabled and "not valid" in book.get("busy").problem


def test_what_cannot_be_done_to_a_rule_is_refused(database: Database) -> None:
    book = Rulebook(database)
    book.add(rule(), "ada")
    with pytest.raises(BadRule, match="taken"):
        book.add(rule(), "ada")
    with pytest.raises(BadRule, match="cannot be changed"):
        book.change("busy", {"id": "other"}, "ada")
    with pytest.raises(BadRule, match="disable it"):
        book.delete("high_cpu")
    with pytest.raises(BadRule, match="reset"):
        book.reset("busy")
    with pytest.raises(RuleMissing):
        book.get("nothing")
    assert book.delete("busy").id == "busy"


# Muting


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("moment", "holds"), [
    ("2026-11-23T22:59", False),  # Monday, 23:59 in Paris
    ("2026-11-24T21:59", False), ("2026-11-24T22:00", True),  # Tuesday 23:00 in Paris
    ("2026-11-25T00:59", True), ("2026-11-25T01:00", False),  # Wednesday 02:00
    ("2026-11-28T22:30", True),  # Saturday
    ("2026-11-29T00:30", True), ("2026-11-29T22:30", False),  # Sunday's small hours are Saturday's night
    ("2026-07-14T21:00", True), ("2026-07-14T20:59", False),  # summer time
])
def test_a_weekly_window_comes_by_the_clock_of_its_zone_and_may_pass_midnight(moment: str, holds: bool) -> None:
    one = Silence(1, "maintenance", '{rule="x"}', 0, None, "me", "", ("tue", "sat"), "23:00", "02:00", "Europe/Paris")
    assert one.active(at(moment)) is holds


def test_a_window_within_a_day_holds_on_its_days_only() -> None:
    end = at("2026-12-01T00:00")
    one = Silence(1, "maintenance", '{rule="x"}', 0, end, "me", "", ("fri",), "09:00", "17:00", "UTC")
    assert one.active(at("2026-11-27T09:00")) and not one.active(at("2026-11-27T17:00"))
    assert not one.active(at("2026-11-26T10:00")) and not one.active(at("2026-12-04T10:00"))


def of(name: str, **more: object) -> object:
    one = rule(id=name, name=name, **more)
    info = SeriesInfo("load_ratio", (("model", "llama"), ("unit", "a")), "ratio", "gauge", "")
    return begun(one, info, 1, name, 0.8, 0.0)


@pytest.mark.parametrize(("matchers", "meant"), [
    ('{rule="busy"}', True), ('{rule=~"bu.*",unit="a"}', True), ('{severity="critical"}', False),
    ('{server="1",category="system_alert"}', True), ('{unit!="a"}', False), ("load_ratio", True),
    ('{series="load_ratio{model=\\"llama\\",unit=\\"a\\"}"}', True),
])
def test_matchers_see_the_labels_of_the_series_and_those_of_every_alert(matchers: str, meant: bool) -> None:
    one = Silence(7, "silence", matchers, 0, 10, "me")
    assert silenced(of("busy"), [one], 5) == ("silence:7" if meant else "")  # type: ignore[arg-type]
    assert silenced(of("busy"), [one], 10) == ""  # type: ignore[arg-type]


def test_shipped_inhibitions_mute_by_type_and_equal_labels() -> None:
    crashed, slow = of("c", type="MODEL_CRASHED", category="model_failure"), of("s", type="HIGH_LATENCY",
                                                                               category="model_failure")
    muting = Inhibitor(INHIBITIONS, [crashed, slow])  # type: ignore[list-item]
    assert muting.of(slow) == "inhibited:c" and muting.of(crashed) == ""  # type: ignore[arg-type]
    assert Inhibitor(INHIBITIONS, [slow]).of(slow) == ""  # type: ignore[list-item, arg-type]
    fast, burns = of("objective_burn_fast"), of("objective_burn")
    muting = Inhibitor(INHIBITIONS, [burns, fast])  # type: ignore[list-item]
    assert muting.of(burns) == "inhibited:objective_burn_fast" and muting.of(fast) == ""  # type: ignore[arg-type]


def test_a_slow_model_is_told_once_where_a_proxy_and_its_engine_tell_it() -> None:
    def slow(rule: str = "high_latency", **labels: str) -> Alert:
        alert: Alert = of(rule)  # type: ignore[assignment]
        return replace(alert, fingerprint=str(labels), labels={"server": "box", "model": "m", **labels})

    measured, told = slow(proxy="lmstudio"), slow(engine="vllm")
    muting = Inhibitor(INHIBITIONS, [measured, told])
    assert muting.of(told) == "inhibited:high_latency" and muting.of(measured) == ""
    assert Inhibitor(INHIBITIONS, [told]).of(told) == ""
    assert muting.of(slow("high_error_rate", engine="vllm")) == ""
    assert muting.of(replace(told, labels={**told.labels, "model": "other"})) == ""


def test_messages_fill_their_places_and_leave_what_they_do_not_know() -> None:
    assert fill("{a} {b} {c", {"a": "1"}) == "1 {b} {c"
    told = of("busy", message="{what}/{unit}: {value} > {limit}")
    assert message(told, str, lambda v, u: f"{v} {u}", "Load") == "Load/a: None ratio > 0.8 ratio"  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "said"), [(0.9, 0.9), (0.7, 0.95), (None, 0.95)])
def test_an_alert_that_waits_to_be_over_says_its_worst_and_not_what_it_came_down_to(value: float, said: float) -> None:
    told = replace(of("busy", message="{value}"), value=value, peak=0.95)  # type: ignore[type-var]
    assert message(told, str, lambda v, u: f"{v}", "Load") == str(said)  # type: ignore[arg-type]


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.id)
def test_the_docs_tell_every_shipped_rule_as_it_is(one: object) -> None:
    text = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    row = next((line for line in text.splitlines() if line.startswith(f"| `{one.id}` |")), "")  # type: ignore[attr-defined]
    limit = f"`{one.threshold_from}`" if one.threshold_from else f"{one.threshold:g}"  # type: ignore[attr-defined]
    for part in (one.type or "–", one.severity, f"{one.comparison} {limit} |", f"| {one.for_seconds:g} s |"):  # type: ignore[attr-defined]
        assert part in row
