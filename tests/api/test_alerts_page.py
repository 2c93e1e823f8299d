"""What the Alerts page asks for beside the lists: values that a rule is judged by, a file of the history, a preview."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from flask.testing import FlaskClient

from analysis.backtest import Samples
from api.alert_past import drawn
from api.files import csv_parts
from tests.api.conftest import bearer
from tests.api.house import House


@pytest.fixture(scope="module")
def viewer(house: House) -> FlaskClient:
    return bearer(house, house.token("looks", "alerts:view", "metrics:read"))


def test_the_past_of_a_rule_is_given_as_it_is_judged(viewer: FlaskClient) -> None:
    answer = viewer.get("/api/v1/alerts/past?selectors=cpu_core_usage_ratio&threshold=0.9&points=50")
    assert answer.status_code == 200, answer.text
    found = answer.json
    assert found["unit"] == "ratio" and found["limit"] == 0.9 and found["count"] == 4
    assert [len(one["low"]) for one in found["series"]] == [50] * 4
    known = [(low, high) for one in found["series"] for low, high in zip(one["low"], one["high"], strict=True)
             if low is not None]
    assert known and all(low <= high for low, high in known)


def test_the_past_of_a_shipped_rule_has_its_limit(viewer: FlaskClient) -> None:
    found = viewer.get("/api/v1/alerts/past?rule=high_cpu").json
    assert found["limit"] == pytest.approx(0.85) and found["resolve_limit"] < found["limit"]


def test_nothing_is_said_of_what_is_no_rule(viewer: FlaskClient) -> None:
    assert viewer.get("/api/v1/alerts/past?selectors=cpu_usage_ratio").status_code == 400
    assert viewer.get("/api/v1/alerts/past?rule=nobody").status_code == 404
    assert viewer.get("/api/v1/alerts/past?rule=high_cpu&points=5000").status_code == 400


def test_the_history_is_a_file_with_its_columns(viewer: FlaskClient) -> None:
    answer = viewer.get("/api/v1/alerts/history/file?severity=critical")
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0][:4] == ["fired", "resolved", "seconds", "severity"]
    assert viewer.get("/api/v1/alerts/history/file?from=2026-01-02&to=2026-01-01").status_code == 400


def test_a_preview_says_what_is_no_matcher(viewer: FlaskClient) -> None:
    assert viewer.get("/api/v1/alerts/silences/preview?matchers={rule=").status_code == 400
    assert viewer.get('/api/v1/alerts/silences/preview?matchers={rule="none"}').json == {"data": []}


def test_no_cell_is_a_formula() -> None:
    made = b"".join(csv_parts(["a", "b", "c", "d"], [["=1+1", -1.5, "plain", None]]))
    assert made == b"a,b,c,d\r\n'=1+1,-1.5,plain,\r\n"


def test_a_gap_is_drawn_as_a_gap_and_a_minute_until_the_next() -> None:
    t = np.arange(0, 600, 60, dtype=np.float64)
    value = np.array([1, 2, np.nan, np.nan, 5, 6, 7, 8, 9, 10], dtype=np.float64)
    low, high = drawn(Samples(t, value, value - 0.5, value + 0.5, np.full(10, 60.0)), 0, 600, 20)
    assert low[0] == low[1] == 0.5 and high[2] == high[3] == 2.5
    assert np.isnan(low[5:8]).all() and high[-1] == 10.5
