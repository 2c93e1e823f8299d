"""A small real pipeline behind the API: ring, archive, newest values and accounts in a folder, fed by hand."""

from __future__ import annotations

import math
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from flask_babel import Babel

import api
from alerts.delivery import Delivery
from alerts.outbox import Outbox
from alerts.people import NotifiedPeople
from alerts.service import Alerts
from alerts.transitions import Transitions
from config.limits import HealthLimits
from config.secret import Cipher
from config.settings import Settings
from config.store import ConfigStore
from desk.notes import Notes
from desk.views import Views
from jobs.pool import Pool
from live.events import Events
from live.hub import Frame, Hub
from metrics.metric import Metric, Sample, labels, rate_of
from metrics.status import PartStatus, SourceStatus
from security import setup
from security.accounts import Accounts
from security.audit import Trail
from security.secrets import load_secrets
from services import Vigie
from serving.actor import Actor
from serving.client import ServingClient
from serving.files.catalogue import Catalogue
from serving.files.scan import folders_of
from serving.requests.log import RequestLog
from serving.service import Serving
from storage.archive.archive import Archive
from storage.database import Database
from storage.latest import Latest
from storage.query import Query
from storage.ring.file import FileRing
from storage.roller import Roller
from storage.writer import Tick, Writer

PASSWORD = "a long enough passphrase"
PAST = 900
"""Seconds of history the house starts with."""
GIB = 2**30
CPU = Metric("cpu_usage_ratio", "gauge", "ratio", "CPU in use")
CORE = Metric("cpu_core_usage_ratio", "gauge", "ratio", "One core in use")
LOAD = Metric("cpu_load1", "gauge", "", "Load over one minute")
UPTIME = Metric("system_uptime_seconds", "gauge", "seconds", "Time since boot")
MEMORY = {n: Metric(f"memory_{n}_bytes", "gauge", "bytes", f"Memory {n}") for n in ("used", "total", "free")}
MEMORY_RATIO = Metric("memory_used_ratio", "gauge", "ratio", "Memory in use")
DISK = {name: Metric(f"disk_volume_{name}_bytes", "gauge", "bytes", f"Volume {name}") for name in ("used", "total")}
DISK_RATIO = Metric("disk_volume_used_ratio", "gauge", "ratio", "Volume in use")
SENT = Metric("network_all_transmit_bytes_total", "counter", "bytes", "Bytes sent")
RECEIVED = Metric("network_receive_bytes_total", "counter", "bytes", "Bytes received by an interface")
SENT_PER_SECOND = 2.0**20
CORES = 4
DISK_EVERY = 10
"""Seconds between two looks at the volumes."""


def samples_at(at: float, start: float) -> list[Sample]:
    """One tick of a made-up machine whose values follow from the time alone."""
    cpu = 0.5 + 0.3 * math.sin(at / 60)
    none, root = labels(), labels(mount="/")
    disk = [
        Sample(DISK["used"], root, 50.0 * GIB), Sample(DISK["total"], root, 200.0 * GIB),
        Sample(DISK_RATIO, root, 0.25),
    ]
    return [
        *(disk if at % DISK_EVERY == 0 else []),
        Sample(CPU, none, cpu), Sample(LOAD, none, cpu * CORES), Sample(UPTIME, none, at - start + 1000),
        *(Sample(CORE, labels(core=str(i)), cpu / (i + 1)) for i in range(CORES)),
        Sample(MEMORY["used"], none, 6.0 * GIB), Sample(MEMORY["total"], none, 16.0 * GIB),
        Sample(MEMORY["free"], none, 10.0 * GIB), Sample(MEMORY_RATIO, none, 6 / 16),
        Sample(SENT, none, 2.0**40 + SENT_PER_SECOND * (at - start)),
        Sample(rate_of(SENT), none, SENT_PER_SECOND),
        Sample(RECEIVED, labels(interface='odd "name"\\'), 12345678901.0),
    ]


