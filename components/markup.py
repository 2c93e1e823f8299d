"""HTML text of a Dash layout: the document's first answer holds the page as it will look, before any script runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from dash.development.base_component import Component

from components.still import Still

_VOID = frozenset({"br", "hr", "img", "input", "meta"})
_NOT_DRAWN = frozenset({"Store", "Interval", "Location", "Download", "ConfirmDialog", "Tooltip"})
_ATTRIBUTES = {
    "className": "class", "tabIndex": "tabindex", "htmlFor": "for", "colSpan": "colspan", "rowSpan": "rowspan",
    "dateTime": "datetime", "textAnchor": "text-anchor", "strokeDasharray": "stroke-dasharray",
    "strokeDashoffset": "stroke-dashoffset", "strokeWidth": "stroke-width", "vectorEffect": "vector-effect",
    "fillRule": "fill-rule", "defaultValue": "value", "defaultChecked": "checked",
}
_PLAIN = frozenset(
    {
        "title",
        "role",
        "href",
        "type",
        "name",
        "src",
        "alt",
        "width",
        "height",
        "viewBox",
        "d",
        "x",
        "y",
        "cx",
        "cy",
        "r",
        "fill",
        "stroke",
        "pathLength",
        "preserveAspectRatio",
        "disabled",
        "hidden",
        "open",
        "scope",
        "lang",
    }
)
_LAYOUT = {"Row": "row", "Container": "container-fluid", "Col": "col", "Alert": "alert", "Badge": "badge"}
"""dash-bootstrap-components that only lay out, and the class that does it."""


def to_html(node: Any, path: str = "") -> str:
    """The HTML of a layout: elements and SVG as they are, links as links, controls as empty boxes of their class and
    style. Ids are left out: the live page has them. ``path`` is the page's, for the navigation."""
    if node is None or isinstance(node, bool):
        return ""
    if isinstance(node, str | int | float):
        return escape(str(node), quote=False)
    if isinstance(node, Still):
        return _still(node.tree)
    if isinstance(node, Component):
        return _component(node, path)
    if isinstance(node, Iterable):
        return "".join(to_html(child, path) for child in node)
    return ""


def _still(tree: Any) -> str:
    if not isinstance(tree, list):
        return escape(str(tree), quote=False)
    tag, props, children = tree
    inner = "".join(_still(child) for child in children)
    return f"<{tag}{_attributes(props)}>" + ("" if tag in _VOID else f"{inner}</{tag}>")


def _component(node: Component, path: str) -> str:
    kind, namespace = node._type, node._namespace
    if kind in _NOT_DRAWN:
        return ""
    props = {name: getattr(node, name) for name in node.to_plotly_json()["props"]}
    children = props.pop("children", None)
    if namespace == "vigie":
        return _element(props.get("tag", "svg"), props.get("attrs") or {}, children, path)
    if namespace == "dash_html_components":
        return _element(re.sub(r"(?<!^)El$", "", kind).lower(), props, children, path)
    if kind in ("Link", "NavLink"):
        to = str(props.get("href"))
        within = props.get("active") == "partial" and path.startswith(to + "/")
        here = "active" if kind == "NavLink" and (to == path or within) else ""
        css = " ".join(filter(None, ("nav-link" if kind == "NavLink" else "", props.get("className"), here)))
        return _element("a", {"className": css, "href": props.get("href")}, children, path)
    css = " ".join(filter(None, (_LAYOUT.get(kind, ""), props.get("className") or props.get("class_name"))))
    return _element("div", {"className": css, "style": props.get("style")}, children if kind in _LAYOUT else None, path)


def _element(tag: str, props: Mapping[str, Any], children: Any, path: str) -> str:
    if tag in _VOID:
        return f"<{tag}{_attributes(props)}>"
    return f"<{tag}{_attributes(props)}>{to_html(children, path)}</{tag}>"


def _attributes(props: Mapping[str, Any]) -> str:
    return "".join(_attribute(k, v) for k, v in props.items() if v is not None and v is not False)


def _attribute(name: str, value: Any) -> str:
    if name == "style" and isinstance(value, Mapping):
        text = ";".join(f"{_css_name(k)}:{v}" for k, v in value.items())
        return f' style="{escape(text)}"'
    if name.startswith(("data-", "aria-")) or name in _PLAIN:
        return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
    if name in _ATTRIBUTES:
        return f' {_ATTRIBUTES[name]}="{escape(str(value))}"'
    return ""


def _css_name(name: str) -> str:
    return name if name.startswith("--") else re.sub(r"[A-Z]", lambda m: "-" + m[0].lower(), name)
