"""A model's page: its requests beside another model's, or those of another time."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from dash import Dash, Input, Output, State
from flask_babel import get_timezone

from analysis.compare import MEASURES, Measure
from callbacks import requires
from callbacks.model_view import MOST_SECONDS, shown_model, unread, window_of
from components import ids, model_compare
from components.model_compare import BEFORE, LAST_WEEK, NONE, OWN, SAME_TIME, YESTERDAY, Shown
from services import vigie
from storage.errors import StorageError

DAY = 86_400.0


def compare(
    other: Any, against: Any, measure: Any, since: Any, until: Any, span: Any, view: Any,
) -> tuple[Any, bool]:
    """The comparison that was chosen, and whether the fields of a span of one's own are hidden."""
    row = shown_model(view)
    if row is None:
        return model_compare.hint(), True
    hidden = against != OWN
    server, model = model_compare.named(other) or (row.server, row.name)
    elsewhere = (server, model) != (row.server, row.name)
    if against == NONE or against not in model_compare.WINDOWS:
        if not elsewhere:
            return model_compare.hint(), hidden
        against = SAME_TIME
    start, end = window_of(span)
    window = other_window(against, start, end, since, until)
    if window is None:
        return model_compare.no_span(), hidden
    try:
        sides = [
            Shown(name, place, first, last, vigie().serving.compared(place, name, first, last))
            for place, name, (first, last) in ((row.server, row.name, (start, end)), (server, model, window))
        ]
    except StorageError as error:
        return unread(error), hidden
    shown: Measure = measure if measure in MEASURES else "ttft"
    return model_compare.compared(sides[0], sides[1], shown, time.time()), hidden


def other_window(
    against: str, start: float, end: float, since: Any, until: Any,
) -> tuple[float, float] | None:
    """The window of the other side, epoch seconds; None where the span of one's own is none."""
    if against == OWN:
        first, last = _local(since), _local(until)
        good = first is not None and last is not None and first < last
        return (first, min(last, first + MOST_SECONDS)) if good else None  # type: ignore[operator, return-value, type-var]
    back = {SAME_TIME: 0.0, BEFORE: end - start, YESTERDAY: DAY, LAST_WEEK: 7 * DAY}[against]
    return start - back, end - back


def _local(given: Any) -> float | None:
    """A time as the field gives it, in the reader's zone."""
    try:
        at = datetime.fromisoformat(given)
        return (at if at.tzinfo else at.replace(tzinfo=get_timezone())).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def register(app: Dash) -> None:
    """Registers the callback of the comparison."""
    app.callback(
        Output(ids.MODELS_COMPARED, "children"), Output(ids.MODELS_OWN_SPAN, "hidden"),
        Input(ids.MODELS_WITH, "value"), Input(ids.MODELS_AGAINST, "value"), Input(ids.MODELS_MEASURE, "value"),
        Input(ids.MODELS_SINCE, "value"), Input(ids.MODELS_UNTIL, "value"), Input(ids.MODELS_SPAN, "data"),
        State(ids.TIME_VIEW, "data"),
    )(requires("requests:view")(compare))
