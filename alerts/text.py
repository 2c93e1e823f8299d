"""The sentence of an alert: its message with its places filled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from alerts.state import holds

if TYPE_CHECKING:
    from alerts.alert import Alert

_PLACE = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)\}")


def fill(text: str, params: Mapping[str, str]) -> str:
    """``text`` with each ``{place}`` that ``params`` has filled; others stay as they are."""
    return _PLACE.sub(lambda found: params.get(found[1], found[0]), text)


def message(
    alert: Alert, gettext: Callable[[str], str], human: Callable[[float | None, str], str], what: str = "",
    label: Callable[[str, str], str] = lambda _name, value: value,
) -> str:
    """What an alert says, in a language.

    Args:
        alert: the alert.
        gettext: translates; a message of a shipped rule is in the catalogue.
        human: a value and its base unit -> as people read it.
        what: the watched value in words; the series' key when empty.
        label: a label's name and value -> the value in words.
    """
    # One that fires on until it has been quiet for a while says what it is about, and not what it came down to.
    there = alert.value is not None and holds(alert.comparison, alert.value, alert.threshold)
    value = alert.value if there or alert.peak is None else alert.peak
    params = {
        **{name: label(name, value) for name, value in alert.labels.items()},
        "value": human(value, alert.unit), "peak": human(alert.peak, alert.unit),
        "limit": human(alert.threshold, alert.unit), "name": gettext(alert.name), "server": str(alert.server),
        "rule": alert.rule, "metric": alert.metric, "what": what or alert.series,
    }
    return fill(gettext(alert.message), params) if alert.message else params["name"]
