"""What the accounts refuse, as answers; and who asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response
from flask_babel import gettext as _

from api.problems import Problem, field_problem
from security.errors import CodeWrong, PasswordRefused, Refused, SignInBlocked, WrongPassword
from security.identity import Identity, current_identity
from security.people import User
from services import vigie


@contextmanager
def answered() -> Iterator[None]:
    """Refusals as problems.

    Raises:
        Problem: 400 with the field, 409 or 429.
    """
    try:
        yield
    except SignInBlocked as error:
        raise Problem(429, error.text(), Retry_After=str(error.wait)) from None
    except CodeWrong as error:
        raise field_problem("code", None, error.text()) from None
    except (WrongPassword, PasswordRefused) as error:
        raise field_problem("password", None, error.text()) from None
    except Refused as error:
        raise Problem(409, error.text()) from None


def a_person() -> Identity:
    """Who asks, when it is somebody signed in.

    Raises:
        Problem: 403 for a program's token, which has no account of its own.
    """
    identity = current_identity()
    if identity is None or identity.kind != "user":
        raise Problem(403, _("This is for people who are signed in, not for API tokens."))
    return identity


def user_of(number: int) -> User:
    """The person of a row.

    Raises:
        Problem: 404.
    """
    user = vigie().accounts.people.by_id(number)
    if user is None:
        raise Problem(404, _("There is no such user."))
    return user


def once(response: Response) -> Response:
    """An answer that holds a secret: kept nowhere."""
    response.headers["Cache-Control"] = "no-store"
    return response
