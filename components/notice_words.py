"""What is told of an alert, in the viewer's language: lines of the bell, toasts, the delivery log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from components.formats import human
from components.links import href


def severity(code: str) -> str:
    """A severity."""
    return {
        "info": _("info"), "warning": _("warning"), "error": _("error"), "critical": _("critical"),
    }.get(code, code)


def line(told: Mapping[str, Any]) -> dict[str, Any]:
    """An alert for the page: ``title``, ``text``, ``href``, ``kind`` (its severity, or ``ok`` when it is over).

    Args:
        told: a notice as `alerts.notices.data` has it.
    """
    over = told["state"] == "resolved"
    name = str(_(told["name"])) if told["name"] else str(told["rule"])
    parts = [str(told["server"])]
    if told["value"] is not None:
        value = human(told["value"], told["unit"])
        limit = None if told["threshold"] is None else human(told["threshold"], told["unit"])
        parts.append(_("%(value)s (limit %(limit)s)", value=value, limit=limit) if limit else value)
    parts += [f"{key}={value}" for key, value in sorted(told["labels"].items())][:2]
    return {
        "title": _("%(name)s is over", name=name) if over else name,
        "text": " · ".join(part for part in parts if part),
        "href": href("/alerts", alert=told["uuid"]), "kind": "ok" if over else told["severity"],
        "severity": severity(told["severity"]),
    }


def delivery_state(code: str) -> str:
    """State of a delivery."""
    return {
        "waiting": _("waits"), "sending": _("is being sent"), "sent": _("sent"), "failed": _("given up"),
        "muted": _("not sent"),
    }.get(code, code)


def muted(reason: str) -> str:
    """Why something is not sent: a code of the alert engine, such as ``silence:3``."""
    kind, _sep, which = reason.partition(":")
    if kind in ("silence", "silenced"):
        return _("silenced")
    if kind in ("maintenance",):
        return _("maintenance")
    if kind == "inhibited":
        return _("muted by %(rule)s", rule=which) if which else _("muted by another alert")
    if kind == "flapping":
        return _("flapping")
    return reason
