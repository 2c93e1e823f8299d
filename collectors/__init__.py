"""One file per source. `COLLECTORS` is the list of them; `build_collectors` makes them for a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from collectors.base import Collector
from collectors.cpu import Cpu
from collectors.disk import Disk
from collectors.engines.discovery import Own
from collectors.memory import Memory
from collectors.model_servers import ModelServers, Target
from collectors.network import Network
from collectors.nvidia import Nvidia
from collectors.objectives import Objectives
from collectors.pressure import Pressure
from collectors.processes import Processes
from collectors.rapl import Rapl
from collectors.sensors import Sensors
from collectors.serving import Serving
from collectors.vigie import Stats, VigieSelf

COLLECTORS: tuple[type[Collector], ...] = (
    Cpu, Memory, Disk, Network, Sensors, Rapl, Nvidia, Pressure, Processes, ModelServers, Serving, Objectives,
    VigieSelf,
)
"""In the order the screen tells their states."""


def build_collectors(
    *,
    proc: str = "/proc",
    sys: str = "/sys",
    volumes_exclude: Sequence[str] = (),
    watched: Callable[[], bool],
    self_stats: Callable[[], Stats],
    model_servers: Callable[[], Mapping[str, Target]] = dict,
    find_model_servers: Callable[[], bool] = lambda: False,
    own: Callable[[], Own] = Own,
    serving: Serving | None = None,
    objectives: Objectives | None = None,
) -> list[Collector]:
    """One of each of `COLLECTORS` for the machine seen at ``proc`` and ``sys``.

    ``watched`` tells whether somebody looks at the processes; ``self_stats`` gives the values of
    `collectors.vigie.TOLD`. ``model_servers`` gives the configured ones, ``find_model_servers`` says whether others are
    searched for on this machine, and ``own`` what of Vigie listens here; ``serving`` reads the serving process,
    ``objectives`` the request log.
    """
    nvidia = Nvidia(proc)
    return [
        Cpu(proc, sys),
        Memory(proc, sys),
        Disk(proc, volumes_exclude),
        Network(proc, sys),
        Sensors(),
        Rapl(sys),
        nvidia,
        Pressure(proc, sys),
        Processes(proc, sys, watched),
        ModelServers(model_servers, find_model_servers, own, lambda: nvidia.snapshot().get("gpus", [])),
        serving or Serving(),
        objectives or Objectives(),
        VigieSelf(self_stats),
    ]
