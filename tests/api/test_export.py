"""Exports over HTTP: what comes out is what the query holds; who may, and what is refused."""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask.testing import FlaskClient

from api.export_tables import ExportQuery
from jobs.formats import MIMES
from metrics.flat import iso
from storage.errors import StoreUnavailable
from tests.api.conftest import bearer
from tests.api.house import PASSWORD, House
from tests.jobs.reading import frame, same
from tests.support import wait_until

KINDS = ("csv", "json", "parquet", "xlsx")
ROUTES = ("/api/metrics/export", "/api/v1/metrics/export", "/api/metrics/export/estimate")
_names = (f"somebody{n}" for n in itertools.count(1))


def signed_in(house: House, role: str) -> FlaskClient:
    """A person's browser: its cookie, and the token that its requests carry."""
    name = next(_names)
    house.services.accounts.people.add(name, PASSWORD, role)
    client = house.server.test_client()
    with house.server.test_request_context():
        user = house.services.accounts.sign_in(name, PASSWORD)
    assert user is not None
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = user[1], True
    return client


def asked(house: House, client: FlaskClient, **more: Any) -> Any:
    """The answer to an export of the house's whole past."""
    window = {"from": iso(house.start), "to": iso(house.at)} if not {"from", "window", "last"} & set(more) else {}
    with client.get("/api/metrics/export", query_string={**window, **more}) as answer:
        answer.get_data()
        return answer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raw", ["1", "0"])
def test_what_comes_out_is_what_the_query_holds(house: House, reader: FlaskClient, kind: str, raw: str) -> None:
    metrics = ["cpu_usage_ratio", "cpu_core_usage_ratio", "disk_volume_used_bytes", "network_receive_bytes_total"]
    metrics.append("network_all_transmit_bytes_per_second")
    answer = asked(house, reader, format=kind, metric=metrics, raw=raw, points=100, tz="Asia/Kathmandu")
    assert answer.status_code == 200 and answer.content_type == MIMES[kind]  # type: ignore[index]
    assert answer.headers["Content-Disposition"].endswith(f'.{kind}"')
    points = None if raw == "1" else 100
    wanted = house.services.query.select(metrics, house.start, house.at, points).series
    assert len(wanted) == 7
    keys = {s.info.key: f"{s.info.key} [{s.info.unit}]" if kind in ("csv", "xlsx") else s.info.key for s in wanted}
    same(frame(kind, answer.data), wanted, keys)


def test_local_times_are_those_of_the_zone_asked_for(house: House, reader: FlaskClient) -> None:
    text = asked(house, reader, metric="cpu_load1", last="3", raw="1", tz="Asia/Kathmandu").text.splitlines()
    assert text[0] == "time_utc,time_local [Asia/Kathmandu],cpu_load1" and len(text) == 4
    utc, local, _value = text[1].split(",")
    assert local.endswith("+05:45") and pd.Timestamp(local) == pd.Timestamp(utc)


def test_a_chart_is_exported_by_its_id_and_a_drawing_by_its_text(house: House, reader: FlaskClient) -> None:
    columns = frame("json", asked(house, reader, format="json", chart="cpu", raw="1").data).columns
    assert list(columns)[:3] == ["time_local", "cpu_usage_ratio", 'cpu_core_usage_ratio{core="0"}']
    drawn = frame("json", asked(house, reader, format="json", chart='q:cpu_core_usage_ratio{core=~"1|2"}').data)
    assert list(drawn.columns) == ["time_local", 'cpu_core_usage_ratio{core="1"}', 'cpu_core_usage_ratio{core="2"}']


def test_a_drawing_is_exported_as_it_is_drawn(house: House, reader: FlaskClient) -> None:
    found = frame("json", asked(house, reader, format="json", chart="q:cpu_core_usage_ratio!sum", points="5000").data)
    cores = house.services.query.select(["cpu_core_usage_ratio"], house.start, house.at).series
    want = sum(s.value.astype(float) for s in cores)
    assert len(found.columns) == 2
    np.testing.assert_allclose(found.iloc[:, 1].to_numpy(float), want, rtol=1e-5)


