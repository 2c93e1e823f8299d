"""``/api/alerts/rules``: the rules, their trial on what is and on what was."""

from __future__ import annotations

import time
from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint

from alerts.rule import Rule, changed
from alerts.rulebook import RuleMissing
from alerts.service import Backtest, RuleStatus
from api.alert_answers import answered
from api.alert_rule_models import (
    BacktestAnswer,
    BacktestQuery,
    NewRule,
    RuleChange,
    RuleFact,
    RulePath,
    RulesAnswer,
    RuleTestAnswer,
    SuggestAnswer,
    SuggestQuery,
)
from api.problems import described, field_problem
from api.wire import json_response, number
from components.links import href
from components.sentences import sentence
from components.view_rules import person
from metrics.flat import iso
from security.audit import record
from security.permissions import requires
from services import vigie

DAY = 86400.0
LONGEST = 30 * DAY
MOST_SPANS = 500


def of_rule(status: RuleStatus, fired: dict[str, tuple[float, int]]) -> dict[str, Any]:
    """A rule and what it does now, as `RuleFact`."""
    entry = status.entry
    last, week = fired.get(entry.rule.id, (None, 0))
    return {
        **entry.rule.model_dump(mode="json"), "words": _(entry.rule.name), "shipped": entry.shipped,
        "changes": list(entry.changes), "changed": None if entry.changed is None else round(entry.changed * 1000),
        "changed_by": entry.changed_by, "threshold_now": number(status.limit),
        "resolve_threshold_now": number(status.resolve_limit),
        "series": status.series, "pending": status.pending, "firing": status.firing, "waiting": status.waiting,
        "problem": sentence(status.problem), "unit": status.unit,
        "last_fired": None if last is None else round(last * 1000), "fired_week": week,
    }


MISSING: dict[str | int, Any] = {404: described("There is no such rule")}


def _status(rule_id: str) -> dict[str, Any]:
    found = next((one for one in vigie().alerts.statuses() if one.entry.rule.id == rule_id), None)
    if found is None:
        raise RuleMissing
    return of_rule(found, _fired())


def _fired() -> dict[str, tuple[float, int]]:
    return vigie().alerts.fired(time.time() - 7 * DAY)


def candidate(query: BacktestQuery) -> tuple[Rule, Rule | None]:
    """The rule that a query means, and the one in force that it is compared with.

    Raises:
        RuleMissing, pydantic.ValidationError.
    """
    given = query.changes()
    if query.rule is not None:
        base = vigie().alerts.rulebook.get(query.rule).rule
        return changed(base, given), base
    return Rule.model_validate({"id": "candidate", "name": "candidate", **given}), None


def window(query: BacktestQuery) -> tuple[float, float]:
    """Start and end of what is looked at, epoch seconds.

    Raises:
        Problem: 400.
    """
    end = (vigie().latest.at or time.time()) if query.end is None else query.end
    start = end - DAY if query.start is None else query.start
    if not 0 < end - start <= LONGEST:
        raise field_problem("from", iso(start), "lies before to, and at most 30 days before it")
    return start, end


