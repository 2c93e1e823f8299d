"""The small charts of What else moved?: plain SVG, made here, coloured by the theme's rules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analysis.moved import Move
from analysis.moved_plan import Plan
from components.svg import Svg, path
from metrics.series import Series

WIDTH, HEIGHT = 300.0, 76.0
POINTS = 240
BEFORE, BEHIND = 4.0, 0.5
"""Windows of past and of what came after that a small chart shows."""


def span_of(plan: Plan, now: float) -> tuple[float, float]:
    """What the small charts show: some of the past, the window, and a little of what came after."""
    length = plan.end - plan.start
    return max(plan.past, plan.start - BEFORE * length), min(plan.end + BEHIND * length, max(now, plan.end))


def spark(series: Series | None, move: Move, plan: Plan, now: float) -> Svg:
    """A small chart: the line, the window shaded, and the range of its past where its level tells."""
    begin, end = span_of(plan, now)
    across = lambda at: WIDTH * (at - begin) / max(end - begin, 1e-9)  # noqa: E731 - one word for a scale
    shade = {
        "x": f"{across(plan.start):.1f}", "y": "0", "width": f"{across(plan.end) - across(plan.start):.1f}",
        "height": f"{HEIGHT:.0f}", "className": "move-shade",
    }
    parts: list[Any] = [Svg("rect", attrs=shade)]
    if series is not None and series.t.size and not np.isnan(series.value).all():
        low, high = _range(series, move)
        up = lambda value: HEIGHT - 4 - (HEIGHT - 8) * (value - low) / (high - low)  # noqa: E731 - as above
        if move.reason == "level":
            parts.append(Svg("rect", attrs={
                "x": "0", "width": f"{WIDTH:.0f}", "y": f"{up(move.high):.1f}",
                "height": f"{max(up(move.low) - up(move.high), 1):.1f}", "className": "move-usual",
            }))
        if series.low is not None and series.high is not None:
            edges = [_line(series.t, series.high, across, up), _line(series.t[::-1], series.low[::-1], across, up)]
            if not np.isnan(series.low).any():
                parts.append(path(edges[0] + "L" + edges[1][1:] + "Z", className="move-span"))
        parts.append(path(_line(series.t, series.value, across, up), className="move-line",
                          vectorEffect="non-scaling-stroke"))
    return Svg("svg", parts, {
        "className": "move-spark", "viewBox": f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", "preserveAspectRatio": "none",
        "aria-hidden": "true",
    })


def _range(series: Series, move: Move) -> tuple[float, float]:
    """Values at the bottom and the top: a line that hardly moves lies in the middle."""
    columns = [c for c in (series.value, series.low, series.high) if c is not None]
    values = [float(np.nanmin(c)) for c in columns] + [float(np.nanmax(c)) for c in columns]
    values += [v for v in (move.low, move.high) if move.reason == "level" and math.isfinite(v)]
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-12):
        return low - 1, high + 1
    return low, high


def _line(t: Any, value: Any, across: Any, up: Any) -> str:
    out, pen = [], "M"
    for at, y in zip(t.tolist(), value.tolist(), strict=True):
        if y != y:
            pen = "M"
            continue
        out.append(f"{pen}{across(at / 1000):.1f} {up(y):.1f}")
        pen = "L"
    return "".join(out)
