"""A webhook: JSON by HTTP, its key in the header ``Idempotency-Key``. URLs as Apprise writes them (``json://``).

Source: https://github.com/caronc/apprise/wiki/Notify_Custom_JSON for the URL, and
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ for the header.
"""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

import orjson

from alerts.sinks.base import CONNECT_SECONDS, READ_SECONDS, Answer, Message, SinkError, check_host, quiet, short

NEVER = frozenset({400, 405, 410, 411, 413, 414, 415, 422})
"""Statuses that say: this message will never be taken. The others, 401 and 404 too, pass once somebody mends it."""
METHODS = ("POST", "PUT", "PATCH")
MOST_READ = 4096
TYPES = {"info": "info", "warning": "warning", "error": "failure", "critical": "failure"}
"""Severity -> Apprise's ``type``; what is over is a ``success``."""


class Webhook:
    """``json://user:password@host:port/path?+Header=value&-parameter=value&:field=value&method=PUT&verify=no``."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SinkError("The URL of the webhook is malformed.", permanent=True) from None
        if not parts.hostname:
            raise SinkError("The URL of the webhook names no host.", permanent=True)
        self.host = parts.hostname
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "https" if parts.scheme == "jsons" else "http"
        self.address = f"{scheme}://{host}{f':{port}' if port else ''}{parts.path or '/'}"
        self.auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self.headers: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self.method, self.verify = "POST", True
        marks = {"+": self.headers, "-": self.parameters, ":": self.fields}
        for option in filter(None, parts.query.split("&")):
            name, _, value = option.partition("=")
            name, value = unquote(name), unquote_plus(value)
            if name[:1] in marks and len(name) > 1:
                marks[name[0]][name[1:]] = value
            elif name.lower() == "method" and value.upper() in METHODS:
                self.method = value.upper()
            elif name.lower() == "verify":
                self.verify = value.lower() not in ("no", "false", "0", "off")

    def send(self, message: Message) -> Answer:
        """As `Sink.send`."""
        import requests  # with Apprise, a third of what Vigie weighs: only where something is sent

        quiet()
        check_host(self.host)
        headers = {
            "User-Agent": "Vigie", "Content-Type": "application/json", **self.headers, "Idempotency-Key": message.key,
        }
        try:
            answer = requests.request(
                self.method, self.address, params=self.parameters, data=body(message, self.fields), headers=headers,
                auth=self.auth, verify=self.verify, timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False,
                stream=True,
            )
            with answer:
                status, text = answer.status_code, _beginning(answer)
        except requests.exceptions.SSLError as error:
            raise SinkError(f"{self.host} has no certificate that can be trusted: {_reason(error)}", permanent=False) \
                from None
        except requests.exceptions.Timeout:
            raise SinkError(f"{self.host} did not answer in time.", permanent=False) from None
        except (requests.exceptions.RequestException, OSError, ValueError) as error:
            raise SinkError(f"{self.host} cannot be reached: {_reason(error)}", permanent=False) from None
        if 200 <= status < 300:
            return Answer(status, text)
        if 300 <= status < 400:
            raise SinkError(
                f"{self.host} sends on to another address ({status}): give that one.", permanent=False, status=status,
                answer=text,
            )
        raise SinkError(f"{self.host} answered {status}.", permanent=status in NEVER, status=status, answer=text)


def body(message: Message, more: dict[str, str]) -> bytes:
    """What a webhook gets: Apprise's own members, and the alerts as data."""
    made: dict[str, Any] = {
        "version": "1.0", "source": "vigie", "key": message.key, "at": message.at, "title": message.title,
        "message": message.text, "type": "success" if message.over else TYPES[message.severity],
        "severity": message.severity, "url": message.url or None, "alerts": list(message.alerts),
    }
    for name, value in more.items():  # as Apprise has it: a known member is renamed, or left out when empty
        if name in made:
            kept = made.pop(name)
            if value:
                made[value] = kept
        else:
            made[name] = value
    return orjson.dumps(made)


def _beginning(answer: Any) -> str:
    """The first words of a body, however long it is and however slowly it comes."""
    end, found = time.monotonic() + READ_SECONDS, b""
    for piece in answer.iter_content(512):
        found += piece
        if len(found) >= MOST_READ or time.monotonic() > end:
            break
    return short(found.decode(errors="replace"))


def _reason(error: BaseException) -> str:
    """The innermost, most telling cause."""
    cause: Any = error
    while getattr(cause, "args", None) and isinstance(cause.args[0], BaseException):
        cause = cause.args[0]
    cause = getattr(cause, "reason", None) or cause
    text = re.sub(r"\[Errno -?\d+\] ", "", getattr(cause, "strerror", None) or str(cause))
    return short(text.rpartition(": ")[2] or type(error).__name__).rstrip(".") + "."
