"""The configuration's model as a plain description of a form: what stands where, with which control and bounds.

The one place that turns model fields into controls. It knows no value and draws nothing: `components.config_form` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import AfterValidator, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typing_extensions import TypeIs

from config.dashboard import DashboardConfig, Metadata
from config.secret import SecretText
from config.section import AbsolutePath, ChannelName, Clock, Extension, Section, Size, TimeZone

Control = Literal[
    "group", "list", "map",  # these hold others
    "switch", "select", "slider", "whole", "number", "text", "long", "path", "clock", "zone", "secret", "words",
    "choices", "names",
]
HOLDERS = ("group", "list", "map")
WRITTEN_BY_VIGIE = ("last_modified", "modified_by")
LONG_TEXT = 500
"""From so many characters on a free text gets more than one line."""
SLIDER_SPAN = 2.0
"""A fraction between two bounds no further apart than this is a slider."""


@dataclass(frozen=True, slots=True)
class Node:
    """A field, or a part that holds fields. ``key`` is its name in the file."""

    key: str
    control: Control
    title: str = ""
    help: str = ""
    unit: str = ""
    default: Any = None
    """As JSON; None for what must be given."""
    low: float | None = None
    above: bool = False
    """``low`` itself is not allowed."""
    high: float | None = None
    step: float | None = None
    options: tuple[Any, ...] = ()
    longest: int = 0
    """Of a text: most characters; of a list: most entries."""
    children: tuple[Node, ...] = ()
    item: Node | None = None
    """One entry of a list or of a map."""

    def at(self, path: str) -> Node | None:
        """What a dotted path leads to; in a list or map any entry's name does."""
        head, _, rest = path.partition(".")
        if not head:
            return self
        if self.item is not None:
            return self.item.at(rest)
        child = next((one for one in self.children if one.key == head), None)
        return child.at(rest) if child is not None else None

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Node]]:
        """Every field with its dotted path; an entry of a list or map is called ``*``."""
        if self.control == "group":
            for child in self.children:
                yield from child.leaves(f"{prefix}.{child.key}" if prefix else child.key)
        elif self.item is not None:
            yield from self.item.leaves(f"{prefix}.*")
        else:
            yield prefix, self


_MARKS: tuple[tuple[Any, Control], ...] = (
    (AbsolutePath, "path"), (Clock, "clock"), (Size, "text"), (Extension, "text"), (ChannelName, "text"),
    (TimeZone, "zone"),
)


@cache
def description() -> Node:
    """The whole configuration."""
    return _group(Node("", "group"), DashboardConfig, DashboardConfig().model_dump(mode="json", by_alias=True))


def _group(node: Node, model: type[Section], defaults: Mapping[str, Any] | None = None) -> Node:
    """``defaults`` are those of this part where it stands; without them its fields have their own."""
    made = []
    for name, info in model.model_fields.items():
        key = info.alias or name
        if (model is DashboardConfig and name == "version") or (model is Metadata and name in WRITTEN_BY_VIGIE):
            continue
        made.append(_node(key, info, _default(info) if defaults is None else defaults[key]))
    return replace(node, control="group", children=tuple(made), default=None)


def _node(key: str, info: FieldInfo, default: Any) -> Node:
    """One field.

    Raises:
        TypeError: its type has no control here yet.
    """
    kind, marks = info.annotation, tuple(info.metadata)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    node = Node(
        key, "text", info.title or key, info.description or "", str(extra.get("unit", "")), default,
        longest=next((m.max_length for m in marks if isinstance(m, MaxLen)), 0),
    )
    if _is_section(kind):
        return _group(node, kind, default)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:  # a number, or nothing: by the default
        return _number(node, int in inner, marks, optional=True)
    if origin is Literal:
        return replace(node, control="select", options=inner)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return _several(node, inner[0])
    if origin is dict and _is_section(inner[1]):
        return replace(node, control="map", item=_group(Node("*", "group"), inner[1]))
    if kind is bool:
        return replace(node, control="switch")
    if kind is SecretText:
        return replace(node, control="secret")
    if kind in (int, float):
        return _number(node, kind is int, marks)
    if kind is str:
        return replace(node, control=_text(node, marks))
    raise TypeError(f"{key}: there is no control for {kind!r}")


def _is_section(kind: Any) -> TypeIs[type[Section]]:
    return isinstance(kind, type) and issubclass(kind, Section)


def _default(info: FieldInfo) -> Any:
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or isinstance(value, Section):
        return None
    return TypeAdapter(type(value)).dump_python(value, mode="json", by_alias=True)


def _several(node: Node, inner: Any) -> Node:
    """A list of sections, of a few known words, or of free ones."""
    if _is_section(inner):
        return replace(node, control="list", item=_group(Node("*", "group"), inner))
    if get_origin(inner) is Literal:
        return replace(node, control="choices", options=get_args(inner))
    if inner == ChannelName:
        return replace(node, control="names")
    if get_args(inner)[:1] == (str,):
        return replace(node, control="words")
    raise TypeError(f"{node.key}: there is no control for a list of {inner!r}")


def _number(node: Node, whole: bool, marks: tuple[Any, ...], *, optional: bool = False) -> Node:
    above = any(isinstance(m, Gt) for m in marks)
    low = next((float(m.ge if isinstance(m, Ge) else m.gt) for m in marks if isinstance(m, Ge | Gt)), None)  # type: ignore[arg-type]  # bounds of numbers are numbers
    high = next((float(m.le if isinstance(m, Le) else m.lt) for m in marks if isinstance(m, Le | Lt)), None)  # type: ignore[arg-type]
    if whole:
        return replace(node, control="whole", low=low, above=above, high=high, step=1)
    span = high - low if low is not None and high is not None else None
    if span is not None and span <= SLIDER_SPAN and not optional:
        return replace(node, control="slider", low=low, high=high, step=span / 20)
    return replace(node, control="number", low=low, above=above, high=high)


def _text(node: Node, marks: tuple[Any, ...]) -> Control:
    for known, control in _MARKS:
        if any(isinstance(m, AfterValidator) and m in get_args(known) for m in marks):
            return control
    free = not any(isinstance(m, AfterValidator) for m in marks)
    return "long" if free and node.longest >= LONG_TEXT else "text"
