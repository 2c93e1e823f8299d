"""The catalogue of metrics: compact, complete, and sent once."""

from __future__ import annotations

from flask.testing import FlaskClient

from api.catalogue import catalogue
from metrics.series import SeriesInfo
from tests.api.house import CORES, House

PATH = "/api/metrics/catalogue"


def test_every_metric_with_a_history_is_there_once(house: House, reader: FlaskClient) -> None:
    metrics = {m["name"]: m for m in reader.get(PATH).json["metrics"]}
    kept = house.services.query.series()
    assert set(metrics) == {info.name for info in kept}
    assert sum(m["count"] for m in metrics.values()) == len(kept)
    core = metrics["cpu_core_usage_ratio"]
    assert core["labels"] == {"core": [str(i) for i in range(CORES)]}
    assert (core["count"], core["unit"], core["help"]) == (CORES, "ratio", "One core in use")
    assert "labels" not in metrics["cpu_usage_ratio"]
    assert metrics["network_all_transmit_bytes_per_second"]["total"] == "network_all_transmit_bytes_total"


def test_who_has_it_is_told_so(reader: FlaskClient) -> None:
    first = reader.get(PATH)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = reader.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert reader.get(PATH, headers={"If-None-Match": '"other"'}).status_code == 200


def test_what_no_longer_reports_is_marked_and_numbers_are_in_order() -> None:
    old = [SeriesInfo("old_ratio", (("n", str(n)),), "ratio", "gauge", "Gone") for n in (10, 9, 1)]
    odd = [SeriesInfo("odd", (("n", n),), "", "gauge", "Odd") for n in ("b", "²", "7")]
    found = catalogue([*old, *odd], [], ["odd"], {"odd": "cpu"})
    assert found == [
        {"name": "odd", "help": "Odd", "source": "cpu", "count": 3, "labels": {"n": ["7", "b", "²"]}},
        {"name": "old_ratio", "help": "Gone", "unit": "ratio", "count": 3, "labels": {"n": ["1", "9", "10"]},
         "gone": True},
    ]
