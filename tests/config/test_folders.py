"""Folders for the path picker: what is shown, what is not, and where it stops."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from config.folders import DEEPEST, MOST_ENTRIES, FolderRefused, look, roots


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "srv"
    (made / "models" / "deep").mkdir(parents=True)
    (made / ".hidden").mkdir()
    (made / "models" / "a.gguf").write_bytes(b"x" * 10)
    (made / "models" / "deep" / "b.safetensors").write_bytes(b"x" * 30)
    (made / "models" / "notes.txt").write_text("no model")
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "secret"
    made.mkdir()
    (made / "private.gguf").write_bytes(b"x")
    return made


def test_subfolders_and_all_models_below(root: Path) -> None:
    found = look(str(root), [str(root)])
    assert (found.path, found.parent, found.folders) == (str(root), "", ["models"])
    assert found.models == [("models/deep/b.safetensors", 30), ("models/a.gguf", 10)]
    assert (found.count, found.size, found.complete) == (2, 40, True)
    assert look(str(root / "models"), [str(root)]).parent == str(root)


def test_no_way_leads_out(root: Path, outside: Path) -> None:
    (root / "door").symlink_to(outside)
    (root / "models" / "stolen.gguf").symlink_to(outside / "private.gguf")
    (root / "models" / "own.gguf").symlink_to(root / "models" / "a.gguf")
    found = look(str(root), [str(root)])
    assert found.folders == ["models"], "a link is no folder"
    assert [name for name, _ in found.models] == ["models/deep/b.safetensors", "models/a.gguf", "models/own.gguf"]
    for path in (root / "door", outside, root / ".." / "secret", Path("/etc"), Path("/"), Path(f"{root}2")):
        with pytest.raises(FolderRefused) as refused:
            look(str(path), [str(root)])
        assert refused.value.status == 403, path


def test_what_is_not_there_outside_is_refused_as_what_is(root: Path) -> None:
    with pytest.raises(FolderRefused) as refused:
        look("/no/such/folder", [str(root)])
    assert refused.value.status == 403
    with pytest.raises(FolderRefused) as missing:
        look(str(root / "none"), [str(root)])
    assert missing.value.status == 404
    for path in ("", "srv", "/srv\0/x"):
        with pytest.raises(FolderRefused):
            look(path, [str(root)])


def test_a_root_may_be_a_link_itself(root: Path, tmp_path: Path) -> None:
    (tmp_path / "home").symlink_to(root)
    assert look(str(tmp_path / "home"), [str(tmp_path / "home")]).folders == ["models"]


def test_only_roots_that_are_there_are_offered(root: Path) -> None:
    assert roots([str(root), f"{root}/", "/no/such"]) == [str(root)]


def test_a_file_is_no_folder(root: Path) -> None:
    with pytest.raises(FolderRefused):
        look(str(root / "models" / "a.gguf"), [str(root)])


def test_it_ends_in_time_and_says_that_there_is_more(root: Path) -> None:
    clock: Iterator[float] = (float(n) for n in count())
    assert not look(str(root), [str(root)], lambda: next(clock)).complete


def test_it_ends_after_so_many_entries_and_so_deep(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = root.joinpath(*map(str, range(DEEPEST + 1)))
    deep.mkdir(parents=True)
    (deep / "far.gguf").write_bytes(b"x")
    found = look(str(root), [str(root)])
    assert "far.gguf" not in str(found.models) and not found.complete
    monkeypatch.setattr("config.folders.MOST_ENTRIES", 2)
    assert not look(str(root), [str(root)]).complete
    assert MOST_ENTRIES >= 10_000
