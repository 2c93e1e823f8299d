"""The cache of identities: what concurrent writes and a missing database do to it."""

from __future__ import annotations

import pytest

from security.cache import Cache
from storage.errors import StoreUnavailable
from tests.security.conftest import Clock


def test_a_value_read_before_a_write_is_not_kept_after_it(clock: Clock) -> None:
    cache: Cache[str] = Cache(clock)

    def read_while_somebody_writes() -> str:
        cache.clear()
        return "old"

    assert cache.get("key", read_while_somebody_writes) == "old"
    assert cache.get("key", lambda: "new") == "new"


def test_what_is_not_found_is_not_kept_and_what_is_gone_is_forgotten(clock: Clock) -> None:
    cache: Cache[str] = Cache(clock)
    assert cache.get("key", lambda: None) is None
    assert cache.get("key", lambda: "there") == "there"
    clock.forward(2)
    assert cache.get("key", lambda: None) is None
    assert cache.get("key", lambda: "back") == "back"


def test_memory_is_bounded(clock: Clock) -> None:
    cache: Cache[int] = Cache(clock, bound=3)
    for key in range(10):
        cache.get(key, lambda key=key: key)  # type: ignore[misc]
    assert [cache.get(key, lambda: None) for key in range(10)] == [None] * 7 + [7, 8, 9]


def test_while_the_database_is_away_one_try_every_two_seconds_is_enough(clock: Clock) -> None:
    cache: Cache[str] = Cache(clock)
    cache.get("known", lambda: "value")
    tries = []

    def away() -> str:
        tries.append(clock.at)
        raise StoreUnavailable("gone fishing")

    for _ in range(10):
        clock.forward(0.5)
        assert cache.get("known", away) == "value"
        with pytest.raises(StoreUnavailable, match="fishing"):
            cache.get("unknown", away)
    assert len(tries) <= 3, tries
    clock.forward(3)
    assert cache.get("unknown", lambda: "back") == "back"
    clock.forward(2)
    assert cache.get("known", lambda: "new") == "new"


def test_a_clock_that_is_set_back_keeps_nothing_fresh_for_long(clock: Clock) -> None:
    cache: Cache[str] = Cache(clock)
    cache.get("key", lambda: "old")
    clock.forward(-3600)
    assert cache.get("key", lambda: "new") == "new"
