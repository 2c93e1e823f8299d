"""One file per source. `COLLECTORS` is the list of them; `build_collectors` makes them for a machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collectors.base import Collector
from collectors.cpu import Cpu
from collectors.disk import Disk
from collectors.memory import Memory
from collectors.network import Network
from collectors.nvidia import Nvidia
from collectors.pressure import Pressure
from collectors.processes import Processes
from collectors.sensors import Sensors
from collectors.vigie import Stats, VigieSelf

COLLECTORS: tuple[type[Collector], ...] = (
    Cpu, Memory, Disk, Network, Sensors, Nvidia, Pressure, Processes, VigieSelf,
)
"""In the order the screen tells their states."""


def build_collectors(
    *,
    proc: str = "/proc",
    sys: str = "/sys",
    volumes_exclude: Sequence[str] = (),
    watched: Callable[[], bool],
    self_stats: Callable[[], Stats],
) -> list[Collector]:
    """One of each of `COLLECTORS` for the machine seen at ``proc`` and ``sys``.

    ``watched`` tells whether somebody looks at the processes; ``self_stats`` gives the values of
    `collectors.vigie.TOLD`.
    """
    return [
        Cpu(proc, sys),
        Memory(proc, sys),
        Disk(proc, volumes_exclude),
        Network(proc, sys),
        Sensors(),
        Nvidia(proc),
        Pressure(proc, sys),
        Processes(proc, sys, watched),
        VigieSelf(self_stats),
    ]
