"""``/api/views``: saved views, and the files that carry them from one Vigie to another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import orjson
from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.models import Closed, Parameters
from api.problems import Problem, described, field_problem
from api.wire import json_response, raw_json
from components.links import href
from components.view_rules import chart_spec, own_spelling, person
from desk.views import (
    FILE_TYPE,
    LONGEST_NAME,
    MOST_VIEWS,
    Name,
    TooManyViews,
    View,
    ViewBody,
    ViewChanged,
    ViewMissing,
    ViewNotYours,
    stamp,
)
from security import audit
from security.permissions import requires
from services import vigie

_UNSAFE = re.compile(r"[^\w.-]+")


class Body(ViewBody):
    """What a view shows; every chart is one that this Vigie can draw."""

    @field_validator("charts")
    @classmethod
    def _known(cls, charts: list[str]) -> list[str]:
        for chart in charts:
            if chart_spec(chart) is None:
                raise ValueError(
                    f"{chart[:80]!r} is no chart: give the id of one of Vigie's own such as cpu or gpu-power:0, "
                    "or a drawing such as q:cpu_usage_ratio"
                )
        return [own_spelling(chart) for chart in charts]


class NewView(Closed):
    """A new view; an exported file is one too."""

    type: Literal["vigie-view"] | None = Field(None, description="Stands in an exported file")
    name: Name
    shared: bool = Field(False, description="Everybody who may sign in sees it")
    pinned: bool = Field(False, description="On the overview: of everybody when it is shared, else of its owner")
    body: Body


class ViewChange(Closed):
    """What is to change; the rest stays."""

    name: Name | None = None
    shared: bool | None = None
    pinned: bool | None = None
    body: Body | None = None
    changed: int | None = Field(
        None, description="The view's changed as it was read: 409 if somebody changed it since. Without it this wins",
    )


class ViewCopy(Closed):
    name: Name


class ViewPath(Parameters):
    view: Annotated[int, Field(ge=1, le=2**31 - 1, description="Id of a view")]


class ViewAnswer(BaseModel):
    """A saved view. Times are epoch milliseconds."""

    id: int
    name: str
    owner: str
    mine: bool
    editable: bool = Field(description="It may be changed by who asks")
    shared: bool
    pinned: bool
    created: int
    changed: int
    body: ViewBody


class ViewsAnswer(BaseModel):
    """The views one may see, by name."""

    data: list[ViewAnswer]


class ViewFile(BaseModel):
    """A view as a file."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["vigie-view"]
    name: str
    body: ViewBody


def as_json(view: View) -> dict[str, Any]:
    """A view as the API writes it, for who asks."""
    who = person()
    return {
        "id": view.id, "name": view.name, "owner": view.owner, "mine": view.owner_id == who.id,
        "editable": view.owned_by(who), "shared": view.shared, "pinned": view.pinned, "created": stamp(view.created),
        "changed": stamp(view.changed), "body": view.body.model_dump(by_alias=True),
    }


@contextmanager
def _answered() -> Iterator[None]:
    """What the store refuses, as the answers of these routes.

    Raises:
        Problem: 404, 403 or 409.
    """
    try:
        yield
    except ViewMissing:
        raise Problem(404, _("There is no such view, or it is somebody’s private one.")) from None
    except ViewNotYours:
        raise Problem(403, _("Only its owner or an administrator may change this view.")) from None
    except ViewChanged as clash:
        raise Problem(
            409, _("Somebody changed “%(name)s” in the meantime. Load it again, then make your change.",
                   name=clash.view.name),
        ) from None
    except TooManyViews:
        raise Problem(
            409, _("One may keep %(count)s views. Delete one that is not needed any more.", count=MOST_VIEWS),
        ) from None


def _created(view: View) -> Response:
    response = json_response(as_json(view), 201)
    response.headers["Location"] = href(f"/api/views/{view.id}")
    return response


Answers = dict[str | int, type[BaseModel] | dict[Any, Any] | None]
MISSING: Answers = {404: described("There is no such view, or it is somebody's private one")}
CLASH: Answers = {409: described("Somebody changed it in the meantime, or one has as many views as one may have")}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/views", summary="Saved views: one's own and shared ones", responses={200: ViewsAnswer})
    @requires("metrics:read")
    def views_list() -> Response:
        return json_response({"data": [as_json(view) for view in vigie().views.visible(person())]})

    @bp.post("/views", summary="Save a view, or import a file", responses={201: ViewAnswer, **CLASH})
    @requires("views:edit")
    def views_create(body: NewView) -> Response:
        with _answered():
            return _created(vigie().views.create(
                person(), body.name, body.body, shared=body.shared, pinned=body.pinned,
            ))

    @bp.get("/views/<int:view>", summary="A saved view", responses={200: ViewAnswer, **MISSING})
    @requires("metrics:read")
    def views_get(path: ViewPath) -> Response:
        with _answered():
            return json_response(as_json(vigie().views.get(path.view, person())))

    @bp.put("/views/<int:view>", summary="Change a view", responses={200: ViewAnswer, **MISSING, **CLASH})
    @requires("views:edit")
    def views_change(path: ViewPath, body: ViewChange) -> Response:
        if not body.model_fields_set - {"changed"}:
            raise field_problem("body", None, "give at least one of name, shared, pinned, body")
        with _answered():
            return json_response(as_json(vigie().views.update(
                path.view, person(), name=body.name, body=body.body, shared=body.shared, pinned=body.pinned,
                changed=body.changed,
            )))

    @bp.delete("/views/<int:view>", summary="Delete a view", responses={204: None, **MISSING})
    @requires("views:edit")
    def views_delete(path: ViewPath) -> Response:
        with _answered():
            vigie().views.delete(path.view, person())
        return Response(status=204)

    @bp.post(
        "/views/<int:view>/copy", summary="A private copy of a view", responses={201: ViewAnswer, **MISSING, **CLASH},
    )
    @requires("views:edit")
    def views_copy(path: ViewPath, body: ViewCopy) -> Response:
        with _answered():
            return _created(vigie().views.copy(path.view, person(), body.name))

    @bp.get("/views/<int:view>/file", summary="A view as a file", responses={200: ViewFile, **MISSING})
    @requires("metrics:read")
    def views_file(path: ViewPath) -> Response:
        with _answered():
            view = vigie().views.get(path.view, person())
        audit.record("view.export", f"view {view.id} {view.name}")
        content = {"type": FILE_TYPE, "name": view.name, "body": view.body.model_dump(by_alias=True)}
        response = raw_json(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        name = _UNSAFE.sub("-", view.name)[:LONGEST_NAME].strip("-.") or str(view.id)
        response.headers.set("Content-Disposition", "attachment", filename=f"vigie-view-{name}.json")
        return response
