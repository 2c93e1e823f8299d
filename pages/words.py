"""Words that the page's scripts show, in the viewer's language."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from components import formats, gauges


def words() -> dict[str, Any]:
    """``units`` and ``words`` for the scripts; each script falls back to English without them."""
    return {
        "units": {
            "bytes": formats.byte_units(), "per_second": _("/s"), "rpm": _("rpm"),
            "d": _("d"), "h": _("h"), "min": _("min"), "s": _("s"),
        },
        "words": {
            "OK": gauges.health_words("OK"), "WARNING": gauges.health_words("WARNING"),
            "CRITICAL": gauges.health_words("CRITICAL"),
            "live": _("Live"), "polling": _("Live, by polling"), "wait": _("Connecting"), "down": _("No connection"),
            "paused": _("Paused"), "stale": _("No new values"),
            "chart-line": _("{name}: newest {newest}, lowest {low}, highest {high}"),
            "chart-same": _("{name}: {value} throughout"),
            "chart-held": _("{name}: {share} of the time"), "chart-never": _("At no time"),
            "chart-rest": _("And {count} more, which are lower."),
            "kiosk_exit": _("Leave the full screen"), "kiosk_next": _("Next view"),
            "kiosk_previous": _("Previous view"), "kiosk_pause": _("Stay on this view"),
            "kiosk_go": _("Go on in turn"), "kiosk_paused": _("Stays on this view"),
        },
    }
