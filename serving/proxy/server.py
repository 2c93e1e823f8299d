"""One proxy: it listens, takes requests, has them passed on, and counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import web

from serving.backends import Backends
from serving.proxy import body as bodies
from serving.proxy import clients
from serving.proxy.dialect import KINDS, OLLAMA_ONLY, RUN_A_MODEL, STREAMED_UNASKED, Refusal, answer, dialect_of
from serving.proxy.exchange import LONGEST_NAME, Exchange
from serving.proxy.limits import Rate, Turns, check_key
from serving.proxy.lists import Lists
from serving.proxy.meter import Meter, now
from serving.proxy.passing import give_back, send, sent_headers
from serving.proxy.records import Records
from serving.proxy.routing import Routing, Target
from serving.proxy.totals import Lane, Lanes, ProxyTotals
from serving.proxy.translating import Asked, origin_form, starts, translate
from serving.proxy.upstreams import Upstream, Upstreams
from serving.settings import ProxySettings, ServingSettings

log = logging.getLogger(__name__)
BLOBS = "/api/blobs/"
"""Where Ollama's clients send and look for the files that a model is made of."""
REFUSED = frozenset({400, 422})
UPLOAD = 86_400.0
"""Seconds that sending such a file may take."""


@dataclass(slots=True)
class Shared:
    """What both proxies use."""

    session: aiohttp.ClientSession
    once: aiohttp.ClientSession
    """Opens a connection for each request."""
    upstreams: Upstreams
    backends: Backends
    routing: Routing
    records: Records
    lanes: Lanes
    via: str
    """What this process adds to the header Via, so that it knows a request that has been here."""
    settings: ServingSettings
    turns: Turns = field(default_factory=Turns)

    def session_to(self, engine: str) -> aiohttp.ClientSession:
        """What asks an engine. llama.cpp closes a connection after each answer that it streamed (and its router after
        any) without saying so: a request that came before the close would be lost, and none may be sent twice."""
        return self.once if engine == "llamacpp" else self.session


