"""The ring's files: killed, cut short, damaged, full, locked, aged."""

import errno
import os
import random
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from storage.errors import StoreLocked, StoreUnavailable
from storage.ring.base import step_number
from storage.ring.buffered import BufferedRing
from storage.ring.file import FileRing
from storage.ring.generation import EXTENT_ROWS, HEADER_BYTES
from tests.storage.conftest import NOW
from tests.storage.test_ring import N, held, info, put


def open_ring(folder, *, step=1.0, capacity=600, now=NOW, **more):
    return FileRing(folder, 1, step, capacity, now=lambda: now, **more)


def cells_file(folder) -> Path:
    return folder / "ring-1-1000-600.cells"


def value_of(n: int, series: int) -> float:
    return float((n * 31 + series * 7) % 1000)


def _write_until_killed(folder: Path, pipe: int) -> None:
    """The child: ticks with ever more series; tells each finished tick."""
    ring = open_ring(folder, capacity=200)
    n, series = N, 1
    while True:
        put(ring, n, {info(core=str(s)): value_of(n, s) for s in range(series)})
        os.write(pipe, n.to_bytes(8, "little"))
        n, series = n + 1, min(series + 1, 40)


def test_kill_9_loses_at_most_the_tick_in_hand(tmp_path):
    chance = random.Random(7)
    for turn in range(8):
        folder = tmp_path / str(turn)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reader)
                _write_until_killed(folder, writer)
            finally:
                os._exit(1)
        os.close(writer)
        told = b""
        stop_after = chance.randrange(1, 400) * 8
        while len(told) < stop_after:
            told += os.read(reader, 65536)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(reader, 65536):
            told += more
        os.close(reader)
        last = int.from_bytes(told[-8:], "little")

        ring = open_ring(folder, capacity=200)
        for s in range(min(40, last - N + 1)):
            cells = held(ring, info(core=str(s)))
            wanted = range(max(N + s, last - 198), last + 1)  # the tick in hand may have taken the oldest cell
            assert {n: cells.get(n) for n in wanted} == {n: value_of(n, s) for n in wanted}
            # Nothing but the tick in hand may be there besides, and no cell is false.
            assert all(value == value_of(n, s) for n, value in cells.items()) and max(cells) <= last + 1
        ring.close()


def test_a_second_instance_is_refused_until_the_first_is_gone(tmp_path):
    first = open_ring(tmp_path)
    with pytest.raises(StoreLocked, match="Another Vigie already writes to"):
        open_ring(tmp_path, step=2.0)
    first.close()
    open_ring(tmp_path, step=2.0).close()


def test_a_line_that_a_kill_cut_short_is_ignored(tmp_path):
    ring = open_ring(tmp_path)
    put(ring, N, {info(core="0"): 1.0})
    ring.close()
    with cells_file(tmp_path).with_suffix(".index").open("ab") as index:
        index.write(b'{"row":1,"name":"level_ra')
    ring = open_ring(tmp_path)
    put(ring, N, {info(core="1"): 2.0})
    ring.close()
    ring = open_ring(tmp_path)
    assert held(ring, info(core="0")) == {N: 1.0} and held(ring, info(core="1")) == {N: 2.0}


@pytest.mark.parametrize("where", ["header", "index", "short"])
def test_what_is_damaged_is_set_aside_with_a_sentence(tmp_path, where, caplog):
    ring = open_ring(tmp_path)
    put(ring, N, {info(): 1.0})
    ring.close()
    if where == "header":
        with cells_file(tmp_path).open("r+b") as cells:
            cells.write(b"garbage!")
    elif where == "short":
        os.truncate(cells_file(tmp_path), 20)
    else:
        cells_file(tmp_path).with_suffix(".index").write_bytes(b"\xff\xfe not json\n")
    ring = open_ring(tmp_path)
    assert held(ring, info()) == {} and dict(ring.series()) == {}
    put(ring, N, {info(): 2.0})
    assert held(ring, info()) == {N: 2.0}
    assert (tmp_path / "ring-1-1000-600.cells.corrupt").exists()
    assert "cannot be read" in caplog.text


def test_a_file_cut_after_its_header_has_no_false_cell(tmp_path):
    ring = open_ring(tmp_path)
    for core in range(3):
        put(ring, N + 300, {info(core=str(core)): 1.0})
    ring.close()
    os.truncate(cells_file(tmp_path), HEADER_BYTES + 600 * 8 + 100)
    ring = open_ring(tmp_path)
    assert [held(ring, info(core=str(c))) for c in range(3)] == [{N + 300: 1.0}, {}, {}]


def test_the_file_grows_by_extents_that_are_allocated_whole(tmp_path):
    ring = open_ring(tmp_path)
    put(ring, N, {info(core=str(i)): float(i) for i in range(EXTENT_ROWS + 1)})
    stat = cells_file(tmp_path).stat()
    assert stat.st_size == HEADER_BYTES + 2 * EXTENT_ROWS * 600 * 8
    assert stat.st_blocks * 512 >= stat.st_size
    assert held(ring, info(core=str(EXTENT_ROWS))) == {N: float(EXTENT_ROWS)}
    assert held(ring, info(core="0")) == {N: 0.0}


