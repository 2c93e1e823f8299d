"""The dialog that puts charts into a view: one that is there, or a new one. ``assets/views.js`` fills and saves it."""

from __future__ import annotations

from dash import html
from flask_babel import gettext as _

from components import dialogs, ids
from components.attrs import attrs
from components.still import still
from components.svg import Svg
from desk.views import LONGEST_NAME


def add_dialog() -> html.Dialog:
    """The dialog, closed; once in the frame."""
    form = still(html.Form(
        [
            dialogs.field(_("View"), Svg("select", [
                Svg("option", _("New view"), {"value": ""}),
            ], {"name": "view", "className": "field"})),
            html.Div(
                [
                    dialogs.field(_("Name"), Svg("input", attrs={
                        "type": "text", "name": "name", "className": "field", "maxLength": LONGEST_NAME,
                        "autoComplete": "off", "placeholder": _("For example: GPU hall, morning look"),
                    })),
                    dialogs.choice("shared", _("Who sees it"), [
                        ("", _("Only me")), ("1", _("Everybody here")),
                    ], ""),
                    html.Label([
                        Svg("input", attrs={"type": "checkbox", "name": "pinned"}),
                        html.Span(_("Pin to the overview")),
                    ], className="check"),
                    html.Label([
                        Svg("input", attrs={"type": "checkbox", "name": "span"}),
                        html.Span(_("Keep the span of time shown now instead of following")),
                    ], className="check view-span"),
                ],
                className="view-new",
            ),
        ],
        className="view-form",
    ))
    return dialogs.dialog(
        ids.VIEWS_ADD, _("Add to a view"),
        [html.Div(form, **attrs(
            data_words_added=_("“{name}” has it now."), data_words_saved=_("“{name}” is saved."),
            data_words_there=_("“{name}” has it already."), data_words_open=_("Open"),
            data_words_name=_("Give the view a name."), data_words_many=_("{count} charts"),
            data_words_title=_("Add to a view"), data_words_title_save=_("Save as a view"),
        ), className="view-add")],
        [
            html.Button(_("Cancel"), type="button", className="button button-quiet", **attrs(data_close="1")),
            html.Button(_("Save"), type="button", className="button button-primary", **attrs(data_confirm="add")),
        ],
        aside=" ",
    )
