"""A sign-in of several steps: password, then a code, then perhaps a new password. What was done so far is in the signed
cookie of the browser; no session exists before the last step."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from flask import session

from security.context import security
from security.errors import StepOver
from security.people import User

KEY = "vigie_step"
SECONDS = 600
"""How long one may take from the password to the last step."""
Step = Literal["in", "code", "password"]
"""What comes next; ``in``: nothing more."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A password that was right. ``mark`` changes when the account does; ``coded``: the code was right too."""

    user_id: int
    mark: str
    at: float
    remember: bool
    next: str
    coded: bool = False


def begin(user_id: int, *, remember: bool, target: str) -> None:
    """Keeps that the password was right."""
    mark = security().accounts.people.fingerprint(user_id)
    session.clear()
    session[KEY] = asdict(Pending(user_id, mark, security().accounts.now(), remember, target))


def coded(pending: Pending) -> None:
    """Keeps that the code was right too."""
    session[KEY] = asdict(pending) | {"coded": True}


def pending() -> tuple[Pending, User]:
    """The sign-in that this browser has begun, and whose it is.

    Raises:
        StepOver: there is none that still counts. StorageError: the database is away.
    """
    people = security().accounts.people
    try:
        found = Pending(**session.get(KEY, {}))
    except TypeError:
        raise StepOver from None
    user = people.by_id(found.user_id)
    if user is None or user.disabled or not 0 <= security().accounts.now() - found.at <= SECONDS:
        raise StepOver
    if people.fingerprint(user.id) != found.mark:
        raise StepOver
    return found, user


def step_of(pending: Pending, user: User) -> Step:
    """What comes next."""
    if user.second_factor and not pending.coded:
        return "code"
    return "password" if user.must_change else "in"
