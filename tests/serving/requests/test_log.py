"""The request log: fetched once, whatever restarts or goes away; found again by filter; kept as long as is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config.serving import Models, Objective
from serving.requests import reading
from serving.requests.log import BATCH, RequestLog
from serving.requests.objectives import attained, objective_of, standing
from serving.requests.reading import Filter
from serving.requests.table import row_of
from storage.database import Database
from storage.errors import StoreUnavailable

NOW = 1_800_000_000.0


class Source:
    """Stands for the serving process: holds what it is told to hold, and answers as that does."""

    def __init__(self) -> None:
        self.boot, self.requests, self.away = "a", [], False  # type: ignore[var-annotated]
        self.asked: list[int] = []

    def add(self, count: int = 1, **more: Any) -> None:
        for _ in range(count):
            seq = self.requests[-1]["seq"] + 1 if self.requests else 1
            self.requests.append({
                "seq": seq, "id": f"{seq:08x}", "at": NOW - 60, "proxy": "lmstudio", "server": "box",
                "engine": "llamacpp",
                "model": "m", "client": "10.0.0.1", "path": "/v1/chat/completions", "kind": "chat", "stream": True,
                "status": 200, "finish": "stop", "duration": 1.0, "ttft": 0.2, "itl": 0.02, "output_tokens": 41,
                "prompt_tokens": 7, "exact": True, **more,
            })

    def fetch(self, after: int) -> Mapping[str, Any] | None:
        self.asked.append(after)
        if self.away:
            return None
        return {"boot": self.boot, "requests": [one for one in self.requests if one["seq"] > after][:BATCH]}


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def database(state_url: str | None, tmp_path: Path) -> Database:
    """The archive, in a file and in PostgreSQL in turn."""
    return Database("archive", tmp_path, state_url)


def log_of(database: Database, source: Source, hours: Mapping[str, int] | None = None, days: int = 7) -> RequestLog:
    return RequestLog(database, source.fetch, lambda: days, lambda: hours or {}, now=lambda: NOW)


def test_each_request_is_written_once(database: Database, source: Source) -> None:
    log = log_of(database, source)
    source.add(3)
    assert (log.pull(), log.pull()) == (3, 0)
    source.add(2)
    assert log_of(database, source).pull() == 2, "one that starts anew goes on from what is written"
    assert reading.page(database, Filter()).count == 5
    source.boot, source.requests = "b", []
    source.add(1)
    assert log.pull() == 1, "a serving process that started anew counts from one again"
    assert reading.page(database, Filter()).count == 6


def test_more_than_a_batch_comes_in_one_go(database: Database, source: Source) -> None:
    source.add(BATCH + 5)
    assert log_of(database, source).pull() == BATCH + 5


def test_nothing_is_lost_while_the_database_is_away(
    database: Database, source: Source, monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = log_of(database, source)
    source.add(2)
    log.pull()
    source.add(2)

    def away() -> None:
        raise StoreUnavailable("PostgreSQL is away.")

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", away)
        log._round()
        assert log.problem() == "PostgreSQL is away."
    log._round()
    assert log.problem() == "" and reading.page(database, Filter()).count == 4


def test_what_the_serving_process_could_not_keep_is_counted_as_lost(database: Database, source: Source) -> None:
    log = log_of(database, source)
    source.add(2)
    log.pull()
    source.add(5)
    del source.requests[:5]
    log.pull()
    assert "3 requests were lost" in log.detail()


def test_an_absent_serving_process_is_no_problem(database: Database, source: Source) -> None:
    source.away = True
    log = log_of(database, source)
    log._round()
    assert log.problem() == ""


@pytest.mark.parametrize("odd", [
    {"seq": None}, {"seq": True}, {"seq": "7"},
])
def test_a_request_without_a_number_is_left_out(odd: dict[str, Any]) -> None:
    assert row_of(odd, "a", NOW) is None


def test_odd_values_become_unknown() -> None:
    row = row_of({
        "seq": 1, "at": float("nan"), "ttft": "fast", "duration": float("inf"), "prompt_tokens": -3, "status": "200",
        "model": "x" * 9000, "client": "a\0b", "exact": "yes", "stream": 1,
    }, "a", NOW)
    assert row is not None
    assert (row["at"], row["ended"], row["ttft"], row["duration"], row["prompt_tokens"]) == (NOW, NOW, None, None, None)
    assert (row["status"], row["client"], row["exact"], row["stream"]) == (None, "ab", None, False)
    assert len(row["model"]) == 500


def test_a_long_gap_is_found_in_a_request_that_ended_later(database: Database, source: Source) -> None:
    source.add(1, itl=0.02, itl_max=0.03)
    source.add(1, itl=0.02, itl_max=0.9, at=NOW - 300, duration=250.0)
    source.add(1)
    log_of(database, source).pull()

    def ids(**wanted: Any) -> list[int]:
        return [one.id for one in reading.page(database, Filter(**wanted)).requests]

    assert ids(measure="itl_max", above=0.5) == [2] and ids(measure="itl", above=0.5) == []
    assert ids(start=NOW - 250, begun_before=NOW - 200) == [2]
    assert ids(start=NOW - 250, begun_before=NOW - 60) == [2], "at that moment the others began"


def test_requests_are_found_by_what_they_are(database: Database, source: Source) -> None:
    source.add(2)
    source.add(1, model="other", error="timeout", status=504, duration=9.0, ttft=None, message="no first part in 9 s")
    source.add(1, client="10.0.0.9", ttft=0.8, at=NOW - 5000)
    log_of(database, source).pull()

    def ids(**wanted: Any) -> list[int]:
        return [one.id for one in reading.page(database, Filter(**wanted)).requests]

    assert ids() == [4, 3, 2, 1]
    assert ids(model="other") == ids(error="any") == ids(error="timeout") == ids(text="first part") == [3]
    assert ids(error="none") == [4, 2, 1]
    assert ids(client="10.0.0.9") == ids(end=NOW - 100) == ids(measure="ttft", above=0.5) == [4]
    assert ids(measure="duration", above=0.5, up_to=1.0) == [4, 2, 1]
    first = reading.page(database, Filter(), limit=3)
    assert (first.count, first.failed, first.more) == (4, 1, 2)
    assert [one.id for one in reading.page(database, Filter(), 3, first.more).requests] == [1]
    assert [one.id for one in reading.everything(database, Filter(model="m"))] == [1, 2, 4]
    assert [one.id for one in reading.around(database, NOW - 5000, NOW - 4999)] == [4]
    assert reading.counted(database, ["model"], Filter())[0] == {
        "model": "m", "requests": 3, "failed": 0, "client_did": 0, "prompt_tokens": 21, "output_tokens": 123,
        "joules": None, "token_joules": None,
    }
    source.add(2, error="client_gone", status=499)
    source.add(1, error="refused", status=400)
    log_of(database, source).pull()
    assert ids(error="failed") == [3] and ids(error="client") == [7, 6, 5] and ids(error="any") == [7, 6, 5, 3]
    assert reading.page(database, Filter()).failed == 1, "who left or was refused has not failed"
    speed = reading.one(database, 1)
    assert speed is not None and speed.tokens_per_second == pytest.approx(50)


def test_rows_and_texts_are_kept_as_long_as_is_said(database: Database, source: Source) -> None:
    source.add(1, at=NOW - 8 * 86_400)
    source.add(1, at=NOW - 2 * 86_400, prompt="old", answer="old")
    source.add(1, at=NOW - 3600, prompt="new", answer="new")
    source.add(1, at=NOW - 3600, model="other", prompt="not to be kept")
    log = log_of(database, source, {"m": 24})
    log.pull()
    log.retain()
    assert [one.id for one in reading.page(database, Filter()).requests] == [4, 3, 2]
    assert [reading.text_of(database, number) for number in (2, 3, 4)] == [(None, None), ("new", "new"), (None, None)]
    log_of(database, source, {"*": 48}).retain()
    assert reading.text_of(database, 3) == ("new", "new")


def test_an_objective_counts_what_held_and_what_did_not(database: Database, source: Source) -> None:
    asked = Objective.model_validate({"firstTokenMs": 500, "interTokenMs": 100, "targetPercent": 90})
    source.add(16)
    source.add(1, ttft=0.9)
    source.add(1, itl=0.5, ttft=0.9)
    source.add(1, error="upstream", status=502)
    source.add(1, error="client_gone", status=499)
    source.add(1, model="other", error="upstream")
    source.add(1, kind="embedding", ttft=None, itl=None)
    log_of(database, source).pull()
    found = attained(database, asked, NOW - 3600, NOW, model="m", server="box")
    assert (found.total, found.good, found.bad) == (19, 16, 3), "who left, and what is no text, counts as neither"
    assert (found.slow_first, found.slow_tokens, found.failed) == (2, 1, 1)
    assert found.ratio == pytest.approx(16 / 19) and found.goodput == pytest.approx(16 / 3600)
    nothing = attained(database, asked, NOW - 3600, NOW, model="nobody")
    assert (nothing.ratio, nothing.goodput) == (None, None)


def test_the_budget_and_how_fast_it_burns(database: Database, source: Source) -> None:
    source.add(90, at=NOW - 86_400)
    source.add(9)
    source.add(1, error="upstream")
    log_of(database, source).pull()
    models = Models.model_validate({"objectives": [{"model": "*", "targetPercent": 95}]})
    found = standing(database, models, NOW - 300, NOW, NOW, model="m")
    assert found is not None
    assert found.burn == pytest.approx(0.1 / 0.05) and found.budget_left == pytest.approx(1 - 1 / 5)
    assert standing(database, Models.model_validate({"objectives": []}), 0, NOW, NOW, model="m") is None


def test_a_models_own_objective_stands_before_that_of_all() -> None:
    models = Models.model_validate({"objectives": [{"firstTokenMs": 5}, {"model": "m", "firstTokenMs": 7}]})
    assert [objective_of(models, name).first_token_ms for name in ("m", "n")] == [7, 5]  # type: ignore[union-attr]


def test_two_processes_on_one_database_write_a_request_once(state_url: str | None, tmp_path: Path) -> None:
    url = state_url or None
    one, two = Database("archive", tmp_path, url), Database("archive", tmp_path, url)
    source = Source()
    source.add(3)
    first, second = log_of(one, source), log_of(two, source)
    first._boot = second._boot = "a"  # both have looked, neither has written
    assert first.pull() == 3
    second._round()
    second._round()
    assert reading.page(one, Filter()).count == 3 and second.problem() == ""


