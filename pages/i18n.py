"""Languages and time zones: whose they are, and the catalogue that ``pybabel compile`` makes."""

from __future__ import annotations

import zoneinfo
from pathlib import Path

import structlog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, has_request_context, request
from flask_babel import Babel

from security.identity import current_identity

log = structlog.get_logger(__name__)
TRANSLATIONS = Path(__file__).parent.parent / "translations"
LANGUAGES = ("en", "fr")
_ZONES = frozenset(zoneinfo.available_timezones())
TIMEZONE_COOKIE = "vigie-timezone"
"""Set by the page: the browser's zone, so that the next answer writes times in it."""
TIMEZONE_HEADER = "X-Vigie-Timezone"
"""Sent by the page of an embed link, which sets no cookie."""


def locale() -> str:
    """The language of the request in hand: the person's own, else what the browser asks for, else English."""
    if not has_request_context():
        return LANGUAGES[0]
    identity = current_identity()
    if identity is not None and identity.language in LANGUAGES:
        return identity.language
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def timezone() -> str:
    """The time zone of the request in hand: the person's own, else the browser's when it has told, else UTC."""
    if not has_request_context():
        return "UTC"
    identity = current_identity()
    if identity is not None and identity.embed is not None:  # no cookie: each request tells the browser's
        names = (request.headers.get(TIMEZONE_HEADER, ""), identity.embed.target.timezone)
        return next((name for name in names if name in _ZONES), "UTC")
    for name in (identity.timezone if identity else "", request.cookies.get(TIMEZONE_COOKIE, "")):
        if name and name in _ZONES:
            return name
    return "UTC"


def compile_catalogues(folder: Path = TRANSLATIONS) -> list[Path]:
    """Compiles each ``.po`` whose ``.mo`` is missing or older; returns what was written.

    A folder that cannot be written leaves the screen in English, with a warning: ``make install`` compiles too.
    """
    written = []
    for po in sorted(folder.glob("*/LC_MESSAGES/messages.po")):
        mo = po.with_suffix(".mo")
        if mo.is_file() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        try:
            with po.open("rb") as source:
                catalogue = read_po(source, locale=po.parent.parent.name)
            fresh = mo.with_suffix(".mo.new")
            with fresh.open("wb") as target:
                write_mo(target, catalogue)
            fresh.replace(mo)
        except OSError as error:
            log.warning("The translations cannot be compiled.", file=str(po), error=str(error))
            continue
        written.append(mo)
    return written


def init_i18n(server: Flask) -> Babel:
    """Puts the languages into ``server``; call once per app."""
    compile_catalogues()
    return Babel(
        server, default_locale=LANGUAGES[0], default_timezone="UTC", default_translation_directories=str(TRANSLATIONS),
        locale_selector=locale, timezone_selector=timezone,
    )
