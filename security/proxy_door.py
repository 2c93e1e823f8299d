"""Signing in by a header of a trusted reverse proxy, such as ``Remote-User``.

The header counts only from the addresses that are listed, told by the connection itself and by no other header. From
anywhere else it is ignored, and that somebody sent it is recorded. A sign-in that began so lasts only as long as each
request still carries the header: signed out at the proxy is signed out here.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Sequence

import structlog
from flask import g, request, session
from flask_babel import gettext as _
from flask_login import login_user
from werkzeug.exceptions import Forbidden

from security import audit, signin
from security.context import security
from security.errors import Refused
from security.guard import SignedIn, identify
from security.names import login_of
from security.sessions import digest
from security.sso import MOST_GROUPS, admit

log = structlog.get_logger(__name__)

KEY = "vigie_proxy"
MOST = 1024
"""Sign-ins without a cookie that are remembered, so that a program behind the proxy opens one and not many."""


class ProxyDoor:
    """Which header of whom is believed."""

    def __init__(self, user_header: str, groups_header: str, addresses: Sequence[str]) -> None:
        self.user_header, self.groups_header = user_header, groups_header
        self._networks = tuple(ipaddress.ip_network(one, strict=False) for one in addresses)
        self._lock = threading.Lock()
        self._opened: OrderedDict[str, str] = OrderedDict()

    def trusts(self, address: str) -> bool:
        """True when a connection from ``address`` may say who somebody is."""
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None) or found
        return any(mapped in network for network in self._networks)

    def opened(self, mark: str) -> str | None:
        """The secret of the sign-in that was opened for ``mark``."""
        with self._lock:
            return self._opened.get(mark)

    def keep(self, mark: str, secret: str) -> None:
        """Remembers one."""
        with self._lock:
            self._opened[mark] = secret
            self._opened.move_to_end(mark)
            if len(self._opened) > MOST:
                self._opened.popitem(last=False)


def peer() -> str:
    """Who has connected, whatever headers say of somebody behind them."""
    before = request.environ.get("werkzeug.proxy_fix.orig") or {}
    return str(before.get("REMOTE_ADDR") or request.environ.get("REMOTE_ADDR") or "")


def knock(*, open_rule: bool) -> None:
    """Before each request: signs in whom the proxy names. On an open rule nobody is refused.

    Raises:
        Forbidden: the proxy's person may not come in; it says why. StorageError: the database is away.
    """
    door = security().proxy
    if door is None or "Authorization" in request.headers:
        return
    name, trusted = request.headers.get(door.user_header, "").strip(), door.trusts(peer())
    if not trusted:
        if door.user_header in request.headers or door.groups_header in request.headers:
            log.warning("a header that only the proxy may send came from elsewhere", address=peer())
            audit.record("session.header", "", result="refused", after={"from": peer(), "header": door.user_header})
        return
    if not name:
        return
    groups = [one.strip() for one in request.headers.get(door.groups_header, "").replace(";", ",").split(",")]
    mark = digest("\n".join((login_of(name), *groups)))
    g.vigie_vouched = True
    identity = identify()
    same = identity is not None and identity.method == "header" and login_of(identity.name) == login_of(name)
    if same and session.get(KEY) == mark:
        return
    try:
        _enter(door, name, [one for one in groups if one][:MOST_GROUPS], mark)
    except Refused as error:
        g.vigie_identity = None
        if not open_rule:
            words = _("The proxy says that you are %(name)s. %(why)s", name=name[:64], why=error.text())
            raise Forbidden(words) from None


def _enter(door: ProxyDoor, name: str, groups: list[str], mark: str) -> None:
    accounts = security().accounts
    who = digest("\n".join((mark, request.remote_addr or "", request.user_agent.string)))
    kept = door.opened(who)
    identity = accounts.of_session(kept) if kept else None
    if kept is not None and identity is not None:
        login_user(SignedIn(kept, identity))
        g.vigie_identity = identity
    else:
        door.keep(who, signin.enter(admit("header", name, groups), "header"))
    session[KEY] = mark
