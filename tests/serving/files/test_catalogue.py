"""The catalogue: what is on disk is seen within seconds, joined, and told when something is wrong with it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.dashboard import EXTENSIONS, Paths
from serving.files import catalogue as module
from serving.files.catalogue import Catalogue
from serving.files.rows import ModelFile, rows
from serving.files.scan import Folder, Seen, folders_of, walk
from tests.serving.files import build
from tests.serving.files.test_safetensors import CONFIG, TWO
from tests.support import wait_until

NOBODY = 65_534


@contextmanager
def running(*folders: Folder | Path, rescan: float = 30.0, settle: float = 0.2) -> Iterator[Catalogue]:
    """A catalogue of ``folders`` that runs and has looked once."""
    found = [one if isinstance(one, Folder) else Folder(str(one)) for one in folders]
    catalogue = Catalogue(lambda: found, rescan=rescan, settle=settle)
    catalogue.start()
    try:
        yield catalogue
    finally:
        catalogue.stop()


def names(catalogue: Catalogue) -> list[str]:
    return [row.name for row in catalogue.models() if not row.reading]


def row(catalogue: Catalogue, name: str) -> ModelFile:
    """The row of that name, once it has been read."""
    def found() -> ModelFile | None:
        return next((one for one in catalogue.models() if one.name == name and not one.reading), None)

    return wait_until(found, what=name)


def only(catalogue: Catalogue, wanted: list[str]) -> None:
    wait_until(lambda: names(catalogue) == wanted, what=f"the models are {wanted}")


@pytest.fixture
def model(tiny_model: Path) -> Callable[[Path], Path]:
    def copied(path: Path) -> Path:
        shutil.copy(tiny_model, path)
        return path

    return copied


def test_a_new_changed_renamed_and_removed_file_is_seen(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    with running(tmp_path, rescan=1000) as catalogue:
        wait_until(lambda: catalogue.problem() == "")
        model(tmp_path / "one.gguf")
        assert row(catalogue, "one").facts.architecture == "llama"
        (tmp_path / "one.gguf").rename(tmp_path / "two.gguf")
        only(catalogue, ["two"])
        build.gguf(tmp_path / "two.gguf", [("general.architecture", "gemma3")], [build.tensor("a", [8])], data=32)
        wait_until(lambda: row(catalogue, "two").facts.architecture == "gemma3")
        before = catalogue.revision()
        (tmp_path / "two.gguf").unlink()
        only(catalogue, [])
        assert catalogue.revision() > before


def test_a_link_changes_with_the_file_that_it_leads_to(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    watched, outside = tmp_path / "watched", tmp_path / "outside"
    watched.mkdir()
    outside.mkdir()
    model(outside / "blob")
    (watched / "linked.gguf").symlink_to(outside / "blob")
    with running(watched, rescan=1000) as catalogue:
        assert row(catalogue, "linked").facts.architecture == "llama"
        build.gguf(outside / "new", [("general.architecture", "gemma3")], [build.tensor("a", [8])], data=32)
        (outside / "new").rename(outside / "blob")
        wait_until(lambda: row(catalogue, "linked").facts.architecture == "gemma3")
        (outside / "blob").unlink()
        wait_until(lambda: str(row(catalogue, "linked").error) == "This link leads nowhere.")
        model(outside / "blob")
        wait_until(lambda: row(catalogue, "linked").facts)


def test_new_folders_are_watched_too(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    with running(tmp_path, rescan=1000) as catalogue:
        (tmp_path / "a" / "b.5").mkdir(parents=True)
        model(tmp_path / "a" / "b.5" / "deep.gguf")
        only(catalogue, ["deep"])
        model(tmp_path / "a" / "b.5" / "later.gguf")
        only(catalogue, ["deep", "later"])
        (tmp_path / "a").rename(tmp_path / "c")
        wait_until(lambda: all("/c/" in r.path for r in catalogue.models()))
        shutil.rmtree(tmp_path / "c")
        only(catalogue, [])


def test_without_a_word_of_the_system_the_rescan_sees_it(
    tmp_path: Path, model: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object, **__: object) -> Iterator[object]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "watch", refuses)
    with running(tmp_path, rescan=0.3) as catalogue:
        wait_until(lambda: "tells of no changes (No space left on device)" in catalogue.problem())
        model(tmp_path / "one.gguf")
        only(catalogue, ["one"])


def test_a_file_that_is_being_written_waits(tmp_path: Path, tiny_model: Path) -> None:
    whole = tiny_model.read_bytes()
    with running(tmp_path, settle=2.0) as catalogue, (tmp_path / "slow.gguf").open("wb") as file:
        stop, written = threading.Event(), threading.Event()

        def write() -> None:
            for place in range(20):
                file.write(whole[place * 1000:(place + 1) * 1000])
                file.flush()
                stop.wait(0.1)
            file.write(whole[20_000:])
            file.flush()
            written.set()

        writer = threading.Thread(target=write)
        writer.start()
        seen = []
        while not written.is_set():
            seen += [r for r in catalogue.models() if not r.reading]
            written.wait(0.02)
        writer.join()
        assert seen == []  # neither an error nor half a model was shown meanwhile
        assert row(catalogue, "slow").facts.complete


def test_a_cut_file_says_so_until_it_is_whole(tmp_path: Path, tiny_model: Path) -> None:
    whole = tiny_model.read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole[:-1000])
    with running(tmp_path) as catalogue:
        cut = row(catalogue, "cut")
        assert "ends before its tensors do" in str(cut.error) and cut.facts.complete is False
        path.write_bytes(whole)
        wait_until(lambda: row(catalogue, "cut").error is None)


def test_one_hostile_file_stops_no_other(
    tmp_path: Path, model: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + b"\xff" * 100)
    (tmp_path / "b.safetensors").write_bytes(b"\xff" * 100)
    model(tmp_path / "c.gguf")
    model(tmp_path / "d.gguf")
    real = module.gguf.read

    def breaks(path: Path) -> object:
        if path.name == "d.gguf":
            raise RuntimeError("a mistake of the reader")
        return real(path)

    monkeypatch.setattr(module.gguf, "read", breaks)
    with running(tmp_path) as catalogue:
        only(catalogue, ["a", "b", "c", "d"])
        assert "version of GGUF" in str(row(catalogue, "a").error)
        assert "header claims" in str(row(catalogue, "b").error)
        assert row(catalogue, "c").facts and row(catalogue, "c").error is None
        assert str(row(catalogue, "d").error) == "Vigie's reader failed on this file (RuntimeError)."


def shard(path: Path, number: int, count: int = 3) -> None:
    keys = [*build.LLAMA, ("split.no", number - 1), ("split.count", count)]
    build.gguf(path / f"big-{number:05}-of-{count:05}.gguf", keys, [build.tensor(f"blk.{number}.w", [64])], data=256)


def test_shards_are_one_model_and_missing_ones_are_named(tmp_path: Path) -> None:
    for number in (1, 3):
        shard(tmp_path, number)
    with running(tmp_path) as catalogue:
        part = row(catalogue, "big")
        assert part.missing == ("big-00002-of-00003.gguf",)
        assert str(part.error) == "Parts of this model are missing: big-00002-of-00003.gguf."
        shard(tmp_path, 2)
        wait_until(lambda: row(catalogue, "big").error is None)
        whole = row(catalogue, "big")
        assert whole.path.endswith("big-00001-of-00003.gguf") and len(whole.parts) == 3
        assert (whole.facts.parameters, whole.facts.tensors, whole.facts.complete) == (192, 3, True)
        assert whole.facts.weights.layers == (0, 256, 256, 256)
        assert whole.size == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_a_shard_of_another_count_is_told(tmp_path: Path) -> None:
    shard(tmp_path, 1, 2)
    (tmp_path / "big-00001-of-00002.gguf").rename(tmp_path / "big-00001-of-00005.gguf")
    found = table(tmp_path)
    assert "one of 2 parts; by its name there are 5" in str(found["big"].error)
    (tmp_path / "big-00001-of-00005.gguf").rename(tmp_path / "big-00001-of-99999.gguf")
    assert len(table(tmp_path)["big"].missing) == 100


def table(*folders: Path) -> dict[str, ModelFile]:
    """The rows without the thread."""
    catalogue = Catalogue(lambda: [Folder(str(folder)) for folder in folders], settle=0)
    catalogue._look()
    return {found.name: found for found in [*catalogue.models(), *catalogue.companions()]}


def test_safetensors_are_joined_by_their_index_and_described_by_their_config(tmp_path: Path) -> None:
    folder = tmp_path / "models--org--Name" / "snapshots" / "0123abc"
    folder.mkdir(parents=True)
    shards = [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    for name in shards[:2]:
        build.safetensors(folder / name, TWO, 48)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": dict(zip("abc", shards))}))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    found = table(tmp_path)["org/Name"]
    assert found.missing == (shards[2],) and found.facts.parameters == 32
    assert found.facts.architecture == "LlamaForCausalLM" and found.facts.context_length == 131_072
    build.safetensors(folder / shards[2], TWO, 48)
    whole = table(tmp_path)["org/Name"]
    assert whole.error is None and len(whole.parts) == 3
    (folder / "config.json").write_text("{")
    assert "config.json is no JSON" in str(table(tmp_path)["org/Name"].error)
    (folder / "model.safetensors.index.json").write_text("{")
    assert "no JSON" in str(table(tmp_path)["model.safetensors.index.json"].error)


def test_an_index_without_any_of_its_shards_is_a_model_with_parts_missing(tmp_path: Path) -> None:
    folder = tmp_path / "Llama-8B"
    folder.mkdir()
    shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": dict(zip("ab", shards))}))
    found = table(tmp_path)["Llama-8B"]
    assert found.missing == tuple(shards) and (found.facts, found.size, found.reading) == (None, None, False)
    assert str(found.error) == f"Parts of this model are missing: {', '.join(shards)}."
    build.safetensors(folder / shards[0], TWO, 48)
    assert table(tmp_path)["Llama-8B"].missing == (shards[1],)
    assert walk([Folder(str(tmp_path), extensions=(".gguf",))]).beside == {}, "its shards are not looked for there"


def test_companions_are_no_models(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    model(tmp_path / "m.gguf")
    build.gguf(tmp_path / "mmproj-m.gguf", [("general.type", "mmproj")], [build.tensor("v", [8])], data=32)
    build.gguf(tmp_path / "lora.gguf", [("general.type", "adapter")], [build.tensor("v", [8])], data=32)
    build.gguf(tmp_path / "vocab.gguf", build.LLAMA)
    build.safetensors(tmp_path / "adapter.safetensors", {"x.lora_A.weight": build.entry(0, 4)}, 4)
    catalogue = Catalogue(lambda: [Folder(str(tmp_path))], settle=0)
    catalogue._look()
    assert [found.name for found in catalogue.models()] == ["m"]
    assert {found.name: found.companion for found in catalogue.companions()} == {
        "mmproj-m": "mmproj", "lora": "adapter", "vocab": "other", "adapter": "adapter"}


def test_bin_files_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.bin").write_bytes(b"\x80\x04c__builtin__\neval\n")
    (tmp_path / "other.onnx").write_bytes(b"x")
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **more: opened.append(str(path)) or real(path, *rest, **more))
    catalogue = Catalogue(lambda: [Folder(str(tmp_path), extensions=(*EXTENSIONS, ".onnx"))], settle=0)
    catalogue._look()
    found = {one.name: one for one in catalogue.models()}
    assert (found["weights"].format, found["weights"].size, found["weights"].facts) == ("bin", 20, None)
    assert found["weights"].modified == pytest.approx((tmp_path / "weights.bin").stat().st_mtime)
    assert found["other"].format == "other"
    assert opened == []


def test_links_to_files_are_read_and_links_to_folders_are_not_followed(
    tmp_path: Path, model: Callable[[Path], Path]
) -> None:
    watched, outside = tmp_path / "watched", tmp_path / "outside"
    watched.mkdir()
    outside.mkdir()
    model(outside / "blob")
    model(outside / "hidden.gguf")
    (watched / "linked.gguf").symlink_to(outside / "blob")
    (watched / "loop").symlink_to(watched)
    (watched / "away").symlink_to(outside)
    (watched / "nowhere.gguf").symlink_to(outside / "gone")
    (watched / "self.gguf").symlink_to(watched / "self.gguf")
    found = table(watched)
    assert sorted(found) == ["linked", "nowhere", "self"]
    assert found["linked"].facts.architecture == "llama"
    assert str(found["nowhere"].error) == "This link leads nowhere."
    assert "could not be read" in str(found["self"].error)


def test_folders_that_overlap_show_each_file_once(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    (tmp_path / "in").mkdir()
    model(tmp_path / "in" / "m.gguf")
    (tmp_path / "same").symlink_to(tmp_path / "in")
    for order in ([tmp_path, tmp_path / "in", tmp_path / "same"], [tmp_path / "same", tmp_path]):
        scan = walk([Folder(str(path)) for path in order])
        assert len(scan.files) == 1


def test_only_what_is_asked_for_is_found(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    for name in ("a.gguf", "B.GGUF", "c.txt", "sub/d.gguf", ".hidden/e.gguf", "f.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        model(tmp_path / name)
    flat = walk([Folder(str(tmp_path), recursive=False, extensions=(".gguf",))])
    assert [seen.name for seen in flat.files] == ["B.GGUF", "a.gguf"]
    assert [seen.name for seen in walk([Folder(str(tmp_path))]).files] == ["B.GGUF", "a.gguf", "f.bin", "d.gguf"]


def test_a_name_that_is_no_text_is_told(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    model(tmp_path / "good.gguf")
    (tmp_path / os.fsdecode(b"caf\xe9.gguf")).write_bytes(b"GGUF")
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    found = table(tmp_path)
    assert found["good"].facts
    assert str(found["caf\ufffd.gguf"].error) == "The name of this file is not UTF-8."
    assert json.dumps([one.path for one in found.values()], ensure_ascii=False).encode()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without root's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_a_row_with_a_sentence(model: Callable[[Path], Path]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "closed").mkdir()
        model(folder / "closed" / "x.gguf")
        (folder / "closed").chmod(0)
        model(folder / "secret.gguf").chmod(0)
        model(folder / "open.gguf").chmod(0o644)
        catalogue = Catalogue(lambda: [Folder(name)], settle=0)
        with unprivileged():
            catalogue._look()
            found = {one.name: one for one in catalogue.models()}
        assert (found["closed"].format, str(found["closed"].error)) == ("folder", "Vigie may not read this.")
        assert str(found["secret"].error) == "Vigie may not read this."
        assert found["open"].facts
        (folder / "closed").chmod(0o755)
        (folder / "secret.gguf").chmod(0o644)
        with unprivileged():
            catalogue._look()
        assert [one.error for one in catalogue.models()] == [None, None, None]


def test_a_folder_that_goes_away_is_told_and_found_again(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    folder = tmp_path / "models"
    with running(folder, rescan=1000) as catalogue:
        wait_until(lambda: catalogue.problem() == f"The folder {folder} is not there.")
        folder.mkdir()
        model(folder / "m.gguf")
        only(catalogue, ["m"])
        assert catalogue.problem() == ""
        folder.rename(tmp_path / "elsewhere")
        wait_until(lambda: "is not there" in catalogue.problem())
        only(catalogue, [])
        (tmp_path / "elsewhere").rename(folder)
        only(catalogue, ["m"])
        shutil.rmtree(folder)  # and at once another of that name
        folder.mkdir()
        model(folder / "n.gguf")
        only(catalogue, ["n"])


def test_other_folders_take_effect_at_once(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    model(tmp_path / "a" / "a.gguf")
    model(tmp_path / "b" / "b.gguf")
    folders = [Folder(str(tmp_path / "a"))]
    catalogue = Catalogue(lambda: folders, rescan=1000, settle=0.1)
    assert catalogue.problem() == "The watch on model files does not run."
    catalogue.start()
    try:
        only(catalogue, ["a"])
        folders[:] = [Folder(str(tmp_path / "b"))]
        catalogue.reconfigured()
        only(catalogue, ["b"])
        folders.clear()
        catalogue.reconfigured()
        only(catalogue, [])
        assert catalogue.problem() == ""
    finally:
        catalogue.stop()
    assert catalogue.problem() == "The watch on model files does not run."


def test_an_unchanged_file_is_read_once(
    tmp_path: Path, model: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model(tmp_path / "m.gguf")
    read = []
    real = module.gguf.read
    monkeypatch.setattr(module.gguf, "read", lambda path: read.append(path) or real(path))
    catalogue = Catalogue(lambda: [Folder(str(tmp_path))], settle=0)
    for _ in range(3):
        catalogue._look()
    assert len(read) == 1
    os.utime(tmp_path / "m.gguf", (1, 1))
    catalogue._look()
    assert len(read) == 2


def test_a_clock_that_is_wrong_holds_nothing_up(tmp_path: Path, model: Callable[[Path], Path]) -> None:
    os.utime(model(tmp_path / "m.gguf"), (2e9 + 1e9, 2e9 + 1e9))
    with running(tmp_path) as catalogue:
        only(catalogue, ["m"])


def test_thousands_of_files_are_shown_and_stopping_does_not_wait(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"m{number:04}.gguf").write_bytes(b"GGUF")
    with running(tmp_path, settle=0) as catalogue:
        wait_until(lambda: len(names(catalogue)) == 3000, 30)
    assert not catalogue._thread.is_alive()


def test_the_bounds_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.files import scan

    monkeypatch.setattr(scan, "MOST_FILES", 2)
    for name in "abc":
        (tmp_path / f"{name}.bin").touch()
    assert [str(one) for one in walk([Folder(str(tmp_path))]).troubles] == [
        f"{tmp_path} has more than 2 model files; the others are not shown."]
    monkeypatch.setattr(scan, "MOST_FILES", 100)
    monkeypatch.setattr(scan, "MOST_FOLDERS", 2)
    for name in "abc":
        (tmp_path / name).mkdir()
    assert "more than 2 subfolders" in str(walk([Folder(str(tmp_path))]).troubles[0])


def test_a_folder_that_is_too_large_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving.files import scan

    monkeypatch.setattr(scan, "MOST_FILES", 2)
    monkeypatch.setattr(scan, "MOST_FOLDERS", 2)
    many, deep, small = (tmp_path / name for name in ("many", "deep", "small"))
    for folder, count in ((many, 3), (small, 2)):
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.bin").touch()
    (small / "README").touch()
    for name in "abc":
        (deep / name).mkdir(parents=True)
    (small / "a").mkdir()
    (small / "b").mkdir()
    found = walk([Folder(str(folder)) for folder in (many, deep, small)])
    assert [str(one) for one in found.troubles] == [
        f"{many} has more than 2 model files; the others are not shown.",
        f"{deep} has more than 2 subfolders; the others are not looked at.",
    ]
    assert [seen.name for seen in found.files if seen.folder == str(small)] == ["0.bin", "1.bin"]
    assert {str(small), str(small / "a"), str(small / "b")} <= found.directories.keys()


def test_folders_come_from_the_configuration() -> None:
    paths = Paths.model_validate({
        "modelsDirectory": "/srv/models",
        "watchedDirectories": [
            {"path": "/mnt/more", "recursive": False, "extensions": [".gguf"]}, {"path": "/srv/models"},
        ],
    })
    assert folders_of(paths) == (Folder("/srv/models"), Folder("/mnt/more", False, (".gguf",)))
    assert folders_of(Paths()) == ()


def test_rows_of_nothing_are_none() -> None:
    from serving.files.scan import Scan

    assert rows(Scan(), lambda seen: None) == ()
    waiting = rows(Scan(files=[Seen("/m/a.gguf", "/m", 5, 1, 1)]), lambda seen: None)
    assert [(one.name, one.reading, one.size) for one in waiting] == [("a", True, 5)]
