"""The Configuration page: its head, its tabs, the form of each, and the bar that says what is not saved yet."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _

from components import (
    cards,
    config_backup,
    config_dialogs,
    config_form,
    deliveries,
    icons,
    ids,
    model_proxies,
    threshold,
)
from components.attrs import attrs
from components.config_fields import Node, description
from components.config_form_words import TABS, tab_words
from components.links import href
from components.sentences import sentence
from components.still import still
from components.svg import Svg
from config.documents import masked
from config.preset import PRESETS, Kind
from config.store import ConfigStore
from live.models import Proxy
from security.permissions import allowed

_ODD_ZONES = ("Etc/", "SystemV/", "posix", "right")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the forms show: the configuration with its secrets masked, and whether it may be edited."""

    document: Mapping[str, Any]
    editable: bool
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    """Those that are on, by name."""


def page(
    store: ConfigStore, who: str, path: str, tab: str, now: float, *, editable: bool, proxies: Sequence[Proxy] = (),
) -> html.Div:
    """The whole page of ``who``, at ``tab``; ``path`` is its own address, ``proxies`` are those that are on."""
    shown = _Shown(masked(store.current), editable, {one.name: one for one in proxies})
    tab = tab if tab in TABS else TABS[0]
    opened = {
        "config": shown.document, "version": store.version.number, "who": who, "path": path, "tab": tab,
        "editable": editable,
    }
    versions = config_backup.listed(store.versions(), store.version.number, now, editable=editable)
    return html.Div(
        [
            html.Div(
                [
                    html.Div([html.H1(_("Configuration")), _intro(editable)]),
                    *([_presets_menu("config")] if editable else []),
                ],
                className="cf-top",
            ),
            html.Div(config_backup.file_state(store, editable=editable), id=ids.CONFIGURATION_FILE),
            html.Div([], className="cf-notices", role="status"),
            _tabs(tab),
            html.Div([_panel(name, tab, shown, versions) for name in TABS], className="cf-panels"),
            *([_save_bar()] if editable else []),
            still(Svg("datalist", [Svg("option", attrs={"value": zone}) for zone in zones()], {"id": "cf-zones"})),
            *config_dialogs.dialogs_of_page(),
            dcc.Store(id=ids.CONFIGURATION_VIEW, data=opened),
            dcc.Store(id=ids.CONFIGURATION_ENTERED),
            dcc.Store(id=ids.CONFIGURATION_CHANGED),
        ],
        className="page configuration" + ("" if editable else " is-readonly"),
        **attrs(data_page="configuration"), **config_dialogs.words(),
    )


@cache
def zones() -> tuple[str, ...]:
    """Time zones by name."""
    return ("UTC", *sorted(n for n in zoneinfo.available_timezones() if "/" in n and not n.startswith(_ODD_ZONES)))


def _intro(editable: bool) -> html.P:
    if editable:
        return html.P(
            _("Saved changes apply at once, without a restart, and every version is kept."), className="cf-intro",
        )
    return html.P(
        [icons.icon("lock"), _("You may see the configuration. Changing it takes the role of an administrator.")],
        className="cf-intro",
    )


def _tabs(tab: str) -> html.Div:
    return html.Div(
        html.Div(
            [
                html.Button(
                    [tab_words(name), html.Span(className="cf-dot", **attrs(aria_hidden="true"))], type="button",
                    className="tab", role="tab", id=f"cf-tab-{name}", tabIndex=0 if name == tab else -1,
                    **attrs(data_cf_tab=name, aria_selected=str(name == tab).lower(), aria_controls=f"cf-panel-{name}"),
                )
                for name in TABS
            ],
            className="tabs", role="tablist", **attrs(aria_label=_("Parts of the configuration")),
        ),
        className="cf-tabs",
    )


def _panel(name: str, tab: str, shown: _Shown, versions: Any) -> html.Div:
    body: Any = config_backup.panel(versions, editable=shown.editable) if name == "backup" else _form(name, shown)
    if name == "notifications" and allowed("alerts:view"):
        body = [body, deliveries.card(list(shown.document["notifications"]["targets"]))]
    return html.Div(
        body, className=f"cf-panel cf-panel-{name}", role="tabpanel", id=f"cf-panel-{name}",
        hidden=None if name == tab else True, **attrs(aria_labelledby=f"cf-tab-{name}"),
    )


def _form(name: str, shown: _Shown) -> html.Div:
    """The form of a tab. Where somebody may not edit, a fieldset keeps every control still."""
    return html.Div(still(html.Fieldset(
        html.Div(_cards(name, shown), className="cf-cards"),
        className="cf-fields", disabled=not shown.editable,
    )))


