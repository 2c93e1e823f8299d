"""The ring in Redis: one string per series, so that a window is one GETRANGE.

Keys share the hash tag ``{server}`` and carry step and capacity, so a change of settings makes a new generation and
the older one expires by itself::

    vigie:ring:{1}:1000:21600:cpu_usage_ratio    capacity cells
    vigie:ring:{1}:1000:21600:index              hash: series key -> description
    vigie:ring:{1}:generations                   set: "1000:21600"
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np
import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, ConnectionError, RedisError, TimeoutError
from redis.retry import Retry

from metrics.series import SeriesInfo
from storage.errors import StorageError, StoreUnavailable, TooManySeries
from storage.ring.base import CELL_BYTES, Handles, Values, encode
from storage.ring.cells import (
    NOTHING,
    Samples,
    joined_samples,
    pack_info,
    samples,
    slots,
    steps,
    steps_between,
    unpack_info,
)

TIMEOUT = 0.3
RETRY = (1.0, 2.0, 5.0)
"""Seconds between attempts while Redis is away; the last one stays."""
SPARE_SECONDS = 600
"""Strings live this much longer than their span after the last write."""
EXPIRE_EVERY = 60
"""Seconds between two renewals of a string's expiry: it doubles what a tick costs."""

# KEYS: one string per value, then the index. ARGV: n, newest (-1: this tick is), byte offset, seconds to live (0: leave
# the expiry as it is), cells. Answers 0 when the index is gone, for Redis was emptied: it has to be written again.
_WRITE = """
local call, sub, cells = redis.call, string.sub, ARGV[5]
local n, newest, offset, ttl = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
for i = 1, #KEYS - 1 do
  local kept = false
  if newest >= 0 then
    local cell = call('GETRANGE', KEYS[i], offset, offset + 3)
    if #cell == 4 then
      local stamp = struct.unpack('<I4', cell)
      kept = stamp > n and stamp <= newest
    end
  end
  if not kept then
    call('SETRANGE', KEYS[i], ARGV[3], sub(cells, i * 8 - 7, i * 8))
  end
  if ttl > 0 then
    call('EXPIRE', KEYS[i], ttl)
  end
end
if ttl > 0 then
  return call('EXPIRE', KEYS[#KEYS], ttl)
end
return call('EXISTS', KEYS[#KEYS])
"""


