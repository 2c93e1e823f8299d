"""The keys in the data folder."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from security.secrets import FILE, Secrets, SecretsError, load_secrets


def test_keys_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert load_secrets(tmp_path) == first
    assert first.session_key != first.token_key
    assert first.session_key not in repr(first)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_file_that_others_may_read_is_closed(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    load_secrets(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_those_who_start_at_once_get_the_same_keys(tmp_path: Path) -> None:
    found: list[Secrets] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait(10)
        found.append(load_secrets(tmp_path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"session_key": "short", "token_key": "short"}',
                                  json.dumps({"session_key": 5, "token_key": "x" * 40})])
def test_a_damaged_file_stops_the_start_with_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SecretsError, match="remove it"):
        load_secrets(tmp_path)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="cannot be read or made"):
        load_secrets(tmp_path / "missing")
