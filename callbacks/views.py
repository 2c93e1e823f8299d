"""Saved views: the list and a view's head drawn anew after a change, and the turns of a wall screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, no_update

from callbacks import requires
from components import ids, view_page, views
from components.sentences import sentence
from components.view_rules import person
from desk.views import ViewMissing, stamp
from desk.wall import candidates, chosen_of, next_place
from security.permissions import allowed
from services import vigie
from storage.errors import StorageError


def cards(_changed: Any) -> Any:
    """The list, after something in it was changed."""
    who = person()
    try:
        return views.cards(vigie().views.visible(who), who, editable=allowed("views:edit"))
    except StorageError as error:
        return views.away(sentence(str(error)))


def head(asked: Mapping[str, Any] | None) -> Any:
    """Name and actions of the view that is shown, after it was pinned, shared or renamed."""
    view_id = _whole(asked.get("view")) if isinstance(asked, Mapping) else None
    if view_id is None:
        return no_update
    who = person()
    try:
        return view_page.head_children(vigie().views.get(view_id, who), who, editable=allowed("views:edit"))
    except (ViewMissing, StorageError):
        return no_update


def step(asked: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """The next view of a wall screen, and what the script is told about it. One that shows already is left alone;
    while the database is away nothing is answered, and the script asks again."""
    if not isinstance(asked, Mapping):
        return no_update, no_update
    shown, index, n = (_whole(asked.get(key)) for key in ("view", "index", "n"))
    by = asked.get("by")
    services = vigie()
    try:
        found = candidates(services.views, person(), chosen_of(asked.get("views")))
    except StorageError:
        return no_update, no_update
    number, flip = n or 0, asked.get("flip") is True
    if not found:
        turn = view_page.Turn(None, number, flip=not flip)
        return (no_update if shown is None else view_page.wall_body(turn)), turn.told(services.version)
    place = next_place(found, shown, index or 0, by if by in (-1, 0, 1) else 1)
    same = found[place].id == shown and stamp(found[place].changed) == asked.get("stamp")
    turn = view_page.Turn(found[place], number, place, len(found), flip if same else not flip)
    return (no_update if same else view_page.wall_body(turn)), turn.told(services.version)


def _whole(value: Any) -> int | None:
    """A number from the browser; None when it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def register(app: Dash) -> None:
    """Registers the callbacks of views."""
    look = requires("dashboard:view")
    app.callback(
        Output(ids.VIEWS_LIST, "children"), Input(ids.VIEWS_CHANGED, "data"), prevent_initial_call=True,
    )(look(cards))
    app.callback(
        Output(ids.VIEWS_HEAD, "children"), Input(ids.VIEWS_HEAD_CHANGED, "data"), prevent_initial_call=True,
    )(look(head))
    app.callback(
        Output(ids.WALL_BODY, "children"), Output(ids.WALL_SHOWN, "data"), Input(ids.WALL_STEP, "data"),
        prevent_initial_call=True,
    )(look(step))
    app.clientside_callback(
        ClientsideFunction("wall", "shown"), Output(ids.WALL_DRAWN, "data"), Input(ids.WALL_SHOWN, "data"),
    )
