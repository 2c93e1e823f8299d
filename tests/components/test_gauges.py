"""Gauges and sparklines: what they draw, and what they say to those who do not see it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from components import gauges
from components.markup import to_html
from live.summary import Reading

pytestmark = pytest.mark.usefixtures("english")


def reading(value: float | None, **more: Any) -> Reading:
    return Reading("cpu_usage_ratio", (), "ratio", value, limits=(85.0, 95.0, 100.0), **more)


def arc(svg: str) -> float:
    return float(re.search(r'class="gauge-arc"[^>]*stroke-dasharray="([\d.]+) ', svg)[1])


@pytest.mark.parametrize(("value", "length"), [(0.0, 0), (0.5, 50), (1.0, 100), (1.7, 100), (-0.2, 0), (None, 0)])
def test_the_arc_is_as_long_as_the_value(value: float | None, length: float):
    assert arc(to_html(gauges.gauge("CPU", reading(value)))) == length


def test_a_gauge_says_its_value_and_state():
    assert 'aria-label="CPU: 91 %, High"' in to_html(gauges.gauge("CPU", reading(0.91), words="High"))
    assert 'aria-label="CPU: –"' in to_html(gauges.gauge("CPU", reading(None)))


def test_limits_are_marked_where_they_lie():
    marks = re.findall(
        r'class="gauge-mark (\S+)"[^>]*stroke-dashoffset="(\S+)"', to_html(gauges.gauge("CPU", reading(0.1)))
    )
    assert marks == [("is-warning", "-85.00"), ("is-critical", "-95.00")]


def test_a_line_breaks_where_there_is_no_value():
    points = [[300, 0.0], [200, 1.0], [150, None], [100, 0.5], [0, 0.5]]
    drawn = gauges.spark_path(points, 300, 0.0, 1.0)
    assert drawn == "M0.0 38.0L100.0 2.0M200.0 20.0L300.0 20.0"


def test_a_quiet_line_stays_low_and_a_loud_one_fits():
    assert gauges.spark_scale([[[1, 0.01]]], 0.25) == 0.25
    assert gauges.spark_scale([[[1, 2.0], [0, None]], [[1, 4.0]]], 0.25) == pytest.approx(4.4)
    assert gauges.spark_scale([[]], 0.25) == 0.25


def test_a_sparkline_carries_its_points_for_the_pages_script():
    svg = to_html(
        gauges.sparkline([(reading(0.5), [[2, 0.25], [1, None], [0, 0.5]])], seconds=300, floor=0.25)
    )
    assert 'data-points="2:0.25;1:;0:0.5"' in svg
    assert 'aria-hidden="true"' in svg
