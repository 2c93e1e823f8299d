"""The mark of texts that are translated later."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802 - gettext's name for "mark this for translation"
    """``text`` itself, marked for translation where it is shown."""
    return text
