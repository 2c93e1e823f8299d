"""What every way out takes and gives."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import unquote, urlsplit

from config.channel_url import is_link_local

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
"""How long a way out waits for a connection, and for an answer."""
MOST_ANSWER = 500
"""Characters kept of what the other side answers."""
MASK = "********"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. ``key`` is the same however often this message is sent: a receiver that honours it sees it once."""

    key: str
    title: str
    text: str
    html: str = ""
    severity: Literal["info", "warning", "error", "critical"] = "info"
    over: bool = False
    """All that it tells of is over."""
    thread: str = ""
    """The same for all messages about one alert: mail programs show them together."""
    at: str = ""
    """When it was made, ISO 8601."""
    url: str = ""
    alerts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """The alerts as data, for programs."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: an HTTP or SMTP status where there is one, and the beginning of its words."""

    status: int | None
    text: str = ""


class SinkError(Exception):
    """A message was not taken. ``permanent``: the other side will never take it, so it is not tried again."""

    def __init__(self, message: str, *, permanent: bool, status: int | None = None, answer: str = "") -> None:
        super().__init__(message)
        self.permanent, self.status, self.answer = permanent, status, answer


class Sink(Protocol):
    """A way out."""

    def send(self, message: Message) -> Answer:
        """Hands ``message`` over.

        Raises:
            SinkError: it was not taken.
        """


def short(text: str) -> str:
    """The beginning of an answer, on one line and without what cannot be printed."""
    text = re.sub(r"\s+", " ", "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text)).strip()
    return text if len(text) <= MOST_ANSWER else text[:MOST_ANSWER - 1] + "…"


def masked(text: str, url: str) -> str:
    """``text`` without anything secret of ``url``: its user, password, path and options (not its host)."""
    try:
        parts = urlsplit(url)
        secrets = [parts.username or "", parts.password or ""]
    except ValueError:
        return MASK
    secrets += parts.path.split("/")
    secrets += [one.partition("=")[2] for one in parts.query.split("&")]
    if parts.scheme not in ("json", "jsons", "mailto", "mailtos"):
        secrets.append(parts.netloc.rpartition("@")[2])  # often a token or a topic, as in slack://TokenA/...
    for secret in sorted({s for one in secrets for s in (one, unquote(one)) if len(s) >= 4}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def quiet() -> None:
    """Keeps the HTTP library from logging addresses: they hold tokens, which no log of Vigie may."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def check_host(host: str) -> None:
    """Lets a host pass.

    Raises:
        SinkError: its name leads to a link-local address, where clouds keep their keys; or it has no address.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SinkError(f"{host} has no address: {error.strerror or error}.", permanent=False) from None
    if any(is_link_local(str(one[4][0])) for one in found):
        raise SinkError(f"{host} is a link-local address, where clouds keep their keys.", permanent=True)