def _told(found: Backtest) -> dict[str, Any]:
    summary = found.summary
    every = zip(found.past.infos, found.spans, strict=True)
    spans = sorted(((*span, info.key) for info, one in every for span in one), key=lambda one: -one[0])
    return {
        "limit": number(found.limit), "alerts": summary.alerts, "seconds": number(summary.seconds),
        "longest_seconds": number(summary.longest),
        "spans": [
            {"series": key, "start": round(start * 1000), "end": None if stop is None else round(stop * 1000)}
            for start, stop, key in spans[:MOST_SPANS]
        ],
    }


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/alerts/rules", summary="The rules and what they do now", responses={200: RulesAnswer})
    @requires("alerts:view")
    def rules_list() -> Response:
        fired = _fired()
        return json_response({"data": [of_rule(one, fired) for one in vigie().alerts.statuses()]})

    @bp.post("/alerts/rules", summary="Add a rule of one's own", responses={201: RuleFact})
    @requires("alerts:edit")
    def rules_add(body: NewRule) -> Response:
        rule = Rule.model_validate(body.model_dump())
        with answered():
            vigie().alerts.rulebook.add(rule, person().name)
        record("alert.rule.add", rule.id, after=rule.model_dump(mode="json", exclude_defaults=True))
        response = json_response(_status(rule.id), 201)
        response.headers["Location"] = href(f"/api/alerts/rules/{rule.id}")
        return response

    @bp.get("/alerts/rules/<rule>", summary="A rule and what it does now", responses={200: RuleFact, **MISSING})
    @requires("alerts:view")
    def rules_one(path: RulePath) -> Response:
        with answered():
            return json_response(_status(path.rule))

    @bp.put("/alerts/rules/<rule>", summary="Change a rule; what is not given stays", responses={
        200: RuleFact, **MISSING,
    })
    @requires("alerts:edit")
    def rules_change(path: RulePath, body: RuleChange) -> Response:
        changes = body.model_dump(exclude_unset=True)
        if not changes:
            raise field_problem("body", None, "give at least one field of the rule")
        with answered():
            before = vigie().alerts.rulebook.get(path.rule).rule
            after = vigie().alerts.rulebook.change(path.rule, changes, person().name).rule
            was, is_now = before.model_dump(mode="json"), after.model_dump(mode="json")
            differs = [name for name in was if was[name] != is_now[name]]
            record("alert.rule.change", path.rule, before={n: was[n] for n in differs},
                   after={n: is_now[n] for n in differs})
            return json_response(_status(path.rule))

    @bp.delete("/alerts/rules/<rule>", summary="Delete a rule of one's own", responses={204: None, **MISSING})
    @requires("alerts:edit")
    def rules_delete(path: RulePath) -> Response:
        with answered():
            rule = vigie().alerts.rulebook.delete(path.rule)
        record("alert.rule.delete", path.rule, before=rule.model_dump(mode="json", exclude_defaults=True))
        return Response(status=204)

    @bp.post("/alerts/rules/<rule>/reset", summary="Take a rule back to how Vigie comes with it", responses={
        200: RuleFact, **MISSING,
    })
    @requires("alerts:edit")
    def rules_reset(path: RulePath) -> Response:
        with answered():
            before = vigie().alerts.rulebook.get(path.rule)
            vigie().alerts.rulebook.reset(path.rule)
            record("alert.rule.reset", path.rule, before={"changes": list(before.changes)})
            return json_response(_status(path.rule))

    @bp.post("/alerts/rules/test", summary="What a rule, kept or not, sees now", responses={200: RuleTestAnswer})
    @requires("alerts:edit")
    def rules_test(body: NewRule) -> Response:
        with answered():
            seen = vigie().alerts.try_rule(Rule.model_validate(body.model_dump()))
        return json_response({"data": [
            {"series": one.series, "unit": one.unit, "value": number(one.value), "holds": one.holds} for one in seen
        ]})

    @bp.get("/alerts/backtest", summary="When a rule would have fired", responses={200: BacktestAnswer, **MISSING})
    @requires("alerts:view")
    def rules_backtest(query: BacktestQuery) -> Response:
        """The rule ``rule`` with the changes given, beside that rule as it is; or one made of what is given alone."""
        alerts, began = vigie().alerts, time.perf_counter()
        start, end = window(query)
        with answered():
            rule, today = candidate(query)
            found = alerts.backtest(rule, start, end)
            before = alerts.backtest(today, start, end) if today is not None and query.today else None
        return json_response({
            "from": iso(start), "to": iso(end), "series": [info.key for info in found.past.infos],
            "left_out": found.past.left_out, "unit": found.past.infos[0].unit if found.past.infos else "",
            "candidate": _told(found), "today": _told(before) if before is not None else None,
            "milliseconds": number((time.perf_counter() - began) * 1000, 3),
        })

    @bp.get("/alerts/suggest", summary="A threshold out of the past", responses={200: SuggestAnswer, **MISSING})
    @requires("alerts:view")
    def rules_suggest(query: SuggestQuery) -> Response:
        """The threshold nearest to the usual values that would have given at most ``most`` alerts a day."""
        alerts = vigie().alerts
        start, end = window(query)
        with answered():
            rule, _today = candidate(query)
            found = alerts.suggest(rule, start, end, query.most)
        return json_response({
            "threshold": number(found.limit), "alerts": found.alerts, "days": number(found.days, 3), "most": found.most,
        })


