"""Addresses of our own pages and routes, below the path that Vigie is served at (``--base-path``)."""

from __future__ import annotations

from urllib.parse import quote

from flask import has_request_context, request

PLAIN = "{}=,!;~|:/@$-_.*()"
"""What a query holds as it is, besides letters: an address is to be pasted into a chat. ``assets/http.js`` leaves alone
the same."""


def href(path: str, **query: str | int | None) -> str:
    """``path`` (from the root of the app) as a browser needs it, with a query string of what is not None or empty."""
    root = request.script_root if has_request_context() else ""
    parts = [f"{name}={quote(str(value), safe=PLAIN)}" for name, value in query.items() if value not in (None, "")]
    return root + path + ("?" + "&".join(parts) if parts else "")
