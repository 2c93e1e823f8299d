"""Series selectors in Prometheus' syntax: ``name``, ``name{a="b",c=~"re",d!="x",e!~"re"}``, ``{a="b"}``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from metrics.series import SeriesInfo

MAX_LENGTH = 1000
MAX_ANSWERS = 1000
"""Selectors whose series are remembered until the series change."""
MOST_REPEATS = MOST_GROUPS = 3
_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*")
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(,|\})')
_LETTERS = re.compile(r"\\.|\[\^?\]?[^\]]*\]", re.DOTALL)
"""What stands for one letter of a pattern: an escape, a class."""
_COSTLY = re.compile(r"\)[*+?{]|\(\?(?!:|i\))")
"""A repeated group, and what begins with (? but for (?: and (?i)."""
_ESCAPES = {"n": "\n", "\\": "\\", '"': '"'}


@dataclass(frozen=True, slots=True)
class Selector:
    """A parsed selector. A label that a series does not have counts as the empty string."""

    name: str
    equal: tuple[tuple[str, str], ...] = ()
    unequal: tuple[tuple[str, str], ...] = ()
    like: tuple[tuple[str, re.Pattern[str]], ...] = ()
    unlike: tuple[tuple[str, re.Pattern[str]], ...] = ()

    def matches(self, info: SeriesInfo) -> bool:
        """True when the series is meant."""
        if self.name and info.name != self.name:
            return False
        if not (self.equal or self.unequal or self.like or self.unlike):
            return True
        labels = dict(info.labels)
        return (
            all(labels.get(name, "") == value for name, value in self.equal)
            and all(labels.get(name, "") != value for name, value in self.unequal)
            and all(pattern.fullmatch(labels.get(name, "")) for name, pattern in self.like)
            and not any(pattern.fullmatch(labels.get(name, "")) for name, pattern in self.unlike)
        )


@lru_cache(maxsize=512)
def parse_selector(text: str) -> Selector:
    """The selector that ``text`` spells; regular expressions match whole values, as in Prometheus.

    Raises:
        ValueError: it is none; the message says what was given and what is wrong.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a selector has at most {MAX_LENGTH} characters; {text[:40]!r}... has {len(text)}")
    found = _NAME.match(text)
    name, at = (found[1] or "", found.end()) if found else ("", 0)
    if at == len(text) and name:
        return Selector(name)
    if at == len(text) or text[at] != "{":
        raise ValueError(f'selector {text!r}: expected name or name{{label="value"}}, wrong at {text[at:]!r}')
    at += 1
    parts: dict[str, list[tuple[str, str]]] = {"=": [], "!=": [], "=~": [], "!~": []}
    closed = text[at:].strip() == "}"
    if closed:
        at = len(text)
    while not closed:
        pair = _MATCHER.match(text, at)
        if pair is None:
            raise ValueError(f'selector {text!r}: expected label="value" (or != =~ !~), wrong at {text[at:]!r}')
        value = re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), pair[3])
        parts[pair[2]].append((pair[1], value))
        at, closed = pair.end(), pair[4] == "}"
    if text[at:].strip():
        raise ValueError(f"selector {text!r}: nothing may follow the closing brace, found {text[at:]!r}")
    if not name and not any(parts.values()):
        raise ValueError(f"selector {text!r} would match every series; give a name or a label")
    return Selector(name, tuple(parts["="]), tuple(parts["!="]), _patterns(text, parts["=~"]),
                    _patterns(text, parts["!~"]))


def _affordable(pattern: str) -> bool:
    """False for a regular expression that could keep Python's backtracking matcher, and with it the whole process,
    busy for years: repeated groups, and more groups or repetitions than a choice of names needs."""
    plain = _LETTERS.sub("x", pattern)
    repeats = len(re.findall(r"(?<!\()[*+?{]", plain))
    return not _COSTLY.search(plain) and repeats <= MOST_REPEATS and plain.count("(") <= MOST_GROUPS


def _patterns(text: str, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    if not all(_affordable(value) for _, value in pairs):
        raise ValueError(
            f"selector {text!r}: a regular expression may hold {MOST_GROUPS} groups and {MOST_REPEATS} repetitions, "
            "and no repeated group"
        )
    try:
        return tuple((name, re.compile(value)) for name, value in pairs)
    except re.error as error:
        raise ValueError(f"selector {text!r}: not a regular expression: {error}") from None


class _Known:
    """The series of some sources by key and by name, and the answers to selectors asked before."""

    def __init__(self, sources: tuple[Mapping[int, SeriesInfo], ...]) -> None:
        self.sources = sources
        self.series: dict[str, SeriesInfo] = {}
        for source in sources:
            for info in source.values():
                self.series.setdefault(info.key, info)
        self._by_name: dict[str, list[tuple[str, SeriesInfo]]] = {}
        for key, info in self.series.items():
            self._by_name.setdefault(info.name, []).append((key, info))
        self._answers: dict[str, list[tuple[str, SeriesInfo]]] = {}

    def meant_by(self, text: str) -> list[tuple[str, SeriesInfo]]:
        """Key and description of each series that a selector means."""
        found = self._answers.get(text)
        if found is None:
            selector = parse_selector(text)
            candidates = self._by_name.get(selector.name, []) if selector.name else list(self.series.items())
            found = [pair for pair in candidates if selector.matches(pair[1])]
            if len(self._answers) < MAX_ANSWERS:
                self._answers[text] = found
        return found


class Catalogue:
    """Series of several sources by name, made once per change of a source."""

    def __init__(self) -> None:
        self._known = _Known(())

    def match(self, matchers: Iterable[str] | None, *sources: Mapping[int, SeriesInfo]) -> list[SeriesInfo]:
        """The series meant by any of ``matchers`` (None: all), each once, in the order of the matchers, then of the
        sources. Of one series in two sources the first source's description counts.

        Raises:
            ValueError: a matcher is not a selector.
        """
        known = self._known
        # A source hands out the same mapping until it changes.
        if len(sources) != len(known.sources) or any(a is not b for a, b in zip(sources, known.sources, strict=True)):
            known = self._known = _Known(sources)
        if matchers is None:
            return list(known.series.values())
        found: dict[str, SeriesInfo] = {}
        for text in matchers:
            for key, info in known.meant_by(text):
                found.setdefault(key, info)
        return list(found.values())
