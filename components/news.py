"""What pages are told at once over their socket, in words: one function for each topic of the hub that they follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _

from components import config_words, notice_words

Told = dict[str, Any]
"""``text`` for a toast, its ``kind`` (info, ok, warning, error), ``href`` of where to read on; all may be absent."""


def config(data: Mapping[str, Any]) -> Told:
    """A change of the configuration: who, what, and which parts go by it. That its file was refused is an event."""
    if "changes" not in data:
        return {}
    text = _(
        "%(name)s changed the configuration: %(what)s. Affects: %(services)s.",
        name=config_words.author(str(data["by"])), what=config_words.listed(data["changes"]),
        services=", ".join(map(config_words.service, data["services"])) or "–",
    )
    if data.get("restart"):
        text += " " + _("%(what)s: from the next start.", what=config_words.listed(data["restart"]))
    return {"text": text, "kind": "info"}


def notices(data: Mapping[str, Any]) -> Told:
    """An alert that began or ended: as a line of the bell."""
    return notice_words.line(data)


TOPICS: dict[str, Callable[[Mapping[str, Any]], Told]] = {"config": config, "notices": notices}


def told(topic: str, data: Mapping[str, Any]) -> Told:
    """What to say of one piece of news; empty when nothing is to be said."""
    words = TOPICS.get(topic)
    return words(data) if words is not None else {}
