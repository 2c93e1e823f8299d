"""What the accounts refuse. ``str()`` is one English sentence for the shell; `Refused.text` the reader's language."""

from __future__ import annotations

from flask_babel import gettext


def N_(text: str) -> str:  # noqa: N802 - the customary name of the mark that message extraction looks for
    """Marks ``text`` for translation where it is translated later."""
    return text


class Refused(Exception):
    """Something asked of the accounts was not done; the message says what and why."""

    def __init__(self, message: str, **params: object) -> None:
        super().__init__(message % params if params else message)
        self._message, self._params = message, params

    def text(self) -> str:
        """The sentence in the language of the request in hand."""
        return str(gettext(self._message, **self._params))


class PasswordRefused(Refused):
    """A new password is no good."""


class WrongPassword(Refused):
    """The old password given with a change is not the right one."""

    def __init__(self) -> None:
        super().__init__(N_("The current password is not right."))


class SignInRefused(Refused):
    """Name or password is wrong, or the account is disabled: which one is never said."""

    def __init__(self) -> None:
        super().__init__(N_("The name or the password is not right."))


class SignInBlocked(Refused):
    """Too many attempts; ``wait`` is the number of seconds until the next one."""

    def __init__(self, wait: float) -> None:
        self.wait = max(1, round(wait))
        minutes = -(-self.wait // 60)
        super().__init__(N_("Too many attempts. Try again in %(minutes)s min."), minutes=minutes)


class RefreshRefused(Refused):
    """A refresh token is unknown, used, expired or revoked."""

    def __init__(self) -> None:
        super().__init__(N_("The refresh token is not valid any more; sign in again."))


class CodeWrong(SignInRefused):
    """The password was right, the code of the second factor is not."""

    def __init__(self) -> None:
        Refused.__init__(self, N_("The code is not right, or it was used already."))


class AccountClosed(Refused):
    """Somebody is who they say, and their account is closed. Never said on a password alone."""

    def __init__(self) -> None:
        super().__init__(N_("Your account is closed. Ask an administrator to open it again."))


class CodeNeeded(Refused):
    """The password is right, and the account asks for a code too."""

    def __init__(self, user_id: int = 0) -> None:
        self.user_id = user_id
        super().__init__(N_("This account has a second factor: give its code too."))


class PasswordToChange(Refused):
    """The password is right, but somebody else gave it: it is good for choosing another one only."""

    def __init__(self, user_id: int = 0) -> None:
        self.user_id = user_id
        super().__init__(N_("This password was given to you by somebody else: choose your own on the sign-in page."))


class StepOver(Refused):
    """A sign-in that was begun is too old, or the account was changed since."""

    def __init__(self) -> None:
        super().__init__(N_("That took too long, or the account was changed. Please sign in again."))
