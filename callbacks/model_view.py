"""What callbacks about models have in common: which model is shown, over what time, and what may be done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from components import model_page, states
from components.sentences import sentence
from components.timebar import zoom_of
from live.models import Model
from security.permissions import allowed
from services import vigie
from storage.errors import StorageError

MOST_SECONDS = 366 * 86_400.0


def named(view: Any) -> tuple[str, str]:
    """(server, model) that a page is of; two empty texts where it is of none."""
    given = view if isinstance(view, Mapping) else {}
    server, name = given.get("server"), given.get("model")
    return (server, name) if isinstance(server, str) and isinstance(name, str) else ("", "")


def shown_model(view: Any) -> Model | None:
    """The model that a page is of, also where no server tells of it now; None where it names none."""
    server, name = named(view)
    return (vigie().serving.row(server, name) or model_page.gone(server, name)) if name else None


def window_of(span: Any) -> tuple[float, float]:
    """What the charts of a page show, epoch seconds; while they move along, up to now."""
    given = span if isinstance(span, Mapping) else {}
    first, last = zoom_of(given.get("from"), given.get("to"))
    if first is not None and last is not None:
        return first / 1000, min(last / 1000, first / 1000 + MOST_SECONDS)
    seconds, now = given.get("seconds"), time.time()
    wide = isinstance(seconds, int | float) and 0 < seconds <= MOST_SECONDS
    return now - (float(seconds) if wide else 300.0), now  # type: ignore[arg-type]


def may_act() -> dict[str, bool]:
    """Whether who looks may start and stop models, as the tables and heads take it."""
    return {"may_start": allowed("models:start"), "may_stop": allowed("models:stop")}


def unread(error: StorageError) -> Any:
    """The request log cannot be read."""
    return states.failed(_("The request log cannot be read"), sentence(str(error)),
                         _("It comes back with the database."))