class Proxy:
    """Handles the requests of one proxy; `listening.Listener` brings them."""

    def __init__(self, settings: ProxySettings, shared: Shared) -> None:
        self.settings, self._shared = settings, shared
        self.totals = ProxyTotals()
        self._rate = Rate()
        self._lists = Lists(shared.backends)
        self._ended: list[tuple[Exchange, float]] = []

    @property
    def upstreams(self) -> list[Upstream]:
        """Those that it may pass on to."""
        return self._shared.upstreams.named(self.settings.upstreams)

    @property
    def healthy(self) -> bool | None:
        """Something it stands before answers, or is loading, or starts when it is asked for; None while one that may
        was not looked at yet."""
        states = {one.state for one in self.upstreams}
        if states & {"ok", "loading"} or self._shared.backends.available():
            return True
        return None if "unknown" in states else False

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one request, whatever happens."""
        settings, path = self.settings, request.path
        exchange = Exchange(
            settings.name, clients.address(request.remote or "", request.headers, settings), path,
            dialect_of(settings.name, path), KINDS.get(path, "other"), request.method,
        )
        self.totals.running += 1
        try:
            return await self._answer(request, exchange, settings)
        except Refusal as refusal:
            return await self._refuse(request, exchange, refusal)
        except (asyncio.CancelledError, ConnectionError):
            if exchange.meter is None or not exchange.meter.done:  # else it had what it wanted
                exchange.failed("client_gone", "The client left before the end.")
                exchange.status = 499
            raise
        except Exception:
            log.exception("a request to %s failed", exchange.path)
            broken = Refusal(500, "internal", "The proxy failed; its log says why.")
            return await self._refuse(request, exchange, broken)
        finally:
            self.totals.running -= 1
            if not self._ended:  # counted with others that end now: in a row they cost less
                asyncio.get_running_loop().call_soon(self._count_all)
            self._ended.append((exchange, now()))

    async def _refuse(self, request: web.BaseRequest, exchange: Exchange, refusal: Refusal) -> web.StreamResponse:
        exchange.failed(refusal.error, refusal.message)
        exchange.status = refusal.status
        response = answer(refusal, exchange.dialect)
        response.headers.extend(exchange.cors)
        try:
            await response.prepare(request)
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            exchange.status, exchange.error = 499, "client_gone"
            raise
        exchange.bytes_out += response.content_length or 0
        return response

    def _count_all(self) -> None:
        ended, self._ended = self._ended, []
        for exchange, at in ended:
            try:
                self._count(exchange, at)
            except Exception:
                log.exception("a request to %s could not be counted", exchange.path)

    def _count(self, exchange: Exchange, ended: float) -> None:
        if exchange.passing_by:
            return
        meter, lane = exchange.meter, exchange.lane
        if meter is not None and lane is not None and self._shared.settings.keeps_text(lane.key.model):
            exchange.answer = bodies.answer_text(meter.kept(), meter.form)
        outcome, told = exchange.outcome(ended)
        self.totals.finish(outcome)
        if lane is not None:
            lane.finish(outcome, told)
        self._shared.records.add(outcome)

    async def _answer(
        self, request: web.BaseRequest, exchange: Exchange, settings: ProxySettings
    ) -> web.StreamResponse:
        if not settings.enabled:
            raise Refusal(503, "refused", "This proxy has been switched off.")
        if self._shared.via in request.headers.getall("Via", ()):
            raise Refusal(508, "refused", "The request went in a circle: a proxy of Vigie is its own upstream.")
        exchange.cors = clients.allowed(request.headers, settings)
        granted = clients.preflight(request.method, request.headers, exchange.cors)
        if granted is not None:
            exchange.answered_here = True
            return web.Response(status=204, headers=granted)
        await self._rate.take(exchange.client, settings.rate_limit)
        if settings.api_key:
            check_key(request.headers, settings.api_key)
        way = origin_form(request.raw_path)
        if exchange.path.startswith(BLOBS):
            return await self._carry(request, exchange, settings, way)
        body = await self._read(request, exchange, settings)
        document = bodies.parsed(body)
        exchange.model = bodies.model_of(document)
        if body and not document and request.content_type == "multipart/form-data":
            exchange.model = await bodies.form_model(request.headers["Content-Type"], body)
        asked_stream = document.get("stream")
        exchange.stream = asked_stream is True or (asked_stream is None and exchange.path in STREAMED_UNASKED)
        listed = await self._lists.answer(exchange, settings.name, self.upstreams, document)
        if listed is not None:
            exchange.answered_here = True
            kind = "text/plain" if exchange.path == "/" else "application/json"
            return web.Response(body=listed, content_type=kind, headers=exchange.cors)
        target = await self._target(exchange, settings)
        return await self._pass_on(request, exchange, settings, target, way, body, document)

    async def _carry(
        self, request: web.BaseRequest, exchange: Exchange, settings: ProxySettings, way: str
    ) -> web.StreamResponse:
        """Passes a part of a model on as it comes, however large: a request without a model, to the one Ollama there
        is."""
        target = exchange.target = await self._target(exchange, settings)
        url = await self._shared.routing.address(target, settings.first_byte_timeout)
        asked = Asked(way, _counted(request, exchange) if request.can_read_body else None, {})
        patient = replace(settings, retries=0, first_byte_timeout=UPLOAD)
        return await self._send(request, exchange, patient, url, asked, 0.0)

    @staticmethod
    async def _read(request: web.BaseRequest, exchange: Exchange, settings: ProxySettings) -> bytes | None:
        if not request.can_read_body:
            return None
        most = settings.largest_request
        if (request.content_length or 0) > most:
            raise _too_large(most)
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        parts: list[bytes] = []
        try:
            while part := await request.content.readany():
                parts.append(part)
                exchange.bytes_in += len(part)
                if exchange.bytes_in > most:
                    raise _too_large(most)
        except aiohttp.web.RequestPayloadError:
            raise Refusal(400, "refused", "The body of the request is broken.") from None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _target(self, exchange: Exchange, settings: ProxySettings) -> Target:
        path = exchange.path
        only_ollama = exchange.dialect == "ollama" and path.startswith("/api/") and path not in OLLAMA_ONLY
        return await self._shared.routing.choose(
            self.upstreams, exchange.model, settings.first_byte_timeout, only_ollama=only_ollama
        )

    async def _pass_on(
        self, request: web.BaseRequest, exchange: Exchange, settings: ProxySettings, target: Target, way: str,
        body: bytes | None, document: dict[str, Any],
    ) -> web.StreamResponse:
        exchange.target = target
        asked = Asked(way, body, document)
        if not starts(exchange, document):
            return await self._send(request, exchange, settings, self._shared.routing.there(target), asked, 0.0)
        if exchange.path not in RUN_A_MODEL or (exchange.kind == "other" and not exchange.model):
            with self._using(target) if exchange.model else nullcontext():
                began = now()
                url = await self._shared.routing.address(target, settings.first_byte_timeout)
                return await self._send(request, exchange, settings, url, asked, now() - began)
        name = target.model or exchange.model or "unknown"
        lane = exchange.lane = self._shared.lanes.of(settings.name, target.server, target.engine, name[:LONGEST_NAME])
        if self._shared.settings.keeps_text(lane.key.model):
            exchange.prompt = bodies.prompt_text(document)
        turns, whose = self._shared.turns, (lane.key.server, lane.key.model)
        if not turns.at_once(whose, settings.concurrency):
            with self._waiting(lane):
                await turns.take(whose, lambda: self.settings.concurrency, settings.queue_size)
        try:
            if target.upstream is not None and target.upstream.state != "loading":
                return await self._run(request, exchange, settings, target.upstream.settings.url, asked, 0.0)
            with self._using(target):
                with self._waiting(lane):
                    began = now()
                    url = await self._shared.routing.address(target, settings.first_byte_timeout)
                if target.upstream is None:
                    settings = settings.within(self._shared.settings.process_timeout)
                return await self._run(request, exchange, settings, url, asked, now() - began)
        finally:
            turns.give_back(whose)

    async def _run(
        self, request: web.BaseRequest, exchange: Exchange, settings: ProxySettings, url: str, asked: Asked,
        loaded_in: float,
    ) -> web.StreamResponse:
        lane = exchange.lane
        assert lane is not None  # `_pass_on` has set it
        lane.running += 1
        try:
            return await self._send(request, exchange, settings, url, asked, loaded_in)
        finally:
            lane.running -= 1

    @contextmanager
    def _waiting(self, lane: Lane) -> Iterator[None]:
        lane.waiting += 1
        self.totals.waiting += 1
        try:
            yield
        finally:
            lane.waiting -= 1
            self.totals.waiting -= 1

    @contextmanager
    def _using(self, target: Target) -> Iterator[None]:
        if target.upstream is not None:
            yield
            return
        with self._shared.backends.using(target.server):
            yield

    async def _send(
        self, request: web.BaseRequest, exchange: Exchange, settings: ProxySettings, url: str | None, asked: Asked,
        loaded_in: float,
    ) -> web.StreamResponse:
        target = exchange.target
        assert target is not None  # `_pass_on` has set it
        way = translate(exchange, target, asked, loaded_in, runs=url is not None)
        if way.answer is not None:
            exchange.status, exchange.bytes_out = 200, len(way.answer)
            return web.Response(body=way.answer, content_type="application/json", headers=exchange.cors)
        if url is None:
            raise Refusal(503, "refused", f"{target.server} is not running, and this request does not start it.",
                          code="model_not_ready", retry_after=5)
        headers = sent_headers(
            request.headers, proxy_key=bool(settings.api_key), via=self._shared.via, json_body=way.said_anew,
            upstream_key=self._shared.backends.api_key(target.server) if target.upstream is None
            else target.upstream.settings.api_key,
        )
        session = self._shared.session_to(target.engine)
        upstream = await send(session, exchange, settings, url, way.path, way.body, headers)
        if way.otherwise is not None and upstream.status in REFUSED:  # it has not run
            upstream.close()
            way = way.otherwise
            upstream = await send(session, exchange, settings, url, way.path, way.body, headers)
            if upstream.status < 400 and target.upstream is not None:
                target.upstream.takes_usage = False
        try:
            return await give_back(request, exchange, upstream, way.rewriter, settings, self._meter(exchange))
        finally:
            # Closed, not released: a connection whose answer was not read to its end stops the engine so.
            upstream.close() if not upstream.content.at_eof() else upstream.release()

    def _meter(self, exchange: Exchange) -> Meter:
        lane = exchange.lane
        if lane is None:
            return Meter()
        keep = bodies.LONGEST_ANSWER if self._shared.settings.keeps_text(lane.key.model) else 0
        return Meter(on_token=lane.live.add, on_gap=lane.gap, keep=keep)


async def _counted(request: web.BaseRequest, exchange: Exchange) -> AsyncIterator[bytes]:
    while part := await request.content.readany():
        exchange.bytes_in += len(part)
        yield part


def _too_large(most: int) -> Refusal:
    return Refusal(413, "too_large", f"The request is larger than {most >> 20} MiB.", code="request_too_large")
