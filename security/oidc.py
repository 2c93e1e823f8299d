"""OpenID Connect: the authorization code flow with PKCE. Sources: OpenID Connect Core 1.0, RFC 7636, RFC 9700.

What the provider says is believed only with its signature, for this client, this sign-in (nonce) and this moment.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from flask_babel import gettext

from security.errors import N_, Refused

if TYPE_CHECKING:
    from config.settings import Settings

log = structlog.get_logger(__name__)

NOT_BELIEVED = N_("the provider’s answer is not believed (%(why)s)")
VARIABLE = "VIGIE_OIDC_CLIENT_SECRET"
TIMEOUT = 5.0
KEEP_SECONDS = 3600.0
"""How long what the provider says of itself is believed."""
AGAIN_SECONDS = 30.0
"""The least between two looks for a new signing key."""
LEEWAY = 60
"""Seconds that the two clocks may differ."""
BEGUN_SECONDS = 600.0
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Of signatures by the provider's private key: never none, never one by a shared secret."""


class ProviderAway(Refused):
    """The provider cannot be asked, or its answer is none."""

    def __init__(self, why: str) -> None:
        log.warning("the OpenID Connect provider cannot be asked", error=why)
        super().__init__(N_("The sign-in service cannot be reached now. Sign in with a password, or try again later."))


