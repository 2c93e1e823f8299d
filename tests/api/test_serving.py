"""``/api/models``: what is told, what is done, and what is refused with a reason."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from metrics.metric import labels
from metrics.models import P95
from metrics.series import Selection, Series, SeriesInfo
from serving.acts import CannotAct
from serving.requests.table import requests, row_of
from serving.service import REQUEST_RATE
from tests.pages.site import Site

MODELS = "/api/v1/models"


class Hands:
    """Stands for who acts: notes what it is asked, or refuses."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refusal: CannotAct | None = None

    def at_process(self, action: str, name: str) -> None:
        self._do(action, name)

    def at_server(self, action: str, model: Any, api_key: str) -> None:
        self._do(action, model.name)

    def _do(self, action: str, name: str) -> None:
        if self.refusal:
            raise self.refusal
        self.asked.append((action, name))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An app that knows three models, one of them on two servers, and a few requests."""
    made = Site(Path(tmp_path_factory.mktemp("site")), ticks=1)
    servers = [
        {"name": name, "engine": "ollama", "url": f"http://{name}", "state": "ok", "found": "configured", "models": [
            {"name": "twice", "state": "running", "quantisation": "Q4_K_M"}, *more,
        ]} for name, more in (("a", []), ("b", [{"name": "alone", "state": "stopped"}]))
    ]
    latest = made.vigie.latest
    latest._snapshots |= {
        "model_servers": {"servers": servers},
        "serving": {"processes": [{"name": "own", "engine": "llamacpp", "state": "stopped"}]},
    }
    rows = [row_of({
        "seq": n, "id": f"{n:x}", "at": latest.at - 60 + n, "model": "twice", "server": "a", "client": client,
        "kind": "chat", "duration": n / 10, "ttft": n / 100, "error": error, "prompt": prompt,
    }, "boot", latest.at) for n, client, error, prompt in (
        (1, "10.0.0.1", "", None), (2, "=SUM(A1)", "", "what I asked"), (3, "10.0.0.1", "timeout", None),
    )]
    with made.vigie.serving.log.database.write() as connection:
        connection.execute(sa.insert(requests), rows)
    made.vigie.serving._acts = Hands()
    return made


def test_models_are_told_with_their_servers_and_how_numbers_were_got(site: Site) -> None:
    told = site.signed_in("viewer").get(MODELS).json
    assert [(row["model"], row["server"], row["state"]) for row in told["data"]] == [
        ("twice", "a", "running"), ("twice", "b", "running"), ("alone", "b", "stopped"), ("own", "own", "stopped"),
    ]
    assert told["data"][0]["facts"] == {"quantisation": "Q4_K_M"} and told["data"][0]["numbers"] == {}
    assert [one["name"] for one in told["servers"]] == ["a", "b"]
    assert len(site.signed_in("viewer").get(f"{MODELS}?server=b&state=stopped").json["data"]) == 1


def test_what_a_process_wrote_is_for_who_may_read_its_output(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ending = {"at": 1.0, "code": 1, "lines": ["the prompt of somebody"]}
    process = {"name": "own", "state": "error", "command": ["llama-server", "--port", "1"], "exit": ending}
    monkeypatch.setitem(site.vigie.latest._snapshots, "serving", {"processes": [process]})
    for who, seen in (("viewer", {"at": 1.0, "code": 1}), ("operator", ending)):
        client = site.signed_in(who)
        one = client.get(f"{MODELS}/one?model=own").json
        assert one["process"]["exit"] == seen and one["process"]["command"] == process["command"]
        assert next(row for row in client.get(MODELS).json["data"] if row["model"] == "own") == one
    page = site.page(site.signed_in("viewer"), "/models/one", "?server=own&model=own")
    assert "llama-server" in str(page) and "the prompt of somebody" not in str(page)


def test_requests_a_second_are_those_of_a_minute(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = site.vigie.serving
    info = SeriesInfo(REQUEST_RATE, labels(model="twice", proxy="ollama", server="a"), "per_second", "gauge", "")
    now = int(serving._latest.at)
    series = Series(info, np.arange(now - 59, now + 1) * 1000, np.float32([3, 0, 0, np.nan] * 15), 1.0)
    monkeypatch.setattr(serving._latest, "present", lambda names: [(info, 0.0)] if REQUEST_RATE in names else [])
    monkeypatch.setattr(serving._query, "select", lambda *_: Selection([series], 1.0))
    row = site.signed_in("viewer").get(f"{MODELS}/one?model=twice&server=a").json
    assert row["numbers"]["requests_per_second"] == {"value": 1.0, "how": "proxy"}


def test_a_name_that_two_servers_have_asks_which(site: Site) -> None:
    client = site.signed_in("viewer")
    refused = client.get(f"{MODELS}/one?model=twice")
    assert refused.status_code == 409 and "name one of a, b" in refused.json["title"] + refused.json["detail"]
    assert client.get(f"{MODELS}/one?model=twice&server=b").json["server"] == "b"
    assert client.get(f"{MODELS}/one?model=nobody").status_code == 404


@pytest.mark.parametrize(("action", "model", "server"), [
    ("start", "own", ""), ("stop", "own", "own"), ("restart", "own", ""), ("load", "alone", ""),
    ("unload", "twice", "a"),
])
def test_an_operator_acts_and_it_is_written_down(site: Site, action: str, model: str, server: str) -> None:
    hands = site.vigie.serving._acts = Hands()
    answer = post(site, "operator", action, model=model, server=server)
    assert answer.status_code == 200 and model in answer.json["message"]
    assert hands.asked == [(action, model)]
    site.vigie.audit.flush()
    newest = site.signed_in("admin").get("/api/v1/audit?action=model&limit=1").json["data"][0]
    assert (newest["action"], newest["who"], newest["result"]) == (f"model.{action}", "operator", "ok")
    assert post(site, "viewer", action, model=model, server=server).status_code == 403


@pytest.mark.parametrize(("may", "status"), [
    (("models:start",), 403), (("models:stop",), 403), (("models:start", "models:stop"), 200),
])
def test_a_restart_asks_for_leave_to_stop_and_to_start(site: Site, may: tuple[str, ...], status: int) -> None:
    hands = site.vigie.serving._acts = Hands()
    token = site.vigie.accounts.tokens.add("+".join(may), may)[0]
    answer = site.server.test_client().post(
        f"{MODELS}/restart", json={"model": "own"}, headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == status
    assert hands.asked == ([("restart", "own")] if status == 200 else [])


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("operator", 200), ("admin", 200)])
def test_who_may_restart_by_their_role(site: Site, who: str, status: int) -> None:
    site.vigie.serving._acts = Hands()
    assert post(site, who, "restart", model="own").status_code == status


def test_what_cannot_be_done_says_why(site: Site) -> None:
    hands = site.vigie.serving._acts = Hands()
    assert "not loaded and unloaded" in text_of(post(site, "operator", "load", model="own"))
    assert "not Vigie's to start or stop" in text_of(post(site, "operator", "stop", model="alone"))
    assert hands.asked == []
    hands.refusal = CannotAct("The serving process does not answer.", 503)
    answer = post(site, "operator", "start", model="own")
    assert answer.status_code == 503 and "does not answer" in text_of(answer)
    assert post(site, "operator", "start", model="own", more=1).status_code == 400


@pytest.mark.parametrize("body", ["no JSON", "[1]", '"text"', ""])
def test_a_body_is_a_json_object(site: Site, body: str) -> None:
    client = site.signed_in("operator")
    headers = {"X-CSRFToken": site.csrf(client)}
    answer = client.post(f"{MODELS}/start", data=body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert answer.json["errors"] == [{"field": "body", "given": None, "allowed": "must be a JSON object"}], answer.text


def test_what_is_not_known_is_not_repeated(site: Site) -> None:
    answer = post(site, "operator", "start", model="own", apiKey="hunter2")
    assert answer.status_code == 400 and "hunter2" not in answer.text
    assert answer.json["errors"][0]["field"] == "apiKey" and "is not known here" in answer.json["detail"]


def test_requests_are_for_operators_and_found_by_filter(site: Site) -> None:
    client = site.signed_in("operator")
    assert site.signed_in("viewer").get(f"{MODELS}/requests").status_code == 403
    told = client.get(f"{MODELS}/requests?limit=2").json
    assert ([row["request"] for row in told["data"]], told["count"], told["failed"]) == (["3", "2"], 3, 1)
    assert [row["request"] for row in client.get(f"{MODELS}/requests?before={told['next']}").json["data"]] == ["1"]
    assert client.get(f"{MODELS}/requests?measure=ttft&above=0.015&error=none").json["count"] == 1
    assert client.get(f"{MODELS}/requests?measure=itl_max&above=0&begun_before=2000-01-01T00:00:00Z").json["count"] == 0
    wrong = client.get(f"{MODELS}/requests?above=2&up_to=1")
    assert wrong.status_code == 400 and wrong.json["errors"][0]["field"] == "above"
    assert client.get(f"{MODELS}/requests?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z").status_code == 400


def test_a_file_holds_no_formula(site: Site) -> None:
    answer = site.signed_in("operator").get(f"{MODELS}/requests/export?error=none")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["client"] for row in rows] == ["10.0.0.1", "'=SUM(A1)"]


def test_a_text_that_is_read_is_written_down(site: Site) -> None:
    client = site.signed_in("operator")
    number = client.get(f"{MODELS}/requests?client=%3DSUM(A1)").json["data"][0]["id"]
    assert client.get(f"{MODELS}/requests/{number}").json["prompt"] == "what I asked"
    site.vigie.audit.flush()
    assert site.signed_in("admin").get("/api/v1/audit?action=model.text_read").json["data"][0]["who"] == "operator"
    assert client.get(f"{MODELS}/requests/999999").status_code == 404
    told = client.get(f"{MODELS}/requests/{number}/autopsy").json
    assert told["headline"] == "Nothing stands out." and told["findings"] == []
    assert told["moment"][0] == {
        "code": "ttft", "name": "First token", "now": "20 ms", "usual": "", "value": 0.02, "usual_value": None,
        "unit": "seconds",
    }


def test_an_autopsy_looks_at_this_machine_only_where_the_server_runs_on_it(
    site: Site, monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = site.signed_in("operator")
    number = client.get(f"{MODELS}/requests").json["data"][0]["id"]
    now = int(site.vigie.latest.at)
    cpu = Series(SeriesInfo("cpu_usage_ratio", (), "ratio", "gauge", ""), np.arange(now - 90, now) * 1000,
                 np.float32([0.5] * 90), 1.0)
    monkeypatch.setattr(site.vigie.serving._query, "select", lambda names, *_: Selection(
        [cpu] if names == ["cpu_usage_ratio"] else [], 1.0))

    def looked_at() -> set[str]:
        told = client.get(f"{MODELS}/requests/{number}/autopsy").json
        return {one["code"] for one in told["moment"]}

    assert "cpu" not in looked_at(), "its address is another machine's"
    row = {**site.vigie.latest.snapshot("model_servers")["servers"][0], "local": True}
    monkeypatch.setitem(site.vigie.latest._snapshots, "model_servers", {"servers": [row]})
    assert "cpu" in looked_at()


def test_an_objective_is_told_with_its_budget(site: Site) -> None:
    told = site.signed_in("viewer").get(f"{MODELS}/objective?model=twice&server=a").json
    assert told["objective"]["firstTokenMs"] == 1000 and told["window"]["total"] == 3
    assert told["window"]["failed"] == 1 and told["burn"] == pytest.approx(100 / 3, rel=0.01)


def test_proxies_are_told_with_what_they_pass_on_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [("proxy_up", 1.0), ("proxy_healthy", 0.0), ("proxy_requests_total", 41.0), ("proxy_uptime_seconds", 7.5)]
    p95 = [("fast", 0.5), ("slow", 2.0)]
    latest = site.vigie.latest
    values = [
        *((SeriesInfo(name, labels(proxy="lmstudio"), "", "gauge", ""), value) for name, value in told),
        *((SeriesInfo(P95.name, labels(proxy="lmstudio", server="a", model=model), "", "gauge", ""), value)
          for model, value in p95),
    ]
    monkeypatch.setattr(latest, "_values", {info.key: (info, value, latest.at) for info, value in values})
    monkeypatch.setitem(latest._snapshots, "serving", {
        "answers": True, "proxies": [{"name": "lmstudio", "address": "127.0.0.1:1234", "upstreams": ["a"]}],
        "upstreams": [{"name": "a", "url": "http://a", "state": "down", "problem": "No answer.", "models": ["m"]}],
    })
    one, = site.signed_in("viewer").get(f"{MODELS}/proxies").json["data"]
    known = {"name", "address", "state", "message", "up", "healthy", "uptime", "requests", "p95", "upstreams"}
    assert {name: one[name] for name in known} == {
        "name": "lmstudio", "address": "127.0.0.1:1234", "state": "unhealthy", "message": "", "up": True,
        "healthy": False, "uptime": 7.5, "requests": 41, "p95": 2.0, "upstreams": [
            {"name": "a", "url": "http://a", "engine": "", "state": "down", "message": "No answer.", "models": ["m"]},
        ],
    }
    assert {value for name, value in one.items() if name not in known} == {None}, "what nobody told is not known"
    monkeypatch.setattr(latest, "_values", {})
    one, = site.signed_in("viewer").get(f"{MODELS}/proxies").json["data"]
    assert (one["state"], one["up"], one["healthy"], one["requests"]) == ("starting", None, None, None)


def test_no_proxy_that_is_on_is_an_empty_list(site: Site) -> None:
    assert site.signed_in("viewer").get(f"{MODELS}/proxies").json == {"data": []}
    token = site.vigie.accounts.tokens.add("reader", ["metrics:read"])[0]
    refused = site.server.test_client().get(f"{MODELS}/proxies", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403


def post(site: Site, who: str, action: str, **body: Any) -> Any:
    client = site.signed_in(who)
    return client.post(f"{MODELS}/{action}", json=body, headers={"X-CSRFToken": site.csrf(client)})


def text_of(answer: Any) -> str:
    return f"{answer.json['title']} {answer.json['detail']}"
