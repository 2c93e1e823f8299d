"""The delivery log: what was told to whom by which channel, and what became of it. A card for any page.

``assets/deliveries.js`` fills it; several may stand on a page.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from dash import html
from flask_babel import gettext as _

from components import cards, notice_words
from components.attrs import attrs
from components.svg import Svg
from security.permissions import allowed

STATES = ("waiting", "sent", "failed", "muted")


def words() -> dict[str, str]:
    """What the card's script says, ``%(name)s`` to be filled in by it."""
    return {
        "none": _("Nothing was sent yet"), "none_such": _("No delivery is like this"), "more": _("Older"),
        "again": _("Send again"), "attempts": _("%(count)s attempts"), "next": _("next attempt %(time)s"),
        "waiting": _("%(count)s wait, the oldest since %(time)s"), "idle": _("Nothing waits"),
        "away": _("The log cannot be read now."), "over": _("%(name)s is over"), "status": _("answer %(status)s"),
        "queued": _("It is sent again."),
    }


def card(channels: Sequence[str], alert: int | None = None) -> html.Section:
    """The log.

    Args:
        channels: names to filter by.
        alert: only what was told of this alert.
    """
    options = [("", _("Every channel")), *((name, name) for name in channels)]
    states = [("", _("Every state")), *((code, notice_words.delivery_state(code)) for code in STATES)]
    return cards.card(
        _("Delivery log"),
        [
            html.P("", className="deliveries-depth muted", role="status"),
            html.Ul(className="rows deliveries-list"),
            html.Button(_("Older"), type="button", className="button button-small deliveries-more", hidden=True),
        ],
        aside=[] if alert is not None else [
            _choice("channel", _("Channel"), options), _choice("state", _("State"), states),
        ],
        icon="envelope", className="deliveries",
        **attrs(
            data_deliveries="" if alert is None else str(alert), data_again="1" if allowed("config:edit") else "",
            data_words=json.dumps(words(), ensure_ascii=False),
        ),
    )


def _choice(name: str, label: str, options: Sequence[tuple[str, str]]) -> Svg:
    made = [Svg("option", text, {"value": value}) for value, text in options]
    return Svg("select", made, {
        "className": "form-select deliveries-choice", "aria-label": label, "data-filter": name, "defaultValue": "",
    })
