"""What objectives are told as: burn rates of several windows, and the alerts on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from collectors.objectives import Objectives
from config.serving import Models, Objective
from serving.requests.burn import Burn
from serving.requests.objectives import attained
from serving.requests.table import requests, row_of
from storage.database import Database
from tests.alerts.box import T0, make_box

HOUR = 3600.0


@pytest.fixture
def database(state_url: str | None, tmp_path: Path) -> Iterator[Database]:
    made = Database("archive", tmp_path, state_url)
    yield made
    made.close()


def put(database: Database, ended: float, count: int = 1, **more: Any) -> None:
    """Requests that ended at a time."""
    with database.write() as connection:
        first = int(connection.scalar(sa.select(sa.func.max(requests.c.seq))) or 0)
        rows = [row_of({
            "seq": first + k + 1, "at": ended - 1, "duration": 1.0, "proxy": "lmstudio", "server": "box", "model": "m",
            "kind": "chat", "stream": True, "status": 200, "ttft": 0.2, "itl": 0.02, **more,
        }, "a", ended) for k in range(count)]
        connection.execute(sa.insert(requests), rows)


def test_each_model_is_judged_by_its_own_objective_in_each_window(database: Database) -> None:
    put(database, T0 - 60, 18)
    put(database, T0 - 60, 2, ttft=3.0)
    put(database, T0 - 1200, 10, error="upstream", status=502)
    put(database, T0 - 60, 4, model="patient", server="other", ttft=3.0)
    put(database, T0 - 60, 5, error="client_gone")
    put(database, T0 - 7 * HOUR, 9, error="timeout")
    models = Models(objectives=(Objective(), Objective.model_validate(
        {"model": "patient", "firstTokenMs": 5000, "targetPercent": 90})))
    found = {(one.model, one.window): one for one in Burn(database, lambda: models)(T0)}
    assert {place: (one.total, one.bad) for place, one in found.items()} == {
        ("m", "5m"): (20, 2), ("m", "30m"): (30, 12), ("m", "1h"): (30, 12), ("m", "6h"): (30, 12),
        **{("patient", window): (4, 0) for window in ("5m", "30m", "1h", "6h")},
    }
    assert found["m", "5m"].burn == pytest.approx(10) and found["patient", "5m"].server == "other"
    same = attained(database, Objective(), T0 - HOUR, T0, model="m", server="box")
    assert (same.total, same.bad) == (30, 12)


@pytest.mark.parametrize(("stream", "duration", "tokens", "late"), [
    (False, 300.0, 200, True), (False, 20.0, 200, False), (False, 21.5, 200, True), (False, 0.9, None, False),
    (False, 1.1, None, True), (False, 1.1, 0, True), (True, 300.0, 200, False),
])
def test_an_answer_in_one_piece_has_the_time_of_its_tokens(
    database: Database, stream: bool, duration: float, tokens: int | None, late: bool,
) -> None:
    put(database, T0 - 60, 4, at=T0 - 60 - duration, duration=duration, stream=stream, ttft=None, itl=None,
        output_tokens=tokens)
    asked = Objective.model_validate({"firstTokenMs": 1000, "interTokenMs": 100})
    told = {one.window: one.bad for one in Burn(database, lambda: Models(objectives=(asked,)))(T0)}
    found = attained(database, asked, T0 - HOUR, T0, model="m")
    assert told["1h"] == found.bad == found.slow_first == (4 if late else 0) and found.total == 4


def test_a_failed_answer_in_one_piece_failed_and_was_not_late(database: Database) -> None:
    put(database, T0 - 60, 2, at=T0 - 90, duration=30.0, stream=False, ttft=None, itl=None, error="upstream")
    found = attained(database, Objective(), T0 - HOUR, T0, model="m")
    assert (found.bad, found.failed, found.slow_first) == (2, 2, 0)


def test_without_an_objective_for_every_model_the_others_are_not_told(database: Database) -> None:
    put(database, T0 - 60, 3)
    put(database, T0 - 60, 3, model="asked")
    models = Models(objectives=(Objective(model="asked"),))
    assert {one.model for one in Burn(database, lambda: models)(T0)} == {"asked"}
    assert Burn(database, lambda: Models(objectives=()))(T0) == []


def test_a_changed_objective_counts_at_once_and_a_window_is_not_read_at_each_look(database: Database) -> None:
    models = [Models()]
    burn = Burn(database, lambda: models[0])
    put(database, T0 - 60, 4, ttft=3.0)
    assert {one.bad for one in burn(T0)} == {4}
    put(database, T0 + 5, 4)
    assert {one.total for one in burn(T0 + 6)} == {4}
    assert {one.window: one.total for one in burn(T0 + 22)} == {"5m": 8, "30m": 8, "1h": 8, "6h": 4}
    models[0] = Models(objectives=(Objective.model_validate({"firstTokenMs": 4000}),))
    assert {one.bad for one in burn(T0 + 23)} == {0}


def test_an_outage_burns_the_budget_and_is_over_when_it_is_over(tmp_path: Path) -> None:
    state, archive = Database("state", tmp_path), Database("archive", tmp_path)
    box = make_box(tmp_path / "box", state)
    objectives = Objectives(Burn(archive, Models))
    news: list[str] = []

    def minutes(count: int, **more: Any) -> None:
        for _ in range(count):
            put(archive, box.at - 1, 6, **more)
            for second in range(60):
                news.extend(box.take(list(objectives.collect(box.at)) if second % 15 == 0 else []))

    minutes(12)
    assert news == []
    minutes(6, error="upstream", status=502)
    assert sorted(news) == ["firing objective_burn", "firing objective_burn_fast"]
    minutes(7)
    assert news[2:] == ["resolved objective_burn_fast"], "five good minutes end the fast one, the slow one sees thirty"
    row = next(one for one in box.rows() if one.rule == "objective_burn_fast")
    assert row.labels == {"model": "m", "server": "box", "window": "1h"} and row.severity == "critical"
    box.close()
    state.close()
    archive.close()
