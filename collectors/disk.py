"""Disks: space per volume; bytes, operations, busy time and service time per device."""

from __future__ import annotations

import fnmatch
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import psutil

from collectors.base import NoData
from collectors.pace import Pace
from collectors.procfs import Mount, clean, parse_mountinfo, psutil_reading, read
from metrics.metric import Metric, Sample, labels

VOLUME_USED = Metric("disk_volume_used_bytes", "gauge", "bytes", "Space used on the volume")
VOLUME_FREE = Metric("disk_volume_free_bytes", "gauge", "bytes", "Space on the volume that anybody may use")
VOLUME_TOTAL = Metric("disk_volume_total_bytes", "gauge", "bytes", "Size of the volume")
VOLUME_RATIO = Metric("disk_volume_used_ratio", "gauge", "ratio", "Space used, of what may be used, as df counts it")
READ_BYTES = Metric("disk_read_bytes_total", "counter", "bytes", "Bytes read from the device")
WRITE_BYTES = Metric("disk_write_bytes_total", "counter", "bytes", "Bytes written to the device")
READS = Metric("disk_reads_total", "counter", "", "Reads done by the device")
WRITES = Metric("disk_writes_total", "counter", "", "Writes done by the device")
BUSY = Metric("disk_busy_seconds_total", "counter", "seconds", "Time in which the device had work")
SERVICE = Metric("disk_service_time_seconds", "gauge", "seconds", "Mean time of a read or write since the last look")

VOLUMES_EVERY = 10.0
VOLUMES_AT_MOST = 64
ANSWER_WITHIN = 1.0
"""Seconds a network volume may take to answer; then it is left out until it does."""
PSEUDO = frozenset((
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "iso9660", "mqueue", "nsfs", "proc", "pstore", "ramfs", "rootfs", "rpc_pipefs",
    "securityfs", "selinuxfs", "smackfs", "squashfs", "sysfs", "tmpfs", "tracefs", "fuse.gvfsd-fuse", "fuse.lxcfs",
    "fuse.portal", "fuse.snapfuse", "fuse.squashfuse",
))
REMOTE = re.compile(r"nfs|cifs|smb|9p$|afs|ceph|glusterfs|lustre|beegfs|gpfs|virtiofs|fuse\.|davfs|ocfs2")
_NOT_DISKS = re.compile(r"(loop|ram|zram|fd|sr)\d+$")
_PARTITION = re.compile(r"(.*?\d)p\d+$|(.*?[a-z])\d+$")


class StatVfs(Protocol):
    """The fields of os.statvfs_result that are used."""

    @property
    def f_frsize(self) -> int: ...
    @property
    def f_blocks(self) -> int: ...
    @property
    def f_bfree(self) -> int: ...
    @property
    def f_bavail(self) -> int: ...


class _Counters(NamedTuple):
    reads: int
    writes: int
    read_bytes: int
    write_bytes: int
    milliseconds: int
    busy_milliseconds: int


