"""Alerts: the chart of each alert that fires; all else on that page is asked for over HTTP by its script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dash import ALL, Dash, Input, Output, State, no_update

from callbacks import requires
from components import ids, panels
from components.alerts_firing import MOST_CARDS
from components.drawings import Drawing, spec_of
from components.explore_selectors import kept
from services import vigie


def chart_of(series: Any, find: Callable[[list[str]], Sequence[Any]]) -> Any:
    """The panel of the chart of a series; nothing where there is no such series."""
    if not isinstance(series, str) or not 0 < len(series) < 1000:
        return []
    try:
        selectors, _rates = kept([series], find)
        return panels.chart_panel(spec_of(Drawing(tuple(selectors)))) if find(selectors) else []
    except ValueError:
        return []


def charts(asked: Mapping[str, Any] | None, slots: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The charts of the slots that are asked for; nothing in it is trusted."""
    wanted: dict[int, Any] = {}
    given = asked.get("list") if isinstance(asked, Mapping) else None
    for pair in given if isinstance(given, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], int) and 0 <= pair[0] < MOST_CARDS:
            wanted[pair[0]] = pair[1]
    find = vigie().query.series
    numbers = [slot.get("n") if isinstance(slot, Mapping) else None for slot in slots]
    return [chart_of(wanted[n], find) if isinstance(n, int) and n in wanted else no_update for n in numbers]


def register(app: Dash) -> None:
    """Registers this page's callbacks."""
    app.callback(
        Output(ids.alerts_slot(ALL), "children"), Input(ids.ALERTS_ASK, "data"), State(ids.alerts_slot(ALL), "id"),
        prevent_initial_call=True,
    )(requires("alerts:view")(charts))
