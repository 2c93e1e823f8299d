"""The bell in the top bar, its panel, and the place of alerts that are shown as they happen."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dash import dcc, html
from flask_babel import gettext as _

from components import cards, icons, ids
from components.attrs import attrs
from components.links import href
from components.notice_words import severity
from components.svg import Svg
from config.dashboard import SEVERITIES


def words() -> dict[str, str]:
    """What the bell's script says, ``%(name)s`` to be filled in by it."""
    return {
        "none": _("Alerts: none unread"), "unread": _("Alerts: %(count)s unread"), "more": _("%(count)s more alerts"),
        "close": _("Close"), "empty": _("No alert yet"), "away": _("The alerts cannot be read now."),
        "browser_on": _("This browser tells you of alerts while the page is hidden."),
        "browser_off": _("This browser stays silent while the page is hidden."),
        "browser_ask": _("The browser asks for your consent when you switch this on."),
        "browser_denied": _("This browser refuses notifications of this site: allow them in its settings."),
        "browser_none": _("This browser has no notifications, or only for pages over HTTPS."),
        "saved": _("Saved."), "read": _("All alerts are marked as read."),
    }


def bell() -> html.Details:
    """The bell, closed; ``assets/bell.js`` fills it."""
    return html.Details(
        [
            html.Summary(
                [icons.icon("bell", 18), html.Span("", className="bell-count", hidden=True)],
                className="topbar-button bell-button", title=_("Alerts"),
                **attrs(aria_label=_("Alerts: none unread")),
            ),
            html.Div(
                [
                    html.Div(
                        [
                            html.Strong(_("Alerts")),
                            html.Button(
                                _("Mark all as read"), type="button", className="button button-quiet button-small",
                                disabled=True, **attrs(data_bell_read="1"),
                            ),
                        ],
                        className="bell-head",
                    ),
                    html.Ul(className="bell-list"),
                    html.Div(
                        [
                            dcc.Link(_("All alerts"), href=href("/alerts"), className="menu-item"),
                            dcc.Link(_("How you are told"), href=href("/settings"), className="menu-item"),
                        ],
                        className="bell-foot",
                    ),
                ],
                className="menu-panel bell-panel",
            ),
        ],
        className="menu bell", id=ids.SHELL_BELL, **attrs(data_words=json.dumps(words(), ensure_ascii=False)),
    )


def toasts() -> html.Div:
    """Where alerts are shown as they happen; empty, filled by ``assets/bell.js``."""
    return html.Div(id=ids.SHELL_ALERTS, className="alert-toasts", role="status", **attrs(aria_live="polite"))


def choices_card(toasts_on: Sequence[str]) -> html.Section:
    """How somebody is told of alerts in the page: kept by ``assets/bell.js`` as soon as it is chosen."""
    return cards.card(
        _("Notifications"),
        [
            html.Div(
                [
                    html.Span(_("Show as they happen"), className="field-label"),
                    html.Div(
                        [
                            html.Label(
                                [
                                    Svg("input", attrs={
                                        "type": "checkbox", "data-toasts": code, "defaultChecked": code in toasts_on,
                                    }),
                                    html.Span(severity(code)),
                                ],
                                className="check",
                            )
                            for code in SEVERITIES
                        ],
                        className="check-row",
                    ),
                    html.P(_("New alerts of these severities appear in the corner of every page."),
                           className="field-hint"),
                ],
                className="field-row", role="group", **attrs(aria_label=_("Show as they happen")),
            ),
            html.Div(
                [
                    html.Span(_("While the page is hidden"), className="field-label"),
                    html.Button(
                        _("Notify by the browser"), type="button", className="button button-small",
                        **attrs(aria_pressed="false", data_browser="1"),
                    ),
                    html.P("", className="field-hint", role="status", **attrs(data_browser_state="1")),
                ],
                className="field-row",
            ),
        ],
        icon="bell",
    )
