"""Disks: which devices and volumes count, and what hangs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collectors.disk import Disk, volumes, whole_disks
from collectors.procfs import parse_mountinfo
from tests.collectors.reading import NOW, read_keys


def test_disks_and_partitions() -> None:
    names = ["sda", "sda1", "sdb1", "nvme0n1", "nvme0n1p2", "loop3", "ram0", "sr0", "zram1", "md0", "dm-2"]
    assert whole_disks(names) == ["dm-2", "md0", "nvme0n1", "sda", "sdb1"]
    assert whole_disks(["mmcblk0", "mmcblk0p1", "vda", "vda15", "xvda1"]) == ["mmcblk0", "vda", "xvda1"]


def test_volumes_may_be_left_out() -> None:
    points = ("/", "/a", "/b/c", "/b/d")
    table = "".join(f"{n} 1 8:{n} / {point} rw - ext4 /dev/sd{n} rw\n" for n, point in enumerate(points))
    mounts = parse_mountinfo(table.encode())
    left = volumes(mounts, ["/a", "/b/*"], lambda point: True)
    assert [mount.point for mount in left] == [b"/"]


def test_a_bound_file_does_not_hide_its_volume() -> None:
    table = (
        "1 0 8:1 /x/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
        "2 0 8:1 /x/data /srv/data/deep rw - ext4 /dev/sda1 rw\n"
    )
    left = volumes(parse_mountinfo(table.encode()), (), lambda point: point != b"/etc/hosts")
    assert [mount.point for mount in left] == [b"/srv/data/deep"]


def test_a_volume_that_is_silent_is_not_asked_twice(open_capture: Any) -> None:
    machine = open_capture("odd-names")
    asked = []
    disk = next(c for c in machine.collectors if c.name == "disk")
    whole = disk._volumes._statvfs
    disk._volumes._statvfs = lambda point: (asked.append(point), whole(point))[1]
    for now in (NOW, NOW + 10, NOW + 20):
        read_keys(disk, now)
    assert asked.count(b"/mnt/dead") == 1
    assert asked.count(b"/") == 3
    assert [v["mount"] for v in disk.snapshot()["volumes"] if v["silent"]] == ["/mnt/dead"]


def test_a_device_that_begins_anew_tells_no_service_time(tmp_path: Path) -> None:
    disk = Disk(str(tmp_path), statvfs=None, is_folder=lambda point: False)  # type: ignore[arg-type]
    line = "8 0 sda {0} 0 800 {1} 0 0 0 0 0 50 50\n"
    readings = ((100, 500, False), (110, 600, True), (5, 10, False), (5, 10, False), (6, 12, True))
    for reads, milliseconds, there in readings:
        (tmp_path / "diskstats").write_text(line.format(reads, milliseconds))
        assert ('disk_service_time_seconds{device="sda"}' in read_keys(disk)) is there
