"""What each route gives, to whom."""

from __future__ import annotations

import math

import orjson
import pandas as pd
import pytest
from flask.testing import FlaskClient

from metrics.flat import KEYS, iso
from metrics.status import PartStatus, SourceStatus
from tests.api.house import CORES, GIB, SENT_PER_SECOND, House

READ = (
    "/api/metrics/latest", "/api/metrics/current/1", "/api/metrics/history?last=3", "/api/metrics/history/1",
    "/api/metrics/series", "/api/metrics/catalogue", "/api/monitoring", "/api/openapi.json", "/api/docs", "/metrics",
)


@pytest.mark.parametrize("path", READ)
def test_who_may_read(path: str, anonymous: FlaskClient, stranger: FlaskClient, reader: FlaskClient) -> None:
    refused = anonymous.get(path)
    assert (refused.status_code, refused.content_type) == (401, "application/problem+json")
    assert stranger.get(path).status_code == 403
    assert reader.get(path).status_code == 200


@pytest.mark.parametrize("path", READ)
def test_people_read_with_their_cookie(path: str, person: FlaskClient) -> None:
    assert person.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/api/metrics/latest", "/api/metrics/history?last=2", "/api/monitoring"])
def test_version_alias_is_the_same_route(path: str, reader: FlaskClient) -> None:
    alias = reader.get(path.replace("/api/", "/api/v1/", 1))
    assert alias.status_code == 200
    assert alias.json.keys() == reader.get(path).json.keys()


def test_latest_is_the_flat_row(house: House, reader: FlaskClient) -> None:
    row = reader.get("/api/metrics/latest").json
    assert tuple(row) == KEYS
    assert row == reader.get("/api/metrics/current/1").json
    assert row["timestamp"] == row["recorded_at"] == iso(house.at)
    assert (row["server_id"], row["health"], row["fps_in"]) == (1, "OK", None)
    assert (row["ram_used_mb"], row["disk_total_gb"], row["disk_percent"]) == (6144, 200, 25)


def test_latest_of_chosen_series(house: House, reader: FlaskClient) -> None:
    core = 'cpu_core_usage_ratio{core="1"}'
    row = reader.get("/api/metrics/latest", query_string={"metric": [core, "cpu_load1", "no_such_metric"]}).json
    assert set(row) == {"timestamp", core, "cpu_load1", "no_such_metric"}
    assert row["no_such_metric"] is None
    assert math.isclose(row[core] * 2 * CORES, row["cpu_load1"], rel_tol=1e-4)
    several = reader.get("/api/metrics/latest", query_string={"metric": 'cpu_core_usage_ratio{core=~"[01]"}'}).json
    assert set(several) == {"timestamp", 'cpu_core_usage_ratio{core="0"}', core}
    total = reader.get("/api/metrics/latest?metric=network_all_transmit_bytes_total").json
    assert total["network_all_transmit_bytes_total"] == 2**40 + SENT_PER_SECOND * (house.at - house.start)


def test_history_is_made_for_pandas(house: House, reader: FlaskClient) -> None:
    """The example of the fifth document."""
    data = reader.get("/api/metrics/history?last=300").json["data"]
    df = pd.DataFrame(data)
    assert len(df) == 300
    assert list(df.columns) == list(KEYS)
    assert df["timestamp"].is_monotonic_increasing
    assert df["timestamp"].iloc[-1] == iso(house.at)
    expected = [round(100 * (0.5 + 0.3 * math.sin((house.at - i) / 60)), 2) for i in range(299, -1, -1)]
    assert df["cpu_percent"].tolist() == pytest.approx(expected, abs=0.011)
    assert df["fps_in"].isna().all()
    assert df["disk_percent"].unique().tolist() == [25]
    assert df["cpu_percent"].quantile(0.95) > df["cpu_percent"].mean()
    assert df["network_sent_mb"].diff().dropna().unique().tolist() == [1.0]
    assert df["network_sent_mb"].iloc[-1] == reader.get("/api/metrics/latest").json["network_sent_mb"]


