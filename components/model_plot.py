"""Small still charts of lines and dots: an SVG that stretches with its place, words beside it that do not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dash import html

from components.attrs import attrs
from components.svg import Svg, path

SIZE = 1000
"""Width and height of the drawing, in its own units."""
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """From ``low`` to ``high``; what lies outside is drawn at the edge. ``words`` tell a value."""

    low: float
    high: float
    words: Callable[[float], str]
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value lies: 0 at ``low``, 1 at ``high``."""
        low, high, value = (math.log(max(v, 1e-9)) for v in (self.low, self.high, value)) if self.log else (
            self.low, self.high, value)
        return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5

    def ticks(self, most: int = 5) -> list[float]:
        """Round values within, ``most`` at most."""
        if self.log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            found: list[float] = []
            for steps in ((1, 2, 5), (1, 3), (1,)):
                found = [
                    value for power in range(first, last + 1) for step in steps
                    if self.low <= (value := step * 10.0**power) <= self.high
                ]
                if len(found) <= most:
                    break
            return found[:: -(-len(found) // most)] if found else []
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        rough = span / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough)
        begin = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(begin, int(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Part:
    """A line, or dots, of a class of its own; ``words`` stand in the legend, none where they are empty."""

    points: Points
    css: str
    words: str = ""
    dots: bool = False


def plot(parts: Sequence[Part], x: Axis, y: Axis, label: str) -> html.Figure:
    """The chart. ``label`` says in words what it shows."""
    grid = [
        path(f"M0 {_up(y.place(value)):.1f}H{SIZE}", className="mini-grid", vectorEffect="non-scaling-stroke")
        for value in y.ticks()
    ]
    drawn = [
        path(_dots(part.points, x, y) if part.dots else _line(part.points, x, y),
             className=f"{'mini-dots' if part.dots else 'mini-line'} {part.css}", vectorEffect="non-scaling-stroke")
        for part in parts if part.points
    ]
    marks = [
        *(html.Span(_words(x, value), className="mini-x num", style={"left": f"{x.place(value) * 100:.1f}%"})
          for value in x.ticks()),
        *(html.Span(_words(y, value), className="mini-y num", style={"bottom": f"{y.place(value) * 100:.1f}%"})
          for value in y.ticks()),
    ]
    legend = [
        html.Span([html.Span(className=f"mini-swatch {part.css}"), part.words])
        for part in parts if part.words and part.points
    ]
    return html.Figure(
        [
            html.Figcaption(legend, className="mini-legend"),
            html.Div([
                Svg("svg", [*grid, *drawn], {
                    "className": "mini-svg", "viewBox": f"0 0 {SIZE} {SIZE}", "preserveAspectRatio": "none",
                    "aria-hidden": "true",
                }),
                *marks,
            ], className="mini-area", role="img", **attrs(aria_label=label)),
        ],
        className="mini-plot",
    )


def _words(axis: Axis, value: float) -> str:
    return axis.words(value) if value else "0"


def _up(share: float) -> float:
    return SIZE * (1 - share)


def _line(points: Points, x: Axis, y: Axis) -> str:
    return "".join(
        f"{'L' if n else 'M'}{x.place(a) * SIZE:.1f} {_up(y.place(b)):.1f}" for n, (a, b) in enumerate(points)
    )


def _dots(points: Points, x: Axis, y: Axis) -> str:
    """Lines of no length, whose round ends stay round however the drawing is stretched."""
    return "".join(f"M{x.place(a) * SIZE:.1f} {_up(y.place(b)):.1f}h0" for a, b in points)
