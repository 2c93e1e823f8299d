"""Browsers that have signed in before: a signed cookie for each name that did.

Who guesses from afar has none. So an account that is being guessed at is slowed down for everybody but those who have
signed in at it from this very browser; these have a bound of their own. Source: OWASP, "Slow Down Online Guessing
Attacks with Device Cookies".
"""

from __future__ import annotations

import secrets
from typing import cast

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from security.lockout import key_of

SECONDS = 180 * 86400
"""How long a browser is known after its last sign-in."""


def _name() -> str:
    return f"{current_app.config['SESSION_COOKIE_NAME']}_device"


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(cast(str, current_app.secret_key), salt="vigie device")


def device_of(name: str) -> str:
    """What the browser that asks is known as at ``name``; empty when it is not."""
    try:
        key, device = _signer().loads(request.cookies.get(_name(), ""), max_age=SECONDS)
    except (BadData, ValueError, TypeError):
        return ""
    return str(device) if key == key_of(name) else ""


def remember(name: str) -> None:
    """Makes the browser that asks known at ``name``, with the answer in hand."""
    value = _signer().dumps([key_of(name), device_of(name) or secrets.token_urlsafe(12)])

    @after_this_request
    def keep(response: Response) -> Response:
        response.set_cookie(
            _name(), value, max_age=SECONDS, path=current_app.config["SESSION_COOKIE_PATH"], httponly=True,
            samesite="Lax", secure=request.is_secure,
        )
        return response