def test_a_comparison_is_exported_with_what_it_is_compared_with(house: House, reader: FlaskClient) -> None:
    middle = (house.start + house.at) // 2
    window = {"from": iso(middle), "to": iso(house.at), "points": "5000"}
    found = frame("json", asked(house, reader, format="json", chart="q:cpu_usage_ratio!before", **window).data)
    now, then, less = (f"cpu_usage_ratio{label}" for label in ("", '{compared="before"}', '{compared="difference"}'))
    assert list(found.columns) == ["time_local", now, then, less]
    (want,) = house.services.query.select(["cpu_usage_ratio"], 2 * middle - house.at, middle).series
    np.testing.assert_allclose(found[then].dropna().to_numpy(float), want.value, rtol=1e-6)
    both = found.dropna(subset=[now, then])
    np.testing.assert_allclose((both[now] - both[then]).to_numpy(float), both[less].to_numpy(float), atol=1e-6)
    assert len(both) > 5
    other = 'cpu_core_usage_ratio{core="0"}'
    found = frame("json", asked(house, reader, format="json", chart=f"q:cpu_usage_ratio!vs={other}", **window).data)
    assert list(found.columns) == ["time_local", now, other, less]
    wrong = reader.get("/api/metrics/export", query_string={"chart": 'q:cpu_usage_ratio!vs={a="'})
    assert wrong.status_code == 400


@pytest.mark.parametrize("rate", ["", "!rate"])
def test_a_counter_is_exported_as_the_rate_that_is_drawn_for_it(
    house: House, reader: FlaskClient, rate: str,
) -> None:
    name = "network_all_transmit_bytes"
    assert not house.services.query.series([f"{name}_total"])
    answer = asked(house, reader, format="json", chart=f"q:{name}_total{rate}", raw="0", points="20000")
    found = frame("json", answer.data)
    assert list(found.columns) == ["time_local", f"{name}_per_second"]
    (want,) = house.services.query.select([f"{name}_per_second"], house.start, house.at).series
    np.testing.assert_allclose(found.iloc[:, 1].to_numpy(float), want.value, rtol=1e-6)


@pytest.mark.parametrize("chart", ["memory", "cpu-cores", "cpu-modes", "volumes"])
def test_other_kinds_of_charts_are_exported_too(house: House, reader: FlaskClient, chart: str) -> None:
    answer = asked(house, reader, format="json", chart=chart, points="50")
    if chart == "cpu-modes":
        assert answer.status_code == 404 and "Nothing is recorded under cpu-modes" in answer.json["detail"]
        return
    read = frame("json", answer.data)
    assert len(read) > 5 and read.iloc[:, 1:].notna().to_numpy().any()


def test_lowest_and_highest_of_steps(house: House, reader: FlaskClient) -> None:
    start = iso(house.start - 86_400)  # before the ring: minutes
    answer = asked(house, reader, format="json", metric="cpu_usage_ratio", raw="1", extremes="1", **{"from": start})
    meta, found = json.loads(answer.data)["meta"], frame("json", answer.data)
    assert meta["source"] == "minutes" and meta["step_seconds"] == 60
    low, mean, high = (found[f"cpu_usage_ratio{part}"] for part in (" min", "", " max"))
    assert (low <= mean).all() and (mean <= high).all() and (low < high).any()


def test_the_estimate_is_about_right(house: House, reader: FlaskClient) -> None:
    query = {"chart": "cpu", "raw": "1", "from": iso(house.start), "to": iso(house.at)}
    told = reader.get("/api/metrics/export/estimate", query_string=query).json
    rows = len(asked(house, reader, chart="cpu", raw="1").text.splitlines()) - 1
    assert abs(told["rows"] - rows) <= 2 and told["values"] == 5 * told["rows"]
    assert told["source"] == "samples" and [s["unit"] for s in told["series"]] == ["ratio"] * 5


BAD = [
    ({}, "metric"), ({"metric": "a{"}, "metric"), ({"metric": "cpu_load1", "chart": "cpu"}, "chart"),
    ({"chart": "nonsense"}, "chart"), ({"chart": "q:"}, "chart"), ({"chart": "q:a{b"}, "chart"),
    ({"metric": "cpu_load1", "format": "doc"}, "format"), ({"metric": "cpu_load1", "tz": "Mars/Olympus"}, "tz"),
    ({"metric": "cpu_load1", "tz": "../../etc/passwd"}, "tz"), ({"metric": "cpu_load1", "tz": "Europe"}, "tz"),
    ({"metric": "cpu_load1", "from": "soon"}, "from"), ({"metric": "cpu_load1", "from": "9", "to": "5"}, "from"),
    ({"metric": "cpu_load1", "window": "2h"}, "window"), ({"metric": "cpu_load1", "last": "0"}, "last"),
    ({"metric": "cpu_load1", "last": "5", "window": "1h"}, "last"), ({"metric": "cpu_load1", "raw": "maybe"}, "raw"),
    ({"metric": "cpu_load1", "points": "1"}, "points"), ({"metric": "cpu_load1", "pionts": "9"}, "pionts"),
]


