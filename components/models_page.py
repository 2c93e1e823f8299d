"""The Models page: tiles, the status grid, the table of models, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _
from flask_babel import ngettext

from components import cards, icons, model_proxies, model_words, states
from components.attrs import attrs
from components.formats import ABSENT, human, latency, number
from components.links import href
from components.sentences import sentence
from components.svg import Svg
from components.tables import boxed
from live.models import Model, Server, Silence
from metrics.status import SourceStatus

MOST_CELLS = 60
"""Models of the status grid; what is installed and stopped beyond them is counted."""


def model_path(model: Model) -> str:
    """Address of a model's page."""
    return href("/models/one", server=model.server, model=model.name)


# -- tiles


def tiles(rows: Sequence[Model]) -> html.Div:
    """The sums over all models, and how they were got. Where nothing is asked of them they say so, and not 0."""
    running = [row for row in rows if row.state == "running"]
    asked = [row for row in rows if row.could_answer]
    busy, dark = any(row.traffic for row in rows), [row for row in asked if row.traffic is None]
    why = model_words.traffic_how(dark[0]) if dark and not busy else None
    loading = sum(row.state == "loading" for row in rows)
    wrong = sum(row.state == "error" for row in rows)
    untold = sum(not row.state for row in rows)
    about = [
        ngettext("%(count)s loading", "%(count)s loading", loading, count=loading) if loading else "",
        ngettext("%(count)s in error", "%(count)s in error", wrong, count=wrong) if wrong else "",
        _("%(count)s whose state is not told", count=number(untold)) if untold else "",
        _("%(count)s known", count=number(len(rows))),
    ]
    speed, rate = _sum(rows, "tokens_per_second"), _sum(rows, "requests_per_second")
    slowest, failed = _slowest(rows), _failed(rows)
    p95 = slowest.value("p95") if slowest is not None else None
    waiting, answering = _sum(rows, "waiting"), _sum(rows, "running")
    idle = _("no traffic")
    quiet = idle if asked and not busy and not dark else ABSENT
    memory, card = _sum(rows, "memory"), _sum(rows, "gpu_memory")

    def how(name: str, of: Sequence[Model] = rows) -> str:
        return _how(of, name) or why or ("" if quiet == idle else model_words.how(None))

    return html.Div(
        [
            _tile(_("Models running"), ABSENT if untold and not running else number(len(running)),
                  " · ".join(part for part in about if part), "is-critical" if wrong else "",
                  _("Told by the model servers, and by Vigie of those that it runs")),
            _tile(_("Tokens written"), _per_second(speed) if busy and speed is not None else quiet,
                  _("now, by all models"), how=how("tokens_per_second")),
            _tile(_("Requests"), _per_second(rate) if busy and rate is not None else quiet,
                  _waiting(answering, waiting), "is-warning" if waiting and waiting >= 1 else "",
                  how("requests_per_second"), _how(rows, "running", "waiting")),
            _tile(_("Slowest p95"), latency(p95) if p95 is not None else quiet,
                  _("end to end, of a minute") if p95 is not None or not (busy or dark)
                  else _("no request told in a minute"), how=how("p95", rows if slowest is None else [slowest])),
            _tile(_("Failed"), human(failed, "ratio") if failed is not None else quiet,
                  _("of a minute's requests") if failed is not None or not (busy or dark)
                  else _("no request told in a minute"), "is-critical" if failed and failed >= 0.05 else "",
                  how("error_ratio")),
            _tile(_("Memory of models"), human(memory, "bytes"),
                  _("no GPU memory told") if card is None else _("%(memory)s on GPUs", memory=human(card, "bytes")),
                  how=_how(rows, "memory"), about_how=_how(rows, "gpu_memory")),
        ],
        className="model-tiles",
    )


def _tile(title: str, value: str, about: str, css: str = "", how: str = "", about_how: str = "") -> html.Div:
    return html.Div(
        [html.H3(title), html.P(value, className="model-tile-value num", title=how),
         html.P(about, className="model-tile-about", title=about_how)],
        className=f"panel model-tile {css}".strip(),
    )


def _per_second(value: float) -> str:
    return f"{_flow_words(value)} {_('/s')}"


def _flow_words(value: float) -> str:
    """A rate: a model that answers one request in a while has a small one."""
    return number(value, 0 if value >= 100 or not value else 1 if value >= 1 else 2)


def _waiting(answering: float | None, waiting: float | None) -> str:
    if answering is None and waiting is None:
        return _("queue not told")
    told = [ABSENT if value is None else number(value) for value in (answering, waiting)]
    return _("%(running)s being answered, %(waiting)s waiting", running=told[0], waiting=told[1])


def _sum(rows: Sequence[Model], name: str) -> float | None:
    found = [value for row in rows if (value := row.value(name)) is not None]
    return sum(found) if found else None


