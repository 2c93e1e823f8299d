"""The serving process: proxies, the supervisor of model processes, and the control API, in one event loop."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
import secrets
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from config.atomic import write_atomic
from serving import control, place
from serving.backends import Backends
from serving.proxy.listening import Listener
from serving.proxy.meter import now
from serving.proxy.records import Records
from serving.proxy.routing import Routing
from serving.proxy.server import Proxy, Shared
from serving.proxy.totals import Lanes
from serving.proxy.upstreams import Upstreams
from serving.settings import NOTHING, PROXIES, BadConfiguration, ProxyName, ServingSettings, read_settings
from serving.wire import PROTOCOL, RequestsHeld, Status

log = logging.getLogger(__name__)
GRACE = 10.0
"""Seconds that requests in flight have when the process is told to stop."""
POOLED_FOR = 4.0
"""Seconds an idle connection to an upstream is kept: less than the 5 s of llama.cpp's server, which closes it then."""


class AlreadyRuns(Exception):
    """Another process serves this folder."""


def _session(**pooling: Any) -> aiohttp.ClientSession:
    # The pool is bounded by the clients, not here: each has one request in flight.
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, **pooling), auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    )


class Daemon:
    """``folder`` is Vigie's data folder, ``version`` what is told to whoever asks."""

    def __init__(self, folder: Path, version: str, backends: Backends) -> None:
        self._folder, self._version, self._backends = folder, version, backends
        self._boot, self._started = secrets.token_hex(8), time.time()
        self._configured, self._problem = "", ""
        self._stop = asyncio.Event()
        self._grace, self._keep_processes = GRACE, False
        self._configuring = asyncio.Lock()
        self.records = Records()
        self._lanes = Lanes()
        self._listeners: dict[ProxyName, Listener] = {}
        self._lock: int | None = None

    @property
    def boot(self) -> str:
        """Another one after each start."""
        return self._boot

    @property
    def backends(self) -> Backends:
        """The model processes."""
        return self._backends

    async def run(self) -> None:
        """Serves until it is told to stop.

        Raises:
            AlreadyRuns: another process does.
            OSError: the folder cannot be used.
        """
        self._take_lock()
        async with _session(keepalive_timeout=POOLED_FOR) as session, _session(force_close=True) as once:
            self._shared = Shared(
                session, once, Upstreams(session), self._backends, Routing(self._backends), self.records, self._lanes,
                f"1.1 vigie-{self._boot}", NOTHING,
            )
            for name in PROXIES:
                self._listeners[name] = Listener(Proxy(NOTHING.proxies[name], self._shared))
                await self._listeners[name].start()
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._stop.set)
            await self._backends.start()
            await self._configure_from_disk()
            served = await control.serve(self, self._folder)
            try:
                await self._stop.wait()
            finally:
                await asyncio.gather(*(one.close(self._grace) for one in self._listeners.values()))
                await self._shared.upstreams.close()
                await self._backends.stop(keep=self._keep_processes)
                await served.cleanup()
                (self._folder / place.SOCKET).unlink(missing_ok=True)

    def stop(self, grace: float, keep: bool = False) -> None:
        """Has `run` end; requests in flight have ``grace`` seconds. With ``keep`` the model processes run on, for the
        next serving process to find."""
        self._grace, self._keep_processes = grace, keep
        self._stop.set()

    async def configure(self, raw: Any) -> None:
        """Goes by another configuration and keeps it. One that cannot be kept is in force all the same: see `problem`.

        Raises:
            BadConfiguration: it is none; what was in force stays.
        """
        settings = read_settings(raw)
        async with self._configuring:
            await self._apply(settings)
            data = orjson.dumps(raw)
            self._configured = hashlib.sha256(data).hexdigest()
            self._keep(data)

    @property
    def configured(self) -> str:
        """Digest of the newest configuration; empty before the first."""
        return self._configured

    @property
    def problem(self) -> str:
        """Why the configuration is not kept; empty when it is."""
        return self._problem

    async def _apply(self, settings: ServingSettings) -> None:
        shared = self._shared
        shared.settings = settings
        shared.routing.engines = dict(settings.processes)
        await self._backends.configure(settings.models)
        enabled = [proxy for proxy in settings.proxies.values() if proxy.enabled]
        names = {one.name for one in settings.servers}
        watched = {name for proxy in enabled for name in (proxy.upstreams or names)}
        every = min((proxy.check_every for proxy in enabled), default=5.0)
        shared.upstreams.configure(settings.servers, frozenset(watched), every)
        await asyncio.gather(*(self._listeners[name].configure(settings.proxies[name]) for name in PROXIES))
        shared.turns.again()

    def _keep(self, data: bytes) -> None:
        try:
            write_atomic(self._folder / place.KEPT, data)
            self._problem = ""
        except OSError as error:
            self._problem = f"The configuration cannot be kept for the next start: {error.strerror or error}."
            log.warning(self._problem)

    async def _configure_from_disk(self) -> None:
        try:
            data = (self._folder / place.KEPT).read_bytes()
            await self._apply(read_settings(orjson.loads(data)))
            self._configured = hashlib.sha256(data).hexdigest()
        except FileNotFoundError:
            return
        except (OSError, ValueError, BadConfiguration) as error:
            self._problem = f"The kept configuration cannot be read: {error}"
            log.warning(self._problem)

    def _take_lock(self) -> None:
        self._lock = os.open(self._folder / place.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRuns(f"Another process serves {self._folder}.") from None

    def status(self) -> Status:
        """Everything, in one read."""
        told = Status(
            protocol=PROTOCOL, version=self._version, boot=self._boot, pid=os.getpid(), started=self._started,
            now=time.time(), configured=self._configured, draining=self._stop.is_set(),
            proxies=[one.status() for one in self._listeners.values()], upstreams=self._shared.upstreams.status(),
            lanes=self._lanes.status(now()), requests=RequestsHeld(first=self.records.first, last=self.records.last),
            processes=self._backends.status(),
        )
        if self._problem:
            told["problem"] = self._problem
        return told
