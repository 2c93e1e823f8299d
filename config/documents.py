"""The configuration as a plain document, with its secrets as objects, masked, encrypted or in the clear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from config.dashboard import DashboardConfig
from config.differences import Document
from config.secret import SecretText

EACH = "*"
"""In a pattern of a path: any key."""
KEPT_BY_VIGIE = ("metadata.lastModified", "metadata.modifiedBy")
"""Places that say who saved last: no change of the configuration itself."""


def document(value: Any, secret: Callable[[SecretText], Any] = lambda text: text) -> Any:
    """A model, or a part of one, as JSON-like values under the names of the file; secrets as ``secret`` gives them."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {field.alias or name: document(getattr(value, name), secret) for name, field in fields.items()}
    if isinstance(value, dict):
        return {key: document(inner, secret) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [document(inner, secret) for inner in value]
    return secret(value) if isinstance(value, SecretText) else value


def masked(config: DashboardConfig) -> Document:
    """As pages and the API show it."""
    shown: Document = document(config, str)
    return shown


def compared(config: DashboardConfig) -> Document:
    """As two are compared: without who saved last, with secrets that know whether they are equal and show nothing."""
    made: Document = document(config)
    for path in KEPT_BY_VIGIE:
        section, key = path.split(".")
        made[section].pop(key)
    return made


def shown(value: Any) -> Any:
    """A value out of `compared` with its secrets masked."""
    return document(value, str)


@cache
def secret_patterns(model: type[BaseModel] = DashboardConfig) -> tuple[tuple[str, ...], ...]:
    """Paths of all secrets of a model; `EACH` stands for the keys of a mapping."""
    found: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        kind: Any = field.annotation
        way: tuple[str, ...] = (key,)
        if get_origin(kind) is dict:
            kind, way = get_args(kind)[1], (key, EACH)
        if kind is SecretText:
            found.append(way)
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            found += [way + rest for rest in secret_patterns(kind)]
    return tuple(found)


def is_secret(path: tuple[str, ...]) -> bool:
    """True when ``path`` is that of a secret, or lies below one (a value of a wrong type may have parts)."""
    return any(
        all(want in (EACH, key) for want, key in zip(pattern, path, strict=False)) and len(path) >= len(pattern)
        for pattern in secret_patterns()
    )


def secret_places(raw: Any) -> Iterator[tuple[tuple[str, ...], Document, str]]:
    """The strings of a raw document that lie where secrets do: path, the dict that holds it, its key there."""
    for pattern in secret_patterns():
        yield from _places(raw, pattern, ())


def _places(raw: Any, pattern: tuple[str, ...], at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Document, str]]:
    if not isinstance(raw, dict):
        return
    for key in list(raw) if pattern[0] == EACH else [pattern[0]]:
        if len(pattern) == 1:
            if isinstance(raw.get(key), str):
                yield (*at, key), raw, key
        else:
            yield from _places(raw.get(key), pattern[1:], (*at, key))