def test_history_without_parameters_is_the_newest_300(reader: FlaskClient) -> None:
    assert len(reader.get("/api/metrics/history").json["data"]) == 300


def test_history_of_a_window(house: House, reader: FlaskClient) -> None:
    window = {"from": iso(house.at - 9), "to": f"{house.at * 1000:.0f}"}
    rows = reader.get("/api/metrics/history", query_string=window).json["data"]
    assert [row["timestamp"] for row in rows] == [iso(house.at - 9 + i) for i in range(10)]


def test_what_is_read_less_often_holds_between_its_samples(house: House, reader: FlaskClient) -> None:
    for last in (1, 2, 3):
        rows = reader.get(f"/api/metrics/history?last={last}").json["data"]
        assert [row["disk_percent"] for row in rows] == [25] * last
    query = {"metric": ["cpu_load1", 'disk_volume_used_ratio{mount="/"}'], "from": iso(house.at - 3)}
    rows = reader.get("/api/metrics/history", query_string=query).json["data"]
    assert [row['disk_volume_used_ratio{mount="/"}'] for row in rows] == [0.25] * 4


def test_more_rows_than_there_are(house: House, reader: FlaskClient) -> None:
    rows = reader.get("/api/metrics/history?last=5000").json["data"]
    assert rows[-1]["timestamp"] == iso(house.at)
    assert len(rows) == house.at - house.start
    past = {"last": 10, "to": iso(house.at - 30 * 86400)}
    assert reader.get("/api/metrics/history", query_string=past).json["data"] == []


def test_history_of_chosen_series(house: House, reader: FlaskClient) -> None:
    core = 'cpu_core_usage_ratio{core="3"}'
    query = {"metric": ["cpu_usage_ratio", core, "no_such_metric"], "last": 5}
    rows = reader.get("/api/metrics/history", query_string=query).json["data"]
    assert [row["timestamp"] for row in rows] == [iso(house.at - 4 + i) for i in range(5)]
    for i, row in enumerate(rows):
        assert row["cpu_usage_ratio"] == pytest.approx(0.5 + 0.3 * math.sin((house.at - 4 + i) / 60), rel=1e-5)
        assert row[core] == pytest.approx(row["cpu_usage_ratio"] / 4, rel=1e-5)
        assert row["no_such_metric"] is None


