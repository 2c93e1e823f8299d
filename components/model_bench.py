"""Load tests of a model: the form, the one in hand, the choice of those that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import dash_bootstrap_components as dbc
from dash import dcc, html
from flask_babel import gettext as _

from components import cards, icons, ids, model_words, states
from components.attrs import attrs
from components.dialogs import labelled
from components.formats import moment, number
from components.sentences import sentence
from components.still import Still, still
from components.svg import Svg

NONE = "none"
BOUNDS: Mapping[str, tuple[int, int]] = {
    "concurrency": (64, 6), "prompt_tokens": (8192, 3), "answer_tokens": (2048, 1), "seconds": (60, 1),
    "requests": (2000, 1),
}
"""The most that a field of the form takes, and how many such numbers; the least is 1."""
LONGEST, WARM_UP, PAUSE = 600.0, 45.0, 0.5
"""Seconds of a whole test, of its first request and of a pause after each step, as `serving.bench.plan` has them."""
QUICK, SLOW = 1_000, 10_000
"""Milliseconds between two looks at the load test in hand, and at whether there is one."""


class Running(Protocol):
    """The load test in hand, or the last one (see `serving.bench.run`)."""

    @property
    def model(self) -> str: ...
    @property
    def server(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def live(self) -> Mapping[str, Any] | None: ...
    @property
    def steps(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def progress(self) -> float: ...


def panel(model: str, server: str, *, may_start: bool) -> html.Section:
    """The card: a form for who may start one, the one in hand, and the results."""
    return cards.card(
        _("Load test"),
        [
            *([_form(model, server)] if may_start else []),
            html.Div(id=ids.MODELS_BENCH_LIVE, className="bench-live", **attrs(aria_live="polite")),
            html.Div(
                [
                    labelled(words, dbc.Select(id=one, options=[], className="field")) for words, one in (
                        (_("Shown"), ids.MODELS_BENCH_SHOWN), (_("Compare with"), ids.MODELS_BENCH_OTHER),
                    )
                ],
                className="bench-choices",
            ),
            html.Div(states.loading("120px"), id=ids.MODELS_BENCH_RESULTS, className="bench-results"),
            dcc.Interval(id=ids.MODELS_BENCH_TICK, interval=SLOW),
            dcc.Store(id=ids.MODELS_BENCH_ASK), dcc.Store(id=ids.MODELS_BENCH_KNOWN),
        ],
        icon="speedometer2", className="bench", id="model-bench",
    )


def _form(model: str, server: str) -> Still:
    def field(name: str, label: str, value: str, hint: str) -> html.Label:
        most, count = BOUNDS[name]
        more = {
            "data-label": label, "data-most": str(most), "data-count": str(count),
            "data-allowed": _allowed(name, most, count),
        }
        return html.Label([
            html.Span(label, className="field-label"),
            Svg("input", attrs={"type": "text", "name": name, "className": "field", "defaultValue": value,
                                "inputMode": "numeric", "autoComplete": "off", **more}),
            html.Span(hint, className="field-hint"),
        ], className="bench-field")

    return still(html.Form(
        [
            html.P(_(
                "It makes real load: whoever uses the model meanwhile waits longer. It goes straight to the model "
                "server, past Vigie's proxies, so that no request log and no objective counts it.",
            ), className="muted"),
            html.Div([
                field("concurrency", _("Requests at once"), "1, 2, 4, 8", _("up to 6 steps, 64 at once")),
                field("prompt_tokens", _("Prompt, tokens"), "32", _("up to 3 lengths, 8192 each")),
                field("answer_tokens", _("Answer, tokens"), "64", _("up to 2048")),
                field("seconds", _("Seconds a step"), "10", _("up to 60; 10 minutes in all")),
                field("requests", _("Requests a step"), "", _("up to 2000; empty: as many as fit")),
            ], className="bench-fields"),
            html.Div([
                html.Label([
                    Svg("input", attrs={"type": "checkbox", "name": "cached"}),
                    html.Span(_("The same prompt each time, so that prefix caches help")),
                ], className="check"),
                html.Button([icons.icon("play-fill"), html.Span(_("Start"))], type="submit",
                            className="button button-primary"),
            ], className="bench-start"),
            html.P(className="field-error bench-said", role="alert"),
        ],
        className="bench-form", **attrs(
            data_bench_model=model, data_bench_server=server, noValidate=True,
            data_words_bad=_("{label}: “{given}” is not possible. Allowed: {allowed}."),
            data_words_empty=_("{label}: nothing is given. Allowed: {allowed}."),
            data_words_long=_("{label}: {steps} steps of {seconds} s, with the first request and pauses, take "
                              "{given} s; {most} s are allowed in all."),
            data_longest=f"{LONGEST:g}", data_warm_up=f"{WARM_UP:g}", data_pause=f"{PAUSE:g}",
        ),
    ))


def _allowed(name: str, most: int, count: int) -> str:
    """What a field takes, as the end of a sentence."""
    if count > 1:
        return _("whole numbers from 1 to %(most)s, at most %(count)s of them, each larger than the one before",
                 most=number(most), count=number(count))
    if name == "seconds":
        return _("a number from 1 to %(most)s", most=number(most))
    if name == "requests":
        return _("a whole number from 1 to %(most)s, or nothing", most=number(most))
    return _("a whole number from 1 to %(most)s", most=number(most))


def live(now: Running | None, model: str, server: str, *, may_start: bool) -> Any:
    """The load test in hand; why the last one ended early."""
    if now is None:
        return None
    mine = (now.model, now.server) == (model, server)
    if now.state != "running":
        if not mine or not now.problem:
            return None
        return states.failed(_("The last load test ended early"), sentence(now.problem),
                             _("What was measured by then is kept.") if now.steps else "")
    whose = _("A load test runs, started by %(name)s", name=now.by) if mine else _(
        "A load test of %(model)s on %(server)s runs, started by %(name)s: one at a time",
        model=now.model, server=now.server, name=now.by)
    return html.Div(
        [
            html.Div([
                html.P(whose, className="bench-whose"),
                *([html.Button([icons.icon("x-lg"), html.Span(_("Cancel"))], type="button",
                               className="button button-small", **attrs(data_bench_cancel="1"))] if may_start else []),
            ], className="bench-live-head"),
            html.Progress(value=f"{now.progress:.3f}", max="1", className="bench-bar",
                          **attrs(aria_label=_("Progress"))),
            html.P(_live_words(now), className="num muted"),
        ],
        className="bench-now",
    )


def _live_words(now: Running) -> str:
    told = now.live
    if told is None:
        return _("The first request is on its way: it may have the model loaded, and is not measured.")
    return _(
        "Step %(step)s of %(count)s: %(at_once)s at once, prompts of %(prompt)s tokens · %(speed)s tokens/s · "
        "%(finished)s answered · %(failed)s failed",
        step=number(told["step"] + 1), count=number(now.count), at_once=number(told["concurrency"]),
        prompt=number(told["prompt_tokens"]), speed=number(told["output_per_second"], 1),
        finished=number(told["finished"]), failed=number(told["failed"]),
    )


def options(kept: Sequence[Mapping[str, Any]], model: str, now: float, *, every: bool) -> list[dict[str, str]]:
    """Choices of load tests: of this model, or of ``every`` one, this model's first."""
    ordered = sorted(kept, key=lambda one: one["model"] != model)
    return [
        {"label": name(one, model, now), "value": one["id"]} for one in ordered if every or one["model"] == model
    ]


def name(one: Mapping[str, Any], model: str, now: float) -> str:
    """A load test in a few words."""
    parts = [one["note"] or moment(one["at"], now)]
    if one["model"] != model:
        parts.append(one["model"])
    engine = f"{model_words.engine(one['engine'])} {one['version']}".strip()
    parts += [part for part in (one["quantisation"], engine) if part]
    if one["note"]:
        parts.append(moment(one["at"], now))
    return " · ".join(parts)


def nothing(*, may_start: bool, runs: bool = False) -> html.Div | None:
    """No load test is kept; None while the first one of the model ``runs``."""
    if runs:
        return None
    return states.no_data(
        _("No load test yet"), _("It shows how many requests at once this model serves well."),
        _("Choose the steps above and press Start.") if may_start else _("An operator can start one."),
    )
