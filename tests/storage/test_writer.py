import math

import numpy as np
import pytest

from config.limits import HealthLimits
from metrics.metric import Metric, Sample, labels
from storage.errors import StoreUnavailable, TooManySeries
from storage.latest import Latest
from storage.ring.base import EPOCH, step_number
from storage.ring.file import FileRing
from storage.writer import NO_SUCH_TIME, Tick, Writer

LEVEL = Metric("level_ratio", "gauge", "ratio", "h")
BYTES = Metric("x_bytes_total", "counter", "bytes", "h")
AT = 1_800_000_000.0


def build(ring, cadence=lambda name: 1.0):
    latest, told = Latest(HealthLimits()), []
    return Writer(ring, latest, lambda *tick: told.append(tick), cadence), latest, told


def ring(folder):
    return FileRing(folder, 1, 1.0, 600, now=lambda: AT)


def test_a_tick_is_in_the_ring_the_newest_values_and_the_frame(tmp_path):
    store = ring(tmp_path)
    writer, latest, told = build(store)
    writer.write(Tick(AT, [Sample(LEVEL, labels(gpu="0"), 0.5), Sample(BYTES, (), 2.0**40 + 1)]))
    (handle,) = [h for h, info in store.series().items() if info.key == 'level_ratio{gpu="0"}']
    n = step_number(AT, 1.0)
    assert store.read([handle], n, n)[0, 0] == np.float32(0.5)
    # A running total keeps its float64 and is not in the ring.
    assert latest.value("x_bytes_total") == 2.0**40 + 1
    assert [i.name for i in store.series().values()] == ["level_ratio"]
    at, values, row = told[0]
    assert at == AT and values == {'level_ratio{gpu="0"}': 0.5, "x_bytes_total": 2.0**40 + 1}
    assert row == latest.row_json()


def test_a_value_that_is_no_number_is_absent(tmp_path):
    writer, latest, told = build(ring(tmp_path))
    writer.write(Tick(AT, [Sample(LEVEL, (), math.nan), Sample(LEVEL, labels(a="1"), math.inf)]))
    assert latest.infos() == [] and told[0][1] == {}


def test_the_past_fills_history_and_makes_no_news(tmp_path):
    store = ring(tmp_path)
    writer, latest, told = build(store)
    writer.write(Tick(AT, [Sample(LEVEL, (), 0.9)]))
    writer.write_past(Tick(AT - 60, [Sample(LEVEL, (), 0.1)]), AT)
    assert latest.value("level_ratio") == 0.9 and len(told) == 1
    (handle,) = store.series()
    n = step_number(AT, 1.0)
    assert store.read([handle], n - 60, n)[0, [0, -1]].tolist() == [np.float32(0.1), np.float32(0.9)]


class Full:
    step, capacity = 1.0, 10

    def __init__(self, error):
        self.error = error

    def handle(self, info):
        raise self.error


def test_a_full_ring_keeps_the_newest_values_and_says_so(tmp_path):
    writer, latest, told = build(Full(TooManySeries("The ring holds 10 series and has no room for more.")))
    writer.write(Tick(AT, [Sample(LEVEL, (), 0.5)]))
    assert latest.value("level_ratio") == 0.5 and len(told) == 1
    assert "no room" in writer.problem()


def test_a_store_that_is_away_stops_nothing(tmp_path):
    writer, latest, told = build(Full(StoreUnavailable("away")))
    writer.write(Tick(AT, [Sample(LEVEL, (), 0.5)]))
    assert latest.value("level_ratio") == 0.5 and len(told) == 1


def test_a_slow_metric_is_known_by_its_cadence(tmp_path):
    store = ring(tmp_path)
    writer, _, _ = build(store, lambda name: 10.0)
    writer.write(Tick(AT, [Sample(LEVEL, (), 0.5)]))
    assert [i.every for i in store.series().values()] == [10.0]


@pytest.mark.parametrize("wrong", [0.0, EPOCH - 1.0, 4e10])
def test_a_clock_that_no_cell_can_hold_stops_nothing_and_is_said(tmp_path, wrong):
    store = ring(tmp_path)
    writer, latest, told = build(store)
    writer.write(Tick(wrong, [Sample(LEVEL, (), 0.5)]))
    assert latest.value("level_ratio") == 0.5 and len(told) == 1
    assert writer.problem() == NO_SUCH_TIME
    writer.write(Tick(AT, [Sample(LEVEL, (), 0.9)]))
    assert writer.problem() == ""
    ((_, values),) = store.window([0], EPOCH, AT)
    assert values.tolist() == [np.float32(0.9)]


def test_another_cadence_is_asked_for_again(tmp_path):
    cadence = {"every": 1.0}
    store = ring(tmp_path)
    writer, latest, _ = build(store, lambda name: cadence["every"])
    writer.write(Tick(AT, [Sample(LEVEL, (), 0.5)]))
    cadence["every"] = 5.0
    writer.relearn()
    writer.write(Tick(AT + 5, [Sample(LEVEL, (), 0.6)]))
    assert latest.info("level_ratio").every == 5.0
    assert [info.every for info in store.series().values()] == [5.0]
    n = step_number(AT, 1.0)
    assert np.isfinite(store.read([0], n, n + 5)[0][[0, 5]]).all(), "one row, not two"
