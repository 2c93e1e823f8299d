"""The language, numbers and times of messages: those that the configuration names, for no viewer is there to ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

TRANSLATIONS = Path(__file__).parent.parent / "translations"
STEPS = 1024.0


@lru_cache(maxsize=4)
def catalogue(language: str) -> NullTranslations:
    """The catalogue of a language; English needs none."""
    return Translations.load(str(TRANSLATIONS), [language]) if language != "en" else NullTranslations()


class Words:
    """How one reader is spoken to."""

    def __init__(self, language: str = "en", zone: str = "UTC") -> None:
        self.language, self.zone = language, ZoneInfo(zone)
        found = catalogue(language)
        self.gettext: Callable[[str], str] = found.gettext
        self.ngettext: Callable[[str, str, int], str] = found.ngettext

    def number(self, value: float, digits: int = 0) -> str:
        """A number with so many decimals."""
        return format_decimal(value, "#,##0" + ("." + "0" * digits if digits else ""), locale=self.language)

    def human(self, value: float | None, unit: str) -> str:
        """A value in a base unit of `metrics.units.UNITS` as people read it: ``0.42, "ratio"`` is ``42 %``."""
        _ = self.gettext
        if value is None or value != value:
            return "–"
        if unit == "ratio":
            return f"{self.number(value * 100, 0 if abs(value) >= 0.0995 else 1)} %"
        if unit == "seconds":
            return self.duration(value)
        if unit in ("bytes", "bytes_per_second"):
            size, i, names = float(value), 0, (_("B"), _("KiB"), _("MiB"), _("GiB"), _("TiB"), _("PiB"))
            while abs(size) >= STEPS and i < len(names) - 1:
                size, i = size / STEPS, i + 1
            text = f"{self.number(size, 0 if i == 0 or abs(size) >= 100 else 1)} {names[i]}"
            return text + _("/s") if unit == "bytes_per_second" else text
        suffix = {"celsius": "°C", "watts": "W", "per_second": _("/s"), "rpm": _("rpm"), "hertz": "Hz"}.get(unit, "")
        digits = 0 if abs(value) >= 100 or value == int(value) else 2 if abs(value) < 1 else 1
        return f"{self.number(value, digits)} {suffix}".rstrip()

    def duration(self, seconds: float) -> str:
        """A duration in its two largest units."""
        _ = self.gettext
        if 0 < abs(seconds) < 1:
            return f"{self.number(seconds * 1000)} ms"
        left, found = int(seconds), []
        for size, name in ((86400, _("d")), (3600, _("h")), (60, _("min")), (1, _("s"))):
            if left >= size:
                found.append(f"{left // size} {name}")
                left %= size
        return " ".join(found[:2]) or f"0 {_('s')}"

    def moment(self, at: float) -> str:
        """Date and time in the reader's zone, with its name."""
        local = datetime.fromtimestamp(at, UTC).astimezone(self.zone)
        return format_datetime(local, "d MMM yyyy HH:mm:ss z", tzinfo=self.zone, locale=self.language)