def _how(rows: Sequence[Model], *names: str) -> str:
    """How the numbers of all these models were got, each way once."""
    found = [reading for name in names for row in rows if (reading := row.readings.get(name)) is not None]
    return " · ".join(dict.fromkeys(model_words.how(one) for one in found))


def _slowest(rows: Sequence[Model]) -> Model | None:
    return max((row for row in rows if row.value("p95") is not None), key=lambda row: row.value("p95") or 0.0,
               default=None)


def _failed(rows: Sequence[Model]) -> float | None:
    """The share that failed over all models, each weighed by its requests where these are known."""
    told = [row for row in rows if row.value("error_ratio") is not None]
    pairs = [(row.value("error_ratio") or 0.0, row.value("requests_per_second") or 0.0) for row in told]
    weight = sum(rate for _ratio, rate in pairs)
    if weight > 0:
        return sum(ratio * rate for ratio, rate in pairs) / weight
    return max((ratio for ratio, _rate in pairs), default=None)


# -- the status grid


def grid(rows: Sequence[Model]) -> html.Div:
    """A cell for each model: its colour is its state."""
    shown = rows[:MOST_CELLS]
    cells: list[Any] = [
        html.A(
            [
                html.Span(row.name, className="model-cell-name", title=row.name),
                html.Span(" · ".join(p for p in (row.server if row.server != row.name else "",
                                                 model_words.engine(row.engine)) if p), className="model-cell-about"),
                html.Span([html.Span(className="model-dot"), model_words.state(row)], className="model-cell-state",
                          title=model_words.state_how(row)),
                html.Span(model_words.traffic(row), className="model-cell-traffic num",
                          title=model_words.traffic_how(row)),
            ],
            href=model_path(row), className=f"model-cell {model_words.STATE_CLASSES.get(row.state, 'is-plain')}",
            **attrs(data_go="1", data_state=row.state),
        )
        for row in shown
    ]
    more = len(rows) - len(shown)
    if more:
        cells.append(html.Span(_("and %(count)s more", count=number(more)), className="model-cell model-cell-more"))
    return html.Div(cells, className="model-grid")


def in_use(rows: Sequence[Model]) -> Sequence[Model]:
    """The models that a status grid shows: those that are not merely installed; all where there is no other."""
    return [row for row in rows if row.state != "stopped" or row.process is not None] or rows


def nothing(source: SourceStatus | None) -> html.Div:
    """There is no model server."""
    if source is not None and source.state == "failed":
        return html.Div(states.failed(_("Model servers cannot be looked at"), sentence(source.message)))
    if source is None or source.state == "pending":
        return html.Div(states.loading("96px"))
    reason = sentence(source.message) if source.message else _("No model server was found on this machine.")
    return html.Div(states.no_data(
        _("No models yet"), reason,
        _("Start Ollama, llama.cpp, LM Studio or vLLM here and they appear by themselves, or add one in the "
          "configuration under Models."),
    ))


# -- the table


def table(rows: Sequence[Model], *, may_start: bool, may_stop: bool) -> html.Div:
    """Every model with its numbers; what can be done with it at the end of its row."""
    heads = [
        (_("Model"), ""), (_("State"), ""), (_("Engine"), ""), (_("Quantisation"), ""), (_("Context"), "end"),
        (_("Memory"), "end"), (_("GPU memory"), "end"), (_("Tokens/s"), "end"), (_("Requests/s"), "end"),
        ("p95", "end"), (_("Errors"), "end"), ("", ""),
    ]
    return boxed(heads, [_row(row, may_start=may_start, may_stop=may_stop) for row in rows], _("Models"),
                 "model-table models-every")


def _row(row: Model, *, may_start: bool, may_stop: bool) -> html.Tr:
    return html.Tr(
        [
            html.Th(
                [
                    html.A(row.name, href=model_path(row), **attrs(data_go="1")),
                    html.Span(row.server, className="model-server") if row.server != row.name else None,
                ],
                scope="row",
            ),
            html.Td(
                [
                    html.Span([html.Span(className="model-dot"), model_words.state(row)], className="model-state",
                              title=model_words.state_how(row)),
                    html.Span(sentence(row.message), className="model-why") if row.message else None,
                ],
                className=model_words.STATE_CLASSES.get(row.state, "is-plain"),
            ),
            html.Td(model_words.engine(row.engine)),
            html.Td(str(row.facts.get("quantisation") or ABSENT)),
            _context(row),
            _number(row, "memory", "bytes"),
            _number(row, "gpu_memory", "bytes"),
            _flow(row, "tokens_per_second"),
            _flow(row, "requests_per_second"),
            _number(row, "p95", "seconds", flow=True),
            _number(row, "error_ratio", "ratio", flow=True),
            html.Td(html.Div(actions(row, may_start=may_start, may_stop=may_stop), className="model-actions")),
        ],
        **attrs(data_model=row.name, data_server=row.server),
    )


