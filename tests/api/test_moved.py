"""``/api/analysis/moved``: the ranking, who may read it, and what is wrong with a question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from metrics.metric import labels
from metrics.series import SeriesInfo
from storage.ring.base import step_number
from tests.api.conftest import bearer
from tests.api.house import House, build

SPAN = 60
PLANTED = SeriesInfo("queue_things", labels(model="a"), "", "gauge", "Waiting")
CALM = SeriesInfo("calm_ratio", (), "ratio", "gauge", "Calm")


def plant(house: House) -> None:
    """Two more series over the whole past: one jumps a minute before the end."""
    handles = np.array([house.ring.handle(info) for info in (PLANTED, CALM)])
    chance = np.random.default_rng(1)
    first, last = (step_number(at, house.ring.step) for at in (house.start + 1, house.at))
    for n in range(first, last + 1):
        noise = chance.standard_normal(2)
        jumped = 40 if n > last - SPAN else 0
        house.ring.write(n, handles, np.array([10 + noise[0] + jumped, 0.5 + 0.01 * noise[1]], np.float32))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = build(tmp_path_factory.mktemp("moved"))
    plant(built)
    yield built
    built.close()


@pytest.fixture(scope="module")
def reader(house: House) -> FlaskClient:
    return bearer(house, house.token("moved", "metrics:read"))


def window(house: House, **more: Any) -> dict[str, Any]:
    return {"from": round(1000 * (house.at - SPAN)), "to": round(1000 * house.at)} | more


def test_the_series_that_moved_leads_and_is_told_in_words(house: House, reader: FlaskClient):
    answer = reader.get("/api/analysis/moved", query_string=window(house)).json
    assert answer["stand_out"] == 1 and answer["looked_at"] > 10 and answer["seconds"] < 5
    first = answer["data"][0]
    assert first["series"] == 'queue_things{model="a"}' and first["direction"] == "up" and first["score"] > 60
    assert first["reason"] == "level" and first["now"] == pytest.approx(50, abs=1) and first["high"] < 12
    assert first["sentence"].startswith("Waiting · a was ") and "in this window" in first["sentence"]
    assert all(row["score"] < 50 for row in answer["data"][1:])
    assert answer["baseline"]["resolution"] == "samples" and answer["baseline"]["windows"] >= 10
    assert answer["left_out"]["few_values"] == 0 and answer["false_alarms"] == 0.05


def test_the_first_address_of_the_api_works_too(house: House, reader: FlaskClient):
    assert reader.get("/api/v1/analysis/moved", query_string=window(house)).json["stand_out"] == 1


def test_a_limit_and_filters_choose_what_is_answered(house: House, reader: FlaskClient):
    ask = lambda **more: reader.get("/api/analysis/moved", query_string=window(house, **more)).json["data"]  # noqa: E731
    assert len(ask(limit=2)) == 2
    assert [row["series"] for row in ask(direction="up", limit=1)] == ['queue_things{model="a"}']
    assert ask(source="nothing") == []
    assert ask(direction="stopped") == []


def test_words_are_in_the_readers_language(house: House, reader: FlaskClient):
    answer = reader.get("/api/analysis/moved", query_string=window(house), headers={"Accept-Language": "fr"}).json
    assert "a" in answer["data"][0]["sentence"]


@pytest.mark.parametrize(("query", "field"), [
    ({"to": 1_800_000_000_000}, "from"), ({"from": "yesterday"}, "from"), ({"from": 2000, "to": 1000}, "from"),
    ({"direction": "sideways"}, "direction"), ({"limit": 0}, "limit"), ({"colour": "red"}, "colour"),
])
def test_a_wrong_question_names_the_field(house: House, reader: FlaskClient, query: dict[str, Any], field: str):
    answer = reader.get("/api/analysis/moved", query_string={**({} if "from" in query or field == "from"
                                                                 else window(house)), **query})
    assert answer.status_code == 400 and answer.content_type == "application/problem+json"
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize(("ago", "span", "words"), [
    (0, 2, "too short"), (-3600, 60, "has not begun"), (40_000, 60, "its age"), (0, 100 * 86_400, "too long"),
])
def test_a_window_that_cannot_be_judged_says_what_would_do(house: House, reader: FlaskClient, ago, span, words):
    end = house.at - ago
    answer = reader.get("/api/analysis/moved", query_string={
        "from": round(1000 * (end - span)), "to": round(1000 * end)})
    assert answer.status_code == 400 and words in answer.json["detail"]


def test_who_may_read_metrics_may_ask(house: House, anonymous: FlaskClient, person: FlaskClient, stranger: FlaskClient):
    asked = {"query_string": window(house)}
    assert anonymous.get("/api/analysis/moved", **asked).status_code == 401
    assert stranger.get("/api/analysis/moved", **asked).status_code == 403
    assert person.get("/api/analysis/moved", **asked).status_code == 200


def test_a_window_before_anything_was_recorded_has_no_past(tmp_path: Path):
    empty = build(tmp_path)
    try:
        client = bearer(empty, empty.token("x", "metrics:read"))
        answer = client.get("/api/analysis/moved", query_string={
            "from": round(1000 * (empty.start + 10)), "to": round(1000 * (empty.start + 130))})
        assert answer.status_code == 200 and answer.json["data"] == [] and answer.json["left_out"]["short_past"] > 5
    finally:
        empty.close()
