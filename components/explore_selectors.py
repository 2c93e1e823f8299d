"""A selector as a name and what it asks of labels, so that a value can be ticked on and off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, replace

from metrics.metric import escape

_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*")
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*,?')
_UNESCAPED = {"n": "\n"}
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_BRANCH = re.compile(r"((?:[^|\\]|\\.)+)(?:\||\Z)")


@dataclass(frozen=True, slots=True)
class Matcher:
    """What is asked of one label; ``value`` is as a person means it, without the escapes of a string."""

    label: str
    op: str
    value: str

    @property
    def values(self) -> list[str] | None:
        """The values it lets pass, when it is a choice of some; None when it is anything else."""
        if self.op == "=":
            return [self.value]
        if self.op != "=~":
            return None
        branches = _BRANCH.findall(self.value)
        if not branches or "|".join(branches) != self.value:
            return None
        plain = [re.sub(r"\\(.)", r"\1", branch) for branch in branches]
        return plain if all(_literal(p) == b for p, b in zip(plain, branches, strict=True)) else None


@dataclass(frozen=True, slots=True)
class Parts:
    """A selector taken apart."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    @property
    def text(self) -> str:
        """The selector, in full spelling."""
        inner = ",".join(f'{m.label}{m.op}"{escape(m.value)}"' for m in self.matchers)
        return f"{self.name}{{{inner}}}" if inner else self.name

    def values(self, label: str) -> list[str]:
        """The values of ``label`` that are chosen; none when it is not narrowed down to some."""
        return next((v for m in self.matchers if m.label == label and (v := m.values) is not None), [])

    def toggled(self, label: str, value: str) -> Parts:
        """With ``value`` of ``label`` let pass as well, or no longer; nothing chosen is everything."""
        chosen = self.values(label)
        chosen = [v for v in chosen if v != value] if value in chosen else [*chosen, value]
        kept = tuple(m for m in self.matchers if m.label != label or m.values is None)
        if not chosen:
            return replace(self, matchers=kept)
        made = Matcher(label, "=", chosen[0]) if len(chosen) == 1 else Matcher(
            label, "=~", "|".join(_literal(v) for v in chosen)
        )
        return replace(self, matchers=(*kept, made))

    def without(self, label: str) -> Parts:
        """Asking nothing of ``label``."""
        return replace(self, matchers=tuple(m for m in self.matchers if m.label != label))


def _literal(value: str) -> str:
    """A regular expression that means exactly ``value``."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], value)


def take_apart(selector: str) -> Parts | None:
    """The parts of a selector in full spelling; None when it is not understood."""
    found = _NAME.match(selector)
    name, at = (found[1] or "", found.end()) if found else ("", 0)
    if at == len(selector):
        return Parts(name) if name else None
    if selector[at] != "{" or not selector.rstrip().endswith("}"):
        return None
    inner, matchers, at = selector[at + 1:].rstrip()[:-1], [], 0
    while inner[at:].strip():
        pair = _MATCHER.match(inner, at)
        if pair is None:
            return None
        value = re.sub(r"\\(.)", lambda e: _UNESCAPED.get(e[1], e[1]), pair[3])
        matchers.append(Matcher(pair[1], pair[2], value))
        at = pair.end()
    return Parts(name, tuple(matchers)) if name or matchers else None


def rates_of(selector: str) -> list[Parts]:
    """The rates that may be kept in place of a counter, in the order of preference; none of what is no counter."""
    parts = take_apart(selector)
    if parts is None or not parts.name.endswith("_total"):
        return []
    stem = parts.name.removesuffix("_total")
    return [replace(parts, name=name) for name in (stem + "_per_second", stem.removesuffix("_seconds") + "_ratio")]


def kept(selectors: Iterable[str], find: Callable[[list[str]], Sized]) -> tuple[list[str], frozenset[str]]:
    """Selectors with the names of counters replaced by those of their rates, which is what is kept of them; and these
    rates. ``find`` gives the series that selectors mean."""
    found, rates = [], set()
    for selector in selectors:
        parts, choice = take_apart(selector), rates_of(selector)
        if parts is not None and choice and not find([parts.name]):
            rate = next((one for one in choice if find([one.name])), None)
            if rate is not None:
                rates.add(rate.name)
                selector = rate.text
        found.append(selector)
    return found, frozenset(rates)
