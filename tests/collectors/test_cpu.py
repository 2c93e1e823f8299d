"""CPU: differences between readings, cores that come and go."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.cpu import Cpu
from tests.collectors.reading import read_keys


def test_a_core_that_appears_is_told_from_its_second_reading(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    cpu = Cpu(str(tmp_path), str(tmp_path))
    stat.write_text("cpu  10 0 0 90 0 0 0 0\ncpu0 10 0 0 90 0 0 0 0\n")
    assert 'cpu_core_usage_ratio{core="0"}' not in read_keys(cpu)
    stat.write_text("cpu  20 0 0 180 0 0 0 0\ncpu0 20 0 0 180 0 0 0 0\ncpu1 5 0 0 5 0 0 0 0\n")
    found = read_keys(cpu)
    assert found['cpu_core_usage_ratio{core="0"}'] == pytest.approx(0.1)
    assert 'cpu_core_usage_ratio{core="1"}' not in found
    stat.write_text("cpu  30 0 0 270 0 0 0 0\ncpu1 10 0 0 10 0 0 0 0\n")
    found = read_keys(cpu)
    assert found['cpu_core_usage_ratio{core="1"}'] == pytest.approx(0.5)
    assert 'cpu_core_usage_ratio{core="0"}' not in found  # taken offline: absent, not its last value


def test_idle_time_that_steps_back_is_not_negative(tmp_path: Path) -> None:
    cpu = Cpu(str(tmp_path), str(tmp_path))
    (tmp_path / "stat").write_text("cpu  10 0 0 90 50 0 0 0\n")
    read_keys(cpu)
    (tmp_path / "stat").write_text("cpu  20 0 0 100 40 0 0 0\n")
    found = read_keys(cpu)
    assert found["cpu_usage_ratio"] == pytest.approx(0.5)
    assert found['cpu_mode_ratio{mode="iowait"}'] == 0


def test_two_readings_at_once_give_no_ratio(tmp_path: Path) -> None:
    cpu = Cpu(str(tmp_path), str(tmp_path))
    (tmp_path / "stat").write_text("cpu  10 0 0 90 50 0 0 0\n")
    read_keys(cpu)
    assert "cpu_usage_ratio" not in read_keys(cpu)
