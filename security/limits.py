"""How often somebody may try to sign in, and how often a program may call."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

import structlog
from limits import RateLimitItem, parse
from limits.errors import StorageError as LimitStorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from security.errors import SignInBlocked
from security.sessions import digest

T = TypeVar("T")
log = structlog.get_logger(__name__)

PER_NAME = parse("5 per 15 minutes")
"""Attempts at one name from one address. Not per name alone: nobody can lock another one out from afar."""
PER_ADDRESS = parse("60 per 15 minutes")
"""Failed attempts at any names from one address. Who gets in counts nothing: a whole office may share an address."""
PER_DEVICE = parse("10 per hour")
"""Attempts from one browser that has signed in at that name before (`security.devices`), wherever it is now."""
CALLS_PER_MINUTE = 1200
"""Twenty a second: many programs and screens that poll each second."""
_CALLERS = 20_000
_NAMESPACE = "vigie-sign-in"


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return digest(address)[:16]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
        parsed = parsed.ipv4_mapped
    return str(parsed)


class SignInLimits:
    """Counts attempts to sign in, in Redis when ``redis_url`` is given and there, else in memory.

    An attempt counts from its beginning, so that many at once do not slip through; a right password clears the count of
    its name, and was none to the address.
    """

    def __init__(self, redis_url: str | None = None) -> None:
        self._redis_url = redis_url
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        """Attempts that have begun and not ended, per address."""

    @cached_property
    def _memory(self) -> MovingWindowRateLimiter:
        return MovingWindowRateLimiter(MemoryStorage())

    @cached_property
    def _redis(self) -> MovingWindowRateLimiter | None:
        if self._redis_url is None:
            return None
        url = self._redis_url.replace("unix://", "redis+unix://", 1)
        options = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
        return MovingWindowRateLimiter(storage_from_string(url, wrap_exceptions=True, **options))

    def attempt(self, address: str, name: str, device: str = "", mark: str = "") -> None:
        """Lets one attempt begin; `ended` must follow. ``device`` is a browser that is known at that name; under
        another ``mark`` (`Lockouts.mark`) the counts of name and device begin anew.

        Raises:
            SignInBlocked: there were too many; it says how long to wait. Nothing has begun.
        """
        network, key, known = network_of(address), _key(name, mark), digest(device + mark)
        with self._lock:
            self._under_way[network] += 1
            cost = self._under_way[network]
        try:
            if not self._call(lambda strategy: strategy.test(PER_ADDRESS, _NAMESPACE, network, cost=cost)):
                raise self._blocked(PER_ADDRESS, network)
            if not self._call(lambda strategy: strategy.hit(PER_NAME, _NAMESPACE, network, key)):
                raise self._blocked(PER_NAME, network, key)
            if device and not self._call(lambda strategy: strategy.hit(PER_DEVICE, _NAMESPACE, known)):
                raise self._blocked(PER_DEVICE, known)
        except SignInBlocked:
            self._leave(network)
            raise

    def ended(self, address: str, name: str, device: str = "", mark: str = "", *, failed: bool | None) -> None:
        """Ends an attempt: one that failed counts for its address, one that did not clears the count of its name; None:
        it was half of one and does neither."""
        network, key = network_of(address), _key(name, mark)
        if failed:
            self._call(lambda strategy: strategy.hit(PER_ADDRESS, _NAMESPACE, network))
        elif failed is False:
            self._call(lambda strategy: strategy.clear(PER_NAME, _NAMESPACE, network, key))
            if device:
                self._call(lambda strategy: strategy.clear(PER_DEVICE, _NAMESPACE, digest(device + mark)))
        self._leave(network)

    def _leave(self, network: str) -> None:
        with self._lock:
            self._under_way[network] -= 1
            self._under_way += Counter()  # drops what is 0

    def _blocked(self, item: RateLimitItem, *keys: str) -> SignInBlocked:
        window = self._call(lambda strategy: strategy.get_window_stats(item, _NAMESPACE, *keys))
        return SignInBlocked(window.reset_time - time.time())

    def _call(self, call: Callable[[MovingWindowRateLimiter], T]) -> T:
        if self._redis is not None:
            try:
                return call(self._redis)
            except LimitStorageError as error:
                log.warning("Redis is away: attempts to sign in are counted in memory", error=str(error.storage_error))
        return call(self._memory)


class CallLimits:
    """At most so many calls a minute per caller, counted in memory.

    A plain count per clock minute: the storages of ``limits`` start a thread per hit in memory (65 us measured) and
    ask Redis over the network, too much for routes that answer in less than a millisecond.
    """

    def __init__(self, now: Callable[[], float] = time.time, most: int = CALLS_PER_MINUTE) -> None:
        self._now, self._most = now, most
        self._lock = threading.Lock()
        self._minute = -1
        self._counts: dict[object, int] = {}

    def hit(self, caller: object) -> int:
        """Counts one call. Returns 0 when it may pass, else the seconds until it may."""
        now = self._now()
        with self._lock:
            minute = int(now // 60)
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            if caller not in self._counts and len(self._counts) >= _CALLERS:
                caller = None  # a flood from many addresses shares one count, and no more memory
            count = self._counts[caller] = self._counts.get(caller, 0) + 1
        return 0 if count <= self._most else max(1, math.ceil((minute + 1) * 60 - now))


def _key(name: str, mark: str) -> str:
    # A digest: somebody types a password into the name field one day, and it must not lie in Redis.
    return digest(f"{name.strip().casefold()}{mark}")[:16]
