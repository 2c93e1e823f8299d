"""What a model process writes: kept, bounded, readable, and never in its way."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.processes.output import LONGEST_LINE, MOST_LINES, Output, clean, file_name
from tests.serving.processes.conftest import House, child, one, post, reached, until


def test_a_flood_neither_blocks_nor_fills_memory_or_disk(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("flood")) as supervisor:
            await supervisor.ensure("flood")
            folder = house.folder / "logs" / "models"
            await until(lambda: any(line.text == "that was all" for line in supervisor.logs("flood")), 30)
            lines = supervisor.logs("flood")
            assert len(lines) <= MOST_LINES
            assert [line.seq for line in lines] == list(range(lines[0].seq, lines[0].seq + len(lines)))
            await until(lambda: (folder / "flood.log").stat().st_size <= 4 * 2**20)
            assert sum(path.stat().st_size for path in folder.iterdir()) < 16 * 2**20
            assert "flood" in supervisor.running()

    house.run(test)


def test_lines_are_asked_for_from_a_number_on(house: House) -> None:
    async def test() -> None:
        async with house.supervisor(child("broken")) as supervisor:
            await supervisor.start_process("broken")
            await reached(supervisor, "broken", state="error")
            first = supervisor.logs("broken")
            assert [line.text for line in first] == ["loading the model", "error: bad magic"]
            assert supervisor.logs("broken", after=first[-1].seq) == []
            await supervisor.start_process("broken")
            more = await until(lambda: supervisor.logs("broken", after=first[-1].seq))
            assert more[0].seq == first[-1].seq + 1

    house.run(test)


def test_without_a_place_for_its_output_it_runs_all_the_same_and_says_so(house: House) -> None:
    house.folder.mkdir()
    (house.folder / "logs").write_text("a file where the folder should be")

    async def test() -> None:
        async with house.supervisor(child("good")) as supervisor:
            await supervisor.ensure("good")
            assert "Its output cannot be kept in" in one(supervisor, "good")["output_problem"]

    house.run(test)


def test_no_link_is_followed_and_no_pipe_waited_for(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "link.log").symlink_to(target)
    os.mkfifo(tmp_path / "pipe.log")
    for name in ("link", "pipe"):
        output = Output(tmp_path, name)
        number = output.open()
        os.write(number, b"text\n")
        os.close(number)
        assert output.problem is not None
    assert target.read_text() == "mine"


def test_a_large_file_is_set_aside_and_writing_goes_on(tmp_path: Path) -> None:
    output = Output(tmp_path, "x", most=1000)
    number = output.open()
    for round_ in range(3):
        os.write(number, b"".join(b"line %d %d\n" % (round_, k) for k in range(200)))
        asyncio.run(output.keep_small())
        assert output.path.stat().st_size == 0
    os.write(number, b"the last\n")
    asyncio.run(output.end())
    os.close(number)
    assert [line.text for line in output.after(0)][-2:] == ["line 2 199", "the last"]
    assert len(output.after(0)) == 601
    assert (tmp_path / "x.log.1").stat().st_size <= 2000 and output.path.read_text() == "the last\n"


def test_on_a_full_disk_the_file_is_cut_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("serving.processes.output._copy", full)
    output = Output(tmp_path, "x", most=10)
    number = output.open()
    os.write(number, b"more than ten bytes\n")
    asyncio.run(output.keep_small())
    os.close(number)
    assert output.path.stat().st_size == 0 and [line.text for line in output.after(0)] == ["more than ten bytes"]
    assert str(output.problem) == f"Its output cannot be kept in {output.path}: No space left on device."


def test_a_full_disk_is_told_though_the_writer_may_not_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output(tmp_path, "x")
    os.close(output.open())
    real = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result((*real[:4], 0, *real[5:])))
    asyncio.run(output.keep_small())
    assert "No space left on device" in str(output.problem)


def test_a_file_that_somebody_cut_is_read_from_its_beginning(tmp_path: Path) -> None:
    output = Output(tmp_path, "x")
    number = output.open()
    os.write(number, b"one\ntwo\n")
    output.follow()
    os.truncate(output.path, 0)
    os.write(number, b"three\n")
    output.follow()
    os.close(number)
    assert [line.text for line in output.after(0)] == ["one", "two", "three"]


@pytest.mark.parametrize("how", ["removed", "renamed", "replaced"])
def test_a_file_that_somebody_takes_away_is_read_and_bounded_all_the_same(tmp_path: Path, how: str) -> None:
    output = Output(tmp_path, "x", most=1000)
    number = output.open()
    try:
        os.write(number, b"before\n")
        output.follow()
        away = output.path.rename(tmp_path / "away")
        if how != "renamed":
            away.unlink()
        if how == "replaced":
            output.path.touch()
        os.write(number, b"after\n" * 500)
        asyncio.run(output.keep_small())
        assert os.fstat(number).st_size == 0, "it would fill the disk, and nobody would see with what"
        assert [line.text for line in output.after(0)] == ["before"] + ["after"] * 500
        assert str(output.problem) == (
            f"Its output cannot be kept in {output.path}: it was removed or renamed while it was written."
        )
        if how == "renamed":
            away.rename(output.path)
            asyncio.run(output.keep_small())
            assert output.problem is None
    finally:
        os.close(number)
        output.close()


def test_a_file_that_was_taken_away_is_found_by_the_next_serving_process(house: House) -> None:
    log = house.folder / "logs" / "models" / "good.log"

    async def test() -> None:
        async with house.supervisor(child("good"), keep=True) as supervisor:
            await supervisor.ensure("good")
        log.unlink()
        async with house.supervisor(child("good")) as supervisor:
            await until(lambda: "removed or renamed" in one(supervisor, "good").get("output_problem", ""))
            await post(f"{supervisor.running()['good']}/die?5")
            told = await reached(supervisor, "good", state="error")
            assert told["exit"]["lines"] == ["CUDA error: out of memory"]
            await supervisor.start_process("good")
            await until(lambda: "good" in supervisor.running())
            assert "output_problem" not in one(supervisor, "good") and log.exists()

    house.run(test)


def test_what_a_process_writes_elsewhere_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    elsewhere = tmp_path / "elsewhere"
    with elsewhere.open("wb") as file:
        process = subprocess.Popen(["sleep", "60"], stdout=file)
    try:
        elsewhere.write_bytes(b"mine\n" * 1000)
        output = Output(tmp_path / "logs", "x", most=10)
        output.recall(process.pid)
        asyncio.run(output.keep_small())
        assert output.after(0) == [] and elsewhere.stat().st_size == 5000
    finally:
        process.kill()
        process.wait()


def test_of_a_long_file_the_end_is_recalled(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"".join(b"%06d some text of a line\n" % k for k in range(100_000)))
    output = Output(tmp_path, "x")
    output.recall()
    lines = output.after(0)
    assert lines[-1].text == "099999 some text of a line" and len(lines) == MOST_LINES


def test_a_line_without_an_end_does_not_grow(tmp_path: Path) -> None:
    output = Output(tmp_path, "x")
    number = output.open()
    os.write(number, b"x" * 5 * LONGEST_LINE)
    output.follow()
    os.write(number, b"\nnext\n")
    asyncio.run(output.end())
    os.close(number)
    assert [len(line.text) for line in output.after(0)] == [LONGEST_LINE + 2, 4]


@pytest.mark.parametrize(("raw", "text"), [
    (b"plain\ttext", "plain\ttext"), (b"a\0b\x07c", "abc"), (b"\x1b[1;31mred\x1b[0m", "red"),
    (b"10%\r50%\r100%", "100%"), (b"dos line\r", "dos line"), ("Zürich – 東京".encode(), "Zürich – 東京"),
    (b"\xff\xfe", "��"), (b"\x1b]0;title\x07x", "x"), ("a\u0085b".encode(), "ab"),
])
def test_lines_are_cleaned(raw: bytes, text: str) -> None:
    assert clean(raw) == text


@given(st.binary(max_size=300))
def test_no_line_holds_a_control_character(raw: bytes) -> None:
    assert all(char == "\t" or (ord(char) >= 32 and not 127 <= ord(char) < 160) for char in clean(raw))


@given(st.lists(st.text("abc-_.:/@+", min_size=1, max_size=128), min_size=2, max_size=2, unique=True))
def test_each_name_has_a_file_of_its_own_in_the_folder(names: list[str]) -> None:
    first, second = (file_name(f"a{name}") for name in names)
    assert first != second and "/" not in first and len(first.encode()) < 255 and not first.startswith(".")
