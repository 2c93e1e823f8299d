"""The table of charts."""

from __future__ import annotations

import pytest

from collectors import COLLECTORS
from components.chartspecs import CHARTS, GROUPS, PER_GPU, TABS, find
from metrics.metric import rate_of
from storage.selector import parse_selector as parse


def known_names() -> dict[str, str]:
    """Every gauge that reaches the ring, and the collector it comes from."""
    names = {}
    for collector in COLLECTORS:
        for metric in collector.metrics:
            names[(rate_of(metric) if metric.kind == "counter" else metric).name] = collector.name
    return names


@pytest.mark.parametrize("spec", CHARTS.values(), ids=lambda spec: spec.id)
def test_a_chart_asks_its_own_source_for_metrics_that_exist(spec):
    known = known_names()
    for line in spec.lines:
        assert known[line.name] == spec.source
        parse(line.matcher)
    assert spec.group in GROUPS
    assert spec.tab in TABS


def test_a_chart_of_one_gpu_asks_for_that_gpu():
    spec = find("gpu-power:1")
    assert spec is not None
    assert spec.matchers == ['gpu_power_watts{gpu="1"}', 'gpu_power_limit_watts{gpu="1"}']
    assert spec.id == "gpu-power:1"


@pytest.mark.parametrize("chart", [
    "", "nothing", "cpu:0", "gpu-power", "gpu-power:", 'gpu-power:"} or', "gpu-power:" + "1" * 65,
])
def test_what_is_no_chart_is_not_found(chart: str):
    assert find(chart) is None


def test_every_gpu_chart_can_be_found():
    assert all(find(f"{base}:0") for base in PER_GPU)
