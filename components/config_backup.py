"""The Backup tab: every version that was kept, and the ways out and in of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _
from flask_babel import ngettext

from components import cards, config_words, formats, icons, ids, states
from components.attrs import attrs
from components.config_fields import description
from components.links import href
from components.still import still
from components.svg import Svg
from config.problems import Problem
from config.store import ConfigStore
from config.versions import Version

NAMED = 3
"""Changed settings that a row names."""


def panel(versions: Any, *, editable: bool) -> html.Div:
    """The whole tab."""
    compare = html.Button(
        [icons.icon("arrow-left-right"), _("Compare")], type="button", disabled=True, className="button button-small",
        **attrs(data_cf="compare"),
    )
    return html.Div(
        [
            *([_as_file()] if editable else []),
            cards.card(
                _("Versions"), html.Div(versions, id=ids.CONFIGURATION_VERSIONS), icon="clock-history", aside=compare,
                className="cf-card cf-card-wide",
            ),
        ],
        className="cf-cards",
    )


def _as_file() -> html.Section:
    """The ways out and in."""
    return cards.card(
        _("As a file"),
        [
            html.P(
                _("A file may also be dropped onto this page. It is checked, and shown before it is saved."),
                className="field-hint",
            ),
            html.Div(
                [
                    html.A(
                        [icons.icon("download"), _("Save as a file")], href=href("/api/v1/config/export"),
                        className="button button-small", title=_("The running configuration; secrets are left out"),
                        **attrs(download=""),
                    ),
                    html.Button(
                        [icons.icon("upload"), _("Take over a file")], type="button", className="button button-small",
                        **attrs(data_cf="import"),
                    ),
                    Svg("input", attrs={
                        "type": "file", "accept": ".json,application/json", "className": "cf-file", "hidden": True,
                        "aria-label": _("Configuration file"),
                    }),
                ],
                className="cf-backup-actions",
            ),
            html.Div(className="state state-failed cf-import-problem", hidden=True, role="alert"),
        ],
        icon="file-earmark-code", className="cf-card cf-card-wide",
    )


def source_words(source: str) -> str:
    """How a version came to be."""
    return {
        "start": _("at the start"), "file": _("in the file, by hand"), "form": _("in the form"),
        "api": _("by a program"), "restore": _("restored"), "import": _("from a file"),
    }.get(source, source)


def changed_words(paths: Sequence[str]) -> str:
    """What a version changed, in a few names."""
    if not paths:
        return _("nothing but its first writing")
    root, names = description(), []
    for path in paths[:NAMED]:
        node = root.at(path)
        names.append(_(node.title) if node is not None and node.title else path)
    rest = len(paths) - NAMED
    if rest > 0:
        names.append(ngettext("%(num)s more", "%(num)s more", rest))
    return ", ".join(dict.fromkeys(names))


def listed(versions: Sequence[Version], current: int, now: float, *, editable: bool) -> Any:
    """The list, newest first."""
    if not versions:
        return states.no_data(_("No versions yet"), _("The first change makes one."))
    before = [one.number for one in versions[1:]] + [None]
    rows = [_row(one, old, current, now, editable=editable) for one, old in zip(versions, before)]
    return still(html.Ul(rows, className="rows cf-versions"))


def _row(one: Version, before: int | None, current: int, now: float, *, editable: bool) -> html.Li:
    is_now = one.number == current
    name: list[Any] = [html.Span(_("Version %(number)s", number=one.number), className="row-name num")]
    if is_now:
        name.append(html.Span(_("in force"), className="tag tag-accent"))
    about = " · ".join(filter(None, (formats.moment(one.at, now), one.by or "Vigie", source_words(one.source))))
    buttons: list[Any] = [
        _act("see", one.number, _("See"), _("See version %(number)s", number=one.number), before),
    ]
    if editable and not is_now:
        buttons.append(_act("restore", one.number, _("Restore"), _("Restore version %(number)s", number=one.number)))
    return html.Li(
        [
            html.Label([Svg("input", attrs={
                "type": "checkbox", "className": "cf-pick", "value": one.number,
                "aria-label": _("Compare version %(number)s", number=one.number),
            })], className="check"),
            html.Div([
                html.Div(name, className="row-names"), html.P(about, className="row-more"),
                html.P(changed_words(one.changes), className="row-more", title=", ".join(one.changes)),
            ]),
            html.Div(buttons, className="cf-row-actions"),
        ],
        className="row-line is-plain row-centred", **attrs(data_version=one.number),
    )


def _act(action: str, number: int, words: str, label: str, before: int | None = None) -> html.Button:
    return html.Button(
        words, type="button", className="button button-small",
        **attrs(data_cf=action, data_of=number, data_before=before, aria_label=label),
    )


def file_state(store: ConfigStore, *, editable: bool) -> Any:
    """What is wrong with the file on disk, when somebody's edit of it was refused; nothing when it is in force."""
    if not store.problems:
        return None

    def line(problem: Problem) -> html.Li:
        node = description().at(problem.path) if problem.path else None
        named = f"{_(node.title)} ({problem.path})" if node is not None and node.title else problem.path
        words: list[Any] = [html.Strong(named), " "] if named else []
        return html.Li([*words, config_words.problem(problem)])

    actions: list[Any] = [html.Span(str(store.path), className="mono cf-file-path")]
    if editable:
        actions.append(html.Button(_("Write the running configuration over it"), type="button",
                                   className="button button-small", **attrs(data_cf="overwrite")))
    return html.Div(
        [
            html.Span(icons.icon("exclamation-triangle-fill"), className="state-icon"),
            html.Div([
                html.P(_("The file on disk is not right and was not taken up. The configuration from before goes on."),
                       className="state-title"),
                html.Ul([line(one) for one in store.problems], className="cf-problems"),
                html.Div(actions, className="cf-file-actions"),
            ]),
        ],
        className="state state-failed cf-banner", role="alert",
    )
