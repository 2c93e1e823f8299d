"""Wires every room into one app. Imported where the app runs, after the fork: it pulls in everything."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog

import api
import callbacks
import security
from alerts import history
from alerts.delivery import Delivery
from alerts.outbox import Outbox
from alerts.people import NotifiedPeople
from alerts.service import Alerts
from alerts.transitions import Transitions
from api.base_path import below
from api.static import plotly_url, static_files, vendor_url
from collectors import build_collectors
from collectors.demo import SIMULATED, build_demo_collectors
from collectors.demo.requests import SimulatedRequests
from collectors.engines.discovery import Own
from collectors.objectives import Objectives
from collectors.scrape import ScrapeRunner, metric_sources
from collectors.serving import Serving as ServingSource
from collectors.vigie import Stats
from config import affected
from config.changes import changed_since
from config.limits import HealthLimits
from config.secret import Cipher
from config.serving import Proxies
from config.settings import Settings
from config.store import ConfigStore
from desk.notes import Notes
from desk.views import Views
from following import config_stats, first_page, follow
from jobs.pool import Pool
from live.events import Events
from live.hub import Hub
from loglines import LogOutput
from pages.index import VigieDash
from runtime import Runtime, past_ticks
from security import audit
from security.accounts import Accounts
from security.audit import Trail
from security.audit.seal import Seal
from security.errors import Refused
from security.problems import request_in_hand
from security.secrets import load_secrets
from services import Vigie
from serving import energy
from serving.actor import Actor
from serving.acts import NothingReal
from serving.autopsy.found import Fired
from serving.files.catalogue import Catalogue
from serving.files.scan import folders_of
from serving.launch import Launcher
from serving.requests.burn import Burn
from serving.requests.log import RequestLog
from serving.service import Serving, on_this_machine, own_ports, targets, told_to_serving
from startup import announce_first_admin, read_version
from storage.archive.archive import Archive
from storage.database import Database
from storage.errors import StorageError
from storage.latest import Latest
from storage.query import Query
from storage.ring.base import Ring
from storage.ring.buffered import BufferedRing
from storage.roller import Roller
from storage.writer import Writer

log = structlog.get_logger(__name__)

LOCAL_SERVER = 1
"""The id of this machine."""
DEMO_PAST = 3600.0
"""Seconds of history that the demo begins with."""


def wire(
    settings: Settings, folder: Path, *, validate: bool = False, logs: LogOutput | None = None,
) -> VigieDash:
    """One app on the data folder ``folder``; its loops, in ``server.extensions["vigie.runtime"]``, are not started.

    ``validate`` keeps Dash's layout validation on, for tests. ``logs`` is where log lines go.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secrets = load_secrets(folder)
    given, config = settings, ConfigStore(folder / "config", Cipher(secrets.token_key))
    settings = affected.at_start(given, config.current)
    logs = logs or LogOutput(settings)
    logs.request = request_in_hand
    state = Database("state", folder, settings.database_url)
    accounts = Accounts(state)
    trail = Trail(state, seal=Seal(secrets.token_key, folder), days=settings.audit_days)
    archive = Archive(Database("archive", folder, settings.database_url), LOCAL_SERVER)
    ring = BufferedRing(_ring(settings, folder))
    hub, latest = Hub(), Latest(HealthLimits(config.current.monitoring.alert_thresholds))
    events, query = Events(archive, hub), Query(ring, archive)
    alerts = Alerts(
        state, server=LOCAL_SERVER, hub=hub, latest=latest, query=query, holder=_holder(secrets.token_key, folder),
        thresholds=lambda: config.current.monitoring.alert_thresholds,
    )
    jobs = Pool(folder / "cache" / "jobs", lambda told: hub.publish("jobs", told))
    delivery = Delivery(
        Outbox(state, secrets.instance),
        Transitions(alerts, lambda _server: str(latest.snapshot("cpu").get("hostname", ""))), state,
        lambda: config.current.notifications, hub,
    )
    roller = Roller(ring, archive, totals=latest.value, ready=lambda: runtime.has_past())  # noqa: PLW0108 - made below

    launcher = Launcher(folder, read_version(), lambda: told_to_serving(config.current))
    files = Catalogue(lambda: folders_of(config.current.paths))
    log_of_requests = RequestLog(
        archive.database, SimulatedRequests().fetch if settings.demo else launcher.requests,
        lambda: config.current.models.request_log_days,
        lambda: {one.model: one.hours for one in config.current.models.keep_text},
        partial(energy.fill, archive.database, query, partial(on_this_machine, latest)),
    )
    serving = Serving(
        latest, query, log_of_requests, config,
        NothingReal() if settings.demo else Actor(launcher.client, partial(_load_failed, events)),
        partial(_fired, state), files, asked=None if settings.demo else launcher,
    )
    server = api.make_server(__name__)
    runtime: Runtime

    def self_stats() -> Stats:
        return {**runtime.self_stats(), **config_stats(config), "vigie_viewers": float(api.viewers(server))}

    collectors = build_demo_collectors(self_stats=self_stats) if settings.demo else build_collectors(
        volumes_exclude=settings.volumes_exclude, watched=lambda: hub.listeners("processes") > 0, self_stats=self_stats,
        model_servers=lambda: targets(config.current.models.servers, latest.snapshot("serving")),
        find_model_servers=lambda: config.current.models.discover,
        own=lambda: _own(settings, config.current.proxies, latest.snapshot("serving")),
        serving=ServingSource(launcher.read, launcher.wanted, launcher.enabled),
        objectives=Objectives(Burn(archive.database, lambda: config.current.models)),
    )
    cadence: dict[str, float] = {}
    for collector in collectors:  # of a metric that two yield the slower one counts
        cadence |= {m.name: max(collector.every, cadence.get(m.name, 0.0)) for m in collector.metrics}
        cadence |= getattr(collector, "cadence", {})
    interval = 1.0 if settings.adaptive_interval else affected.interval(config.current, settings.step)
    now = time.time()
    runtime = Runtime(
        interval=interval,
        adaptive=settings.adaptive_interval,
        runner=lambda changed: ScrapeRunner(collectors, deadline=0.2 * settings.step, on_change=changed),
        writer=lambda publish: Writer(
            ring, latest, publish, lambda name: max(cadence.get(name, 0.0), runtime.coarsest),
        ),
        ring=ring, roller=roller, accounts=accounts, latest=latest, hub=hub, events=events,
        jobs=jobs, audit=trail, alerts=alerts, config=config, logs=logs, notifier=delivery,
        loops={"serving": launcher, "requests": log_of_requests, "files": files},
        accounts_back=partial(_first_admin, accounts, trail),
        warm=lambda: static_files(server).warm(),
        settings_changed=partial(changed_since, folder, given),
        past=past_ticks(collectors, now - DEMO_PAST, now, settings.step) if settings.demo else None,
    )
    follow(config, settings, runtime, latest, hub, events, trail, logs)
    config.subscribe(lambda before, after, _: delivery.reconfigured(before.notifications, after.notifications))
    config.subscribe(lambda _before, _after, _applied: launcher.changed())
    config.subscribe(lambda _before, _after, _applied: files.reconfigured())
    server.extensions["vigie"] = Vigie(
        settings=settings, config=config, version=read_version(), started=time.time(), latest=latest,
        query=query,
        hub=hub, events=events, accounts=accounts, audit=trail, views=Views(state, record=audit.record),
        alerts=alerts, jobs=jobs, serving=serving,
        notes=Notes(state, record=audit.record), delivery=delivery, notified=NotifiedPeople(state),
        sources=runtime.sources, parts=runtime.parts,
        simulated=SIMULATED if settings.demo else "", metric_sources=metric_sources(collectors),
    )
    server.extensions["vigie.runtime"] = runtime
    dash_app: VigieDash
    security.init_app(
        server, settings, accounts, secrets, script_hashes=lambda: dash_app.csp_hashes(),  # noqa: PLW0108 - made below
        on_blocked=lambda address, name: events.add("login_blocked", "warning", address=address, name=name),
        embeddable=lambda output, kind: dash_app.embeddable(output, kind),  # noqa: PLW0108 - made below
        on_embed=lambda kind, severity, params: events.add(kind, severity, **params),  # type: ignore[arg-type]
        trail=trail,
    )
    server.config["VIGIE_FIRST_PAGE"] = lambda: first_page(config.current)
    api.init_app(server)
    with server.app_context():
        bootstrap = vendor_url("bootstrap.min.css")
        dash_app = VigieDash(
            server, bootstrap_url=bootstrap, plotly_url=plotly_url, bundle_url=static_files(server).bundle_url,
            base_path=settings.base_path, validate=validate,
        )
    callbacks.register(dash_app)
    below(server, settings.base_path, settings.trusted_proxies)
    return dash_app