@pytest.mark.parametrize(("query", "field"), BAD)
@pytest.mark.parametrize("route", ROUTES[1:])
def test_bad_input_is_told_by_its_field(reader: FlaskClient, route: str, query: dict[str, str], field: str) -> None:
    answer = reader.get(route, query_string=query)
    assert answer.status_code == 400 and answer.content_type.startswith("application/problem+json")
    assert [error["field"] for error in answer.json["errors"]] == [field]


def test_what_is_not_there_is_404(reader: FlaskClient) -> None:
    answer = reader.get("/api/metrics/export?metric=no_such_thing")
    assert answer.status_code == 404 and "no_such_thing" in answer.json["detail"]
    assert reader.get("/api/metrics/export?metric=cpu_load1&server=7").status_code == 404


@pytest.mark.parametrize("route", ROUTES)
def test_who_may_read_metrics_may_export(
    house: House, anonymous: FlaskClient, stranger: FlaskClient, person: FlaskClient, route: str
) -> None:
    assert anonymous.get(f"{route}?metric=cpu_load1").status_code == 401
    assert stranger.get(f"{route}?metric=cpu_load1").status_code == 403
    assert person.get(f"{route}?metric=cpu_load1").status_code == 200


def test_a_store_that_is_away_is_no_file(house: House, reader: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: Any) -> Any:
        raise StoreUnavailable("The ring is away: gone")

    monkeypatch.setattr(house.ring, "window", away)
    for kind in KINDS:
        answer = asked(house, reader, format=kind, metric="cpu_load1", raw="1", window="5m")
        assert answer.status_code == 503, kind


def test_only_a_few_files_are_made_at_a_time(house: House, reader: FlaskClient) -> None:
    held = [reader.get("/api/metrics/export?metric=cpu_load1") for _ in range(4)]
    refused = reader.get("/api/metrics/export?metric=cpu_load1")
    assert refused.status_code == 503 and refused.headers["Retry-After"] == "5"
    for answer in held:
        answer.close()
    with reader.get("/api/metrics/export?metric=cpu_load1") as answer:
        assert answer.status_code == 200


def test_nothing_is_left_of_files_that_were_sent(house: House, reader: FlaskClient) -> None:
    for kind in ("parquet", "xlsx"):
        assert asked(house, reader, format=kind, metric="cpu_load1").status_code == 200
    assert list((house.folder / "cache" / "jobs" / "work").iterdir()) == []


# -- in the background

def post(client: FlaskClient, body: Any) -> Any:
    headers = {}
    cookie = client.get_cookie(client.application.config["VIGIE_CSRF_COOKIE"])
    if cookie is not None:
        headers["X-CSRFToken"] = cookie.value
    return client.post("/api/v1/exports", json=body, headers=headers)


def over(client: FlaskClient, job: str) -> Any:
    def ended() -> Any:
        told = client.get(f"/api/v1/jobs/{job}").json
        return told if told["state"] not in ("queued", "running") else None

    return wait_until(ended, 20, what="the job is over")


def test_an_export_in_the_background(own_house: House) -> None:
    client = bearer(own_house, own_house.token("one", "metrics:read"))
    body = {"format": "parquet", "metric": ["cpu_usage_ratio"], "from": iso(own_house.start), "to": iso(own_house.at),
            "raw": True}
    answer = post(client, body)
    assert answer.status_code == 202 and answer.headers["Location"] == f"/api/jobs/{answer.json['id']}"
    told = over(client, answer.json["id"])
    assert told["state"] == "done" and told["progress"] == 1 and told["expires"] > told["finished"]
    file = client.get(told["url"])
    assert file.content_length == told["size"] == len(file.data) and told["file"] in file.headers["Content-Disposition"]
    wanted = own_house.services.query.select(["cpu_usage_ratio"], own_house.start, own_house.at).series
    same(frame("parquet", file.data), wanted, {"cpu_usage_ratio": "cpu_usage_ratio"})
    assert [job["id"] for job in client.get("/api/v1/jobs").json["data"]] == [told["id"]]
    assert client.delete(f"/api/v1/jobs/{told['id']}").status_code == 204
    assert client.get(f"/api/v1/jobs/{told['id']}").status_code == 404
    assert client.get("/api/v1/jobs").json["data"] == []


