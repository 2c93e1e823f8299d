"""A model beside another, or beside its own past: the choice, the table, and both distributions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
from dash import html
from flask_babel import gettext as _

from analysis.compare import FEWEST, MEASURES, SAME, Measure, Row, Side, curve, rows
from components import cards, ids, model_words, states
from components.attrs import attrs
from components.dialogs import labelled
from components.formats import ABSENT, clock, day, figure, human, latency, moment, number
from components.model_plot import Axis, Part, plot
from components.still import Still, still
from components.tables import boxed
from live.models import Model

NONE, SAME_TIME, BEFORE, YESTERDAY, LAST_WEEK, OWN = "none", "same", "before", "day", "week", "own"
WINDOWS = (NONE, SAME_TIME, BEFORE, YESTERDAY, LAST_WEEK, OWN)
"""What time the other side is of."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One side and what it is called. Times are epoch seconds."""

    model: str
    server: str
    start: float
    end: float
    side: Side


def value_of(server: str, model: str) -> str:
    """A model as the choice holds it; a server's name has no bar in it."""
    return f"{server}|{model}"


def named(value: Any) -> tuple[str, str] | None:
    """(server, model) of a choice; None for the model of the page itself."""
    if not isinstance(value, str) or "|" not in value:
        return None
    server, _bar, model = value[:700].replace("\0", "").partition("|")
    return (server, model) if model else None


def measure_words(measure: str) -> str:
    """What a measure is called."""
    return {
        "ttft": _("Time to the first token"), "itl": _("Time between tokens"), "duration": _("End to end"),
        "speed": _("Tokens/s of a request"),
    }[measure]


def panel(model: Model, others: Sequence[Model], query: Mapping[str, str]) -> html.Section:
    """What to choose, with what the address says, and the place of the comparison."""
    own = value_of(model.server, model.name)
    models = [{"label": _("This model"), "value": own}] + [
        {"label": row.name if row.server == row.name else f"{row.name} · {row.server}",
         "value": value_of(row.server, row.name)}
        for row in others if (row.server, row.name) != (model.server, model.name)
    ]
    given = query.get("with", own)
    chosen = given if given in {one["value"] for one in models} else own
    against = query.get("against", NONE)
    windows = {
        NONE: _("Choose a time"), SAME_TIME: _("The same time"), BEFORE: _("The time before"),
        YESTERDAY: _("The same time yesterday"), LAST_WEEK: _("The same time last week"), OWN: _("A time of your own"),
    }
    return cards.card(
        _("Compare"),
        [
            html.Div(
                [
                    labelled(_("With"), dbc.Select(
                        id=ids.MODELS_WITH, options=models, value=chosen, className="field",
                    )),
                    labelled(_("At"), dbc.Select(
                        id=ids.MODELS_AGAINST,
                        options=[{"label": words, "value": key} for key, words in windows.items()],
                        value=against if against in WINDOWS else NONE, className="field",
                    )),
                    labelled(_("Chart"), dbc.Select(
                        id=ids.MODELS_MEASURE, options=[{"label": measure_words(m), "value": m} for m in MEASURES],
                        value="ttft", className="field",
                    )),
                    html.Div(
                        [labelled(_("From"), _time(ids.MODELS_SINCE, query.get("since", ""))),
                         labelled(_("To"), _time(ids.MODELS_UNTIL, query.get("until", "")))],
                        id=ids.MODELS_OWN_SPAN, className="compare-own", hidden=against != OWN,
                    ),
                ],
                className="compare-choice", role="group", **attrs(aria_label=_("What to compare with")),
            ),
            html.Div(id=ids.MODELS_COMPARED),
        ],
        icon="arrow-left-right", className="model-compare", id="model-compare",
    )


def _time(name: str, given: str) -> dbc.Input:
    return dbc.Input(id=name, type="datetime-local", debounce=True, className="field", value=given[:19])


def hint() -> html.P:
    """Nothing is chosen yet."""
    return html.P(_("Choose another model, another time, or both: the requests of the charts' window are put beside "
                    "theirs."), className="muted")


def no_span() -> html.P:
    """The span of one's own is none."""
    return html.P(_("Give a time from and a later time to."), className="muted")


def compared(first: Shown, second: Shown, measure: Measure, now: float) -> Still:
    """The table and the chart of both sides."""
    titles = [_title(one, now) for one in (first, second)]
    empty = [title for title, one in zip(titles, (first, second)) if not one.side.requests]
    notes = [_("No requests in this window: %(side)s.", side=title) for title in empty]
    if first.side.cut or second.side.cut:
        notes.append(_("Times are of the newest 200,000 requests of a side."))
    body: list[Any] = [
        html.Div([_head("A", titles[0], "tint-0"), _head("B", titles[1], "tint-1")], className="compare-heads"),
        *(html.P(note, className="compare-note", role="status") for note in notes),
    ]
    if len(empty) < 2:
        body += [
            html.Div([_table(first.side, second.side), _chart(first.side, second.side, measure)],
                     className="compare-both"),
            html.P(
                _("From the requests that went through the proxies. Times are of those that went well; percentiles "
                  "by linear interpolation. Better or worse is said from %(share)s on, where both sides have %(count)s "
                  "requests.", share=f"{number(SAME * 100)} %", count=number(FEWEST)),
                className="model-how",
            ),
        ]
    return still(html.Div(body))


