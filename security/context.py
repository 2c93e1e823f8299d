"""What the security room keeps for one app, at ``current_app.extensions["vigie.security"]``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import current_app
from flask_wtf import CSRFProtect

from security.accounts import Accounts
from security.embeds import Embeds
from security.limits import CallLimits, SignInLimits
from security.tokens import Tokens

if TYPE_CHECKING:
    from security.oidc import Provider
    from security.proxy_door import ProxyDoor
    from security.sso import Admission

KEY = "vigie.security"


@dataclass(slots=True)
class Security:
    """The parts of one app's security."""

    accounts: Accounts
    tokens: Tokens
    csrf: CSRFProtect
    embeds: Embeds
    embed_calls: CallLimits
    sign_ins: SignInLimits
    calls: CallLimits
    reports: CallLimits
    """How often a browser may tell what went wrong in it."""
    alarms: CallLimits
    """How often `on_blocked` and `on_embed` are called for one cause."""
    embeddable: Callable[[str, str], bool]
    """True when the Dash callback of an output answers embed links of a kind."""
    on_embed: Callable[[str, str, dict[str, str]], None]
    """Called with kind, severity and what the words need when a link is made, revoked or refused."""
    admission: Admission
    """What is settled for people who come from a provider or proxy."""
    provider: Provider | None
    """OpenID Connect, when it is set up."""
    proxy: ProxyDoor | None
    """The proxy that may name who is signed in, when there is one."""
    knock: Callable[[bool], None]
    """Signs in whom the proxy names; given whether the route is open."""
    on_blocked: Callable[[str, str], None]
    """Called with the address and the name when attempts to sign in are blocked; the name is empty when it is nobody's,
    for it may be a password typed into the wrong field."""


def security() -> Security:
    """The security of the app that answers the request in hand."""
    return cast(Security, current_app.extensions[KEY])
