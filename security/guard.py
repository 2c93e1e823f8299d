"""The guard: closed by default. One check before every request; what is open is listed in `OPEN` and nowhere else."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import structlog
from flask import Flask, Response, current_app, g, redirect, request
from flask_babel import gettext as _
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.exceptions import Forbidden, NotFound, TooManyRequests
from werkzeug.wrappers import Response as BaseResponse

from security import embed_guard
from security.apitokens import PREFIX
from security.context import security
from security.identity import Identity
from security.permissions import permission_of
from security.problems import PROGRAM_PATHS, for_program, problem
from storage.errors import StorageError

log = structlog.get_logger(__name__)

OPEN = (
    "/login", "/login/", "/favicon.ico", "/_favicon.ico", "/static/", "/assets/", "/_dash-component-suites/",
    "/api/health", "/api/auth/login", "/api/auth/refresh", "/api/auth/logout",
)
"""URL rules that need no sign-in; one that ends in a slash stands for every rule below it."""
BODY_CREDENTIALS = ("/api/auth/login", "/api/auth/refresh", "/api/auth/logout")
"""Open rules that take what they check from the body: a cookie counts nothing there, so no CSRF token is asked."""
DASH = ("/", "/<path:path>", "/_dash-layout", "/_dash-dependencies", "/_dash-update-component", "/_reload-hash")
"""Dash's own routes, which carry no mark: they need ``dashboard:view``. One that a later Dash adds is refused until it
is listed here."""
COUNTED = ("/api/", "/metrics", "/ws/")
"""Paths whose calls are counted per caller."""
SAFE = ("GET", "HEAD", "OPTIONS")


class SignedIn(UserMixin):
    """What flask-login holds. Its id is the session's secret, so that ending the row ends every cookie with it."""

    def __init__(self, secret: str, identity: Identity) -> None:
        self.secret, self.identity = secret, identity

    def get_id(self) -> str:
        """The alternative id, as flask-login calls it."""
        return self.secret


def is_open(rule: str) -> bool:
    """True when the URL rule needs no sign-in."""
    return any(rule.startswith(entry) if entry.endswith("/") else rule == entry for entry in OPEN)


def safe_next(target: str | None) -> str:
    """``target``, as a browser has it, if it is a page of ours, else the overview: never another site, never a route
    that is no page."""
    root = request.script_root
    home = root + "/"
    if not target or not target.startswith(home) or not target.isprintable():
        return home
    # A browser reads "//host" and "/\\host" as another site.
    if target.startswith(("//", "/\\")) or "\\" in target or urlsplit(target).netloc:
        return home
    ours = target.removeprefix(root)
    return home if ours.startswith(("//", "/login", "/logout", "/api/", "/_", "/ws/", "/metrics")) else target


def identify() -> Identity | None:
    """Who makes the request in hand: a bearer when there is an Authorization header, else the cookie's owner.

    Raises:
        StorageError: the accounts are away.
    """
    if "vigie_identity" not in g:
        g.vigie_identity = _bearer() if "Authorization" in request.headers else _cookie()
    found: Identity | None = g.vigie_identity
    return found


def identify_quietly() -> Identity | None:
    try:
        return identify()
    except StorageError:
        return None


def _bearer() -> Identity | None:
    scheme, _space, token = request.headers["Authorization"].partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > 4096:
        return None
    parts = security()
    return parts.accounts.of_token(token) if token.startswith(PREFIX) else parts.tokens.identity(token)


def _cookie() -> Identity | None:
    if current_user.is_authenticated:
        found: Identity = current_user.identity
        # A sign-in that a proxy vouched for needs that the proxy still does (`security.proxy_door`).
        return found if found.method != "header" or "vigie_vouched" in g else None
    if "vigie_away" in g:
        raise g.vigie_away
    return None


def cookies_count() -> bool:
    """False when the request in hand is not authorised by a cookie, whatever cookies it carries."""
    if embed_guard.embedding():
        return False
    rule = request.url_rule.rule if request.url_rule else ""
    return "Authorization" not in request.headers and rule not in BODY_CREDENTIALS


