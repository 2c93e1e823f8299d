"""A ring that is away: Redis stopped, emptied, slow to say yes; and the buffer before it."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import StorageError, StoreUnavailable, TooManySeries
from storage.ring.buffered import FLUSH, BufferedRing
from storage.ring.file import FileRing
from storage.ring.redis import RedisRing, check_redis
from tests.storage.conftest import NOW
from tests.storage.test_ring import N, held, info, put
from tests.support import free_port, redis_server


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.t = 0.0

    def __call__(self) -> float:
        return self.t


@pytest.fixture
def clock():
    return Clock()


def away(port: int, clock=None, **more) -> RedisRing:
    return RedisRing(f"redis://127.0.0.1:{port}/0", 1, 1.0, 600, now=lambda: NOW, monotonic=clock or Clock(), **more)


def test_redis_stopped_and_started_in_the_middle_of_writing(clock):
    port = free_port()
    ring = BufferedRing(away(port, clock), now=lambda: NOW)
    with redis_server(port=port):
        for n in range(N, N + 5):
            put(ring, n, {info(): float(n - N)})
        assert ring.problem() == ""
    for n in range(N + 5, N + 47):
        put(ring, n, {info(): float(n - N), info(new="1"): 1.0})
    assert ring.problem() == (
        "Redis has been away since 08:00 UTC (Redis cannot be reached); 42 ticks are buffered (bound 3600)."
    )
    # What waits is read as if it were written.
    assert held(ring, info()) == {n: float(n - N) for n in range(N + 5, N + 47)}
    assert {i.key for i in ring.series().values()} == {info().key, info(new="1").key}
    got = ring.read([ring.handle(info())], N + 44, N + 48)
    np.testing.assert_array_equal(got, [[44.0, 45.0, 46.0, np.nan, np.nan]])
    with redis_server(port=port):
        clock.t += 10
        put(ring, N + 47, {info(): 47.0})
        assert (ring.problem(), ring.buffered) == ("", 0)
        ring.close()
        # This Redis came back empty: what it never saw is there, the rest is a gap.
        again = away(port)
        assert held(again, info()) == {n: float(n - N) for n in range(N + 5, N + 48)}
        assert held(again, info(new="1")) == dict.fromkeys(range(N + 5, N + 47), 1.0)


def test_while_away_calls_fail_at_once_and_attempts_grow_rare(clock):
    port = free_port()
    ring = away(port, clock)
    tried = []
    for second in range(20):
        clock.t = float(second)
        before = ring._failures
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            ring.handle(info())
        tried += [second] if ring._failures > before else []
    assert tried == [0, 1, 3, 8, 13, 18]


def test_the_buffer_is_bounded_and_says_what_is_lost():
    ring = BufferedRing(away(free_port()), bound_ticks=10, now=lambda: NOW)
    for n in range(N, N + 13):
        put(ring, n, {info(): 1.0})
    assert ring.buffered == 10 and ring.problem().endswith("10 ticks are buffered (bound 10), 3 lost.")
    assert sorted(held(ring, info())) == list(range(N + 3, N + 13))


def test_a_long_backlog_does_not_hold_up_the_tick_in_hand(clock):
    port = free_port()
    ring = BufferedRing(away(port, clock), now=lambda: NOW)
    for n in range(N, N + FLUSH + 50):
        put(ring, n, {info(): 1.0})
    with redis_server(port=port):
        clock.t += 10
        put(ring, N + FLUSH + 50, {info(): 1.0})
        assert ring.buffered == 50 and ring.problem() != ""
        assert len(held(ring, info())) == FLUSH + 51
        put(ring, N + FLUSH + 51, {info(): 1.0})
        assert ring.buffered == 0 and ring.problem() == ""


def test_closing_writes_what_still_waits(clock):
    port = free_port()
    ring = BufferedRing(away(port, clock), now=lambda: NOW)
    for n in range(N, N + FLUSH + 50):
        put(ring, n, {info(): 1.0})
    with redis_server(port=port):
        clock.t += 10
        ring.close()
        assert len(held(away(port), info())) == FLUSH + 50


def test_a_series_without_room_is_dropped_and_the_others_are_kept(clock, caplog):
    port = free_port()
    ring = BufferedRing(away(port, clock, max_series=2), now=lambda: NOW)
    values = {info(core=str(i)): 1.0 for i in range(4)}
    try:
        put(ring, N, values)
    except TooManySeries:
        pytest.fail("a series seen while away must wait")
    with redis_server(port=port):
        clock.t += 10
        handles = np.array([0, 1, 2, 3])
        ring.write(N + 1, handles, np.ones(4, np.float32))
        assert ring.buffered == 0 and "its limit" in caplog.text
        assert held(ring, info(core="1")) == {N: 1.0, N + 1: 1.0} and held(ring, info(core="3")) == {}


def test_redis_emptied_by_someone_while_connected(redis_url):
    ring = RedisRing(redis_url, 999, 1.0, 600, now=lambda: NOW)
    put(ring, N, {info(core="0"): 1.0, info(core="1"): 1.0})
    ring._redis.flushdb()
    put(ring, N + 1, {info(core="0"): 2.0, info(core="1"): 2.0})
    again = RedisRing(redis_url, 999, 1.0, 600, now=lambda: NOW)
    assert held(again, info(core="0")) == held(again, info(core="1")) == {N + 1: 2.0}


def test_scripts_flushed_by_someone(redis_url):
    ring = RedisRing(redis_url, 998, 1.0, 600, now=lambda: NOW)
    put(ring, N, {info(): 1.0})
    ring._redis.script_flush()
    put(ring, N + 1, {info(): 2.0})
    assert held(ring, info()) == {N: 1.0, N + 1: 2.0}


def test_keys_share_the_servers_hash_tag_and_expire(redis_url):
    ring = RedisRing(redis_url, 997, 1.0, 600, now=lambda: NOW)
    put(ring, N, {info(): 1.0})
    keys = [k.decode() for k in ring._redis.keys("vigie:ring:{997}:*")]
    assert sorted(keys) == [
        "vigie:ring:{997}:1000:600:index", "vigie:ring:{997}:1000:600:level_ratio", "vigie:ring:{997}:generations",
    ]
    assert 600 < ring._redis.ttl("vigie:ring:{997}:1000:600:level_ratio") <= 1200
    assert 600 < ring._redis.ttl("vigie:ring:{997}:1000:600:index") <= 1200


def test_a_series_whose_string_expired_is_forgotten_at_the_next_start(redis_url):
    ring = RedisRing(redis_url, 996, 1.0, 600, now=lambda: NOW)
    put(ring, N, {info(veth="1"): 1.0, info(): 1.0})
    ring._redis.delete("vigie:ring:{996}:1000:600:" + info(veth="1").key)
    assert list(RedisRing(redis_url, 996, 1.0, 600, now=lambda: NOW).series().values()) == [info()]


def test_a_redis_that_may_evict_is_warned_of():
    with redis_server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as url:
        ring = BufferedRing(RedisRing(url, 1, 1.0, 600, now=lambda: NOW), now=lambda: NOW)
        put(ring, N, {info(): 1.0})
        assert "maxmemory-policy is allkeys-lru" in ring.warning and ring.problem() == ""


def test_a_redis_without_room_is_away_with_its_reason():
    with redis_server("--maxmemory", "1mb") as url:
        ring = BufferedRing(RedisRing(url, 1, 1.0, 600, now=lambda: NOW), now=lambda: NOW)
        put(ring, N, {info(): 1.0})
        assert "maxmemory" in ring.problem() and ring.buffered == 1


@pytest.mark.parametrize("url", ["redis://127.0.0.1:99999/0", "http://127.0.0.1/0", "redis://127.0.0.1:x/0", "x"])
def test_a_malformed_url_is_refused(url):
    with pytest.raises(StorageError, match="The Redis URL is malformed"):
        check_redis(url)


def test_a_redis_that_wants_a_password():
    with redis_server("--requirepass", "s3cret") as url:
        for wrong in (url, url.replace("redis://", "redis://:wrong@")):
            with pytest.raises(StorageError, match="refuses the user or password") as caught:
                check_redis(wrong)
            assert not isinstance(caught.value, StoreUnavailable) and "wrong" not in str(caught.value)
        assert check_redis(url.replace("redis://", "redis://:s3cret@")) == ""


def test_a_redis_that_is_merely_away_is_a_warning(redis_url):
    assert "cannot be reached now" in check_redis(f"redis://127.0.0.1:{free_port()}/0")
    assert check_redis(redis_url) == ""


class Moody(FileRing):
    """A file ring that a test sends away, for writing and reading."""

    away = False

    def _ask(self):
        if self.away:
            raise StoreUnavailable("It rains.")

    def handle(self, one):
        self._ask()
        return super().handle(one)

    def write(self, *args):
        self._ask()
        super().write(*args)

    def window(self, *args):
        self._ask()
        return super().window(*args)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.sets(st.integers(0, 3), min_size=1)), max_size=40))
def test_any_going_away_and_coming_back_gives_the_cells_of_a_plain_dict(turns):
    with tempfile.TemporaryDirectory() as folder:
        inner = Moody(Path(folder), 1, 1.0, 20, now=lambda: NOW)
        ring = BufferedRing(inner, now=lambda: NOW)
        model: dict[int, dict[int, tuple[int, float]]] = {}
        waiting: dict[int, dict[int, float]] = {}
        n = N
        for place, (away, ahead, cores) in enumerate([*turns, (False, 1, {0})]):
            n += ahead  # 0: the same tick again
            inner.away = away
            put(ring, n, {info(core=str(core)): float(place) for core in cores})
            for core in cores:
                model.setdefault(core, {})[n % 20] = (n, float(place))
                waiting.setdefault(core, {})[n] = float(place)
            if not away:
                waiting.clear()
                assert ring.buffered == 0 and ring.problem() == ""
            else:
                assert ring.problem().startswith("The ring file has been away since 08:00 UTC (It rains); ")
            for core, cells in model.items():
                wanted = dict(sorted(cells.values())) if not away else waiting.get(core, {})
                assert held(ring, info(core=str(core))) == wanted
        ring.close()
