"""What keeps a proxy from being overrun: keys, requests per client and minute, turns per model."""

from __future__ import annotations

import hmac
import time
from asyncio import Future, get_running_loop
from collections import Counter, deque
from collections.abc import Callable, Hashable

from limits import RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from multidict import CIMultiDictProxy

from serving.proxy.dialect import Refusal

MOST_CLIENTS = 10_000
"""Clients that are counted before it is looked for those whose minute is over."""
QUEUE_RETRY = 5.0
"""Seconds after which a client that found the queue full may try again."""


def check_key(headers: CIMultiDictProxy[str], wanted: str) -> None:
    """Compares the client's key with the proxy's, in constant time.

    Raises:
        Refusal: 401, none or another was given.
    """
    given = headers.get("x-api-key", "")
    scheme, _, bearer = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        given = bearer.strip()
    if not hmac.compare_digest(given.encode(errors="surrogateescape"), wanted.encode()):
        message = "The API key is wrong." if given else "An API key is needed: Authorization: Bearer KEY, or x-api-key."
        raise Refusal(401, "unauthorized", message, code="invalid_api_key")


class Counts(Storage):
    """Counts per client that run out, in memory: the library's own makes a task at each hit to look for those."""

    STORAGE_SCHEME = None
    base_exceptions = ()

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, tuple[int, float]] = {}
        self._tidy_at = MOST_CLIENTS

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Counts; the seconds of ``expiry`` begin with the first."""
        now = time.time()
        count, end = self._counts.get(key, (0, 0.0))
        if end <= now:
            count, end = 0, now + expiry
            if len(self._counts) >= self._tidy_at:
                self._counts = {name: one for name, one in self._counts.items() if one[1] > now}
                self._tidy_at = max(MOST_CLIENTS, 2 * len(self._counts))
        self._counts[key] = count + amount, end
        return count + amount

    async def get(self, key: str) -> int:
        """How often it was counted."""
        count, end = self._counts.get(key, (0, 0.0))
        return count if end > time.time() else 0

    async def get_expiry(self, key: str) -> float:
        """When it begins anew, epoch seconds."""
        return self._counts.get(key, (0, time.time()))[1]

    async def check(self) -> bool:
        """It is there."""
        return True

    async def reset(self) -> int | None:
        """Forgets all."""
        self._counts.clear()
        return None

    async def clear(self, key: str) -> None:
        """Forgets one."""
        self._counts.pop(key, None)


class Rate:
    """Requests per client and minute; the minute begins with a client's first request."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(Counts())
        self._items: dict[int, RateLimitItemPerMinute] = {}

    async def take(self, client: str, most: int) -> None:
        """Counts one request; ``most`` 0 is no limit.

        Raises:
            Refusal: 429 with the seconds to wait.
        """
        if not most:
            return
        item = self._items.get(most)
        if item is None:
            item = self._items[most] = RateLimitItemPerMinute(most)
        if not await self._limiter.hit(item, client):
            stats = await self._limiter.get_window_stats(item, client)
            raise Refusal(
                429, "rate_limited", f"Too many requests: {most} a minute are allowed.", code="rate_limit_exceeded",
                retry_after=max(0.0, stats.reset_time - time.time()),
            )


class Turns:
    """At most so many requests of a model at once, through whichever proxy; a bounded number waits, first come, first
    served. Each brings the limit that it goes by, as it is at the time; 0 is none."""

    def __init__(self) -> None:
        self._running: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[tuple[Future[None], Callable[[], int]]]] = {}

    def at_once(self, key: Hashable, most: int) -> bool:
        """Takes a turn where nobody has to wait for one; False where it is to be waited for."""
        if most and self._running[key] >= most:
            return False
        self._running[key] += 1
        return True

    async def take(self, key: Hashable, most: Callable[[], int], queue_size: int) -> None:
        """Waits for a turn. Each turn is to be given back by `give_back`.

        Raises:
            Refusal: 503, too many wait already.
        """
        if self.at_once(key, most()):
            return
        waiting = self._waiting.setdefault(key, deque())
        if len(waiting) >= queue_size:
            raise Refusal(
                503, "queue_full", "The server is busy, please try again: maximum pending requests exceeded.",
                code="queue_full", retry_after=QUEUE_RETRY,
            )
        turn: Future[None] = get_running_loop().create_future()
        waiting.append((turn, most))
        try:
            await turn  # whoever gives back a turn hands it on: it stays counted
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give_back(key)
            elif (turn, most) in waiting:
                waiting.remove((turn, most))
                self._hand_on(key)  # whoever stood behind may go by another limit
            raise

    def give_back(self, key: Hashable) -> None:
        """Gives a turn to whoever waits longest."""
        self._running[key] -= 1
        self._hand_on(key)
        if self._running[key] <= 0:
            del self._running[key]

    def again(self) -> None:
        """Lets those go who may by limits that have changed."""
        for key in list(self._waiting):
            self._hand_on(key)

    def _hand_on(self, key: Hashable) -> None:
        waiting = self._waiting.get(key)
        while waiting:
            turn, most = waiting[0]
            if not turn.done():
                limit = most()
                if limit and self._running[key] >= limit:
                    return
                self._running[key] += 1
                turn.set_result(None)
            waiting.popleft()
        self._waiting.pop(key, None)
