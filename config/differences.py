"""What differs between two configurations, put onto a third, and the changes of two people brought together.

All functions work on plain documents: dicts of JSON values whose keys have no dot. A list is one value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


class _Absent:
    """Stands for a key that is not there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Change:
    """One place that differs. ``path`` is dotted, such as ``ui.theme``; a side that has no such key is `ABSENT`."""

    path: str
    before: Any
    after: Any

    def plain(self) -> dict[str, Any]:
        """As JSON; the side that has no such key is left out."""
        sides = {"before": self.before, "after": self.after}
        return {"path": self.path, **{name: value for name, value in sides.items() if value is not ABSENT}}


@dataclass(frozen=True, slots=True)
class Clash:
    """One place that two people set differently since ``base``."""

    path: str
    base: Any
    mine: Any
    theirs: Any

    def plain(self) -> dict[str, Any]:
        """As JSON; a side that has no such key is left out."""
        sides = {"base": self.base, "mine": self.mine, "theirs": self.theirs}
        return {"path": self.path, **{name: value for name, value in sides.items() if value is not ABSENT}}


def diff(before: Mapping[str, Any], after: Mapping[str, Any], _at: str = "") -> list[Change]:
    """The changes that lead from ``before`` to ``after``, in the order of their paths' keys."""
    found: list[Change] = []
    for key in [*before, *(key for key in after if key not in before)]:
        old, new, path = before.get(key, ABSENT), after.get(key, ABSENT), _at + key
        if isinstance(old, dict) and isinstance(new, dict):
            found += diff(old, new, path + ".")
        elif not same(old, new):
            found.append(Change(path, old, new))
    return found


def same(one: Any, other: Any) -> bool:
    """True for equal JSON values: ``1`` and ``1.0`` are one number, ``true`` is none."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def apply(changes: Iterable[Change], document: Mapping[str, Any]) -> Document:
    """A copy of ``document`` in which each change's path has its value after; ways that lack are made."""
    made = copied(document)
    for change in changes:
        put(made, change.path, change.after)
    return made


def put(document: Document, path: str, value: Any) -> None:
    """Sets, or with `ABSENT` removes, one place of ``document`` itself."""
    *way, last = path.split(".")
    for key in way:
        inner = document.get(key)
        if not isinstance(inner, dict):
            if value is ABSENT:
                return
            inner = document[key] = {}
        document = inner
    if value is ABSENT:
        document.pop(last, None)
    else:
        document[last] = copied(value)


def look_up(document: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or `ABSENT`."""
    found: Any = document
    for key in path.split("."):
        if not isinstance(found, dict) or key not in found:
            return ABSENT
        found = found[key]
    return found


def copied(value: Any) -> Any:
    """A copy whose dicts and lists are its own; other values are taken as they are."""
    if isinstance(value, Mapping):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [copied(inner) for inner in value]
    return value


def merge(
    base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any],
) -> tuple[Document, list[Clash], list[Change]]:
    """``theirs`` with what ``mine`` changed since ``base``: the result, where both changed the same place to different
    values (there ``theirs`` stays), and what they changed that ``mine`` did not know."""
    ours, others = diff(base, mine), diff(base, theirs)
    clashes: dict[str, Clash] = {}
    taken = []
    for change in ours:
        met = [other for other in others if overlap(change.path, other.path)]
        unlike = [other for other in met if not (other.path == change.path and same(other.after, change.after))]
        if not unlike:
            taken.append(change)
        for other in unlike:
            path = min(change.path, other.path, key=len)
            clashes[path] = Clash(path, look_up(base, path), look_up(mine, path), look_up(theirs, path))
    return apply(taken, theirs), list(clashes.values()), others


def overlap(one: str, other: str) -> bool:
    """True when one path is the other's, or lies below it."""
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


def merge_patch(document: Mapping[str, Any], patch: Mapping[str, Any]) -> Document:
    """``document`` with a JSON merge patch laid over it: null removes (RFC 7396)."""
    made = copied(document)
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, Mapping):
            inner = made.get(key)
            made[key] = merge_patch(inner if isinstance(inner, dict) else {}, value)
        else:
            made[key] = copied(value)
    return made
