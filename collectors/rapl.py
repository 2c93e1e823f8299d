"""Power of the processors by RAPL, as the kernel tells it under ``/sys/class/powercap``.

Source: Linux, Documentation/power/powercap/powercap.rst. ``energy_uj`` counts microjoules and wraps at
``max_energy_range_uj``. Since 2020 (CVE-2020-8694) root alone may read it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from collectors.base import NoData
from metrics.metric import Metric, Sample, labels

POWER = Metric("cpu_power_watts", "gauge", "watts", "Power of a processor package")
LONGEST = 60.0
"""Seconds over which a difference of energy is still told as power."""


class Rapl:
    """Reads the energy counter of each package, every tick."""

    name: ClassVar[str] = "rapl"
    metrics: ClassVar[tuple[Metric, ...]] = (POWER,)
    every: float = 0.0

    def __init__(self, sys: str = "/sys", clock: Callable[[], float] = time.monotonic) -> None:
        self._root, self._clock = Path(sys) / "class" / "powercap", clock
        self._last: dict[str, tuple[float, int]] = {}

    def collect(self, now: float) -> Iterator[Sample]:  # noqa: ARG002 - the contract's
        """The mean power of each package since the look before.

        Raises:
            NoData: the machine tells no energy, or not to us.
        """
        zones = sorted(self._root.glob("intel-rapl:[0-9]*"))  # AMD's go by this name too
        packages = [zone for zone in zones if zone.name.count(":") == 1]
        if not packages:
            raise NoData("The kernel tells no energy of the processor (RAPL): usual in virtual machines.")
        try:
            return iter([sample for zone in packages if (sample := self._power(zone)) is not None])
        except PermissionError:
            raise NoData("Only root may read the energy of the processor (RAPL) on this machine.") from None

    def _power(self, zone: Path) -> Sample | None:
        at, energy = self._clock(), int((zone / "energy_uj").read_text())
        before = self._last.get(zone.name)
        self._last[zone.name] = (at, energy)
        if before is None or not 0 < at - before[0] <= LONGEST:
            return None
        used = energy - before[1]
        if used < 0:
            used += int((zone / "max_energy_range_uj").read_text())
        if used < 0:
            return None
        return Sample(POWER, labels(package=zone.name.rpartition(":")[2]), used / 1e6 / (at - before[0]))
