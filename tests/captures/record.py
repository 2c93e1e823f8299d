"""Records a capture of this machine: the files the collectors read, twice, some seconds apart.

    python tests/captures/record.py NAME

Look it over before you commit it: host, interface and mount names, addresses and programs are those of the machine.
Then write its ``expected.json`` from what `tests/collectors/test_captures.py` prints, and check each value by hand.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

import psutil

from collectors import disk
from collectors.masking import mask_command
from collectors.procfs import parse_mountinfo

HERE = Path(__file__).parent
PROC = (
    "stat", "meminfo", "vmstat", "loadavg", "uptime", "cpuinfo", "diskstats", "net/dev", "self/mountinfo",
    "self/cgroup", "1/cgroup", "pressure/cpu", "pressure/memory", "pressure/io", "sys/kernel/hostname",
    "sys/kernel/osrelease",
)
SYS = (
    "fs/cgroup/memory.max", "fs/cgroup/memory.current", "fs/cgroup/memory.stat", "fs/cgroup/memory.swap.*",
    "fs/cgroup/*.pressure", "fs/cgroup/cpu.max", "fs/cgroup/cpu.stat", "fs/cgroup/cpuset.cpus.effective",
    "fs/cgroup/memory/memory.limit_in_bytes", "fs/cgroup/memory/memory.usage_in_bytes",
    "fs/cgroup/memory/memory.stat", "fs/cgroup/cpu/cpu.cfs_*_us", "fs/cgroup/cpuacct/cpuacct.usage",
    "fs/cgroup/cpuset/cpuset.cpus", "devices/system/cpu/cpu*/cpufreq/scaling_cur_freq",
)
LATER = (
    "stat", "meminfo", "vmstat", "uptime", "loadavg", "diskstats", "net/dev", "pressure/cpu", "pressure/memory",
    "pressure/io",
)
PROCESSES = 12


def _copy(source: Path, target: Path) -> None:
    try:
        data = source.read_bytes()[:65_536]
    except OSError:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def record(name: str, seconds: float = 5.0) -> None:
    """Writes ``tests/captures/NAME``."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    for path in PROC:
        _copy(Path("/proc") / path, folder / "proc" / path)
    for pattern in SYS:
        for found in Path("/sys").glob(pattern):
            _copy(found, folder / found.relative_to("/"))
    for interface in Path("/sys/class/net").iterdir():
        if (interface / "device").exists():
            _copy(interface / "operstate", folder / "sys/class/net" / interface.name / "device")
    pids = sorted(psutil.pids())[:PROCESSES]
    for pid in pids:
        for file in ("stat", "status"):
            _copy(Path(f"/proc/{pid}/{file}"), folder / f"proc/{pid}/{file}")
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        masked = mask_command([a.decode("utf-8", "replace") for a in raw.rstrip(b"\0").split(b"\0")]) if raw else ""
        (folder / f"proc/{pid}/cmdline").write_text(masked, encoding="utf-8")
    sensors = {
        kind: {chip: [{"label": p.label, "current": p.current} for p in probes] for chip, probes in read().items()}
        for kind, read in (("temperatures", psutil.sensors_temperatures), ("fans", psutil.sensors_fans))
    }
    (folder / "sensors.json").write_text(json.dumps(sensors, indent=1, ensure_ascii=False))
    links = {n: {"isup": s.isup, "speed": s.speed} for n, s in psutil.net_if_stats().items()}
    (folder / "interfaces.json").write_text(json.dumps(links, indent=1))
    volumes = {}
    for mount in disk.volumes(parse_mountinfo(Path("/proc/self/mountinfo").read_bytes())):
        stat = os.statvfs(mount.point)
        volumes[os.fsdecode(mount.point)] = [stat.f_frsize, stat.f_blocks, stat.f_bfree, stat.f_bavail]
    (folder / "volumes.json").write_text(json.dumps(volumes, indent=1))
    (folder / "meta.json").write_text(json.dumps({"kind": "recorded", "about": "", "seconds": seconds}, indent=1))
    time.sleep(seconds)
    for path in (*LATER, *(f"{pid}/stat" for pid in pids)):
        _copy(Path("/proc") / path, folder / "later/proc" / path)


if __name__ == "__main__":
    record(sys.argv[1])