def _title(one: Shown, now: float) -> str:
    name = one.model if one.server in ("", one.model) else f"{one.model} · {one.server}"
    end = clock(one.end)[:5] if day(one.start) == day(one.end) else moment(one.end, now)
    return f"{name}, {moment(one.start, now)} – {end}"


def _head(letter: str, title: str, css: str) -> html.P:
    return html.P([html.Span(className=f"mini-swatch {css}"), html.Strong(letter), " ", title])


def _table(first: Side, second: Side) -> html.Div:
    heads = [("", ""), ("A", "end"), ("B", "end"), (_("B against A"), "end")]
    return boxed(heads, [_line(row) for row in rows(first, second)], _("Compare"), "compare-table", "energy-box")


def _line(row: Row) -> html.Tr:
    css = {"better": "compare-better", "worse": "compare-worse"}.get(row.verdict, "muted")
    said = {"better": _("better"), "worse": _("worse"), "same": _("about the same")}.get(row.verdict, "")
    change = _change(row)
    return html.Tr([
        html.Th(row_words(row.name), scope="row"),
        html.Td(_value(row, row.first), className="end num"), html.Td(_value(row, row.second), className="end num"),
        html.Td([html.Span(change, className="num"), f" {said}" if said and change != ABSENT else None],
                className=f"end {css}"),
    ])


def row_words(name: str) -> str:
    """What a row of the table is called."""
    if name.startswith("finish_"):
        return _("Ended: %(reason)s", reason=model_words.ended(name.removeprefix("finish_")))
    measure, _bar, share = name.partition("_p")
    if measure in MEASURES and share.isdecimal():
        return f"{measure_words(measure)}, p{share}"
    return {
        "requests": _("Requests"), "failed": _("Failed"), "client_did": _("Refused, or the client left"),
        "prompt_tokens": _("Tokens in"),
        "output_tokens": _("Tokens out"), "speed": _("Tokens/s of a request, median"),
        "joules_per_token": _("Joules per token"),
    }.get(name, name)


def _value(row: Row, value: float | None) -> str:
    if value is None:
        return ABSENT
    if row.unit == "seconds":
        return latency(value)
    if row.unit == "ratio":
        return human(value, "ratio")
    if row.unit == "joules":
        return figure(value)
    return number(value, 1 if row.unit == "per_second" else 0)


def _change(row: Row) -> str:
    """+12 %, or for shares +1.2 points."""
    if row.change is None:
        return ABSENT
    sign = "+" if row.change > 0 else ""
    if row.unit == "ratio":
        return _("%(sign)s%(count)s points", sign=sign, count=number(row.change * 100, 1))
    return f"{sign}{human(row.change, 'ratio')}"


def _chart(first: Side, second: Side, measure: Measure) -> Any:
    sides = [curve(first, measure), curve(second, measure)]
    values = sorted(value for points in sides for value, _share in points if value > 0)
    if not values:
        return html.Div(states.no_data(measure_words(measure), _("It is known of no request of either side.")))
    low, high = values[0], values[-1]
    if high < low * 1.5:
        low, high = low / 1.3, high * 1.3
    words = latency if measure != "speed" else lambda v: number(v, 0 if v >= 10 else 1)
    return html.Div([
        html.H3(_("%(measure)s: share of requests up to it", measure=measure_words(measure))),
        plot(
            [Part(_from_left(sides[0], low, high), "tint-0", "A"),
             Part(_from_left(sides[1], low, high), "tint-1", "B")],
            Axis(low, high, words, log=high / low > 4), Axis(0.0, 1.0, lambda v: human(v, "ratio")),
            _spoken(first, second, measure),
        ),
    ], className="compare-chart")


def _from_left(points: Sequence[tuple[float, float]], low: float, high: float) -> list[tuple[float, float]]:
    """A distribution from edge to edge: nothing lies below its first value, everything below its last. It climbs in
    steps while they can be told apart."""
    if not points:
        return []
    found, share = [(low, 0.0)], 0.0
    for value, above in points:
        if len(points) <= 100:
            found.append((value, share))
        found.append((value, above))
        share = above
    return [*found, (high, 1.0)]


def _spoken(first: Side, second: Side, measure: Measure) -> str:
    told = [
        _("%(side)s: median %(median)s, 95th percentile %(high)s", side=letter, median=_one(side, measure, 0.5),
          high=_one(side, measure, 0.95))
        for letter, side in (("A", first), ("B", second))
    ]
    return f"{measure_words(measure)}. {'; '.join(told)}"


def _one(side: Side, measure: Measure, share: float) -> str:
    value = side.quantile(measure, share)
    if value is None or not math.isfinite(value):
        return ABSENT
    return latency(value) if measure != "speed" else number(value, 1)