def _cards(name: str, shown: _Shown) -> list[Any]:
    root = description()
    if name == "alerts":
        thresholds = _part(root, "monitoring.alertThresholds")
        return [_consequences(), _card("monitoring.alertThresholds", thresholds, shown, icon="activity", wide=True)]
    section = _part(root, name)
    plain = tuple(child.key for child in section.children if child.control not in ("group", "list", "map"))
    made = []
    if plain:
        alone = not any(child.control == "group" and child.key != "alertThresholds" for child in section.children)
        made.append(_card(name, section, shown, only=plain, icon=_ICONS.get(name, "gear"), wide=alone and name != "ui"))
    parts = [child for child in section.children if child.key not in plain and child.key != "alertThresholds"]
    for child in sorted(parts, key=lambda one: one.control != "group"):  # entries need the whole width: last
        wide = child.control != "group"
        made.append(_card(f"{name}.{child.key}", child, shown, icon=_ICONS.get(child.key, "gear"), wide=wide))
    if name == "ui":
        made.append(_card("metadata", _part(root, "metadata"), shown, icon="save"))
    return made


def _consequences() -> html.Section:
    """The threshold that is looked at, over the last day of what it judges."""
    return cards.card(
        _("What it would have done"),
        [
            html.P(
                [html.Strong("", className="cf-consequences-of"), " ",
                 html.A(_("its rule"), href=href("/alerts"), **attrs(data_go="1"))],
            ),
            threshold.editor(),
        ],
        icon="graph-up", className="cf-card cf-card-wide cf-consequences",
    )


_ICONS = {
    "paths": "folder", "watchedDirectories": "eye", "ollama": "hdd-network", "lmstudio": "hdd-network",
    "defaultParameters": "sliders", "resourceLimits": "speedometer2", "monitoring": "graph-up", "ui": "window",
    "notifications": "bell", "targets": "send", "alertTypes": "signpost-split", "logging": "card-text",
}


def _part(root: Node, path: str) -> Node:
    found = root.at(path)
    if found is None:
        raise LookupError(path)
    return found


def _card(
    path: str, node: Node, shown: _Shown, *, icon: str, only: tuple[str, ...] | None = None, wide: bool = False,
) -> html.Section:
    """A card with one part of the form; ``data-at`` tells the script where in the file it lies."""
    value: Any = shown.document
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    body = config_form.group(node, value, only=only, headless=True) if node.control == "group" else (
        config_form.part(node, node.default if value is None else value)
    )
    above, _dot, key = path.rpartition(".")
    aside: Any = None
    if path in ("proxies.ollama", "proxies.lmstudio"):
        aside = _proxy_state(shown.proxies.get(key))
    elif path == "models.defaultParameters" and shown.editable:
        aside = _presets_menu("models")
    head = [html.P(_(node.help), className="field-hint cf-card-help")] if node.help else []
    return cards.card(
        _(node.title) if path != "metadata" else _("These forms"),
        [*head, html.Div(body, className="cf-root", **attrs(data_at=above))], icon=icon, aside=aside,
        className="cf-card cf-card-wide" if wide else "cf-card",
        **attrs(data_card=path),
    )


def _proxy_state(proxy: Proxy | None) -> html.Span:
    """Whether a proxy runs, beside its form."""
    if proxy is None:
        return html.Span(_("off"), className="tag")
    words, css = model_proxies.state_words(proxy), model_proxies.state_class(proxy)
    return html.Span(f"{words} · {proxy.address}", className=f"tag {css}", title=sentence(proxy.message))


def _presets_menu(kind: Kind) -> html.Details:
    return html.Details(
        [
            html.Summary(
                [icons.icon("magic"), _("Presets"), icons.icon("chevron-down", 12)], className="button button-small",
            ),
            html.Div(
                [
                    html.Button(
                        html.Span([html.Strong(_(one.title)), html.Small(_(one.description))]), type="button",
                        className="menu-item cf-preset",
                        **attrs(data_cf="preset", data_preset=one.name, data_kind_of=kind),
                    )
                    for one in PRESETS if one.kind == kind
                ],
                className="menu-panel",
            ),
        ],
        className="menu cf-presets",
    )


def _save_bar() -> html.Div:
    return html.Div(
        [
            html.Span("", className="cf-count", role="status"),
            html.Button(
                _("Discard"), type="button", className="button button-small button-quiet", **attrs(data_cf="discard"),
            ),
            html.Button(
                _("Review and save"), type="button", className="button button-small button-primary",
                **attrs(data_cf="review"),
            ),
        ],
        className="cf-bar", hidden=True,
    )
