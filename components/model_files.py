"""Model files on the Models page: what lies in the watched folders, and what can be done with each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import dash_bootstrap_components as dbc
from dash import dcc, html
from flask_babel import gettext as _
from flask_babel import ngettext

from components import file_words, icons, ids, states
from components.attrs import attrs
from components.formats import ABSENT, human, number
from components.links import href
from components.still import still
from components.svg import Svg
from components.tables import boxed

MOST_ROWS = 100
STATE_CLASSES = {
    "fine": "is-ok", "reading": "is-warning", "missing": "is-warning", "broken": "is-critical",
    "unopened": "is-plain",
}
LONGEST_NAME = 128
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@+")


class Facts(Protocol):
    """What the header of a file says (see `serving.files.facts.ModelFacts`)."""

    @property
    def architecture(self) -> str | None: ...
    @property
    def parameters(self) -> int | None: ...
    @property
    def quantisation(self) -> str | None: ...
    @property
    def context_length(self) -> int | None: ...
    @property
    def licence(self) -> str | None: ...


class Row(file_words.File, Protocol):
    """A model on disk (see `serving.files.rows.ModelFile`)."""

    @property
    def path(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def facts(self) -> Facts | None: ...
    @property
    def companion(self) -> str: ...


def panel(*, may_define: bool) -> html.Section:
    """The search and the place of the rows."""
    define = html.Button(
        [icons.icon("plus-lg"), html.Span(_("Define a process"))], type="button", className="button button-small",
        **attrs(data_define="1"),
    )
    return html.Section(
        [
            html.Div([
                html.H2([icons.icon("device-hdd"), _("Model files")], className="card-title"),
                html.Div([
                    html.Label(_("Search model files"), htmlFor=ids.MODELS_FILES_SEARCH, className="visually-hidden"),
                    dbc.Input(
                        id=ids.MODELS_FILES_SEARCH, type="search", debounce=0.25, className="field", maxLength=200,
                        placeholder=_("name, architecture, quantisation"),
                    ),
                    *([define] if may_define else []),
                ], className="model-files-tools"),
            ], className="card-head"),
            html.Div(states.loading("120px"), id=ids.MODELS_FILES),
            dcc.Interval(id=ids.MODELS_FILES_TICK, interval=3_000), dcc.Store(id=ids.MODELS_FILES_SEEN),
        ],
        className="panel model-files",
    )


def body(
    rows: Sequence[Row], companions: Sequence[Row], problems: Sequence[file_words.Said], search: str, *, folders: bool,
    may_define: bool,
) -> list[Any]:
    """The table of the files that the search leaves, problems above, companions folded below."""
    found: list[Any] = [
        html.P([icons.icon("exclamation-triangle"), html.Span(words)], className="model-files-problem", role="note")
        for words in file_words.all_told(problems)
    ] if folders else []
    if not folders:
        return [nothing_configured()]
    if not rows and not companions:
        return [*found, html.Div(states.no_data(
            _("No model files"), _("None fits the search.") if search
            else _("No .gguf, .safetensors or .bin file lies in the watched folders."),
        ))]
    if rows:
        found.append(still(_table(rows[:MOST_ROWS], may_define=may_define)))
    if len(rows) > MOST_ROWS:
        found.append(html.P(
            _("%(shown)s of %(count)s are shown: search for the others.", shown=number(MOST_ROWS),
              count=number(len(rows))), className="model-how",
        ))
    if companions:
        found.append(still(html.Details(
            [
                html.Summary(ngettext(
                    "%(count)s file that only helps a model", "%(count)s files that only help a model",
                    len(companions), count=number(len(companions)),
                )),
                html.Ul([
                    html.Li([
                        html.Span(one.name, className="mono"), " ",
                        html.Span(file_words.companion_words(one.companion), className="tag"), " ",
                        html.Span(human(one.size, "bytes"), className="num muted"),
                    ], title=one.path)
                    for one in companions[:MOST_ROWS]
                ]),
            ],
            className="model-companions",
        )))
    return found


def nothing_configured() -> html.Div:
    """No folder is looked through: what to do."""
    return html.Div([
        states.no_data(
            _("No folder of models is configured"),
            _("Name the folder that your model files lie in, and they are listed here with what they need."),
        ),
        html.P(html.A([icons.icon("folder2-open"), html.Span(_("Choose folders"))], className="button",
                      href=href("/configuration", tab="paths"), **attrs(data_go="1"))),
    ], className="model-files-empty")


def _table(rows: Sequence[Row], *, may_define: bool) -> html.Div:
    heads = [
        (_("Model"), ""), (_("Architecture"), ""), (_("Parameters"), "end"), (_("Quantisation"), ""),
        (_("Trained context"), "end"), (_("Size"), "end"), (_("Licence"), ""), (_("State"), ""), ("", ""),
    ]
    return boxed(heads, [_row(row, may_define=may_define) for row in rows], _("Model files"))


def _row(row: Row, *, may_define: bool) -> html.Tr:
    facts = row.facts
    return html.Tr(
        [
            html.Th([row.name, html.Span(row.path, className="model-server mono model-file-path")], scope="row"),
            html.Td((facts.architecture if facts else None) or ABSENT),
            html.Td(parameters(facts.parameters if facts else None), className="end num"),
            html.Td((facts.quantisation if facts else None) or ABSENT),
            html.Td(number(facts.context_length) if facts and facts.context_length else ABSENT, className="end num"),
            html.Td(human(row.size, "bytes"), className="end num"),
            html.Td((facts.licence if facts else None) or ABSENT, className="model-licence"),
            _state(row),
            html.Td(html.Div(_buttons(row, may_define=may_define), className="model-actions")),
        ],
    )


def _state(row: Row) -> html.Td:
    code = file_words.state(row)
    words = file_words.state_words(code, len(row.missing))
    why = file_words.told(row.error) if code in ("missing", "broken") else ""
    return html.Td(
        [
            html.Span([html.Span(className="model-dot"), words], className="model-state"),
            html.Span(why, className="model-why") if why else None,
        ],
        className=STATE_CLASSES[code],
    )


def _buttons(row: Row, *, may_define: bool) -> list[Any]:
    if row.format != "gguf" or row.facts is None or row.missing:
        return []
    told: dict[str, Any] = {
        "data-file": row.path, "data-name": row.name, "data-process": process_name(row.name),
        "data-trained": row.facts.context_length or "",
    }
    found = [_button(_("Will it fit?"), "question-circle", row.name, **told, **{"data-fit": "1"})]
    if may_define and row.error is None:
        found.append(_button(_("Run this model"), "play-fill", row.name, **told, **{"data-define": "1"}))
    return found


def _button(words: str, icon: str, name: str, **more: Any) -> Svg:
    return Svg("button", [icons.icon(icon, 14), html.Span(words)], {
        "type": "button", "className": "button button-small", "title": words, "aria-label": f"{words}: {name}", **more,
    })


def parameters(count: int | None) -> str:
    """How many numbers a model has, as people say it: 7.2 B."""
    if not count:
        return ABSENT
    for size, sign in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= size:
            value = count / size
            return f"{number(value, 0 if value >= 100 else 1)} {sign}"
    return number(count)


def process_name(name: str) -> str:
    """What a process that serves a file may be called: the name of the file in the letters that are allowed."""
    made = "".join(letter if letter in _LETTERS else "-" for letter in name)[:LONGEST_NAME]
    return made.lstrip("-_.:/@+") or "model"