@pytest.mark.parametrize(("interval", "seconds"), [("1m", 60), ("5m", 300), ("15m", 900), ("1h", 3600)])
def test_interval_gives_means(interval: str, seconds: int, house: House, reader: FlaskClient) -> None:
    first = house.start + 1
    query = {"interval": interval, "from": iso(first), "metric": "cpu_usage_ratio"}
    rows = reader.get("/api/metrics/history", query_string=query).json["data"]
    assert len(rows) == int(house.at // seconds - first // seconds) + 1
    for row in rows:
        begin = pd.Timestamp(row["timestamp"]).timestamp()
        assert begin % seconds == 0
        inside = [house.start + i for i in range(1, int(house.at - house.start) + 1)]
        values = [0.5 + 0.3 * math.sin(t / 60) for t in inside if begin <= t < begin + seconds]
        if values:
            assert row["cpu_usage_ratio"] == pytest.approx(sum(values) / len(values), rel=1e-3)


def test_history_of_a_server_is_a_bare_list(house: House, reader: FlaskClient) -> None:
    rows = reader.get("/api/metrics/history/1", query_string={"interval": "5m", "from": iso(house.start)}).json
    assert isinstance(rows, list)
    assert tuple(rows[0]) == KEYS
    times = [pd.Timestamp(row["recorded_at"]).timestamp() for row in rows]
    assert times == list(range(int((house.start + 1) // 300 * 300), int(house.at) + 1, 300))
    minutes = reader.get("/api/metrics/history/1").json
    assert len(minutes) == int(house.at // 60 - (house.start + 1) // 60) + 1


def test_totals_of_the_past_are_counted_back_from_now(house: House, reader: FlaskClient) -> None:
    window = {"from": iso(house.at - 400), "to": iso(house.at - 390)}
    rows = reader.get("/api/metrics/history", query_string=window).json["data"]
    mib = SENT_PER_SECOND / 2**20
    expected = [2**20 + mib * (house.at - 400 + i - house.start) for i in range(11)]
    assert [row["network_sent_mb"] for row in rows] == pytest.approx(expected, abs=0.01)
    day = {"from": iso(house.at - 86400), "to": iso(house.at - 300)}
    rows = reader.get("/api/metrics/history", query_string=day).json["data"]
    assert len(rows) >= 10
    for row in rows[1:]:  # the first minute began before anything was counted
        at = pd.Timestamp(row["timestamp"]).timestamp()
        assert row["network_sent_mb"] == pytest.approx(2**20 + mib * (at - house.start), abs=61 * mib)


def test_columns_are_reduced(house: House, reader: FlaskClient) -> None:
    query = {"metric": ["cpu_usage_ratio", 'cpu_core_usage_ratio{core="0"}'], "from": iso(house.start), "points": 100}
    body = reader.get("/api/metrics/history", query_string=query).json
    assert [column["metric"] for column in body["data"]] == query["metric"]
    for column in body["data"]:
        times = body["times"][column["time"]]
        assert 50 < len(times) <= 110
        assert len(times) == len(column["value"])
        assert times == sorted(times)
        assert max(v for v in column["value"] if v is not None) == pytest.approx(0.8, abs=2e-3)
        assert "low" not in column


def test_columns_share_their_times(house: House, reader: FlaskClient) -> None:
    query = {"metric": "cpu_core_usage_ratio", "from": iso(house.at - 59), "points": 1000}
    body = reader.get("/api/metrics/history", query_string=query).json
    assert [column["time"] for column in body["data"]] == [0] * CORES
    assert body["times"] == [[1000 * (house.at - 59 + i) for i in range(60)]]


def test_columns_with_extremes(house: House, reader: FlaskClient) -> None:
    """A day at minutes: means, and between low and high what the means hide."""
    query = {"metric": "cpu_usage_ratio", "from": iso(house.at - 86400), "points": 2000}
    column, = reader.get("/api/metrics/history", query_string=query).json["data"]
    assert column["step"] == 60
    for low, mean, high in zip(column["low"], column["value"], column["high"]):
        assert low <= mean <= high
    assert min(column["low"]) == pytest.approx(0.2, abs=1e-2)
    column, = reader.get("/api/metrics/history", query_string={**query, "extremes": "false"}).json["data"]
    assert "low" not in column


def test_short_numbers_on_the_wire(reader: FlaskClient) -> None:
    body = reader.get("/api/metrics/history?metric=cpu_usage_ratio&last=200").data
    assert all(len(str(row["cpu_usage_ratio"])) <= 10 for row in orjson.loads(body)["data"])


BAD = [
    ("/api/metrics/history?last=0", "last"), ("/api/metrics/history?last=x", "last"),
    ("/api/metrics/history?from=yesterday", "from"), ("/api/metrics/history?from=99999999999999999", "from"),
    ("/api/metrics/history?interval=2m", "interval"), ("/api/metrics/history?lats=3", "lats"),
    ("/api/metrics/history?last=3&from=2026-01-01", "last"), ("/api/metrics/history?points=5", "metric"),
    ("/api/metrics/history?points=5&interval=1m&metric=cpu_usage_ratio", "points"),
    ("/api/metrics/history?from=2026-01-02&to=2026-01-01", "from"),
    ("/api/metrics/history?metric=cpu{core", "metric"), ("/api/metrics/latest?metric=%7B%7D", "metric"),
    ('/api/metrics/history?metric=a{b=~"("}&points=10', "metric"), ("/api/metrics/series?metric=1x", "metric"),
    ("/api/metrics/history/1?to=never", "to"),
]


@pytest.mark.parametrize(("path", "field"), BAD)
def test_bad_input_names_the_field(path: str, field: str, reader: FlaskClient) -> None:
    answer = reader.get(path)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    problem = answer.json
    assert problem["status"] == 400
    assert problem["title"] == "Bad Request"
    assert problem["detail"]
    assert [error["field"] for error in problem["errors"]] == [field]
    assert problem["errors"][0].keys() == {"field", "given", "allowed"}


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/api/metrics/current/2", 404), ("GET", "/api/metrics/history/99", 404),
    ("GET", "/api/metrics/history?server=7", 404), ("GET", "/api/nothing", 404), ("GET", "/api/v1/nothing", 404),
    ("DELETE", "/api/metrics/latest", 405),
])
def test_other_errors_are_problems_too(method: str, path: str, status: int, reader: FlaskClient) -> None:
    answer = reader.open(path, method=method)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["status"] == status


def test_a_plus_lost_in_the_query_is_understood(house: House, reader: FlaskClient) -> None:
    moment = iso(house.at - 3).replace("Z", "+00:00")
    assert len(reader.get(f"/api/metrics/history?from={moment}").json["data"]) == 4


def test_monitoring_is_the_full_snapshot(house: House, reader: FlaskClient) -> None:
    body = reader.get("/api/v1/monitoring").json
    system = body["system"]
    assert body["cpu"] == system["cpu"]
    assert 0 <= system["cpu"]["percent"] <= 100
    assert len(system["cpu"]["cores"]) == CORES
    assert system["cpu"]["load"][1:] == [None, None]
    assert system["cpu"]["uptime"] == pytest.approx(house.at - house.start + 1000)
    assert system["memory"]["used"] == 6 * GIB
    assert system["memory"]["swap"] == {"used": None, "total": None}
    volume = {"path": "/", "used": 50 * GIB, "free": None, "total": 200 * GIB, "percent": 25}
    assert system["disk"]["volumes"] == [volume]
    assert system["network"]["interfaces"][0]["received"] == pytest.approx(12345678901)
    assert system["processes"][0] == {
        "pid": 7, "name": "llama", "cpu": 150, "memory": 5 * GIB, "status": "running", "uptime": 60,
        "command": "llama-server --port 1",
    }
    assert system["gpu"] == []
    assert body["application"]["version"] == "1.2.3"
    assert body["application"]["totalRequestsHandled"] > 0


def test_series_are_listed(reader: FlaskClient) -> None:
    found = {fact["series"]: fact for fact in reader.get("/api/metrics/series").json["data"]}
    assert found['disk_volume_used_ratio{mount="/"}']["labels"] == {"mount": "/"}
    assert found["network_all_transmit_bytes_total"]["kind"] == "counter"
    one = reader.get("/api/metrics/series?metric=cpu_core_usage_ratio").json["data"]
    assert len(one) == CORES


def test_health_tells_strangers_the_state_only(house: House, anonymous: FlaskClient, reader: FlaskClient) -> None:
    assert anonymous.get("/api/health").json == {"status": "ok"}
    body = reader.get("/api/health").json
    assert (body["status"], body["version"], body["health"]) == ("ok", "1.2.3", "OK")
    assert body["parts"] == [{"name": "scheduler", "ok": True, "message": "", "detail": ""}]
    assert body["sources"][0]["name"] == "cpu"


def test_health_degrades_and_fails(own_house: House) -> None:
    client = own_house.server.test_client()
    own_house.sources[:] = [SourceStatus("nvidia", "no_data", "no GPU")]
    assert client.get("/api/health").json == {"status": "ok"}
    own_house.sources[:] = [SourceStatus("nvidia", "failed", "the driver hangs")]
    assert client.get("/api/health").json == {"status": "degraded"}
    own_house.parts[:] = [PartStatus("scheduler", True), PartStatus("ring", False, "Redis is away")]
    answer = client.get("/api/health")
    assert (answer.status_code, answer.json) == (200, {"status": "degraded"})
    own_house.parts[:] = [PartStatus("scheduler", False, "stopped")]
    answer = client.get("/api/health")
    assert (answer.status_code, answer.json) == (503, {"status": "down"})
