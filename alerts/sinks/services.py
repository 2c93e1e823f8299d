"""All other services, through Apprise. What it is told by the other side it tells its log only; it is heard there."""

from __future__ import annotations

import importlib
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alerts.sinks.base import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Answer,
    Message,
    SinkError,
    check_host,
    masked,
    quiet,
    short,
)
from alerts.sinks.webhook import NEVER, TYPES
from config.channel_url import scheme_of

LIGHT = {
    "slack": ("slack", "NotifySlack"), "tgram": ("telegram", "NotifyTelegram"), "ntfy": ("ntfy", "NotifyNtfy"),
    "ntfys": ("ntfy", "NotifyNtfy"), "workflow": ("workflows", "NotifyWorkflows"),
    "workflows": ("workflows", "NotifyWorkflows"), "discord": ("discord", "NotifyDiscord"),
    "gotify": ("gotify", "NotifyGotify"), "gotifys": ("gotify", "NotifyGotify"),
    "mmost": ("mattermost", "NotifyMattermost"), "mmosts": ("mattermost", "NotifyMattermost"),
}
"""Schemes whose plugin is imported alone: asking Apprise for one loads all of them, 19 MB."""


class _Heard(logging.Handler):
    """Keeps what Apprise logs in the thread that sends."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._local = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        lines = getattr(self._local, "lines", None)
        if lines is not None and len(lines) < 200:
            lines.append(record)

    @contextmanager
    def listening(self) -> Iterator[list[logging.LogRecord]]:
        lines: list[logging.LogRecord] = []
        self._local.lines = lines
        try:
            yield lines
        finally:
            self._local.lines = None


_heard = _Heard()
_ready = threading.Lock()


def _listen() -> None:
    """Makes Apprise's log ours alone: it names tokens, which no log of Vigie may hold."""
    quiet()
    logger = logging.getLogger("apprise")
    with _ready:
        if _heard not in logger.handlers:
            logger.addHandler(_heard)
            logger.setLevel(logging.DEBUG)
            logger.propagate = False


class Service:
    """A service that Apprise knows."""

    def __init__(self, url: str) -> None:
        self._url = url
        _listen()
        with _heard.listening() as lines:
            self._plugin = _plugin(url)
        if self._plugin is None:
            said = next((r.getMessage() for r in reversed(lines) if r.levelno >= logging.WARNING), "")
            reason = f": {masked(short(said), url).rstrip('.')}" if said else ""
            raise SinkError(f"The URL is none that can be used{reason}.", permanent=True)

    def send(self, message: Message) -> Answer:
        """As `Sink.send`."""
        plugin = self._plugin
        if "host" in plugin.template_tokens and isinstance(plugin.host, str):
            check_host(plugin.host)
        plugin.socket_connect_timeout, plugin.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
        plugin.redirects = False
        if isinstance(getattr(plugin, "headers", None), dict):
            plugin.headers["Idempotency-Key"] = message.key
        kind = "success" if message.over else TYPES[message.severity]
        with _heard.listening() as lines:
            try:
                taken = plugin.notify(body=message.text, title=message.title, notify_type=_kind(kind))
            except Exception as error:  # noqa: BLE001 - an edge: a plugin may raise whatever its service makes of it
                raise SinkError(
                    f"The service cannot be used: {masked(short(f'{type(error).__name__}: {error}'), self._url)}",
                    permanent=False,
                ) from None
        status, said, why = heard(lines)
        if taken:
            return Answer(status or 200, masked(said, self._url))
        words = masked(why or "The service did not take it", self._url)
        raise SinkError(
            words.rstrip(".") + ".", permanent=status in NEVER, status=status, answer=masked(said, self._url),
        )


def heard(lines: list[logging.LogRecord]) -> tuple[int | None, str, str]:
    """Status, body and reason, of what Apprise logged while it sent."""
    status: int | None = None
    said = why = ""
    for record in lines:
        text = record.getMessage()
        if found := re.search(r"\berror=(\d{3})\b", text):
            status = int(found[1])
        if text.startswith("Response Details:"):
            body = record.args[0] if isinstance(record.args, tuple) and record.args else text[17:]
            said = short(body.decode(errors="replace") if isinstance(body, bytes) else str(body))
        elif text.startswith("Socket Exception:"):
            said = said or short(text.removeprefix("Socket Exception:").rpartition("connection: ")[2].rstrip('")'))
        elif record.levelno >= logging.WARNING:
            why = short(text)
    return status, said, why


def _kind(name: str) -> Any:
    from apprise.common import NotifyType

    return NotifyType(name)


def _plugin(url: str) -> Any:
    """The plugin of a URL, or None when it is not understood."""
    from apprise.exception import AppriseException

    if known := LIGHT.get(scheme_of(url)):
        made = getattr(importlib.import_module(f"apprise.plugins.{known[0]}"), known[1])
        try:
            parsed = made.parse_url(url.replace("/#", "/%23"))
            return made(**parsed) if parsed else None
        except (AppriseException, TypeError, ValueError):
            return None
    from apprise import Apprise

    return Apprise.instantiate(url)
