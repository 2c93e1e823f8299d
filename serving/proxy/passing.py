"""Passes one request on to its target and the answer back, byte for byte, and feeds the meter behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from functools import lru_cache
from typing import Protocol

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from serving.proxy.body import parsed
from serving.proxy.clients import NOT_OURS
from serving.proxy.dialect import ENDS_TOLD, Dialect, Refusal, error_body, error_event
from serving.proxy.exchange import Exchange
from serving.proxy.gathering import as_event
from serving.proxy.meter import Meter, form_of, now
from serving.proxy.told import error_kind, error_words
from serving.settings import ProxySettings
from serving.wire import TOKENS

log = logging.getLogger(__name__)
HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "trailers", "transfer-encoding", "upgrade",
})
"""RFC 9110, 7.6.1."""
NOT_SENT = HOP_BY_HOP | {"host", "content-length", "expect", "accept-encoding"}
"""Compressed answers could not be measured: none is asked for."""
NOT_RETURNED = HOP_BY_HOP | {"content-length"}
LARGEST_PIECE = 4 << 20
"""An answer that does not stream is held until it is whole, up to so many bytes: if it breaks off, the client gets a
clear error instead of half an answer."""
UNREAD = 64 << 10
"""Bytes that wait for a client to take them from which on a further part may have to wait, too."""
CLIENT_WAIT = 60.0
"""Seconds that a client may take nothing, at least."""
SLACK = 0.05
"""Of the longest silence: the alarm is moved only so often, not with each part."""
FIRST_PAUSE = 0.05
"""Seconds before the first retry; each further one waits twice as long."""


class Rewriter(Protocol):
    """Makes the answer that the client gets out of the one that the upstream gives, as it comes."""

    content_type: str | None
    """Of the new answer; None: as it is."""
    gathers: bool
    """It makes an answer in one piece out of a stream, and gives nothing before the end."""

    def feed(self, chunk: bytes) -> bytes:
        """What can be sent on now.

        Raises:
            Refusal: the upstream's answer cannot be understood, or is too large.
        """

    def end(self) -> bytes:
        """What remains at the end.

        Raises:
            Refusal: the upstream's answer is none.
        """


@lru_cache(2048)
def _url(base: str, path: str) -> URL:
    return URL(base + path, encoded=True)


@lru_cache(16)
def _timeout(connect: float) -> aiohttp.ClientTimeout:
    # The waits for parts are ours: aiohttp's own cannot be shortened once a first part has come.
    return aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=None)


def sent_headers(
    headers: CIMultiDictProxy[str], *, proxy_key: bool, upstream_key: str, via: str, json_body: bool
) -> CIMultiDict[str]:
    """What the upstream gets of a client's headers: no hop-by-hop ones, no key of the proxy's own."""
    sent: CIMultiDict[str] = CIMultiDict()
    unsent = NOT_SENT
    for value in headers.getall("Connection", ()):
        if value.lower() not in ("keep-alive", "close"):
            unsent = unsent | {name.strip().lower() for name in value.split(",")}
    for name, value in headers.items():
        lower = name.lower()
        if lower in unsent or (lower in ("authorization", "x-api-key") and (proxy_key or upstream_key)):
            continue
        if not (json_body and lower == "content-type"):
            sent.add(name, value)
    if json_body:
        sent["Content-Type"] = "application/json"
    if upstream_key:
        sent["Authorization"] = f"Bearer {upstream_key}"
    sent.add("Via", via)
    return sent


async def send(
    session: aiohttp.ClientSession, exchange: Exchange, settings: ProxySettings, address: str, path: str,
    body: bytes | AsyncIterator[bytes] | None, headers: CIMultiDict[str],
) -> aiohttp.ClientResponse:
    """Sends the request; tries again only where no connection came about, so that nothing was sent.

    Raises:
        Refusal: 502 or 504, with the reason.
    """
    timeout = _timeout(settings.connect_timeout)
    exchange.sent = now()
    while True:
        exchange.attempts += 1
        try:
            async with asyncio.timeout(settings.first_byte_timeout):
                return await session.request(
                    exchange.method, _url(address, path), data=body, headers=headers, allow_redirects=False,
                    timeout=timeout,
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if exchange.attempts > settings.retries:
                slow = isinstance(error, TimeoutError)
                raise Refusal(
                    504 if slow else 502, "timeout" if slow else "connect", _unreachable(error, exchange, settings),
                    code="upstream_unreachable", retry_after=5,
                ) from error
            await asyncio.sleep(FIRST_PAUSE * 2 ** (exchange.attempts - 1))
        except TimeoutError as error:
            wait = settings.first_byte_timeout
            raise Refusal(504, "timeout", f"{_name(exchange)} began no answer within {wait:g} s.") from error
        except aiohttp.ServerDisconnectedError as error:
            # It may have run: whoever asked decides whether to ask again.
            raise Refusal(502, "upstream", f"{_name(exchange)} closed the connection without an answer.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = f"{_name(exchange)} gave no proper answer ({type(error).__name__})."
            raise Refusal(502, "upstream", reason) from error


def _name(exchange: Exchange) -> str:
    return exchange.target.server if exchange.target is not None else "The server"


def _unreachable(error: Exception, exchange: Exchange, settings: ProxySettings) -> str:
    if isinstance(error, TimeoutError):
        return f"{_name(exchange)} took no connection within {settings.connect_timeout:g} s."
    reason = error.os_error.strerror or "no route" if isinstance(error, aiohttp.ClientConnectorError) else "no route"
    return f"{_name(exchange)} cannot be reached: {reason}."


async def give_back(
    request: web.BaseRequest, exchange: Exchange, answer: aiohttp.ClientResponse, rewriter: Rewriter | None,
    settings: ProxySettings, meter: Meter,
) -> web.StreamResponse:
    """Sends the upstream's answer to the client: a stream as its parts come, anything else in one piece. What goes
    wrong after the first byte was sent is told within the answer, and ends it.

    Raises:
        Refusal: the answer broke off, or came too late, before anything was sent to the client.
        ConnectionError, CancelledError: the client left.
    """
    exchange.status, exchange.meter = answer.status, meter
    meter.form = form_of(answer.headers.get("Content-Type", ""))
    exchange.stream = meter.form != "whole"
    if rewriter is not None and rewriter.content_type is None and (answer.status >= 400 or not exchange.stream):
        rewriter = None  # an error, or an answer in one piece, is what the client can read as it is
    elif rewriter is not None and answer.status >= 400:
        rewriter = _Failing(exchange.dialect, answer.status)
    headers = CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in NOT_RETURNED)
    if exchange.cors:
        headers = CIMultiDict((name, value) for name, value in headers.items() if not name.lower().startswith(NOT_OURS))
        headers.extend(exchange.cors)
    if rewriter is not None and rewriter.content_type is not None:
        headers["Content-Type"] = rewriter.content_type
    if rewriter is not None and rewriter.gathers and exchange.stream:
        exchange.stream = False
        headers["Content-Type"] = "application/json; charset=utf-8"
        await _gather(exchange, answer, rewriter, settings, meter)
        return await _whole(request, exchange, answer, headers, b"", rewriter)
    held, complete = b"", False
    if not exchange.stream:
        held, complete = await _hold(exchange, answer, meter, settings)
    if complete:
        if rewriter is not None and (rewriter.gathers or _outward(rewriter, meter) != "whole"):
            held = as_event(held)  # it was asked for a stream and answers in one piece
        return await _whole(request, exchange, answer, headers, held, rewriter)
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    try:
        await _stream(request, exchange, answer, response, held, rewriter, settings, meter)
    except ConnectionError:
        raise
    except Exception as error:
        if not response.prepared:
            raise
        cut = _told(error, exchange)
        exchange.failed(cut.error, cut.message)
        event = error_event(exchange.dialect, _outward(rewriter, meter), cut.message) if exchange.stream else b""
        await _cut_off(request, exchange, response, event)
    return response


def _told(error: Exception, exchange: Exchange) -> Refusal:
    """What a client is told of an error."""
    if isinstance(error, Refusal):
        return error
    log.error("a request to %s failed in the middle of its answer", exchange.path, exc_info=error)
    return Refusal(500, "internal", "The proxy failed; its log says why.")


class _Failing:
    """Tells an error of the upstream in the client's dialect."""

    content_type: str | None = "application/json"
    gathers = False

    def __init__(self, dialect: Dialect, status: int) -> None:
        self._dialect, self._status, self._body = dialect, status, bytearray()

    def feed(self, chunk: bytes) -> bytes:
        if len(self._body) <= LARGEST_PIECE:  # a larger one is no error of an API
            self._body += chunk
        return b""

    def end(self) -> bytes:
        words = error_words(parsed(bytes(self._body))) or f"The server answered {self._status}."
        return error_body(self._dialect, self._status, words)


