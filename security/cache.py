"""Keeps who is who for a moment, so that a request costs no database read, and a while longer when there is none."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from storage.errors import StorageError, StoreUnavailable

V = TypeVar("V")


class Cache(Generic[V]):
    """Values by key, fresh for ``ttl`` seconds; good for ``grace`` seconds while the database is away.

    Only found values are kept: a guessed key costs its caller a read and us no memory.
    """

    def __init__(self, now: Callable[[], float], ttl: float = 2.0, grace: float = 900.0, bound: int = 4096) -> None:
        self._now, self._ttl, self._grace, self._bound = now, ttl, grace, bound
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[float, V]] = OrderedDict()
        self._generation = 0
        self._retry_at, self._reason = 0.0, ""

    def get(self, key: Hashable, load: Callable[[], V | None]) -> V | None:
        """The value of ``key``, by ``load`` when it is not fresh.

        Raises:
            StorageError: from ``load``, when no value young enough is there to stand in.
        """
        now = self._now()
        with self._lock:
            entry = self._entries.get(key)
            generation = self._generation
            # The clock may have been set back: an age below zero is no age.
            age = now - entry[0] if entry else -1.0
            if entry and 0 <= age < self._ttl:
                return entry[1]
            away = 0 < self._retry_at - now <= self._ttl
            if away:
                if entry and 0 <= age < self._grace:
                    return entry[1]
                raise StoreUnavailable(self._reason)
            if self._retry_at:
                # One caller tries whether the database is back; the others do not wait for its time-out.
                self._retry_at = now + self._ttl
        try:
            value = load()
        except StorageError as error:
            with self._lock:
                self._retry_at, self._reason = self._now() + self._ttl, str(error)
            if entry and 0 <= age < self._grace:
                return entry[1]
            raise
        with self._lock:
            self._retry_at = 0.0
            if generation == self._generation:  # else a write came between, and this value may be the old one
                self._keep(key, value, now)
        return value

    def _keep(self, key: Hashable, value: V | None, now: float) -> None:
        self._entries.pop(key, None)
        if value is not None:
            self._entries[key] = (now, value)
            if len(self._entries) > self._bound:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forgets everything: something was written."""
        with self._lock:
            self._generation += 1
            self._entries.clear()
