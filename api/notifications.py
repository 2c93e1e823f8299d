"""``/api/notifications``: the bell, what each person has chosen, the delivery log, and tests of channels."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Literal

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field, ValidationError

from alerts import messages, trial
from alerts.language import Words
from alerts.notices import data
from alerts.outbox import Delivery
from alerts.people import Bell, Choices, Item
from alerts.sandbox import TemplateProblem
from api.models import Closed, Parameters
from api.problems import Problem, described, field_problem, in_order
from api.wire import When, json_response
from components import notice_words
from components.sentences import sentence
from config.dashboard import SEVERITIES, Channel, Severity
from config.secret import KEPT
from metrics.flat import iso
from security import audit
from security.identity import current_identity
from security.permissions import requires
from services import vigie

Kind = Literal["firing", "resolved"]
MISSING: dict[str | int, Any] = {404: described("There is no such channel or delivery")}


class BellItem(BaseModel):
    """One alert that began or ended, in words of the asker's language. Times are epoch milliseconds."""

    id: int
    unread: bool
    state: Kind
    kind: Literal["info", "warning", "error", "critical", "ok"]
    title: str
    text: str
    severity: str
    at: int
    alert: int
    href: str


class ChoicesBody(Closed):
    """How somebody is told in the page."""

    toasts: list[Severity] = Field(max_length=8, description="Severities that are shown as they happen")
    browser: bool = Field(description="By the browser, while the page is hidden")


class BellAnswer(BaseModel):
    unread: int = Field(description="Beginnings not seen yet; 100 stands for more than 99")
    newest: int = Field(description="Give it as upto when all has been read")
    choices: ChoicesBody
    data: list[BellItem]


class ReadBody(Closed):
    upto: int = Field(ge=0, le=2**31 - 1, description="Everything up to this one has been read")


class TestBody(Closed):
    """A channel as it would be; what is absent is that of the saved one."""

    channel: dict[str, Any] | None = Field(None, description="As in notifications.targets; its url may be ********")


class ChannelTestAnswer(BaseModel):
    """What the other side said. ``error`` is a sentence, empty when it took the message."""

    ok: bool
    status: int | None = Field(description="Of HTTP or SMTP")
    answer: str
    error: str
    seconds: float
    remarks: list[str] = Field(description="What is wrong with the channel's templates")


class PreviewBody(Closed):
    title: str = Field("", max_length=1000, description="Template of the title; empty: the usual one")
    body: str = Field("", max_length=10_000, description="Template of the text; empty: the usual one")
    timezone: str = Field("UTC", max_length=64)
    several: bool = Field(False, description="Of three alerts instead of one")


class PreviewAnswer(BaseModel):
    title: str
    text: str


class ChannelPath(Parameters):
    channel: str = Field(pattern="^[a-z][a-z0-9_-]{0,31}$", description="Name of a channel")


class DeliveryPath(Parameters):
    delivery: int = Field(ge=1, le=2**31 - 1, description="Id of a delivery")


class DeliveriesQuery(Parameters):
    channel: str = Field("", max_length=32)
    alert: int | None = Field(None, ge=0, le=2**31 - 1)
    state: Literal["", "waiting", "sending", "sent", "failed", "muted"] = ""
    start: When | None = Field(None, alias="from", description="Not before")
    end: When | None = Field(None, alias="to", description="Not after")
    before: int | None = Field(None, ge=1, le=2**62, description="Ids below this one: next of the answer before")
    limit: int = Field(50, ge=1, le=500)


class DeliveryRow(BaseModel):
    """One transition by one channel."""

    id: int
    channel: str
    state: Literal["waiting", "sending", "sent", "failed", "muted"]
    words: str = Field(description="The state in the asker's language")
    title: str
    text: str
    created: str
    done: str | None
    again: str | None = Field(description="When it is tried again")
    attempts: int
    key: str = Field(description="Idempotency key that is sent along; empty before it was tried")
    status: int | None
    answer: str
    error: str
    alert: dict[str, Any] = Field(description="As webhooks get it")


class DeliveriesAnswer(BaseModel):
    data: list[DeliveryRow]
    next: int | None = Field(description="Give it as before for older ones; null at the end")
    waiting: int
    oldest: str | None = Field(description="Since when the oldest waits")


def me() -> int:
    """The person who asks.

    Raises:
        Problem: 403, it is a program: those have no bell.
    """
    identity = current_identity()
    if identity is None or identity.kind != "user":
        raise Problem(403, _("Programs have no bell: ask /api/alerts."))
    return identity.id


def bell_item(item: Item) -> dict[str, Any]:
    """A line of the bell."""
    told = data(item.notice, "")
    words = notice_words.line(told)
    return {
        "id": item.id, "unread": item.unread, "state": item.notice.state, "at": told["at"], "alert": item.notice.alert,
        **words,
    }


def bell(found: Bell, choices: Choices) -> dict[str, Any]:
    """What a bell shows, as `BellAnswer`."""
    return {
        "unread": found.unread, "newest": found.newest, "data": [bell_item(item) for item in found.items],
        "choices": {"toasts": list(choices.toasts), "browser": choices.browser},
    }


