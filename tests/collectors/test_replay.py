"""The demo's capture through the replay: the same names and metrics, continuous, and a function of time alone."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors import COLLECTORS
from collectors.base import Collector, HasSnapshot
from collectors.demo import CAPTURE, SIMULATED, build_demo_collectors
from collectors.demo.models import LARGE
from collectors.demo.requests import SimulatedRequests
from collectors.replay import BEGIN, DAY, load_capture
from collectors.vigie import OF_ITSELF
from metrics.models import DURATION, LE, OF_ENGINES, OF_PROXIES, P95, REQUESTS, bucket_of
from serving.requests import reading
from serving.requests.log import RequestLog
from serving.requests.reading import Filter
from storage.database import Database
from tests.collectors.reading import read_keys

NOON = BEGIN + 40 * DAY + 12 * 3600
PERIOD = 1800


@pytest.fixture(scope="module")
def demo() -> dict[str, Collector]:
    return {collector.name: collector for collector in build_demo_collectors()}


def test_one_stands_for_each() -> None:
    replayed = build_demo_collectors()
    assert [c.name for c in replayed] == [c.name for c in COLLECTORS]
    for one, original in zip(replayed, COLLECTORS):
        assert isinstance(one, Collector)
        assert isinstance(one, HasSnapshot)
        assert one.metrics == original.metrics
        assert getattr(one, "cadence", {}) == getattr(original, "cadence", {})
        assert one.every == {"processes": 5.0, "sensors": 5.0, "model_servers": 2.0,
                             "objectives": 15.0}.get(original.name, 0.0)


@pytest.mark.parametrize("name", [c.name for c in COLLECTORS])
def test_only_declared_metrics_with_finite_values(name: str, demo: dict[str, Collector]) -> None:
    for now in (NOON, NOON + 777.5, NOON + 9 * 3600):
        samples = list(demo[name].collect(now))
        assert {s.metric for s in samples} <= set(demo[name].metrics)
        assert all(math.isfinite(s.value) and s.value >= 0 for s in samples)
        assert all(s.value <= 1.001 for s in samples if s.metric.unit == "ratio")


def test_the_whole_product_has_something_to_show(demo: dict[str, Collector]) -> None:
    for collector in COLLECTORS:
        if collector.name == "objectives":
            continue  # the request log of the demo is read for them as any other, if at all
        yielded = {s.metric.name for s in demo[collector.name].collect(NOON + 3 * DAY)}
        missing = {metric.name for metric in collector.metrics} - yielded
        # What one engine tells another does not, and the models of the demo have proxies, but no process of Vigie's.
        of_models = {metric.name for metric in (*OF_ENGINES, *OF_PROXIES)}
        assert missing <= {"cpu_limit_cores", "cpu_power_watts", *OF_ITSELF, *of_models}, collector.name


def test_values_are_a_function_of_time_alone() -> None:
    one, other = build_demo_collectors(), build_demo_collectors()
    for collector in one:
        for now in range(int(NOON) - 60, int(NOON)):
            list(collector.collect(float(now)))
    for warm, fresh in zip(one, other):
        # Another hour, so that what is slow is due in both.
        assert read_keys(warm, NOON + 3600) == read_keys(fresh, NOON + 3600)
        assert warm.snapshot() == fresh.snapshot()  # type: ignore[attr-defined]


def test_counters_grow_over_the_seams_of_loops_and_days(demo: dict[str, Collector]) -> None:
    midnight = BEGIN + 41 * DAY
    for seam in (NOON, NOON + PERIOD, midnight):
        for name in ("cpu", "disk", "network", "pressure"):
            counters = {m.name for m in demo[name].metrics if m.kind == "counter"}
            before: dict[str, float] = {}
            for half in range(-20, 21):
                found = read_keys(demo[name], seam + half / 2)
                for key, value in found.items():
                    if key.split("{")[0] in counters:
                        assert value >= before.get(key, 0.0), f"{key} steps back at {seam + half / 2}"
                        before[key] = value


def test_gauges_are_continuous_over_the_seam(demo: dict[str, Collector]) -> None:
    keys = ["cpu_usage_ratio", 'gpu_temperature_celsius{gpu="1"}', 'gpu_power_watts{gpu="1"}', "memory_used_ratio"]
    steps: dict[str, list[float]] = {key: [] for key in keys}
    last: dict[str, float] = {}
    for now in range(int(NOON), int(NOON) + PERIOD + 5):
        found: dict[str, float] = {}
        for name in ("cpu", "nvidia", "memory"):
            found |= {key: value for key, value in read_keys(demo[name], float(now)).items() if key in keys}
        for key, value in found.items():
            steps[key].append(abs(value - last.get(key, value)))
        last = found
    for key, changes in steps.items():
        seam = max(changes[PERIOD - 3 : PERIOD + 4])
        assert seam <= max(changes[10 : PERIOD - 10]), key


def test_rates_agree_with_the_load(demo: dict[str, Collector]) -> None:
    """A counter's growth over a loop is near its captured growth, less where the hour is calm."""
    key = "network_all_transmit_bytes_total"
    busy = read_keys(demo["network"], NOON + PERIOD)[key] - read_keys(demo["network"], NOON)[key]
    night = NOON + 15 * 3600
    calm = read_keys(demo["network"], night + PERIOD)[key] - read_keys(demo["network"], night)[key]
    assert 0 < calm < 0.8 * busy


