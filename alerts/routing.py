"""Which channels are told of a transition. Pure: silences and the like have been judged by who made the transition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.dashboard import SEVERITIES, AlertType, Channel, Notifications

PAGE = "toast"
"""The channel that is the page itself: toasts and the bell."""
State = Literal["firing", "resolved"]


@dataclass(frozen=True, slots=True)
class Told:
    """A transition, as far as routing knows it."""

    state: State
    severity: str
    category: str
    """The entry of ``alertTypes`` that its rule names."""
    muted: str = ""
    """Why nobody is told: silenced, inhibited or flapping; empty when they are."""


def alert_type(notifications: Notifications, category: str) -> AlertType:
    """The entry of ``alertTypes`` that a category names; that of the machine when there is none of its name."""
    types = notifications.alert_types
    found = getattr(types, category, None) if category in type(types).model_fields else None
    return found if isinstance(found, AlertType) else types.system_alert


def channels_of(notifications: Notifications, told: Told) -> tuple[str, ...]:
    """Names of the channels that a transition goes to by its kind, the page included; whatever its severity."""
    kind = alert_type(notifications, told.category)
    if not notifications.enabled or not kind.enabled:
        return ()
    used = set(notifications.channels)
    return tuple(name for name in dict.fromkeys(kind.channels) if name in used)


def wants(channel: Channel, told: Told) -> bool:
    """True when a channel is told of a transition of this severity and state."""
    if not channel.url:
        return False
    if told.state == "resolved" and not channel.resolved:
        return False
    return severe_as(told.severity, channel.min_severity)


def severe_as(severity: str, least: str) -> bool:
    """True when ``severity`` is ``least`` or worse; one that is not known counts as the worst."""
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    return rank >= SEVERITIES.index(least)


def on_page(notifications: Notifications, told: Told) -> bool:
    """True when the page shows a transition as it happens."""
    return not told.muted and PAGE in channels_of(notifications, told)


def ways_out(notifications: Notifications, told: Told) -> tuple[str, ...]:
    """Names of the channels with a target that are told of a transition, in the order they are listed."""
    targets = notifications.targets
    return tuple(
        name for name in channels_of(notifications, told)
        if name != PAGE and name in targets and wants(targets[name], told)
    )