class RedisRing:
    """See `storage.ring.base.Ring`. Made without a connection: an app starts while its Redis is away.

    One process writes, any may read. After a failure calls fail at once until the next attempt is due.
    """

    place = "Redis"

    def __init__(self, url: str, server: int, step: float, capacity: int, *, now: Callable[[], float] = time.time,
                 monotonic: Callable[[], float] = time.monotonic, max_series: int = 8192) -> None:
        self.server, self.step, self.capacity = server, step, capacity
        self._now, self._monotonic, self._max_series = now, monotonic, max_series
        self._redis = _client(url)
        self._script = self._redis.register_script(_WRITE)
        self._base = f"vigie:ring:{{{server}}}:"
        self._prefix = self._prefix_of(step, capacity)
        self._lock = threading.RLock()
        self._infos: list[SeriesInfo] = []
        self._handles: dict[str, int] = {}
        self._known: dict[int, SeriesInfo] | None = None
        self._older: list[tuple[float, int]] = []
        self._declared: set[str] = set()
        self._plan: tuple[bytes, list[str]] = (b"", [])
        self._renew_at = 0.0
        self._loaded = False
        self._failures = 0
        self._retry_at = 0.0
        self._reason = ""
        self.warning = ""
        """A sentence when this Redis may forget the ring under memory pressure; empty otherwise."""

    def _prefix_of(self, step: float, capacity: int) -> str:
        return f"{self._base}{round(step * 1000)}:{capacity}:"

    # -- being away

    def _due(self) -> None:
        if self._failures and self._monotonic() < self._retry_at:
            raise StoreUnavailable(self._reason)

    def _failed(self, error: RedisError) -> NoReturn:
        self._retry_at = self._monotonic() + RETRY[min(self._failures, len(RETRY) - 1)]
        self._failures += 1
        self._loaded = False
        self._reason = _sentence(error)
        raise StoreUnavailable(self._reason) from error

    def _call(self, work: Callable[[], Any]) -> Any:
        """Runs ``work`` after the index has been read once, with errors as StoreUnavailable."""
        self._due()
        try:
            if not self._loaded:
                with self._lock:
                    self._load()
            found = work()
        except RedisError as error:
            self._failed(error)
        self._failures = 0
        return found

    def _load(self) -> None:
        """Reads what is there: after a start, and after every failure, for Redis may have come back empty."""
        members: set[bytes] = self._redis.smembers(self._base + "generations")  # type: ignore[assignment]
        own = f"{round(self.step * 1000)}:{self.capacity}".encode()
        found: list[tuple[float, int]] = []
        for member in members - {own}:
            step_ms, capacity = member.split(b":")
            one = (int(step_ms) / 1000, int(capacity))
            if self._take_index(*one):
                found.append(one)
            else:
                self._redis.srem(self._base + "generations", member)
        self._older = found
        self._declared = self._take_index(self.step, self.capacity)
        self._check_policy()
        self._plan, self._renew_at = (b"", []), 0.0
        self._loaded = True

    def _take_index(self, step: float, capacity: int) -> set[str]:
        """Series of a generation whose strings are still there; forgets the others."""
        prefix = self._prefix_of(step, capacity)
        entries: dict[bytes, bytes] = self._redis.hgetall(prefix + "index")  # type: ignore[assignment]
        pipe = self._redis.pipeline(transaction=False)
        for key in entries:
            pipe.exists(prefix.encode() + key)
        gone = {key for key, there in zip(entries, pipe.execute() if entries else (), strict=True) if not there}
        if gone:
            self._redis.hdel(prefix + "index", *gone)
        kept = [text for key, text in entries.items() if key not in gone]
        infos = _readable(kept)
        for info in infos:
            self._number(info)
        return {info.key for info in infos}

    def _check_policy(self) -> None:
        try:
            policy = self._redis.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
        except (ConnectionError, TimeoutError):
            raise
        except RedisError:
            return  # a managed Redis that does not say
        self.warning = "" if policy == "noeviction" else (
            f"Redis may drop history when its memory is full: maxmemory-policy is {policy}, it should be noeviction."
        )

    def check(self) -> None:
        """Connects and reads the index.

        Raises:
            StoreUnavailable: Redis is away.
        """
        self._call(lambda: None)

    # -- the protocol

    def _number(self, info: SeriesInfo) -> int:
        with self._lock:
            handle = self._handles.get(info.key)
            if handle is None:
                if len(self._infos) >= self._max_series:
                    raise TooManySeries(f"The ring holds {self._max_series} series, its limit; this machine has more.")
                handle = len(self._infos)
                self._infos.append(info)
                self._handles[info.key] = handle
                self._known = None
            return handle

    def handle(self, info: SeriesInfo) -> int:
        """See `Ring.handle`."""
        handle = self._handles.get(info.key)
        if handle is not None and self._infos[handle] == info and info.key in self._declared and self._loaded:
            return handle

        def declare() -> int:
            number = self._number(info)
            if info.key not in self._declared or self._infos[number] != info:
                self._declare([info])
                self._infos[number] = info
                self._known = None
            return number

        return int(self._call(declare))

    def _declare(self, infos: Sequence[SeriesInfo]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        pipe.sadd(self._base + "generations", f"{round(self.step * 1000)}:{self.capacity}")
        pipe.hset(self._prefix + "index", mapping={info.key: pack_info(info) for info in infos})
        pipe.expire(self._prefix + "index", self._ttl())
        for info in infos:
            # One byte beyond the last cell: allocates the string whole, and touches no cell.
            pipe.setrange(self._prefix + info.key, self.capacity * CELL_BYTES, b"\0")
            pipe.expire(self._prefix + info.key, self._ttl())
        pipe.execute()
        self._declared |= {info.key for info in infos}

    def _ttl(self) -> int:
        return round(self.capacity * self.step) + SPARE_SECONDS

    def write(self, n: int, handles: Handles, values: Values, newest: int | None = None) -> None:
        """See `Ring.write`: the whole tick in one script, so that it is there whole or not at all."""
        numbers = np.asarray(handles, np.int64)
        if not numbers.size:
            return
        cells = encode(n, np.asarray(values, np.float32)).tobytes()
        offset = n % self.capacity * CELL_BYTES

        def store() -> None:
            keys = self._keys(numbers)
            clock = self._monotonic()
            renew = clock >= self._renew_at
            ttl = self._ttl() if renew else 0
            asked: list[int | bytes] = [n, -1 if newest is None else newest, offset, ttl, cells]
            if not self._script(keys=keys, args=asked):
                self._declare([info for info in self._infos if info.key in self._declared])
            if renew:
                self._renew_at = clock + EXPIRE_EVERY

        self._call(store)

    def _keys(self, numbers: Handles) -> list[str]:
        """The keys of a write: the strings, declared if need be, then the index. Kept for the next tick."""
        asked = numbers.tobytes()
        if self._plan[0] != asked:
            infos = [self._infos[i] for i in numbers.tolist()]
            missing = [info for info in infos if info.key not in self._declared]
            if missing:
                self._declare(missing)
            self._plan = (asked, [*(self._prefix + info.key for info in infos), self._prefix + "index"])
            self._renew_at = 0.0
        return self._plan[1]

    def read(self, handles: Sequence[int], first: int, last: int) -> Values:
        """See `Ring.read`. Of the newest generation only."""
        if last < first or not len(handles):
            return np.empty((len(handles), max(0, last - first + 1)), np.float32)
        count = min(last - first + 1, self.capacity)
        parts = slots(last - count + 1, last, self.capacity)
        keys = [self._prefix + self._infos[handle].key for handle in handles]
        rows = self._call(partial(self._ranges, keys, parts))
        return steps(np.stack(rows), first, last, self.capacity)

    def window(self, handles: Sequence[int], start: float, end: float) -> list[Samples]:
        """See `Ring.window`."""
        found: list[Samples] = [NOTHING] * len(handles)
        self.check()
        for step, capacity in [*self._older, (self.step, self.capacity)]:
            first, last = steps_between(start, end, step)
            if first > last or not found:
                continue
            prefix, parts = self._prefix_of(step, capacity), slots(first, last, capacity)
            keys = [prefix + self._infos[handle].key for handle in handles]
            rows = self._call(partial(self._ranges, keys, parts))
            new = [samples(row, first, last, step) for row in rows]
            found = [joined_samples(a, b) for a, b in zip(found, new, strict=True)]
        return found

    def _ranges(self, keys: Sequence[str], parts: Sequence[slice]) -> list[np.ndarray]:
        """The cells of each key's slots, zero where the string is shorter or gone."""
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            for part in parts:
                pipe.getrange(key, part.start * CELL_BYTES, part.stop * CELL_BYTES - 1)
        answers = iter(pipe.execute())
        sizes = [(part.stop - part.start) * CELL_BYTES for part in parts]
        return [np.frombuffer(b"".join(next(answers).ljust(size, b"\0") for size in sizes), "<u8") for _ in keys]

    def series(self) -> Mapping[int, SeriesInfo]:
        """See `Ring.series`. While Redis is away: those seen before."""
        if not self._loaded:
            with contextlib.suppress(StoreUnavailable):
                self.check()
        known = self._known
        if known is None:
            with self._lock:
                known = self._known = dict(enumerate(self._infos))
        return known

    def oldest(self) -> float:
        """See `Ring.oldest`."""
        return self._now() - max(step * capacity for step, capacity in [*self._older, (self.step, self.capacity)])

    def close(self) -> None:
        """Closes the connections."""
        self._redis.close()


def _readable(texts: Sequence[bytes]) -> list[SeriesInfo]:
    found = []
    for text in texts:
        try:
            found.append(unpack_info(text)[0])
        except ValueError:
            continue  # not ours: its string is never read
    return found


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0),
        health_check_interval=0, client_name="vigie",
    )


