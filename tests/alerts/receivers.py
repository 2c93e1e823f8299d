"""The other side: a real mail server and a real webhook, on free ports of this machine."""

from __future__ import annotations

import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.support import free_port


@dataclass
class Hook:
    """A webhook that keeps what it gets. ``answers``: what it says to the next requests, 200 when there are none."""

    port: int
    got: list[dict[str, Any]] = field(default_factory=list)
    """Each request: method, path, headers (names in small letters), body (JSON)."""
    answers: list[int] = field(default_factory=list)
    hold: threading.Event | None = None
    """Requests wait for it."""
    said: str = "thanks"

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hook"

    @property
    def seen(self) -> dict[str, dict[str, Any]]:
        """What a receiver that honours keys has seen: each key once."""
        return {one["headers"]["idempotency-key"]: one["body"] for one in self.got if one["status"] < 300}


@contextmanager
def webhook(port: int = 0) -> Iterator[Hook]:
    """A webhook that listens until the end of the block."""
    hook = Hook(port)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = hook.answers.pop(0) if hook.answers else 200
            hook.got.append({
                "method": self.command, "path": self.path, "status": status, "body": json.loads(body or b"null"),
                "headers": {name.lower(): value for name, value in self.headers.items()},
            })
            if hook.hold is not None:
                hook.hold.wait(30)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(hook.said.encode())

        do_POST = do_PUT = do_GET = answer  # noqa: N815 - the names that the server looks for

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        if hook.hold is not None:
            hook.hold.set()
        server.shutdown()
        server.server_close()


@dataclass
class Box:
    """A mail server that keeps what it gets."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    refuse: str = ""
    """What it answers to each reader's address, as ``550 no such user``; empty: it takes all."""
    busy: str = ""
    """What it answers to each mail instead of taking it."""

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=vigie@example.org&to=ops@example.org&smtp=127.0.0.1"


@contextmanager
def mail_server(*, password: str = "") -> Iterator[Box]:
    """A mail server that listens until the end of the block; with a password it asks for one."""
    box = Box(free_port())

    class Handler:
        async def handle_RCPT(  # noqa: N802 - the name that the server looks for
            self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
        ) -> str:
            if box.refuse:
                return box.refuse
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - as above
            if box.busy:
                return box.busy
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            box.envelopes.append(envelope)
            box.mails.append(email.message_from_bytes(content, policy=email.policy.default))  # type: ignore[arg-type]
            return "250 taken"

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        good = isinstance(given, LoginPassword) and given.password == password.encode()
        return AuthResult(success=good, handled=False)

    controller = Controller(
        Handler(), hostname="127.0.0.1", port=box.port,
        **({"authenticator": check, "auth_required": True, "auth_require_tls": False} if password else {}),
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
