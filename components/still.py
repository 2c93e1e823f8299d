"""Still life: a subtree of plain elements as one Dash component.

Dash wraps every component in React parts of its own, which costs a phone about 2 ms each at first load. What has no id,
takes part in no callback and is drawn anew as a whole needs none of that: `still` packs it into one component whose
React half (``assets/svg.js``) makes plain elements.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dash.development.base_component import Component

Tree = str | int | float | list[Any]
"""A text, or ``[tag, attributes as React spells them, children]``."""


class Still(Component):
    """The packed subtree; see `still`."""

    _children_props: list[str] = []  # noqa: RUF012 - as the base class declares it
    _base_nodes = ["children"]  # noqa: RUF012
    _namespace = "vigie"
    _type = "Still"

    def __init__(self, tree: list[Any]) -> None:
        self._prop_names = ["tree"]
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = self._prop_names
        self.available_wildcard_properties: list[str] = []
        self.tree = tree


def still(node: Component) -> Still:
    """``node`` and all below it as one component.

    Raises:
        TypeError: something in it has an id or is a control: that must stay a component of its own.
    """
    return Still(_tree(node))


def stilled(node: Component | None) -> Still | None:
    """`still`, of what may not be there."""
    return None if node is None else still(node)


def _tree(node: Component) -> list[Any]:
    props = {name: getattr(node, name) for name in node.to_plotly_json()["props"]}
    kind, children = node._type, props.pop("children", None)
    if isinstance(node, Still):
        return node.tree
    if node._namespace == "vigie":
        tag, attributes, known = props.get("tag", "svg"), props.get("attrs") or {}, "id" not in props
    else:
        tag, attributes, known = kind.lower(), props, node._namespace == "dash_html_components" and "id" not in props
    if not known:
        raise TypeError(f"{node._namespace}.{kind} with {sorted(props)} cannot be part of a still subtree")
    return [tag, attributes, list(_children(children))]


def _children(children: Any) -> Iterable[Tree]:
    if children is None or isinstance(children, bool):
        return
    if isinstance(children, Component):
        yield _tree(children)
    elif isinstance(children, list | tuple):
        for child in children:
            yield from _children(child)
    elif isinstance(children, int | float):
        yield children
    else:
        yield str(children)