def _outward(rewriter: Rewriter | None, meter: Meter) -> str:
    """The form of the stream as the client gets it."""
    if rewriter is not None and rewriter.content_type is not None:
        return form_of(rewriter.content_type)
    return meter.form


async def _hold(
    exchange: Exchange, answer: aiohttp.ClientResponse, meter: Meter, settings: ProxySettings
) -> tuple[bytes, bool]:
    """What was read of the answer, and whether that is all. What is larger than what is held, or may have no body, is
    to be streamed."""
    length = answer.content_length
    if (length is not None and length > LARGEST_PIECE) or exchange.method == "HEAD":
        return b"", False
    if length is None and exchange.kind == "other":
        return b"", False
    try:
        if answer.content.is_eof():  # it came with its headers, as most do: nothing to wait for
            body = await answer.read()
        else:
            async with asyncio.timeout(settings.first_byte_timeout):
                body = await _read(answer.content)
    except TimeoutError as error:
        raise Refusal(504, "timeout", f"{_name(exchange)} stopped in the middle of its answer.") from error
    except aiohttp.ClientError as error:
        raise Refusal(502, "upstream", f"{_name(exchange)} broke off in the middle of its answer.") from error
    if len(body) > LARGEST_PIECE:
        return body, False
    meter.feed(body)
    return body, True


