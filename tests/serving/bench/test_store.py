"""Load tests that are kept, in a file and in PostgreSQL in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from live.models import Here, Model
from serving.bench import store
from serving.bench.figures import step
from serving.bench.load_tests import LoadTests
from serving.bench.plan import Plan
from serving.bench.run import Runner, Running
from serving.bench.store import Bench, BenchStore
from storage.database import Database
from tests.serving.bench.test_figures import drew, fine

ONE = Bench(
    "0" * 16, 1_800_000_000.5, "ada", "m", "box", "vllm", "0.33", "Q4_K_M", 4096, {"slots": 2, "command": "x --y"},
    {"concurrency": [1, 2]}, {"ended": "done", "problem": "", "steps": [{"concurrency": 1, "ttft": {"p50": 0.1}}]},
)


@pytest.fixture
def kept(state_url: str | None, tmp_path: Path) -> BenchStore:
    return BenchStore(Database("archive", tmp_path, state_url))


def test_what_is_kept_comes_back_as_it_was(kept: BenchStore) -> None:
    kept.add(ONE)
    kept.add(replace(ONE, id="1" * 16, at=ONE.at + 1, context_size=None))
    assert [one.id for one in kept.all()] == ["1" * 16, "0" * 16], "the newest first"
    assert kept.one(ONE.id) == ONE
    assert kept.one("f" * 16) is None


def test_notes_and_removal(kept: BenchStore) -> None:
    kept.add(ONE)
    assert kept.note(ONE.id, "before the change")
    found = kept.one(ONE.id)
    assert found is not None and found.note == "before the change"
    assert (kept.delete(ONE.id), kept.delete(ONE.id), kept.note(ONE.id, "x")) == (True, False, False)
    assert kept.all() == []


def test_the_oldest_goes_first(kept: BenchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST", 3)
    for number in range(5):
        kept.add(replace(ONE, id=f"{number:016x}", at=ONE.at + number))
    assert [int(one.id, 16) for one in kept.all()] == [4, 3, 2]


class AtOnce(Runner):
    """Has each load test over as soon as it begins, with one step of two seconds."""

    def start(self, job: Any, running: Running, keep: Callable[[Running], str]) -> None:
        keep(replace(running, state="done", steps=(step([fine(0, 0.5)], 1, 32, running.begun, 0.0, 2.0, None),)))


@pytest.mark.parametrize("local", [True, False])
def test_the_machines_power_is_told_of_its_own_models_alone(tmp_path: Path, local: bool) -> None:
    place = Here(frozenset({"box"} if local else ()))
    power = drew(("gpu_power_watts", {"gpu": "0"}, [100.0, 120.0]))
    tests = LoadTests(Database("archive", tmp_path), power, lambda _model: None, AtOnce(), lambda: place)
    tests.start(Model("box", "m", "vllm", "running", url="http://127.0.0.1:1"), "", "", Plan(), "ada")
    kept, = tests.store.all()
    assert ("watts" in kept.result["steps"][0], len(kept.result["steps"])) == (local, 1)