def _number(row: Model, name: str, unit: str, *, flow: bool = False) -> html.Td:
    """``flow``: it is of requests, and is not there when there are none."""
    reading = row.readings.get(name)
    if reading is None and flow and row.idle:
        return html.Td(_("no traffic"), className="end muted")
    value = row.value(name)
    words = latency(value) if unit == "seconds" else human(value, unit)
    return html.Td(words, className="end num", title=_asked(row, name) if flow else model_words.how(reading))


def _asked(row: Model, name: str) -> str:
    """The tooltip of a number of requests."""
    return model_words.traffic_how(row) or model_words.how(row.readings.get(name))


def _flow(row: Model, name: str) -> html.Td:
    value = row.value(name)
    if row.idle:
        return html.Td(_("no traffic"), className="end muted")
    return html.Td(
        ABSENT if value is None or (not row.could_answer and not value) else _flow_words(value),
        className="end num",
        title=_asked(row, name),
    )


def _context(row: Model) -> html.Td:
    used, size = row.value("context_used"), row.value("context_size") or row.facts.get("context_size")
    if used is None and not size:
        return html.Td(ABSENT, className="end num")
    parts: list[Any] = []
    if used is not None:
        share = html.Span(style={"width": f"{min(used, 1) * 100:.1f}%"})
        parts += [human(used, "ratio"), html.Span(share, className="bar")]
    if size:
        words = number(float(size))
        parts.append(html.Span(_("of %(size)s", size=words) if used is not None else words, className="model-of"))
    return html.Td(parts, className="end num model-context", title=model_words.how(row.readings.get("context_used")))


def actions(row: Model, *, may_start: bool, may_stop: bool) -> list[Any]:
    """Buttons for what can be done with a model: start, stop and restart a process, load and unload elsewhere."""
    found: list[tuple[str, str, str]] = []
    if row.process is not None:
        stop = [("stop", "stop-fill", _("Stop"))] if may_stop else []
        if row.detail == "stopping":
            pass  # it ends by itself, and cannot be begun before
        elif row.state in ("running", "loading") or row.process.get("pid"):
            found += stop
            found += [("restart", "arrow-repeat", _("Restart"))] if may_start and may_stop else []
        elif row.state != "unknown":
            found += [("start", "play-fill", _("Start"))] if may_start else []
            found += stop if row.detail == "waiting" else []  # else it starts again, whatever one does
    elif row.engine in ("ollama", "lmstudio", "llamacpp") and row.facts.get("loadable", row.engine != "llamacpp"):
        if row.state == "running" and may_stop:
            found.append(("unload", "eject", _("Unload")))
        elif row.state == "stopped" and may_start:
            found.append(("load", "play-fill", _("Load")))
    return [
        Svg("button", [icons.icon(icon, 14), html.Span(words)], {
            "type": "button", "className": "button button-small", "data-model-do": action, "title": words,
            "aria-label": f"{words}: {row.name}",
        })
        for action, icon, words in found
    ]


def servers_table(servers: Sequence[Server]) -> Any:
    """Model servers that are looked at, and how that goes."""
    words = {"ok": _("answers"), "down": _("does not answer"), "unrecognised": _("not recognised")}
    css = {"ok": "is-ok", "down": "is-critical", "unrecognised": "is-warning"}
    found = {"configured": _("configured"), "discovered": _("found by itself"), "process": _("run by Vigie")}
    rows = [
        html.Tr([
            html.Th(one.name, scope="row"),
            html.Td(" ".join(p for p in (model_words.engine(one.engine), one.version) if p)),
            html.Td(one.url, className="mono"),
            html.Td([html.Span([html.Span(className="model-dot"), words.get(one.state, one.state)],
                               className="model-state"),
                     html.Span(sentence(one.message), className="model-why") if one.message else None],
                    className=css.get(one.state, "is-plain")),
            html.Td(found.get(one.found, one.found)),
            html.Td(number(one.models), className="end num"),
        ])
        for one in servers
    ]
    heads = [(_("Server"), ""), (_("Engine"), ""), (_("Address"), ""), (_("State"), ""), (_("Known by"), ""),
             (_("Models"), "end")]
    return boxed(heads, rows, _("Model servers"))


def body(
    rows: Sequence[Model], sources: Sequence[SourceStatus], silent: Silence | None, now: float, *, may_start: bool,
    may_stop: bool,
) -> list[Any]:
    """The status grid and the table, or why there is neither; above them, that the serving process is ``silent``."""
    source = next((one for one in sources if one.name == "model_servers"), None)
    said = [model_proxies.silence(silent, now)] if silent is not None else []
    if not rows:
        return [*said, html.Section(nothing(source), className="panel")]
    return [
        *said,
        cards.card(_("Status"), grid(in_use(rows)), icon="boxes"),
        cards.card(_("Every model"), table(rows, may_start=may_start, may_stop=may_stop), icon="view-list"),
    ]


def servers_panel(servers: Sequence[Server]) -> html.Section | None:
    """Model servers; None where there is none."""
    if not servers:
        return None
    return cards.card(_("Model servers"), servers_table(servers), icon="hdd-network")
