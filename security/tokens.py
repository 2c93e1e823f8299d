"""Access tokens (JWT) for programs: short-lived, each bound to a session row, so that ending the row ends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from security.accounts import Accounts
from security.errors import RefreshRefused, SignInRefused
from security.identity import Identity
from security.secrets import Secrets
from security.sessions import REFRESH_SECONDS

ACCESS_SECONDS = 15 * 60
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a program gets: field names as in RFC 6749, 5.1."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"
    expires_in: int = ACCESS_SECONDS
    refresh_expires_in: int = int(REFRESH_SECONDS)


class Tokens:
    """Gives, renews and reads the tokens of programs. Methods may raise StorageError when the database is away."""

    def __init__(self, accounts: Accounts, secrets: Secrets, now: Callable[[], float]) -> None:
        self._accounts, self._now = accounts, now
        self._key, self._issuer = secrets.token_key, f"vigie-{secrets.instance}"

    def login(self, name: str, password: str, *, code: str = "", address: str = "", user_agent: str = "") -> TokenPair:
        """Tokens for a name and password. Limits are the caller's (see `security.signin.api_login`).

        Raises:
            SignInRefused: name or password is wrong, or the account is disabled. CodeNeeded, CodeWrong,
            PasswordToChange: as `Accounts.sign_in`.
        """
        signed_in = self._accounts.sign_in(
            name, password, code=code, kind="api", address=address, user_agent=user_agent
        )
        if signed_in is None:
            raise SignInRefused
        user, _, session_id = signed_in
        return TokenPair(self._access(user.id, session_id), self._accounts.sessions.new_refresh_token(session_id))

    def refresh(self, token: str) -> TokenPair:
        """The next pair for a refresh token, which is used up by this.

        Raises:
            RefreshRefused: it is unknown, expired or used before; in the last case the whole sign-in has ended.
        """
        rotated = self._accounts.sessions.rotate(token)
        if rotated is None:
            raise RefreshRefused
        next_token, session = rotated
        return TokenPair(self._access(session.user_id, session.id), next_token)

    def logout(self, token: str) -> None:
        """Ends the sign-in that a refresh token belongs to; an unknown token is ignored."""
        self._accounts.sessions.end_by_refresh_token(token)

    def identity(self, access_token: str) -> Identity | None:
        """Who an access token stands for; None when it is forged, expired, or its sign-in has ended."""
        import jwt  # costs 8 MB, and most installations never see an access token

        try:
            claims = jwt.decode(
                access_token, self._key, algorithms=[_ALGORITHM], issuer=self._issuer,
                options={"require": ["exp", "sub", "sid", "iss"], "verify_exp": False, "verify_iat": False},
            )
            user_id, session_id, expires = int(claims["sub"]), int(claims["sid"]), float(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError):
            return None
        if expires <= self._now():
            return None
        return self._accounts.of_access(session_id, user_id)

    def _access(self, user_id: int, session_id: int) -> str:
        import jwt

        now = int(self._now())
        claims = {"iss": self._issuer, "sub": str(user_id), "sid": session_id, "iat": now, "exp": now + ACCESS_SECONDS}
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)
