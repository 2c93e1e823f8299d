"""What was set anew since the start before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.changes import FILE, changed_since, plain
from config.settings import Settings


def test_the_first_start_and_the_same_again_are_no_change(tmp_path: Path) -> None:
    assert changed_since(tmp_path, Settings()) == ""
    assert changed_since(tmp_path, Settings()) == ""


def test_a_change_is_told_once_with_what_it_was(tmp_path: Path) -> None:
    changed_since(tmp_path, Settings())
    new = Settings(
        ring_hours=12, volumes_exclude=("/a", "/b"), adaptive_interval=True,
    )
    assert changed_since(tmp_path, new) == (
        "adaptive_interval: false → true; ring_hours: 6.0 → 12.0; volumes_exclude: – → /a, /b"
    )
    assert changed_since(tmp_path, new) == ""


def test_passwords_are_neither_told_nor_kept(tmp_path: Path) -> None:
    changed_since(tmp_path, Settings(redis_url="redis://:hunter2@a/0"))
    assert changed_since(tmp_path, Settings(redis_url="redis://:hunter3@a/0")) == "redis_url"
    assert "hunter" not in (tmp_path / FILE).read_text()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"ring_hours": 3}'])
def test_a_file_that_is_not_ours_is_written_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    changed_since(tmp_path, Settings())
    assert json.loads((tmp_path / FILE).read_text()) == plain(Settings())


def test_a_setting_that_is_new_is_no_change(tmp_path: Path) -> None:
    old = plain(Settings())
    del old["base_path"]
    (tmp_path / FILE).write_text(json.dumps(old))
    assert changed_since(tmp_path, Settings(base_path="/vigie/")) == ""


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    assert changed_since(tmp_path / "nowhere", Settings()) == ""
