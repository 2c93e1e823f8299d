"""What lies at a path of the configuration: its model, its field, its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.dashboard import DashboardConfig


def model_at(way: Sequence[str]) -> type[BaseModel] | None:
    """The model that describes what lies at a path; None where none does."""
    kind: Any = DashboardConfig
    for key in way:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = next((f.annotation for n, f in kind.model_fields.items() if (f.alias or n) == key), None)
        else:
            kind = next((one for one in reversed(get_args(kind)) if one is not Ellipsis), None)
        if get_origin(kind) is not None and get_origin(kind) not in (dict, tuple):
            kind = next(iter(get_args(kind)), None)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def field_at(way: Sequence[str]) -> FieldInfo | None:
    """The field at a path; None where none is, or where an entry of a list or mapping is."""
    model = model_at(way[:-1])
    return next((f for n, f in model.model_fields.items() if (f.alias or n) == way[-1]), None) if model else None


def kind_at(way: Sequence[str]) -> Any:
    """The annotation of a path, the entries' when it is one of a list."""
    found = field_at(way)
    if found is not None:
        return found.annotation
    above = field_at(way[:-1])
    return next(iter(get_args(above.annotation)), None) if above is not None else None


def titles(path: str) -> list[str]:
    """The titles on the way to a dotted path, marked for translation; a key that is a name stands for itself."""
    way = path.split(".")
    found = []
    for length in range(1, len(way) + 1):
        field = field_at(way[:length])
        found.append(field.title if field is not None and field.title else way[length - 1])
    return found
