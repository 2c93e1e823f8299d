"""What backtests look at: minutes and samples as one, and functions over windows as the engine reads them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from alerts.past import Pasts, condition
from alerts.rule import Rule
from alerts.windows import Windows, reduced
from analysis import rolling
from analysis.backtest import spans
from config.dashboard import AlertThresholds
from metrics.series import Series, SeriesInfo
from storage.archive.archive import Archive
from storage.archive.pages import MINUTES
from storage.archive.rollup import roll
from storage.database import Database
from storage.query import Query
from storage.ring.base import step_number
from storage.ring.file import FileRing
from tests.alerts.box import T0, rule

INFO = SeriesInfo("load_ratio", (), "ratio", "gauge", "A made-up load")
RATE = SeriesInfo("errors_per_second", (), "per_second", "gauge", "Made-up errors, per second")
COUNTER = SeriesInfo("errors_total", (), "", "counter", "Made-up errors")
HOURS = 3


@pytest.fixture
def query(tmp_path: Path) -> Iterator[Query]:
    """Three hours: the last in the ring, all in minutes. A square wave: 10 minutes at 0.9, 20 at 0.3."""
    ring = FileRing(tmp_path, 1, 1.0, 3600, now=lambda: T0)
    archive = Archive(Database("archive", tmp_path))
    t = np.arange(T0 - HOURS * 3600, T0)
    load = np.where((t // 600) % 3 == 0, 0.9, 0.3).astype(np.float32)
    rate = np.where(t % 900 == 5, 1.0, 0.0).astype(np.float32)
    stamps = (t * 1000).astype(np.int64)
    archive.write(MINUTES, [INFO, RATE], roll([(stamps, load), (stamps, rate)], 60), int(T0))
    handles = np.array([ring.handle(INFO), ring.handle(RATE)])
    for at, *values in zip(t[-3600:], load[-3600:], rate[-3600:], strict=True):
        ring.write(step_number(at, 1.0), handles, np.array(values, np.float32))
    yield Query(ring, archive, lambda: T0)
    ring.close()
    archive.database.close()


def pasts(query: Query) -> Pasts:
    return Pasts(query, lambda: [INFO, COUNTER], lambda: T0)


def found(query: Query, one: Rule) -> list[tuple[float, float | None]]:
    past = pasts(query).of(one, T0 - HOURS * 3600, T0)
    held = condition(one, AlertThresholds())
    return [span for samples in past.samples for span in spans(held, samples)]


def test_minutes_and_samples_are_one_past(query: Query) -> None:
    spans_of = found(query, rule(threshold=0.5, for_seconds=30))
    starts = [start for start, _ in spans_of]
    assert len(starts) == 6
    assert all(second - first == pytest.approx(1800, abs=60) for first, second in pairwise(starts))
    assert all(stop is None or stop - start == pytest.approx(570, abs=60) for start, stop in spans_of)


def test_the_same_is_read_once_while_somebody_drags(query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = pasts(query)
    first = kept.of(rule(threshold=0.5), T0 - 3600, T0)
    monkeypatch.setattr(query, "read", None)
    assert kept.of(rule(threshold=0.7, for_seconds=9), T0 - 3600, T0) is first
    kept._now = lambda: T0 + 100  # type: ignore[method-assign]
    kept.tidy()
    assert not kept._kept


@pytest.mark.parametrize(("function", "window", "limit"), [
    ("mean", 300, 0.8), ("min", 300, 0.8), ("max", 120, 0.8), ("increase", 60, 0.5), ("mean", 1200, 0.55),
])
def test_functions_over_windows_are_those_that_the_engine_reads(
    query: Query, function: str, window: float, limit: float,
) -> None:
    one = rule(function=function, window_seconds=window, threshold=limit)
    past = pasts(query).of(one, T0 - 1800, T0)
    samples, windows = past.samples[0], Windows(query)
    for back in (60, 300, 700, 1100, 1500):
        windows.read(one, [INFO], T0 - back)
        place = int(np.searchsorted(samples.t, T0 - back))
        told = windows.of("busy")["load_ratio"]
        assert samples.value[place] == pytest.approx(told, abs=0.06), back


def test_a_counter_is_counted_by_its_rate(query: Query) -> None:
    one = rule(id="e", name="e", selectors=("errors_total",), function="increase", window_seconds=300, threshold=0.5)
    spans_of = found(query, one)
    assert len(spans_of) == 12  # every quarter of an hour, for five minutes
    assert all(stop - start == pytest.approx(300, abs=61) for start, stop in spans_of[1:-1] if stop is not None)


def test_what_a_counter_of_things_counted_is_a_whole_number() -> None:
    t = np.arange(20, dtype=np.int64) * 1000
    value = np.float32([0.0] * 10 + [3.03, 0.0, 2.9748] + [0.0] * 7)
    for unit, expected in (("per_second", 6.0), ("bytes_per_second", 6.0048)):
        info = SeriesInfo("errors_per_second", (), unit, "gauge", "", 1.0)
        found = reduced("increase", Series(info, t, value, 1.0), 20, counter=True)
        assert found == pytest.approx(expected, abs=1e-6), unit


def test_a_counter_that_is_read_less_often_is_counted_over_its_own_steps() -> None:
    info = SeriesInfo("errors_per_second", (), "per_second", "gauge", "", 1.0)
    found = reduced("increase", Series(info, np.int64([1000, 3000, 5000]), np.float32([2, 3, 0]), 1.0), 5, counter=True)
    assert found == 8


def test_rolling_functions_do_what_a_loop_does() -> None:
    values = np.random.default_rng(1).normal(size=200)
    values[::7] = np.nan
    for count in (1, 2, 3, 7, 50, 300):
        windows = [values[max(0, i + 1 - count):i + 1] for i in range(len(values))]
        some = [w[np.isfinite(w)] for w in windows]
        for function, loop in ((rolling.mean, np.mean), (rolling.highest, np.max), (rolling.lowest, np.min),
                               (rolling.total, np.sum)):
            expected = [loop(w) if w.size else np.nan for w in some]
            np.testing.assert_allclose(function(values, count), expected, atol=1e-12)
    np.testing.assert_array_equal(rolling.growth(np.array([1.0, 2, 4]), 2), [np.nan, np.nan, 3])
    np.testing.assert_array_equal(rolling.held(np.array([1.0, np.nan, np.nan, 2]), 1), [1, 1, np.nan, 2])
