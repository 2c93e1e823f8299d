"""Sensors: none, and drivers that answer nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.base import NoData
from collectors.sensors import Sensors
from tests.collectors.reading import NOW


def test_no_sensor_is_no_data() -> None:
    with pytest.raises(NoData, match="sensor"):
        list(Sensors(dict, dict).collect(NOW))


def test_a_sensor_driver_that_answers_nonsense_is_no_data() -> None:
    def broken() -> Any:
        raise ValueError("invalid literal for int()")

    with pytest.raises(NoData):
        list(Sensors(broken, broken).collect(NOW))