def _own(settings: Settings, proxies: Proxies, serving: Mapping[str, Any]) -> Own:
    """What of Vigie listens on this machine: its pages, the proxies that are on, and the model processes it runs."""
    ports = {proxy.port for proxy in (proxies.ollama, proxies.lmstudio) if proxy.enabled}
    return Own(ports | own_ports(serving) | {settings.port}, {os.getpid(), os.getppid()})


def _load_failed(events: Events, model: str, error: str) -> None:
    """A model server took long to load a model, and then failed."""
    events.add("model_load_failed", "error", model=model, error=error)


def _fired(state: Database, start: float, end: float) -> list[Fired]:
    """Alerts that fired between two moments, the newest first, but those that are for information only."""
    wanted = history.Filter(start=start - 86_400, end=end, severities=("warning", "error", "critical"),
                            server=LOCAL_SERVER)
    try:
        found = history.page(state, wanted, end, limit=100).alerts
    except StorageError:
        return []
    return [
        Fired(one.name or one.rule, one.metric, dict(one.labels)) for one in found
        if one.resolved is None or one.resolved >= start
    ]


def _holder(key: str, folder: Path) -> str:
    """The name of this installation among those that share a database: the same after a restart."""
    named = "\n".join((key, socket.gethostname(), str(folder.resolve())))
    return hashlib.sha256(named.encode(errors="surrogateescape")).hexdigest()[:32]


def _first_admin(accounts: Accounts, trail: Trail) -> None:
    """What the start does when the database is there, done when it comes back instead."""
    try:
        with audit.using(trail):
            announce_first_admin(accounts)
    except (StorageError, Refused) as error:
        log.error("no first account was made", error=str(error))


def _ring(settings: Settings, folder: Path) -> Ring:
    if settings.redis_url:
        from storage.ring.redis import RedisRing

        return RedisRing(settings.redis_url, LOCAL_SERVER, settings.step, settings.capacity)
    from storage.ring.file import FileRing

    return FileRing(folder, LOCAL_SERVER, settings.step, settings.capacity)
