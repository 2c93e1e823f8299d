"""Sensors: temperatures and fans, as the kernel's hwmon drivers tell them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import psutil

from collectors.base import NoData
from collectors.procfs import clean
from metrics.metric import Metric, Sample, labels

TEMPERATURE = Metric("sensor_temperature_celsius", "gauge", "celsius", "Temperature")
FAN = Metric("sensor_fan_rpm", "gauge", "rpm", "Fan speed")

COLDEST, HOTTEST = -50.0, 150.0
"""Celsius beyond which a reading is a missing probe (boards answer -128, -61, 255), not a temperature."""
Reader = Callable[[], Mapping[str, Sequence[Any]]]


class Sensors:
    """Reads every probe every 5 s: some answer over a slow bus.

    Two probes of one name (two disks of one driver) are told apart by a number in the order of the kernel.
    """

    name: ClassVar[str] = "sensors"
    metrics: ClassVar[tuple[Metric, ...]] = (TEMPERATURE, FAN)
    every: float = 5.0

    def __init__(
        self,
        read_temperatures: Reader = psutil.sensors_temperatures,
        read_fans: Reader = psutil.sensors_fans,
    ) -> None:
        self._read_temperatures, self._read_fans = read_temperatures, read_fans

    def collect(self, now: float) -> Iterator[Sample]:  # noqa: ARG002 - the contract's
        """Reads once.

        Raises:
            NoData: no probe answers.
        """
        seen = False
        for chip, sensor, probe in _named(_ask(self._read_temperatures)):
            if probe.current is not None and math.isfinite(probe.current) and COLDEST < probe.current < HOTTEST:
                seen = True
                yield Sample(TEMPERATURE, labels(chip=chip, sensor=sensor), float(probe.current))
        for chip, sensor, probe in _named(_ask(self._read_fans)):
            if probe.current is not None and math.isfinite(probe.current) and probe.current >= 0:
                seen = True
                yield Sample(FAN, labels(chip=chip, sensor=sensor), float(probe.current))
        if not seen:
            raise NoData(
                "No temperature or fan sensor answers: a virtual machine has none; elsewhere its driver may be missing."
            )


def _ask(reader: Reader) -> Mapping[str, Sequence[Any]]:
    """A reader's answer; psutil lets a ValueError through when a driver answers something else than a number."""
    try:
        return reader()
    except (OSError, ValueError):
        return {}


def _named(chips: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, str, Any]]:
    """(chip, sensor, probe) with sensor names that are not repeated within a chip; a nameless probe is its number."""
    for chip, probes in chips.items():
        taken: set[str] = set()
        for number, probe in enumerate(probes, 1):
            name = base = clean(probe.label) or str(number)
            again = 2
            while name in taken:
                name, again = f"{base} {again}", again + 1
            taken.add(name)
            yield clean(chip), name, probe
