"""A chart's window when its panel asks for it, on every page that holds charts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dash import MATCH, ClientsideFunction, Dash, Input, Output, no_update
from flask_babel import gettext as _

from callbacks import drawings, embedded, requires, statistics
from components import charts, ids, states, timebar
from components.chartspecs import DEFAULT_WINDOW, WINDOWS, ChartSpec, find, fitting
from components.drawings import Drawing, drawing_of, spec_of
from components.sentences import sentence
from components.theme import Theme
from metrics.series import Selection, SeriesInfo
from metrics.status import SourceStatus
from services import Vigie, vigie

MINUTE = 60.0
"""Seconds of the finest step that is no raw sample."""
SECOND_READING = 10.0
"""Seconds within which a source that answers has been read twice: shares and rates come with the second reading."""


@dataclass(frozen=True, slots=True)
class Want:
    """What a panel asks for, checked: times in epoch seconds."""

    spec: ChartSpec
    n: int
    start: float
    end: float
    points: int
    theme: Theme
    drawing: Drawing | None = None
    """What is drawn, when it is none of Vigie's own charts."""
    stats: bool = False
    """The table of statistics is open."""
    only: bool = False
    """Only the statistics are asked for: the chart goes on by itself."""


def read_want(asked: Mapping[str, Any] | None, now: float) -> Want | None:
    """The wish of a panel; None when it is not one (it comes from the browser: nothing in it is trusted)."""
    if not isinstance(asked, Mapping):
        return None
    chart = str(asked.get("chart", ""))
    drawing = drawing_of(chart)
    spec = spec_of(drawing) if drawing else find(chart)
    if spec is None:
        return None
    start, end = timebar.zoom_of(asked.get("start"), asked.get("end"))
    span = WINDOWS.get(str(asked.get("window", "")), WINDOWS[DEFAULT_WINDOW])
    number, points = asked.get("n"), asked.get("points")
    return Want(
        spec, number if isinstance(number, int) else 0,
        now - span if start is None else start / 1000, now if end is None else end / 1000,
        min(max(points, 100), 4000) if isinstance(points, int) else 1000,
        "light" if asked.get("theme") == "light" else "dark", drawing, bool(asked.get("stats")),
        asked.get("only") == "stats",
    )


