"""CPU: use in all, per core and by mode, load, frequency, context switches, uptime."""

from __future__ import annotations

import contextlib
import glob
import os
import platform
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from collectors.base import NoData
from collectors.cgroup import Cgroup, Limits, in_container
from collectors.pace import Pace
from collectors.procfs import CpuStat, parse_stat, read, read_number, read_text
from metrics.metric import Metric, Sample, labels

USAGE = Metric("cpu_usage_ratio", "gauge", "ratio", "CPU in use, of all cores or of the container's limit")
CORE = Metric("cpu_core_usage_ratio", "gauge", "ratio", "CPU in use, per core")
MODE = Metric("cpu_mode_ratio", "gauge", "ratio", "CPU time by what it was spent on")
LOAD1 = Metric("cpu_load1", "gauge", "", "Tasks running or waiting, mean over 1 minute")
LOAD5 = Metric("cpu_load5", "gauge", "", "Tasks running or waiting, mean over 5 minutes")
LOAD15 = Metric("cpu_load15", "gauge", "", "Tasks running or waiting, mean over 15 minutes")
FREQUENCY = Metric("cpu_frequency_hertz", "gauge", "hertz", "Clock of the cores, mean")
SWITCHES = Metric("cpu_context_switches_total", "counter", "", "Context switches")
CORES = Metric("cpu_cores", "gauge", "", "Cores that may be used")
LIMIT = Metric("cpu_limit_cores", "gauge", "", "Cores the container is limited to")
UPTIME = Metric("system_uptime_seconds", "gauge", "seconds", "Time since the system started")

MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""In the order of /proc/stat."""
_MODE_LABELS = tuple(labels(mode=m) for m in MODES)
IDLE, IOWAIT = MODES.index("idle"), MODES.index("iowait")
FREQUENCY_EVERY = 5.0
FREQUENCY_CORES = 8
"""Cores asked for their clock: each answer may cost an interrupt, and a mean needs no more."""


class Cpu:
    """Reads /proc/stat, loadavg and uptime once a tick; in a limited container also the group's cpu.stat."""

    name: ClassVar[str] = "cpu"
    metrics: ClassVar[tuple[Metric, ...]] = (
        USAGE, CORE, MODE, LOAD1, LOAD5, LOAD15, FREQUENCY, SWITCHES, CORES, LIMIT, UPTIME,
    )
    cadence: ClassVar[dict[str, float]] = {FREQUENCY.name: FREQUENCY_EVERY}
    every: float = 0.0

    def __init__(
        self, proc: str = "/proc", sys: str = "/sys", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._proc, self._sys, self._clock = proc, sys, clock
        self._cgroup = Cgroup(f"{sys}/fs/cgroup", proc)
        self._before: CpuStat | None = None
        self._group_before: tuple[float, float, float | None, float | None] | None = None
        self._frequency_pace = Pace(FREQUENCY_EVERY)
        self._frequency_files: list[str] | None = None
        self._core_labels: dict[str, tuple[tuple[str, str], ...]] = {}
        self._facts: dict[str, Any] = {}
        self._limits = Limits()

    def collect(self, now: float) -> Iterator[Sample]:
        """Ratios need two readings: the first scrape has none.

        Raises:
            NoData: there is no /proc/stat.
        """
        try:
            stat = parse_stat(read(f"{self._proc}/stat"))
        except FileNotFoundError:
            raise NoData("This system has no /proc/stat: CPU figures are read on Linux.") from None
        before, self._before = self._before, stat
        self._limits = limits = self._cgroup.limits(now)
        usable = [c for c in stat.cores if limits.cpus is None or c in limits.cpus] or list(stat.cores)
        cores = float(len(usable))
        share = limits.cpu_cores if limits.cpu_cores is not None and limits.cpu_cores < cores else None
        if share is None and len(usable) < len(stat.cores):
            share = cores  # pinned to some cores: the machine's total is not its own
        yield Sample(CORES, (), cores)
        if limits.cpu_cores is not None and share is not None:
            yield Sample(LIMIT, (), share)
        if before is not None:
            for core in usable:
                ratio = _busy(before.cores.get(core), stat.cores[core])
                if ratio is not None:
                    yield Sample(CORE, self._label(core), ratio)
            if share is None:
                yield from _whole(before.total, stat.total)
        if share is not None:
            yield from self._of_group(share)
        if stat.switches is not None:
            yield Sample(SWITCHES, (), float(stat.switches))
        yield from self._load_and_uptime()
        if self._frequency_pace.due(now):
            frequency = self._frequency()
            if frequency is not None:
                yield Sample(FREQUENCY, (), frequency)

    def snapshot(self) -> dict[str, Any]:
        """hostname, os, kernel, cpu_model, cores, container, limits {cpu_cores, memory_bytes} (only those in force)."""
        if self._before is None:
            return {}
        if not self._facts:
            self._facts = self._read_facts(len(self._before.cores))
        given = {"cpu_cores": self._limits.cpu_cores, "memory_bytes": self._limits.memory_bytes}
        limits = {name: value for name, value in given.items() if value is not None}
        if self._facts["limits"] != limits:
            self._facts = {**self._facts, "limits": limits}
        return self._facts

    def _label(self, core: str) -> tuple[tuple[str, str], ...]:
        pair = self._core_labels.get(core)
        if pair is None:
            pair = self._core_labels[core] = labels(core=core)
        return pair

    def _of_group(self, share: float) -> Iterator[Sample]:
        """Use of the container's share, from the group's own CPU time over the time that passed."""
        at, use = self._clock(), self._cgroup.cpu()
        if use is None:
            self._group_before = None
            return
        before, self._group_before = self._group_before, (at, use.total, use.user, use.system)
        if before is None or at <= before[0] or use.total < before[1]:
            return
        span = (at - before[0]) * share
        ratio = min(1.0, (use.total - before[1]) / span)
        yield Sample(USAGE, (), ratio)
        yield Sample(MODE, _MODE_LABELS[IDLE], 1.0 - ratio)
        for mode, value, old in (("user", use.user, before[2]), ("system", use.system, before[3])):
            if value is not None and old is not None and value >= old:
                yield Sample(MODE, labels(mode=mode), min(1.0, (value - old) / span))

    def _load_and_uptime(self) -> Iterator[Sample]:
        with contextlib.suppress(OSError, ValueError):
            loads = read(f"{self._proc}/loadavg", 128).split()
            for metric, text in zip((LOAD1, LOAD5, LOAD15), loads, strict=False):
                yield Sample(metric, (), float(text))
        with contextlib.suppress(OSError, ValueError, IndexError):
            yield Sample(UPTIME, (), float(read(f"{self._proc}/uptime", 64).split()[0]))

    def _frequency(self) -> float | None:
        """Mean clock in hertz: cpufreq's kHz where there is a driver, else the first cores of /proc/cpuinfo."""
        if self._frequency_files is None:
            pattern = "devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"
            found = sorted(glob.glob(f"{self._sys}/{pattern}"))  # noqa: PTH207 - plain strings, as read() takes
            self._frequency_files = found[:: max(1, len(found) // FREQUENCY_CORES)]
        values = [v * 1e3 for v in map(read_number, self._frequency_files) if v is not None]
        if not values:
            values = [v * 1e6 for v in _cpuinfo_numbers(self._proc)]
        return sum(values) / len(values) if values else None

    def _read_facts(self, cores: int) -> dict[str, Any]:
        return {
            "hostname": read_text(f"{self._proc}/sys/kernel/hostname") or platform.node(),
            "os": _os_name(os.path.dirname(self._proc.rstrip("/"))),  # noqa: PTH120
            "kernel": read_text(f"{self._proc}/sys/kernel/osrelease") or platform.release(),
            "cpu_model": _cpuinfo_field(self._proc, b"model name"),
            "cores": cores,
            "container": in_container(self._proc),
            "limits": {},
        }


def _busy(before: tuple[int, ...] | None, after: tuple[int, ...]) -> float | None:
    """Share of the ticks between two readings that was neither idle nor waiting; None when nothing passed.

    Idle and iowait of a core can step back (proc_stat(5)): a negative difference counts as none.
    """
    if before is None or len(before) != len(after):
        return None
    deltas = [max(0, b - a) for a, b in zip(before, after)]
    total = sum(deltas)
    if total == 0:
        return None
    idle = deltas[IDLE] + (deltas[IOWAIT] if len(deltas) > IOWAIT else 0)
    return (total - idle) / total


def _whole(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[Sample]:
    ratio = _busy(before, after)
    if ratio is None:
        return
    yield Sample(USAGE, (), ratio)
    deltas = [max(0, b - a) for a, b in zip(before, after)]
    total = sum(deltas)
    for pair, delta in zip(_MODE_LABELS, deltas):
        yield Sample(MODE, pair, delta / total)


def _cpuinfo(proc: str) -> bytes:
    try:
        return read(f"{proc}/cpuinfo", 16_384)  # enough for the first cores; 128 of them fill 200 kB
    except OSError:
        return b""


def _cpuinfo_numbers(proc: str) -> list[float]:
    """MHz of the first cores."""
    found = []
    for line in _cpuinfo(proc).split(b"\n")[:-1]:
        if line.startswith(b"cpu MHz"):
            try:
                found.append(float(line.partition(b":")[2]))
            except ValueError:
                continue
    return found


def _cpuinfo_field(proc: str, name: bytes) -> str:
    for line in _cpuinfo(proc).splitlines():
        if line.startswith(name):
            return line.partition(b":")[2].strip().decode("utf-8", "replace")
    return ""


def _os_name(top: str) -> str:
    """PRETTY_NAME of os-release, else what Python knows."""
    for path in ("etc/os-release", "usr/lib/os-release"):
        try:
            raw = read(f"{top}/{path}", 16_384)
        except OSError:
            continue
        for line in raw.decode("utf-8", "replace").splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip().strip("\"'")
    return platform.system()
