"""What fires now: places for its cards, which ``assets/alerts_firing.js`` fills."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import ids, states
from components.attrs import attrs

MOST_CARDS = 16
"""Alerts with a card and a chart; more are in a list below."""


def panel() -> list[Any]:
    """The panel. The cards keep their places in the page; the script shows, fills and orders them."""
    return [
        html.Div(states.loading("84px"), className="al-state", role="status", **attrs(aria_live="polite")),
        html.Div(
            [
                html.Article(
                    [html.Div([], className="al-card-main"),
                     html.Div([], id=ids.alerts_slot(number), className="al-card-chart")],
                    className="panel al-card", hidden=True, **attrs(data_slot=number),
                )
                for number in range(MOST_CARDS)
            ],
            className="al-cards", **attrs(aria_label=_("Alerts that fire")),
        ),
        html.Div([], className="al-more"),
        html.Div([], className="al-pending"),
    ]