async def _read(content: aiohttp.StreamReader) -> bytes:
    """All of it, or somewhat more than is held of an answer."""
    parts: list[bytes] = []
    size = 0
    while size <= LARGEST_PIECE and (part := await content.readany()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


async def _gather(
    exchange: Exchange, answer: aiohttp.ClientResponse, rewriter: Rewriter, settings: ProxySettings, meter: Meter
) -> None:
    """Reads a stream to its end for a client that wants its answer in one piece."""
    within = settings.first_byte_timeout
    try:
        while True:
            async with asyncio.timeout(within):
                chunk = await answer.content.readany()
            if not chunk:
                return
            rewriter.feed(chunk)
            meter.feed(chunk)
            within = settings.first_byte_timeout if meter.first is None else settings.idle_timeout
    except TimeoutError as error:
        raise Refusal(504, "timeout", f"{_name(exchange)} sent nothing for {within:g} s.") from error
    except aiohttp.ClientError as error:
        raise Refusal(502, "midstream", f"{_name(exchange)} broke off in the middle of its answer.") from error


async def _whole(
    request: web.BaseRequest, exchange: Exchange, answer: aiohttp.ClientResponse, headers: CIMultiDict[str],
    body: bytes, rewriter: Rewriter | None,
) -> web.StreamResponse:
    _note_status(exchange, body)
    if rewriter is not None:
        body = rewriter.feed(body) + rewriter.end()
    whole = web.Response(status=answer.status, reason=answer.reason, body=body, headers=headers)
    await whole.prepare(request)
    await whole.write_eof()
    exchange.bytes_out += len(body)
    return whole


def _note_status(exchange: Exchange, body: bytes) -> None:
    if exchange.status < 400:
        return
    message = f"{_name(exchange)} answered {exchange.status} ({error_kind(parsed(body))})."
    exchange.failed("upstream" if exchange.status >= 500 else "refused", message)


async def _stream(
    request: web.BaseRequest, exchange: Exchange, answer: aiohttp.ClientResponse, response: web.StreamResponse,
    chunk: bytes, rewriter: Rewriter | None, settings: ProxySettings, meter: Meter,
) -> None:
    """``chunk`` is what was read already.

    Raises:
        Refusal: the answer broke off, or cannot be understood.
    """
    if rewriter is None and answer.content_length is not None:
        response.content_length = answer.content_length
    await response.prepare(request)
    transport = request.transport
    read, write, feed = answer.content.readany, response.write, meter.feed
    waiting, idle, moved = not chunk, settings.idle_timeout, 0.0
    has_tokens = exchange.stream and exchange.kind in TOKENS  # of any other (/api/pull) the first byte is enough
    first_within = (exchange.sent or exchange.started) + settings.first_byte_timeout - now() if waiting else idle
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(first_within) as limit:
            while chunk or (chunk := await read()):
                out = chunk if rewriter is None else rewriter.feed(chunk)
                if out:
                    if transport is not None and transport.get_write_buffer_size() + len(out) > UNREAD:
                        await _to_slow_client(exchange, transport, write(out), limit, max(idle, CLIENT_WAIT))
                    else:
                        await write(out)
                    exchange.bytes_out += len(out)
                feed(chunk)
                chunk = b""
                if waiting:
                    waiting = has_tokens and meter.first is None
                at = clock()
                if not waiting and at - moved > idle * SLACK:
                    moved = at
                    limit.reschedule(at + idle * (1 + SLACK))
    except TimeoutError:
        wait = settings.first_byte_timeout if waiting else idle
        raise Refusal(504, "timeout", f"{_name(exchange)} sent nothing for {wait:g} s.") from None
    except aiohttp.ClientConnectionResetError:
        raise  # it is the client that left
    except aiohttp.ClientError:
        raise Refusal(502, "midstream", f"{_name(exchange)} broke off in the middle of its answer.") from None
    if exchange.stream and not meter.done and exchange.path in ENDS_TOLD and exchange.status < 400:
        meter.finish_line()
        if not meter.done:
            raise Refusal(502, "midstream", f"{_name(exchange)} ended its answer before it was over.")
    rest = rewriter.end() if rewriter is not None else b""
    if rest:
        await write(rest)
        exchange.bytes_out += len(rest)
    await response.write_eof()


async def _to_slow_client(
    exchange: Exchange, transport: asyncio.Transport, writing: Awaitable[None], limit: asyncio.Timeout, within: float
) -> None:
    """Sends to a client that has yet to take what it got, while the alarm for the server's silence rests.

    Raises:
        ConnectionError: the client took nothing for ``within`` seconds, and was left.
    """
    clock = asyncio.get_running_loop().time
    left = (limit.when() or clock()) - clock()
    limit.reschedule(None)
    try:
        async with asyncio.timeout(within):
            await writing
    except TimeoutError:
        exchange.failed("client_gone", f"The client took nothing for {within:g} s.")
        transport.abort()
        raise ConnectionResetError("the client reads no more") from None
    limit.reschedule(clock() + left)


async def _cut_off(request: web.BaseRequest, exchange: Exchange, response: web.StreamResponse, event: bytes) -> None:
    """Tells the client within the stream, and ends the connection without the last part: it cannot be taken for a
    whole answer."""
    if event and response.content_length is None:
        await response.write(event)
        exchange.bytes_out += len(event)
    response.force_close()
    if request.transport is not None:
        request.transport.close()
