"""Every kind of broken file is refused with a sentence by the real store behind its real watcher, which goes on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.checking import LARGEST, check, parse
from config.problems import ConfigInvalid
from config.secret import Cipher
from config.store import ConfigStore
from config.watch import Watcher
from tests.config.broken import GOOD, TEXTS
from tests.support import wait_until

CIPHER = Cipher("k" * 43)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfigStore]:
    """One store that lives through them all, with less patience for who is still writing."""
    patch = pytest.MonkeyPatch()
    patch.setattr("config.store.PATIENCE", 0.01)
    store = ConfigStore(tmp_path_factory.mktemp("broken") / "config", CIPHER)
    watcher = Watcher(store)
    watcher.start()
    yield store
    watcher.stop()
    patch.undo()


def told(store: ConfigStore) -> str:
    return "; ".join(problem.sentence for problem in store.problems)


def refused_and_mended(store: ConfigStore, break_it: Callable[[Path], None], says: str) -> None:
    """Breaks the file; the sentence comes, nothing else changes; then a good file is taken up again."""
    before, rejections = store.current, store.counts.rejections["file"]
    break_it(store.path)
    wait_until(lambda: says in told(store), what=f"it is refused: {says}", every=0.01)
    assert store.counts.rejections["file"] > rejections
    assert len(told(store)) < 1000
    assert store.current is before, "what is in force stays"
    if store.path.is_dir() and not store.path.is_symlink():
        store.path.rmdir()
    else:
        store.path.unlink(missing_ok=True)
    store.path.write_text(GOOD)
    wait_until(lambda: not store.problems, what="the good file is taken", every=0.01)
    assert store.current.ui.theme == "dark"


@pytest.mark.parametrize("kind", TEXTS)
def test_a_broken_file_is_refused_with_a_sentence(running: ConfigStore, kind: str) -> None:
    content, says = TEXTS[kind]
    data = content if isinstance(content, bytes) else content.encode()
    refused_and_mended(running, lambda path: path.write_bytes(data) and None, says)


def _replaced(path: Path, make: Callable[[Path], None]) -> None:
    path.unlink()
    make(path)


PLACES: dict[str, tuple[Callable[[Path], None], str]] = {
    "gone": (lambda path: path.unlink(), "The file is gone"),
    "a folder": (lambda path: _replaced(path, Path.mkdir), "There is a folder in the file's place"),
    "a link to a good file": (
        lambda path: _replaced(path, lambda p: p.symlink_to(_good(p.parent.parent / "elsewhere.json"))),
        "The file is a symbolic link",
    ),
    "a link to nothing": (lambda path: _replaced(path, lambda p: p.symlink_to("nowhere")), "is a symbolic link"),
    "a link to a device": (lambda path: _replaced(path, lambda p: p.symlink_to("/dev/zero")), "is a symbolic link"),
    "a pipe": (lambda path: _replaced(path, os.mkfifo), "is no regular file"),
}


def _good(path: Path) -> Path:
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_file_is_refused_with_a_sentence(running: ConfigStore, kind: str) -> None:
    make, says = PLACES[kind]
    refused_and_mended(running, make, says)


def test_a_file_without_permission_is_refused_with_a_sentence() -> None:
    # As somebody whom the kernel refuses: root may read everything.
    folder = Path(tempfile.mkdtemp(prefix="vigie-unreadable-"))
    reader, writer = os.pipe()
    try:
        if os.geteuid() == 0:
            os.chown(folder, 65534, 65534)
        child = os.fork()
        if child == 0:
            try:
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setgid(65534)
                    os.setuid(65534)
                store = ConfigStore(folder / "config", CIPHER)
                store.path.chmod(0)
                store.reload()
                store.path.chmod(0o600)
                text = "; ".join(problem.sentence for problem in store.problems)
                store.reload()
                os.write(writer, f"{text} / {len(store.problems)}".encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 1000).decode() == "The file cannot be read: Permission denied. / 0"
    finally:
        os.close(reader)
        os.close(writer)
        shutil.rmtree(folder, ignore_errors=True)


def test_there_are_enough_kinds() -> None:
    assert len(TEXTS) + len(PLACES) >= 50


def test_what_a_secret_was_is_in_no_sentence() -> None:
    for text in (
        '{"proxies": {"ollama": {"apiKey": {"value": "hunter2"}}}}',
        '{"proxies": {"ollama": {"apikey": "hunter2"}}}',
        '{"password": "hunter2"}',
        '{"notifications": {"targets": {"mail": {"url": ["hunter2"]}}}}',
        '{"proxies": {"ollama": {"apiKey": "hunter2" "x"}}}',
    ):
        with pytest.raises(ConfigInvalid) as refused:
            check(parse(text.encode()))
        assert "hunter2" not in str(refused.value)


def test_a_byte_order_mark_is_no_error() -> None:
    assert parse(b"\xef\xbb\xbf" + GOOD.encode()) == {"ui": {"theme": "dark"}}
    with pytest.raises(ConfigInvalid):
        parse(b" " * (LARGEST + 1))
