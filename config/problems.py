"""What is wrong with a configuration: one sentence per place, which was given, what is allowed."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic_core import ErrorDetails

from config.command import holds_key
from config.documents import is_secret
from config.fields import field_at, kind_at, model_at
from config.marks import N_

LONGEST_GIVEN = 80
MOST_PROBLEMS = 50
"""Problems told of one document."""
NO_RANGE = N_("is not right: %(reason)s")
MESSAGES: dict[str, str] = {
    "extra_forbidden": N_("is not known here; there are: %(known)s"),
    "nearest": N_("is not known here; did you mean %(nearest)s?"),
    "missing": N_("is missing"),
    "bool_type": N_("must be true or false"),
    "string_type": N_("must be a text in quotes"),
    "string_too_long": N_("must have %(most)s characters at most"),
    "string_too_short": N_("must have %(least)s characters at least"),
    "too_long": N_("must have %(most)s entries at most"),
    "tuple_type": N_("must be a list in square brackets"),
    "dict_type": N_("must be an object in braces"),
    "named_twice": N_("%(key)s names %(name)s twice"),
    "in_order": N_("%(low)s (%(less)s) must not be above %(high)s (%(more)s)"),
    "literal_error": N_("must be one of %(choices)s"),
    "integer": N_("must be a whole number"),
    "integer_range": N_("must be a whole number from %(least)s to %(most)s"),
    "number": N_("must be a number"),
    "number_range": N_("must be a number from %(least)s to %(most)s"),
    "number_above": N_("must be a number above %(least)s, up to %(most)s"),
}
"""Sentences by code; a place's own validators bring their own text."""
NUMBERS = frozenset({
    "int_type", "int_from_float", "int_parsing_size", "float_type", "finite_number", "greater_than",
    "greater_than_equal", "less_than", "less_than_equal",
})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. ``path`` is dotted, empty for the file as a whole; ``given`` is the value as JSON, empty when
    it is a secret's, a command with a key in it, not a single value, or not there. ``message`` is a gettext text,
    ``params`` what it needs."""

    path: str
    message: str
    given: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed(self) -> str:
        """What is allowed, in English."""
        return self.message % self.params if self.params else self.message

    @property
    def value(self) -> Any:
        """What was given, as it was: None where it is not told, the beginning of a long text."""
        try:
            return json.loads(self.given) if self.given else None
        except ValueError:  # it was cut
            return self.given.removeprefix('"')

    @property
    def sentence(self) -> str:
        """All of it, in English."""
        given = f" (given: {self.given})" if self.given else ""
        return f"{self.path}: {self.allowed}{given}" if self.path else f"{self.allowed}{given}"

    def plain(self) -> dict[str, Any]:
        """As the API's failing fields."""
        return {"field": self.path or "file", "given": self.given or None, "allowed": self.allowed}


class ConfigInvalid(Exception):
    """A configuration is refused; ``problems`` say why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)[:MOST_PROBLEMS]
        super().__init__("; ".join(problem.sentence for problem in self.problems))


def from_validation(errors: Sequence[ErrorDetails]) -> list[Problem]:
    """Pydantic's errors as problems, in the order of the document."""
    return [_problem(error) for error in errors[:MOST_PROBLEMS]]


def _problem(error: ErrorDetails) -> Problem:
    # A key that is refused is told twice: as the key, with pydantic's mark for it behind.
    way = tuple(str(part) for part in error["loc"] if part != "[key]")
    path, kind, context = ".".join(way), error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(path, way)
    given = _given(way, error["input"])
    if kind in NUMBERS:
        return _number(path, way, given, error["msg"])
    if kind == "literal_error":
        choices = get_args(kind_at(way))
        return Problem(path, MESSAGES[kind], given, {"choices": ", ".join(json.dumps(one) for one in choices)})
    if kind in ("string_too_long", "too_long"):
        return Problem(path, MESSAGES[kind], given, {"most": str(context.get("max_length", ""))})
    if kind == "string_too_short":
        return Problem(path, MESSAGES[kind], given, {"least": str(context.get("min_length", ""))})
    if kind in ("model_type", "model_attributes_type"):
        return Problem(path, MESSAGES["dict_type"], given)
    if kind in ("in_order", "named_twice"):
        return Problem(path, MESSAGES[kind], "", {name: str(value) for name, value in context.items()})
    if kind in MESSAGES:
        return Problem(path, MESSAGES[kind], given)
    if kind == "value_error":
        return Problem(path, error["msg"].removeprefix("Value error, "), given)
    return Problem(path, NO_RANGE, given, {"reason": error["msg"]})


def _unknown(path: str, way: tuple[str, ...]) -> Problem:
    """What was given for a key that nobody knows is not repeated: it may be a misspelt secret's."""
    model = model_at(way[:-1])
    known = [f.alias or name for name, f in model.model_fields.items()] if model else []
    by_small = {name.lower(): name for name in known}
    near = difflib.get_close_matches(way[-1].replace("_", "").lower(), by_small, 1, 0.7)
    if near:
        return Problem(path, MESSAGES["nearest"], params={"nearest": by_small[near[0]]})
    return Problem(path, MESSAGES["extra_forbidden"], params={"known": ", ".join(known)})


def _number(path: str, way: tuple[str, ...], given: str, reason: str) -> Problem:
    found = field_at(way)
    if found is None:
        return Problem(path, NO_RANGE, given, {"reason": reason})
    bounds = ("ge", "gt", "le")
    limits = {name: getattr(mark, name) for mark in found.metadata for name in bounds if hasattr(mark, name)}
    code = "integer" if found.annotation is int else "number"
    least = limits.get("ge", limits.get("gt"))
    if least is None or "le" not in limits:
        return Problem(path, MESSAGES[code], given)
    code += "_above" if "gt" in limits and code == "number" else "_range"
    return Problem(path, MESSAGES[code], given, {"least": f"{least:.12g}", "most": f"{limits['le']:.12g}"})


def _given(way: tuple[str, ...], value: Any) -> str:
    if way[-1:] == ("command",) and isinstance(value, str) and holds_key(value):
        return ""
    if is_secret(way) or not isinstance(value, str | int | float | bool | None):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_GIVEN else text[: LONGEST_GIVEN - 1] + "…"
