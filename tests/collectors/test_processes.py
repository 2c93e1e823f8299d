"""The process table on a /proc of the test's own."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from collectors import procfs
from collectors.base import NoData
from collectors.processes import DETAILS_FOR, EVERY, EVERY_FIRST, EVERY_WATCHED, Processes
from collectors.procfs import HERTZ, PAGE


class Box:
    """A /proc with processes that can be changed, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, 100.0
        (folder / "meminfo").write_text("MemTotal: 1000000 kB\n")
        self.uptime(5000)

    def uptime(self, seconds: float) -> None:
        (self.folder / "uptime").write_text(f"{seconds:.2f} 1.00\n")

    def put(
        self, pid: int, name: bytes = b"app", cpu: int = 0, pages: int = 10, start: int = 100, state: str = "S",
        command: bytes | None = b"app\0--port\x0080\0", uid: int = 1000, parent: int = 1,
    ) -> None:
        home = self.folder / str(pid)
        home.mkdir(exist_ok=True)
        rest = f"{state} {parent} 1 1 0 -1 0 0 0 0 0 {cpu} 0 0 0 20 0 3 0 {start} 999 {pages} 1 1"
        (home / "stat").write_bytes(b"%d (%s) %s\n" % (pid, name, rest.encode()))
        (home / "status").write_text(f"Name:\tx\nUid:\t0\t{uid}\t{uid}\t{uid}\n")
        if command is not None:
            (home / "cmdline").write_bytes(command)

    def drop(self, pid: int) -> None:
        shutil.rmtree(self.folder / str(pid))


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.fixture
def table(box: Box) -> Processes:
    users = {0: "root", 1000: "ana"}
    return Processes(str(box.folder), str(box.folder), clock=lambda: box.now, user_name=users.__getitem__)


def scan(table: Processes, box: Box, after: float = 5.0) -> dict[int, dict[str, Any]]:
    """Rows by pid, ``after`` seconds later."""
    box.now += after
    assert list(table.collect(box.now)) == []
    json.dumps(table.snapshot(), allow_nan=False)
    return {row["pid"]: row for row in table.snapshot()["rows"]}


def test_a_row_tells_everything(box: Box, table: Processes) -> None:
    box.put(7, cpu=100, pages=250, start=HERTZ * 1000, command=b"/usr/bin/app\0--token\0abcdef\0caf\xc3\xa9\0")
    first = scan(table, box)[7]
    assert first["cpu_ratio"] is None  # not known before the second scan: absent, not 0
    box.put(7, cpu=100 + 10 * HERTZ, pages=250, start=HERTZ * 1000, state="R")
    assert scan(table, box)[7] == {
        "pid": 7, "name": "app", "user": "ana", "cpu_ratio": pytest.approx(2.0), "memory_bytes": 250.0 * PAGE,
        "memory_ratio": pytest.approx(250 * PAGE / 1_024_000_000), "threads": 3, "status": "running",
        "uptime_seconds": pytest.approx(4000.0), "command": "/usr/bin/app --token *** café",
    }


def test_a_pid_that_is_used_again_is_another_process(box: Box, table: Processes) -> None:
    box.put(7, cpu=50_000, start=100)
    scan(table, box)
    box.put(7, b"other", cpu=3, start=900, command=b"other\0")
    row = scan(table, box)[7]
    assert (row["name"], row["command"], row["cpu_ratio"]) == ("other", "other", None)


def test_processes_come_and_go(box: Box, table: Processes) -> None:
    box.put(7)
    box.put(8)
    assert set(scan(table, box)) == {7, 8}
    box.drop(7)
    box.put(9)
    assert set(scan(table, box)) == {8, 9}
    assert table.snapshot()["total"] == 2
    assert not [key for key in table._details if key[0] == 7]


def test_one_that_ends_while_it_is_read_is_left_out(box: Box, table: Processes) -> None:
    box.put(7)
    box.put(8)
    (box.folder / "7" / "status").unlink()  # its stat was read, the rest is gone
    (box.folder / "9").mkdir()  # listed, and gone before its stat
    assert set(scan(table, box)) == {8}


def test_a_program_that_is_started_in_the_same_process_is_read_anew(box: Box, table: Processes) -> None:
    box.put(7, b"sh", command=b"sh\0-c\0exec app\0")
    assert scan(table, box)[7]["name"] == "sh"
    box.put(7, b"app", command=b"app\0")
    assert scan(table, box)[7]["command"] == "app"


def test_a_renamed_server_is_noticed_in_time(box: Box, table: Processes) -> None:
    box.put(7, command=b"postgres: idle\0")
    scan(table, box)
    box.put(7, command=b"postgres: busy\0", uid=0)
    assert scan(table, box)[7]["command"] == "postgres: idle"
    row = scan(table, box, DETAILS_FOR + 30)[7]
    assert (row["command"], row["user"]) == ("postgres: busy", "root")


def test_kernel_threads_and_zombies_have_no_command_line(box: Box, table: Processes) -> None:
    box.put(2, b"kthreadd", command=b"", parent=0, uid=0)
    box.put(60, b"kworker/0:1H-kb", command=b"", parent=2, state="I", uid=0)
    box.put(61, b"app", command=b"", state="Z")
    rows = scan(table, box)
    assert rows[60]["command"] == "[kworker/0:1H-kb]"
    assert rows[60]["status"] == "idle"
    assert (rows[61]["command"], rows[61]["status"]) == ("[app]", "zombie")


def test_what_may_not_be_read_is_empty(box: Box, table: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, limit: int = 1 << 20) -> bytes:
        if path.endswith("/cmdline"):
            raise PermissionError(13, "Permission denied", path)
        return procfs.read(path, limit)

    monkeypatch.setattr("collectors.processes.read", refuse)
    box.put(7)
    row = scan(table, box)[7]
    assert (row["command"], row["user"]) == ("[app]", "")


def test_the_table_is_the_busiest_and_the_largest(box: Box) -> None:
    table = Processes(str(box.folder), str(box.folder), clock=lambda: box.now, top=2)
    for pid in range(1, 9):
        box.put(pid, pages=pid)
    scan(table, box)
    for pid, cpu in ((1, 50), (2, 90)):
        box.put(pid, cpu=cpu, pages=pid)
    rows = scan(table, box)
    assert list(rows) == [2, 1, 8, 7]
    assert table.snapshot()["total"] == 8


def test_a_half_read_command_line_shows_no_half_secret(box: Box, table: Processes) -> None:
    box.put(7, command=b"app\0" + b"x" * 4070 + b"\0--password\0" + b"Zq7fYp93" * 40)
    command = scan(table, box)[7]["command"]
    assert "Zq7" not in command
    assert len(command) <= 512


def test_it_is_read_more_often_while_somebody_looks(box: Box) -> None:
    looks = [False]
    table = Processes(str(box.folder), str(box.folder), lambda: looks[0], clock=lambda: box.now)
    box.put(7)
    assert table.every == EVERY_FIRST
    scan(table, box)
    assert table.every == EVERY == 5.0
    looks[0] = True
    assert table.every == EVERY_WATCHED == 2.0


def test_an_empty_proc_is_no_data(box: Box, table: Processes) -> None:
    with pytest.raises(NoData):
        scan(table, box)


def test_this_process_is_in_the_real_table() -> None:
    table = Processes()
    list(table.collect(0.0))
    mine = [row for row in table.snapshot()["rows"] if row["pid"] == os.getpid()]
    assert len(mine) == 1
    assert mine[0]["memory_bytes"] > 1_000_000
    assert mine[0]["uptime_seconds"] < 86_400
