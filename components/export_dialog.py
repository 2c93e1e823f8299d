"""The dialog that exports a chart as a picture or as data, and the list of exports in the making."""

from __future__ import annotations

import json
from typing import Any

from dash import html
from flask_babel import gettext as _

from components import charts, icons, ids
from components import theme as look
from components.attrs import attrs
from components.dialogs import choice, dialog
from components.svg import Svg


def colours() -> list[list[str]]:
    """Every colour of a dark chart beside the one a light chart has in its place: a picture on white paper is drawn
    from whatever is on the screen."""
    dark, light = look.TOKENS["dark"], look.TOKENS["light"]
    pairs = [[dark[name], light[name]] for name in dark if name not in ("bg", "panel")]
    pairs += [list(pair) for pair in zip(look.SERIES["dark"], look.SERIES["light"], strict=True)]
    scales = zip(charts.colour_scale("dark"), charts.colour_scale("light"), strict=True)
    return [*pairs, *([dark_stop[1], light_stop[1]] for dark_stop, light_stop in scales)]


def words() -> dict[str, str]:
    """What the dialog's script says, ``%(name)s`` to be filled in by it."""
    return {
        "title": _("Export"), "of": _("Export %(chart)s"), "estimating": _("Counting …"),
        "rows": _("About %(rows)s rows, %(values)s values"), "nothing": _("No values in this window"),
        "second": _("one sample a second"), "samples": _("one sample every %(step)s s"),
        "minutes": _("means of minutes"), "hours": _("means of hours"),
        "none": _("Choose at least one series"), "download": _("Download"), "make": _("Make in the background"),
        "large": _("This is large: it is made in the background, and downloads when it is ready."),
        "queued": _("Waiting for its turn"), "running": _("%(share)s done"), "done": _("Ready"),
        "failed": _("Failed"), "cancelled": _("Cancelled"), "cancel": _("Cancel"), "remove": _("Remove"),
        "ready": _("%(file)s is ready"), "broken": _("The export of %(title)s failed: %(message)s"),
        "goes_on": _("The export goes on in the background: the arrow in the top bar shows how far it is."),
        "drawing": _("Drawing …"), "no_picture": _("The picture could not be drawn."),
        "server": _("Server %(host)s"), "all": _("All"), "no_one": _("None"),
        "exports": _("Exports: %(count)s in the making"), "exports_ready": _("Exports: %(count)s ready"),
    }


def export_dialog() -> html.Dialog:
    """The dialog, closed; ``assets/export.js`` fills it for the chart it is opened for."""
    made = dialog(
        ids.EXPORT_DIALOG, _("Export"),
        [
            choice("export-what", _("What to export"), [("data", _("Data")), ("picture", _("Picture"))], "data"),
            html.Div(
                [
                    _row(_("File"), choice("export-format", _("File"), [
                        ("csv", "CSV"), ("xlsx", "Excel"), ("parquet", "Parquet"), ("json", "JSON"),
                    ], "csv")),
                    _row(_("Values"), choice("export-raw", _("Values"), [
                        ("0", _("As drawn")), ("1", _("Every sample")),
                    ], "0")),
                    html.Div(
                        [
                            html.Div(
                                [html.Span(_("Series"), className="field-label"),
                                 html.Button(_("None"), type="button", className="button button-quiet button-small",
                                             **attrs(data_export_all="1"))],
                                className="export-head",
                            ),
                            html.Div(className="export-series", role="group", **attrs(aria_label=_("Series"))),
                        ],
                        className="field-row",
                    ),
                    _check("export-extremes", _("The lowest and the highest value of each step too"), hidden=True),
                    html.P(className="export-estimate", role="status"),
                ],
                className="export-part", **attrs(data_part="data"),
            ),
            html.Div(
                [
                    _row(_("File"), choice("export-picture", _("File"), [("png", "PNG"), ("svg", "SVG")], "png")),
                    _row(_("Background"), choice("export-paper", _("Background"), [
                        ("white", _("White, for paper")), ("screen", _("As on the screen")),
                    ], "white")),
                    html.P(_("At print size, with title, window and server."), className="field-hint"),
                ],
                className="export-part", hidden=True, **attrs(data_part="picture"),
            ),
            html.Div(
                [html.Div(html.Span(), className="bar", role="progressbar",
                          **attrs(aria_valuemin="0", aria_valuemax="100", aria_label=_("Export"))),
                 html.P(className="export-words", role="status")],
                className="export-progress", hidden=True,
            ),
        ],
        [
            html.Button(_("Cancel"), type="button", className="button button-quiet", **attrs(data_export_stop="1")),
            html.Button([icons.icon("download"), html.Span(_("Download"))], type="button",
                        className="button button-primary", **attrs(data_export_go="1")),
        ],
    )
    setattr(made, "data-words", json.dumps(words()))
    setattr(made, "data-colours", json.dumps(colours()))
    return made


def jobs_menu() -> html.Details:
    """The button in the top bar that shows when exports are made or wait to be fetched."""
    return html.Details(
        [
            html.Summary(
                [icons.icon("download", 18), html.Span(className="jobs-count num")],
                className="topbar-button", **attrs(aria_label=_("Exports")),
            ),
            html.Div(
                [html.P(html.Strong(_("Exports")), className="menu-head"), html.Ul(className="jobs-list")],
                className="menu-panel jobs-panel",
            ),
        ],
        id=ids.JOBS_MENU, className="menu", hidden=True,
    )


def _row(label: str, control: Any) -> html.Div:
    return html.Div([html.Span(label, className="field-label"), control], className="field-row")


def _check(name: str, words: str, hidden: bool = False) -> html.Label:
    return html.Label(
        [Svg("input", attrs={"type": "checkbox", "name": name}), html.Span(words)], className="check", hidden=hidden,
    )
