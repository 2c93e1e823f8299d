"""Load tests of models: started, watched, cancelled, kept."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from config.marks import N_
from config.serving import Objective
from live.models import Here, Model
from serving.acts import CannotAct
from serving.bench import power
from serving.bench.plan import Plan
from serving.bench.run import Busy, Runner, Running
from serving.bench.store import Bench, BenchStore
from serving.bench.wire import Job
from storage.database import Database
from storage.errors import StorageError
from storage.query import Query

log = structlog.get_logger(__name__)


class LoadTests:
    """What pages and routes do with load tests.

    Args:
        database: the archive.
        query: for what the machine drew meanwhile.
        objective: what is asked of a model, by its name.
        runner: has one run at a time.
        here: which models run on this machine; of others its power tells nothing.
    """

    def __init__(
        self, database: Database, query: Query, objective: Callable[[str], Objective | None], runner: Runner,
        here: Callable[[], Here],
    ) -> None:
        self.store = BenchStore(database)
        self._query, self._objective, self._runner, self._here = query, objective, runner, here

    def start(self, model: Model, version: str, api_key: str, plan: Plan, by: str) -> Running:
        """Starts a load test of a model, at its server; ``version`` is that of the engine.

        Raises:
            CannotAct: the model does not run, or another test does.
        """
        if model.process is not None and model.state != "running":
            raise CannotAct(N_("The model does not run: start it, and begin the load test when it is ready."))
        if not model.url or model.state in ("error", "loading"):
            raise CannotAct(N_("The model's server does not answer: there is nothing to measure."))
        if plan.seed is None:
            plan = plan.model_copy(update={"seed": secrets.randbelow(2**31)})
        job: Job = {
            "url": model.url, "api_key": api_key, "engine": model.engine, "model": model.name,
            "plan": plan.model_dump(mode="json"),
        }
        asked = self._objective(model.name)
        if asked is not None:
            job["limits"] = {
                "first_token": asked.first_token_ms / 1000, "inter_token": asked.inter_token_ms / 1000,
            }
        running = Running(
            secrets.token_hex(8), model.name, model.server, by, time.time(), plan.longest, plan.steps, plan.seconds,
        )
        bench = Bench(
            running.id, running.begun, by, model.name, model.server, model.engine, version,
            str(model.facts.get("quantisation") or ""), _context(model), _settings(model), job["plan"], {},
        )
        try:
            self._runner.start(job, running, lambda ended: self._keep(bench, ended, job))
        except Busy:
            raise CannotAct(N_("A load test runs already: wait for its end, or cancel it.")) from None
        except OSError as error:
            raise CannotAct(f"The measuring process cannot be started: {error.strerror or error}.", 503) from None
        return running

    def state(self) -> Running | None:
        """The load test in hand, else the last one since the start."""
        return self._runner.state()

    def cancel(self) -> Running | None:
        """Ends the load test in hand; None when none runs."""
        running = self._runner.state()
        return running if self._runner.cancel() else None

    def _keep(self, bench: Bench, ended: Running, job: Job) -> str:
        """Keeps what was measured; a test without a whole step leaves nothing but its problem."""
        if not ended.steps:
            return ""
        result: dict[str, Any] = {**ended.result()}
        if "limits" in job:
            result["limits"] = job["limits"]
        try:
            if self._here().has(bench.server, bench.model):
                result["steps"] = power.filled(ended.steps, self._query, bench.server, bench.model)
            self.store.add(replace(bench, result=result))
        except StorageError as error:
            log.warning("a load test was not kept", bench=bench.id, error=str(error))
            return f"Its result could not be kept: {error}"
        return ""


def _context(model: Model) -> int | None:
    told = model.facts.get("context_size") or model.value("context_size")
    return int(told) if isinstance(told, int | float) else None


def _settings(model: Model) -> dict[str, Any]:
    """What a model runs with, as far as it is known: what may make the difference between two tests."""
    found: dict[str, Any] = {}
    slots = model.value("slots")
    if slots is not None:
        found["slots"] = int(slots)
    on_gpu = model.value("on_gpu")
    if on_gpu is not None:
        found["on_gpu"] = on_gpu
    for name in ("architecture", "parameters", "size", "digest", "path"):
        value = model.facts.get(name)
        if isinstance(value, str | int | float) and value != "":
            found[name] = value
    process: Mapping[str, Any] = model.process or {}
    if command := process.get("command"):
        found["command"] = " ".join(map(str, command)) if isinstance(command, list | tuple) else str(command)
    return found
