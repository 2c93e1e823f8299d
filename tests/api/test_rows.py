"""Series into rows."""

from __future__ import annotations

import numpy as np
import pytest

from api.rows import FLAT_METRICS, at_times, binned, flat_columns, flat_rows, health_at, row_times, totals_before
from config.limits import HealthLimits
from metrics.flat import KEYS, flat_row
from metrics.health import ORDER
from metrics.metric import series_key
from metrics.series import Series, SeriesInfo

LIMITS = HealthLimits()
NAN = float("nan")


def series(name: str, t: list[float], values: list[float], every: float = 1.0, **labels: str) -> Series:
    """A series; ``t`` in seconds."""
    info = SeriesInfo(name, tuple(sorted(labels.items())), "", "gauge", "help", every)
    return Series(info, np.array([int(1000 * s) for s in t], np.int64), np.array(values, np.float32), 1.0)


def test_row_times_are_all_times_with_a_value() -> None:
    assert row_times([]).tolist() == []
    a, b = series("a", [1, 2, 3], [1, NAN, 3]), series("b", [2, 3, 4], [1, 1, 1])
    assert row_times([a, b]).tolist() == [1000, 2000, 3000, 4000]
    assert row_times([b, b]).tolist() == [2000, 3000, 4000]


def test_values_hold_until_they_are_stale_and_no_longer() -> None:
    t = np.arange(0, 40000, 1000)
    slow = at_times(series("a", [10], [5], every=10), t)
    assert np.flatnonzero(np.isfinite(slow)).tolist() == list(range(10, 36))
    quick = at_times(series("a", [10], [5], every=1), t)
    assert np.flatnonzero(np.isfinite(quick)).tolist() == [10, 11, 12, 13]


def test_totals_stop_at_a_gap() -> None:
    rate = series("r", [0, 1, 2, 10, 11, 12], [7, 7, 7, 2, 2, 2])
    t = rate.t
    totals = totals_before(rate, t, 100)
    assert totals[3:].tolist() == [96, 98, 100]
    assert np.isnan(totals[:3]).all()
    assert np.isnan(totals_before(rate, t, None)).all()
    assert np.isnan(totals_before(None, t, 1.0)).all()


def test_a_reboot_leaves_no_negative_total() -> None:
    rate = series("r", [0, 1, 2], [50, 50, 50])
    totals = totals_before(rate, rate.t, 60)
    assert np.isnan(totals[0])
    assert totals[1:].tolist() == [10, 60]


def test_health_is_judged_as_for_the_newest_values() -> None:
    cpu = series("cpu_usage_ratio", [0, 1, 2, 3], [0.5, 0.85, 0.95, NAN])
    disk = series("disk_volume_used_ratio", [0], [0.9], every=60, mount="/data")
    other = series("cpu_load1", [0, 1, 2, 3], [99, 99, 99, 99])
    t = cpu.t
    assert [ORDER[i] for i in health_at([cpu, other], t, LIMITS)] == ["OK", "WARNING", "CRITICAL", "CRITICAL"]
    assert [ORDER[i] for i in health_at([cpu, disk], t, LIMITS)] == ["WARNING", "WARNING", "CRITICAL", "CRITICAL"]


def test_binned_divides_by_what_was_there() -> None:
    t = np.array([58000, 59000, 60000, 61000, 62000, 180000])
    columns = {
        "a": np.array([1.0, 3.0, NAN, 5.0, 7.0, NAN]), "network_sent_mb": np.array([1.0, 2, 3, 4, 5, 6]),
        "health": np.array([0.0, 2, 0, 1, 0, 0]),
    }
    out, times = binned(columns, t, 60)
    assert times.tolist() == [0, 60000, 180000]
    assert out["a"][:2].tolist() == [2, 6]
    assert np.isnan(out["a"][2])
    assert out["network_sent_mb"].tolist() == [2, 5, 6]
    assert out["health"].tolist() == [2, 1, 0]
    assert binned({}, np.empty(0, np.int64), 60)[1].size == 0


@pytest.mark.parametrize("gpus", [0, 1, 2])
def test_a_past_row_is_what_the_newest_row_was(gpus: int) -> None:
    """One mapping, two paths: the row of a tick from its series equals the row made at that tick."""
    values = {
        "cpu_usage_ratio": 0.25, "memory_used_ratio": 0.5, "memory_used_bytes": 2.0**33, "memory_total_bytes": 2.0**34,
        'disk_volume_used_ratio{mount="/"}': 0.75, 'disk_volume_used_bytes{mount="/"}': 2.0**36,
        **{f'gpu_usage_ratio{{gpu="{i}"}}': 0.5 * i for i in range(gpus)},
        **{f'gpu_memory_used_bytes{{gpu="{i}"}}': 2.0**30 for i in range(gpus)},
    }
    at = 1_795_192_920.0
    made = []
    for key, value in values.items():
        name, _, rest = key.partition("{")
        labels = dict([rest.rstrip("}").replace('"', "").split("=")]) if rest else {}
        made.append(series(name, [at], [value], **labels))
        assert series_key(name, labels.items()) == key
        assert name in FLAT_METRICS
    t = np.array([int(at * 1000)])
    row, = flat_rows(flat_columns(made, t, LIMITS, {}), t, 1)
    assert row == flat_row(values.get, gpus, at, "OK")
    assert tuple(row) == KEYS
