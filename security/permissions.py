"""Roles and the permissions they name. Pages, controls, callbacks and routes ask for a permission, never for a role."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import g, request, session
from werkzeug.exceptions import Forbidden, Unauthorized

from security import audit
from security.audit.refusals import CALLBACKS
from security.identity import current_identity

P = ParamSpec("P")
R = TypeVar("R")

MARK = "__vigie_permission__"
"""Attribute that names the permission of a view or callback; the guard and the tests read it."""
EMBED_MARK = "__vigie_embed__"
"""Attribute of a callback: the kinds of embed links that it answers."""

_TOLD = "vigie_refused"

VIEWER = frozenset({
    "dashboard:view", "metrics:read", "notes:write", "views:edit", "embeds:create", "alerts:view", "config:view",
    "models:view",
})
OPERATOR = VIEWER | {
    "models:start", "models:stop", "requests:view", "logs:export", "alerts:acknowledge", "alerts:silence",
}
ADMIN = OPERATOR | {
    "config:edit", "models:define", "alerts:edit", "users:manage", "servers:manage", "console:run", "tokens:manage",
    "embeds:manage", "audit:view",
}
ROLES: dict[str, frozenset[str]] = {"viewer": VIEWER, "operator": OPERATOR, "admin": ADMIN}
PERMISSIONS = ADMIN
"""Every permission there is."""


def _known(permission: str) -> str:
    if permission not in PERMISSIONS:
        raise ValueError(f"no such permission: {permission}; there are {', '.join(sorted(PERMISSIONS))}")
    return permission


def requires(permission: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Names the permission a Flask view needs. The guard checks it, and refuses views that name none.

    Only a mark: the view itself stays as it is, so that OpenAPI still reads its signature. Put it directly above
    the function, below the route decorator.

    Raises:
        ValueError: at import, when there is no such permission.
    """
    _known(permission)

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, MARK, permission)
        return view

    return mark


def requires_callback(permission: str, embed: Iterable[str] = ()) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Wraps a Dash callback so that it runs only for who has ``permission``, and marks it for the test of them all.

    It also runs for embed links whose target is of a kind in ``embed``: such a callback gives no more than
    `callbacks.embedded` says that the link holds.

    Called without the permission, the wrapped function raises werkzeug's Unauthorized (401) or Forbidden (403), which
    the error handlers answer.
    """
    _known(permission)
    kinds = frozenset(embed)

    def wrap(callback: Callable[P, R]) -> Callable[P, R]:
        @wraps(callback)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            identity = current_identity()
            if identity is None or identity.embed is None or identity.embed.target.kind not in kinds:
                check(permission)
            return callback(*args, **kwargs)

        setattr(checked, MARK, permission)
        setattr(checked, EMBED_MARK, kinds)
        return checked

    return wrap


def allowed(permission: str) -> bool:
    """True when whoever makes the request in hand has ``permission``: for layouts, which show or leave out."""
    identity = current_identity()
    return identity is not None and _known(permission) in identity.permissions


def admitted(permission: str, page: str) -> bool:
    """`allowed`, for a whole page, whose refusal is recorded: by the router a page is asked for in a callback, which
    everybody may call."""
    if allowed(permission):
        return True
    # The document of a page draws it, and so does Dash's router once the document is there: one refusal, told once.
    if request.path == CALLBACKS and session.pop(_TOLD, "") == page:
        return False
    if request.path != CALLBACKS:
        session[_TOLD] = page
    audit.record("access.refused", f"GET {page}", result="refused", after={"permission": permission})
    return False


def check(permission: str) -> None:
    """Lets the request in hand pass only with ``permission``.

    Raises:
        Unauthorized: nobody is signed in.
        Forbidden: the one who is lacks the permission.
    """
    if current_identity() is None:
        raise Unauthorized()
    if not allowed(permission):
        g.vigie_wanted = permission
        raise Forbidden()


def permission_of(view: Callable[..., Any] | None) -> str | None:
    """The permission that `requires` or `requires_callback` marked on ``view``; None when it has none."""
    return getattr(view, MARK, None)


def embeds_of(callback: Callable[..., Any] | None) -> frozenset[str]:
    """The kinds of embed links that a callback answers."""
    found: frozenset[str] = getattr(callback, EMBED_MARK, frozenset())
    return found
