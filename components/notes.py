"""Marks on charts: the menu that filters them, what the script draws them with, and the dialog of a note.

``assets/marks.js`` draws the marks, ``assets/notes.js`` acts in the dialog.
"""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import dialogs, icons, ids
from components.attrs import attrs
from components.still import still
from components.svg import Svg
from desk.notes import MOST_TEXT


def kinds() -> list[tuple[str, str, str]]:
    """Marks as one chooses them: (kinds of the API, words, icon)."""
    return [
        ("note", _("Notes"), "chat-left-text-fill"),
        ("alert", _("Alerts"), "bell-fill"),
        ("restart", _("Restarts"), "power"),
        ("source store", _("Sources and stores"), "plug-fill"),
        ("health", _("Health"), "heart-pulse-fill"),
        ("config", _("Settings"), "gear-fill"),
    ]


def events_menu() -> html.Details:
    """The button of the toolbar with its check boxes; ticked ones are drawn."""
    return html.Details(
        [
            html.Summary(
                [icons.icon("flag"), html.Span(_("Events"), className="marks-words"),
                 html.Span("", className="marks-count num")],
                className="live-switch marks-button", title=_("What is marked on the charts"),
            ),
            html.Div(
                [
                    html.Label(
                        [
                            Svg("input", attrs={"type": "checkbox", "defaultChecked": True, "data-marks": names}),
                            html.Span(icons.icon(icon), className="marks-icon"), html.Span(words),
                        ],
                        className="menu-item marks-choice",
                    )
                    for names, words, icon in kinds()
                ],
                className="menu-panel marks-panel", role="group", **attrs(aria_label=_("What is marked on the charts")),
            ),
        ],
        className="menu marks-menu",
    )


def parts() -> html.Div:
    """Icons and words for the script; nothing of it is shown. Once in the frame."""
    return html.Div(
        [
            html.Span(icons.icon(icon), **attrs(data_mark_icon=name))
            for names, _words, icon in kinds() for name in names.split()
        ],
        id=ids.MARKS_PARTS, hidden=True,
        **attrs(
            data_many=_("{count} events"), data_rest=_("and {count} more"), data_edit=_("Change"),
            data_here=_("Events on this chart"), data_alert=_("Open"),
        ),
    )


def note_dialog() -> html.Dialog:
    """The dialog of a note, closed. Once in the frame."""
    form = still(html.Form(
        [
            dialogs.field(_("Note"), Svg("textarea", attrs={
                "name": "text", "className": "field", "rows": 3, "maxLength": MOST_TEXT,
                "placeholder": _("For example: driver updated, fans cleaned"),
            })),
            dialogs.choice("reach", _("What the note is about"), [
                ("moment", _("A moment")), ("span", _("A span of time")),
            ], "moment"),
            html.Div(
                [dialogs.field(words, Svg("input", attrs={
                    "type": "datetime-local", "step": 1, "name": name, "className": "field",
                })) for name, words in (("start", _("From")), ("end", _("To")))],
                className="field-pair note-times",
            ),
            html.P("", className="field-hint note-zone"),
        ],
        className="note-form",
    ))
    return dialogs.dialog(
        ids.NOTE_DIALOG, _("Add a note"),
        [
            form,
            html.Div(
                hidden=True, className="note-words",
                **attrs(
                    data_new=_("Add a note"), data_edit=_("Change the note"), data_delete=_("Delete"),
                    data_sure=_("Really delete"), data_saved=_("Note saved."), data_deleted=_("Note deleted."),
                    data_zone=_("Times in {zone}"), data_empty=_("Please write something."),
                    data_time=_("This is no time."), data_from=_("From"), data_at=_("At"),
                ),
            ),
        ],
        [
            html.Button(_("Delete"), type="button", className="button button-quiet dialog-left", **_action("delete")),
            html.Button(_("Cancel"), type="button", className="button", **attrs(data_close="1")),
            html.Button(_("Save"), type="button", className="button button-primary", **_action("save")),
        ],
        aside=_("Everybody here sees it, on every chart."),
    )


def _action(name: str) -> dict[str, Any]:
    return attrs(data_note=name)
