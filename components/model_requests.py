"""Requests that went through the proxies: the filter, and the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html
from flask_babel import gettext as _

from components import cards, formats, icons, ids, model_words, states
from components.attrs import attrs
from components.dialogs import labelled
from components.drawing_latency import MEASURES
from components.formats import ABSENT, duration, latency, number
from components.still import Still, still

ALL = "all"


def panel(models: Sequence[str], query: Mapping[str, str], *, one: bool = False) -> html.Section:
    """The filter and the place of the rows; ``one`` on a model's own page, which chooses the model."""
    errors = [
        {"label": _("Any result"), "value": ALL}, {"label": _("Failed"), "value": "failed"},
        {"label": _("Refused, or the client left"), "value": "client"}, {"label": _("Fine"), "value": "none"},
    ]
    errors += [
        {"label": model_words.error(code), "value": code}
        for code in (
            "connect", "timeout", "upstream", "midstream", "queue_full", "start", "internal", "client_gone", "refused",
            "rate_limited", "too_large", "unauthorized",
        )
    ]
    slow = [
        {"label": _("Any time"), "value": ALL},
        *({"label": _("Over %(time)s", time=duration(s)), "value": f"{s:g}"} for s in (0.5, 1, 5, 30)),
    ]
    names = [{"label": _("Every model"), "value": ALL}, *({"label": name, "value": name} for name in models)]
    fields: list[Any] = [] if one else [labelled(_("Model"), dbc.Select(
        id=ids.MODELS_OF, options=names, value=query.get("model", ALL), className="field",
    ))]
    fields += [
        labelled(_("Result"), dbc.Select(id=ids.MODELS_ERROR, options=errors, value=ALL, className="field")),
        labelled(_("Took"), dbc.Select(id=ids.MODELS_SLOW, options=slow, value=ALL, className="field")),
        labelled(_("Text"), dbc.Input(
            id=ids.MODELS_TEXT, type="search", debounce=True, className="field", maxLength=200,
            placeholder=_("client, path, message"),
        )),
        html.Div(id=ids.MODELS_EXPORT, className="model-export"),
    ]
    return cards.card(
        _("Requests"),
        [
            html.Div(fields, className="model-filters", role="group", **attrs(aria_label=_("Filter"))),
            html.Div(id=ids.MODELS_CELL_SAID, className="model-cell-said"),
            _head(),
            html.Div(states.loading("160px"), id=ids.MODELS_REQUESTS, className="model-requests"),
            html.Div(
                html.Button(_("Older"), id=ids.MODELS_MORE, type="button", className="button", hidden=True),
                className="audit-foot",
            ),
            *([dbc.Input(id=ids.MODELS_OF, type="hidden", value=query.get("model", ""))] if one else []),
            dcc.Interval(id=ids.MODELS_LOG_TICK, interval=5_000),
            dcc.Store(id=ids.MODELS_NEXT), dcc.Store(id=ids.MODELS_NEWEST), dcc.Store(id=ids.MODELS_CELL),
            dcc.Store(id=ids.MODELS_SERVER, data=query.get("server", "")),
        ],
        icon="table", className="model-log", id="model-requests",
    )


def _head() -> html.Div:
    """What the columns of the rows are; on a phone each time says it itself."""
    columns = [
        (_("When"), ""), (_("Model"), ""), (_("First token"), "end"), (_("End to end"), "end"), (_("Tokens"), ""),
        (_("Result"), ""), (_("Client"), ""),
    ]
    return html.Div([html.Span(words, className=css) for words, css in columns], className="model-requests-head",
                    **attrs(aria_hidden="true"))


def export_link(address: str) -> html.A:
    """Where the requests that the filter leaves are fetched as a file."""
    return html.A([icons.icon("download"), html.Span("CSV")], href=address, className="button button-small",
                  **attrs(download="", aria_label=_("Export as %(format)s", format="CSV")))


def cell_chip(words: str) -> html.Button:
    """What cell of a heatmap the rows are of; pressing it goes back to all."""
    return html.Button(
        [html.Span(words, className="num"), html.Span("×", **attrs(aria_hidden="true"))], type="button",
        className="button button-small", title=_("Back to all requests"), **attrs(data_cell_clear="1"),
    )


