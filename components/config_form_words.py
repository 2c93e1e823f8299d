"""The configuration in words: choices, amounts, ranges, tabs, and what is touched by a change."""

from __future__ import annotations

import json
from typing import Any

from flask_babel import gettext as _

from components import formats, model_words
from components.config_fields import Node

TABS = ("paths", "proxies", "models", "monitoring", "alerts", "notifications", "ui", "logging", "backup")
"""Tabs of the page, in order; their names stand in the address."""


_SCALES = {
    "ms": ((3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms")),
    "min": ((60, "h"), (1, "min")),
    "s": ((3600, "h"), (60, "min"), (1, "s")),
}


def tab_words(tab: str) -> str:
    """What a tab is called."""
    return {
        "paths": _("Paths"), "proxies": _("Proxies"), "models": _("Models"), "monitoring": _("Monitoring"),
        "alerts": _("Alerts"), "notifications": _("Notifications"), "ui": _("UI"), "logging": _("Logging"),
        "backup": _("Backup"),
    }[tab]


def option_words(node: Node, value: Any) -> str:
    """One of a field's choices."""
    if not isinstance(value, str):
        return amount(value, node.unit)
    if node.key == "engine":
        return _("Found out by asking it") if value == "auto" else model_words.engine(value)
    return {
        "dark": _("Dark"), "light": _("Light"), "auto": _("As the system has it"),
        "overview": _("Overview"), "monitoring": _("Monitoring"), "explore": _("Explore"), "views": _("Views"),
        "alerts": _("Alerts"),
        "info": _("Information"), "warning": _("Warning"), "error": _("Error"), "critical": _("Critical"),
        "debug": _("Everything (debug)"), "warn": _("Warnings and errors"),
        "json": _("JSON, for programs"), "console": _("Lines, for people"),
        "mon": _("Mon"), "tue": _("Tue"), "wed": _("Wed"), "thu": _("Thu"), "fri": _("Fri"), "sat": _("Sat"),
        "sun": _("Sun"), "en": "English", "fr": "Français",
        "no": _("Never"), "on-failure": _("After a failure"), "always": _("Always"),
    }.get(value, value)


def amount(value: float, unit: str) -> str:
    """``3600000 ms`` as ``1 h``: the largest unit that leaves no fraction."""
    scales = _SCALES.get(unit, ((1, unit),))
    size, name = next(((size, name) for size, name in scales if value and value % size == 0), scales[-1])
    words = {"h": _("h"), "min": _("min"), "s": _("s")}.get(name, name)
    return f"{number(value / size)} {words}".strip()


def number(value: float) -> str:
    """A number as one would write it, the thousands apart."""
    return formats.number(value, 0 if value == int(value) else 2)


def range_words(node: Node) -> str:
    """What a number may be; empty where it has no bounds."""
    if node.low is None or node.high is None:
        return ""
    low, high = (amount(bound, node.unit) if node.unit in _SCALES else number(bound) for bound in (node.low, node.high))
    if node.above:
        return _("above %(low)s, up to %(high)s", low=low, high=high)
    return _("%(low)s to %(high)s", low=low, high=high)


def value_words(node: Node, value: Any) -> str:
    """A value as a sentence names it."""
    if node.control == "switch":
        return _("on") if value else _("off")
    if node.control == "select":
        return option_words(node, value)
    if isinstance(value, list):
        return ", ".join(option_words(node, one) for one in value) or _("none")
    if isinstance(value, int | float):
        return amount(value, node.unit) if node.unit else f"{value:.12g}"
    return str(value) if value else _("empty")


def as_json(value: Any) -> str:
    """A value as an attribute holds it for the page's script."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
