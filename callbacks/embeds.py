"""Embed links: their list, drawn anew when one was revoked."""

from __future__ import annotations

import time
from typing import Any

from dash import Dash, Input, Output
from flask import request
from flask_babel import gettext as _

from callbacks import requires
from components import embed_list, ids, states
from components.embeds import address_of
from components.sentences import sentence
from components.view_rules import person
from security.context import security
from security.permissions import allowed
from storage.errors import StorageError


def links(_changed: float | None) -> Any:
    """The list of one's own links; of all, for who manages them."""
    everybody, embeds = allowed("embeds:manage"), security().embeds
    try:
        found = embeds.list(None if everybody else person().id)
    except StorageError as error:
        return states.failed(_("The list cannot be read"), sentence(str(error)), _("It comes back with the database."))
    return embed_list.links_table(
        found, time.time(), lambda embed: address_of(embeds.token(embed), request.host_url), everybody=everybody,
    )


def register(app: Dash) -> None:
    """Registers this page's callback."""
    app.callback(Output(ids.EMBEDS_LIST, "children"), Input(ids.EMBEDS_ASK, "data"))(requires("embeds:create")(links))
