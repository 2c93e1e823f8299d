"""``/api/alerts/silences`` and ``/api/alerts/inhibitions``: what keeps alerts from being told."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from alerts.muting import Inhibition, Silence
from api.alert_answers import answered
from api.alert_models import AlertFact
from api.alerts import of_alert
from api.models import Closed, Parameters
from api.problems import described, field_problem
from api.wire import When, json_response
from components.links import href
from components.view_rules import person
from security.audit import record
from security.permissions import requires
from services import vigie

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Matchers = Annotated[str, Field(max_length=1000, examples=['{rule="high_cpu",server="1"}'], description=(
    "A selector over an alert's labels: those of its series, and rule, type, severity, category, server, metric, series"
))]


class SilencesQuery(Parameters):
    over: bool = Field(False, description="Also those that ended in the last 30 days")


class SilencePath(Parameters):
    silence: Annotated[int, Field(ge=1, le=2**31 - 1, description="Id of a silence")]


class NewSilence(Closed):
    kind: Literal["silence", "maintenance"] = "silence"
    matchers: Matchers
    start: When | None = Field(None, description="Now when absent")
    end: When | None = Field(None, description="Absent only for a maintenance window that comes weekly")
    days: list[Day] = Field(default_factory=list, max_length=7, description="Of a maintenance window that comes weekly")
    from_time: str = Field("", max_length=5, description="HH:MM, with days")
    to_time: str = Field("", max_length=5, description="HH:MM; before from_time: of the day after")
    timezone: str = Field("UTC", max_length=64, description="Of these times")
    comment: str = Field("", max_length=2000)


class SilenceChange(Closed):
    """What is to change; the rest stays."""

    matchers: Matchers | None = None
    start: When | None = None
    end: When | None = None
    days: list[Day] | None = Field(None, max_length=7)
    from_time: str | None = Field(None, max_length=5)
    to_time: str | None = Field(None, max_length=5)
    timezone: str | None = Field(None, max_length=64)
    comment: str | None = Field(None, max_length=2000)


class PreviewQuery(Parameters):
    matchers: str = Field(max_length=1000, description="As of a silence")


class MutedAnswer(BaseModel):
    data: list[AlertFact] = Field(description="Alerts that fire or hold now and that a silence with these would mute")


class SilenceFact(BaseModel):
    """A silence or a maintenance window. Times are epoch milliseconds."""

    id: int
    kind: Literal["silence", "maintenance"]
    matchers: str
    start: int
    end: int | None
    days: list[Day]
    from_time: str
    to_time: str
    timezone: str
    by: str
    comment: str
    created: int
    ended_by: str
    state: Literal["active", "waiting", "over"]
    alerts: int = Field(description="Alerts that it mutes now")


class SilencesAnswer(BaseModel):
    data: list[SilenceFact]


class InhibitionPath(Parameters):
    inhibition: str = Field(pattern=r"^[a-z0-9_]{1,32}$", description="Name of a shipped one, or number of one's own")


class InhibitionNumber(Parameters):
    inhibition: Annotated[int, Field(ge=1, le=2**31 - 1, description="Number of one's own")]


class NewInhibition(Closed):
    name: str = Field(min_length=1, max_length=200)
    source: Matchers
    target: Matchers
    equal: list[str] = Field(default_factory=list, max_length=16, description="Labels that must be the same")
    enabled: bool = True


class InhibitionSwitch(Closed):
    enabled: bool


class InhibitionFact(BaseModel):
    id: str
    name: str = Field(description="Of a shipped one in the asker's language")
    source: str
    target: str
    equal: list[str]
    enabled: bool
    shipped: bool


class InhibitionsAnswer(BaseModel):
    data: list[InhibitionFact]


def of_silence(one: Silence) -> dict[str, Any]:
    """A silence as `SilenceFact`."""
    now = time.time()
    state = "over" if one.over(now) else "active" if one.active(now) else "waiting"
    muted = sum(alert.muted == f"silence:{one.id}" for alert in vigie().alerts.active()) if state == "active" else 0
    return {
        "id": one.id, "kind": one.kind, "matchers": one.matchers, "start": round(one.start * 1000),
        "end": None if one.end is None else round(one.end * 1000), "days": list(one.days),
        "from_time": one.from_time, "to_time": one.to_time, "timezone": one.timezone, "by": one.by,
        "comment": one.comment, "created": round(one.created * 1000), "ended_by": one.ended_by, "state": state,
        "alerts": muted,
    }


def of_inhibition(one: Inhibition) -> dict[str, Any]:
    """An inhibition as `InhibitionFact`."""
    return {
        "id": one.shipped or str(one.id), "name": _(one.name) if one.shipped else one.name, "source": one.source,
        "target": one.target, "equal": list(one.equal), "enabled": one.enabled, "shipped": bool(one.shipped),
    }


MISSING: dict[str | int, Any] = {404: described("There is none such, or it is over")}


def _audited(one: Silence) -> dict[str, Any]:
    return {"matchers": one.matchers, "start": one.start, "end": one.end, "days": list(one.days),
            "from_time": one.from_time, "to_time": one.to_time, "timezone": one.timezone, "comment": one.comment}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/alerts/silences", summary="Silences and maintenance windows", responses={200: SilencesAnswer})
    @requires("alerts:view")
    def silences_list(query: SilencesQuery) -> Response:
        return json_response({"data": [of_silence(one) for one in vigie().alerts.silences.all(over=query.over)]})

    @bp.get("/alerts/silences/preview", summary="Which alerts a silence would mute now", responses={200: MutedAnswer})
    @requires("alerts:view")
    def silences_preview(query: PreviewQuery) -> Response:
        with answered():
            found = vigie().alerts.silences.meant(query.matchers, vigie().alerts.active())
        return json_response({"data": [of_alert(one) for one in found]})

    @bp.post("/alerts/silences", summary="Silence alerts for a while", responses={201: SilenceFact})
    @requires("alerts:silence")
    def silences_add(body: NewSilence) -> Response:
        now = time.time()
        with answered():
            one = vigie().alerts.silences.add(Silence(
                0, body.kind, body.matchers, now if body.start is None else body.start, body.end, person().name,
                body.comment.strip(), tuple(body.days), body.from_time, body.to_time, body.timezone,
            ))
        record(f"alert.{one.kind}.add", str(one.id), after=_audited(one))
        response = json_response(of_silence(one), 201)
        response.headers["Location"] = href(f"/api/alerts/silences/{one.id}")
        return response

    @bp.put("/alerts/silences/<int:silence>", summary="Change a silence that is not over", responses={
        200: SilenceFact, **MISSING,
    })
    @requires("alerts:silence")
    def silences_change(path: SilencePath, body: SilenceChange) -> Response:
        changes = body.model_dump(exclude_unset=True)
        if not changes:
            raise field_problem("body", None, "give at least one field of the silence")
        for name in changes:
            if changes[name] is None and name != "end":
                raise field_problem(name, None, "has a value")
        if "days" in changes:
            changes["days"] = tuple(changes["days"])
        silences = vigie().alerts.silences
        with answered():
            before = silences.get(path.silence)
            after = silences.change(path.silence, changes)
        record(f"alert.{after.kind}.change", str(after.id), before=_audited(before), after=_audited(after))
        return json_response(of_silence(after))

    @bp.delete("/alerts/silences/<int:silence>", summary="End a silence now", responses={204: None, **MISSING})
    @requires("alerts:silence")
    def silences_end(path: SilencePath) -> Response:
        with answered():
            one = vigie().alerts.silences.end(path.silence, person().name)
        record(f"alert.{one.kind}.end", str(one.id), before={"matchers": one.matchers})
        return Response(status=204)

    @bp.get("/alerts/inhibitions", summary="Which alerts mute which", responses={200: InhibitionsAnswer})
    @requires("alerts:view")
    def inhibitions_list() -> Response:
        return json_response({"data": [of_inhibition(one) for one in vigie().alerts.silences.inhibitions()]})

    @bp.post("/alerts/inhibitions", summary="Have alerts mute others", responses={201: InhibitionFact})
    @requires("alerts:edit")
    def inhibitions_add(body: NewInhibition) -> Response:
        with answered():
            one = vigie().alerts.silences.add_inhibition(Inhibition(
                0, body.name, body.source, body.target, tuple(body.equal), body.enabled,
            ))
        record("alert.inhibition.add", str(one.id), after=of_inhibition(one))
        return json_response(of_inhibition(one), 201)

    @bp.put("/alerts/inhibitions/<inhibition>", summary="Switch an inhibition on or off", responses={
        200: InhibitionFact, **MISSING,
    })
    @requires("alerts:edit")
    def inhibitions_switch(path: InhibitionPath, body: InhibitionSwitch) -> Response:
        with answered():
            one = vigie().alerts.silences.switch_inhibition(path.inhibition, body.enabled)
        record("alert.inhibition.change", path.inhibition, after={"enabled": body.enabled})
        return json_response(of_inhibition(one))

    @bp.delete("/alerts/inhibitions/<inhibition>", summary="Delete an inhibition of one's own", responses={
        204: None, **MISSING,
    })
    @requires("alerts:edit")
    def inhibitions_delete(path: InhibitionNumber) -> Response:
        with answered():
            vigie().alerts.silences.delete_inhibition(path.inhibition)
        record("alert.inhibition.delete", str(path.inhibition))
        return Response(status=204)
