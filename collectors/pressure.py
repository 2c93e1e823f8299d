"""Pressure (Linux PSI): time that work stood still for want of CPU, memory or disk."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import ClassVar

from collectors.base import NoData
from collectors.cgroup import Cgroup
from collectors.procfs import parse_pressure, read
from metrics.metric import Metric, Sample, labels

SOME = Metric("pressure_some_seconds_total", "counter", "seconds", "Time in which some tasks stalled on the resource")
FULL = Metric("pressure_full_seconds_total", "counter", "seconds", "Time in which all tasks stalled on the resource")
RESOURCES = ("cpu", "memory", "io")
_KINDS = {"some": SOME, "full": FULL}
_REFUSED = (errno.ENOENT, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM, errno.EINVAL)


class Pressure:
    """Reads /proc/pressure/*, or in a limited container its group's own pressure files."""

    name: ClassVar[str] = "pressure"
    metrics: ClassVar[tuple[Metric, ...]] = (SOME, FULL)
    every: float = 0.0

    def __init__(self, proc: str = "/proc", sys: str = "/sys") -> None:
        self._proc = proc
        self._cgroup = Cgroup(f"{sys}/fs/cgroup", proc)

    def collect(self, now: float) -> Iterator[Sample]:
        """Reads each resource's ``total=``.

        Raises:
            NoData: the kernel has no PSI, or keeps it off.
        """
        limits = self._cgroup.limits(now)
        limited = limits.memory_bytes is not None or limits.cpu_cores is not None
        seen = False
        for resource in RESOURCES:
            path = f"{self._proc}/pressure/{resource}"
            if limited and self._cgroup.folder:
                path = f"{self._cgroup.folder}/{resource}.pressure"
            try:
                found = parse_pressure(read(path, 4096))
            except OSError as error:
                if error.errno in _REFUSED:
                    continue
                raise
            for kind, seconds in found.items():
                if kind in _KINDS:
                    seen = True
                    yield Sample(_KINDS[kind], labels(resource=resource), seconds)
        if not seen:
            raise NoData("This kernel tells no pressure (PSI): it needs Linux 4.20, and psi=1 where it is off at boot.")
