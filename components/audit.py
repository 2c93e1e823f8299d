"""The audit page's parts: filters, rows with their before and after, what is kept, whether the chain holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html
from flask_babel import gettext as _

from components import formats, icons, ids, states
from components.attrs import attrs
from components.audit_words import action_words, group_words, kind_words, result_words
from components.dialogs import labelled
from components.still import Still, still
from security.audit.reading import Row
from security.audit.store import Outdated
from security.audit.verify import Verified

MOST_LINES = 60
"""Lines of one difference that are shown."""
MOST_WORDS = 400
ALL = "all"
"""Of a choice: no filter."""


@dataclass(frozen=True, slots=True)
class Line:
    """One member that differs; None where it is not there."""

    path: str
    before: str | None
    after: str | None


def page(names: Sequence[str], query: Mapping[str, str]) -> html.Div:
    """The page before its rows are there. ``names`` are who appears in it; ``query`` is the filter as its address has
    it."""
    return html.Div(
        [
            html.Div([
                html.H1(_("Audit trail")),
                html.P(_("Who did what, when, from where and with what result."), className="page-lead"),
            ]),
            html.Section([
                html.Div(states.loading("44px"), id=ids.AUDIT_FACTS, className="audit-facts"),
                html.Div([
                    html.Button(
                        [icons.icon("shield-check"), html.Span(_("Verify"))], id=ids.AUDIT_VERIFY, type="button",
                        className="button",
                    ),
                    html.Div(id=ids.AUDIT_VERIFIED, className="audit-verified", **attrs(aria_live="polite")),
                ], className="audit-check"),
            ], className="panel audit-head"),
            _filters(names, query),
            html.Div(states.loading("320px"), id=ids.AUDIT_ROWS, className="audit-rows"),
            html.Div(
                [
                    html.P("", id=ids.AUDIT_SEARCHED, className="muted"),
                    html.Button(_("Older"), id=ids.AUDIT_MORE, type="button", className="button", hidden=True),
                ],
                className="audit-foot",
            ),
            dcc.Store(id=ids.AUDIT_NEXT),
        ],
        className="page audit",
    )


def _filters(names: Sequence[str], query: Mapping[str, str]) -> html.Section:
    groups = [{"label": _("Every action"), "value": ALL}]
    groups += [{"label": words, "value": group} for group, words in group_words().items()]
    results = [{"label": _("Every result"), "value": ALL}]
    results += [{"label": result_words(one), "value": one} for one in ("ok", "refused", "failed")]

    def chosen(part: str, name: str, options: Sequence[Mapping[str, str]]) -> dbc.Select:
        given = query.get(name, ALL)
        known = any(one["value"] == given for one in options)
        return dbc.Select(id=part, options=options, value=given if known else ALL, className="field")

    return html.Section(
        [
            labelled(_("Person"), dbc.Input(
                id=ids.AUDIT_WHO, type="search", debounce=True, className="field", list="audit-names", maxLength=300,
                autoComplete="off", value=query.get("who", "")[:300],
            )),
            html.Datalist([html.Option(value=name) for name in names], id="audit-names"),
            labelled(_("Action"), chosen(ids.AUDIT_ACTION, "action", groups)),
            labelled(_("Result"), chosen(ids.AUDIT_RESULT, "result", results)),
            labelled(_("From"), _day(ids.AUDIT_FROM, query.get("from", ""))),
            labelled(_("To"), _day(ids.AUDIT_TO, query.get("to", ""))),
            labelled(_("Text"), dbc.Input(
                id=ids.AUDIT_TEXT, type="search", debounce=True, className="field", maxLength=300,
                value=query.get("text", "")[:300],
            ), "audit-text-row"),
            html.Div(id=ids.AUDIT_EXPORT, className="audit-export"),
        ],
        className="panel audit-filters", **attrs(aria_label=_("Filter")),
    )


def _day(name: str, given: str) -> dbc.Input:
    return dbc.Input(id=name, type="date", debounce=True, className="field", value=given[:10])


def export_links(csv: str, json: str) -> list[Any]:
    """Where the rows that the filter leaves are fetched as a file."""
    return [
        html.A([icons.icon("download"), html.Span(name)], href=address, className="button button-small",
               **attrs(download="", aria_label=_("Export as %(format)s", format=name)))
        for name, address in (("CSV", csv), ("JSON", json))
    ]


def facts(kept: Outdated, days: float, gone: Outdated, now: float, problem: str) -> list[Any]:
    """How many rows there are, how long they are kept, what is removed next."""
    if not kept.rows:
        words = [_("Nothing is recorded yet.")]
    else:
        since = formats.moment(kept.oldest, now)
        words = [_("%(rows)s rows since %(day)s.", rows=formats.number(kept.rows), day=since)]
    if not days:
        words.append(_("Rows are kept for ever."))
    else:
        words.append(_("Rows are kept for %(days)s days (setting audit_days).", days=formats.number(days)))
        if gone.rows:
            words.append(_(
                "%(rows)s rows up to %(day)s are older and are removed next; a signed row about it stays.",
                rows=formats.number(gone.rows), day=formats.moment(gone.newest, now),
            ))
    found: list[Any] = [html.P(" ".join(words))]
    if problem:
        found.append(html.P([icons.icon("exclamation-triangle"), " ", problem], className="audit-bad", role="alert"))
    return found


def verified(found: Verified) -> list[Any]:
    """The outcome of a verification."""
    if not found.ok:
        return [html.P(
            [icons.icon("x-octagon"), " ", html.Strong(_("The chain is broken.")), " ", found.text(), " ",
             _("%(rows)s rows before hold.", rows=formats.number(found.rows))],
            className="audit-bad", role="alert",
        )]
    if not found.rows:
        return [html.P(_("There are no rows."))]
    words = [html.P(
        [icons.icon("check-circle"), " ", html.Strong(_("The chain holds.")), " ",
         _("Rows %(first)s to %(last)s, in %(time)s.", first=formats.number(found.first),
           last=formats.number(found.last), time=formats.duration(found.seconds))],
        className="audit-good",
    )]
    if not found.anchored:
        words.append(html.P(
            _("There is no anchor in the data folder: rows cut off at the end would not be seen."), className="muted",
        ))
    words.append(html.P(
        [_("Newest hash, to note elsewhere:"), " ", html.Code(found.hash, className="audit-hash")], className="muted",
    ))
    return words


def rows(found: Sequence[Row], now: float) -> list[Still]:
    """The rows, each of which opens."""
    return [still(_row(row, now)) for row in found]


def nothing() -> html.Div:
    """No row fits the filter."""
    return html.Div(
        states.no_data(_("No rows"), _("Nothing that fits the filter is recorded.")), className="panel",
    )


def _row(row: Row, now: float) -> html.Details:
    who = row.who or kind_words(row.kind)
    many = [html.Span(f"× {formats.number(row.count)}", className="tag")] if row.count > 1 else []
    return html.Details(
        [
            html.Summary([
                html.Time(_when(row.at, now), dateTime=formats.iso(row.at), className="audit-when num"),
                html.Span(who, className="audit-who" if row.who else "audit-who muted"),
                html.Span([
                    html.Strong(action_words(row.action)), " ", html.Span(row.target, className="audit-target"), *many,
                ], className="audit-what"),
                html.Span(result_words(row.result), className=f"tag audit-{row.result}"),
                html.Span(row.address, className="audit-from muted"),
            ]),
            html.Div([_facts_of(row), *_difference(row)], className="audit-more"),
        ],
        className="audit-row",
    )


def _when(at: float, now: float) -> str:
    """With the seconds, where it is today: what happened one after another is told apart."""
    return formats.clock(at) if formats.day(at) == formats.day(now) else formats.moment(at, now)


def _facts_of(row: Row) -> html.Dl:
    who = f"{row.who} ({kind_words(row.kind)})" if row.who else kind_words(row.kind)
    pairs = [
        (_("Row"), formats.number(row.id)), (_("Time"), formats.iso(row.at)), (_("Who"), who),
        (_("Action"), row.action), (_("On what"), row.target), (_("From"), row.address), (_("Browser"), row.agent),
        (_("Request"), row.request), (_("Hash"), row.hash),
    ]
    parts: list[Any] = []
    for name, words in pairs:
        if words:
            parts += [html.Dt(name), html.Dd(words)]
    return html.Dl(parts, className="facts")


def _difference(row: Row) -> list[Any]:
    lines = difference(row.before, row.after)
    if not lines:
        return []
    both = row.before is not None and row.after is not None
    heads = [_("Member"), _("Before"), _("After")] if both else [
        _("Member"), _("Before") if row.before is not None else _("Value")
    ]
    body = []
    for line in lines[:MOST_LINES]:
        sides = (line.before, line.after) if both else (line.after if row.before is None else line.before,)
        cells = [html.Td(html.Code(line.path or "–"))]
        cells += [
            html.Td("–" if side is None else side, className=css)
            for side, css in zip(sides, ("audit-before", "audit-after") if both else ("",))
        ]
        body.append(html.Tr(cells))
    more = [html.P(_("and %(more)s more", more=len(lines) - MOST_LINES))] if len(lines) > MOST_LINES else []
    table = html.Table(
        [html.Thead(html.Tr([html.Th(head) for head in heads])), html.Tbody(body)], className="plain-table audit-diff",
    )
    return [html.Div(table, className="audit-diff-box"), *more]


def difference(before: Any, after: Any) -> list[Line]:
    """Member by member: what differs; everything when there is only one side."""
    left, right = _flat(before), _flat(after)
    both = before is not None and after is not None
    return [
        Line(path, left.get(path), right.get(path))
        for path in dict.fromkeys([*left, *right]) if not both or left.get(path) != right.get(path)
    ]


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, dict) and value:
        found: dict[str, str] = {}
        for key, one in value.items():
            found |= _flat(one, f"{path}.{key}" if path else str(key))
        return found
    if value is None:
        return {path: "–"} if path else {}
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        text = ", ".join(_word(one) for one in value)
    elif isinstance(value, list):
        found = {}
        for number, one in enumerate(value):
            found |= _flat(one, f"{path}[{number}]")
        return found
    else:
        text = _word(value)
    return {path: text if len(text) <= MOST_WORDS else text[:MOST_WORDS - 1] + "…"}


def _word(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
