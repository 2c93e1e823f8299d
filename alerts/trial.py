"""The test button: one real message by a channel, and what the other side said."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from alerts.language import Words
from alerts.messages import compose
from alerts.notices import SAMPLE, Notice
from alerts.sinks import Sink, SinkError, masked, open_sink
from config.dashboard import Channel, Notifications


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a test. ``error`` is a sentence; empty when the message was taken."""

    ok: bool
    status: int | None
    answer: str
    error: str
    seconds: float
    remarks: tuple[str, ...] = ()
    """What is wrong with the channel's templates."""


def sample(now: float, several: bool = False) -> list[Notice]:
    """An alert as an example, or three."""
    first = replace(SAMPLE, at=now, since=now - 180)
    if not several:
        return [first]
    disk = replace(
        first, id=1, alert=1, name="Disk full", rule="disk_full", severity="critical", value=0.96, threshold=0.95,
        metric="disk_volume_used_ratio", labels={"mount": "/data"}, since=now - 60,
    )
    return [first, disk, replace(first, id=2, alert=2, name="GPU hot", rule="gpu_hot", state="resolved", value=71.0,
                                 threshold=83.0, metric="gpu_temperature_celsius", unit="celsius", since=now - 900)]


def run(
    channel: Channel, settings: Notifications, way_out: Callable[[str], Sink] = open_sink, now: float | None = None,
) -> Trial:
    """Sends an example by ``channel``; takes as long as the other side does, up to a bound."""
    now = time.time() if now is None else now
    message, wrong = compose(secrets.token_hex(16), "", sample(now), settings, channel, now)
    _ = Words(settings.language).gettext
    message = replace(message, title=_("Test: %(title)s") % {"title": message.title})
    url, begun = channel.url.reveal(), time.monotonic()
    try:
        answer = way_out(url).send(message)
    except SinkError as error:
        return Trial(
            False, error.status, masked(error.answer, url), str(error), time.monotonic() - begun, tuple(wrong),
        )
    return Trial(True, answer.status, masked(answer.text, url), "", time.monotonic() - begun, tuple(wrong))
