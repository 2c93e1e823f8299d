"""``/api/models/bench``: bounded load tests of models, and their curves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import orjson
from flask import Response, url_for
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field, JsonValue

from analysis.knee import knees
from api.config import who
from api.files import attachment
from api.models import Closed, Parameters
from api.problems import Problem, described
from api.serving import found_model, target_of
from api.serving_models import ModelAction
from api.wire import json_response
from components.sentences import sentence
from metrics.flat import iso
from security import audit
from security.permissions import requires
from services import vigie
from serving.acts import CannotAct
from serving.bench.plan import Plan
from serving.bench.run import Running
from serving.bench.store import LONGEST_NOTE, Bench

NO_BENCH: dict[int | str, Any] = {404: described("There is no such load test")}


class BenchBody(ModelAction):
    """Which model is tested, and how."""

    plan: Plan = Field(default_factory=Plan)


class BenchPath(Parameters):
    bench: str = Field(pattern="^[0-9a-f]{16}$", description="The load test's id")


class BenchNote(Closed):
    note: str = Field(max_length=LONGEST_NOTE)


class RunningRow(BaseModel):
    """The load test in hand, or the last one since Vigie started."""

    id: str
    model: str
    server: str
    by: str
    begun: str
    seconds: float = Field(description="It takes at most")
    steps: list[dict[str, JsonValue]] = Field(description="Measured by now")
    count: int = Field(description="Steps in all")
    state: Literal["running", "done", "cancelled", "failed"]
    problem: str
    live: dict[str, JsonValue] | None = Field(description="How the step in hand goes")


class KneeRow(BaseModel):
    """The step with the most requests a second that held to the model's objective."""

    prompt_tokens: int
    concurrency: int
    goodput: float
    beyond: bool = Field(description="It is the last step: more at once may be better still")


class BenchRow(BaseModel):
    """A load test that is kept; times in seconds, absent figures are unknown."""

    id: str
    at: str
    by: str
    model: str
    server: str
    engine: str
    version: str
    quantisation: str
    context_size: int | None
    settings: dict[str, JsonValue]
    plan: dict[str, JsonValue]
    result: dict[str, JsonValue]
    knees: list[KneeRow]
    note: str


class BenchesAnswer(BaseModel):
    running: RunningRow | None
    data: list[BenchRow]


class BenchStarted(BaseModel):
    id: str
    seconds: float = Field(description="It takes at most")


def bench_row(one: Bench) -> dict[str, Any]:
    """A load test, as `BenchRow`."""
    return {
        **asdict(one), "at": iso(one.at),
        "knees": [{"prompt_tokens": length, **asdict(at)} for length, at in knees(one.result.get("steps", [])).items()],
    }


def running_row(now: Running) -> dict[str, Any]:
    """The load test in hand, as `RunningRow`."""
    return {
        "id": now.id, "model": now.model, "server": now.server, "by": now.by, "begun": iso(now.begun),
        "seconds": now.seconds, "steps": list(now.steps), "count": now.count, "state": now.state,
        "problem": sentence(now.problem), "live": now.live,
    }


def _found(number: str) -> Bench:
    found = vigie().serving.load_tests.store.one(number)
    if found is None:
        raise Problem(404, _("There is no such load test."))
    return found


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.post("/models/bench", summary="Start a load test of a model", responses={
        202: BenchStarted, 404: described("There is no such model"),
        409: described("The model does not run, several servers have it, or another load test runs"),
        503: described("The measuring process cannot be started"),
    })
    @requires("models:start")
    def models_bench_start(body: BenchBody) -> Response:
        row = found_model(body.server, body.model)
        target = target_of(row)
        try:
            running = vigie().serving.load_test(row, body.plan, who())
        except CannotAct as error:
            audit.record("model.bench.start", target, result="failed", after={"error": str(error)})
            raise Problem(error.status, sentence(str(error))) from None
        audit.record("model.bench.start", target, after={"id": running.id, "plan": body.plan.model_dump(mode="json")})
        response = json_response({"id": running.id, "seconds": running.seconds}, 202)
        response.headers["Location"] = url_for("api.models_bench_one", bench=running.id)
        return response

    @bp.get("/models/bench", summary="The load test in hand, and those that are kept",
            responses={200: BenchesAnswer})
    @requires("models:view")
    def models_bench_list() -> Response:
        tests = vigie().serving.load_tests
        now = tests.state()
        return json_response({
            "running": None if now is None else running_row(now), "data": [bench_row(one) for one in tests.store.all()],
        })

    @bp.get("/models/bench/<bench>", summary="One load test", responses={200: BenchRow, **NO_BENCH})
    @requires("models:view")
    def models_bench_one(path: BenchPath) -> Response:
        return json_response(bench_row(_found(path.bench)))

    @bp.post("/models/bench/cancel", summary="Cancel the load test in hand; what it measured is kept", responses={
        204: None, 409: described("None runs"),
    })
    @requires("models:start")
    def models_bench_cancel() -> Response:
        running = vigie().serving.load_tests.cancel()
        if running is None:
            raise Problem(409, _("No load test runs."))
        audit.record("model.bench.cancel", f"{running.server}/{running.model}", after={"id": running.id})
        return Response(status=204)

    @bp.put("/models/bench/<bench>/note", summary="Write what a load test was for",
            responses={200: BenchRow, **NO_BENCH})
    @requires("models:start")
    def models_bench_note(path: BenchPath, body: BenchNote) -> Response:
        before = _found(path.bench)
        vigie().serving.load_tests.store.note(path.bench, body.note)
        audit.record("model.bench.note", path.bench, before={"note": before.note}, after={"note": body.note})
        return json_response(bench_row(_found(path.bench)))

    @bp.delete("/models/bench/<bench>", summary="Delete a load test", responses={204: None, **NO_BENCH})
    @requires("models:start")
    def models_bench_delete(path: BenchPath) -> Response:
        before = _found(path.bench)
        vigie().serving.load_tests.store.delete(path.bench)
        audit.record("model.bench.delete", path.bench, before={
            "model": before.model, "server": before.server, "at": iso(before.at), "note": before.note,
        })
        return Response(status=204)

    @bp.get("/models/bench/<bench>/export", summary="A load test as a JSON file", responses={
        200: {"description": "The file", "content": {"application/json": {}}}, **NO_BENCH,
    })
    @requires("models:view")
    def models_bench_export(path: BenchPath) -> Response:
        one = _found(path.bench)
        name = f"vigie-load-test-{one.id}.json"
        audit.record("model.bench.export", name)
        text = orjson.dumps(bench_row(one), option=orjson.OPT_INDENT_2)
        return attachment(text, name, "application/json; charset=utf-8")
