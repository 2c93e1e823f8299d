"""What else moved: the search behind the page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, State, no_update
from flask_babel import gettext as _

from analysis.moved import Moved, search
from analysis.moved_plan import NoWindowError
from callbacks import requires
from components import ids, moved, moved_charts, moved_words, timebar
from components.sentences import sentence
from components.view_rules import chart_spec
from services import Vigie, vigie
from storage.errors import StorageError


def find(asked: Mapping[str, Any] | None) -> Any:
    """The answer for a window that the page asks about (nothing in it is trusted), or why there is none."""
    services = vigie()
    start, end = _window(asked)
    if asked is None or start is None or end is None:
        return moved.ask_first()
    began, now = time.perf_counter(), services.latest.at or time.time()
    try:
        found = search(services.query, services.query.series(), start, end, now)
    except NoWindowError as error:
        return moved.state("no_data", *moved_words.lack(error))
    except StorageError as error:
        return moved.state("failed", _("The history cannot be read now"), sentence(str(error)))
    seconds = time.perf_counter() - began
    infos = moved.shown(found)
    begin, until = moved_charts.span_of(found.plan, now)
    selection = services.query.select([i.key for i in infos], begin, until, moved_charts.POINTS) if infos else None
    drawn = {series.info.key: series for series in selection.series} if selection else {}
    return moved.answer(
        found, drawn, services.metric_sources, _own(services, asked), seconds=seconds, now=now,
        fifth=asked.get("part") == "fifth",
        problem=sentence(selection.problems[0]) if selection and selection.problems else "",
    )


def rank(wanted: Any, asked: Mapping[str, Any] | None) -> Any:
    """All series of the window as a list, when they are asked for."""
    start, end = _window(asked)
    if not wanted or start is None or end is None:
        return no_update
    services = vigie()
    now = services.latest.at or time.time()
    try:
        found: Moved = search(services.query, services.query.series(), start, end, now)
    except NoWindowError as error:
        return moved.state("no_data", *moved_words.lack(error))
    except StorageError as error:
        return moved.state("failed", _("The history cannot be read now"), sentence(str(error)))
    return moved.ranking(found, services.metric_sources, found.plan, now)


def _window(asked: Any) -> tuple[float | None, float | None]:
    if not isinstance(asked, Mapping):
        return None, None
    start, end = timebar.zoom_of(asked.get("from"), asked.get("to"))
    return (None, None) if start is None or end is None else (start / 1000, end / 1000)


def _own(services: Vigie, asked: Mapping[str, Any]) -> set[str]:
    """The series of the chart that was asked from."""
    chart = asked.get("chart")
    spec = chart_spec(chart) if isinstance(chart, str) and chart else None
    if spec is None:
        return set()
    try:
        return {info.key for info in services.query.series(moved.matchers(spec))}
    except ValueError:
        return set()


def register(app: Dash) -> None:
    """Registers this page's callbacks."""
    read = requires("metrics:read")
    app.callback(Output(ids.MOVED_RESULT, "children"), Input(ids.MOVED_ASK, "data"))(read(find))
    app.callback(
        Output(ids.MOVED_REST, "children"), Input(ids.MOVED_ALL, "data"), State(ids.MOVED_ASK, "data"),
        prevent_initial_call=True,
    )(read(rank))
