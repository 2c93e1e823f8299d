"""What models cost: energy and money of requests, and hours in memory that nobody used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import dash_bootstrap_components as dbc
from dash import dcc, html
from flask_babel import gettext as _

from components import icons, ids, states
from components.attrs import attrs
from components.formats import ABSENT, figure, human, number
from components.links import href
from components.models_page import actions, model_path
from components.still import Still, still
from components.tables import boxed
from live.models import Model

CHARTS, DAY, WEEK = "charts", "24h", "7d"
SECONDS: Mapping[str, float] = {DAY: 86_400.0, WEEK: 604_800.0}
"""Windows of their own; `CHARTS` is that of the page's charts."""

MOST_IDLE = 15
"""Models whose unused hours are listed."""


class Spent(Protocol):
    """Energy of requests (see `serving.energy`)."""

    @property
    def name(self) -> str: ...
    @property
    def requests(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def joules(self) -> float: ...
    @property
    def joules_per_token(self) -> float | None: ...
    @property
    def wh_per_1000(self) -> float | None: ...
    def cost_per_1000(self, price_per_kwh: float) -> float | None: ...


class Idle(Protocol):
    """Hours of a model in memory (see `serving.energy`)."""

    @property
    def server(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def loaded_hours(self) -> float: ...
    @property
    def used_hours(self) -> float: ...
    @property
    def idle_hours(self) -> float: ...


def panel(*, clients: bool) -> html.Section:
    """The choice of window and the place of the tables; with ``clients`` also by whom."""
    windows = [
        {"label": _("Last 24 hours"), "value": DAY}, {"label": _("Last 7 days"), "value": WEEK},
        {"label": _("As the charts"), "value": CHARTS},
    ]
    by = [{"label": _("By model"), "value": "model"}, {"label": _("By client"), "value": "client"}]
    return html.Section(
        [
            html.Div([
                html.H2([icons.icon("lightning-charge"), _("Energy")], className="card-title"),
                html.Div([
                    html.Div([
                        html.Label(_("Whose energy"), htmlFor=ids.MODELS_ENERGY_BY, className="visually-hidden"),
                        dbc.Select(id=ids.MODELS_ENERGY_BY, options=by if clients else by[:1], value="model",
                                   className="field"),
                    ], hidden=not clients),
                    html.Div([
                        html.Label(_("Window of time"), htmlFor=ids.MODELS_ENERGY_WINDOW, className="visually-hidden"),
                        dbc.Select(id=ids.MODELS_ENERGY_WINDOW, options=windows, value=DAY, className="field"),
                    ]),
                ], className="energy-choice"),
            ], className="card-head"),
            html.Div(states.loading("90px"), id=ids.MODELS_ENERGY),
            dcc.Store(id=ids.MODELS_SPAN),
        ],
        className="panel model-energy",
    )


def body(
    found: Sequence[Spent], idle: Sequence[Idle], rows: Sequence[Model], *, by: str, price: float, currency: str,
    power: bool, may_stop: bool,
) -> Still:
    """Both tables, or why there is neither. ``price`` is that of a kWh; ``power`` whether any is told."""
    return still(html.Div([
        *_spent(found, by=by, price=price, currency=currency, power=power),
        *_idle(idle, rows, may_stop=may_stop),
    ]))


def _spent(found: Sequence[Spent], *, by: str, price: float, currency: str, power: bool) -> list[Any]:
    if not found:
        if not power:
            return [html.Div(states.no_data(
                _("No energy"), _("No power is told on this machine: neither a GPU's nor the processor's."),
            ))]
        return [html.Div(states.no_data(
            _("No energy"), _("No request was reckoned in this window."),
            _("Requests through a proxy are reckoned a minute after their end."),
        ))]
    whole = sum(one.joules for one in found) or 1.0
    heads = [
        (_("Client") if by == "client" else _("Model"), ""), (_("Requests reckoned"), "end"),
        (_("Tokens written"), "end"), (_("Joules per token"), "end"), (_("Wh per 1,000 tokens"), "end"),
        (_("Cost per 1,000 tokens"), "end"), (_("Energy"), "end"), (_("Share"), "end"),
    ]
    lines = [
        html.Tr([
            html.Th(_name(one.name, by), scope="row"),
            html.Td(number(one.requests), className="end num"), html.Td(number(one.tokens), className="end num"),
            html.Td(figure(one.joules_per_token), className="end num"),
            html.Td(figure(one.wh_per_1000), className="end num"),
            html.Td(money(one.cost_per_1000(price), currency), className="end num"),
            html.Td(_("%(wh)s Wh", wh=figure(one.joules / 3600)), className="end num"),
            html.Td([human(one.joules / whole, "ratio"), html.Span(
                html.Span(style={"width": f"{one.joules / whole * 100:.1f}%"}), className="bar")], className="end num"),
        ])
        for one in found
    ]
    return [
        _table(heads, lines, _("Energy")),
        html.P(
            _("Each request is given the power while it was answered, divided among those answered at once: all "
              "that the GPUs on which its model lies drew, else all GPUs, and the processor where it tells. What the "
              "machine draws while nothing is asked is in no figure, nor are requests that another machine answered. "
              "Figures per token are of the requests that wrote any. A kWh at %(price)s (configuration, Models, "
              "Energy).",
              price=money(price, currency)),
            className="model-how",
        ),
    ]


def _name(name: str, by: str) -> Any:
    if not name:
        return ABSENT
    return html.A(name, href=href("/models/one", model=name), **attrs(data_go="1")) if by == "model" else name


def _idle(idle: Sequence[Idle], rows: Sequence[Model], *, may_stop: bool) -> list[Any]:
    if not idle:
        return []
    known = {(row.server, row.name): row for row in rows}
    heads = [
        (_("Model"), ""), (_("In memory"), "end"), (_("Of these used"), "end"), (_("Loaded and unused"), "end"),
        ("", ""),
    ]
    lines = [
        _idle_row(one, known.get((one.server, one.model)), may_stop=may_stop) for one in idle[:MOST_IDLE]
    ]
    told = [
        _("Counted by minutes: in memory as the engine tells it, used where something was being answered. Models of "
          "which neither the engine nor a proxy tells that are left out."),
    ]
    if len(idle) > MOST_IDLE:
        told.append(_("The %(count)s that were unused longest.", count=number(MOST_IDLE)))
    return [
        html.H3(_("Loaded and unused"), className="energy-title"),
        _table(heads, lines, _("Loaded and unused")),
        html.P(" ".join(told), className="model-how"),
    ]


def _idle_row(one: Idle, row: Model | None, *, may_stop: bool) -> html.Tr:
    name: Any = html.A(one.model, href=model_path(row), **attrs(data_go="1")) if row is not None else one.model
    return html.Tr(
        [
            html.Th([name, html.Span(one.server, className="model-server") if one.server != one.model else None],
                    scope="row"),
            html.Td(hours(one.loaded_hours), className="end num"),
            html.Td(hours(one.used_hours) if one.used_hours else _("no traffic"),
                    className="end num" if one.used_hours else "end muted"),
            html.Td(hours(one.idle_hours), className="end num"),
            html.Td(html.Div(actions(row, may_start=False, may_stop=may_stop) if row is not None else [],
                             className="model-actions")),
        ],
        **attrs(data_model=one.model, data_server=one.server),
    )


def _table(heads: Sequence[tuple[str, str]], lines: list[html.Tr], label: str) -> html.Div:
    return boxed(heads, lines, label, "model-table energy-table", "energy-box")


def hours(value: float) -> str:
    """Hours as one reads them: 12 min, 3.4 h, 120 h."""
    if value < 1:
        return f"{number(value * 60)} {_('min')}"
    return f"{number(value, 1 if value < 99.5 else 0)} {_('h')}"


def money(value: float | None, currency: str) -> str:
    """An amount: ``0.00012 €``."""
    return ABSENT if value is None else f"{figure(value)} {currency}"
