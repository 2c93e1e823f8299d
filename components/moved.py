"""What else moved: the page's parts, from a judged window to small charts side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _

from analysis.moved import Direction, Move, Moved
from analysis.moved_plan import Plan
from components import formats, icons, ids, moved_words, states, words
from components.attrs import attrs
from components.chartspecs import ChartSpec
from components.drawings import MOST_SELECTORS, drawing_of, shorten
from components.links import href
from components.moved_charts import spark
from components.still import still
from components.svg import Svg
from metrics.series import Series, SeriesInfo

MOST_CARDS, MOST_RANKED, MOST_ALIKE = 60, 120, 40
ROOM = 1.0
"""Windows on either side in Explore."""
_WAYS: dict[Direction, str] = {
    "up": "arrow-up", "down": "arrow-down", "rougher": "activity", "calmer": "dash-circle", "stopped": "x-circle",
    "appeared": "plus-lg",
}


def page(window: dict[str, Any] | None, title: str) -> html.Div:
    """The page before its answer is there. ``window`` is {from, to, chart, part} in epoch milliseconds, or None."""
    head: list[Any] = [html.H1(_("What else moved?"), className="page-title")]
    if title:
        head.append(html.P(_("Asked from the chart %(chart)s", chart=title), className="moved-asked"))
    body: Any = states.loading("220px") if window else ask_first()
    return html.Div(
        [
            html.Div(head, className="moved-head"),
            html.Div(body, id=ids.MOVED_RESULT, **attrs(aria_live="polite")),
            html.Div(id=ids.MOVED_REST),
            dcc.Store(id=ids.MOVED_ASK, data=window),
            dcc.Store(id=ids.MOVED_ALL),
        ],
        className="page moved", **attrs(data_page="moved"),
    )


def ask_first() -> html.Div:
    """What to do when no window is given."""
    return html.Div(
        [
            states.no_data(
                _("Choose a window first"),
                _("Drag over a chart where something happened, then press What else moved? in the bar above the "
                  "charts."),
            ),
            dcc.Link(_("To the charts"), href=href("/monitoring"), className="button"),
        ],
        className="panel moved-state",
    )


def state(kind: str, title: str, what: str, how: str = "") -> html.Div:
    """Why there is no answer."""
    draw = states.failed if kind == "failed" else states.no_data
    return html.Div(draw(title, what, how), className="panel moved-state")


def matchers(spec: ChartSpec) -> list[str]:
    """Selectors of the series that a chart draws."""
    drawing = drawing_of(spec.id)
    return list(drawing.selectors) if drawing else spec.matchers


def leaders(found: Moved) -> list[tuple[Move, list[Move]]]:
    """Those that stand out, each with those folded under it."""
    return [(found.moves[group[0]], [found.moves[other] for other in group[1:]]) for group in found.groups]


def shown(found: Moved) -> list[SeriesInfo]:
    """The series that have a small chart at first."""
    return [leader.info for leader, _alike in leaders(found)[:MOST_CARDS]]


def answer(
    found: Moved, drawn: Mapping[str, Series], sources: Mapping[str, str], own: Set[str], *, seconds: float, now: float,
    fifth: bool = False, problem: str = "",
) -> html.Div:
    """The answer.

    Args:
        found: the judged window.
        drawn: for the small charts, by series.
        sources: collector of a metric.
        own: series of the chart that was asked from.
        seconds: how long it took.
        now: epoch seconds.
        fifth: True when nothing was zoomed and the newest fifth of a chart was taken.
        problem: what was out of reach.
    """
    plan = found.plan
    folded = leaders(found)
    cards = [
        card(leader, alike, plan, drawn.get(leader.info.key), sources.get(leader.info.name, ""), now,
             own=leader.info.key in own)
        for leader, alike in folded[:MOST_CARDS]
    ]
    facts = [moved_words.past(found, now), " ".join([moved_words.looked(found, seconds), *moved_words.left_out(found)])]
    if fifth:
        facts.insert(0, _("Nothing was zoomed: this is the newest fifth of what the chart showed. Drag over a chart to "
                          "choose a window yourself."))
    parts: list[Any] = [_summary(found, facts, problem, now)]
    if cards:
        parts.append(_bar(folded, sources))
        parts.append(html.Div(cards, className="moves"))
        if len(folded) > MOST_CARDS:
            parts.append(html.P(_("%(count)s more stand out; they lead the list of all.",
                                  count=len(folded) - MOST_CARDS), className="moved-fact"))
    else:
        parts.append(_quiet(found))
    if found.moves:
        parts.append(html.Button(
            [icons.icon("view-list"), _("Show all, ranked")], type="button", className="button moved-all",
            **attrs(data_moved_all="1"),
        ))
    return html.Div(still(html.Div(parts, className="moved-answer")), **attrs(
        data_from=round(1000 * (plan.start - ROOM * (plan.end - plan.start))),
        data_to=round(1000 * min(plan.end + ROOM * (plan.end - plan.start), max(now, plan.end))),
        data_apart=found.apart, data_looked=len(found.moves),
    ))


def _summary(found: Moved, facts: Sequence[str], problem: str, now: float) -> html.Section:
    """The window, the verdict, what it rests on."""
    plan = found.plan
    return html.Section(
        [
            html.Div(
                [
                    html.P(moved_words.span(plan.start, plan.end, now), className="moved-window num"),
                    html.P(formats.duration(plan.end - plan.start), className="moved-length"),
                ],
                className="moved-when",
            ),
            html.Div(
                [
                    html.P(moved_words.verdict(found), className="moved-verdict"),
                    *[html.P(fact, className="moved-fact") for fact in facts],
                    html.P(problem, className="moved-fact moved-problem") if problem else None,
                    html.Details(
                        [html.Summary(_("How this is computed")), *[html.P(text) for text in moved_words.method()]],
                        className="moved-method",
                    ),
                ],
                className="moved-what",
            ),
        ],
        className="panel moved-summary",
    )


def _quiet(found: Moved) -> html.Div:
    if found.moves:
        return html.Div(states.no_data(
            _("Nothing stands out"),
            _("Every series did in this window what it has done before: none went beyond the bound."),
            _("Choose a window that fits the event more closely, or look at all series, ranked."),
        ), className="panel moved-state")
    if found.short_past:
        return html.Div(states.no_data(
            _("There is not enough past"),
            _("At least four windows of the same length must lie before this one, and Vigie has recorded fewer."),
            _("Choose a shorter window, or come back later."),
        ), className="panel moved-state")
    return html.Div(states.no_data(
        _("Nothing recorded"), _("There are no values in this window of time."), _("Choose another window."),
    ), className="panel moved-state")


def _bar(folded: Sequence[tuple[Move, list[Move]]], sources: Mapping[str, str]) -> html.Div:
    """Filters, and the way of several cards into Explore."""
    names = sorted({sources.get(leader.info.name, "") for leader, _alike in folded}, key=lambda name: (not name, name))
    ways = dict.fromkeys(leader.direction for leader, _alike in folded)
    return html.Div(
        [
            _filter(_("Source"), "source", [(name, words.source(name) or _("Other")) for name in names]),
            _filter(_("Direction"), "way", [(way, moved_words.direction(way)) for way in ways]),
            html.Div(
                [
                    html.Span(_("Tick cards to open several together"), className="moved-hint"),
                    html.A(
                        [icons.icon("search"), html.Span(_("Open the ticked in Explore"))], href=href("/explore"),
                        className="button button-primary", hidden=True, **attrs(data_moved_open="1", data_go="1"),
                    ),
                ],
                className="moved-open",
            ),
        ],
        className="moved-bar",
    )


def _filter(title: str, kind: str, choices: Sequence[tuple[str, str]]) -> html.Div | None:
    if len(choices) < 2:
        return None
    return html.Div(
        [
            html.Button(text, type="button", className="moved-choice", **attrs(
                data_filter=kind, data_value=value, aria_pressed="true" if value == "*" else "false",
            ))
            for value, text in [("*", _("All")), *choices]
        ],
        className="moved-filter", role="group", **attrs(aria_label=title),
    )


def card(
    move: Move, alike: Sequence[Move], plan: Plan, series: Series | None, source: str, now: float, *, own: bool = False,
) -> html.Article:
    """One series that moved, and how many moved with it."""
    drawing = drawing_text([move.info, *[other.info for other in alike]])
    called = moved_words.name(move.info)
    before, _mark, behind = moved_words.sentence(move).partition(moved_words.NAME)
    return html.Article(
        [
            html.Div(
                [
                    html.Span([icons.icon(_WAYS[move.direction]), moved_words.direction(move.direction)],
                              className=f"move-way way-{move.direction}"),
                    html.Span(_("In the chart you came from"), className="move-own") if own else None,
                    _score(move.score),
                ],
                className="move-head",
            ),
            html.A(
                [
                    html.P([before, html.Strong(called), behind], className="move-said"),
                    spark(series, move, plan, now),
                ],
                href=explore(drawing, plan, now), className="move-link", title=_("Open in Explore"),
                **attrs(data_go="1"),
            ),
            html.Div(
                [
                    html.Label(
                        [Svg("input", attrs={"type": "checkbox", "className": "move-tick", "data-q": drawing}),
                         html.Span(moved_words.swings(move))],
                        className="move-label",
                    ),
                    _alike(alike),
                ],
                className="move-foot",
            ),
        ],
        className="panel move", **attrs(
            data_series=move.info.key, data_source=source, data_way=move.direction, data_score=round(move.score),
            aria_label=called,
        ),
    )


def _alike(alike: Sequence[Move]) -> html.Details | None:
    if not alike:
        return None
    rows = [html.Li([moved_words.name(other.info), html.Span(f"{other.score:.0f}", className="num")])
            for other in alike[:MOST_ALIKE]]
    if len(alike) > MOST_ALIKE:
        rows.append(html.Li("…"))
    return html.Details([html.Summary(moved_words.alike(len(alike))), html.Ul(rows)], className="move-alike")


def _score(score: float) -> html.Span:
    return html.Span(
        [
            html.Span(formats.number(min(score, 100)), className="num"),
            html.Span(html.Span(style={"width": f"{min(score, 100):.0f}%"}), className="move-bar"),
        ],
        className="move-score" + (" is-apart" if score >= 50 else ""),
        title=_("Score: 50 and more stands out, 100 is the most"), **attrs(aria_label=_("Score %(score)s of 100",
                                                                                        score=round(score))),
    )


def ranking(found: Moved, sources: Mapping[str, str], plan: Plan, now: float) -> html.Section:
    """All series, the most suspicious first, as a list."""
    rows = [
        html.A(
            [
                _score(move.score),
                html.Span(
                    moved_words.sentence(move, moved_words.name(move.info)), className="rank-said",
                ),
                html.Span(words.source(sources.get(move.info.name, "")), className="rank-source"),
            ],
            href=explore(drawing_text([move.info]), plan, now), className="rank", **attrs(
                data_go="1", data_source=sources.get(move.info.name, ""), data_way=move.direction,
                data_series=move.info.key,
            ),
        )
        for move in found.moves[:MOST_RANKED]
    ]
    head = _("All series, the most suspicious first")
    if len(found.moves) > MOST_RANKED:
        head = _("The first %(shown)s of %(count)s series, the most suspicious first", shown=MOST_RANKED,
                 count=formats.number(len(found.moves)))
    return html.Section([html.H2(head, className="card-title"), html.Div(rows, className="ranks")],
                        className="panel moved-ranking")


def drawing_text(infos: Sequence[SeriesInfo]) -> str:
    """A drawing of some series: one by one, or the metric as a whole where they are too many."""
    if len(infos) <= MOST_SELECTORS:
        return ",".join(shorten(info.key) for info in infos)
    names = list(dict.fromkeys(info.name for info in infos))
    return ",".join(names[:MOST_SELECTORS])


def explore(drawing: str, plan: Plan, now: float) -> str:
    """The address of a drawing in Explore, with some room around the window."""
    length = plan.end - plan.start
    query: dict[str, str | int | None] = {
        "q": drawing, "from": round(1000 * (plan.start - ROOM * length)),
        "to": round(1000 * min(plan.end + ROOM * length, max(now, plan.end))),
    }
    return href("/explore", **query)
