"""The strip below a page's toolbar: the whole of time, and in it the part that the charts show.

``assets/brush.js`` draws the line, moves the part and hears the hand; its height is there from the first paint.
"""

from __future__ import annotations

from dash import html
from flask_babel import gettext as _

from components.attrs import attrs


def brush() -> html.Div:
    """The empty strip."""
    return html.Div(
        html.Div(
            [
                html.Canvas(className="brush-line", **attrs(aria_hidden="true")),
                html.Div(className="brush-dim", **attrs(data_dim="before")),
                html.Div(className="brush-dim", **attrs(data_dim="after")),
                html.Div([], className="brush-ticks", **attrs(aria_hidden="true")),
                _handle("part", _("Part in view"), _("Drag to move through time")),
                _handle("from", _("Start of the part in view")),
                _handle("to", _("End of the part in view")),
            ],
            className="brush-track",
        ),
        className="brush", role="group",
        **attrs(data_brush="1", data_live_words=_("Live, up to now"), aria_label=_("The whole, and the part in view")),
    )


def _handle(part: str, label: str, hint: str = "") -> html.Div:
    return html.Div(
        className=f"brush-{'part' if part == 'part' else 'edge'}", role="slider", tabIndex="0", title=hint or None,
        **attrs(
            data_handle=part, aria_label=label, aria_orientation="horizontal", aria_valuemin="0", aria_valuemax="100",
            aria_valuenow="100",
        ),
    )
