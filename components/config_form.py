"""The form of the configuration, drawn from its description (`components.config_fields`) and from values.

``assets/config_form.js`` reads and writes it: a part has ``data-kind`` and ``data-key``, so that the tree of parts is
the tree of the file. What a list or map gets more of is cloned from its ``<template>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component
from flask_babel import gettext as _

from components import icons
from components.attrs import attrs
from components.config_fields import Node
from components.config_form_words import as_json, option_words, range_words, value_words
from components.svg import Svg


def part(node: Node, value: Any) -> Component:
    """A field or a part with all below it, as ``value`` says."""
    if node.control == "group":
        return group(node, value)
    if node.control == "list":
        return several(node, value or [])
    if node.control == "map":
        return named(node, value or {})
    return row(node, value)


def group(node: Node, value: Any, *, only: tuple[str, ...] | None = None, headless: bool = False) -> html.Div:
    """The fields of a part, below its heading. ``only`` some of them."""
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    shown = [child for child in node.children if only is None or child.key in only]
    head = [] if headless or not node.title or node.key == "*" else [
        html.H3(_(node.title), className="cf-title"),
        *([html.P(_(node.help), className="field-hint")] if node.help else []),
    ]
    return html.Div(
        [*head, *(part(child, given.get(child.key, child.default)) for child in shown)],
        className="cf-group", **attrs(data_kind="group", data_key=node.key),
    )


def row(node: Node, value: Any) -> html.Div:
    """A field: its label and help, its control and unit, the way back to its default, and room for what is wrong."""
    title = _(node.title)
    helps = [text for text in (_(node.help) if node.help else "", range_words(node)) if text]
    several_controls = node.control in ("choices", "names", "secret")
    label: Any = html.Span(title, className="cf-name") if several_controls else html.Label(title, className="cf-name")
    return html.Div(
        [
            html.Div(
                [
                    html.Div([label, *_reset(node, title)], className="cf-name-line"),
                    html.P(" · ".join(helps), className="cf-help") if helps else None,
                ],
                className="cf-label",
            ),
            html.Div(
                [
                    html.Div(
                        [_control(node, title, value), *([html.Span(_unit(node.unit), className="cf-unit")] if node.unit
                          and node.control != "select" else [])],
                        className="cf-control",
                    ),
                    html.P("", className="cf-amount num", hidden=True),
                    html.P("", className="field-error cf-error", role="alert"),
                ],
                className="cf-value",
            ),
        ],
        className=f"cf-row cf-as-{node.control}",
        **attrs(
            data_kind=node.control, data_key=node.key, data_unit=node.unit or None,
            data_default=as_json(node.default) if node.default is not None else None,
            data_low=f"{node.low:g}" if node.low is not None else None,
            data_high=f"{node.high:g}" if node.high is not None else None,
            data_title=title,
        ),
    )


def _unit(unit: str) -> str:
    return {
        "MiB": _("MiB"), "tokens": _("tokens"), "min": _("min"), "s": _("s"), "/s": _("/s"), "/min": _("/min"),
    }.get(unit, unit)


def _reset(node: Node, title: str) -> list[Any]:
    """The button that brings the default back; shown where the value differs from it."""
    if node.default is None or node.control == "secret":
        return []
    words = value_words(node, node.default)
    return [html.Button(
        [icons.icon("arrow-counterclockwise"), html.Span(words, className="cf-default num")],
        type="button", className="cf-reset", hidden=True,
        title=_("Differs from the default: back to %(value)s", value=words),
        **attrs(data_cf="reset", aria_label=_("%(field)s: back to the default, %(value)s", field=title, value=words)),
    )]


def _input(kind: str, value: Any, **more: Any) -> Svg:
    return Svg("input", attrs={
        "type": kind, "className": "field", "defaultValue": "" if value is None else value, "autoComplete": "off",
        "spellCheck": "false", **more,
    })


def _control(node: Node, title: str, value: Any) -> Any:
    match node.control:
        case "switch":
            return html.Label([
                Svg("input", attrs={"type": "checkbox", "role": "switch", "defaultChecked": bool(value),
                                    "aria-label": title}),
                html.Span(className="cf-knob"),
            ], className="cf-switch")
        case "select":
            return Svg("select", [
                Svg("option", option_words(node, one), {"value": str(one)}) for one in node.options
            ], {"className": "field", "defaultValue": str(value)})
        case "slider":
            return html.Div([
                Svg("input", attrs={
                    "type": "range", "className": "cf-range", "min": node.low, "max": node.high, "step": node.step,
                    "defaultValue": value, "aria-label": title,
                }),
                _number(node, value),
            ], className="cf-slider")
        case "whole" | "number":
            return _number(node, value)
        case "long":
            return Svg("textarea", attrs={
                "className": "field", "rows": 2, "maxLength": node.longest, "defaultValue": value or "",
                "spellCheck": "false",
            })
        case "path":
            return html.Div([
                _input("text", value, placeholder="/", className="field mono", maxLength=node.longest),
                html.Button(
                    [icons.icon("folder2-open"), html.Span(_("Browse"))], type="button",
                    className="button button-small cf-browse",
                    **attrs(data_cf="browse", aria_label=_("%(field)s: browse the folders", field=title)),
                ),
            ], className="cf-path")
        case "clock":
            return _input("time", value, className="field cf-short")
        case "zone":
            return _input("text", value, list="cf-zones", className="field cf-middle")
        case "secret":
            return _secret(title, bool(value))
        case "choices":
            return _choices(node, title, value or [])
        case "names":
            return html.Div([], className="cf-chips", role="group", **attrs(
                aria_label=title, data_names="notifications.targets", data_value=as_json(value or []),
            ))
        case "words":
            return _input("text", ", ".join(value or []), className="field mono")
        case _:
            more = {"maxLength": node.longest} if node.longest else {}
            short = "" if node.longest > 64 else " cf-middle"
            return _input("text", value, className=f"field{short}", **more)


def _number(node: Node, value: Any) -> Svg:
    more = {name: bound for name, bound in (("min", node.low), ("max", node.high)) if bound is not None}
    step: Any = 1 if node.control == "whole" else "any"
    return _input(
        "number", f"{value:.12g}" if isinstance(value, int | float) else value, step=step,
        className="field cf-number num", inputMode="numeric" if node.control == "whole" else "decimal", **more,
    )


def _secret(title: str, is_set: bool) -> html.Div:
    """Tells whether a secret is set, takes another one, and never shows it."""
    return html.Div(
        [
            html.Span(_("set") if is_set else _("not set"), className="cf-secret-state", **attrs(
                data_set=_("set"), data_unset=_("not set"), data_new=_("a new one"), data_gone=_("will be cleared"),
            )),
            Svg("input", attrs={
                "type": "password", "className": "field mono", "autoComplete": "new-password", "hidden": True,
                "aria-label": title, "spellCheck": "false", "maxLength": 8192,
            }),
            html.Button(_("Replace"), type="button", className="button button-small",
                        **attrs(data_cf="secret", data_words_set=_("Replace"), data_words_unset=_("Set"),
                                aria_label=_("%(field)s: enter another one", field=title))),
            html.Button(
                _("Clear"), type="button", className="button button-small button-quiet", hidden=not is_set or None,
                **attrs(data_cf="secret-clear", aria_label=_("%(field)s: clear it", field=title)),
            ),
            html.Button(
                _("Keep"), type="button", className="button button-small button-quiet", hidden=True,
                **attrs(data_cf="secret-keep", aria_label=_("%(field)s: keep the one that is set", field=title)),
            ),
        ],
        className="cf-secret-box", role="group", **attrs(data_was="set" if is_set else "", aria_label=title),
    )


def _choices(node: Node, title: str, chosen: list[Any]) -> html.Div:
    return html.Div(
        [
            html.Label([
                Svg("input", attrs={"type": "checkbox", "value": str(one), "defaultChecked": one in chosen}),
                html.Span(option_words(node, one)),
            ], className="cf-chip")
            for one in node.options
        ],
        className="cf-chips", role="group", **attrs(aria_label=title),
    )


def several(node: Node, values: list[Any]) -> html.Div:
    """A list of parts: each can be taken out, and more be added."""
    assert node.item is not None
    return _holder(node, [entry(node, node.item, "", value) for value in values], entry(node, node.item, "", None), [
        html.Button(
            [icons.icon("plus-lg"), _("Add")], type="button", className="button button-small", **attrs(data_cf="add"),
        ),
    ])


def named(node: Node, values: Mapping[str, Any]) -> html.Div:
    """Parts by name: each can be renamed and taken out, and more be added."""
    assert node.item is not None
    made = [entry(node, node.item, name, value) for name, value in values.items()]
    return _holder(node, made, entry(node, node.item, "", None), [
        html.Button(
            [icons.icon("plus-lg"), _("Add")], type="button", className="button button-small", **attrs(data_cf="add"),
        ),
    ])


def _holder(node: Node, items: list[Any], fresh: Any, actions: list[Any]) -> html.Div:
    title = _(node.title)
    return html.Div(
        [
            html.Div(items, className="cf-items"),
            html.P(_("None yet."), className="cf-none field-hint"),
            html.P("", className="field-error cf-error", role="alert"),
            Svg("template", [fresh], {"className": "cf-template"}),
            html.Div(actions, className="cf-actions"),
        ],
        className=f"cf-holder cf-as-{node.control}",
        **attrs(data_kind=node.control, data_key=node.key, data_title=title, data_default=as_json(node.default),
                data_most=str(node.longest) if node.longest else None),
    )


def entry(holder: Node, item: Node, name: str, value: Any) -> html.Div:
    """One entry of a list or map: its name where it has one, its fields, and the way out."""
    title: list[Any] = []
    if holder.control == "map":
        title = [html.Label(
            [html.Span(_("Name"), className="visually-hidden"),
             _input("text", name, className="field cf-entry-name mono", maxLength=32, placeholder=_("name"))],
            className="cf-entry-label",
        ), html.P("", className="field-error cf-error", role="alert")]
    actions: list[Any] = []
    if holder.key == "targets":
        actions.append(html.Button(
            [icons.icon("eye"), html.Span(_("Preview"))], type="button", className="button button-small",
            title=_("Shows what its templates make of an example; nothing is sent"), **attrs(data_cf="preview"),
        ))
        actions.append(html.Button(
            [icons.icon("send"), html.Span(_("Test"))], type="button", className="button button-small",
            title=_("Sends a message by this channel as it stands here, and shows what the other side answered"),
            **attrs(data_cf="test"),
        ))
    actions.append(html.Button(
        icons.icon("trash"), type="button", className="button button-small button-quiet", title=_("Take out"),
        **attrs(data_cf="remove", aria_label=_("Take out")),
    ))
    return html.Div(
        [
            html.Div([html.Div(title, className="cf-entry-title"), html.Div(actions, className="cf-entry-actions")],
                     className="cf-entry-head"),
            group(item, value, headless=True),
            html.P("", className="cf-entry-say", role="status"),
        ],
        className="cf-entry", **attrs(data_item="1", data_was=name or None, data_called=name or None),
    )
