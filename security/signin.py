"""Signing in and out, for the request in hand: what views, API routes and callbacks call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from flask import g, request, session
from flask_login import login_user

from security import audit, devices, steps
from security.context import security
from security.errors import (
    AccountClosed,
    CodeNeeded,
    CodeWrong,
    PasswordRefused,
    PasswordToChange,
    SignInBlocked,
    SignInRefused,
    StepOver,
    WrongPassword,
)
from security.guard import SignedIn
from security.identity import Identity, current_identity
from security.limits import network_of
from security.people import User
from security.steps import Step
from security.tokens import TokenPair
from storage.errors import StorageError

log = structlog.get_logger(__name__)


def sign_in(name: str, password: str, *, remember: bool = False, target: str = "") -> Step:
    """Signs a person in: from the next request on the cookies of this answer stand for them; or says which step comes
    next (``target`` is where they want to be in the end).

    Raises:
        SignInRefused: name or password is wrong, or the account disabled. SignInBlocked: too many attempts.
        StorageError: the database is away.
    """
    parts, address = security(), request.remote_addr or ""
    try:
        with _attempt(name):
            signed_in = parts.accounts.sign_in(
                name, password, remember=remember, address=address, user_agent=request.user_agent.string
            )
            if signed_in is None:
                raise SignInRefused
            user, secret, _session_id = signed_in
            _stand_for(user.name, secret, remember=remember)
    except (CodeNeeded, PasswordToChange) as more:
        steps.begin(more.user_id, remember=remember, target=target)
        return "code" if isinstance(more, CodeNeeded) else "password"
    devices.remember(user.name)
    return "in"


def give_code(code: str) -> Step:
    """The second step: a code of the second factor. Returns what comes next.

    Raises:
        CodeWrong, SignInBlocked, StepOver, StorageError.
    """
    begun, user = steps.pending()
    if steps.step_of(begun, user) != "code":
        return steps.step_of(begun, user)
    with _attempt(user.name):
        if not security().accounts.factors.check(user.id, code):
            raise CodeWrong
        if not user.must_change:
            _enter(user, remember=begun.remember)
            return "in"
    steps.coded(begun)
    return "password"


def choose_password(new: str) -> Step:
    """The last step where somebody else gave the password: one's own. Returns what comes next.

    Raises:
        PasswordRefused, StepOver, StorageError.
    """
    begun, user = steps.pending()
    step = steps.step_of(begun, user)
    if step == "password":
        if not security().accounts.people.choose_password(user.id, new):
            raise StepOver
        _enter(user, remember=begun.remember)
        return "in"
    return step


def enter(user: User, method: str, *, remember: bool = False) -> str:
    """Signs in a person for whom another door (OpenID Connect, a trusted proxy) vouches; returns the session's secret.

    Raises:
        AccountClosed, StorageError.
    """
    if user.disabled:
        audit.record("session.refused", user.name, result="refused", after={"method": method, "why": "disabled"})
        raise AccountClosed
    return _enter(user, remember=remember, method=method)


def _enter(user: User, *, remember: bool, method: str = "password") -> str:
    secret, _row = security().accounts.sessions.open(
        user.id, remember=remember, address=request.remote_addr or "", user_agent=request.user_agent.string,
        method=method,
    )
    _stand_for(user.name, secret, remember=remember)
    if method == "password":
        devices.remember(user.name)
    return secret


def _stand_for(name: str, secret: str, *, remember: bool) -> None:
    identity = security().accounts.of_session(secret)
    if identity is None:
        raise SignInRefused
    # A new session and CSRF token: what somebody planted in this browser before is worth nothing now.
    session.clear()
    g.pop("csrf_token", None)
    # "Remember me" keeps this one cookie when the browser closes. A second one, as flask-login has it, would come back
    # alone, without the CSRF token of the pages that the browser restores.
    session.permanent = remember
    login_user(SignedIn(secret, identity))
    g.vigie_identity = identity
    log.info("signed in", who=name, address=request.remote_addr)


def sign_out() -> None:
    """Ends the sign-in that the request in hand came with, and its cookies."""
    identity = current_identity()
    if identity is not None and identity.session is not None:
        try:
            security().accounts.sessions.end(identity.session, identity.id)
            log.info("signed out", who=identity.name)
        except StorageError as error:
            # This browser is signed out all the same; the row ends by itself when it is no longer used.
            log.warning("signed out without the database", who=identity.name, error=str(error))
    _forget_cookies()


def sign_out_everywhere() -> int:
    """Ends every sign-in of whoever makes the request, this one too; returns how many."""
    identity = current_identity()
    if identity is None or identity.kind != "user":
        return 0
    ended = security().accounts.sessions.end_all(identity.id)
    log.info("signed out everywhere", who=identity.name, sessions=ended)
    _forget_cookies()
    return ended


def change_password(old: str, new: str) -> None:
    """Gives whoever makes the request a new password and ends their other sign-ins.

    Raises:
        WrongPassword: ``old`` is not right. SignInBlocked: that was said too often. PasswordRefused: ``new`` is no
        good. SignInRefused: no person is signed in. StorageError: the database is away.
    """
    identity = current_identity()
    if identity is None or identity.kind != "user":
        raise SignInRefused
    with _attempt(identity.name, f"session {identity.session}"):
        if not security().accounts.people.change_password(identity.id, old, new, identity.session):
            raise WrongPassword
    log.info("password changed", who=identity.name)


def confirmed(password: str, code: str | None = None) -> Identity:
    """Who makes the request, once they have given their password anew, and a code of their second factor too when one
    is asked for: before what matters most.

    Raises:
        WrongPassword, CodeWrong, SignInBlocked, StorageError. SignInRefused: no person is signed in.
    """
    identity, accounts = current_identity(), security().accounts
    if identity is None or identity.kind != "user":
        raise SignInRefused
    with _attempt(identity.name, f"session {identity.session}"):
        if not accounts.people.right_password(identity.id, password):
            raise WrongPassword
        if code is not None and not accounts.factors.check(identity.id, code):
            raise CodeWrong
    return identity


def api_login(name: str, password: str, code: str = "") -> TokenPair:
    """Tokens for a program (``POST /api/auth/login``). Sets no cookie. Errors as `sign_in`, and:

    Raises:
        CodeNeeded, CodeWrong: of the second factor. PasswordToChange: the password is good for a new one only.
    """
    with _attempt(name):
        return security().tokens.login(
            name, password, code=code, address=request.remote_addr or "", user_agent=request.user_agent.string
        )


def api_refresh(refresh_token: str) -> TokenPair:
    """The next pair (``POST /api/auth/refresh``).

    Raises:
        RefreshRefused: the token is not good any more. StorageError: the database is away.
    """
    return security().tokens.refresh(refresh_token)


def api_logout(refresh_token: str | None) -> None:
    """Ends the sign-in of a refresh token, and of the access token in the header if there is one
    (``POST /api/auth/logout``). Says nothing about unknown tokens."""
    identity = current_identity()
    if identity is not None and identity.session is not None:
        security().accounts.sessions.end(identity.session, identity.id)
    if refresh_token:
        security().tokens.logout(refresh_token)


@contextmanager
def _attempt(name: str, device: str = "") -> Iterator[None]:
    """Counts what is done inside as one attempt at ``name``, unless it ends well or is not the asker's fault.
    ``device``: a browser that is known already; else it is asked what it is known as."""
    parts, address = security(), request.remote_addr or ""
    device, mark = device or devices.device_of(name), parts.accounts.lockouts.mark(name)
    try:
        wait = 0.0 if device else parts.accounts.lockouts.wait(name)
        if wait:
            raise SignInBlocked(wait)
        parts.sign_ins.attempt(address, name, device, mark)
    except SignInBlocked:
        _blocked(name, "session.blocked")
        raise
    failed: bool | None = True
    try:
        yield
        failed = False
    except (CodeNeeded, PasswordToChange):
        failed = None
        raise
    except (SignInRefused, WrongPassword):
        log.info("wrong password or name", address=address)
        # A name that is nobody's is not kept: it may be a password typed into the wrong field.
        audit.record("session.refused", parts.accounts.people.known(name), result="refused")
        raise
    except (PasswordRefused, StorageError) as error:
        log.info("not done", address=address, error=str(error))
        failed = False
        raise
    finally:
        parts.sign_ins.ended(address, name, device, mark, failed=failed)
        if failed is not None and not device:
            _count(name, failed=failed)


def _count(name: str, *, failed: bool) -> None:
    """Counts for the account, wherever the attempt came from."""
    lockouts = security().accounts.lockouts
    try:
        if not failed:
            lockouts.clear(name)
        elif lockouts.failed(name):
            _blocked(name, "account.locked")
    except StorageError as error:
        log.warning("an attempt to sign in was not counted", error=str(error))


def _blocked(name: str, action: str) -> None:
    parts, address = security(), request.remote_addr or ""
    known = parts.accounts.people.known(name)
    log.warning("sign-in blocked", address=address, action=action)
    audit.record(action, known, result="refused")
    if not parts.alarms.hit(network_of(address)):
        parts.on_blocked(address, known)


def _forget_cookies() -> None:
    session.clear()
    g.pop("csrf_token", None)
    g.vigie_identity = None
