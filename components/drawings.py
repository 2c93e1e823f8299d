"""Drawings: charts that people make themselves, spelled as text.

A drawing's text is its chart id behind ``q:``, part of addresses, saved views and embed links::

    drawing   = selector ("," selector)* option*
    option    = "!" kind | "!" aggregate ["=" label ("," label)*] | "!rate" | "!" span | "!vs=" selector
    kind      = "area" | "bars" | "heat" | "hist" | "hours" | "buckets" | "quantiles" | "shares"   (none of them: lines)
    aggregate = "mean" | "sum" | "min" | "max" | "p95"                           (over all series, or by labels)
    span      = "before" | "day" | "week"                                        (compared with)

A selector is Prometheus' (`storage.selector`); a value of letters, digits and ``_ . / : -`` needs no quotes here.
Several drawings are separated by ``;``. Example: ``cpu_core_usage_ratio{core=~"0|1"}!area;gpu_power_watts!mean!week``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast, get_args

from components import drawing_words
from components.chartspecs import ChartKind, ChartSpec

Kind = Literal["lines", "area", "bars", "heat", "hist", "hours", "buckets", "quantiles", "shares"]
Aggregate = Literal["", "mean", "sum", "min", "max", "p95"]
Span = Literal["", "before", "day", "week"]
PREFIX = "q:"
MOST_CHARTS, MOST_SELECTORS, LONGEST = 24, 12, 2000
SPANS: dict[Span, int] = {"before": 0, "day": 86_400, "week": 604_800}
"""Seconds by which the window compared with lies earlier; 0 is the window's own length."""
HEIGHT = 260
_KINDS: dict[Kind, ChartKind] = {
    "lines": "lines", "area": "stacked", "bars": "columns", "heat": "heatmap", "hist": "histogram", "hours": "hours",
    "buckets": "buckets", "quantiles": "quantiles", "shares": "shares",
}
_SHORT = re.compile(r'(=~|!~|!=|=)\s*"([A-Za-z0-9_./:-]+)"(?=\s*[,}])')
_LONG = re.compile(r'(=~|!~|!=|=)\s*([A-Za-z0-9_./:-]+)(?=\s*[,}])')
_STRING = re.compile(r'("(?:[^"\\]|\\.)*")')
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn, and how. ``selectors`` are in full Prometheus spelling."""

    selectors: tuple[str, ...]
    kind: Kind = "lines"
    aggregate: Aggregate = ""
    by: tuple[str, ...] = ()
    rate: bool = False
    span: Span = ""
    versus: str = ""
    """A selector to compare with, in full; empty when there is none."""

    @property
    def text(self) -> str:
        """Its one spelling, shortest."""
        options: list[str] = [self.kind] if self.kind != "lines" else []
        if self.aggregate:
            options.append(self.aggregate + ("=" + ",".join(self.by) if self.by else ""))
        if self.rate:
            options.append("rate")
        if self.span:
            options.append(self.span)
        if self.versus:
            options.append("vs=" + shorten(self.versus))
        return "!".join([",".join(shorten(s) for s in self.selectors), *options])

    @property
    def id(self) -> str:
        """The id of its chart."""
        return PREFIX + self.text


def shorten(selector: str) -> str:
    """A selector without the quotes it can do without."""
    return _SHORT.sub(r"\1\2", selector)


def lengthen(selector: str) -> str:
    """A selector with the quotes that Prometheus asks for; strings are left as they are."""
    parts = _STRING.split(selector)
    return "".join(part if part.startswith('"') else _LONG.sub(r'\1"\2"', part) for part in parts)


def _spelt(selector: str) -> str:
    """A selector in the one spelling that a drawing holds it in: with quotes, without a space before them."""
    return lengthen(shorten(selector))


def split(text: str, separator: str) -> Iterator[str]:
    """The parts of ``text`` between separators that stand outside quotes and braces."""
    depth, quoted, escaped, begin = 0, False, False, 0
    for place, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            escaped, quoted = char == "\\", char != '"'
        elif char == '"':
            quoted = True
        elif char in "{}":
            depth = max(depth + (1 if char == "{" else -1), 0)
        elif char == separator and not depth:
            yield text[begin:place].strip()
            begin = place + 1
    yield text[begin:].strip()


@lru_cache(maxsize=512)
def parse(text: str) -> Drawing:
    """The drawing that ``text`` spells. Whether its selectors mean anything, the query says.

    Raises:
        ValueError: it is none; the message says what was given and what is allowed.
    """
    if len(text) > LONGEST:
        raise ValueError(f"a drawing has at most {LONGEST} characters; this has {len(text)}")
    head, *options = split(text, "!")
    selectors = tuple(_spelt(s) for s in split(head, ",") if s)
    if not selectors:
        raise ValueError(f"drawing {text!r}: a metric is missing")
    if len(selectors) > MOST_SELECTORS:
        raise ValueError(f"a drawing has at most {MOST_SELECTORS} selectors; this has {len(selectors)}")
    found: dict[str, str] = {}
    by: tuple[str, ...] = ()
    for option in options:
        name, _equals, value = option.partition("=")
        slot = _slot(name, value)
        if slot is None or slot in found:
            raise ValueError(
                f"drawing {text!r}: {option!r} is no option, or the second of its kind; there are "
                f"{', '.join((*list(_KINDS)[1:], *get_args(Aggregate)[1:], 'rate', *SPANS, 'vs=SELECTOR'))}"
            )
        found[slot] = _spelt(value) if slot == "versus" else name
        if slot == "aggregate" and value:
            by = tuple(value.split(","))
            if not all(_LABEL.match(label) for label in by):
                raise ValueError(f"drawing {text!r}: {value!r} are no names of labels")
    return Drawing(
        selectors, cast(Kind, found.get("kind", "lines")), cast(Aggregate, found.get("aggregate", "")), by,
        "rate" in found, cast(Span, found.get("span", "")), found.get("versus", ""),
    )


def _slot(name: str, value: str) -> str | None:
    """Which part of a drawing an option sets; None when it is no option."""
    if name == "vs":
        return "versus" if value else None
    if name in get_args(Aggregate)[1:]:
        return "aggregate"
    if value:
        return None
    if name in _KINDS and name != "lines":
        return "kind"
    if name in SPANS:
        return "span"
    return "rate" if name == "rate" else None


def parse_all(text: str) -> list[Drawing]:
    """The drawings of an address, each once.

    Raises:
        ValueError: one of them is none, or they are too many.
    """
    if len(text) > (most := MOST_CHARTS * (LONGEST + 1)):
        raise ValueError(f"drawings have at most {most} characters together; these have {len(text)}")
    found = {drawing.text: drawing for part in split(text, ";") if part for drawing in (parse(part),)}
    if len(found) > MOST_CHARTS:
        raise ValueError(f"at most {MOST_CHARTS} charts at once; given {len(found)}")
    return list(found.values())


def drawing_of(chart: str) -> Drawing | None:
    """The drawing behind a chart id; None when it is not one."""
    if not chart.startswith(PREFIX):
        return None
    try:
        return parse(chart[len(PREFIX):])
    except ValueError:
        return None


def spec_of(drawing: Drawing) -> ChartSpec:
    """A drawing as a chart: for its panel. Its series are not told by lines, but by its selectors."""
    return ChartSpec(drawing.id, title_of(drawing), _KINDS[drawing.kind], "", "", (), height=HEIGHT)


def title_of(drawing: Drawing) -> str:
    """What a drawing is called, in the viewer's language."""
    return drawing_words.title(drawing)


def as_drawing(spec: ChartSpec) -> Drawing:
    """One of Vigie's own charts as a drawing to go on from."""
    kind: Kind = {"stacked": "area", "heatmap": "heat", "strip": "heat"}.get(spec.kind, "lines")  # type: ignore[assignment]
    return Drawing(tuple(dict.fromkeys(spec.matchers))[:MOST_SELECTORS], kind)
