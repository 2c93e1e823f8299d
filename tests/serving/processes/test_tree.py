"""Processes that belong together, and ports and who holds them."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from serving.processes import ports
from serving.processes.tree import TICKS, Stat, Tree, scan, stat_of
from tests.support import free_port


def _stat(pid: int, parent: int = 1, *, group: int = 0, session: int = 0, start: int = 100, state: str = "S") -> Stat:
    return Stat(pid, state, parent, group or pid, session or pid, 0.0, start)


def _known(tree: Tree, *stats: Stat) -> set[int]:
    tree.refresh({stat.pid: stat for stat in stats})
    return set(tree.known)


@pytest.mark.parametrize("name", ["sleep", "a b", "a) S 1 (b", "((", ")", ""])
def test_a_name_may_hold_anything(tmp_path: Path, name: str) -> None:
    (tmp_path / "7").mkdir()
    line = f"7 ({name}) R 3 4 5 0 -1 4194560 1 2 3 4 {2 * TICKS} {TICKS} 0 0 20 0 1 0 12345 1 1\n"
    (tmp_path / "7" / "stat").write_text(line)
    assert scan(str(tmp_path)) == {7: Stat(7, "R", 3, 4, 5, 3.0, 12345)}


@pytest.mark.parametrize("text", ["", "7", "7 (x) R 1", "garbage"])
def test_a_line_that_is_cut_is_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(text)
    assert stat_of(7, str(tmp_path)) is None and stat_of(8, str(tmp_path)) is None


def test_children_grandchildren_and_the_session_belong_to_it() -> None:
    tree = Tree(10, 100)
    stats = [
        _stat(10), _stat(11, 10), _stat(12, 11, session=12), _stat(13, 1, session=10), _stat(14, 1, group=10),
        _stat(20), _stat(21, 20),
    ]
    assert _known(tree, *stats) == {10, 11, 12, 13, 14}


def test_who_was_seen_once_belongs_to_it_when_its_parents_are_gone() -> None:
    tree = Tree(10, 100)
    _known(tree, _stat(10), _stat(11, 10), _stat(12, 11, session=12))
    assert _known(tree, _stat(12, 1, session=12)) == {12}


def test_a_pid_that_was_given_anew_is_somebody_elses() -> None:
    tree = Tree(10, 100)
    _known(tree, _stat(10), _stat(11, 10))
    again = [_stat(10, start=900), _stat(11, start=900), _stat(12, 10, start=901), _stat(13, session=10, start=902)]
    assert _known(tree, *again) == set()


def test_the_dead_do_not_count() -> None:
    assert _known(Tree(10, 100), _stat(10), _stat(11, 10, state="Z")) == {10}


def test_the_holder_of_a_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        found = ports.holder(port)
        assert found is not None and found.pid == os.getpid() and found.name
        with socket.create_connection(("127.0.0.1", port)):
            assert ports.clients(port) == 1
    port = free_port()
    assert ports.is_free(port) and ports.holder(port) is None and ports.clients(port) == 0


def test_who_listened_before_us_is_a_stranger_and_who_came_later_may_be_our_container() -> None:
    ours = stat_of(os.getpid())
    assert ours is not None
    later = subprocess.Popen(["sleep", "60"])
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            stat = stat_of(later.pid)
            assert stat is not None
            assert ports.is_others(port, Tree(later.pid, stat.start))
            assert not ports.is_others(port, Tree(os.getpid(), ours.start))
            assert not ports.is_others(port, Tree(later.pid, ours.start))
        assert not ports.is_others(free_port(), Tree(later.pid, stat.start))
    finally:
        later.kill()
        later.wait()


def test_a_free_port_is_none_that_was_given_away() -> None:
    given = {ports.free_port() for _ in range(5)}
    assert ports.free_port(given) not in given
