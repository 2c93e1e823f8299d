"""Load tests over HTTP: who may start, watch, keep and delete them; what a wrong plan is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from components import ids
from security.audit.reading import Filter, page
from tests.engine.run import Engine, engine
from tests.pages.site import Site
from tests.support import wait_until

PATH = "/api/v1/models/bench"
PLAN = {"concurrency": [1, 2], "prompt_tokens": [16], "answer_tokens": 8, "seconds": 20, "requests": 3}
LONG = {"concurrency": [1], "answer_tokens": 1500, "seconds": 60, "prompt_tokens": [16]}


@pytest.fixture(scope="module")
def box(tiny_model: Path) -> Iterator[Engine]:
    with engine(tiny_model, "-c", "4096", "-np", "2") as running:
        yield running


@pytest.fixture(scope="module")
def site(box: Engine, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "config").mkdir()
    (folder / "config" / "dashboard_config.json").write_text(json.dumps({
        "version": "1.0.0",
        "models": {"discover": False, "servers": {"box": {"url": box.url, "engine": "llamacpp"}}},
    }))
    made = Site(folder)
    ticks = iter(range(1, 10**6))

    def known() -> Any:
        made.runtime.tick(made.vigie.latest.at + next(ticks))
        return made.vigie.serving.row("box", "tiny")

    wait_until(known, 30, "the model is known")
    yield made
    made.vigie.serving.load_tests.cancel()


def browser(site: Site, name: str) -> FlaskClient:
    """Somebody signed in, on a page that holds the CSRF token."""
    client = site.signed_in(name)
    client.environ_base["HTTP_X_CSRFTOKEN"] = site.csrf(client)
    return client


@pytest.fixture(scope="module")
def operator(site: Site) -> FlaskClient:
    return browser(site, "operator")


@pytest.fixture(scope="module")
def viewer(site: Site) -> FlaskClient:
    return browser(site, "viewer")


def started(client: FlaskClient, plan: dict[str, Any]) -> str:
    answer = client.post(PATH, json={"model": "tiny", "server": "box", "plan": plan})
    assert answer.status_code == 202, answer.text
    number = answer.json["id"]
    assert answer.headers["Location"].endswith(f"/models/bench/{number}")
    return str(number)


def over(client: FlaskClient, number: str) -> dict[str, Any]:
    def state() -> Any:
        running = client.get(PATH).json["running"]
        return running if running["id"] == number and running["state"] != "running" else None

    found: dict[str, Any] = wait_until(state, 60, "the load test is over")
    return found


def actions(site: Site) -> list[tuple[str, str]]:
    site.vigie.audit.flush()
    return [(one.action, one.result) for one in page(site.vigie.audit.database, Filter(action="model")).rows]


def test_nobody_and_no_viewer_starts_one(site: Site, viewer: FlaskClient) -> None:
    for client, status in ((site.server.test_client(), 401), (viewer, 403)):
        for method, path in (
            ("POST", PATH), ("POST", f"{PATH}/cancel"), ("DELETE", f"{PATH}/{'0' * 16}"),
            ("PUT", f"{PATH}/{'0' * 16}/note"),
        ):
            answer = client.open(path, method=method, json={"model": "tiny", "note": ""})
            assert answer.status_code in (status, 400 if status == 401 else status), (path, answer.text)
    assert site.server.test_client().get(PATH).status_code == 401
    assert viewer.get(PATH).status_code == 200


@pytest.mark.parametrize(("plan", "field"), [
    ({"concurrency": [1, 2, 3, 4, 5, 6, 7]}, "plan.concurrency"), ({"concurrency": [1, 65]}, "plan.concurrency.1"),
    ({"prompt_tokens": [9, 9000]}, "plan.prompt_tokens.1"), ({"answer_tokens": 99_999}, "plan.answer_tokens"),
    ({"seconds": 61}, "plan.seconds"), ({"requests": 0}, "plan.requests"), ({"colour": 1}, "plan.colour"),
    ({"concurrency": [1, 2, 3, 4, 5, 6], "prompt_tokens": [8, 9], "seconds": 60}, "plan"),
])
def test_a_plan_out_of_bounds_is_refused_with_its_field(operator: FlaskClient, plan: Any, field: str) -> None:
    answer = operator.post(PATH, json={"model": "tiny", "server": "box", "plan": plan})
    assert answer.status_code == 400
    assert [one["field"] for one in answer.json["errors"]] == [field]


def test_there_must_be_such_a_model(operator: FlaskClient) -> None:
    assert operator.post(PATH, json={"model": "nobody"}).status_code == 404
    assert operator.get(f"{PATH}/{'0' * 16}").status_code == 404
    assert operator.delete(f"{PATH}/{'0' * 16}").status_code == 404
    assert operator.put(f"{PATH}/{'0' * 16}/note", json={"note": "x"}).status_code == 404
    assert operator.get(f"{PATH}/x").status_code == 400


def test_a_load_test_from_its_start_to_its_end(site: Site, operator: FlaskClient, viewer: FlaskClient) -> None:
    number = started(operator, PLAN)
    assert over(viewer, number)["state"] == "done"
    one = viewer.get(f"{PATH}/{number}").json
    assert (one["model"], one["server"], one["engine"], one["by"]) == ("tiny", "box", "llamacpp", "operator")
    assert one["result"]["ended"] == "done" and len(one["result"]["steps"]) == 2
    assert one["result"]["limits"] == {"first_token": 1.0, "inter_token": 0.1}
    assert one["plan"]["seed"] is not None and one["settings"]["slots"] == 2
    assert [at["prompt_tokens"] for at in one["knees"]] == [16]
    assert viewer.get(PATH).json["data"][0]["id"] == number
    assert site.vigie.serving.log.pull() == 0, "no proxy has seen it"

    assert operator.put(f"{PATH}/{number}/note", json={"note": "before"}).json["note"] == "before"
    file = viewer.get(f"{PATH}/{number}/export")
    assert file.json["note"] == "before" and "attachment" in file.headers["Content-Disposition"]
    assert operator.delete(f"{PATH}/{number}").status_code == 204
    assert number not in [row["id"] for row in viewer.get(PATH).json["data"]]


def test_the_page_shows_it(site: Site, operator: FlaskClient, viewer: FlaskClient) -> None:
    view = {"server": "box", "model": "tiny"}

    def live(client: FlaskClient) -> Any:
        answer = site.callback(
            client, [(ids.MODELS_BENCH_LIVE, "children"), (ids.MODELS_BENCH_TICK, "interval"),
                     (ids.MODELS_BENCH_KNOWN, "data")],
            [(ids.MODELS_BENCH_TICK, "n_intervals", 1), (ids.MODELS_BENCH_ASK, "data", 1)],
            [(ids.TIME_VIEW, "data", view), (ids.MODELS_BENCH_KNOWN, "data", "")],
        )
        assert answer.status_code == 200, answer.text
        return answer.json["response"]

    def results(client: FlaskClient, shown: Any, other: Any) -> Any:
        answer = site.callback(
            client, [(ids.MODELS_BENCH_SHOWN, "options"), (ids.MODELS_BENCH_SHOWN, "value"),
                     (ids.MODELS_BENCH_OTHER, "options"), (ids.MODELS_BENCH_OTHER, "value"),
                     (ids.MODELS_BENCH_RESULTS, "children")],
            [(ids.MODELS_BENCH_KNOWN, "data", "x"), (ids.MODELS_BENCH_SHOWN, "value", shown),
             (ids.MODELS_BENCH_OTHER, "value", other)], [(ids.TIME_VIEW, "data", view)],
        )
        assert answer.status_code == 200, answer.text
        return answer.json["response"]

    assert "bench-form" in json.dumps(site.page(operator, "/models/one", "?server=box&model=tiny"))
    assert "bench-form" not in json.dumps(site.page(viewer, "/models/one", "?server=box&model=tiny"))
    assert "No load test yet" in json.dumps(results(viewer, None, None))
    first = started(operator, LONG)
    assert "Cancel" in json.dumps(told := live(operator)) and "Cancel" not in json.dumps(live(viewer))
    assert told[ids.MODELS_BENCH_TICK]["interval"] == 1000
    operator.post(f"{PATH}/cancel", json={})
    over(operator, first)
    numbers = []
    for _ in range(2):
        numbers.append(started(operator, PLAN))
        over(operator, numbers[-1])
    before, after = numbers
    told = results(viewer, None, None)
    assert told[ids.MODELS_BENCH_SHOWN]["value"] == after, "the newest"
    told = results(viewer, after, before)
    assert "Against" in json.dumps(told) and told[ids.MODELS_BENCH_OTHER]["value"] == before
    for number in numbers:
        operator.delete(f"{PATH}/{number}")


def test_one_at_a_time_and_cancel_keeps_nothing_without_a_step(operator: FlaskClient) -> None:
    number = started(operator, LONG)
    again = operator.post(PATH, json={"model": "tiny", "server": "box", "plan": LONG})
    assert again.status_code == 409 and "runs already" in again.json["detail"]
    assert operator.post(f"{PATH}/cancel", json={}).status_code == 204
    assert over(operator, number)["state"] == "cancelled"
    assert operator.post(f"{PATH}/cancel", json={}).status_code == 409
    assert operator.get(f"{PATH}/{number}").status_code == 404


def test_what_was_done_stands_in_the_audit_trail(site: Site, operator: FlaskClient) -> None:
    number = started(operator, PLAN)
    over(operator, number)
    operator.delete(f"{PATH}/{number}")
    wanted = {("model.bench.start", "ok"), ("model.bench.delete", "ok")}
    wait_until(lambda: wanted <= set(actions(site)), 10, "the rows are written")
