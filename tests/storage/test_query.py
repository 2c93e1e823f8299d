"""The query: right resolution, whole joins, visible gaps, no spike lost, one store away."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.archive.pages import DAY, HOURS, MINUTES
from storage.archive.rollup import stacked
from storage.errors import StoreUnavailable
from storage.query import Query
from storage.ring.base import step_number
from storage.ring.buffered import BufferedRing
from storage.ring.file import FileRing
from storage.ring.redis import RedisRing
from tests.storage.conftest import NOW
from tests.storage.test_archive import steps
from tests.storage.test_ring import info, put
from tests.storage.test_roller import House
from tests.support import free_port

CPU = "cpu_usage_ratio"


@pytest.fixture
def house(tmp_path):
    return House(tmp_path, capacity=600)


def query(house):
    return Query(house.ring, house.archive, house.now)


def only(selection):
    (series,) = selection.series
    assert series.t.dtype == np.int64 and series.value.dtype == np.float32
    assert (np.diff(series.t) > 0).all()
    return series


def offsets(series):
    """Seconds after NOW of the points that hold a value."""
    return [int(t / 1000 - NOW) for t, v in zip(series.t.tolist(), series.value.tolist()) if not math.isnan(v)]


def test_raw_where_the_ring_covers_the_window(house):
    house.run(300, float)
    selection = query(house).select([CPU], NOW + 10, NOW + 19)
    series = only(selection)
    assert (selection.step, selection.problems, series.step, series.low, series.high) == (1.0, [], 1.0, None, None)
    assert offsets(series) == list(range(10, 20)) and series.value.tolist() == list(map(float, range(10, 20)))


def test_minutes_beyond_the_ring_joined_with_the_newest_from_it(house):
    house.run(1800 + 30, lambda s: float(s // 60) + (100 if s == 1700 else 0))
    selection = query(house).select([CPU], NOW, NOW + 1830)
    series = only(selection)
    assert selection.step == 60.0 == series.step
    assert offsets(series) == [60 * i for i in range(31)]
    assert house.archive.watermark(MINUTES) == NOW + 1800  # the last point is of the ring alone
    wanted = [float(i) for i in range(31)]
    assert series.low.tolist() == wanted
    wanted[28] = 128.0
    assert series.high.tolist() == wanted
    assert series.value[28] == pytest.approx(28 + 100 / 60)


def test_hours_beyond_the_minutes(tmp_path):
    house = House(tmp_path, capacity=600)
    house.t = NOW + 100 * DAY
    begin = int(house.t) - 200 * DAY
    t = np.arange(begin, int(house.t) - 3 * 3600, 3600)
    house.archive.write(HOURS, [info(CPU)], steps(t, np.ones(t.size), count=3600), int(house.t) - 3 * 3600)
    recent = np.arange(int(house.t) - 3 * 3600, int(house.t) - 300, 60)
    house.archive.write(MINUTES, [info(CPU)], steps(recent, np.full(recent.size, 2.0)), int(house.t) - 300)
    for second in range(-300, 0):
        put(house.ring, step_number(house.t + second, 1.0), {info(CPU): 8.0})
    selection = query(house).select([CPU], begin, house.t)
    series = only(selection)
    assert selection.step == 3600.0 and series.t.size == 200 * 24
    assert series.value[:-3].tolist() == [1.0] * (200 * 24 - 3)
    # The last hour: 55 minutes of the archive and 5 of the ring, by their counts.
    assert series.value[-3:].tolist() == pytest.approx([2.0, 2.0, (55 * 60 * 2 + 300 * 8) / 3600])
    assert series.high[-1] == 8.0 + 0.0


def test_hours_for_a_long_window_of_few_points_and_minutes_otherwise(tmp_path):
    house = House(tmp_path, capacity=600)
    house.t = NOW + 20 * DAY
    house.archive.write(MINUTES, [info(CPU)], steps([NOW], [1.0]), int(house.t))
    house.archive.write(HOURS, [info(CPU)], steps([NOW], [1.0]), int(house.t))
    q = query(house)
    assert q.select([CPU], NOW, house.t, points=800).step == 3600.0
    assert q.select([CPU], NOW, house.t).step == 60.0
    assert q.select([CPU], NOW - DAY, NOW + DAY, points=800).step == 60.0


def test_a_gap_is_one_point_without_a_value(house):
    house.run(100, lambda s: None if 20 <= s < 40 or s in (50, 60, 61, 70, 71, 72) else 1.0)
    series = only(query(house).select([CPU], NOW, NOW + 100))
    gaps = [int(t / 1000 - NOW) for t in series.t[np.isnan(series.value)]]
    assert gaps == [20, 60, 70]  # a single lost tick is no gap; two and more are


def test_the_gap_of_a_slow_series_is_judged_by_its_own_interval(house):
    slow = info("temperature_celsius", every=10.0)
    for second in (0, 10, 20, 30, 60, 70):
        put(house.ring, step_number(NOW + second, 1.0), {slow: 1.0})
    series = only(query(house).select(["temperature_celsius"], NOW, NOW + 100))
    assert offsets(series) == [0, 10, 20, 30, 60, 70] and np.isnan(series.value).sum() == 1


def test_gaps_of_minutes_and_between_reduced_steps(house):
    house.run(4000, lambda s: None if 900 <= s < 1500 else 1.0)
    whole = only(query(house).select([CPU], NOW, NOW + 4000))
    assert [int(t / 1000 - NOW) for t in whole.t[np.isnan(whole.value)]] == [900]
    few = only(query(house).select([CPU], NOW, NOW + 4000, points=20))
    assert np.isnan(few.value).sum() == 1 and few.t.size <= 22
    assert np.array_equal(np.isnan(few.value), np.isnan(few.low))
    assert np.array_equal(np.isnan(few.value), np.isnan(few.high))


def test_series_without_a_sample_in_the_window_are_left_out(house):
    house.run(60)
    put(house.ring, step_number(NOW, 1.0), {info("other_ratio"): 1.0})
    found = query(house).select([CPU, "other_ratio", "no_such_ratio"], NOW + 10, NOW + 60)
    assert [s.info.name for s in found.series] == [CPU]
    assert query(house).select(["no_such_ratio"], NOW, NOW + 60).series == []


def test_series_come_in_the_order_asked_and_once(house):
    for core in ("0", "1", "2"):
        put(house.ring, step_number(NOW, 1.0), {info("core_ratio", core=core): float(core)})
    found = query(house).select(['core_ratio{core="2"}', "core_ratio"], NOW, NOW)
    assert [s.info.label("core") for s in found.series] == ["2", "0", "1"]


def test_series_of_the_archive_alone_are_known(house):
    house.run(70)
    house.archive.write(MINUTES, [info("gone_ratio")], steps([NOW], [5.0]), int(NOW) + 60)
    assert {i.name for i in query(house).series()} == {CPU, "gone_ratio"}
    house.t = NOW + 3600
    series = only(query(house).select(["gone_ratio"], NOW, NOW + 3600))
    assert series.value.tolist() == [5.0] and series.low.tolist() == [4.0] and series.high.tolist() == [6.0]


def test_a_ring_that_was_lost_is_made_good_from_the_archive(tmp_path):
    house = House(tmp_path / "a", capacity=7200)
    house.folder.mkdir(exist_ok=True)
    house.run(1210, lambda s: 1.0)
    ring = FileRing(tmp_path / "b", 1, 1.0, 7200, now=house.now)
    for second in range(1210, 1300):
        put(ring, step_number(NOW + second, 1.0), {info(CPU): 2.0})
    house.t = NOW + 1300
    series = only(Query(ring, house.archive, house.now).select([CPU], NOW, NOW + 1300))
    assert series.step == 60.0 and series.value[0] == 1.0 and series.value[-1] == 2.0
    assert offsets(series)[0] == 0 and offsets(series)[-1] == 1260


@pytest.mark.parametrize(
    ("start", "end", "points", "words"),
    [(NOW, NOW - 1, None, "begin before it ends"), (math.nan, NOW, None, "begin before"),
     (NOW, math.inf, None, "begin before"), (NOW, NOW + 1, 0, "points must be 1 or more; given 0")],
)
def test_a_bad_question_says_what_was_given(house, start, end, points, words):
    with pytest.raises(ValueError, match=words):
        query(house).select([CPU], start, end, points)


def test_the_archive_away_costs_only_its_part(house, monkeypatch):
    house.run(1830, lambda s: 1.0)

    def away(*_args):
        raise StoreUnavailable("PostgreSQL is away: refused.")

    monkeypatch.setattr(house.archive, "read", away)
    selection = query(house).select([CPU], NOW, NOW + 1830)
    assert selection.problems == ["PostgreSQL is away: refused."]
    assert offsets(only(selection))[0] == 1200  # what the ring still holds
    monkeypatch.setattr(house.archive, "series", away)
    monkeypatch.setattr(house.archive, "watermark", away)
    raw = query(house).select([CPU], NOW + 1700, NOW + 1830)
    assert offsets(only(raw))[0] == 1700
    assert raw.problems == ["PostgreSQL is away: refused."]


def test_the_ring_away_costs_only_its_part(tmp_path):
    house = House(tmp_path, capacity=600)
    house.run(1830, lambda s: 1.0)
    ring = BufferedRing(RedisRing(f"redis://127.0.0.1:{free_port()}/0", 1, 1.0, 600, now=house.now), now=house.now)
    selection = Query(ring, house.archive, house.now).select([CPU], NOW, NOW + 1830)
    assert offsets(only(selection)) == [60 * i for i in range(30)]
    put(ring, step_number(NOW + 1829, 1.0), {info(CPU): 3.0})
    selection = Query(ring, house.archive, house.now).select([CPU], NOW, NOW + 1830)
    assert [p.split(" since")[0] for p in selection.problems] == ["Redis has been away"]
    assert only(selection).high.max() == 3.0
    recent = Query(ring, house.archive, house.now).select([CPU], NOW + 1500, NOW + 1830)
    assert only(recent).step == 60.0  # the archive fills in for the ring


def test_a_damaged_page_costs_only_its_part(house):
    house.run(1830, lambda s: 1.0)
    with house.archive.database.write() as connection:
        connection.exec_driver_sql("UPDATE pages SET blob = x'00ff'")
    selection = query(house).select([CPU], NOW, NOW + 1830)
    assert selection.problems == ["A part of the archive is damaged and is left out."]
    assert only(selection).t.size > 0


ANSWERS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(seed: int, count: int, holes: float) -> dict[int, float]:
    """Random samples by second, with holes of random length and rare spikes."""
    chance = np.random.default_rng(seed)
    values = np.round(chance.normal(0, 1, count).cumsum() + (chance.random(count) < 0.01) * 1000, 3).astype(np.float32)
    there = np.repeat(chance.random(count // 7 + 1) >= holes, 7)[:count]
    return {i: float(v) for i, v in enumerate(values) if there[i]}


@ANSWERS
@given(st.integers(0, 10_000), st.integers(0, 590), st.integers(0, 600), st.floats(0, 0.6),
       st.none() | st.integers(1, 300))
def test_a_raw_answer_holds_only_what_was_written_and_its_extremes(house, seed, first, length, holes, points):
    samples = written(seed, 600, holes)
    for second in range(600):
        value = samples.get(second, math.nan)
        house.ring.write(step_number(NOW, 1.0) + second, np.array([house.ring.handle(info(CPU))]),
                         np.array([value], np.float32))
    house.t = NOW + 599
    inside = {i: v for i, v in samples.items() if first <= i <= first + length}
    selection = query(house).select([CPU], NOW + first, NOW + first + length, points)
    if not inside:
        assert selection.series == []
        return
    series = only(selection)
    got = dict(zip(offsets(series), series.value[~np.isnan(series.value)].tolist(), strict=True))
    assert got.items() <= inside.items()
    assert min(got.values()) == min(inside.values()) and max(got.values()) == max(inside.values())
    assert min(got) == min(inside) and max(got) == max(inside)
    if points is None:
        assert got == inside
    else:
        assert len(got) <= max(points, 3) + 2 + points // 4
    # A gap lies between two points exactly when one lies between the samples they stand for.
    keys, at = sorted(got), sorted(inside)
    holes_at = [a for a, b in itertools.pairwise(at) if b - a > 2.5]
    shown = {int(t / 1000 - NOW) for t in series.t[np.isnan(series.value)]}
    for a, b in itertools.pairwise(keys):
        assert any(a < s < b or s == a for s in shown) == any(a <= h < b for h in holes_at)


@pytest.fixture(scope="module")
def hours(tmp_path_factory):
    """Three houses of an hour each, whose rings hold only the last five minutes; and what was written."""
    made = []
    for seed, holes in ((1, 0.0), (2, 0.2), (3, 0.6)):
        house = House(tmp_path_factory.mktemp("house"), capacity=300)
        samples = written(seed, 3600, holes)
        house.run(3600, samples.get)
        made.append((house, samples))
    return lambda which: made[which]


@ANSWERS
@given(st.integers(0, 2), st.integers(0, 3200), st.integers(60, 3600), st.none() | st.integers(1, 60))
def test_an_answer_of_minutes_holds_the_windows_extremes(hours, which, first, length, points):
    house, samples = hours(which)
    begin, end = first // 60 * 60, min(first + length, 3599)
    selection = query(house).select([CPU], NOW + first, NOW + end, points)
    minutes: dict[int, list[float]] = {}
    for second, value in samples.items():
        if begin <= second:
            minutes.setdefault(second // 60 * 60, []).append(value)
    inside = {i: v for i, v in samples.items() if begin <= i <= end}
    if not selection.series or selection.step == 1.0:
        assert selection.step == 1.0 or not inside
        return
    series = only(selection)
    there = ~np.isnan(series.value)
    assert series.low[there].min() <= min(inside.values()) and series.high[there].max() >= max(inside.values())
    if points is None:
        for at, mean, low, high in zip(offsets(series), series.value[there], series.low[there], series.high[there]):
            if at + 60 <= end:
                group = minutes[at]
                assert (low, high) == (min(group), max(group))
                assert mean == pytest.approx(sum(group) / len(group), rel=1e-4, abs=1e-3)
        # A minute that begins in the window is there, with samples that lie beyond the end when it is archived.
        assert {i // 60 * 60 for i in inside} <= set(offsets(series)) <= {m for m in minutes if m <= end}
    else:
        assert there.sum() <= points + 1


def test_many_series_over_a_day_are_answered_in_one_piece(tmp_path):
    house = House(tmp_path, capacity=600)
    house.t = NOW + DAY
    t = np.arange(NOW, NOW + DAY, 60)
    infos = [info("core_ratio", core=str(i)) for i in range(8)]
    house.archive.write(MINUTES, infos, stacked([steps(t, np.full(1440, i)) for i in range(8)]), int(house.t))
    found = query(house).select(["core_ratio"], NOW, house.t, points=800)
    assert [s.value.size for s in found.series] == [720] * 8
    assert [float(s.value[0]) for s in found.series] == list(range(8))