def load_signed_in(secret: str) -> SignedIn | None:
    """flask-login's user loader."""
    if not cookies_count():
        return None
    try:
        identity = security().accounts.of_session(secret)
    except StorageError as error:
        # Not raised here: flask-login also asks while an error page is made. `identify` raises it.
        g.vigie_away = error
        return None
    return SignedIn(secret, identity) if identity else None


def foreign_origin() -> bool:
    """True when a page of another site sent this request. Hosts are compared, not schemes: a TLS proxy that is not
    listed as trusted hides ours."""
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    if not origin:
        return False
    try:
        return urlsplit(origin).netloc.lower() != request.host.lower()
    except ValueError:
        return True


def anonymous_answer() -> Response | BaseResponse:
    """401 for programs and scripts; a person goes to the sign-in page and comes back afterwards."""
    if for_program():
        response = problem(401, _("Not signed in"), _("Sign in, or send a valid token as Authorization: Bearer."))
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    root = request.script_root
    wanted = safe_next(root + request.full_path.rstrip("?")) if request.method in SAFE else root + "/"
    return redirect(f"{root}/login" if wanted == root + "/" else f"{root}/login?next={quote(wanted)}")


def check_request() -> Response | BaseResponse | None:
    """Before every request: None lets it pass.

    Raises:
        Forbidden, NotFound, TooManyRequests, CSRFError, StorageError: answered by the error handlers.
    """
    g.vigie_resolve = identify_quietly
    if embed_guard.embedding():
        return embed_guard.check(_from_elsewhere)
    rule = request.url_rule.rule if request.url_rule else None
    if "Authorization" not in request.headers and _from_elsewhere():
        origin = ascii(request.headers.get("Origin"))
        log.warning("request from another site refused", path=quote(request.path), origin=origin)
        raise Forbidden(_("This request came from a page of another site."))
    opened = rule is not None and is_open(rule)
    if not opened or rule == "/login":
        security().knock(opened)
    if rule is not None and opened:
        if rule.startswith(COUNTED):
            _count(None)
        if rule not in BODY_CREDENTIALS:
            _check_csrf()
        return None
    identity = identify()
    if request.path.startswith(COUNTED) or identity is None:
        _count(identity)
    if identity is None:
        return anonymous_answer()
    _check_csrf()
    if rule is None:
        return None  # no such route: Flask answers 404 or 405
    if rule == "/<path:path>" and request.path.startswith(PROGRAM_PATHS):
        raise NotFound  # else Dash answers every address with its document
    view = current_app.view_functions.get(request.endpoint or "")
    permission = permission_of(view) or ("dashboard:view" if rule in DASH else None)
    if permission is None:
        log.error("route without a permission refused", rule=rule)
        raise Forbidden
    if permission not in identity.permissions:
        g.vigie_wanted = permission
        log.info("refused", path=quote(request.path), who=identity.name, permission=permission)
        raise Forbidden
    return None


def _from_elsewhere() -> bool:
    unsafe = request.method not in SAFE or request.headers.get("Upgrade", "").lower() == "websocket"
    return unsafe and foreign_origin()


def _check_csrf() -> None:
    if request.method not in SAFE and cookies_count():
        security().csrf.protect()


def _count(identity: Identity | None) -> None:
    caller = (identity.kind, identity.session or identity.id) if identity else request.remote_addr
    wait = security().calls.hit(caller)
    if wait:
        raise TooManyRequests(retry_after=wait)


def init_app(server: Flask) -> None:
    """Puts the guard before every route. Call it before anything else adds a ``before_request``, Dash above all."""
    manager = LoginManager()
    # A session is a row that its owner can end; tying it to an address would sign people out when they move.
    manager.session_protection = None
    manager.user_loader(load_signed_in)
    manager.init_app(server)
    server.before_request(check_request)
