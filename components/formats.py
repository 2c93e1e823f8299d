"""Values, times and durations as the viewer's language writes them. ``assets/format.js`` does the same in the page."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from flask_babel import format_datetime, format_decimal, get_locale, to_user_timezone
from flask_babel import gettext as _

ABSENT = "–"


def byte_units() -> list[str]:
    """B to PiB as the language writes them (in French: o, Kio, ...)."""
    return [_("B"), _("KiB"), _("MiB"), _("GiB"), _("TiB"), _("PiB")]


def number(value: float, digits: int = 0) -> str:
    """A number with exactly ``digits`` decimals. What rounds to zero has no sign."""
    if abs(value) * 10**digits <= 0.5:
        value = 0
    return str(format_decimal(value, format="#,##0" + ("." + "0" * digits if digits else "")))


def figure(value: float | None) -> str:
    """A number with three significant digits, so that small ones do not vanish: ``0.000123``, ``12.3``, ``1,234``."""
    if value is None:
        return ABSENT
    return number(value, min(max(2 - math.floor(math.log10(abs(value))), 0), 8) if value else 0)


def parts(value: float | None, unit: str) -> tuple[str, str]:
    """A value as (number, unit) in words: ``(0.42, "ratio")`` -> ``("42", "%")``; absent is an en dash.

    Args:
        value: in the base unit, or None when absent.
        unit: a base unit of `metrics.units.UNITS`.
    """
    if value is None or value != value:
        return ABSENT, ""
    if unit == "ratio":
        return number(value * 100, 0 if abs(value) >= 0.0995 else 1), "%"
    if unit in ("bytes", "bytes_per_second"):
        size, i, names = float(value), 0, byte_units()
        while abs(size) >= 1024 and i < len(names) - 1:
            size, i = size / 1024, i + 1
        return number(size, 0 if i == 0 or abs(size) >= 100 else 1), names[i] + (
            _("/s") if unit == "bytes_per_second" else ""
        )
    if unit == "seconds":
        return duration(value), ""
    if unit == "hertz":
        return (number(value / 1e9, 2), "GHz") if value >= 1e9 else (number(value / 1e6), "MHz")
    suffix = {"celsius": "°C", "watts": "W", "per_second": _("/s"), "rpm": _("rpm")}.get(unit, "")
    return number(value, 0 if abs(value) >= 100 or value == int(value) else 1), suffix


def human(value: float | None, unit: str) -> str:
    """A value with its unit: ``human(0.42, "ratio")`` is ``42 %``."""
    text, suffix = parts(value, unit)
    return f"{text} {suffix}" if suffix else text


def duration(seconds: float) -> str:
    """A duration in its two largest units: 3 d 4 h, 12 min 5 s, 850 ms."""
    if abs(seconds) < 1:
        return f"{number(seconds * 1000)} ms"
    left, found = int(abs(seconds)), []
    for size, name in ((86400, _("d")), (3600, _("h")), (60, _("min")), (1, _("s"))):
        if left >= size:
            found.append(f"{left // size} {name}")
            left %= size
    return ("-" if seconds < 0 else "") + " ".join(found[:2])


def latency(seconds: float | None) -> str:
    """How long an answer took, as exactly as one reads it: ``850 µs``, ``12 ms``, ``1.24 s``, ``12.3 s``, ``2 min``."""
    if seconds is None or seconds != seconds:
        return ABSENT
    if seconds < 0.001:
        return f"{number(seconds * 1e6)} µs"
    if seconds < 0.9995:
        return f"{number(seconds * 1000, 0 if seconds >= 0.00995 else 1)} ms"
    if seconds < 59.95:
        return f"{number(seconds, 2 if seconds < 9.995 else 1)} {_('s')}"
    return duration(seconds)


def clock(at: float) -> str:
    """Time of day with seconds, in the viewer's zone: ``14:03:09``."""
    return str(format_datetime(datetime.fromtimestamp(at, UTC), "HH:mm:ss"))


def moment(at: float, now: float) -> str:
    """When something happened: the time today, the date and time before that, in the viewer's zone."""
    then, today = (to_user_timezone(datetime.fromtimestamp(t, UTC)) for t in (at, now))
    if then.date() == today.date():
        return str(format_datetime(datetime.fromtimestamp(at, UTC), "HH:mm"))
    return str(format_datetime(datetime.fromtimestamp(at, UTC), "d MMM HH:mm"))


def day(at: float) -> str:
    """The date in the viewer's zone: with it, how times are told changes."""
    return str(to_user_timezone(datetime.fromtimestamp(at, UTC)).date())


def iso(at: float) -> str:
    """ISO 8601 UTC, for a ``time`` element's ``dateTime``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def language() -> str:
    """The language in force, as HTML's ``lang`` wants it."""
    locale = get_locale()
    return locale.language if locale is not None else "en"
