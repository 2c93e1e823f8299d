import json

from config.limits import HealthLimits
from metrics.metric import labels
from metrics.series import SeriesInfo
from storage.latest import Latest


def entry(name, value, every=1.0, **pairs):
    info = SeriesInfo(name, labels(pairs), "ratio", "gauge", "h", every)
    return info, info.key, value


def test_the_newest_value_wins_and_is_in_the_flat_row():
    latest = Latest(HealthLimits())
    latest.update(100, [entry("cpu_usage_ratio", 0.5)], {})
    row = latest.update(101, [entry("cpu_usage_ratio", 0.97)], {"cpu": {"hostname": "b"}})
    assert latest.value("cpu_usage_ratio") == 0.97
    assert json.loads(row)["cpu_percent"] == 97 and row == latest.row_json()
    assert latest.health == "CRITICAL" and latest.row()["health"] == "CRITICAL"
    assert latest.snapshot("cpu") == {"hostname": "b"} and latest.snapshot("none") == {}


def test_a_value_that_stopped_coming_is_absent_and_not_the_last_one():
    latest = Latest(HealthLimits())
    latest.update(100, [entry("cpu_usage_ratio", 0.99), entry("slow_ratio", 0.1, every=10.0)], {})
    latest.update(104, [], {})
    assert latest.value("cpu_usage_ratio") is None
    assert latest.value("slow_ratio") == 0.1
    assert latest.health == "OK"
    assert [i.name for i, _ in latest.present()] == ["slow_ratio"]
    assert {i.name for i in latest.infos()} == {"cpu_usage_ratio", "slow_ratio"}


def test_a_clock_set_back_does_not_freeze_the_values():
    latest = Latest(HealthLimits())
    latest.update(10_000, [entry("gone_ratio", 0.5)], {})
    latest.update(100, [entry("cpu_usage_ratio", 0.5)], {})
    assert latest.value("gone_ratio") is None
    assert latest.value("cpu_usage_ratio") == 0.5


def test_the_second_gpu_is_in_the_row_when_the_first_is_lost():
    latest = Latest(HealthLimits())
    latest.update(100, [entry("gpu_usage_ratio", 0.5, gpu="1"), entry("gpu_memory_used_bytes", 2.0**30, gpu="1")], {})
    assert latest.row()["gpu_util"] == 50 and latest.row()["gpu_memory_mb"] == 1024


def test_a_series_that_is_long_gone_is_forgotten():
    latest = Latest(HealthLimits())
    latest.update(100_000, [entry("veth_ratio", 0.5)], {})
    latest.update(100_010, [entry("cpu_usage_ratio", 0.5)], {})
    assert {i.name for i in latest.infos()} == {"veth_ratio", "cpu_usage_ratio"}
    latest.update(108_000, [entry("cpu_usage_ratio", 0.5)], {})
    assert [i.name for i in latest.infos()] == ["cpu_usage_ratio"]
