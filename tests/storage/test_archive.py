"""The archive on both databases: pages, rollups, rows, events, retention."""

from datetime import UTC, datetime

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from storage.archive import pages
from storage.archive.archive import Archive
from storage.archive.pages import DAY, HOURS, MINUTES, TIERS
from storage.archive.rollup import NO_STEPS, Rollup, coarser, joined, roll, stacked
from storage.database import Database
from tests.storage.conftest import NOW
from tests.storage.test_ring import info

T0 = int(NOW) // 3600 * 3600


@pytest.fixture
def archive(database):
    return Archive(database)


def steps(t, mean, *, index=0, spread=1.0, count=60):
    """A rollup of one series with times in epoch seconds."""
    mean = np.asarray(mean, np.float32)
    return Rollup(np.full(len(mean), index), np.asarray(t, np.int64) * 1000, mean, mean - np.float32(spread),
                  mean + np.float32(spread), np.full(len(mean), count, np.uint32))


def same(a: Rollup, b: Rollup) -> bool:
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("t", "mean", "low", "high", "count"))


@given(hnp.arrays(np.uint32, st.tuples(st.integers(0, 5), st.just(4), st.sampled_from([60, 744]))))
def test_pages_come_back_as_they_were(words):
    assert np.array_equal(pages.decode(pages.encode(words), words.shape[2]), words)


@pytest.mark.parametrize("blob", [b"", b"junk", pages.encode(pages.empty(1, 744))[0]])
def test_what_is_no_page_of_the_tier_is_refused(blob):
    with pytest.raises(ValueError, match="a page"):
        pages.decode([blob], 60)


SAMPLES = st.dictionaries(st.integers(0, 7200), st.floats(-1e6, 1e6, width=32), max_size=50)


