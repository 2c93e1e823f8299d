"""The store of the configuration: versions, two people at once, secrets, and a file that is edited by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.documents import masked
from config.outcomes import Applied, ConfigConflict, ConfigUnwritable
from config.problems import ConfigInvalid
from config.secret import KEPT, Cipher
from config.store import ConfigStore
from config.versions import Versions
from config.watch import Watcher
from tests.support import wait_until

KEY = "k" * 43


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    return ConfigStore(tmp_path / "config", Cipher(KEY))


@pytest.fixture
def watched(store: ConfigStore) -> Iterator[ConfigStore]:
    """The store with its real watcher."""
    watcher = Watcher(store)
    watcher.start()
    yield store
    watcher.stop()
    assert watcher.problem()


def changed(store: ConfigStore, **sections: dict[str, Any]) -> dict[str, Any]:
    """What is in force with some fields set otherwise, as a form sends it."""
    document = masked(store.current)
    for name, fields in sections.items():
        document[name] |= fields
    return document


def again(store: ConfigStore) -> ConfigStore:
    """The next start on the same folder."""
    return ConfigStore(store.path.parent, Cipher(KEY))


def on_disk(store: ConfigStore) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.path.read_text())
    return found


def test_the_first_start_writes_the_defaults_for_its_owner_alone(store: ConfigStore) -> None:
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o077 == 0
    assert on_disk(store)["monitoring"]["alertThresholds"]["cpuPercent"] == 85
    assert [(v.number, v.source, v.by) for v in store.versions()] == [(1, "start", "Vigie")]
    assert again(store).version == store.version, "a start that changes nothing makes no version"


def test_a_save_is_in_force_kept_and_told(store: ConfigStore) -> None:
    told: list[tuple[str, str, Applied]] = []
    store.subscribe(lambda before, after, applied: told.append((before.ui.theme, after.ui.theme, applied)))
    saved = store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    assert store.current.ui.theme == on_disk(store)["ui"]["theme"] == "light"
    assert on_disk(store)["metadata"]["modifiedBy"] == "ada"
    [(before, after, applied)] = told
    assert (before, after) == ("auto", "light")
    assert applied.paths == ("ui.theme",) and applied.services == ("pages",)
    assert saved.version.number == 2 and saved.version.changes == ("ui.theme",)
    assert again(store).current == store.current
    assert store.counts.reloads == {"form": 1, "api": 0, "file": 0}


def test_a_save_that_changes_nothing_makes_no_version(store: ConfigStore) -> None:
    assert store.save(masked(store.current), 1, "ada").version.number == 1
    assert len(store.versions()) == 1


def test_what_is_wrong_is_refused_whole(store: ConfigStore) -> None:
    before = store.path.read_bytes()
    with pytest.raises(ConfigInvalid) as refused:
        store.save(changed(store, ui={"theme": "blue", "refreshRateMs": 1}), 1, "ada", "api")
    assert [problem.path for problem in refused.value.problems] == ["ui.theme", "ui.refreshRateMs"]
    assert store.path.read_bytes() == before
    assert store.counts.rejections == {"form": 0, "api": 1, "file": 0}


def test_changes_of_two_people_at_different_places_are_both_kept(store: ConfigStore) -> None:
    store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    mine = masked(store.read(1))
    mine["logging"]["maxFiles"] = 3
    saved = store.save(mine, 1, "bob")
    assert (store.current.ui.theme, store.current.logging.max_files) == ("light", 3)
    assert [change.path for change in saved.merged] == ["ui.theme"]
    assert [change.path for change in saved.changes] == ["logging.maxFiles"]


def test_the_second_who_changes_the_same_is_told_both_values_and_nothing_is_lost(store: ConfigStore) -> None:
    store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    store.save(changed(store, logging={"maxFiles": 3}), 2, "eve")
    mine = masked(store.read(1))
    mine["ui"]["theme"] = "dark"
    with pytest.raises(ConfigConflict) as clash:
        store.save(mine, 1, "bob")
    assert [one.plain() for one in clash.value.clashes] == [
        {"path": "ui.theme", "base": "auto", "mine": "dark", "theirs": "light"},
    ]
    assert (clash.value.theirs.number, clash.value.theirs.by) == (2, "ada"), "who did it, not who saved last"
    assert store.current.ui.theme == "light" and store.version.number == 3


def test_changes_that_do_not_go_together_are_refused(store: ConfigStore) -> None:
    limits = {"cpuPercent": 94, "cpuCriticalPercent": 95}
    store.save(changed(store, monitoring={"alertThresholds": limits}), 1, "ada")
    mine = masked(store.read(1))
    mine["monitoring"]["alertThresholds"]["cpuCriticalPercent"] = 90
    with pytest.raises(ConfigInvalid, match=r"cpuPercent \(94\) must not be above cpuCriticalPercent \(90\)"):
        store.save(mine, 1, "bob")


def test_a_base_that_is_no_longer_kept_is_a_conflict_of_all_that_differs(store: ConfigStore) -> None:
    store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    (store.path.parent / "versions" / "000001.json").unlink()
    mine = changed(store, ui={"theme": "auto"}, logging={"maxFiles": 3})
    with pytest.raises(ConfigConflict) as clash:
        store.save(mine, 1, "bob")
    assert [one.path for one in clash.value.clashes] == ["ui.theme", "logging.maxFiles"]


def test_a_secret_is_encrypted_at_rest_in_every_version_and_kept_by_its_mask(store: ConfigStore) -> None:
    document = masked(store.current)
    document["proxies"]["ollama"]["apiKey"] = "hunter2"
    saved = store.save(document, 1, "ada")
    assert [change.plain() for change in saved.changes] == [
        {"path": "proxies.ollama.apiKey", "before": "", "after": KEPT},
    ]
    for file in store.path.parent.rglob("*.json"):
        assert "hunter2" not in file.read_text(), file.name
    shown = masked(store.current)
    assert shown["proxies"]["ollama"]["apiKey"] == KEPT
    store.save({**shown, "ui": {**shown["ui"], "theme": "dark"}}, 2, "bob")
    assert again(store).current.proxies.ollama.api_key.reveal() == "hunter2"
    assert b"hunter2" not in store.export()


def test_a_mask_where_nothing_is_set_is_refused(store: ConfigStore) -> None:
    with pytest.raises(ConfigInvalid, match=r"notifications\.targets\.mail\.url: stands for a secret that is kept"):
        store.save(changed(store, notifications={"targets": {"mail": {"url": KEPT}}}), 1, "ada")


def test_an_entry_that_gets_another_name_keeps_its_secret(store: ConfigStore) -> None:
    store.save(changed(store, notifications={"targets": {"mail": {"url": "json://hunter2.example"}}}), 1, "ada")
    place = "notifications.targets.mail.url"
    store.save(changed(store, notifications={"targets": {"post": {"url": KEPT + place}}}), 2, "ada")
    assert store.current.notifications.targets["post"].url.reveal() == "json://hunter2.example"
    for elsewhere in ("proxies.ollama.apiKey", "notifications.targets.mail", "notifications.targets.gone.url"):
        with pytest.raises(ConfigInvalid, match="stands for a secret that is kept"):
            store.save(changed(store, notifications={"targets": {"x": {"url": KEPT + elsewhere}}}), 3, "ada")


def test_another_installation_cannot_read_the_secrets_and_says_so(store: ConfigStore) -> None:
    document = masked(store.current)
    document["proxies"]["ollama"]["apiKey"] = "hunter2"
    store.save(document, 1, "ada")
    other = ConfigStore(store.path.parent, Cipher("j" * 43))
    assert [problem.path for problem in other.problems] == ["proxies.ollama.apiKey"]
    assert "another installation" in other.problems[0].sentence


def test_an_older_version_is_put_in_force_as_a_new_one(store: ConfigStore) -> None:
    store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    assert [change.plain() for change in store.difference(1)] == [
        {"path": "ui.theme", "before": "auto", "after": "light"},
    ]
    saved = store.restore(1, "bob")
    assert store.current.ui.theme == "auto"
    assert (saved.version.number, saved.version.source, saved.version.note) == (3, "restore", "1")


def test_what_was_exported_is_imported_and_what_it_does_not_carry_is_named(store: ConfigStore, tmp_path: Path) -> None:
    document = changed(store, ui={"theme": "dark"})
    document["proxies"]["ollama"]["apiKey"] = "hunter2"
    store.save(document, 1, "ada")
    other = ConfigStore(tmp_path / "other", Cipher("j" * 43))
    saved = other.import_file(store.export(), "bob")
    assert other.current.ui.theme == "dark"
    assert saved.emptied == ("proxies.ollama.apiKey",) and saved.version.source == "import"
    assert store.import_file(store.export(), "ada").changes == (), "here the secret stays"
    assert store.current.proxies.ollama.api_key.reveal() == "hunter2"


def test_the_newest_versions_are_kept(tmp_path: Path) -> None:
    store = ConfigStore(tmp_path / "config", Cipher(KEY))
    store._versions = Versions(tmp_path / "config" / "versions", most=3)
    for number in range(1, 6):
        store.save(changed(store, logging={"maxFiles": number}), number, "ada")
    assert [version.number for version in store.versions()] == [6, 5, 4]
    assert len(list((tmp_path / "config" / "versions").iterdir())) == 3


def test_a_damaged_version_costs_itself_alone(store: ConfigStore) -> None:
    store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    (store.path.parent / "versions" / "000001.json").write_text("{")
    (store.path.parent / "versions" / "notes.txt").write_text("mine")
    assert [version.number for version in again(store).versions()] == [2]


def test_what_cannot_be_written_changes_nothing(store: ConfigStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("config.store.write_atomic", full)
    with pytest.raises(ConfigUnwritable, match="No space left"):
        store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    assert store.current.ui.theme == "auto" and len(store.versions()) == 1
    assert "No space left" in store.problem()


def test_a_subscriber_that_fails_keeps_no_other_from_it(store: ConfigStore) -> None:
    told: list[int] = []

    def broken(*_: object) -> None:
        raise RuntimeError("a part that cannot")

    store.subscribe(broken)
    store.subscribe(lambda _before, _after, applied: told.append(applied.version.number))
    store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    assert told == [2]


# By hand


@pytest.mark.parametrize("replaces", [True, False], ids=["as vim and VS Code", "in place, as nano"])
def test_an_edit_by_hand_is_taken_up(watched: ConfigStore, replaces: bool) -> None:
    document = on_disk(watched)
    document["ui"]["theme"] = "light"
    if replaces:
        fresh = watched.path.with_suffix(".swp")
        fresh.write_text(json.dumps(document))
        watched.path.rename(watched.path.with_suffix(".json~"))
        fresh.rename(watched.path)
    else:
        watched.path.write_text(json.dumps(document))
    wait_until(lambda: watched.current.ui.theme == "light")
    assert watched.version.source == "file" and watched.counts.reloads["file"] == 1
    assert watched.path.stat().st_mode & 0o777 == 0o600, "it may hold secrets, whatever the editor made of it"


def test_a_file_of_a_few_keys_is_the_defaults_for_the_rest_and_stays_as_it_was_written(watched: ConfigStore) -> None:
    text = '{\n  "ui": {"theme": "dark"}\n}'
    watched.path.write_text(text)
    wait_until(lambda: watched.current.ui.theme == "dark")
    assert watched.path.read_text() == text


def test_a_secret_typed_by_hand_is_taken_and_encrypted(watched: ConfigStore) -> None:
    watched.path.write_text('{"proxies": {"lmstudio": {"apiKey": "sk-typed"}}, "ui": {"theme": "dark"}}')
    wait_until(lambda: "sk-typed" not in watched.path.read_text())
    wait_until(lambda: watched.current.proxies.lmstudio.api_key.reveal() == "sk-typed")
    assert set(on_disk(watched)) == {"proxies", "ui"}, "the rest is as its author wrote it"
    assert watched.version.number == 2, "to encrypt it is no change"
    assert not watched.problems


def test_an_edit_that_nobody_has_looked_at_yet_is_no_loser_against_a_form(store: ConfigStore) -> None:
    document = on_disk(store)
    document["logging"]["maxFiles"] = 3
    store.path.write_text(json.dumps(document))
    store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    assert (store.current.ui.theme, store.current.logging.max_files) == ("light", 3)
    assert [version.source for version in store.versions()] == ["form", "file", "start"]


def test_a_refused_file_is_put_aside_and_not_overwritten_by_a_form(store: ConfigStore) -> None:
    store.path.write_text('{"ui": {"theme": "blue"}, "logging": {}}')
    store.reload()
    assert store.problems
    saved = store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    assert not store.problems
    assert "blue" in Path(saved.set_aside).read_text()
    assert on_disk(store)["ui"]["theme"] == "light"


def test_a_file_that_is_gone_changes_nothing_and_is_written_by_the_next_save(watched: ConfigStore) -> None:
    watched.path.unlink()
    wait_until(lambda: watched.problems)
    assert "is gone" in watched.problems[0].sentence
    watched.save(masked(watched.current), 1, "ada")
    assert watched.path.exists() and not watched.problems


def test_a_file_that_was_bad_and_is_as_before_is_good_again(watched: ConfigStore) -> None:
    told: list[int] = []
    watched.on_file(lambda problems: told.append(len(problems)))
    good = watched.path.read_bytes()
    watched.path.write_text("{")
    wait_until(lambda: watched.problems)
    watched.path.write_bytes(good)
    wait_until(lambda: not watched.problems)
    assert told == [1, 0] and watched.version.number == 1


def test_a_start_on_a_bad_file_runs_with_the_newest_version(store: ConfigStore) -> None:
    store.save(changed(store, ui={"theme": "light"}), 1, "ada")
    store.path.write_text("{")
    next_start = again(store)
    assert next_start.current.ui.theme == "light" and next_start.problems
    assert store.path.read_text() == "{", "what somebody wrote stays to be mended"


def test_an_edit_while_vigie_was_stopped_is_a_version_of_its_own(store: ConfigStore) -> None:
    store.path.write_text('{"ui": {"theme": "light"}}')
    next_start = again(store)
    assert next_start.current.ui.theme == "light"
    assert [version.source for version in next_start.versions()] == ["file", "start"]


def test_a_folder_that_cannot_be_written_stops_no_start(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder should be")
    store = ConfigStore(tmp_path / "config", Cipher(KEY))
    assert store.current.ui.theme == "auto" and store.problems


def test_a_folder_that_is_replaced_is_watched_on(watched: ConfigStore, tmp_path: Path) -> None:
    watched.path.parent.rename(tmp_path / "old")
    wait_until(lambda: watched.problems)
    watched.path.parent.mkdir()
    watched.path.write_text('{"ui": {"theme": "light"}}')
    wait_until(lambda: watched.current.ui.theme == "light")


def test_an_edit_in_the_moment_of_a_save_is_kept(store: ConfigStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add, edits = Versions.add, iter(["light"])

    def slow(versions: Versions, *args: Any) -> None:
        add(versions, *args)
        for theme in edits:  # somebody saves while the version is written
            store.path.write_text(json.dumps({"ui": {"theme": theme}}))

    monkeypatch.setattr(Versions, "add", slow)
    store.save(changed(store, logging={"maxFiles": 3}), 1, "ada")
    assert (store.current.ui.theme, store.current.logging.max_files) == ("light", 3)
    assert [(v.number, v.source) for v in store.versions()] == [(3, "form"), (2, "file"), (1, "start")]
    assert on_disk(store)["ui"]["theme"] == "light" and on_disk(store)["logging"]["maxFiles"] == 3


def test_an_edit_while_the_file_is_being_read_is_looked_at_next(
    store: ConfigStore, monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.path.write_text('{"ui": {"theme": "dark"}}')
    read = store._read_file

    def then_edited() -> Any:
        found = read()
        monkeypatch.undo()
        store.path.write_text('{"ui": {"theme": "light"}, "logging": {}}')
        return found

    monkeypatch.setattr(store, "_read_file", then_edited)
    store.reload()
    assert store.current.ui.theme == "dark"
    store.reload()
    assert store.current.ui.theme == "light"
