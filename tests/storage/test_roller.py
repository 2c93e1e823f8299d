"""From the ring to the archive: minutes, hours, rows; clocks that jump, stores that are away."""

import os
import signal

import numpy as np
import pytest

from storage.archive.archive import Archive
from storage.archive.pages import DAY, HOURS, MINUTES
from storage.archive.rollup import stacked
from storage.database import Database
from storage.errors import StoreUnavailable
from storage.ring.base import step_number
from storage.ring.buffered import BufferedRing
from storage.ring.file import FileRing
from storage.ring.redis import RedisRing
from storage.roller import Roller
from tests.storage.conftest import NOW
from tests.storage.test_archive import steps
from tests.storage.test_ring import info, put
from tests.support import free_port, redis_server, wait_until

TOTALS = {"network_all_transmit_bytes_total": 2.0**20 * 1250.5}


class House:
    """A ring, an archive and a roller under one clock."""

    def __init__(self, folder, database=None, capacity=7200, step=1.0, ring=None):
        self.t = NOW
        self.folder = folder
        self.ring = ring or FileRing(folder, 1, step, capacity, now=self.now)
        self.archive = Archive(database or Database("archive", folder))
        self.roller = Roller(self.ring, self.archive, self.now, totals=TOTALS.get, address=lambda: "10.0.0.7")

    def now(self) -> float:
        return self.t

    def run(self, seconds: int, value=lambda second: 1.0, name="cpu_usage_ratio", roll=True) -> None:
        """Ticks, and rolls each minute four seconds late, as the thread does."""
        for _ in range(round(seconds / self.ring.step)):
            v = value(self.t - NOW)
            if v is not None:
                put(self.ring, step_number(self.t, self.ring.step), {info(name): v})
            if roll and int(self.t) % 60 == 4:
                self.roller.run_once()
            self.t += self.ring.step

    def minutes(self, tier=MINUTES, name="cpu_usage_ratio"):
        """{offset in seconds: (mean, low, high, count)}"""
        ids = {i.key: n for n, i in self.archive.series().items()}
        if name not in ids:
            return {}
        (got,) = self.archive.read(tier, [ids[name]], 0, 1e11)
        return {
            int(t / 1000 - NOW): (mean, low, high, count)
            for t, mean, low, high, count in zip(
                got.t.tolist(), got.mean.tolist(), got.low.tolist(), got.high.tolist(), got.count.tolist())
        }


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_minutes_then_hours_with_their_extremes(tmp_path, database):
    house = House(tmp_path, database)
    house.run(2 * 3600 + 10, lambda s: 9.0 if s == 1000 else float(s >= 3600))
    minutes, hours = house.minutes(), house.minutes(HOURS)
    assert sorted(minutes) == list(range(0, 7200, 60))
    assert minutes[0] == (0.0, 0.0, 0.0, 60) and minutes[960] == (pytest.approx(9 / 60), 0.0, 9.0, 60)
    assert minutes[3600] == (1.0, 1.0, 1.0, 60)
    assert hours == {0: (pytest.approx(9 / 3600), 0.0, 9.0, 3600), 3600: (1.0, 1.0, 1.0, 3600)}
    assert house.archive.watermark(MINUTES) == NOW + 7200 == house.archive.watermark(HOURS)


def test_the_loop_waits_for_the_past(tmp_path):
    house = House(tmp_path)
    house.run(300, roll=False)
    marks = []

    def ready():
        marks.append(house.archive.watermark(MINUTES))
        return len(marks) > 3

    roller = Roller(house.ring, house.archive, house.now, ready=ready)
    roller.start()
    try:
        wait_until(lambda: house.archive.watermark(MINUTES) is not None)
    finally:
        roller.stop()
    assert marks[:4] == [None] * 4


def test_a_mean_divides_by_what_was_there(house):
    house.run(190, lambda s: None if s % 2 or 60 <= s < 120 else 4.0)
    assert house.minutes() == {0: (4.0, 4.0, 4.0, 30), 120: (4.0, 4.0, 4.0, 30)}


def test_the_flat_row_of_each_minute(house):
    house.run(190, lambda s: 0.5)
    rows = house.archive.rows(0, 1e11)
    assert [r["recorded_at"] - NOW for r in rows] == [0, 60, 120]
    assert [r["cpu_percent"] for r in rows] == [50.0] * 3
    assert rows[-1]["network_sent_mb"] == 1250.5 and rows[-1]["ram_percent"] is None
    house.t += 3
    put(house.ring, step_number(house.t, 1.0), {
        info("memory_used_bytes"): 2.0**30, info("memory_used_ratio"): 0.25,
        info("disk_volume_used_ratio", mount="/"): 0.5, info("disk_volume_total_bytes", mount="/"): 2.0**40,
        info("disk_volume_used_ratio", mount="/srv"): 0.9,
    })
    house.t += 60
    house.roller.run_once()
    row = house.archive.rows(0, 1e11)[-1]
    assert (row["ram_used_mb"], row["ram_percent"], row["disk_percent"], row["disk_total_gb"]) == (1024, 25, 50, 1024)