def nothing(*, filtered: bool, proxied: bool = False) -> html.Div:
    """No request; ``proxied``: a proxy is on that would see some."""
    if filtered:
        return html.Div(states.no_data(_("No requests"), _("None fits the filter.")))
    return html.Div(states.no_data(
        _("No requests yet"), _("Requests are seen when clients ask through one of Vigie's proxies."),
        _("Point your clients at the address of a proxy.") if proxied else
        _("Switch one on in the configuration under Proxies, and point your clients at it."),
    ))


def rows(found: Sequence[Mapping[str, Any]], now: float) -> list[Still]:
    """The rows, each of which opens. A request is what the API gives, its times as epoch seconds."""
    return [still(_row(one, now)) for one in found]


def _row(one: Mapping[str, Any], now: float) -> html.Details:
    failed = one["error"]
    bad = failed and failed not in model_words.CLIENT_DID
    said = model_words.error(failed) if failed else (model_words.ended(one["finish"]) if one["finish"] else _("fine"))
    tokens = "" if one["output_tokens"] is None else _(
        "%(prompt)s in, %(output)s out", prompt=_count(one["prompt_tokens"]), output=number(one["output_tokens"]))
    return html.Details(
        [
            html.Summary([
                html.Time(formats.clock(one["at"]) if formats.day(one["at"]) == formats.day(now)
                          else formats.moment(one["at"], now), dateTime=formats.iso(one["at"]), className="num muted"),
                html.Span(one["model"] or ABSENT, className="model-request-model"),
                html.Span(latency(one["ttft"]), className="num end", title=_("Time to the first token"),
                          **attrs(data_label=_("First token"))),
                html.Span(latency(one["duration"]), className="num end", title=_("End to end"),
                          **attrs(data_label=_("End to end"))),
                html.Span(tokens, className="num muted model-request-tokens"),
                html.Span(said, className="tag is-critical" if bad else "tag"),
                html.Span(one["client"], className="muted model-request-client"),
            ]),
            html.Div([_facts(one), html.Div([
                html.Button([icons.icon("search"), html.Span(_("Why was it slow?"))], type="button",
                            className="button button-small", **attrs(data_autopsy=str(one["id"]))),
            ], className="model-request-more"), html.Div(className="model-autopsy", **attrs(aria_live="polite"))],
                className="audit-more"),
        ],
        className="audit-row model-request",
        **attrs(**{
            f"data_{name}": str(one[name]) for name in ("duration", *MEASURES.values()) if one[name] is not None
        }),
    )


def _count(value: int | None) -> str:
    return ABSENT if value is None else number(value)


def _facts(one: Mapping[str, Any]) -> html.Dl:
    exact = "" if one["exact"] is not False else f" ({_('counted, the engine did not tell')})"
    speed = one.get("tokens_per_second")
    pairs = [
        (_("Request"), one["request"]), (_("Server"), one["server"]), (_("Proxy"), one["proxy"]),
        (_("Path"), one["path"]), (_("Status"), str(one["status"] or "")), (_("Message"), one["message"]),
        (_("Waited"), latency(one["queue"])), (_("Prompt read in"), latency(one["prefill"])),
        (_("Answer written in"), latency(one["decode"])),
        (_("Between tokens"), latency(one["itl"]) if one["itl_max"] is None else _(
            "%(mean)s, at most %(most)s", mean=latency(one["itl"]), most=latency(one["itl_max"]))),
        (_("Tokens"), f"{_count(one['prompt_tokens'])} → {_count(one['output_tokens'])}{exact}"),
        (_("From the cache"), _count(one["cached_tokens"])),
        (_("Speed"), "" if speed is None else _("%(count)s tokens/s", count=number(speed, 1))),
        (_("Energy"), "" if one.get("joules") is None else _("%(joules)s J", joules=number(one["joules"], 1))),
    ]
    parts: list[Any] = []
    for name, words in pairs:
        if words and words != ABSENT:
            parts += [html.Dt(name), html.Dd(words)]
    return html.Dl(parts, className="facts")
