"""A threshold over the last day of what it watches, to be moved by hand; ``assets/threshold.js`` draws it and says what
would have come of it."""

from __future__ import annotations

import json

from dash import html
from flask_babel import gettext as _

from components import icons
from components.attrs import attrs
from components.still import Still, still
from components.svg import Svg


def words() -> dict[str, str]:
    """What the script says, ``{name}`` to be filled in by it."""
    return {
        "one": _("1 alert, {time} in all"), "many": _("{count} alerts, {time} in all"), "none": _("No alert"),
        "today": _("with today's rule: {count}"), "same": _("as with today's rule"),
        "over": _("in the last {time}"), "worst": _("Worst: {series}"), "series": _("{count} series"),
        "left": _("{shown} of {count} series are drawn"), "empty": _("There are no values of the last day."),
        "nothing": _("Nothing to watch yet: choose a metric."), "away": _("The past cannot be read now."),
        "wrong": _("This cannot be tried yet: {why}"),
        "suggested": _("Suggested: {value}. Over {time} of values it would have given {alerts} alerts. It is the "
                       "value nearest to what is usual that gives at most {most} a day."),
        "unsuggested": _("There is too little history to suggest a threshold."),
    }


def editor(*, suggest: bool = True) -> Still:
    """The drawing with its line, its words, and the button that suggests a value."""
    return still(html.Div(
        [
            html.Div(
                [
                    html.P("", className="th-words", role="status"),
                    html.Button(
                        [icons.icon("magic"), _("Suggest")], type="button", className="button button-small",
                        title=_("A threshold out of the last day"), **attrs(data_th_suggest="1"),
                    ) if suggest else None,
                ],
                className="th-head",
            ),
            html.Div(
                [
                    Svg("canvas", attrs={"className": "th-canvas", "aria-hidden": "true"}),
                    html.Div(
                        html.Span("", className="th-label num"), className="th-line", role="slider", tabIndex="0",
                        **attrs(aria_label=_("Threshold"), aria_orientation="vertical"),
                    ),
                    html.P("", className="th-empty"),
                ],
                className="th-plot",
            ),
            html.P("", className="th-more"),
        ],
        className="threshold", **attrs(data_words=json.dumps(words(), ensure_ascii=False)),
    ))
