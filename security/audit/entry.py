"""One row of the audit trail, before it has its place in the chain."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Result = Literal["ok", "refused", "failed"]
Kind = Literal["user", "token", "embed", "anonymous", "shell", "system"]

MOST_TEXT = 300
"""Characters of an action, a target, a name."""
MOST_VALUE = 16_384
"""Characters of a value before or after; of a longer one its beginning and its SHA-256 are kept."""
MASK = "********"
_SECRET = re.compile(r"passw|secret|token_key|session_key|api_?key|private_?key|credential", re.IGNORECASE)
"""Members whose values are never kept, should a caller forget to mask them."""
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode
START = "0" * 64
"""What the first row of all has for the hash of the row before."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened. ``at`` is epoch seconds; ``before`` and ``after`` are JSON texts."""

    at: float
    action: str
    target: str = ""
    kind: Kind = "system"
    who: str = ""
    who_id: int | None = None
    address: str = ""
    agent: str = ""
    request: str = ""
    result: Result = "ok"
    count: int = 1
    before: str | None = None
    after: str | None = None


FIELDS = tuple(field.name for field in dataclasses.fields(Entry))


def chained(previous: str, number: int, values: Mapping[str, Any]) -> str:
    """The hash of row ``number`` with these values, after the row whose hash is ``previous``: SHA-256 over that hash, a
    line feed, and the row as JSON with sorted keys and no spaces."""
    row = {"id": number, **{name: values[name] for name in FIELDS}}
    return hashlib.sha256(f"{previous}\n{_canonical(row)}".encode("ascii")).hexdigest()


def word(text: object, most: int = MOST_TEXT) -> str:
    """``text`` as every database takes it: no NUL, no half of a character, and no longer than it may be."""
    clean = str(text).replace("\x00", "\ufffd").encode(errors="replace").decode()
    return clean if len(clean) <= most else clean[:most - 1] + "…"


def value(given: object) -> str | None:
    """``given`` as canonical JSON, secrets masked; None for None."""
    if given is None:
        return None
    text = json.dumps(_plain(given), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    text = word(text, 2 * MOST_VALUE * MOST_TEXT)
    if len(text) <= MOST_VALUE:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    cut = {"characters": len(text), "sha256": digest, "begins": text[:MOST_VALUE // 2]}
    return json.dumps(cut, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(given: object, depth: int = 0) -> object:
    if depth > 20:
        return "…"
    if hasattr(given, "model_dump"):
        given = given.model_dump(mode="json", by_alias=True)
    elif dataclasses.is_dataclass(given) and not isinstance(given, type):
        given = dataclasses.asdict(given)
    if isinstance(given, Mapping):
        return {
            str(key): MASK if one and isinstance(one, str) and _SECRET.search(str(key)) else _plain(one, depth + 1)
            for key, one in given.items()
        }
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        listed = [_plain(one, depth + 1) for one in given]
        return sorted(listed, key=str) if isinstance(given, set | frozenset) else listed
    return given