class Disk:
    """Reads /proc/diskstats each tick, mountinfo and each volume every 10 s."""

    name: ClassVar[str] = "disk"
    metrics: ClassVar[tuple[Metric, ...]] = (
        VOLUME_USED, VOLUME_FREE, VOLUME_TOTAL, VOLUME_RATIO, READ_BYTES, WRITE_BYTES, READS, WRITES, BUSY, SERVICE,
    )
    cadence: ClassVar[dict[str, float]] = {
        m.name: VOLUMES_EVERY for m in (VOLUME_USED, VOLUME_FREE, VOLUME_TOTAL, VOLUME_RATIO)
    }
    every: float = 0.0

    def __init__(
        self,
        proc: str = "/proc",
        exclude: Sequence[str] = (),
        statvfs: Callable[[bytes], StatVfs] = os.statvfs,
        is_folder: Callable[[bytes], bool] = os.path.isdir,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self._proc, self._exclude, self._is_folder = proc, tuple(exclude), is_folder
        self._volumes = _Volumes(statvfs, answer_within)
        self._pace = Pace(VOLUMES_EVERY)
        self._before: dict[str, _Counters] = {}
        self._labels: dict[str, tuple[tuple[str, str], ...]] = {}
        self._snapshot: dict[str, Any] = {}

    def collect(self, now: float) -> Iterator[Sample]:
        """Reads devices, and volumes when due.

        Raises:
            NoData: neither a device nor a volume is to be seen.
            OSError: /proc/diskstats cannot be read.
        """
        seen = False
        for sample in self._devices():
            seen = True
            yield sample
        if self._pace.due(now):
            for sample in self._spaces():
                seen = True
                yield sample
        if not seen and not self._snapshot.get("volumes"):
            raise NoData("No disk is to be seen here, as in some containers.")

    def snapshot(self) -> dict[str, Any]:
        """volumes: [{mount, device, kind, silent}]; ``silent`` is a volume that does not answer (a dead server)."""
        return self._snapshot

    def _devices(self) -> Iterator[Sample]:
        if not os.path.exists(f"{self._proc}/diskstats"):  # noqa: PTH110 - psutil would look in the real /sys then
            return
        with psutil_reading(self._proc):
            raw = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
        before, self._before = self._before, {}
        for name in whole_disks(raw):
            io = raw[name]
            if not io.read_count and not io.write_count:
                continue  # never used: one of the kernel's empty slots
            counters = _Counters(
                io.read_count, io.write_count, io.read_bytes, io.write_bytes, io.read_time + io.write_time, io.busy_time
            )
            self._before[name] = counters
            pair = self._labels.get(name)
            if pair is None:
                pair = self._labels[name] = labels(device=clean(name))
            yield Sample(READ_BYTES, pair, float(counters.read_bytes))
            yield Sample(WRITE_BYTES, pair, float(counters.write_bytes))
            yield Sample(READS, pair, float(counters.reads))
            yield Sample(WRITES, pair, float(counters.writes))
            yield Sample(BUSY, pair, counters.busy_milliseconds / 1e3)
            service = _service_time(before.get(name), counters)
            if service is not None:
                yield Sample(SERVICE, pair, service)

    def _spaces(self) -> Iterator[Sample]:
        rows = []
        for mount in volumes(parse_mountinfo(self._mountinfo()), self._exclude, self._is_folder):
            stat, silent = self._volumes.ask(mount)
            if stat is None and not silent:
                continue
            point = clean(mount.point)
            rows.append({"mount": point, "device": clean(mount.source), "kind": mount.kind, "silent": silent})
            if stat is None:
                continue
            pair = labels(mount=point)
            total, used = stat.f_blocks * stat.f_frsize, (stat.f_blocks - stat.f_bfree) * stat.f_frsize
            free = stat.f_bavail * stat.f_frsize
            yield Sample(VOLUME_TOTAL, pair, float(total))
            yield Sample(VOLUME_USED, pair, float(used))
            yield Sample(VOLUME_FREE, pair, float(free))
            if used + free > 0:
                yield Sample(VOLUME_RATIO, pair, used / (used + free))
        self._snapshot = {"volumes": rows}

    def _mountinfo(self) -> bytes:
        try:
            return read(f"{self._proc}/self/mountinfo", 1 << 22)
        except FileNotFoundError:
            return b""


class _Volumes:
    """Asks volumes for their space. Those of a network are asked in a thread of their own: a server that has gone
    holds up that thread, and the volume is not asked again before it comes back."""

    def __init__(self, statvfs: Callable[[bytes], StatVfs], answer_within: float) -> None:
        self._statvfs, self._within = statvfs, answer_within
        self._asked: dict[bytes, threading.Thread] = {}

    def ask(self, mount: Mount) -> tuple[StatVfs | None, bool]:
        """(space, or None where there is none to tell; whether the volume did not answer in time)."""
        if not REMOTE.match(mount.kind):
            return self._look(mount.point), False
        thread = self._asked.get(mount.point)
        if thread is not None and thread.is_alive():
            return None, True
        answers: list[StatVfs | None] = []
        thread = threading.Thread(
            target=lambda: answers.append(self._look(mount.point)), name="volume", daemon=True
        )
        self._asked[mount.point] = thread
        thread.start()
        thread.join(self._within)
        return (answers[0], False) if answers else (None, True)

    def _look(self, point: bytes) -> StatVfs | None:
        try:
            stat = self._statvfs(point)
        except OSError:
            return None  # unmounted meanwhile, or not ours to look at
        return stat if stat.f_blocks > 0 else None


def volumes(
    mounts: Sequence[Mount], exclude: Sequence[str] = (), is_folder: Callable[[bytes], bool] = os.path.isdir
) -> list[Mount]:
    """The mounts that hold files: no pseudo file system, each file system once (where its root is mounted, else where
    the path is shortest), not those of a single file (a container's /etc/hosts).

    ``exclude`` are mount points, or shell patterns of them. A file system mounted over another hides it. The root of
    a container is an overlay and kept; other overlays repeat the disk below.
    """
    visible = {mount.point: mount for mount in mounts}
    best: dict[str, Mount] = {}
    for mount in visible.values():
        if mount.kind in PSEUDO or (mount.kind == "overlay" and mount.point != b"/"):
            continue
        point = clean(mount.point)
        if any(point == pattern or fnmatch.fnmatchcase(point, pattern) for pattern in exclude):
            continue
        if not REMOTE.match(mount.kind) and not is_folder(mount.point):  # a remote one may not answer at all
            continue
        known = best.get(mount.device)
        if known is None or _rank(mount) < _rank(known):
            best[mount.device] = mount
    return sorted(best.values(), key=lambda m: (len(m.point), m.point))[:VOLUMES_AT_MOST]


def _rank(mount: Mount) -> tuple[bool, int, bytes]:
    return mount.root != b"/", len(mount.point), mount.point


def whole_disks(names: Iterable[str]) -> list[str]:
    """Device names without loops, RAM disks, and the partitions of a disk that is itself there."""
    known = set(names)
    found = []
    for name in known:
        if _NOT_DISKS.match(name):
            continue
        part = _PARTITION.match(name)
        if part and (part[1] or part[2]) in known:
            continue
        found.append(name)
    return sorted(found)


def _service_time(before: _Counters | None, after: _Counters) -> float | None:
    """Seconds a read or write took in the mean; None when there was none, or the counters began anew."""
    if before is None:
        return None
    done = after.reads + after.writes - before.reads - before.writes
    spent = after.milliseconds - before.milliseconds
    return spent / done / 1e3 if done > 0 and spent >= 0 else None
