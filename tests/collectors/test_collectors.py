"""What holds for every collector, on this machine and on one that has nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from collectors import COLLECTORS, build_collectors
from collectors.base import Collector, HasSnapshot, NoData
from collectors.cpu import Cpu
from collectors.disk import Disk
from collectors.memory import Memory
from collectors.network import Network
from collectors.pace import Pace
from collectors.pressure import Pressure
from collectors.processes import Processes
from metrics.metric import series_key
from tests.collectors.reading import NOW, read_keys

NAMES = [collector.name for collector in COLLECTORS]


@pytest.fixture
def here() -> dict[str, Collector]:
    """The collectors of this machine, by name."""
    built = build_collectors(watched=lambda: False, self_stats=lambda: {"vigie_viewers": 2.0})
    return {collector.name: collector for collector in built}


def test_one_is_built_of_each(here: dict[str, Collector]) -> None:
    assert list(here) == NAMES
    assert len(NAMES) == 13
    assert [type(collector) for collector in here.values()] == list(COLLECTORS)


@pytest.mark.parametrize("name", NAMES)
def test_here_only_declared_metrics_with_finite_values(name: str, here: dict[str, Collector]) -> None:
    collector = here[name]
    assert isinstance(collector, Collector)
    assert isinstance(collector.every, float)
    for now in (NOW, NOW + 1, NOW + 10):
        try:
            samples = list(collector.collect(now))
        except NoData:  # its sentence is tested below
            continue
        assert {s.metric for s in samples} <= set(collector.metrics)
        assert all(math.isfinite(s.value) for s in samples)
        assert all(s.labels == tuple(sorted(s.labels)) for s in samples)
        keys = [series_key(s.metric.name, s.labels) for s in samples]
        assert len(keys) == len(set(keys))
        assert all(0 <= s.value <= 1.0000001 for s in samples if s.metric.name.endswith("_usage_ratio"))
    if isinstance(collector, HasSnapshot):
        json.dumps(collector.snapshot(), allow_nan=False)


@pytest.mark.parametrize("name", ["cpu", "memory", "disk", "network", "processes", "vigie"])
def test_here_there_is_something(name: str, here: dict[str, Collector]) -> None:
    found = read_keys(here[name])
    assert found or name == "processes"


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda c: c.name)
def test_metrics_are_declared_once_and_cadences_are_of_them(collector: type[Collector]) -> None:
    names = [metric.name for metric in collector.metrics]
    assert len(names) == len(set(names))
    assert set(getattr(collector, "cadence", {})) <= set(names)


@pytest.mark.parametrize("collector", ["cpu", "memory", "disk", "network", "pressure", "processes"])
def test_a_machine_that_has_nothing_is_no_data(collector: str, tmp_path: Path) -> None:
    proc, sys = str(tmp_path / "proc"), str(tmp_path / "sys")
    made: dict[str, Collector] = {
        "cpu": Cpu(proc, sys), "memory": Memory(proc, sys), "disk": Disk(proc), "network": Network(proc, sys),
        "pressure": Pressure(proc, sys), "processes": Processes(proc, sys),
    }
    with pytest.raises(NoData) as reason:
        list(made[collector].collect(NOW))
    assert len(str(reason.value)) > 20


def test_pace_counts_from_the_last_time_and_survives_a_clock_set_back() -> None:
    pace = Pace(5.0)
    assert [pace.due(t) for t in (0.0, 1.0, 4.9, 5.0, 9.9, 10.0)] == [True, False, False, True, False, True]
    assert pace.due(3.0)
    assert not pace.due(4.0)
