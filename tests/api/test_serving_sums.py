"""Sums about models by HTTP, and on their pages: who may, what is refused, what comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from callbacks.model_compare import other_window
from components import ids
from live.models import Model
from serving.requests.table import requests, row_of
from tests.pages.site import Site, texts, walk

ROUTES = {
    "/api/v1/models/memory": 200, "/api/v1/models/energy": 200, "/api/v1/models/idle": 200,
    "/api/v1/models/capacity?model=m": 200, "/api/v1/models/energy?by=client": 403,
    "/api/v1/models/compare?model=m": 403,
}
"""A route -> how it answers a viewer; operators get all."""
TTFT = [0.1 + n / 100 for n in range(30)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An app with one model and requests of the last minutes and of an hour before."""
    made = Site(tmp_path_factory.mktemp("sums"))
    made.vigie.serving.rows = lambda: [Model("box", "m", "llamacpp", "running")]
    add(made, time.time() - 600, TTFT, client="near")
    add(made, time.time() - 4200, [2 * t for t in TTFT], client="far")
    yield made
    made.runtime.stop()


def add(site: Site, at: float, times: list[float], **more: Any) -> None:
    rows = []
    for n, ttft in enumerate(times):
        row = row_of({"seq": round(at) + n, "id": f"{n:x}", "at": at + n, "proxy": "lmstudio", "server": "box",
                      "model": "m", "kind": "chat", "finish": "stop", "duration": ttft + 1.0, "ttft": ttft,
                      "output_tokens": 11, **more}, "b", time.time())
        assert row is not None
        rows.append(row | {"joules": 22.0})
    with site.vigie.serving.log.database.write() as connection:
        connection.execute(sa.insert(requests), rows)


@pytest.mark.parametrize("path", ROUTES)
def test_who_may(place: Site, path: str) -> None:
    assert place.server.test_client().get(path).status_code == 401
    assert place.signed_in("viewer").get(path).status_code == ROUTES[path]
    assert place.signed_in("operator").get(path).status_code == 200