def test_parts_add_up(demo: dict[str, Collector]) -> None:
    for now in (NOON + 100.0, NOON + 5555.5):
        cpu, memory = read_keys(demo["cpu"], now), read_keys(demo["memory"], now)
        assert sum(v for k, v in cpu.items() if k.startswith("cpu_mode_ratio")) == pytest.approx(1, abs=0.005)
        cores = [v for k, v in cpu.items() if k.startswith("cpu_core_usage_ratio")]
        assert len(cores) == cpu["cpu_cores"] == 64
        assert np.mean(cores) == pytest.approx(cpu["cpu_usage_ratio"], abs=0.01)
        parts = [memory[f"memory_{part}_bytes"] for part in ("used", "cached", "buffers", "free")]
        assert sum(parts) == pytest.approx(memory["memory_total_bytes"], rel=0.002)
        assert min(parts) > 0


def test_cards_work_and_their_heat_follows(demo: dict[str, Collector]) -> None:
    rows = [read_keys(demo["nvidia"], NOON + 5.0 * n) for n in range(PERIOD // 5)]
    usage = np.array([row['gpu_usage_ratio{gpu="1"}'] for row in rows])
    heat = np.array([row['gpu_temperature_celsius{gpu="1"}'] for row in rows])
    assert usage.max() > 0.9
    assert usage.min() < 0.05
    assert 30 < heat.min() < heat.max() < 95
    assert np.abs(np.diff(heat)).max() < 5  # inertia: no jump within five seconds
    assert np.corrcoef(np.convolve(usage, np.ones(12) / 12, "same"), heat)[0, 1] > 0.6


def test_the_table_lives_and_names_fit(demo: dict[str, Collector]) -> None:
    tables: list[dict[str, Any]] = []
    for now in (NOON + 200.0, NOON + 1000.0):
        list(demo["processes"].collect(now))
        tables.append(demo["processes"].snapshot())  # type: ignore[attr-defined]
    first, second = ({row["pid"]: row for row in table["rows"]} for table in tables)
    assert set(first) != set(second)  # models are loaded and dropped
    assert any(first[pid]["cpu_ratio"] != second[pid]["cpu_ratio"] for pid in set(first) & set(second))
    fields = set(next(iter(first.values())))
    assert all(set(row) == fields and row["uptime_seconds"] >= 0 for row in (*first.values(), *second.values()))
    assert tables[0]["at"] == NOON + 200.0
    list(demo["nvidia"].collect(NOON + 1000.0))
    on_cards = {p["pid"] for gpu in demo["nvidia"].snapshot()["gpus"] for p in gpu["processes"]}  # type: ignore[attr-defined]
    assert on_cards <= set(second)
    json.dumps(tables, allow_nan=False)


def test_models_series_are_what_their_requests_add_up_to(demo: dict[str, Collector], tmp_path: Path) -> None:
    source = SimulatedRequests(now=lambda: NOON + PERIOD)
    database = Database("archive", tmp_path)
    log = RequestLog(database, source.fetch, lambda: 7, dict, now=lambda: NOON + PERIOD)
    log.pull()
    found = list(reading.everything(database, Filter(start=NOON, end=NOON + PERIOD)))
    database.close()
    assert 300 < len(found) < 1500 and {one.error for one in found} >= {"", "upstream"}
    assert len({one.model for one in found}) == 4 and all(one.request for one in found)
    before, after = read_keys(demo["serving"], NOON), read_keys(demo["serving"], NOON + PERIOD)
    counted = {key: after[key] - before[key] for key in after if key.startswith(REQUESTS.name + "{")}
    for model in {one.model for one in found}:
        key = next(key for key in counted if f'model="{model}"' in key)
        assert counted[key] == pytest.approx(sum(one.model == model for one in found), abs=1)
    large = [one for one in found if one.model == LARGE and not one.error]
    seen: dict[str, float] = {}
    absent = 0
    for second in range(PERIOD):
        samples = [one for one in demo["serving"].collect(NOON + second) if dict(one.labels).get("model") == LARGE]
        for one in samples:
            if one.metric is DURATION:
                le = dict(one.labels)["le"]
                seen[le] = seen.get(le, 0) + one.value
        absent += not any(one.metric is P95 for one in samples)
    assert sum(seen.values()) == len(large) and 0 < absent < PERIOD / 2, "without traffic there is no latency"
    fast = LE[bucket_of(sorted(one.duration or 0 for one in large)[len(large) // 2])]
    assert seen[fast] > 0


def test_the_simulated_requests_go_on_where_the_log_left_off() -> None:
    now = [NOON]
    source = SimulatedRequests(now=lambda: now[0])
    first = source.fetch(0)["requests"]
    assert NOON - 3700 < first[0]["at"] < first[-1]["at"] + first[-1]["duration"] <= NOON
    now[0] += 2 * PERIOD
    assert source.fetch(first[-1]["seq"])["requests"][0]["seq"] == first[-1]["seq"] + 1
    assert SimulatedRequests(now=lambda: now[0]).fetch(0) == source.fetch(0)


def test_the_screen_says_that_it_is_simulated() -> None:
    assert "simulated" in SIMULATED.lower()
    about = json.loads(gzip.decompress(CAPTURE.read_bytes()))["about"]
    assert "simulated" in about.lower()


def test_the_capture_is_small() -> None:
    assert CAPTURE.stat().st_size < 400_000


def test_the_script_still_makes_what_is_shipped() -> None:
    from collectors.demo.make import make

    shipped, made = json.loads(gzip.decompress(CAPTURE.read_bytes())), make()
    assert made["period"] == shipped["period"] == PERIOD
    for name, part in shipped["collectors"].items():
        assert [(s["name"], s.get("labels")) for s in part.get("series", [])] == [
            (s["name"], s.get("labels")) for s in made["collectors"][name].get("series", [])
        ]
        assert part.get("snapshot") == json.loads(json.dumps(made["collectors"][name].get("snapshot"))), name


def _capture(tmp_path: Path, **change: Any) -> Path:
    path = tmp_path / "capture.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"period": 600, "collectors": {}} | change).encode()))
    return path


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="period"):
        load_capture(_capture(tmp_path, period=7), COLLECTORS)
    strange = _capture(tmp_path, collectors={"cpu": {"series": [{"name": "cpu_magic", "scale": 1, "delta": [1]}]}})
    with pytest.raises(ValueError, match="cpu has no cpu_magic"):
        load_capture(strange, COLLECTORS)
