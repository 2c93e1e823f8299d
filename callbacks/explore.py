"""The explorer: an edit of its charts comes in as (list, action), the list after it goes out with the new charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, no_update

from callbacks import requires
from components import explore, ids
from components.drawings import MOST_CHARTS, parse
from components.explore_edits import EditError, Placed, apply, place, read
from services import vigie


def edit(asked: Mapping[str, Any] | None, slots: Sequence[Mapping[str, Any]]) -> tuple[list[Any], Any, Any]:
    """The charts after an edit that the page's script asks for (nothing in it is trusted): content for the slots that
    change, the new list, and what is wrong with an address that was gone back to."""
    nothing = [no_update] * len(slots)
    if not isinstance(asked, Mapping) or not isinstance(asked.get("action"), Mapping):
        return nothing, no_update, no_update
    find, action = vigie().query.series, asked["action"]
    current = _listed(asked.get("list"), lambda selector: find([selector]))
    said: Any = []
    try:
        if action.get("do") == "show":
            after, wrong = read(str(action.get("q", "")), lambda selector: find([selector]))
            said = explore.said(wrong)
        else:
            after = apply([parse(text) for _slot, text in current], action,
                          lambda selector: explore.labels_of(find, selector))
            wrong = read(";".join(drawing.text for drawing in after), lambda selector: find([selector]))[1]
            if wrong:
                return nothing, _state(asked, current, wrong[0].why), no_update
    except EditError as error:
        return nothing, _state(asked, current, str(error)), no_update
    placed = place(current, [drawing.text for drawing in after])
    before, now = dict(current), dict(placed)
    children: list[Any] = [
        no_update if before.get(n) == now.get(n) else explore.block(parse(now[n]), find) if n in now else []
        for n in (int(slot["n"]) for slot in slots)
    ]
    return children, _state(asked, placed, ""), said


def _state(asked: Mapping[str, Any], placed: Placed, error: str) -> dict[str, Any]:
    number = asked.get("n")
    return {"n": number if isinstance(number, int) else 0, "list": [list(pair) for pair in placed], "error": error}


def _listed(given: Any, known: Callable[[str], Any]) -> Placed:
    """The charts that the page says it has; what is no such pair, and a second one in a slot, is left out."""
    found: dict[int, str] = {}
    for pair in given if isinstance(given, list) else []:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], int) and isinstance(pair[1], str)):
            continue
        slot, text = pair
        if 0 <= slot < MOST_CHARTS and slot not in found:
            drawings, _wrong = read(text, known)
            if len(drawings) == 1 and drawings[0].text not in found.values():
                found[slot] = drawings[0].text
    return list(found.items())


def register(app: Dash) -> None:
    """Registers this page's callbacks."""
    app.callback(
        Output(ids.explore_slot(ALL), "children"), Output(ids.EXPLORE_STATE, "data"),
        Output(ids.EXPLORE_SAID, "children"),
        Input(ids.EXPLORE_ASK, "data"), State(ids.explore_slot(ALL), "id"), prevent_initial_call=True,
    )(requires("metrics:read")(edit))
    app.clientside_callback(
        ClientsideFunction("vigie", "explored"), Output(ids.EXPLORE_STATED, "data"),
        Input(ids.EXPLORE_STATE, "data"), prevent_initial_call=True,
    )
