"""A page whose address is right and whose subject is not there: its document has status 404."""

from __future__ import annotations

from flask import g, has_request_context


def note_missing() -> None:
    """Called by a layout that shows that there is no such thing."""
    if has_request_context():
        g.vigie_missing = True


def there_is_none() -> bool:
    """True when the layout of the request in hand said so."""
    return bool(g.get("vigie_missing", False))
