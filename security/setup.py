"""Wires the security room to a Flask app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, Response, request, session
from flask.json.provider import DefaultJSONProvider
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_babel import get_locale
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError, generate_csrf

from config.secret import Cipher
from config.settings import Settings
from security import embed_guard, guard, headers, problems, proxy_door, sso_views, views
from security.accounts import Accounts
from security.audit import Trail, refusals
from security.audit.trail import KEY as AUDIT
from security.context import KEY, Security
from security.embeds import Embeds
from security.limits import CallLimits, SignInLimits
from security.oidc import Provider
from security.proxy_door import ProxyDoor
from security.secrets import Secrets
from security.sso import Admission
from security.tokens import Tokens

MAX_BODY = 8 * 1024 * 1024
REPORTS_A_MINUTE = 20
"""Of one sign-in's browser: a page that is broken says the same again and again."""


def init_app(
    server: Flask, settings: Settings, accounts: Accounts, secrets: Secrets, *,
    script_hashes: Callable[[], Sequence[str]] = tuple, on_blocked: Callable[[str, str], None] | None = None,
    embeddable: Callable[[str, str], bool] | None = None,
    on_embed: Callable[[str, str, dict[str, str]], None] | None = None, trail: Trail | None = None,
) -> None:
    """Makes ``server`` closed by default. Call it before Dash and before every other ``before_request``.

    Args:
        script_hashes: CSP sources of inline scripts without a nonce: ``lambda: dash_app.csp_hashes()``.
        on_blocked: told the address and the name (empty when it is nobody's) when attempts to sign in are blocked, at
            most once a minute per address.
        embeddable: whether the Dash callback of an output answers embed links of a kind.
        on_embed: told kind, severity and parameters of an event when a link is made, revoked or refused.
        trail: where everything is recorded; by default one beside the accounts.
    """
    _configure(server, settings, secrets)
    accounts.sessions.idle = settings.session_hours * 3600
    accounts.sessions.remember = settings.remember_days * 86400
    server.extensions[AUDIT] = trail or Trail(accounts.database, accounts.now)
    accounts.factors.cipher = Cipher(secrets.token_key)
    csrf = CSRFProtect()
    csrf.init_app(server)
    server.extensions[KEY] = Security(
        accounts=accounts, tokens=Tokens(accounts, secrets, accounts.now), csrf=csrf,
        embeds=Embeds(accounts.database, secrets, accounts.now),
        embed_calls=CallLimits(accounts.now, most=embed_guard.CALLS_PER_MINUTE),
        embeddable=embeddable or (lambda _output, _kind: False),
        on_embed=on_embed or (lambda _kind, _severity, _params: None),
        sign_ins=SignInLimits(settings.redis_url), calls=CallLimits(accounts.now),
        reports=CallLimits(accounts.now, most=REPORTS_A_MINUTE), alarms=CallLimits(accounts.now, most=1),
        admission=Admission.of(settings.sign_in_groups, create=settings.sign_in_create),
        provider=Provider.of(settings, accounts.now),
        proxy=ProxyDoor(settings.proxy_user_header, settings.proxy_groups_header, settings.proxy_addresses)
        if settings.proxy_user_header else None,
        knock=lambda opened: proxy_door.knock(open_rule=opened),
        on_blocked=on_blocked or (lambda _address, _name: None),
    )
    # after_request runs in the reverse order: the headers are added last, to what everybody else has made.
    headers.init_app(
        server, frame_ancestors=settings.frame_ancestors, trusted_proxies=settings.trusted_proxies,
        script_hashes=script_hashes,
    )
    guard.init_app(server)
    embed_guard.init_app(server)
    problems.init_app(server)
    server.register_blueprint(views.blueprint)
    server.register_blueprint(sso_views.blueprint)
    server.register_error_handler(CSRFError, views.csrf_error)
    server.jinja_env.globals["language"] = lambda: str(get_locale() or "en")
    _csrf_cookie(server, secrets.csrf_cookie)
    _settle_audit(server)
    refusals.init_app(server)


class _Cookies(SecureCookieSessionInterface):
    """Flask's session cookie: Secure when the request came by TLS, kept for ``remember_days`` when asked to."""

    def __init__(self, remember_days: float) -> None:
        self._remembered = timedelta(days=remember_days)

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask's signature
        """Asked per request, where Flask's setting is one value for all."""
        return request.is_secure

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:  # noqa: ARG002
        """When the browser drops the cookie; None: when it closes. What a sign-in is worth, its row decides."""
        return datetime.now(UTC) + self._remembered if session.permanent else None


class _Json(DefaultJSONProvider):
    """JSON whose reader takes a body that is nested without end for what it is: no JSON of ours, and no crash."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        try:
            return super().loads(s, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _configure(server: Flask, settings: Settings, secrets: Secrets) -> None:
    server.session_interface = _Cookies(settings.remember_days)
    server.json = _Json(server)
    server.config.update(
        SECRET_KEY=secrets.session_key,
        SESSION_COOKIE_NAME=secrets.session_cookie,
        SESSION_COOKIE_PATH=settings.base_path,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        # How old a signature may be: no limit of its own, a session's row decides.
        PERMANENT_SESSION_LIFETIME=timedelta(days=3650),
        # The guard calls the check itself, once it knows whether a cookie authorises the request.
        WTF_CSRF_CHECK_DEFAULT=False,
        # A dashboard stays open for days; the token lives as long as the session.
        WTF_CSRF_TIME_LIMIT=None,
        # The guard compares Origin and Referer on every unsafe request, with or without TLS.
        WTF_CSRF_SSL_STRICT=False,
        **{problems.TRUSTED: settings.trusted_proxies > 0},
        VIGIE_CSRF_COOKIE=secrets.csrf_cookie,
    )
    server.config["MAX_CONTENT_LENGTH"] = server.config["MAX_CONTENT_LENGTH"] or MAX_BODY


def _csrf_cookie(server: Flask, name: str) -> None:
    @server.after_request
    def offer_token(response: Response) -> Response:
        """Gives pages the token that Dash sends back as a header; scripts must be able to read this cookie."""
        if response.mimetype == "text/html" and guard.cookies_count():
            expires = server.session_interface.get_expiration_time(server, session)
            response.set_cookie(
                name, generate_csrf(), expires=expires, path=server.config["SESSION_COOKIE_PATH"], samesite="Lax",
                secure=request.is_secure,
            )
        return response


def _settle_audit(server: Flask) -> None:
    @server.after_request
    def settle(response: Response) -> Response:
        """What was done is in the audit trail before its answer is out, if that takes no longer than a moment."""
        trail: Trail = server.extensions[AUDIT]
        trail.settle()
        return response
