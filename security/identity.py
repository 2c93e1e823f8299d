"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from flask import g, has_request_context

if TYPE_CHECKING:
    from security.embeds import Embed


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in person, a program with an API token, or whoever holds an embed link. What it may do is in
    ``permissions``; an embed link has none, only its target."""

    kind: Literal["user", "token", "embed"]
    id: int
    """Row of the user, of the token, or of the link."""
    name: str
    role: str
    """``viewer``, ``operator`` or ``admin``; empty for others."""
    permissions: frozenset[str]
    language: str = ""
    theme: Literal["dark", "light", ""] = ""
    timezone: str = ""
    """IANA name; empty means the browser's own."""
    session: int | None = None
    """Row of the sign-in session that vouches for a user; None for others."""
    embed: Embed | None = None
    """The link, when it is one."""
    owner: int = 0
    """Row of the user whose token it is; 0 for others, and for a token that is nobody's."""
    method: str = "password"
    """How a user's sign-in began: ``password``, ``oidc`` or ``header``."""


def embed_of() -> Embed | None:
    """The embed link by which the request in hand came; None when it came otherwise, or the link is not good."""
    identity = current_identity()
    return identity.embed if identity is not None else None


def current_identity() -> Identity | None:
    """Who makes the request in hand; None when nobody is signed in, the accounts are away, or there is no request."""
    if not has_request_context():
        return None
    resolve = g.get("vigie_resolve")
    return cast("Identity | None", resolve()) if resolve is not None else None