def load(asked: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """A chart's figure for the page's script, and what its panel says when there is nothing to draw."""
    services = vigie()
    now = services.latest.at or time.time()
    want = read_want(asked, now)
    if want is None:
        return no_update, no_update
    want = embedded.within(want, now)
    answer = {
        "chart": want.spec.id, "n": want.n, "state": "ok", "start": round(want.start * 1000),
        "end": round(want.end * 1000), "last": round(services.latest.at * 1000), "figure": None, "problem": "",
    }
    if want.only:
        answer["only"] = "stats"
    if want.drawing is not None:
        answer, panel = drawings.draw(services, want, want.drawing, answer)
        return (answer | {"figure": None}, no_update) if want.only else (answer, panel)
    infos = services.latest.infos()
    spec = fitting(want.spec, infos)
    if want.stats:
        answer |= _statistics(services, want, spec)
    if want.only:
        return answer, no_update
    if spec.kind == "bars":
        answer["figure"] = _bars(services, want)
    elif not (spec.needs and services.latest.value(spec.needs) == 0):
        points = want.points if spec.kind == "lines" else None
        selection = _select(services, spec, want, points)
        answer["problem"] = sentence(selection.problems[0]) if selection.problems else ""
        found = [s for s in selection.series if len(s.t)]
        if found:
            answer["figure"] = charts.draw(spec, found, want.start, want.end, want.theme, selection.step, want.points)
    if answer["figure"] is not None:
        newest = services.latest.present(frozenset(line.name for line in spec.lines))
        answer["text"] = charts.summary(spec, newest) if embedded.shows_now() else ""
        return answer, None
    # The series whose first value makes the panel ask again; none where there is nothing to come.
    answer["keys"] = [] if spec.needs else [i.key for i in infos if charts.line_of(spec, i) is not None]
    source = _source(services, spec.source)
    if source.state == "ok" and services.latest.at - source.since < SECOND_READING and not answer["keys"]:
        source = SourceStatus(spec.source)  # pending, as far as this chart goes
    answer["state"], panel = _nothing(spec, source, bool(answer["keys"]))
    return answer, panel


def _statistics(services: Vigie, want: Want, spec: ChartSpec) -> dict[str, Any]:
    """Statistics of one of Vigie's own charts, in the order of its legend; the page knows its colours."""
    known = services.query.series(spec.matchers) if spec.kind != "bars" else []
    whole = statistics.whole(services.query, known, want.start, want.end)
    found = statistics.rows(
        [(one, name, "") for one, _line, name in charts.ordered(spec, list(whole))], want.start, want.end,
    )
    return {"stats": found, "stats_head": statistics.head(), "stats_note": statistics.note(found)}


def _select(services: Vigie, spec: ChartSpec, want: Want, points: int | None) -> Selection:
    """What the window holds; where the past is kept coarser than the window is wide, what lies around it too: lines
    then cross it, instead of a point or nothing."""
    found = services.query.select(spec.matchers, want.start, want.end, points)
    # A link to the past gives nothing around it.
    around = 2 * found.step
    narrow = found.step >= MINUTE and want.end - want.start < 2 * around
    if narrow and spec.kind in ("lines", "stacked") and embedded.shows_now():
        return services.query.select(spec.matchers, want.start - around, want.end + around, points)
    return found


def _bars(services: Vigie, want: Want) -> dict[str, Any] | None:
    line = want.spec.lines[0]
    values = services.latest.present(frozenset({line.name}))
    if not values:
        return None
    totals: dict[str, tuple[float, float]] = {}
    for info, _value in values:
        pair = [services.latest.value(SeriesInfo(n, info.labels, "bytes", "gauge", "").key) for n in
                ("disk_volume_used_bytes", "disk_volume_total_bytes")]
        if pair[0] is not None and pair[1] is not None:
            totals[charts.label_of(line, info)] = (pair[0], pair[1])
    limits = services.latest.limits
    return charts.bars(want.spec, values, totals, (limits.disk_warning / 100, limits.disk_critical / 100), want.theme)


def _source(services: Vigie, name: str) -> SourceStatus:
    return next((s for s in services.sources() if s.name == name), SourceStatus(name))


def _nothing(spec: ChartSpec, source: SourceStatus, known: bool) -> tuple[str, Any]:
    """State of a panel without a figure, and its words."""
    if source.state == "failed":
        return "failed", states.failed(_("Not readable now"), sentence(source.message))
    if source.state == "no_data":
        return "no_data", states.no_data(_("Not on this machine"), sentence(source.message))
    if source.state == "pending":
        return "loading", states.loading(f"{spec.height}px")
    if known:
        return "no_data", states.no_data(
            _("Nothing recorded"), _("There are no values in this window of time."), _("Choose another window."),
        )
    if spec.needs:
        return "no_data", states.no_data(_("Not in use"), _("This machine has none."))
    return "no_data", states.no_data(_("Not on this machine"), _("This machine does not report these values."))


def register(app: Dash) -> None:
    """Registers what every chart needs."""
    part = lambda kind: ids.chart(kind, MATCH)  # noqa: E731 - one word for the pattern, five times below
    app.callback(
        Output(part(ids.CHART_DATA), "data"), Output(part(ids.CHART_STATE), "children"),
        Input(part(ids.CHART_WANT), "data"), prevent_initial_call=True,
    )(requires("dashboard:view", embedded.CHARTS)(load))
    app.clientside_callback(
        ClientsideFunction("vigie", "adopt"), Output(part(ids.CHART_WANT), "data"), Input(part(ids.CHART_SLOT), "id"),
    )
    app.clientside_callback(
        ClientsideFunction("vigie", "answered"), Output(part(ids.CHART_SLOT), "children"),
        Input(part(ids.CHART_DATA), "data"), prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("vigie", "enter"), Output(ids.TIME_ENTERED, "data"), Input(ids.TIME_VIEW, "data"),
    )