SNAPSHOTS = {
    "processes": {"at": 0, "total": 1, "rows": [
        {"pid": 7, "name": "llama", "user": "ai", "cpu_ratio": 1.5, "memory_bytes": 5 * GIB, "memory_ratio": 0.3,
         "threads": 9, "status": "running", "uptime_seconds": 60, "command": "llama-server --port 1"},
    ]},
}


@dataclass
class House:
    """One app with everything below it."""

    folder: Path
    server: Flask
    services: Vigie
    writer: Writer
    roller: Roller
    ring: FileRing
    start: float
    """Epoch seconds of the first tick."""
    at: float
    """Epoch seconds of the newest tick."""
    sources: list[SourceStatus] = field(default_factory=lambda: [SourceStatus("cpu", "ok", at=1.0, since=1.0)])
    parts: list[PartStatus] = field(default_factory=lambda: [PartStatus("scheduler", True)])

    def tick(self) -> float:
        """Writes the next tick and publishes it; returns its time."""
        self.at += self.services.settings.step
        self.writer.write(Tick(self.at, samples_at(self.at, self.start), SNAPSHOTS))
        return self.at

    def token(self, name: str, *permissions: str) -> str:
        """The secret of a new API token."""
        return self.services.accounts.tokens.add(name, permissions)[0]

    def close(self) -> None:
        """Ends live connections and lets go of the folder."""
        self.services.hub.close()
        self.ring.close()


def build(folder: Path, **more: object) -> House:
    """A house in ``folder`` with `PAST` seconds of history, up to now; ``more`` are settings."""
    settings = Settings(data_dir=folder, ring_hours=0.5, **more)  # type: ignore[arg-type]
    ring = FileRing(folder, 1, settings.step, settings.capacity, max_series=64)
    archive = Archive(Database("archive", folder))
    latest, hub, count = Latest(HealthLimits()), Hub(), iter(range(1, 10**9))

    def publish(at: float, values: object, row: bytes) -> None:
        hub.publish("metrics", Frame(next(count), round(at * 1000), values, row))  # type: ignore[arg-type]

    def cadence(metric: str) -> float:
        return DISK_EVERY if metric.startswith("disk_") else settings.step

    end = float(int(time.time()))
    house = House(
        folder, api.make_server("house"), None, Writer(ring, latest, publish, cadence),  # type: ignore[arg-type]
        Roller(ring, archive), ring, end - PAST, end - PAST,
    )
    state = Database("state", folder)
    accounts, trail = Accounts(state), Trail(state)
    query = Query(ring, archive)
    config = ConfigStore(folder / "config", Cipher(load_secrets(folder).token_key))
    alerts = Alerts(state, server=1, hub=hub, latest=latest, query=query, holder="house")
    delivery = Delivery(
        Outbox(state, "house"), Transitions(alerts, lambda _server: "house"), state,
        lambda: config.current.notifications, hub,
    )
    house.services = Vigie(
        settings, config, "1.2.3", time.time(), latest, query, hub, Events(archive, hub), accounts, trail,
        Views(state), alerts,
        Pool(folder / "cache" / "jobs"), Notes(state), delivery, NotifiedPeople(state),
        serving=Serving(
            latest, query, RequestLog(archive.database, lambda _after: None, lambda: 7, dict), config,
            Actor(ServingClient(folder), lambda _model, _error: None), lambda _request, _start, _end: [],
            Catalogue(lambda: folders_of(config.current.paths), rescan=0.5, settle=0.05),
        ),
        sources=lambda: house.sources, parts=lambda: house.parts,
    )
    while house.at < end:
        house.tick()
    house.roller.run_once()
    house.server.extensions["vigie"] = house.services
    Babel(house.server)
    setup.init_app(house.server, settings, accounts, load_secrets(folder), trail=trail)
    api.init_app(house.server)
    return house


def served() -> Flask:
    """The app for a real gunicorn: in the folder that the environment names, ticking each 50 ms."""
    house = build(Path(os.environ["HOUSE_FOLDER"]), viewer_limit=int(os.environ.get("HOUSE_LIMIT", "4")))
    Path(house.folder, "token").write_text(house.token("test", "metrics:read"), encoding="ascii")
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.05):
            house.tick()

    threading.Thread(target=run, daemon=True).start()
    return house.server
