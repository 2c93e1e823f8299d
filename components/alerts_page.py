"""The Alerts page: its tabs, and what its scripts (``assets/alerts*.js``) need to know."""

from __future__ import annotations

import json
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _

from components import alerts_dialogs, alerts_firing, alerts_history, alerts_mutes, alerts_rules, ids, timebar
from components.alerts_page_words import words
from components.attrs import attrs
from components.view_rules import person
from security.permissions import allowed

TABS = ("firing", "history", "rules", "silences")
WINDOW = "1h"
"""The window that the address does not name."""


def tab_words(tab: str) -> str:
    """What a tab is called."""
    return {
        "firing": _("Firing"), "history": _("History"), "rules": _("Rules"), "silences": _("Silences"),
    }[tab]


def page(tab: str, window: str, start: int | None, end: int | None, hostname: str) -> html.Div:
    """The whole page at ``tab``. ``hostname`` is the name of the machine that Vigie runs on."""
    shown = tab if tab in TABS else TABS[0]
    bodies = {
        "firing": alerts_firing.panel, "history": alerts_history.panel, "rules": alerts_rules.panel,
        "silences": alerts_mutes.panel,
    }
    page = timebar.timed_page(
        "alerts", "/alerts",
        [
            html.H1(_("Alerts"), className="visually-hidden"),
            timebar.toolbar(_tabs(shown), window, start is not None),
            *[_panel(name, shown, bodies[name]()) for name in TABS],
            *alerts_dialogs.dialogs_of_page(),
            dcc.Store(id=ids.ALERTS_ASK),
        ],
        window=window, start=start, end=end, base=WINDOW, class_name="alerts", tab=shown,
    )
    may = {name: allowed(f"alerts:{name}") for name in ("acknowledge", "silence", "edit")}
    for name, value in attrs(
        data_shown=shown, data_words=json.dumps(words(), ensure_ascii=False), data_may=json.dumps(may),
        data_servers=json.dumps({"1": hostname}), data_user=person().name,
    ).items():
        setattr(page, name, value)
    return page


def _tabs(shown: str) -> html.Div:
    return html.Div(
        [
            html.Button(
                [tab_words(name), html.Span("", className="al-count num")], type="button", className="tab", role="tab",
                id=f"al-tab-{name}", tabIndex=0 if name == shown else -1,
                **attrs(data_al_tab=name, aria_selected=str(name == shown).lower(), aria_controls=f"al-panel-{name}"),
            )
            for name in TABS
        ],
        className="tabs", role="tablist", **attrs(aria_label=_("Alerts")),
    )


def _panel(name: str, shown: str, children: Any) -> html.Div:
    return html.Div(
        children, className=f"al-panel al-panel-{name}", role="tabpanel", id=f"al-panel-{name}",
        hidden=None if name == shown else True, **attrs(aria_labelledby=f"al-tab-{name}"),
    )
