"""The address a proxy listens on: bound, bound anew where it changed, tried again while somebody else holds it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import time
from typing import Any

from aiohttp import web

from serving.proxy.server import Proxy
from serving.settings import ProxySettings
from serving.wire import ProxyStatus

log = logging.getLogger(__name__)
TRY_AGAIN = 2.0
"""Seconds between two tries of a port that is taken."""
KEEP_ALIVE = 75.0
EVERYWHERE = "::"
BACKLOG = 4096
"""Clients that may wait to be taken; the kernel's own bound (net.core.somaxconn) may be lower."""


class Listener:
    """Brings the requests of one address to one proxy. Requests in flight outlive a change of the address."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._runner: web.ServerRunner | None = None
        self._server: web.Server | None = None
        self._site: web.BaseSite | None = None
        self._bound: tuple[str, int] | None = None
        self._since = 0.0
        self._problem = ""
        self._trying: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """It listens."""
        return self._site is not None

    async def start(self) -> None:
        """Makes ready; listens to nothing yet."""
        self._server = web.Server(
            self._proxy.handle, handler_cancellation=True, access_log=None,
            auto_decompress=False, keepalive_timeout=KEEP_ALIVE,
        )
        self._runner = web.ServerRunner(self._server)
        await self._runner.setup()

    async def configure(self, settings: ProxySettings) -> None:
        """Goes by other settings; only another address is bound anew."""
        self._proxy.settings = settings
        wanted = settings.address if settings.enabled else None
        if wanted == self._bound and (self._site is not None or wanted is None):
            return
        await self._stop_trying()
        await self.unbind()
        self._bound = wanted
        if wanted is not None and not await self._bind(wanted):
            self._trying = asyncio.create_task(self._try_on(wanted), name=f"bind-{settings.name}")

    async def unbind(self) -> None:
        """Takes no more connections; those that are idle end, those with a request end after it."""
        site, self._site, self._problem = self._site, None, ""
        if site is not None:
            await site.stop()
            if self._server is not None:
                self._server.pre_shutdown()

    async def close(self, grace: float) -> None:
        """Ends everything; requests in flight have ``grace`` seconds."""
        await self._stop_trying()
        await self.unbind()
        end = time.monotonic() + grace
        while self._proxy.totals.running and time.monotonic() < end:
            await asyncio.sleep(0.02)
        if self._server is not None:
            await self._server.shutdown(0.1)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _stop_trying(self) -> None:
        trying, self._trying = self._trying, None
        if trying is not None:
            trying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await trying

    async def _bind(self, address: tuple[str, int]) -> bool:
        assert self._runner is not None  # `start` comes first
        site: web.BaseSite | None = None
        try:
            site = _site(self._runner, address)
            await site.start()
        except OSError as error:
            if site is not None:
                await site.stop()
            before, self._problem = self._problem, await _why(error, address)
            if self._problem != before:
                log.warning("proxy %s: %s", self._proxy.settings.name, self._problem)
            return False
        self._site, self._since, self._problem = site, time.monotonic(), ""
        log.info("proxy %s listens on %s port %d", self._proxy.settings.name, *address)
        return True

    async def _try_on(self, address: tuple[str, int]) -> None:
        while not await self._bind(address):
            await asyncio.sleep(TRY_AGAIN)

    def status(self) -> ProxyStatus:
        """As ``GET /status`` tells it."""
        settings, totals = self._proxy.settings, self._proxy.totals
        told = ProxyStatus(
            name=settings.name, enabled=settings.enabled, host=settings.host, port=settings.port, up=self.up,
            running=totals.running, waiting=totals.waiting, requests=totals.requests, errors=totals.errors,
            refused=totals.refused, gone=totals.gone, limited=totals.limited, received=totals.received,
            sent=totals.sent, upstreams=[one.settings.name for one in self._proxy.upstreams],
        )
        if self.up:
            told["uptime"] = time.monotonic() - self._since
            if (healthy := self._proxy.healthy) is not None:
                told["healthy"] = healthy
        if self._problem:
            told["problem"] = self._problem
        mean = totals.recent.mean()
        if mean is not None:
            told["mean"] = mean
        return told


def _site(runner: web.ServerRunner, address: tuple[str, int]) -> web.BaseSite:
    if address[0] == EVERYWHERE:  # both families, as whoever writes it expects
        listener = socket.create_server(address, family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
        return web.SockSite(runner, listener, backlog=BACKLOG)
    return web.TCPSite(runner, *address, backlog=BACKLOG)


async def _why(error: OSError, address: tuple[str, int]) -> str:
    """Why an address could not be bound, as a sentence; with who holds it where that can be seen."""
    host, port = address
    if error.errno == errno.EADDRINUSE:
        holder = await asyncio.to_thread(_holder, port)
        return f"Port {port} of {host} is taken by {holder}; it is tried again every {TRY_AGAIN:g} s."
    if error.errno == errno.EACCES:
        return f"Port {port} of {host} may not be used: ports below 1024 need more rights."
    return f"It cannot listen on {host} port {port}: {error.strerror or error}."


def _holder(port: int) -> str:
    import psutil  # only where something is wrong: it takes a while

    try:
        listening: list[Any] = [one for one in psutil.net_connections("inet") if one.status == psutil.CONN_LISTEN]
        pids = [one.pid for one in listening if one.laddr.port == port and one.pid]
        return f"{psutil.Process(pids[0]).name()} (process {pids[0]})" if pids else "a program of another user"
    except (psutil.Error, OSError):
        return "another program"
