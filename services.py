"""What callbacks and routes may use: one typed object per app, at ``current_app.extensions["vigie"]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from alerts.delivery import Delivery
    from alerts.people import NotifiedPeople
    from alerts.service import Alerts
    from config.settings import Settings
    from config.store import ConfigStore
    from desk.notes import Notes
    from desk.views import Views
    from jobs.pool import Pool
    from live.events import Events
    from live.hub import Hub
    from metrics.status import PartStatus, SourceStatus
    from security.accounts import Accounts
    from security.audit import Trail
    from serving.service import Serving
    from storage.latest import Latest
    from storage.query import Query


@dataclass(slots=True)
class Vigie:
    """The services of one app. Two apps can live in one process: nothing here is global."""

    settings: Settings
    """What is fixed at the start."""
    config: ConfigStore
    """What changes while Vigie runs."""
    version: str
    started: float
    """Epoch seconds."""
    latest: Latest
    query: Query
    hub: Hub
    events: Events
    accounts: Accounts
    audit: Trail
    """Who did what; routes and callbacks call `security.audit.record`."""
    views: Views
    alerts: Alerts
    """Rules, what they found, who mutes it."""
    jobs: Pool
    """Exports that are made in the background."""
    notes: Notes
    delivery: Delivery
    """Tells people of alerts by the channels of the configuration."""
    notified: NotifiedPeople
    """What each person has seen of the alerts, and chosen."""
    serving: Serving
    """Models, their servers, and what went through the proxies."""
    sources: Callable[[], list[SourceStatus]]
    """State of each collector, in the order of `COLLECTORS`."""
    parts: Callable[[], list[PartStatus]]
    """State of each loop and store: scheduler, ring, archive, accounts."""
    simulated: str = ""
    """Not empty when what is shown was not recorded on a real machine: the words to show for it."""
    metric_sources: Mapping[str, str] = field(default_factory=dict)
    """Name of a metric, rates included -> the collector it comes from."""


def vigie() -> Vigie:
    """The services of the app that answers the request in hand."""
    return cast(Vigie, current_app.extensions["vigie"])
