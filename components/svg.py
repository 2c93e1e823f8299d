"""Inline SVG as a Dash component: ``assets/svg.js`` holds its React half.

Dash has no SVG elements; a picture by URL could take neither the theme's colours nor new values in place.
"""

from __future__ import annotations

from typing import Any

from dash.development.base_component import Component


class Svg(Component):
    """One SVG element.

    Args:
        tag: element name: svg, path, circle, ...
        children: SVG elements or text inside it.
        attrs: its attributes as React spells them (``strokeWidth``, ``viewBox``; ``className``, ``aria-label``).
        id: as in every Dash component.
    """

    _children_props: list[str] = []  # noqa: RUF012 - as the base class declares it
    _base_nodes = ["children"]  # noqa: RUF012
    _namespace = "vigie"
    _type = "Svg"

    def __init__(
        self, tag: str = "svg", children: Any = None, attrs: dict[str, Any] | None = None, id: Any = None,
    ) -> None:
        self._prop_names = ["children", "id", "tag", "attrs"]
        self._valid_wildcard_attributes: list[str] = []
        self.available_properties = self._prop_names
        self.available_wildcard_properties: list[str] = []
        given = {"tag": tag, "children": children, "attrs": attrs, "id": id}
        # Not Component.__init__: for its messages it looks for a package of the namespace's name, once a property.
        for name, value in given.items():
            if value is not None:
                setattr(self, name, value)


def path(d: str, **attrs: Any) -> Svg:
    """A path element."""
    return Svg("path", attrs={"d": d, **attrs})