def delivery_row(one: Delivery) -> dict[str, Any]:
    """A delivery, as `DeliveryRow`."""
    told = data(one.notice, "")
    words = notice_words.line(told)
    return {
        "id": one.id, "channel": one.channel, "state": one.state, "words": notice_words.delivery_state(one.state),
        "title": words["title"], "text": words["text"], "created": iso(one.created),
        "done": None if one.done is None else iso(one.done),
        "again": iso(one.retry) if one.state == "waiting" and one.retry else None,
        "attempts": one.attempts, "key": one.message, "status": one.status, "answer": one.answer,
        "error": notice_words.muted(one.error) if one.state == "muted" else sentence(one.error),
        "alert": messages.as_webhooks_get_it(one.notice, Words(vigie().config.current.notifications.language)),
    }


def as_it_would_be(name: str, given: dict[str, Any] | None) -> Channel:
    """A channel with what is given in place of what is saved.

    Raises:
        Problem: 400 names what is wrong, never with the URL; 404 there is none.
    """
    saved = vigie().config.current.notifications.targets.get(name)
    if given is None:
        if saved is None:
            raise Problem(404, _("There is no such channel."))
        return saved
    values = saved.model_dump(by_alias=True) if saved is not None else {}
    values |= given
    if given.get("url", KEPT) == KEPT:
        values["url"] = saved.url if saved is not None else ""
    try:
        return Channel.model_validate(values)
    except ValidationError as error:
        errors = [{
            "field": ".".join(map(str, one["loc"])) or "channel", "given": None,
            "allowed": one["msg"].removeprefix("Value error, "),
        } for one in error.errors(include_url=False, include_input=False, include_context=False)]
        raise Problem(400, "; ".join(f"{e['field']}: {e['allowed']}" for e in errors), errors) from None


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/notifications/bell", summary="The newest alerts, and how many were not seen", responses={200: BellAnswer})
    @requires("alerts:view")
    def notifications_bell() -> Response:
        user, people = me(), vigie().notified
        return json_response(bell(people.bell(user), people.choices(user)))

    @bp.post("/notifications/read", summary="Everything up to one alert has been read", responses={204: None})
    @requires("alerts:view")
    def notifications_read(body: ReadBody) -> Response:
        vigie().notified.read(me(), body.upto)
        return Response(status=204)

    @bp.put("/notifications/choices", summary="Choose how to be told in the page", responses={204: None})
    @requires("alerts:view")
    def notifications_choose(body: ChoicesBody) -> Response:
        toasts = tuple(one for one in SEVERITIES if one in body.toasts)
        vigie().notified.choose(me(), Choices(toasts, body.browser))
        return Response(status=204)

    @bp.get("/notifications/deliveries", summary="What was sent by which channel, newest first", responses={
        200: DeliveriesAnswer,
    })
    @requires("alerts:view")
    def notifications_deliveries(query: DeliveriesQuery) -> Response:
        in_order(query.start, query.end)
        outbox = vigie().delivery.outbox
        found = outbox.log(
            channel=query.channel, alert=query.alert, state=query.state, before=query.before, start=query.start,
            end=query.end, limit=query.limit,
        )
        depth = outbox.depth()
        return json_response({
            "data": [delivery_row(one) for one in found], "next": found[-1].id if len(found) == query.limit else None,
            "waiting": depth.waiting, "oldest": None if depth.oldest is None else iso(depth.oldest),
        })

    @bp.post("/notifications/deliveries/<int:delivery>/again", responses={204: None, **MISSING},
             summary="Send a message that was given up once more")
    @requires("config:edit")
    def notifications_again(path: DeliveryPath) -> Response:
        if not vigie().delivery.outbox.again(path.delivery, time.time()):
            raise Problem(404, _("There is no such delivery, or it was not given up."))
        audit.record("notifications.again", str(path.delivery))
        vigie().delivery.wake()
        return Response(status=204)

    @bp.post("/notifications/<channel>/test", summary="Send a real message by a channel", responses={
        200: ChannelTestAnswer, **MISSING,
    })
    @requires("config:edit")
    def notifications_test(path: ChannelPath, body: TestBody) -> Response:
        channel = as_it_would_be(path.channel, body.channel)
        made = trial.run(channel, vigie().config.current.notifications)
        audit.record(
            "notifications.test", path.channel, result="ok" if made.ok else "failed",
            after={"status": made.status, "error": made.error, "saved": body.channel is None},
        )
        return json_response(asdict(made) | {"error": sentence(made.error), "seconds": round(made.seconds, 3)})

    @bp.post("/notifications/preview", summary="What templates make of an example", responses={200: PreviewAnswer})
    @requires("config:edit")
    def notifications_preview(body: PreviewBody) -> Response:
        try:
            channel = Channel.model_validate({"timezone": body.timezone})
        except ValidationError:
            raise field_problem("timezone", body.timezone, "must look like Europe/Paris") from None
        found, settings = trial.sample(time.time(), body.several), vigie().config.current.notifications
        for field, source in (("title", body.title), ("body", body.body)):
            try:
                messages.preview(source if field == "title" else "", source if field == "body" else "", found, settings,
                                 channel.timezone)
            except TemplateProblem as error:
                said = _("line %(line)s: %(error)s", line=error.line, error=error) if error.line else str(error)
                raise field_problem(field, None, said) from None
        title, text = messages.preview(body.title, body.body, found, settings, channel.timezone)
        return json_response({"title": title, "text": text})
