"""The measuring client: so many requests at once, each followed by the next, for as long as a step lasts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

import aiohttp
import orjson

from serving.bench import dialects, figures
from serving.bench.figures import Asked
from serving.bench.plan import PAUSE, WARM_UP, Plan
from serving.bench.prompts import prompt
from serving.bench.wire import Job, Limits, Live

LIVE_EVERY = 0.5
"""Seconds between two looks at a step in hand."""
CONNECT = 5.0
AFTER_FAILURE = 0.2
"""Seconds that one of the clients waits after a failure: a server that refuses is not hammered."""
SHORT = 8
"""Tokens of the first answer, which is not measured."""
IN_A_ROW = 10
"""So many failures in a row, and twice as many as there are clients, end the test."""
_STATUS = {401: "unauthorized", 403: "unauthorized", 413: "too_large", 429: "rate_limited"}
Tell = Callable[[Mapping[str, Any]], None]


class GaveUp(Exception):
    """The test cannot go on; the message is a sentence."""


class Client:
    """One load test.

    Args:
        job: what is measured.
        tell: takes each line: `serving.bench.wire.Live`, ``Measured`` and ``Over``.
    """

    def __init__(self, job: Job, tell: Tell) -> None:
        self._job, self._tell = job, tell
        self._plan = Plan.model_validate(job["plan"])
        self._seed = self._plan.seed or 0
        self._limits: Limits | None = job.get("limits")
        self._numbers = count()
        self._in_a_row = 0
        self._broken = asyncio.Event()

    async def run(self) -> None:
        """Does all steps; tells at the end why it ended early, if it did."""
        over: dict[str, Any] = {"kind": "over", "problem": ""}
        key = self._job["api_key"]
        async with aiohttp.ClientSession(
            # A connection each: some engines close one after a stream, and the next request on it would fail.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
        ) as session:
            try:
                over["warm_up"] = await self._warm_up(session)
                for place, (length, at_once) in enumerate(
                    (length, at_once) for length in self._plan.prompt_tokens for at_once in self._plan.concurrency
                ):
                    await asyncio.sleep(PAUSE)
                    await self._step(session, place, at_once, length)
            except GaveUp as error:
                over["problem"] = str(error)
        self._tell(over)

    async def _warm_up(self, session: aiohttp.ClientSession) -> float:
        begun = time.perf_counter()
        asked = Asked(begun)
        try:
            async with asyncio.timeout(WARM_UP):
                await self._ask(session, asked, self._plan.prompt_tokens[0], min(SHORT, self._plan.answer_tokens))
        except TimeoutError:
            raise GaveUp(f"The model did not answer its first request within {WARM_UP:g} s.") from None
        if asked.error:
            raise GaveUp(f"The first request failed: {asked.message}.")
        return time.perf_counter() - begun

    async def _step(self, session: aiohttp.ClientSession, place: int, at_once: int, length: int) -> None:
        at, begun = time.time(), time.perf_counter()
        asked: list[Asked] = []
        left = count() if self._plan.requests is None else iter(range(self._plan.requests))
        clients = [asyncio.create_task(self._client(session, asked, length, left)) for _ in range(at_once)]
        live = asyncio.create_task(self._live(asked, place, at_once, length, begun))
        broken = asyncio.create_task(self._broken.wait())
        done = asyncio.ensure_future(asyncio.wait(clients))
        await asyncio.wait([done, broken], timeout=self._plan.seconds, return_when=asyncio.FIRST_COMPLETED)
        ended = time.perf_counter()
        for task in (*clients, live, broken, done):
            task.cancel()
        for found in await asyncio.gather(*clients, live, broken, done, return_exceptions=True):
            if isinstance(found, Exception):
                raise found
        made = figures.step(asked, at_once, length, at, begun, ended, self._limits)
        self._tell({"kind": "step", "figures": made})
        if self._broken.is_set():
            raise GaveUp(f"The model server answers no more: {made.get('message', '')}.")

    async def _client(self, session: aiohttp.ClientSession, all_: list[Asked], length: int, left: Any) -> None:
        for _ in left:
            asked = Asked(time.perf_counter())
            all_.append(asked)
            try:
                await self._ask(session, asked, length, self._plan.answer_tokens)
            except asyncio.CancelledError:
                asked.cut = asked.ended is None
                raise
            if asked.error:
                self._in_a_row += 1
                if self._in_a_row >= max(IN_A_ROW, 2 * self._plan.concurrency[-1]):
                    self._broken.set()
                await asyncio.sleep(AFTER_FAILURE)
            else:
                self._in_a_row = 0

    async def _live(self, asked: list[Asked], place: int, at_once: int, length: int, begun: float) -> None:
        while True:
            elapsed = time.perf_counter() - begun
            told: Live = {
                "kind": "live", "step": place, "concurrency": at_once, "prompt_tokens": length, "elapsed": elapsed,
                "requests": len(asked), "finished": sum(one.fine for one in asked),
                "failed": sum(bool(one.error) for one in asked),
                "output_per_second": sum(one.tokens for one in asked) / elapsed if elapsed > 0 else 0.0,
            }
            self._tell(told)
            await asyncio.sleep(LIVE_EVERY)

    async def _ask(self, session: aiohttp.ClientSession, asked: Asked, length: int, answer: int) -> None:
        """Asks once and notes what comes; what goes wrong is noted, too."""
        engine = self._job["engine"]
        number = 0 if self._plan.cached else next(self._numbers)
        path, body = dialects.request(engine, self._job["model"], prompt(self._seed, number, length), answer)
        asked.begun = time.perf_counter()
        try:
            async with session.post(
                self._job["url"].rstrip("/") + path, data=orjson.dumps(body), allow_redirects=False,
                headers={"Content-Type": "application/json"},
            ) as response:
                if response.status != 200:
                    asked.error = _STATUS.get(response.status, "upstream")
                    asked.message = await _refusal(response)
                else:
                    await self._follow(response, asked)
        except TimeoutError:
            asked.error, asked.message = "timeout", f"no connection within {CONNECT:g} s"
        except aiohttp.ClientConnectorError as error:
            asked.error, asked.message = "connect", str(error.os_error.strerror or error.os_error)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            asked.error = "connect" if asked.first is None else "midstream"
            asked.message = f"the connection broke off ({type(error).__name__})"
        asked.ended = time.perf_counter()

    async def _follow(self, answer: aiohttp.ClientResponse, asked: Asked) -> None:
        async for line in answer.content:
            piece = dialects.read(self._job["engine"], line)
            if piece is None:
                continue
            if piece.error:
                asked.error, asked.message = "upstream", piece.error
                return
            if piece.tokens:
                now = time.perf_counter()
                if asked.last is None:
                    asked.first = now
                else:
                    asked.gaps.append(now - asked.last)
                asked.last = now
                asked.pieces += 1
            for name in ("prompt_tokens", "cached_tokens", "output_tokens"):
                if (value := getattr(piece.told, name)) is not None:
                    setattr(asked, name, value)
            if piece.over:
                return
        asked.error, asked.message = "midstream", "the answer broke off"


async def _refusal(answer: aiohttp.ClientResponse) -> str:
    told: Any = None
    with suppress(aiohttp.ClientError, ValueError):
        told = orjson.loads(await answer.content.read(64 * 1024))
    words = dialects.said(told) if isinstance(told, dict) else ""
    return f"status {answer.status}" + (f", {words}" if words else "")
