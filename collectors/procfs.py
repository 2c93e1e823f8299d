"""What Linux tells in /proc and /sys: reading and parsing, without a root of its own.

Formats: proc(5), proc_stat(5), proc_pid_stat(5), proc_pid_mountinfo(5) and the kernel's Documentation/accounting/psi.
Kernel text is bytes: names in it (mounts, programs) may be in any encoding, or in none.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psutil

HERTZ: int = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
"""Clock ticks per second, the unit of times in stat files."""
PAGE: int = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")
_psutil_root = threading.Lock()


@contextmanager
def psutil_reading(proc: str) -> Iterator[None]:
    """psutil reads ``proc`` inside the block. Its root is one global, hence one block at a time."""
    with _psutil_root:
        before = psutil.PROCFS_PATH
        psutil.PROCFS_PATH = proc
        try:
            yield
        finally:
            psutil.PROCFS_PATH = before


def read(path: str, limit: int = 1 << 20) -> bytes:
    """A kernel file's bytes, at most ``limit``; one system call where the kernel gives it whole.

    Raises:
        OSError: it is not there, or refuses.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, min(limit, 1 << 16))
        if not data or len(data) == limit:
            return data
        parts = [data]
        size = len(data)
        while size < limit and (data := os.read(fd, min(limit - size, 1 << 16))):
            parts.append(data)
            size += len(data)
        return b"".join(parts)
    finally:
        os.close(fd)


def read_text(path: str) -> str:
    """A one-line kernel file, stripped; empty when it cannot be read."""
    try:
        return clean(read(path, 4096).strip())
    except OSError:
        return ""


def read_number(path: str) -> float | None:
    """A kernel file that holds one number; None when it is not there, refuses or holds something else."""
    try:
        return float(read(path, 64))
    except (OSError, ValueError):
        return None


def clean(raw: bytes | str) -> str:
    """Text that any screen and any JSON can hold: undecodable bytes and control characters become U+FFFD."""
    if isinstance(raw, str):
        raw = os.fsencode(raw) if not raw.isascii() else raw.encode()
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else "�" for c in text)


def pairs(raw: bytes) -> dict[bytes, int]:
    """``name value`` lines (memory.stat, cpu.stat, vmstat, and meminfo's ``name: value kB``), values as they stand."""
    found: dict[bytes, int] = {}
    for line in raw.splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[1].isdigit():
            found[parts[0].rstrip(b":")] = int(parts[1])
    return found


def parse_meminfo(raw: bytes) -> dict[bytes, int]:
    """/proc/meminfo in bytes (counts of pages, such as HugePages_Total, are not kB and left out)."""
    found: dict[bytes, int] = {}
    for line in raw.splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[2] == b"kB" and parts[1].isdigit():
            found[parts[0].rstrip(b":")] = int(parts[1]) * 1024
    return found


class CpuStat(NamedTuple):
    """/proc/stat: clock ticks (user nice system idle iowait irq softirq steal) of the machine and of each core."""

    total: tuple[int, ...]
    cores: dict[str, tuple[int, ...]]
    switches: int | None


def parse_stat(raw: bytes) -> CpuStat:
    """Parses /proc/stat. Old kernels tell fewer columns; guest time is inside user time and left out.

    Raises:
        ValueError: there is no ``cpu`` line.
    """
    total: tuple[int, ...] = ()
    cores: dict[str, tuple[int, ...]] = {}
    switches = None
    for line in raw.split(b"\n"):
        if line.startswith(b"cpu"):
            parts = line.split()
            ticks = tuple(map(int, parts[1:9]))
            if parts[0] == b"cpu":
                total = ticks
            else:
                cores[parts[0][3:].decode()] = ticks
        elif line.startswith(b"ctxt "):
            switches = int(line[5:])
    if not total:
        raise ValueError("/proc/stat has no cpu line")
    return CpuStat(total, cores, switches)


def parse_pressure(raw: bytes) -> dict[str, float]:
    """Stalled seconds since boot by kind ("some", "full"), from a pressure file's ``total=`` microseconds."""
    found: dict[str, float] = {}
    for line in raw.splitlines():
        kind, _, rest = line.partition(b" ")
        for part in rest.split():
            if part.startswith(b"total=") and part[6:].isdigit():
                found[kind.decode("ascii", "replace")] = int(part[6:]) / 1e6
    return found


class Mount(NamedTuple):
    """One line of mountinfo. ``device`` is "major:minor", ``root`` the folder of the file system that is mounted."""

    device: str
    root: bytes
    point: bytes
    kind: str
    source: bytes


def unescape(raw: bytes) -> bytes:
    """A path as the kernel escapes it in mount tables: space, tab, newline and backslash as three octal digits."""
    return _OCTAL.sub(lambda m: bytes([int(m[1], 8)]), raw) if b"\\" in raw else raw


def parse_mountinfo(raw: bytes) -> list[Mount]:
    """Parses /proc/<pid>/mountinfo; lines of another shape are left out."""
    mounts = []
    for line in raw.split(b"\n"):
        left, dash, right = line.partition(b" - ")
        fields, tail = left.split(b" "), right.split(b" ")
        if dash and len(fields) >= 6 and len(tail) >= 2:
            device, root, point = fields[2], fields[3], fields[4]
            mounts.append(
                Mount(clean(device), unescape(root), unescape(point), clean(tail[0]), unescape(tail[1]))
            )
    return mounts


class PidStat(NamedTuple):
    """/proc/<pid>/stat: ``cpu`` and ``start`` in clock ticks, ``memory`` (resident) in pages."""

    name: bytes
    state: str
    parent: int
    cpu: int
    threads: int
    start: int
    memory: int


def parse_pid_stat(raw: bytes) -> PidStat:
    """Parses /proc/<pid>/stat. The name stands in parentheses and may itself hold spaces and parentheses.

    Raises:
        ValueError: not a stat line.
    """
    opened, closed = raw.find(b"("), raw.rfind(b")")
    fields = raw[closed + 2 :].split()
    if opened < 0 or closed < opened or len(fields) < 22:
        raise ValueError("not a process's stat line")
    return PidStat(
        raw[opened + 1 : closed], fields[0].decode("ascii", "replace"), int(fields[1]),
        int(fields[11]) + int(fields[12]), int(fields[17]), int(fields[19]), int(fields[21]),
    )
