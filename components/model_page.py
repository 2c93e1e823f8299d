"""One model's page: what it is, what it does now, how it stands to its objective, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from dash import html
from flask_babel import gettext as _

from components import cards, icons, model_words, panels
from components.attrs import attrs
from components.formats import ABSENT, duration, human, latency, moment, number
from components.links import href
from components.model_charts import Chart
from components.models_page import actions
from components.sentences import sentence
from components.still import still
from live.models import Model
from security.permissions import allowed

_FACTS = (
    "architecture", "parameters", "quantisation", "size", "context_size", "trained_context", "capabilities", "licence",
    "expires", "digest", "path",
)


class Attained(Protocol):
    """How requests of a window held (see `serving.requests.objectives`)."""

    @property
    def total(self) -> int: ...
    @property
    def bad(self) -> int: ...
    @property
    def slow_first(self) -> int: ...
    @property
    def slow_tokens(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def ratio(self) -> float | None: ...
    @property
    def goodput(self) -> float | None: ...


class Asked(Protocol):
    """What is asked of a model."""

    @property
    def first_token_ms(self) -> int: ...
    @property
    def inter_token_ms(self) -> int: ...
    @property
    def target_percent(self) -> float: ...


class Stands(Protocol):
    """How a model stands to its objective."""

    @property
    def objective(self) -> Asked: ...
    @property
    def window(self) -> Attained: ...
    @property
    def burn(self) -> float | None: ...
    @property
    def budget_left(self) -> float | None: ...


def gone(server: str, name: str) -> Model:
    """A model that no server tells of any more, as its page shows it."""
    return Model(server, name, "", "stopped", message=_("No server tells of this model now; its past is kept."))


def head(model: Model, *, may_start: bool, may_stop: bool) -> html.Div:
    """Name, state, engine, and what can be done."""
    about = [model_words.engine(model.engine)]
    if model.server != model.name:
        about.append(_("on %(server)s", server=model.server))
    if model.url:
        about.append(model.url)
    return html.Div(
        [
            html.Div([
                html.A([icons.icon("arrow-left"), html.Span(_("Models"), className="visually-hidden")],
                       href=href("/models"), className="model-back", **attrs(data_go="1")),
                html.Div([
                    html.H1(model.name, className="model-name"),
                    html.P([
                        html.Span([html.Span(className="model-dot"), model_words.state(model)],
                                  className=f"model-state {model_words.STATE_CLASSES.get(model.state, 'is-plain')}",
                                  title=model_words.state_how(model)),
                        " · ".join(about),
                    ], className="model-about"),
                    html.P(sentence(model.message), className="model-why") if model.message else None,
                ]),
            ], className="model-title"),
            html.Div(actions(model, may_start=may_start, may_stop=may_stop), className="model-actions",
                     **attrs(data_model=model.name, data_server=model.server)),
        ],
        className="model-head",
    )


def tiles(model: Model) -> html.Div:
    """What it does now. Each number says how it was got."""
    spec: list[tuple[str, str, str]] = [
        ("tokens_per_second", _("Tokens/s"), "per_second"), ("requests_per_second", _("Requests/s"), "per_second"),
        ("p95", _("p95 end to end"), "seconds"), ("error_ratio", _("Failed"), "ratio"),
        ("running", _("Being answered"), ""), ("waiting", _("Waiting"), ""),
        ("context_used", _("Context in use"), "ratio"),
        ("kv_used", _("KV cache in use"), "ratio"), ("cache_hits", _("Prefix cache hits"), "ratio"),
        ("memory", _("Memory"), "bytes"), ("gpu_memory", _("GPU memory"), "bytes"), ("on_gpu", _("On GPUs"), "ratio"),
        ("loaded_bytes", _("Loaded size"), "bytes"), ("cpu", _("CPU"), "ratio"),
    ]
    flows = ("tokens_per_second", "requests_per_second", "p95", "error_ratio")
    cells = []
    for name, title, unit in spec:
        reading = model.readings.get(name)
        if name in flows and model.idle:
            words, how = _("no traffic"), model_words.how(reading) if reading else ""
        elif name in flows and reading is None and (why := model_words.traffic_how(model)):
            words, how = ABSENT, why
        elif reading is None:
            continue
        else:
            words = latency(reading.value) if unit == "seconds" else (
                human(reading.value, unit) if unit else number(reading.value))
            how = model_words.how(reading)
        cells.append(html.Div(
            [html.Dt(title), html.Dd(words, className="num"), html.Dd(how, className="model-how")],
            className="model-fact", title=how,
        ))
    if not cells:
        return html.Div(html.P(_("Nothing is told of this model now."), className="muted"), className="panel")
    return html.Div(html.Dl(cells, className="model-facts"), className="panel")


def facts(model: Model, now: float) -> html.Div | None:
    """What its engine or its file says of it; None where that is nothing."""
    words = {
        "architecture": _("Architecture"), "parameters": _("Parameters"), "quantisation": _("Quantisation"),
        "size": _("Size"), "context_size": _("Context"), "trained_context": _("Trained context"),
        "capabilities": _("Can do"), "licence": _("Licence"), "expires": _("Stays loaded until"), "digest": _("Digest"),
        "path": _("File"),
    }
    parts: list[Any] = []
    for name in _FACTS:
        value = model.facts.get(name)
        if value in (None, "", [], ()):
            continue
        parts += [html.Dt(words[name]), html.Dd(_fact(name, value, now))]
    if model.process is not None:
        parts += _process_facts(model.process, now)
    return html.Div(html.Dl(parts, className="facts"), className="panel model-more") if parts else None


def _fact(name: str, value: Any, now: float) -> str:
    if name == "size":
        return human(float(value), "bytes") if isinstance(value, int | float) else str(value)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if name == "parameters" and isinstance(value, int | float):
        if value >= 1e8:
            return _("%(count)s billion", count=number(value / 1e9, 1))
        return _("%(count)s million", count=number(value / 1e6, 1)) if value >= 1e6 else number(value)
    if name == "expires" and isinstance(value, int | float):
        return moment(float(value), now)
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _process_facts(process: Mapping[str, Any], now: float) -> list[Any]:
    parts: list[Any] = []
    started = process.get("started")
    limits = process.get("limits") or {}
    exit_ = process.get("exit") or {}
    pairs = [
        (_("Process"), str(process["pid"]) if process.get("pid") else ""), (_("Port"), str(process.get("port") or "")),
        (_("Started"), moment(float(started), now) if isinstance(started, int | float) and started else ""),
        (_("Ready after"), duration(float(process["ready_seconds"])) if process.get("ready_seconds") else ""),
        (_("Restarts"), number(process["restarts"]) if process.get("restarts") else ""),
        (_("Limits"), _limit_words(limits)), (_("Last exit"), _exit_words(exit_, now)),
    ]
    for name, text in pairs:
        if text:
            parts += [html.Dt(name), html.Dd(text)]
    command = process.get("command")
    if command:
        text = " ".join(map(str, command)) if isinstance(command, list) else str(command)
        parts += [html.Dt(_("Command")), html.Dd(text, className="mono")]
    return parts


def _limit_words(limits: Mapping[str, Any]) -> str:
    found = []
    if limits.get("memory"):
        found.append(_("%(size)s of memory", size=human(float(limits["memory"]), "bytes")))
    if limits.get("cpu"):
        found.append(_("%(share)s of the CPU", share=human(float(limits["cpu"]), "ratio")))
    if found and limits.get("way"):
        found.append({"cgroup": _("held by the kernel (cgroup)"), "watched": _("watched by Vigie")}.get(
            str(limits["way"]), str(limits["way"])))
    return ", ".join(found)


def _exit_words(exit_: Mapping[str, Any], now: float) -> str:
    if not exit_:
        return ""
    by_signal = exit_.get("signal")
    what = _("signal %(name)s", name=by_signal) if by_signal else _("code %(code)s", code=exit_.get("code"))
    at = exit_.get("at")
    return f"{what}, {moment(float(at), now)}" if isinstance(at, int | float) else what


def objective_card(standing: Stands | None, window: str) -> html.Section:
    """The objective: what is asked, what share held, what is left of the budget."""
    if standing is None:
        return _objective([html.P(
            _("Nothing is asked of this model: objectives stand in the configuration under Models."), className="muted",
        )])
    asked, found = standing.objective, standing.window
    promise = _(
        "%(target)s %% of the requests: first token within %(first)s, %(tokens)s between tokens, no error",
        target=number(asked.target_percent, 0 if asked.target_percent == int(asked.target_percent) else 1),
        first=latency(asked.first_token_ms / 1000), tokens=latency(asked.inter_token_ms / 1000),
    )
    target, ratio = asked.target_percent / 100, found.ratio
    if ratio is None:
        body: Any = html.P(_("No request in this window: no traffic, nothing to judge."), className="muted")
    else:
        body = html.Dl(
            [
                _held(_("Held"), human(ratio, "ratio") if ratio < 1 else "100 %",
                      _("of %(count)s requests", count=number(found.total)),
                      "is-ok" if ratio >= target else "is-critical"),
                _held(_("Goodput"), ABSENT if found.goodput is None else f"{number(found.goodput, 2)} {_('/s')}",
                      _("requests that held"), ""),
                _held(_("Error budget left"), _share(standing.budget_left), _("of all requests that are kept"),
                      _budget_class(standing.budget_left)),
                _held(_("Burning"), ABSENT if standing.burn is None else f"{number(standing.burn, 1)} ×",
                      _("of what is allowed, last hour"), "is-critical" if (standing.burn or 0) > 2 else ""),
                _held(_("Missed by"), _missed(found), _("a request may miss in several ways"), ""),
            ],
            className="model-facts",
        )
    return _objective([
        html.P(promise, className="model-promise"), body,
        html.P(
            [
                _("From the requests that went through the proxies, %(window)s.", window=window), " ",
                _("An answer in one piece starts too slowly where it took longer than a stream of its tokens may."),
            ],
            className="model-how",
        ),
    ])


def _objective(children: list[Any]) -> html.Section:
    return cards.card(_("Objective"), children, icon="flag", className="model-objective")


def _held(title: str, value: str, about: str, css: str) -> html.Div:
    return html.Div([html.Dt(title), html.Dd(value, className="num"), html.Dd(about, className="model-how")],
                    className=f"model-fact {css}".strip())


def _share(value: float | None) -> str:
    return ABSENT if value is None else human(value, "ratio") if value > -10 else _("used up many times")


def _budget_class(left: float | None) -> str:
    if left is None:
        return ""
    return "is-ok" if left > 0.25 else "is-warning" if left > 0 else "is-critical"


def _missed(found: Attained) -> str:
    parts = [
        (found.slow_first, _("slow start")), (found.slow_tokens, _("slow tokens")), (found.failed, _("failed")),
    ]
    return ", ".join(f"{number(count)} {words}" for count, words in parts if count) or _("none")


def chart_groups(groups: Sequence[tuple[str, list[Chart]]]) -> list[Any]:
    """The charts, by heading; below each where its numbers come from."""
    found: list[Any] = []
    for title, charts in groups:
        if not charts:
            continue
        found.append(html.Section(
            [
                html.Div(html.H2(title, className="group-title"), className="group-head") if title else None,
                html.Div([_panel(one) for one in charts], className="charts"),
            ],
            className="chart-group",
        ))
    return found


def _panel(one: Chart) -> Any:
    panel = panels.chart_panel(one.spec)
    said = [one.how] if one.how else []
    if one.logged and one.spec.kind in ("quantiles", "buckets") and allowed("requests:view"):
        said.append(_("A click lists the requests behind a point or a cell"))
    if said:
        panel.children = [*panel.children, still(html.P(" · ".join(said), className="model-how chart-how"))]
    return panel
