"""The API key of an engine, out of the file that it was given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from serving.processes.key_file import key_in


@pytest.mark.parametrize(("text", "key"), [
    (b"abc", "abc"), (b"\n  abc \r\ndef\n", "abc"), (b"", ""), (b"\n\n", ""), ("clé".encode(), ""), (b"\xff", ""),
    (b"a\0b", ""), (b"a\rb", ""),
])
def test_the_first_line_is_the_key(tmp_path: Path, text: bytes, key: str) -> None:
    (tmp_path / "key").write_bytes(text)
    assert key_in(str(tmp_path / "key")) == key


def test_what_is_no_file_holds_no_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("", str(tmp_path), str(tmp_path / "none"), str(tmp_path / "pipe"), "/dev/zero", "\0"):
        assert key_in(path) == ""