@pytest.mark.parametrize(("query", "field"), [
    ("energy?by=pid", "by"), ("energy?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
    ("idle?from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from"), ("idle?window=1h", "window"),
    ("capacity", "model"), ("compare?model=m&other_from=soon", "other_from"),
    ("compare?model=m&other_from=2026-01-02T00:00:00Z&other_to=2026-01-01T00:00:00Z", "other_from"),
])
def test_bad_input_names_its_field(place: Site, query: str, field: str) -> None:
    answer = place.signed_in("operator").get(f"/api/v1/models/{query}")
    assert answer.status_code == 400 and answer.json["errors"][0]["field"] == field


def test_what_is_not_known_is_told_what_there_is(place: Site) -> None:
    answer = place.signed_in("viewer").get("/api/v1/models/energy?form=model")
    assert answer.json["errors"][0]["allowed"] == "is not known here; there are: from, to, by"


def test_energy_by_model_and_client(place: Site) -> None:
    client = place.signed_in("operator")
    found = client.get("/api/v1/models/energy").json
    row, = found["data"]
    assert (row["name"], row["requests"], row["joules_per_token"], row["share"]) == ("m", 60, 2.0, 1.0)
    assert row["cost_per_1000"] == pytest.approx(row["wh_per_1000"] / 1000 * found["price_per_kwh"])
    by_client = client.get("/api/v1/models/energy?by=client").json["data"]
    assert {one["name"]: one["requests"] for one in by_client} == {"near": 30, "far": 30}


def test_capacity_says_what_it_lacks_and_who_is_unknown(place: Site) -> None:
    client = place.signed_in("viewer")
    found = client.get("/api/v1/models/capacity?model=m").json
    assert found["rate"] is None and found["limit"] == 1.0 and 1 <= found["minutes"] < found["minutes_needed"] == 20
    assert client.get("/api/v1/models/capacity?model=nix").status_code == 404


def test_a_comparison_is_numpys(place: Site) -> None:
    now = time.time()
    hours = [round((now - back) * 1000) for back in (7200, 3600)]
    found = place.signed_in("operator").get(
        f"/api/v1/models/compare?model=m&server=box&other_from={hours[0]}&other_to={hours[1]}").json
    assert found["first"]["requests"] == found["second"]["requests"] == 30
    assert found["first"]["ttft"]["p95"] == pytest.approx(np.percentile(TTFT, 95))
    row = next(one for one in found["rows"] if one["name"] == "ttft_p50")
    assert row["change"] == pytest.approx(1.0) and row["verdict"] == "worse"
    other = place.signed_in("operator").get("/api/v1/models/compare?model=m&other_model=nix").json["second"]
    assert (other["model"], other["server"], other["requests"], other["ttft"]["p50"]) == ("nix", "", 0, None)


def test_memory_is_told_by_model(place: Site) -> None:
    found = place.signed_in("viewer").get("/api/v1/models/memory").json
    assert found["host"]["total"] >= found["host"]["used"] > 0 and isinstance(found["gpus"], list)


# ---- the pages


def test_the_pages_have_the_panels_for_who_may(place: Site) -> None:
    page = texts(place.page(place.signed_in("viewer"), "/models"))
    assert "Energy" in page
    viewer, operator = (
        {str(node["props"].get("id")) for node in walk(place.page(place.signed_in(role), "/models/one",
                                                                  "?server=box&model=m"))}
        for role in ("viewer", "operator")
    )
    assert ids.MODELS_ROOM in viewer and ids.MODELS_ROOM in operator
    assert ids.MODELS_COMPARED in operator and ids.MODELS_COMPARED not in viewer


def compare(site: Site, against: Any, other: Any = None, view: Any = None) -> str:
    answer = site.callback(
        site.signed_in("operator"), [(ids.MODELS_COMPARED, "children"), (ids.MODELS_OWN_SPAN, "hidden")],
        [(ids.MODELS_WITH, "value", other), (ids.MODELS_AGAINST, "value", against),
         (ids.MODELS_MEASURE, "value", "nix"), (ids.MODELS_SINCE, "value", None), (ids.MODELS_UNTIL, "value", "x"),
         (ids.MODELS_SPAN, "data", {"from": None, "to": None, "seconds": 3600})],
        [(ids.TIME_VIEW, "data", view or {"server": "box", "model": "m"})],
    )
    assert answer.status_code == 200, answer.text
    return " ".join(texts(answer.json["response"][ids.MODELS_COMPARED]["children"]).split())


def test_the_page_compares_with_the_time_before(place: Site) -> None:
    assert "Time to the first token, p50 245 ms 490 ms +100 % worse" in compare(place, "before")
    assert "No requests in this window: nix" in compare(place, "none", "box|nix")
    assert "No requests in this window" in compare(place, "week")


@pytest.mark.parametrize(("against", "words"), [
    ("none", "Choose another model"), ({"x": 1}, "Choose another model"), ("own", "Give a time from"),
])
def test_a_choice_that_is_half_made_says_what_is_missing(place: Site, against: Any, words: str) -> None:
    assert words in compare(place, against)


def test_energy_and_capacity_come_by_callback(place: Site) -> None:
    client = place.signed_in("viewer")
    by_client = place.callback(
        client, [(ids.MODELS_ENERGY, "children")],
        [(ids.MODELS_ENERGY_BY, "value", "client"), (ids.MODELS_ENERGY_WINDOW, "value", "charts"),
         (ids.MODELS_SPAN, "data", {"seconds": 3600}), (ids.MODELS_SLOW_TICK, "n_intervals", 1)],
    )
    words = texts(by_client.json["response"][ids.MODELS_ENERGY]["children"])
    assert "near" not in words and "30" in words.split(), "clients are not for viewers: by model then"
    room = place.callback(
        client, [(ids.MODELS_ROOM, "children")], [(ids.MODELS_ROOM_TICK, "n_intervals", 1)],
        [(ids.TIME_VIEW, "data", {"server": "box", "model": "m"})],
    )
    assert "Not enough data" in texts(room.json["response"][ids.MODELS_ROOM]["children"])


def test_windows_of_the_other_side(place: Site) -> None:
    with place.server.test_request_context():
        assert other_window("day", 100_000.0, 103_600.0, None, None) == (13_600.0, 17_200.0)
        span = other_window("own", 0.0, 1.0, "2026-01-01T10:00", "2026-01-01T11:30")
        assert span is not None and span[1] - span[0] == 5400
        assert other_window("own", 0.0, 1.0, "2026-01-01T10:00", "2026-01-01T09:00") is None


def test_the_overview_shows_models_only_where_there_are(place: Site) -> None:
    client = place.signed_in("viewer")
    assert "All models" in texts(place.page(client, "/"))
    rows, place.vigie.serving.rows = place.vigie.serving.rows, list
    assert "All models" not in texts(place.page(client, "/"))
    place.vigie.serving.rows = rows
