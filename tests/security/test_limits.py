"""Attempts counted in a real Redis, and in memory when it goes."""

from __future__ import annotations

import pytest
import redis

from security.errors import SignInBlocked
from security.limits import SignInLimits
from tests.support import free_port, redis_server


def waits(limits: SignInLimits, name: str) -> float:
    """Seconds to wait before the next attempt; 0 when this one passed."""
    try:
        limits.attempt("192.0.2.1", name)
    except SignInBlocked as blocked:
        return blocked.wait
    limits.ended("192.0.2.1", name, failed=True)
    return 0


def blocked_after(limits: SignInLimits, name: str) -> int:
    """How many attempts pass before one is blocked."""
    asked = [waits(limits, name) for _ in range(6)]
    assert 890 < asked[-1] <= 900
    return asked.count(0)


@pytest.mark.redis
def test_counts_are_kept_in_redis_and_survive_its_absence() -> None:
    port = free_port()
    with redis_server(port=port) as url:
        limits = SignInLimits(url)
        assert blocked_after(limits, "ada") == 5
        assert blocked_after(SignInLimits(url), "ADA ") == 0, "another process, the same count"
        limits.ended("192.0.2.1", "ada", failed=False)
        assert blocked_after(limits, "ada") == 5
        keys = b" ".join(redis.Redis.from_url(url).keys("*"))  # type: ignore[arg-type]
        assert keys
        assert b"ada" not in keys.lower()
    assert blocked_after(limits, "ada") == 5, "Redis is gone: counted in memory"
    with redis_server(port=port):
        assert blocked_after(limits, "bob") == 5


def test_memory_alone_counts_the_same() -> None:
    limits = SignInLimits()
    assert blocked_after(limits, "ada") == 5
    assert blocked_after(limits, "bob") == 5


def test_who_gets_in_counts_nothing_to_an_address_that_many_share() -> None:
    limits = SignInLimits()
    for i in range(200):
        limits.attempt("192.0.2.1", f"colleague {i}")
        limits.ended("192.0.2.1", f"colleague {i}", failed=False)
    passed = [waits(limits, f"guess {i}") for i in range(70)].count(0)
    assert passed == 60


def test_many_attempts_at_once_do_not_slip_through() -> None:
    limits = SignInLimits()
    for i in range(60):
        limits.attempt("192.0.2.1", f"guess {i}")
    with pytest.raises(SignInBlocked):
        limits.attempt("192.0.2.1", "one more")
    limits.attempt("192.0.2.2", "from elsewhere")
    for i in range(60):
        limits.ended("192.0.2.1", f"guess {i}", failed=i % 2 == 0)
    assert [waits(limits, f"later {i}") for i in range(40)].count(0) == 30
