"""Load tests on a model's page: the one in hand each second, the kept ones by choice."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update
from flask_babel import gettext as _

from callbacks import requires
from callbacks.model_view import named
from components import ids, model_bench, model_bench_results, states
from components.sentences import sentence
from security.permissions import allowed
from services import vigie
from storage.errors import StorageError


def live(_tick: Any, asked: Any, view: Any, known: Any) -> tuple[Any, Any, Any]:
    """The load test in hand, how soon to look again, and a word that changes when what is kept does."""
    server, name = named(view)
    now = vigie().serving.load_tests.state()
    drawn = model_bench.live(now, name, server, may_start=allowed("models:start"))
    word = f"{asked}" if now is None else f"{asked} {now.id} {now.state}"
    runs = now is not None and now.state == "running"
    return drawn, model_bench.QUICK if runs else model_bench.SLOW, no_update if word == known else word


def results(_known: Any, shown: Any, other: Any, view: Any) -> tuple[Any, Any, Any, Any, Any]:
    """The kept load tests to choose from, and what the chosen ones found."""
    _server, name = named(view)
    tests = vigie().serving.load_tests
    try:
        kept = [asdict(one) for one in tests.store.all()]
    except StorageError as error:
        failed = states.failed(_("The load tests cannot be read"), sentence(str(error)),
                               _("They come back with the database."))
        return no_update, no_update, no_update, no_update, failed
    now, by_id = time.time(), {one["id"]: one for one in kept}
    own = [one["id"] for one in kept if one["model"] == name]
    running = tests.state()
    fresh = ctx.triggered_id == ids.MODELS_BENCH_KNOWN and running is not None and running.id in own
    chosen = running.id if fresh and running is not None else shown if shown in own else own[0] if own else None
    may_start = allowed("models:start")
    runs = running is not None and running.state == "running" and running.model == name
    beside = other if isinstance(other, str | int) and other in by_id and other != chosen else model_bench.NONE
    none = {"label": _("Nothing"), "value": model_bench.NONE}
    others = [one for one in kept if one["id"] != chosen]
    return (
        model_bench.options(kept, name, now, every=False), chosen,
        [none, *model_bench.options(others, name, now, every=True)], beside,
        model_bench.nothing(may_start=may_start, runs=runs) if chosen is None else model_bench_results.results(
            by_id[chosen], by_id.get(beside), now, may_start=may_start),
    )


def register(app: Dash) -> None:
    """Registers the callbacks."""
    view = requires("models:view")
    app.callback(
        Output(ids.MODELS_BENCH_LIVE, "children"), Output(ids.MODELS_BENCH_TICK, "interval"),
        Output(ids.MODELS_BENCH_KNOWN, "data"),
        Input(ids.MODELS_BENCH_TICK, "n_intervals"), Input(ids.MODELS_BENCH_ASK, "data"), State(ids.TIME_VIEW, "data"),
        State(ids.MODELS_BENCH_KNOWN, "data"),
    )(view(live))
    app.callback(
        Output(ids.MODELS_BENCH_SHOWN, "options"), Output(ids.MODELS_BENCH_SHOWN, "value"),
        Output(ids.MODELS_BENCH_OTHER, "options"), Output(ids.MODELS_BENCH_OTHER, "value"),
        Output(ids.MODELS_BENCH_RESULTS, "children"),
        Input(ids.MODELS_BENCH_KNOWN, "data"), Input(ids.MODELS_BENCH_SHOWN, "value"),
        Input(ids.MODELS_BENCH_OTHER, "value"), State(ids.TIME_VIEW, "data"), prevent_initial_call=True,
    )(view(results))