def test_what_the_roller_missed_it_rolls_later(house):
    house.run(1810, lambda s: float(s // 60), roll=False)
    house.roller.run_once()
    assert {t: m[0] for t, m in house.minutes().items()} == {60 * i: float(i) for i in range(30)}
    assert len(house.archive.rows(0, 1e11)) == 30


def test_a_run_killed_half_way_is_done_again_whole(house, monkeypatch):
    house.run(610, roll=False)

    def die(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(house.archive, "_write_row", die)
    with pytest.raises(KeyboardInterrupt):
        house.roller.run_once()
    monkeypatch.undo()
    assert house.minutes() == {} and house.archive.watermark(MINUTES) <= NOW
    house.roller.run_once()
    assert len(house.minutes()) == 10 == len(house.archive.rows(0, 1e11))


def _roll_until_killed(folder, pipe):
    archive = Archive(Database("archive", folder))
    infos = [info(core=str(i)) for i in range(20)]
    for minute in range(10_000):
        t = np.array([NOW + 60 * minute], np.int64)
        rolled = stacked([steps(t, [minute * 20 + i]) for i in range(20)])
        archive.write(MINUTES, infos, rolled, int(t[0]) + 60, {int(t[0]): {"cpu_percent": minute % 100}})
        os.write(pipe, b".")


def test_kill_9_leaves_whole_minutes_and_the_watermark_that_fits(tmp_path):
    Database("archive", tmp_path).migrate()
    archive = Archive(Database("archive", tmp_path))
    archive.register("box", "box", None, "Linux", NOW)
    archive.database.close()
    for stop_after in (1, 7, 30):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _roll_until_killed(tmp_path, writer)
            finally:
                os._exit(1)
        os.close(writer)
        told = sum(len(os.read(reader, 1)) for _ in range(stop_after))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(reader, 65536):
            told += len(more)
        os.close(reader)
        again = Archive(Database("archive", tmp_path))
        done = round((again.watermark(MINUTES) - NOW) / 60)
        assert told <= done <= told + 1
        for number, one in again.series().items():
            (got,) = again.read(MINUTES, [number], NOW, NOW + 60 * done)
            assert got.mean.tolist() == [minute * 20 + int(one.label("core")) for minute in range(done)]
        again.database.close()


def test_a_clock_set_back_rolls_the_hour_again(house):
    house.run(1210, lambda s: 1.0)
    house.t = NOW + 610
    house.run(900, lambda s: 2.0)
    means = {t: m[0] for t, m in house.minutes().items()}
    assert [means[60 * i] for i in range(10)] == [1.0] * 10
    assert [means[60 * i] for i in range(11, 25)] == [2.0] * 14
    assert house.archive.watermark(MINUTES) == NOW + 1500
    assert len({r["recorded_at"] for r in house.archive.rows(0, 1e11)}) == len(house.archive.rows(0, 1e11)) == 25


def test_a_clock_that_jumps_ahead_by_years_and_back(house, monkeypatch):
    house.run(610, lambda s: 1.0)
    reads = []
    window = house.ring.window
    monkeypatch.setattr(house.ring, "window", lambda *a: reads.append(a) or window(*a))
    house.t = NOW + 5 * 365 * DAY
    house.run(130, lambda s: 7.0)
    assert len(reads) < 10  # no walk through empty years
    house.t = NOW + 740
    house.run(400, lambda s: 2.0)
    means = {t: m[0] for t, m in house.minutes().items() if t < DAY}
    assert [means[60 * i] for i in range(10)] == [1.0] * 10
    assert [means[60 * i] for i in range(13, 18)] == [2.0] * 5
    assert house.archive.watermark(MINUTES) == NOW + 1080


def test_old_minutes_go_after_the_first_hour(house, monkeypatch):
    pruned = []
    monkeypatch.setattr(house.archive, "prune", pruned.append)
    house.run(3700)
    assert pruned == [NOW + 3604]
    house.t += 3 * 3600  # a jump, or a machine that slept
    house.run(300)
    assert len(pruned) == 1


def test_a_step_changed_at_a_restart_loses_nothing(tmp_path):
    house = House(tmp_path)
    house.run(90, lambda s: 1.0)
    house.ring.close()
    later = House(tmp_path, step=2.0)
    later.t = house.t
    later.run(120, lambda s: 3.0)
    assert later.minutes()[60] == (pytest.approx(5 / 3, rel=0.3), 1.0, 3.0, 45)
    assert later.minutes()[120] == (3.0, 3.0, 3.0, 30)


def test_postgresql_away_for_a_while_costs_nothing(tmp_path, own_postgres):
    database = Database("archive", None, own_postgres.url)
    house = House(tmp_path, database)
    house.run(65, lambda s: 1.0, roll=False)
    with pytest.raises(StoreUnavailable):
        house.roller.run_once()
    own_postgres.start()
    database._retry_at = 0
    house.roller.run_once()
    own_postgres.stop()
    house.run(300, lambda s: 2.0, roll=False)
    with pytest.raises(StoreUnavailable):
        house.roller.run_once()
    own_postgres.start()
    database._retry_at = 0
    house.roller.run_once()
    assert {t: m[3] for t, m in house.minutes().items()} == {60 * i: 60 for i in range(6)}
    database.close()


def test_redis_away_for_a_while_does_not_become_history(tmp_path):
    """What only Redis holds must wait until Redis answers, though the buffer has the newest ticks."""
    port = free_port()
    clock = [0.0]
    folder = tmp_path
    t = [NOW]
    inner = RedisRing(f"redis://127.0.0.1:{port}/0", 1, 1.0, 7200, now=lambda: t[0], monotonic=lambda: clock[0])
    house = House(folder, ring=BufferedRing(inner, now=lambda: t[0]))
    save = ("--dir", str(tmp_path), "--appendonly", "yes", "--appendfsync", "always")
    with redis_server(*save, port=port):
        house.run(50, lambda s: 1.0, roll=False)
    house.run(80, lambda s: 2.0, roll=False)
    t[0] = house.t
    with pytest.raises(StoreUnavailable):
        house.roller.run_once()
    assert house.archive.watermark(MINUTES) is None
    with redis_server(*save, port=port):
        clock[0] += 10
        house.run(1, lambda s: 2.0, roll=False)
        house.roller.run_once()
    assert {t: m[3] for t, m in house.minutes().items()} == {0: 60, 60: 60}


def test_the_thread_rolls_says_what_is_wrong_and_recovers(tmp_path, monkeypatch):
    house = House(tmp_path)
    house.run(65, roll=False)
    monkeypatch.setattr("storage.roller.RETRY", (0.01,))
    broken = [True]
    write = house.archive.write

    def sometimes(*args, **more):
        if broken[0]:
            raise StoreUnavailable("PostgreSQL is away.")
        return write(*args, **more)

    monkeypatch.setattr(house.archive, "write", sometimes)
    house.roller.start()
    try:
        wait_until(house.roller.problem, 5)
        assert house.roller.problem() == "PostgreSQL is away. History waits in the ring since 08:01 UTC."
        assert house.roller.alive()
        broken[0] = False
        wait_until(lambda: not house.roller.problem(), 5)
        assert len(house.minutes()) == 1
    finally:
        house.roller.stop()
    assert not house.roller.alive()


def test_a_surprise_does_not_end_the_thread(tmp_path, monkeypatch, caplog):
    house = House(tmp_path)
    monkeypatch.setattr("storage.roller.RETRY", (0.01,))
    calls = []

    def surprise(*_args):
        calls.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr(house.archive, "register", surprise)
    house.roller.start()
    try:
        wait_until(lambda: len(calls) > 2, 5)
        assert "the log says why" in house.roller.problem() and house.roller.alive()
    finally:
        house.roller.stop()


def test_this_machine_stands_in_servers(house):
    house.roller.run_once()
    with house.archive.database.read() as connection:
        row = connection.exec_driver_sql("SELECT id, ip_address, os_type, is_active FROM servers").one()
    assert tuple(row) == (1, "10.0.0.7", "Linux", 1)


def test_many_series_cost_little(tmp_path):
    house = House(tmp_path)
    infos = [info(core=str(i)) for i in range(200)]
    handles = np.array([house.ring.handle(i) for i in infos])
    values = np.arange(200, dtype=np.float32)
    for second in range(65):
        house.ring.write(step_number(NOW + second, 1.0), handles, values)
    house.t = NOW + 65
    house.roller.run_once()
    ids = {i.key: n for n, i in house.archive.series().items()}
    got = house.archive.read(MINUTES, [ids[i.key] for i in infos], 0, 1e11)
    assert [r.mean.tolist() for r in got] == [[float(i)] for i in range(200)]
