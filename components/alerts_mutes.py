"""Silences, maintenance windows and inhibitions: places that ``assets/alerts_mutes.js`` fills."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import cards, icons, states
from components.attrs import attrs
from components.still import still
from security.permissions import allowed


def panel() -> list[Any]:
    """The panel."""
    return [
        still(html.Div(
            [
                html.P(_("What is silenced still fires and is listed, but nobody is told."), className="page-lead"),
                html.Div(
                    [
                        html.Button(
                            [icons.icon("plus-lg"), _("New silence")], type="button",
                            className="button button-primary button-small", **attrs(data_al_silence="silence"),
                        ),
                        html.Button(
                            [icons.icon("plus-lg"), _("Maintenance window")], type="button",
                            className="button button-small", **attrs(data_al_silence="maintenance"),
                        ),
                    ],
                    className="al-buttons",
                ) if allowed("alerts:silence") else None,
            ],
            className="al-rules-head",
        )),
        cards.card(
            _("Silences and maintenance windows"), html.Div(states.loading("60px"), className="al-silences"),
            icon="slash-circle",
            aside=still(html.Button(
                _("Show those that are over"), type="button", className="button button-small button-quiet",
                **attrs(data_al_over="1", aria_pressed="false"),
            )),
        ),
        cards.card(
            _("Alerts that mute others"), html.Div(states.loading("60px"), className="al-inhibitions"),
            icon="signpost-split",
        ),
    ]
