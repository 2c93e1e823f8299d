"""Memory and swap, of the machine or of the container's limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from collectors.base import NoData
from collectors.cgroup import Cgroup
from collectors.procfs import parse_meminfo, read
from metrics.metric import Metric, Sample

TOTAL = Metric("memory_total_bytes", "gauge", "bytes", "Memory there is, or the container's limit")
USED = Metric("memory_used_bytes", "gauge", "bytes", "Memory that is not available: total less available")
AVAILABLE = Metric("memory_available_bytes", "gauge", "bytes", "Memory that programs can still get without swapping")
FREE = Metric("memory_free_bytes", "gauge", "bytes", "Memory that nothing uses, not even a cache")
CACHED = Metric("memory_cached_bytes", "gauge", "bytes", "File cache and reclaimable kernel memory")
BUFFERS = Metric("memory_buffers_bytes", "gauge", "bytes", "Buffers of block devices")
USED_RATIO = Metric("memory_used_ratio", "gauge", "ratio", "Memory used, of the total")
SWAP_TOTAL = Metric("swap_total_bytes", "gauge", "bytes", "Swap space there is; 0 when there is none")
SWAP_USED = Metric("swap_used_bytes", "gauge", "bytes", "Swap space in use")
SWAP_IN = Metric("swap_in_bytes_total", "counter", "bytes", "Memory read back from swap")
SWAP_OUT = Metric("swap_out_bytes_total", "counter", "bytes", "Memory written to swap")

SWAP_PAGE = 4096
"""Bytes of a page in pswpin and pswpout on the machines we know; psutil counts so too."""


class Memory:
    """Reads /proc/meminfo and, once there is swap, /proc/vmstat; in a limited container the group's files."""

    name: ClassVar[str] = "memory"
    metrics: ClassVar[tuple[Metric, ...]] = (
        TOTAL, USED, AVAILABLE, FREE, CACHED, BUFFERS, USED_RATIO, SWAP_TOTAL, SWAP_USED, SWAP_IN, SWAP_OUT,
    )
    every: float = 0.0

    def __init__(self, proc: str = "/proc", sys: str = "/sys") -> None:
        self._proc = proc
        self._cgroup = Cgroup(f"{sys}/fs/cgroup", proc)

    def collect(self, now: float) -> Iterator[Sample]:
        """Reads once. Used is total less available, as `free` counts it.

        Raises:
            NoData: there is no /proc/meminfo.
        """
        try:
            info = parse_meminfo(read(f"{self._proc}/meminfo"))
        except FileNotFoundError:
            raise NoData("This system has no /proc/meminfo: memory is read on Linux.") from None
        limit = self._cgroup.limits(now).memory_bytes
        total = info.get(b"MemTotal")
        if limit is not None and (total is None or limit < total):
            yield from self._of_group(limit, info)
        else:
            yield from _of_machine(info)
            yield from self._swap_of_machine(info)

    def _of_group(self, limit: float, info: dict[bytes, int]) -> Iterator[Sample]:
        use = self._cgroup.memory()
        yield Sample(TOTAL, (), limit)
        if use is None:
            return
        used = min(use.used, limit)
        yield Sample(USED, (), used)
        yield Sample(USED_RATIO, (), used / limit)
        # The machine around the container may have less left than the limit allows.
        yield Sample(AVAILABLE, (), min(limit - used, info.get(b"MemAvailable", limit)))
        yield Sample(FREE, (), min(max(0.0, limit - use.current), info.get(b"MemFree", limit)))
        if use.cached is not None:
            yield Sample(CACHED, (), use.cached)
        if use.swap_used is not None:
            yield Sample(SWAP_USED, (), use.swap_used)
            # "max", told as None, is as much as the machine has.
            machine = info.get(b"SwapTotal")
            told = [v for v in (use.swap_total, None if machine is None else float(machine)) if v is not None]
            if told:
                yield Sample(SWAP_TOTAL, (), min(told))
        for metric, value in ((SWAP_IN, use.swap_in), (SWAP_OUT, use.swap_out)):
            if value is not None:
                yield Sample(metric, (), value)

    def _swap_of_machine(self, info: dict[bytes, int]) -> Iterator[Sample]:
        total, free = info.get(b"SwapTotal"), info.get(b"SwapFree")
        if total is None or free is None:
            return
        yield Sample(SWAP_TOTAL, (), float(total))
        if total == 0:
            return  # nothing can be used of, or moved to, what is not there
        yield Sample(SWAP_USED, (), float(total - free))
        try:
            raw = b"\n" + read(f"{self._proc}/vmstat")
        except OSError:
            return
        for metric, name in ((SWAP_IN, b"\npswpin "), (SWAP_OUT, b"\npswpout ")):
            at = raw.find(name)
            if at >= 0:
                yield Sample(metric, (), float(raw[at + len(name) :].split(None, 1)[0]) * SWAP_PAGE)


def _of_machine(info: dict[bytes, int]) -> Iterator[Sample]:
    total, free, available = info.get(b"MemTotal"), info.get(b"MemFree"), info.get(b"MemAvailable")
    buffers, cached = info.get(b"Buffers"), info.get(b"Cached")
    if cached is not None:
        cached += info.get(b"SReclaimable", 0)
    if available is None and free is not None:  # before Linux 3.14
        available = min(free + (buffers or 0) + (cached or 0), total or 0) or None
    for metric, value in ((TOTAL, total), (FREE, free), (AVAILABLE, available), (BUFFERS, buffers), (CACHED, cached)):
        if value is not None:
            yield Sample(metric, (), float(value))
    if total and available is not None:
        used = max(0, total - available)
        yield Sample(USED, (), float(used))
        yield Sample(USED_RATIO, (), used / total)
