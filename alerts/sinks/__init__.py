"""Ways out: each takes a `Message`, hands it over, and says what the other side answered."""

from __future__ import annotations

from alerts.sinks.base import Answer, Message, Sink, SinkError, masked
from config.channel_url import check_channel_url, scheme_of

__all__ = ["Answer", "Message", "Sink", "SinkError", "masked", "open_sink"]


def open_sink(url: str) -> Sink:
    """The way out that an Apprise URL names. Webhooks and mail are ours, so that they carry the message's key; all
    others are Apprise's own.

    Raises:
        SinkError: permanent; the URL is none that may be used.
    """
    try:
        check_channel_url(url)
    except ValueError as error:
        raise SinkError(f"The URL {error}.", permanent=True) from None
    scheme = scheme_of(url)
    if scheme in ("json", "jsons"):
        from alerts.sinks.webhook import Webhook

        return Webhook(url)
    if scheme in ("mailto", "mailtos"):
        from alerts.sinks.mail import Mail

        return Mail(url)
    if not scheme:
        raise SinkError("The channel has no URL: enter one on the Configuration page.", permanent=False)
    from alerts.sinks.services import Service

    return Service(url)
