"""The parsers of kernel text: what was written is read, and any bytes are survived."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import procfs
from collectors.cgroup import parse_cpu_list
from collectors.procfs import (
    Mount,
    PidStat,
    clean,
    parse_meminfo,
    parse_mountinfo,
    parse_pid_stat,
    parse_pressure,
    parse_stat,
    psutil_reading,
    unescape,
)

COUNTS = st.integers(0, 2**63)
NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: b"\n" not in name)


def escape(path: bytes) -> bytes:
    """As the kernel writes a path into a mount table (mangle_path in fs/seq_file.c)."""
    return b"".join(b"\\%03o" % c if c in b" \t\n\\" else bytes([c]) for c in path)


@given(st.binary(max_size=80).filter(lambda p: b"\0" not in p))
def test_paths_are_unescaped(path: bytes) -> None:
    assert unescape(escape(path)) == path


@given(st.lists(st.tuples(NAMES, NAMES, NAMES), max_size=6))
def test_mounts_are_read_whatever_their_names(mounts: list[tuple[bytes, bytes, bytes]]) -> None:
    lines = [
        b"%d 1 8:%d %s %s rw,relatime shared:1 master:2 - ext4 %s rw,data=ordered\n"
        % (20 + n, n, b"/" + escape(root), b"/" + escape(point), b"/dev/" + escape(source))
        for n, (root, point, source) in enumerate(mounts)
    ]
    assert parse_mountinfo(b"".join(lines)) == [
        Mount(f"8:{n}", b"/" + root, b"/" + point, "ext4", b"/dev/" + source)
        for n, (root, point, source) in enumerate(mounts)
    ]


@given(
    name=st.binary(max_size=64), state=st.sampled_from("RSDZTI"), parent=COUNTS, user=COUNTS, system=COUNTS,
    threads=COUNTS, start=COUNTS, memory=COUNTS,
)
def test_a_process_is_read_whatever_its_name(
    name: bytes, state: str, parent: int, user: int, system: int, threads: int, start: int, memory: int
) -> None:
    rest = f"{state} {parent} 1 1 0 -1 4194304 1 2 3 4 {user} {system} 7 8 20 0 {threads} 0 {start} 999 {memory} 1 2 3"
    line = b"42 (" + name + b") " + rest.encode() + b"\n"
    assert parse_pid_stat(line) == PidStat(name, state, parent, user + system, threads, start, memory)


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(raw: bytes) -> None:
    parse_mountinfo(raw)
    parse_meminfo(raw)
    parse_pressure(raw)
    procfs.pairs(raw)
    for parse in (parse_stat, parse_pid_stat, parse_cpu_list):
        try:
            parse(raw)
        except ValueError:
            continue


@given(st.lists(st.lists(COUNTS, min_size=8, max_size=10), min_size=1, max_size=5), COUNTS)
def test_cpu_ticks_are_read_without_guest_time(cores: list[list[int]], switches: int) -> None:
    def line(name: str, ticks: list[int]) -> str:
        return f"{name} {' '.join(map(str, ticks))}\n"

    text = line("cpu ", cores[0]) + "".join(line(f"cpu{n}", ticks) for n, ticks in enumerate(cores))
    stat = parse_stat(f"{text}intr 1 2 3\nctxt {switches}\nbtime 5\n".encode())
    assert stat.total == tuple(cores[0][:8])
    assert stat.cores == {str(n): tuple(ticks[:8]) for n, ticks in enumerate(cores)}
    assert stat.switches == switches


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_pressure_is_read_in_seconds(some: int, full: int) -> None:
    text = f"some avg10=1.53 avg60=0.87 avg300=0.19 total={some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={full}\n"
    assert parse_pressure(text.encode()) == {"some": some / 1e6, "full": full / 1e6}


@given(st.frozensets(st.integers(0, 500)))
def test_core_lists_are_read(cores: frozenset[int]) -> None:
    parts, left = [], sorted(cores)
    while left:
        last = left[0]
        while last + 1 in cores:
            last += 1
        parts.append(str(left[0]) if last == left[0] else f"{left[0]}-{last}")
        left = [c for c in left if c > last]
    assert parse_cpu_list((",".join(parts) + "\n").encode()) == {str(c) for c in cores}


@given(st.binary(max_size=60))
def test_cleaned_text_fits_into_any_json(raw: bytes) -> None:
    text = clean(raw)
    assert text.encode("utf-8").decode() == text
    assert text.isprintable()
    assert clean(os.fsdecode(raw)) == text


def test_clean_leaves_readable_text_alone() -> None:
    assert clean("été 日本".encode()) == "été 日本"
    assert clean(b"caf\xe9\n") == "caf��"


def test_counts_of_pages_are_no_bytes() -> None:
    assert parse_meminfo(b"MemTotal:  8 kB\nHugePages_Total:   16\n") == {b"MemTotal": 8192}


def test_psutil_looks_elsewhere_inside_the_block_only(tmp_path: Path) -> None:
    seen = []

    def fail() -> None:
        seen.append(psutil.PROCFS_PATH)
        raise RuntimeError

    with pytest.raises(RuntimeError), psutil_reading(str(tmp_path)):
        fail()
    assert seen == [str(tmp_path)]
    assert psutil.PROCFS_PATH == "/proc"


def test_long_files_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200_000)
    assert len(procfs.read(str(path))) == 200_000
    assert len(procfs.read(str(path), 100)) == 100
    assert procfs.read_number(str(path)) is None
    assert procfs.read_text(str(tmp_path / "none")) == ""