def test_an_array_read_before_the_file_grew_stays_valid(tmp_path):
    ring = open_ring(tmp_path)
    put(ring, N, {info(): 1.0})
    before = ring.read([ring.handle(info())], N, N)
    put(ring, N + 1, {info(core=str(i)): 1.0 for i in range(2 * EXTENT_ROWS)})
    assert before[0, 0] == 1.0


def test_pages_given_back_lose_nothing(tmp_path):
    ring = open_ring(tmp_path)
    for n in range(N, N + 200):
        put(ring, n, {info(): float(n - N)})
    assert held(ring, info()) == {n: float(n - N) for n in range(N, N + 200)}


def test_an_aged_generation_is_deleted(tmp_path):
    ring = open_ring(tmp_path)
    put(ring, N, {info(): 1.0})
    ring.close()
    open_ring(tmp_path, step=2.0, now=NOW + 500).close()
    assert cells_file(tmp_path).exists()
    ring = open_ring(tmp_path, step=2.0, now=NOW + 700)
    assert not cells_file(tmp_path).exists() and dict(ring.series()) == {}


def test_rows_of_series_long_gone_are_used_again(tmp_path):
    ring = open_ring(tmp_path)
    put(ring, N, {info(veth=str(i)): 1.0 for i in range(EXTENT_ROWS - 1)})
    put(ring, N + 1000, {info(): 5.0})
    ring.close()
    size = cells_file(tmp_path).stat().st_size
    ring = open_ring(tmp_path, now=NOW + 1000)
    put(ring, N + 1001, {info(new=str(i)): 2.0 for i in range(EXTENT_ROWS - 1)})
    assert cells_file(tmp_path).stat().st_size == size
    assert held(ring, info()) == {N + 1000: 5.0}
    for i in range(EXTENT_ROWS - 1):
        assert held(ring, info(new=str(i))) == {N + 1001: 2.0}
        assert held(ring, info(veth=str(i))) == {}
    ring.close()
    assert len(open_ring(tmp_path, now=NOW + 1001).series()) == EXTENT_ROWS


def _no_space(*_args: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_at_the_start_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", _no_space)
    with pytest.raises(StoreUnavailable, match=r"^The disk of .* is full: the ring needs \d+ MiB more\.$"):
        open_ring(tmp_path)
    monkeypatch.undo()
    open_ring(tmp_path).close()  # the lock was given back


def test_room_taken_by_a_try_that_failed_is_given_back(tmp_path, monkeypatch):
    ring = open_ring(tmp_path)
    put(ring, N, {info(core=str(i)): 1.0 for i in range(EXTENT_ROWS)})
    size = cells_file(tmp_path).stat().st_size

    def half_way(fd: int, _at: int, length: int) -> None:
        os.ftruncate(fd, length - 1000)
        _no_space()

    monkeypatch.setattr(os, "posix_fallocate", half_way)
    with pytest.raises(StoreUnavailable, match="is full"):
        ring.handle(info(late="1"))
    assert cells_file(tmp_path).stat().st_size == size
    put(ring, N + 1, {info(core="0"): 2.0})
    assert held(ring, info(core="0")) == {N: 1.0, N + 1: 2.0}


def test_a_disk_that_fills_up_costs_new_series_only(tmp_path, monkeypatch):
    ring = BufferedRing(open_ring(tmp_path), now=lambda: NOW)
    first = {info(core=str(i)): 1.0 for i in range(EXTENT_ROWS)}
    put(ring, N, first)
    monkeypatch.setattr(os, "posix_fallocate", _no_space)
    put(ring, N + 1, {**first, info(late="1"): 2.0})
    assert "is full" in ring.problem() and "1 ticks are buffered" in ring.problem()
    assert held(ring, info(core="3")) == {N: 1.0, N + 1: 1.0}
    assert held(ring, info(late="1")) == {N + 1: 2.0}
    monkeypatch.undo()
    put(ring, N + 2, {info(late="1"): 3.0})
    assert ring.problem() == "" and ring.buffered == 0
    ring.close()
    again = open_ring(tmp_path)
    assert held(again, info(late="1")) == {N + 1: 2.0, N + 2: 3.0}


@pytest.fixture
def tiny_disk(tmp_path):
    """A real file system of one MiB, where this machine lets us make one; else what a full one answers."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    yield folder, done.returncode == 0
    if done.returncode == 0:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_really_full_disk(tiny_disk, monkeypatch):
    folder, real = tiny_disk
    if not real:
        monkeypatch.setattr(os, "posix_fallocate", _no_space)
    with pytest.raises(StoreUnavailable, match="is full: the ring needs"):
        open_ring(folder, capacity=21600)
    if real:
        open_ring(folder, capacity=600).close()  # 300 KiB: what the failed try took was given back


def test_a_read_only_folder_is_one_sentence(tmp_path, monkeypatch):
    def refuse(*_args: object, **_more: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreUnavailable, match=r"cannot be written: Read-only file system\.$"):
        open_ring(tmp_path / "data")


def test_the_stamp_of_a_step_fits_the_clock():
    assert step_number(NOW, 0.5) == 2 * step_number(NOW, 1.0)
    assert np.uint32(step_number(NOW, 0.5)) == step_number(NOW, 0.5)
