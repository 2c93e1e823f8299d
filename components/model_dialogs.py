"""Will it fit? and the definition of a model process: dialogs that ``assets/model_files.js`` fills, and a process's own
panel with its output (``assets/model_output.js``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html
from flask_babel import gettext as _

from components import dialogs, icons, ids
from components.attrs import attrs
from components.still import still
from components.svg import Svg

CACHE_TYPES = ("f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl", "bf16", "f32")
"""Types of the cache of keys and values, the usual one first; a test compares them with what can be counted."""
PARTS = ("weights", "cache", "compute", "process", "others", "free")


def _input(kind: str, name: str, css: str = "field", **more: Any) -> Svg:
    return Svg("input", attrs={"type": kind, "name": name, "className": css, "autoComplete": "off", **more})


def _button(words: str, css: str = "", **named: Any) -> html.Button:
    return html.Button(words, type="button", className=f"button {css}".strip(), **attrs(**named))


def part_words(code: str) -> str:
    """A part of a memory in words."""
    return {
        "weights": _("weights"), "cache": _("cache"), "compute": _("compute"), "process": _("process"),
        "others": _("in use by others"), "free": _("free"),
    }[code]


def fit_dialog(*, may_define: bool) -> html.Dialog:
    """Will it fit? The answer changes as one types."""
    form = still(html.Form(
        [
            html.Div(
                [
                    html.Label(_("Context, tokens in all"), className="field-label", htmlFor="fit-context"),
                    html.Div([
                        _input("range", "slide", "fit-slide", min=36, max=68, step=1,
                               **{"aria-label": _("Context, tokens in all")}),
                        _input("number", "context", "field num", id="fit-context", min=128, max=10_485_760, step=1),
                    ], className="fit-context"),
                ],
                className="field-row",
            ),
            html.Div(
                [
                    dialogs.field(_("Requests at once"), _input("number", "slots", "field num", min=1, max=256, step=1),
                                  hint=_("Slots that share the context.")),
                    dialogs.field(_("Type of the cache"), Svg(
                        "select", [Svg("option", one, {"value": one}) for one in CACHE_TYPES],
                        {"name": "cache", "className": "field form-select", "defaultValue": "f16"},
                    ), hint=_("f16 unless the command says otherwise.")),
                ],
                className="field-pair",
            ),
            html.Div(dialogs.field(_("GPUs"), _input("text", "gpus", "field num", maxLength=64, pattern=r"\d+(,\d+)*"),
                                   hint=_("Numbers, such as 0,1; empty: all.")), className="fit-gpus", hidden=True),
        ],
        className="fit-form",
    ))
    answer = still(html.Div(
        [
            html.P("", className="fit-sentence", role="status", **attrs(aria_live="polite")),
            html.Div("", className="fit-places"),
            html.Ul(
                [html.Li([html.Span(className=f"fit-key fit-{code}"), html.Span(part_words(code))],
                         **attrs(data_part=code)) for code in PARTS],
                className="fit-legend",
            ),
            html.P("", className="fit-total num"), html.Ul("", className="fit-notes"),
            html.P("", className="fit-source"),
        ],
        className="fit-answer", **attrs(
            data_words_gpu=_("GPU %(number)s", number="{gpu}"), data_words_host=_("Host"),
            data_words_place=_("needs %(takes)s, %(free)s of %(total)s are free", takes="{takes}", free="{free}",
                               total="{total}"),
            data_words_none=_("nothing of it, %(free)s of %(total)s are free", free="{free}", total="{total}"),
            data_words_own=_("%(bytes)s of that it holds already", bytes="{own}"),
            data_words_total=_("The model itself needs %(total)s, without the context of a GPU: %(parts)s.",
                               total="{total}", parts="{parts}"),
            data_words_unknown=_("not known"), data_words_asking=_("One moment…"),
        ),
    ))
    run = [_button(_("Run this model"), "button-primary", data_fit_run="1")] if may_define else []
    return dialogs.dialog(
        ids.MODELS_FIT, _("Will it fit?"), [form, answer],
        [_button(_("Close"), "button-quiet", data_close="1"), *run], aside=" ", wide=True,
    )


def define_dialog() -> html.Dialog:
    """A model process, new or to be changed."""
    whole = {"min": 0, "step": 1, "inputMode": "numeric"}
    form = still(html.Form(
        [
            _field("name", _("Name"), _input("text", "name", maxLength=128, required=True, spellCheck="false",
                                             autoCapitalize="none"), _("What clients ask for.")),
            _field("file", _("Model file"), _input("text", "file", "field mono", maxLength=4096, spellCheck="false")),
            html.Div(
                [
                    _field("contextSize", _("Context size"), _input("number", "contextSize", "field num", **whole),
                           _("Tokens; empty: the default.")),
                    _field("port", _("Port"), _input("number", "port", "field num", **whole), _("0: a free one.")),
                    _field("gpus", _("GPUs"), _input("text", "gpus", "field num", maxLength=64, spellCheck="false"),
                           _("Numbers, such as 0,1; empty: all.")),
                    _field("idleMinutes", _("Stop when idle for"),
                           _input("number", "idleMinutes", "field num", **whole), _("Minutes; 0: never.")),
                ],
                className="field-pair",
            ),
            _check("onDemand", _("Start when it is asked for"), _("By a request through a proxy.")),
            _check("autostart", _("Start with Vigie"), ""),
            html.Details(
                [
                    html.Summary(_("Command")),
                    _field("command", _("Command"), Svg("textarea", attrs={
                        "name": "command", "className": "field mono", "maxLength": 4000, "spellCheck": "false",
                        "rows": 3,
                    }), _("Empty: the usual one. The blanks {file} {name} {host} {port} and the parameters are filled "
                          "in; no shell is involved.")),
                    html.P(_("What else there is to set stands in the configuration under Models."),
                           className="field-hint"),
                ],
                className="define-more",
            ),
        ],
        className="define-form", **attrs(
            data_words_new=_("Run this model"), data_words_edit=_("Edit %(name)s", name="{name}"),
            data_words_again=_("Somebody else changed it: what is there now was fetched. Look at it, and save again."),
        ),
    ))
    return dialogs.dialog(
        ids.MODELS_DEFINE, _("Run this model"), [form],
        [_button(_("Cancel"), "button-quiet", data_close="1"),
         _button(_("Save"), "button-primary", data_define_save="1")],
        aside=_("Vigie starts it, watches over it and stops it."),
    )


def _field(name: str, label: str, control: Any, hint: str = "") -> html.Div:
    made = dialogs.field(label, control, hint=hint)
    made.children = [*made.children, html.P("", className="field-error", hidden=True, **attrs(data_error=name))]
    return made


def _check(name: str, label: str, hint: str) -> html.Div:
    return html.Div([
        html.Label([_input("checkbox", name, ""), html.Span(label)], className="check"),
        *([html.P(hint, className="field-hint")] if hint else []),
    ])


def remove_dialog() -> html.Dialog:
    """Asks before a process is removed."""
    return dialogs.dialog(
        ids.MODELS_REMOVE, _("Remove this process?"),
        [
            html.P("", className="mono define-which"),
            html.P(_("It is stopped, and its definition is taken out of the configuration. Its file and its past "
                     "stay."), className="field-hint"),
        ],
        [_button(_("Keep it"), "button-quiet", data_close="1"),
         _button(_("Remove"), "button-danger", data_define_remove_now="1")],
    )


def process_panel(
    process: Mapping[str, Any] | None, *, may_define: bool, may_see_output: bool,
) -> html.Section | None:
    """A process of ours: what can be done with its definition, and its output; None for any other model."""
    if process is None or not process.get("name"):
        return None
    name = str(process["name"])
    acts: list[Any] = [_act(_("Will it fit?"), "question-circle", data_fit_model=name)]
    if may_define and not process.get("removed"):
        acts += [_act(_("Edit"), "pencil", data_define_edit=name), _act(_("Remove"), "trash", data_define_remove=name)]
    return html.Section(
        [
            html.Div([
                html.H2([icons.icon("terminal"), _("Process")], className="card-title"),
                html.Div(acts, className="model-actions"),
            ], className="card-head"),
            *([still(_output(name))] if may_see_output else []),
        ],
        className="panel model-process",
    )


def _act(words: str, icon: str, **named: Any) -> html.Button:
    return html.Button([icons.icon(icon, 14), html.Span(words)], type="button", className="button button-small",
                       **attrs(**named))


def _output(name: str) -> html.Div:
    return html.Div(
        [
            html.Div([
                html.H3(_("Output")),
                html.Button(_("Follow"), type="button", className="button button-small", hidden=True,
                            **attrs(data_output_follow="1")),
            ], className="model-output-head"),
            html.Div("", className="model-output mono", tabIndex="0", role="log", **attrs(
                data_output=name, aria_label=_("Output of %(name)s", name=name), aria_live="off",
                data_words_empty=_("It has written nothing yet."),
                data_words_left=_("%(count)s lines are not shown.", count="{count}"),
                data_words_anew=_("Vigie's serving process was started anew."),
            )),
            html.P("", className="model-how model-output-say", role="status"),
        ],
    )


def all_of(*, may_define: bool) -> list[html.Dialog]:
    """The dialogs of a page."""
    return [fit_dialog(may_define=may_define), *([define_dialog(), remove_dialog()] if may_define else [])]
