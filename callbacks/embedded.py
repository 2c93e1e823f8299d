"""What callbacks give to embed links: each asks here, and gives everything to people who are signed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from components import embeds
from desk.views import ViewMissing
from live.summary import Summary, summarise
from security.embed_guard import record, refuse
from security.identity import current_identity
from services import vigie

if TYPE_CHECKING:
    from callbacks.charts import Want

CHARTS = ("chart", "monitoring", "explore", "view")
"""Kinds of embed links that show charts."""
EVERY = (*CHARTS, "overview")


def scope() -> embeds.Scope | None:
    """What the embed link gives that the request in hand came by; None when somebody is signed in.

    Raises:
        Forbidden: the link shows a saved view that is gone.
        StorageError: the database is away.
    """
    identity = current_identity()
    if identity is None or identity.embed is None:
        return None
    try:
        return embeds.scope_of(identity.embed, vigie().views)
    except ViewMissing:
        raise refuse("view gone") from None


def within(want: Want, now: float) -> Want:
    """What a panel asks for, cut to what the link gives.

    Raises:
        Forbidden: the link gives nothing of it.
    """
    given = scope()
    if given is None:
        return want
    window = given.window(want.start, want.end, now)
    if given.spec(want.spec.id) is None:
        raise refuse(f"chart {want.spec.id}")
    if window is None:
        raise refuse(f"chart {want.spec.id}, another time")
    return replace(want, start=window[0], end=window[1])


def shows_now() -> bool:
    """False when the request in hand came by a link to a span of the past: it gives no newest value."""
    identity = current_identity()
    return identity is None or identity.embed is None or not identity.embed.target.fixed


def values_of(keys: Sequence[str]) -> list[str]:
    """Those of ``keys`` whose newest values may be given; what a link asks for beside is recorded."""
    given = scope()
    if given is None:
        return list(keys)
    outside = set(given.outside(keys, vigie().query, summary_for(given)))
    if outside:
        record(200, detail=f"series {min(outside)}"[:120])
    return [key for key in keys if key not in outside]


def summary_for(given: embeds.Scope) -> Summary | None:
    """What the overview shows, when the link is one to it."""
    if given.target.kind != "overview":
        return None
    services = vigie()
    return summarise(services.latest, services.sources(), services.parts(), services.events,
                     services.latest.limits)


def public(summary: Summary) -> Summary:
    """A summary without what names people or says who did what; as it is for who is signed in."""
    identity = current_identity()
    if identity is None or identity.embed is None:
        return summary
    return replace(summary, by_cpu=[], by_memory=[], on_gpu=[], events=[])