def test_a_job_is_its_owners_and_admins_may_see_it(own_house: House) -> None:
    owner = bearer(own_house, own_house.token("one", "metrics:read"))
    job = post(owner, {"chart": ["cpu"]}).json["id"]
    over(owner, job)
    other = bearer(own_house, own_house.token("two", "metrics:read"))
    viewer, admin = signed_in(own_house, "viewer"), signed_in(own_house, "admin")
    nobody = own_house.server.test_client()
    for client, status in ((nobody, 401), (other, 404), (viewer, 404), (admin, 200), (owner, 200)):
        for path in ("", "/file"):
            assert client.get(f"/api/v1/jobs/{job}{path}").status_code == status
    assert other.delete(f"/api/v1/jobs/{job}").status_code == 404
    assert other.get("/api/v1/jobs").json["data"] == []
    (seen,) = admin.get("/api/v1/jobs").json["data"]
    assert seen["id"] == job and seen["mine"] is False


def test_a_page_of_another_site_makes_no_job(own_house: House) -> None:
    client = signed_in(own_house, "viewer")
    assert client.post("/api/v1/exports", json={"chart": ["cpu"]}).status_code in (400, 403)
    assert own_house.services.jobs.jobs() == []


@pytest.mark.parametrize(("query", "field"), [
    *((q, f) for q, f in BAD if f not in ("pionts",)), ({"metric": ["cpu_load1"], "nonsense": 1}, "nonsense"),
    ({"metric": "cpu_load1", "points": []}, "points"),
])
def test_bad_bodies_are_told_by_their_field(reader: FlaskClient, query: dict[str, Any], field: str) -> None:
    body = {name: [value] if name in ("metric", "chart") and isinstance(value, str) else value
            for name, value in query.items()}
    answer = post(reader, body)
    assert answer.status_code == 400, answer.text
    assert answer.json["errors"][0]["field"] == field


def test_a_running_job_is_cancelled(own_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = bearer(own_house, own_house.token("one", "metrics:read"))
    begun, real = threading.Event(), own_house.ring.window

    def slow(*args: Any) -> Any:
        begun.set()
        return real(*args)

    post_body = {"chart": ["cpu"], "raw": True}
    monkeypatch.setattr("jobs.pool._Watched.write", lambda self, data: begun.wait(5) and self._task._cancelled.wait(5)
                        and self._task.check())
    monkeypatch.setattr(own_house.ring, "window", slow)
    job = post(client, post_body).json["id"]
    assert begun.wait(10)
    assert client.get(f"/api/v1/jobs/{job}/file").status_code == 409
    assert client.delete(f"/api/v1/jobs/{job}").status_code == 204
    assert over(client, job)["state"] == "cancelled"
    work = own_house.folder / "cache" / "jobs" / "work"
    wait_until(lambda: not list(work.iterdir()), 5, what="nothing is left")
    assert not (own_house.folder / "cache" / "jobs" / "done").exists()


def test_too_many_jobs_are_refused(own_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = bearer(own_house, own_house.token("one", "metrics:read"))
    go = threading.Event()
    monkeypatch.setattr("api.jobs.write", lambda *_args: go.wait(10))
    answers = [post(client, {"chart": ["cpu"]}).status_code for _ in range(5)]
    go.set()
    assert answers == [202, 202, 202, 202, 429]


def test_csv_is_not_held_back(house: House, reader: FlaskClient) -> None:
    """A stream: the first part comes before the last is read."""
    with reader.get("/api/metrics/export?metric=cpu_load1&raw=1", buffered=False) as answer:
        assert answer.is_streamed and "Content-Length" not in answer.headers
        assert next(answer.iter_encoded()).startswith(b"time_utc")


def test_the_document_names_the_formats() -> None:
    assert set(MIMES) == set(KINDS)
    assert ExportQuery.model_json_schema()["properties"]["format"]["enum"] == list(KINDS)
