"""The audit trail over HTTP: read page by page, filtered, exported, verified; by who may only."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest

from security.audit import store
from security.audit.entry import Entry
from security.permissions import PERMISSIONS
from tests.api.house import PASSWORD, House, build

AT = 1_790_000_000.0
NAMES = map("token {}".format, range(10**6))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = build(tmp_path_factory.mktemp("audit"))
    house.services.accounts.people.add("ada", PASSWORD, "admin")
    trail = house.services.audit
    store.append(trail.database, [
        Entry(
            AT + number, "user.role" if number % 2 else "view.change", f"view {number}", "user",
            "ada" if number % 3 else "bob", 1, "10.0.0.1", "Firefox", "abc", "refused" if number % 10 == 0 else "ok",
            before='{"n":1}', after='{"n":2,"text":"=SUM(A1)"}' if number == 7 else '{"n":2}',
        )
        for number in range(1, 121)
    ], trail.seal)
    yield house
    house.close()


@pytest.fixture
def headers(home: House) -> dict[str, str]:
    return {"Authorization": f"Bearer {home.token(next(NAMES), 'audit:view')}"}


def listed(home: House, headers: dict[str, str], **query: object) -> dict[str, object]:
    answer = home.server.test_client().get("/api/v1/audit", headers=headers, query_string=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json
    return found


def test_it_is_read_a_page_at_a_time_and_no_row_twice(home: House, headers: dict[str, str]) -> None:
    seen, before = [], None
    while True:
        found = listed(home, headers, limit=25, to=(AT + 1000) * 1000, **({"before": before} if before else {}))
        seen += [row["id"] for row in found["data"]]
        before = found["next"]
        if before is None:
            break
    assert seen == list(range(120, 0, -1))


@pytest.mark.parametrize(("query", "expected"), [
    ({"who": "bob"}, [n for n in range(120, 0, -1) if n % 3 == 0]),
    ({"action": "user"}, [n for n in range(120, 0, -1) if n % 2]),
    ({"action": "user.role"}, [n for n in range(120, 0, -1) if n % 2]),
    ({"action": "use"}, []),
    ({"result": "refused"}, list(range(120, 0, -10))),
    ({"text": "view 77"}, [77]),
    ({"text": "sum(a1)"}, [7]),
    ({"text": "100%"}, []),
    ({"from": (AT + 5) * 1000, "to": (AT + 8) * 1000}, [8, 7, 6, 5]),
    ({"who": "bob", "action": "view", "result": "refused"}, [120, 90, 60, 30]),
], ids=str)
def test_it_is_filtered(
    home: House, headers: dict[str, str], query: dict[str, object], expected: list[int]
) -> None:
    found = listed(home, headers, **{"limit": 1000, "to": (AT + 1000) * 1000, **query})
    assert [row["id"] for row in found["data"]] == expected


def test_an_export_is_a_stream_of_all_and_leaves_a_row(home: House, headers: dict[str, str]) -> None:
    client = home.server.test_client()
    answer = client.get("/api/v1/audit/export?format=csv&who=ada&to=1790001000000", headers=headers)
    assert answer.status_code == 200 and "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [int(row["id"]) for row in rows] == [n for n in range(120, 0, -1) if n % 3]
    assert rows[-1]["time"].startswith("2026-09-21T") and rows[-1]["before"] == '{"n":1}'
    lines = client.get("/api/v1/audit/export?format=json&to=1790001000000", headers=headers).text.splitlines()
    assert len(lines) == 120 and json.loads(lines[0])["after"] == {"n": 2}
    newest = listed(home, headers, action="audit.export", limit=2)["data"]
    assert [row["after"]["format"] for row in newest] == ["json", "csv"]
    assert newest[1]["after"]["filter"] == {"who": "ada", "end": 1790001000.0}


def test_a_spreadsheet_gets_no_formula(home: House, headers: dict[str, str]) -> None:
    trail = home.services.audit
    trail.record("test.step", '=HYPERLINK("http://evil.example")')
    trail.flush()
    text = home.server.test_client().get("/api/v1/audit/export?format=csv&action=test", headers=headers).text
    assert "'=HYPERLINK" in text


def test_it_is_verified_and_that_is_recorded(home: House, headers: dict[str, str]) -> None:
    answer = home.server.test_client().post("/api/v1/audit/verify", headers=headers)
    assert answer.status_code == 200, answer.text
    found = answer.json
    assert (found["ok"], found["first"], found["problem"], found["row"]) == (True, 1, "", None)
    assert listed(home, headers, action="audit.verify")["data"][0]["target"] == f"rows 1 to {found['last']}"


@pytest.mark.parametrize("path", ["/api/v1/audit", "/api/v1/audit/export"])
def test_others_see_nothing(home: House, path: str) -> None:
    client = home.server.test_client()
    assert client.get(path).status_code == 401
    reader = {"Authorization": f"Bearer {home.token(next(NAMES), 'metrics:read')}"}
    assert client.get(path, headers=reader).status_code == 403


@pytest.mark.parametrize(("query", "field"), [
    ({"limit": 0}, "limit"), ({"before": "x"}, "before"), ({"result": "maybe"}, "result"), ({"whom": "x"}, "whom"),
    ({"from": 2000, "to": 1000}, "from"),
])
def test_what_is_asked_wrongly_is_told(
    home: House, headers: dict[str, str], query: dict[str, object], field: str
) -> None:
    answer = home.server.test_client().get("/api/v1/audit", headers=headers, query_string=query)
    assert answer.status_code == 400 and answer.json["errors"][0]["field"] == field


def test_exports_of_data_views_and_configuration_leave_rows(home: House, headers: dict[str, str]) -> None:
    client = home.server.test_client()
    everything = {"Authorization": f"Bearer {home.token(next(NAMES), *PERMISSIONS)}"}
    view = client.post("/api/v1/views", json={"name": "x", "body": {"charts": ["cpu"]}}, headers=everything).json["id"]
    assert client.get(f"/api/v1/views/{view}/file", headers=everything).status_code == 200
    assert client.get("/api/v1/config/export", headers=everything).status_code == 200
    wanted = {"metric": "cpu_usage_ratio", "format": "csv"}
    assert client.get("/api/v1/metrics/export", query_string=wanted, headers=everything).status_code == 200
    assert client.post("/api/v1/exports", json={"metric": ["cpu_usage_ratio"], "format": "csv"},
                       headers=everything).status_code == 202
    picture = {"chart": "cpu", "title": "CPU use", "format": "png"}
    assert client.post("/api/v1/exports/picture", json=picture, headers=everything).status_code == 204
    rows = listed(home, headers, limit=5)["data"]
    assert [row["action"] for row in rows] == [
        "export.make", "export.make", "export.make", "config.export", "view.export",
    ]
    assert rows[0]["target"] == "CPU use.png"