def _sentence(error: RedisError) -> str:
    if isinstance(error, TimeoutError):
        return "Redis does not answer in time."
    if isinstance(error, ConnectionError) and not isinstance(error, AuthenticationError):
        return "Redis cannot be reached."
    return f"Redis refuses: {' '.join(str(error).split())[:160].rstrip('.')}."


def check_redis(url: str) -> str:
    """Tries ``url`` at start. Returns "" when it works, or a warning sentence when Redis cannot be reached.

    Raises:
        StorageError: the URL is malformed, or Redis refuses its user, password or database.
    """
    try:
        client = _client(url)
    except (ValueError, TypeError):
        raise StorageError("The Redis URL is malformed; it must look like redis://user:password@host:6379/0.") from None
    try:
        client.ping()
        client.exists("vigie:ring")
    except (ConnectionError, TimeoutError) as error:
        if not isinstance(error, AuthenticationError) and "AUTH" not in str(error).upper():
            return "Redis cannot be reached now; the newest values are kept in memory until it is back."
        raise StorageError("Redis refuses the user or password of its URL.") from None
    except RedisError as error:
        if str(error).startswith(("NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "ERR invalid password")):
            raise StorageError("Redis refuses the user or password of its URL.") from None
        raise StorageError(f"Redis refuses its URL: {str(error).rstrip('.')}.") from None
    finally:
        client.close()
    return ""