@settings(max_examples=50)
@given(st.lists(SAMPLES, min_size=1, max_size=4))
def test_rolling_up_is_what_a_slow_loop_gives(series):
    given_samples = [(np.array(sorted(s), np.int64) * 1000, np.array([s[k] for k in sorted(s)], np.float32))
                     for s in series]
    rolled = roll(given_samples, 60)
    for place, samples in enumerate(series):
        one = rolled.of(place)
        wanted: dict[int, list[float]] = {}
        for at, value in samples.items():
            wanted.setdefault(at // 60 * 60, []).append(value)
        assert (one.t // 1000).tolist() == sorted(wanted)
        for i, at in enumerate(sorted(wanted)):
            group = wanted[at]
            assert (one.low[i], one.high[i], one.count[i]) == (min(group), max(group), len(group))
            assert one.mean[i] == pytest.approx(sum(group) / len(group), rel=1e-5, abs=0.1)
    assert same(coarser(rolled, 3600), roll(given_samples, 3600)) or np.allclose(
        coarser(rolled, 3600).mean, roll(given_samples, 3600).mean, rtol=1e-4, atol=0.1)


def test_steps_come_back_from_the_database(archive):
    infos = [info(gpu="0"), info(gpu="1")]
    t = np.arange(T0, T0 + 3 * 3600, 60)
    one, two = steps(t, np.arange(180)), steps(t[:10], np.full(10, 0.5), index=1)
    archive.write(MINUTES, infos, stacked([one, two]), T0 + 3 * 3600)
    ids = {i.key: n for n, i in archive.series().items()}
    got = archive.read(MINUTES, [ids[i.key] for i in infos], T0, T0 + 3 * 3600)
    assert same(got[0], one) and same(got[1], two)
    assert archive.watermark(MINUTES) == T0 + 3 * 3600 and archive.watermark(HOURS) is None
    (part,) = archive.read(MINUTES, [ids[infos[0].key]], T0 + 90, T0 + 3600)
    assert part.t[0] == (T0 + 120) * 1000 and part.t[-1] == (T0 + 3540) * 1000


def test_a_page_grows_minute_by_minute_and_a_step_written_again_is_replaced(archive):
    for minute in range(90):
        archive.write(MINUTES, [info()], steps([T0 + 60 * minute], [minute]), T0 + 60 * (minute + 1))
    archive.write(MINUTES, [info()], steps([T0 + 60], [500.0]), T0 + 5400)
    (number,) = archive.series()
    (got,) = archive.read(MINUTES, [number], 0, 1e11)
    assert got.mean.tolist() == [0.0, 500.0, *map(float, range(2, 90))]
    with archive.database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM pages")) == 2


def test_hours_are_kept_by_the_month_of_the_calendar(archive):
    begin = int(datetime(2028, 1, 30, tzinfo=UTC).timestamp())
    t = np.arange(begin, begin + 40 * DAY, 3600)
    archive.write(HOURS, [info()], steps(t, np.arange(t.size), count=3600), begin + 40 * DAY)
    (number,) = archive.series()
    (got,) = archive.read(HOURS, [number], begin + 5 * 3600, begin + 39 * DAY)
    assert got.t[0] == (begin + 5 * 3600) * 1000 and got.t.size == 39 * 24 - 5
    assert got.mean.tolist() == list(range(5, 39 * 24))
    with archive.database.read() as connection:
        starts = connection.scalars(sa.text("SELECT start FROM pages ORDER BY start")).all()
    assert [datetime.fromtimestamp(s, UTC).strftime("%m-%d") for s in starts] == ["01-01", "02-01", "03-01"]


def test_series_and_watermarks_survive_a_restart(archive):
    odd = info(mount='/srv/Modèles "a"\n')
    archive.write(MINUTES, [odd, info()], stacked([steps([T0], [1]), steps([T0], [2])]), T0 + 60)
    archive.write(MINUTES, [info(every=5.0)], steps([T0 + 60], [3]), T0 + 120)
    again = Archive(archive.database)
    assert set(again.series().values()) == {odd, info(every=5.0)}
    assert again.watermark(MINUTES) == T0 + 120


def test_servers_do_not_see_each_other(archive):
    other = Archive(archive.database, server=2)
    archive.write(MINUTES, [info()], steps([T0], [1]), T0 + 60)
    other.write(MINUTES, [info()], steps([T0], [2]), T0 + 120)
    for one, value in ((archive, 1.0), (other, 2.0)):
        (number,) = Archive(one.database, one.server).series()
        assert one.read(MINUTES, [number], 0, 1e11)[0].mean.tolist() == [value]
    assert archive.watermark(MINUTES) == T0 + 60


def test_a_failed_write_leaves_no_trace(archive, monkeypatch):
    archive.register("a", "a", None, "Linux", NOW)
    archive.write(MINUTES, [info()], steps([T0], [1]), T0 + 60)

    def fail(*_args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(archive, "_write_row", fail)
    with pytest.raises(RuntimeError):
        archive.write(MINUTES, [info(), info(gpu="0")], stacked([steps([T0], [5]), steps([T0], [6])]), T0 + 120,
                      {T0: {}})
    monkeypatch.undo()
    assert list(archive.series().values()) == [info()] and archive.watermark(MINUTES) == T0 + 60
    archive.write(MINUTES, [info(gpu="0")], steps([T0], [7]), T0 + 120)
    ids = {i.key: n for n, i in Archive(archive.database).series().items()}
    got = archive.read(MINUTES, [ids[info().key], ids[info(gpu="0").key]], 0, 1e11)
    assert [g.mean.tolist() for g in got] == [[1.0], [7.0]]


def test_many_series_in_one_write_and_read(archive):
    infos = [info(core=str(i)) for i in range(1200)]
    archive.write(MINUTES, infos, stacked([steps([T0, T0 + 60], [i, -i]) for i in range(1200)]), T0 + 120)
    ids = {i.key: n for n, i in archive.series().items()}
    got = archive.read(MINUTES, [ids[i.key] for i in infos], T0, T0 + 120)
    assert [g.mean.tolist() for g in got] == [[i, -i] for i in range(1200)]


def test_reading_nothing(archive):
    assert archive.read(MINUTES, [], 0, 10) == []
    assert archive.read(MINUTES, [5], 0, 1e300)[0].t.size == 0


def test_flat_rows_hold_the_documents_units(archive):
    archive.register("box", "box.local", "10.0.0.7", "Linux", NOW)
    archive.write(MINUTES, [], NO_STEPS, T0 + 120, {
        T0: {"cpu_percent": 45.2, "ram_used_mb": 6780.123, "network_sent_mb": 1e9},
        T0 + 60: {"cpu_percent": 5000.0, "disk_percent": 0.0},
    })
    first, second = archive.rows(T0, T0 + 120)
    assert first["cpu_percent"] == 45.2 and first["ram_used_mb"] == 6780.12 and first["recorded_at"] == T0
    # Absent, and what the column of the documents has no digits for, is NULL.
    assert first["network_sent_mb"] is None and first["ram_percent"] is None
    assert second["cpu_percent"] is None and second["disk_percent"] == 0.0
    assert [r["recorded_at"] for r in archive.rows(T0, T0 + 120, limit=1)] == [T0 + 60]
    archive.write(MINUTES, [], NO_STEPS, T0 + 120, {T0: {"cpu_percent": 1.0}})
    assert [r["cpu_percent"] for r in archive.rows(T0, T0 + 60)] == [1.0]


def test_any_sql_tool_finds_the_server_and_its_metrics(archive):
    archive.register("box", "box.local", "10.0.0.7", "Linux", NOW)
    archive.register("box", "new-name", "10.0.0.8", "Linux", NOW + 60)
    archive.write(MINUTES, [], NO_STEPS, T0 + 120, {T0 + 60: {"cpu_percent": 45.2}})
    with archive.database.read() as connection:
        row = connection.execute(sa.text(
            "SELECT s.hostname, s.is_active, m.cpu_percent, m.recorded_at FROM metrics m "
            "JOIN servers s ON s.id = m.server_id")).one()
        seen = connection.execute(sa.text("SELECT created_at, last_seen FROM servers")).one()
    assert row[0] == "new-name" and bool(row[1]) and float(row[2]) == 45.2
    assert str(row[3]).startswith(datetime.fromtimestamp(T0 + 60, UTC).strftime("%Y-%m-%d %H:%M:%S"))
    assert str(seen[0]).startswith("2027-01-15 08:00:00")
    assert str(seen[1]).startswith(datetime.fromtimestamp(T0 + 120, UTC).strftime("%Y-%m-%d %H:%M"))


def test_postgresql_partitions_metrics_by_day(archive):
    if archive.database.is_sqlite:
        return
    archive.register("box", "box", None, "Linux", NOW)
    for day in range(3):
        archive.write(MINUTES, [], NO_STEPS, T0, {T0 + day * DAY: {"cpu_percent": 1.0}})
    with archive.database.read() as connection:
        names = connection.scalars(sa.text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'metrics'::regclass ORDER BY 1")).all()
        new = connection.scalar(sa.text("SELECT nextval(pg_get_serial_sequence('servers', 'id'))"))
    assert names == ["metrics_20270115", "metrics_20270116", "metrics_20270117"]
    assert new == 2


def test_events_are_kept_newest_first(archive):
    for i in range(5):
        archive.append_event(NOW + i, "started", "info", {"version": f"v{i}", "mot": "été"})
    found = archive.events(limit=3)
    assert [e.at for e in found] == [NOW + 4, NOW + 3, NOW + 2]
    assert found[0] == (NOW + 4, "started", "info", {"version": "v4", "mot": "été"})
    assert [e.at for e in archive.events(start=NOW + 1, end=NOW + 3)] == [NOW + 2, NOW + 1]


def fill(archive, now):
    """Ten days of hours' pages older than the minutes are kept, and one of today."""
    begin = T0 - MINUTES.keep - 10 * DAY
    t = np.arange(begin, begin + 10 * DAY, 3600)
    archive.write(MINUTES, [info()], steps(t, np.ones(t.size)), now)
    archive.write(MINUTES, [info(gpu="0")], steps([T0], [1.0]), now)
    return begin


def oldest(archive):
    with archive.database.read() as connection:
        return connection.scalar(sa.text("SELECT min(start) FROM pages"))


def test_pruning_takes_what_is_too_old_a_day_at_a_time(archive):
    begin = fill(archive, T0)
    archive.prune(NOW)
    assert oldest(archive) == begin + DAY
    for _ in range(12):
        archive.prune(NOW + 60)
    assert oldest(archive) == T0
    assert list(archive.series().values()) == [info(gpu="0")]  # the other one has no page left
    assert archive.watermark(MINUTES) == T0


def test_a_clock_far_ahead_for_an_hour_does_not_cost_the_history(archive):
    begin = fill(archive, T0)
    archive.register("box", "box", None, "Linux", NOW)
    archive.write(MINUTES, [], NO_STEPS, T0, {T0 - DAY * d: {"cpu_percent": 1.0} for d in range(5)})
    archive.append_event(NOW, "started", "info", {})
    archive.prune(NOW + 10 * 365 * DAY)
    assert oldest(archive) <= begin + DAY
    assert len(archive.rows(0, 1e11)) >= 4
    assert list(archive.series().values()) == [info(), info(gpu="0")]


def test_rows_and_events_are_pruned_like_minutes(archive):
    archive.register("box", "box", None, "Linux", NOW)
    old = T0 - MINUTES.keep - 3600
    archive.write(MINUTES, [], NO_STEPS, T0, {old: {}, T0: {}})
    archive.append_event(old, "started", "info", {})
    archive.append_event(NOW, "stopped", "info", {})
    archive.prune(NOW)
    assert [r["recorded_at"] for r in archive.rows(0, 1e11)] == [T0]
    assert [e.kind for e in archive.events()] == ["stopped"]


def test_what_was_read_once_answers_while_the_database_is_away(own_postgres):
    own_postgres.start()
    archive = Archive(Database("archive", None, own_postgres.url))
    archive.write(MINUTES, [info()], steps([T0], [1.0]), T0 + 60)
    own_postgres.stop()
    assert list(archive.series().values()) == [info()] and archive.watermark(MINUTES) == T0 + 60


def test_the_tiers():
    assert [(t.name, t.step, t.keep // DAY) for t in TIERS] == [("minutes", 60, 30), ("hours", 3600, 730)]
    assert joined([]).t.size == 0
