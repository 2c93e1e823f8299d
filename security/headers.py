"""Response headers: a strict Content-Security-Policy with a nonce, and its companions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from security import embed_guard
from security.problems import request_id

HSTS_SECONDS = 365 * 86400
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()" for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
)


def nonce() -> str:
    """The nonce of the answer in hand: put it on every inline ``<script>`` and ``<style>``."""
    if "vigie_nonce" not in g:
        g.vigie_nonce = secrets.token_urlsafe(16)
    return str(g.vigie_nonce)


def policy(mark: str, script_hashes: Sequence[str], ancestors: Sequence[str]) -> str:
    """The Content-Security-Policy of an HTML answer.

    ``style-src-attr 'unsafe-inline'`` is for the style attributes that plotly.js sets; style elements need the nonce.
    ``data:`` and ``blob:`` images are a chart's PNG export.
    """
    scripts = " ".join(["'self'", f"'nonce-{mark}'", *script_hashes])
    return "; ".join((
        "default-src 'self'", f"script-src {scripts}", f"style-src 'self' 'nonce-{mark}'",
        "style-src-attr 'unsafe-inline'", "img-src 'self' data: blob:", "connect-src 'self'", "font-src 'self'",
        "object-src 'none'", "base-uri 'self'", "form-action 'self'",
        f"frame-ancestors {' '.join(ancestors)}",
    ))


def init_app(
    server: Flask, *, frame_ancestors: Sequence[str] = (), trusted_proxies: int = 0,
    script_hashes: Callable[[], Sequence[str]] = tuple,
) -> None:
    """Adds the headers to every answer. ``script_hashes`` gives the CSP sources of inline scripts without a nonce
    (Dash's own), asked for each page because Dash adds some at its first request."""
    if trusted_proxies:
        fixed = ProxyFix(server.wsgi_app, x_for=trusted_proxies, x_proto=trusted_proxies, x_host=trusted_proxies)
        server.wsgi_app = fixed  # type: ignore[method-assign]
    server.jinja_env.globals["csp_nonce"] = nonce

    @server.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        embedding = embed_guard.embedding()
        headers["Referrer-Policy"] = "no-referrer" if embedding else "same-origin"  # the address holds a token
        headers["X-Request-ID"] = request_id()
        if request.is_secure:
            headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}"
            if not embedding:
                # Browsers complain on their console about this one without TLS.
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if response.mimetype == "text/html":
            headers["Content-Security-Policy"] = policy(
                nonce(), script_hashes(), embed_guard.ancestors(frame_ancestors)
            )
            headers["Permissions-Policy"] = PERMISSIONS_POLICY
        if embedding:
            headers["X-Robots-Tag"] = "noindex"
            headers["Cache-Control"] = "no-store"
        elif "Cache-Control" not in headers:
            # What a signed-in person sees is nobody else's; after signing out a reload asks again.
            headers["Cache-Control"] = "private, no-cache"
        return response
