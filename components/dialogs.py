"""Dialogs: the native ``<dialog>`` with a title, a body and actions. ``assets/dialogs.js`` opens and closes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _

from components import icons
from components.attrs import attrs
from components.svg import Svg


def dialog(dialog_id: str, title: str, body: Any, actions: Any, *, aside: str = "", wide: bool = False) -> html.Dialog:
    """A closed dialog, to be drawn once in the frame.

    Args:
        dialog_id: its id; ``vigie.dialog.open(id)`` opens it.
        title: its heading, in ``#<dialog_id>-title``.
        body: what it holds; a sentence about what went wrong comes below (``vigie.dialog.say``).
        actions: buttons, the main one last; a button with ``data-close`` closes it.
        aside: a line below the title, in ``.dialog-aside``.
        wide: for tables.
    """
    return html.Dialog(
        [
            html.Div(
                [
                    html.Div([
                        html.H2(title, id=f"{dialog_id}-title", className="dialog-title"),
                        html.P(aside, className="dialog-aside"),
                    ]),
                    html.Button(
                        icons.icon("x-lg"), type="button", className="dialog-close",
                        **attrs(data_close="1", aria_label=_("Close")),
                    ),
                ],
                className="dialog-head",
            ),
            html.Div([*body, html.P(className="dialog-say", role="status")], className="dialog-body"),
            html.Div(actions, className="dialog-actions"),
        ],
        id=dialog_id, className="dialog dialog-wide" if wide else "dialog",
        **attrs(aria_labelledby=f"{dialog_id}-title"),
    )


def choice(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str) -> html.Fieldset:
    """One of a few, side by side: radios named ``name`` with ``(value, words)``."""
    return html.Fieldset(
        [
            html.Label([
                Svg("input", attrs={"type": "radio", "name": name, "value": value, "defaultChecked": value == chosen}),
                html.Span(words),
            ])
            for value, words in options
        ],
        className="choice", **attrs(aria_label=label),
    )


def field(label: str, control: Any, *, hint: str = "") -> html.Div:
    """A labelled field of a form."""
    return html.Div(
        [html.Label([html.Span(label, className="field-label"), control], style={"display": "block"}),
         *([html.P(hint, className="field-hint")] if hint else [])],
        className="field-row",
    )


def labelled(words: str, control: Any, css: str = "") -> html.Div:
    """A control that has an id, with its label above."""
    return html.Div(
        [html.Label(words, htmlFor=control.id, className="field-label"), control], className=f"field-row {css}".strip(),
    )