class ProviderRefused(Refused):
    """What the provider sent is not believed, or it refused."""

    def __init__(self, reason: str, **params: object) -> None:
        why = (reason % params if params else reason)[:200]
        log.warning("a sign-in by OpenID Connect failed", error=why)
        super().__init__(N_("The sign-in failed: %(why)s"), why=why)
        self._reason = Refused(reason, **params)

    def text(self) -> str:
        """The sentence in the reader's language, what Vigie says of the reason too."""
        return str(gettext("The sign-in failed: %(why)s", why=self._reason.text()[:200]))


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for."""

    subject: str
    name: str
    groups: tuple[str, ...]


class Provider:
    """One provider, asked when somebody signs in and not before."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, *, scopes: str, groups_claim: str, button: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.button = button
        self._issuer, self._client_id, self._client_secret = issuer, client_id, client_secret
        self._scopes, self._groups_claim, self._now = scopes, groups_claim, now
        self._lock = threading.Lock()
        self._about: dict[str, Any] = {}
        self._about_at = self._keys_at = float("-inf")
        self._keys: Any = None

    @staticmethod
    def of(settings: Settings, now: Callable[[], float]) -> Provider | None:
        """The provider of these settings; None when there is none.

        Raises:
            OSError: the file of the secret cannot be read.
        """
        if not settings.oidc_issuer or not settings.oidc_client_id:
            return None
        secret, file = os.environ.get(VARIABLE, ""), settings.oidc_client_secret_file
        if file is not None:
            secret = file.read_text(encoding="utf-8").strip()
        return Provider(
            settings.oidc_issuer, settings.oidc_client_id, secret, scopes=settings.oidc_scopes,
            groups_claim=settings.oidc_groups_claim, button=settings.oidc_button, now=now,
        )

    def begin(self, back: str) -> tuple[str, dict[str, Any]]:
        """Where to send the browser, and what to keep until it comes back.

        Raises:
            ProviderAway.
        """
        begun = {
            "state": secrets.token_urlsafe(24), "nonce": secrets.token_urlsafe(24),
            "verifier": secrets.token_urlsafe(48), "back": back, "at": self._now(),
        }
        url, _state = self._session(back).create_authorization_url(
            self._endpoint("authorization_endpoint"), state=begun["state"], code_verifier=begun["verifier"],
            nonce=begun["nonce"],
        )
        return url, begun

    def finish(self, begun: Mapping[str, Any], answer: Mapping[str, str]) -> Person:
        """Who came back.

        Raises:
            ProviderAway, ProviderRefused.
        """
        self._same(begun, answer)
        tokens = self._tokens(begun, answer["code"])
        claims = self._claims(str(tokens.get("id_token") or ""), str(begun["nonce"]))
        groups = claims.get(self._groups_claim)
        if groups is None and self._about.get("userinfo_endpoint"):
            more = self._userinfo(str(tokens.get("access_token") or ""))
            if more.get("sub") != claims["sub"]:
                raise ProviderRefused(N_("the provider told of somebody else"))
            groups = more.get(self._groups_claim)
            claims = {**more, **claims}
        name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        return Person(f"{claims['iss']} {claims['sub']}", name, tuple(g for g in listed if isinstance(g, str))[:1000])

    def _same(self, begun: Mapping[str, Any], answer: Mapping[str, str]) -> None:
        state = begun.get("state")
        if not state or not secrets.compare_digest(str(state).encode(), answer.get("state", "").encode()):
            raise ProviderRefused(N_("it was not begun in this browser, or begun again since"))
        if not 0 <= self._now() - float(begun.get("at", 0)) <= BEGUN_SECONDS:
            raise ProviderRefused(N_("it took too long"))
        issuer = answer.get("iss")  # RFC 9207
        if issuer is not None and issuer != self._metadata()["issuer"]:
            raise ProviderRefused(N_("the answer is of another provider"))
        if "error" in answer or not answer.get("code"):
            told = answer.get("error_description") or answer.get("error")
            raise ProviderRefused("%(told)s", told=told) if told else ProviderRefused(N_("the provider sent no code"))

    def _tokens(self, begun: Mapping[str, Any], code: str) -> dict[str, Any]:
        from authlib.common.errors import AuthlibBaseError
        from requests import RequestException

        endpoint = self._endpoint("token_endpoint")
        try:
            found: dict[str, Any] = self._session(str(begun["back"])).fetch_token(
                endpoint, code=code, code_verifier=str(begun["verifier"]), timeout=TIMEOUT, allow_redirects=False,
            )
        except AuthlibBaseError as error:
            raise ProviderRefused(N_("the provider refused the code (%(error)s)"), error=error.error) from None
        except (RequestException, ValueError) as error:
            raise ProviderAway(str(error)) from None
        return found

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError

        issuer = self._metadata()["issuer"]
        try:
            try:
                found = jwt.decode(token, self._keyset(), algorithms=list(ALGORITHMS))
            except (InvalidKeyIdError, ValueError):
                found = jwt.decode(token, self._keyset(fresh=True), algorithms=list(ALGORITHMS))
            claims: dict[str, Any] = dict(found.claims)
            jwt.JWTClaimsRegistry(
                now=int(self._now()), leeway=LEEWAY, iss={"essential": True, "value": issuer},
                aud={"essential": True, "value": self._client_id}, nonce={"essential": True, "value": nonce},
                sub={"essential": True}, exp={"essential": True}, iat={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderRefused(NOT_BELIEVED, why=_named(error)) from None
        if claims.get("azp", self._client_id) != self._client_id:
            raise ProviderRefused(NOT_BELIEVED, why="azp: another client")
        return claims

    def _userinfo(self, token: str) -> dict[str, Any]:
        return self._get(self._endpoint("userinfo_endpoint"), {"Authorization": f"Bearer {token}"})

    def _session(self, back: str) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        known = self._metadata().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in known else "client_secret_post"
        return OAuth2Session(
            self._client_id, self._client_secret or None, scope=self._scopes, redirect_uri=back,
            code_challenge_method="S256",
            token_endpoint_auth_method=method if self._client_secret else "none",
        )

    def _endpoint(self, name: str) -> str:
        found = self._metadata().get(name)
        if not isinstance(found, str):
            raise ProviderAway(f"the provider names no {name}")
        return found

    def _metadata(self) -> dict[str, Any]:
        with self._lock:
            if 0 <= self._now() - self._about_at < KEEP_SECONDS:
                return self._about
        about = self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if str(about.get("issuer", "")).rstrip("/") != self._issuer.rstrip("/"):
            raise ProviderAway(f"it calls itself {about.get('issuer')!r}, and not as oidc_issuer does")
        with self._lock:
            self._about, self._about_at = about, self._now()
        return about

    def _keyset(self, *, fresh: bool = False) -> Any:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        with self._lock:
            age = self._now() - self._keys_at
            if self._keys is not None and 0 <= age < (AGAIN_SECONDS if fresh else KEEP_SECONDS):
                return self._keys
        found = self._get(self._endpoint("jwks_uri"))
        try:
            keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderAway(f"its keys cannot be read: {error}") from None
        with self._lock:
            self._keys, self._keys_at = keys, self._now()
        return keys

    def _get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        import requests

        try:
            answer = requests.get(url, headers=dict(headers or {}), timeout=TIMEOUT)
            answer.raise_for_status()
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderAway(str(error)) from None
        if not isinstance(found, dict):
            raise ProviderAway(f"{url} is no object")
        return found


def _named(error: Exception) -> str:
    """What is wrong with a token, in a few words."""
    told = str(getattr(error, "error", "") or type(error).__name__)
    about = str(getattr(error, "description", "") or error)
    return f"{told}: {about}" if about and about != told else told
