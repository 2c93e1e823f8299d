"""Templates that an admin writes: Jinja without anything that could leave its cage, take long, or grow large.

A template gets texts and lists of them. It may loop (two loops deep), compare and use a few filters; it may call
nothing, keep nothing, and reach into no object.
"""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError, TemplateError, TemplateSyntaxError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 10_000
"""Characters of what a template makes."""
SECONDS = 1.0
DEEPEST = 2
FILTERS = (
    "upper", "lower", "title", "capitalize", "trim", "default", "d", "length", "count", "first", "last", "round", "int",
    "float", "abs", "truncate", "escape", "e", "selectattr", "rejectattr", "map", "list",
)
TESTS = ("defined", "undefined", "none", "equalto", "eq", "ne", "lt", "le", "gt", "ge", "in", "string", "number")
ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.CondExpr, nodes.Name, nodes.Const,
    nodes.List, nodes.Tuple, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.Keyword, nodes.Not,
    nodes.And, nodes.Or, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
    nodes.Concat, nodes.Getattr, nodes.Getitem, nodes.Slice,
)
"""What a template may be made of: no calls, no macros, no includes, and no variables, by which a text could double."""


class TemplateProblem(Exception):
    """A template cannot be used: in which line, and why."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


class _Cage(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.filters["join"] = _join
        self.tests = {name: self.tests[name] for name in TESTS}

    def call(self, *_args: Any, **_kwargs: Any) -> Any:
        raise SecurityError("a template calls nothing")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, int | float) and isinstance(right, int | float) and operator != "**":
            return super().call_binop(context, operator, left, right)
        raise SecurityError(f"{operator} is for numbers, and no powers")

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and not attribute.startswith("_"):
            return getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        if isinstance(obj, str | list | tuple):
            try:
                return obj[argument]
            except (IndexError, TypeError):
                return self.undefined(obj=obj, name=str(argument))
        return self.undefined(obj=obj, name=str(argument))


def render(source: str, values: Mapping[str, Any]) -> str:
    """What ``source`` makes of ``values``; values that are missing are errors.

    Raises:
        TemplateProblem: it is no template, does what it must not, takes too long or makes too much.
    """
    cage = _Cage()
    try:
        _check(cage.parse(source), 0)
        made, size, end = [], 0, time.monotonic() + SECONDS
        for piece in cage.from_string(source).generate(**values):
            made.append(piece)
            size += len(piece)
            if size > LONGEST:
                raise TemplateProblem(f"makes more than {LONGEST} characters", None)
            if time.monotonic() > end:
                raise TemplateProblem("takes too long", None)
    except TemplateSyntaxError as error:
        raise TemplateProblem(_sentence(error), error.lineno) from None
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, MemoryError,
            RecursionError) as error:
        raise TemplateProblem(_sentence(error), _line(error)) from None
    return "".join(made)


def _check(node: nodes.Node, depth: int) -> None:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.For) and (depth >= DEEPEST or child.recursive):
            raise TemplateProblem(f"has loops more than {DEEPEST} deep", child.lineno)
        if not isinstance(child, ALLOWED):
            words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(child).__name__).lower()
            raise TemplateProblem(f"a template does not use {words}", child.lineno)
        _check(child, depth + isinstance(child, nodes.For))


def _join(found: Any, between: str = "", attribute: str | None = None) -> str:
    """Jinja's ``join``, of lists and up to a bound."""
    if isinstance(found, str):
        raise SecurityError("join is for lists")
    texts = [str(one[attribute] if attribute else one) for one in found]
    if sum(map(len, texts)) + len(between) * len(texts) > LONGEST:
        raise SecurityError(f"makes more than {LONGEST} characters")
    return between.join(texts)


def _sentence(error: Exception) -> str:
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    return text.replace("'dict object' has no attribute", "there is no").replace("is undefined", "is not known")[:300]


def _line(error: Exception) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] if lines else None


