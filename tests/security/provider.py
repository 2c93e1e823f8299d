"""A small OpenID Connect provider: a real local HTTP server with real signed tokens. Each test says what is to be wrong
with what it sends."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "vigie", "a secret of the client's"


@dataclass
class Provider:
    """The provider and what it does next."""

    port: int = 0
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    claims: dict[str, Any] = field(default_factory=dict)
    """What the token says besides, or instead; None leaves a claim out."""
    userinfo: dict[str, Any] | None = None
    sign_with: Any = None
    algorithm: str = "RS256"
    tamper: bool = False
    refuse: str = ""
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/realm"

    def authorize(self, address: str) -> str:
        """What a browser that follows ``address`` and signs in there is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{self.issuer}/authorize?"), address
        assert asked["client_id"] == CLIENT and asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"]
        if self.refuse:
            return asked["redirect_uri"] + "?" + urlencode({"error": self.refuse, "state": asked["state"]})
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]})

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The tokens for a code, once, to the client that can prove itself; None when refused."""
        asked = self.codes.pop(form.get("code", ""), None)
        proof = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '+').replace(chr(39), '%27')}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or authorization not in (f"Basic {proof}", f"Basic {plain}"):
            return None
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(challenge).decode().rstrip("=") != asked["code_challenge"]:
            return None
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "7", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "preferred_username": "grace", **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.sign_with or self.key
        header = {"alg": self.algorithm, "kid": key.kid}
        token = jwt.encode(header, claims, key, algorithms=[self.algorithm])
        if self.tamper:
            head, body, signature = token.split(".")
            changed = json.loads(base64.urlsafe_b64decode(body + "==")) | {"preferred_username": "admin"}
            body = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
            token = f"{head}.{body}.{signature}"
        return {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": token}


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Quiet."""

        def answer(self, status: int, body: object) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            provider.asked.append(path)
            at = provider.issuer
            if path == "/realm/.well-known/openid-configuration":
                more = {"userinfo_endpoint": f"{at}/userinfo"} if provider.userinfo is not None else {}
                self.answer(200, {
                    "issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token",
                    "jwks_uri": f"{at}/keys", **more,
                })
            elif path == "/realm/keys":
                self.answer(200, KeySet([provider.key]).as_dict(private=False))
            elif path == "/realm/userinfo" and self.headers["Authorization"] == "Bearer opaque":
                self.answer(200, provider.userinfo)
            elif path == "/realm/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(f"http://127.0.0.1:{provider.port}{self.path}"))
                self.end_headers()
            else:
                self.answer(404, {})

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            found = provider.token(form, self.headers.get("Authorization", ""))
            self.answer(200 if found else 400, found or {"error": "invalid_grant"})

    return Handler


@contextmanager
def serving() -> Iterator[Provider]:
    """A provider that listens until the end of the block."""
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def forged_key() -> RSAKey:
    """Another provider's, under the same name."""
    return RSAKey.generate_key(2048, {"kid": "one"})


def shared_key() -> OctKey:
    """The client's secret as a signing key, as an attacker would try."""
    return OctKey.import_key(SECRET, {"kid": "one"})
