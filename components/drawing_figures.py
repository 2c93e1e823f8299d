"""Figures of drawings over time: lines with one or two units, stacked areas, columns.

As those of `charts`: plain dicts, times in epoch milliseconds. ``layout.meta`` has besides: ``keys``, the identity of
each trace in the legend (None: not in it); ``fixed``, the value axes are made here and stay; ``axes``, unit and scale
of a second value axis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from flask_babel import gettext as _
from numpy.typing import NDArray

from analysis.frames import align, bucket, reduce_together
from components import charts, metric_words
from components import theme as look
from components.chartmath import close_gaps, plain
from components.charts import Figure, rgba, scale_of, trace_of
from components.chartspecs import ChartSpec
from components.formats import ABSENT
from components.theme import Theme
from metrics.series import Series

MOST_LINES, MOST_AREAS, MOST_BARS = 60, 40, 24
"""Series that one chart shows."""
MOST_POINTS = 60_000
"""Points of one chart, all lines together."""
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds that a column may stand for."""
_STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
RIGHT = 58
"""Pixels of a value axis on the right."""


@dataclass(slots=True)
class Shown:
    """A series with the name and the colour it has in the chart."""

    series: Series
    name: str
    colour: str

    @property
    def key(self) -> str:
        """The identity of the series."""
        return self.series.info.key


@dataclass(slots=True)
class Drawn:
    """A figure, what is shown in it, and one sentence on what is not (empty when all is)."""

    figure: Figure
    shown: list[Shown]
    problem: str = ""
    text: str = ""
    """What who does not see the chart hears."""
    whole: list[Shown] = field(default_factory=list)
    """For the statistics: what is computed, such as an aggregate or a difference, with all its values."""


def named(series: Sequence[Series], theme: Theme, single: str = "", by: Sequence[str] = ()) -> list[Shown]:
    """Series with names that tell them apart, in the order people count, each with its colour."""
    names = metric_words.legends([s.info for s in series], single, by)
    order = sorted(range(len(series)), key=lambda i: charts.natural(names[i]))
    palette = look.SERIES[theme]
    return [Shown(series[i], names[i], palette[place % len(palette)]) for place, i in enumerate(order)]


def nice(value: float) -> float:
    """The round number at or above a positive value, as the page's script rounds its axes."""
    size = float(10.0 ** np.floor(np.log10(value)))
    return next(s for s in _STEPS if s * size >= value * 0.9999) * size


def extent(series: Sequence[Series]) -> tuple[float, float]:
    """Least and greatest value of all; (0, 0) where there is none."""
    parts = [s.value[~np.isnan(s.value)] for s in series]
    parts = [p for p in parts if p.size]
    if not parts:
        return 0.0, 0.0
    return float(min(p.min() for p in parts)), float(max(p.max() for p in parts))


def span_of_axis(low: float, high: float, unit: str) -> list[float]:
    """The range of a value axis, display units: from 0 where all is positive; close around temperatures."""
    if unit == "celsius":
        return [float(np.floor((low - 3) / 10) * 10), float(np.ceil((high + 3) / 10) * 10)]
    top, bottom = (nice(v * 1.06) if v > 1e-12 else 0.0 for v in (high, -low))
    return [-bottom, top] if top or bottom else [0.0, 1.0]


def pieces(low: float, high: float, count: int) -> tuple[float, float, float]:
    """Equal, round pieces that hold a range: where they begin, where they end, how long each is."""
    size = float(10.0 ** np.floor(np.log10((high - low) / count * 0.9999)))
    for length in (step * scale for scale in (size, size * 10) for step in (1, 2, 2.5, 5)):
        begin = float(np.floor(low / length + 1e-6)) * length
        if begin + count * length >= high - length * 1e-6:
            break
    return begin, begin + count * length, length


def ruled_alike(*ranges: Sequence[float]) -> list[Figure]:
    """Value axes of as many round pieces each, so that one grid is that of all; of 3 to 6 those that fill them best."""
    def filled(count: int) -> float:
        return float(np.prod([(high - low) / (count * pieces(low, high, count)[2]) for low, high in ranges]))

    count = max((4, 5, 3, 6), key=filled)
    return [
        {"range": [low, high], "autorange": False, "tickmode": "linear", "tick0": low, "dtick": length}
        for low, high, length in (pieces(low, high, count) for low, high in ranges)
    ]


def crowded(shown: list[Shown], most: int) -> tuple[list[Shown], str]:
    """The series that a chart has room for, those with the highest values, and what is said of the others."""
    if len(shown) <= most:
        return shown, ""
    tops = {id(s): extent([s.series])[1] for s in shown}
    kept = {id(s) for s in sorted(shown, key=lambda s: -tops[id(s)])[:most]}
    return [s for s in shown if id(s) in kept], _(
        "The %(most)s highest of %(count)s series are drawn. A heatmap or an aggregate shows them all.",
        most=most, count=len(shown),
    )


def hover(scale: tuple[float, str], high: float) -> str:
    """The words under the pointer, with as many decimals as the height asks for."""
    size = abs(high) * scale[0]
    return f"%{{y:.{0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 0.5 else 4}f}}{scale[1]}"


def layout(
    spec: ChartSpec, unit: str, scale: tuple[float, str], start: float, end: float, theme: Theme, step: float,
    keys: Sequence[str | None], live: bool = False,
) -> Figure:
    """The layout that drawings over time share."""
    own = keys if live else [None] * len(keys)
    drawn = charts.layout(replace(spec, unit=unit), start, end, theme, scale, step, own)
    drawn["meta"] |= {"keys": list(keys), "extend": live, "fixed": not live}
    return drawn


def second_axis(base: Figure, scale: tuple[float, str], theme: Theme, **more: Any) -> Figure:
    """A value axis like the first with its own unit."""
    own = {k: v for k, v in base.items() if k not in ("range", "autorange", "tick0", "dtick")}
    return own | {"ticksuffix": scale[1], "tickfont": {"size": 11, "color": look.TOKENS[theme]["muted"]}} | more


def lines(
    spec: ChartSpec, shown: list[Shown], start: float, end: float, theme: Theme = "dark", step: float = 1.0,
    live: bool = True,
) -> Drawn:
    """Lines over time; series of the second most common unit belong to a second value axis on the right.

    Further units have no axis: their series are left out, and ``problem`` says so.
    """
    units = [u for u, _n in Counter(s.series.info.unit for s in shown).most_common()]
    left_out = [s.name for s in shown if s.series.info.unit in units[2:]]
    shown, problem = crowded([s for s in shown if s.series.info.unit in units[:2]], MOST_LINES)
    if left_out:
        problem = _("A chart has two value axes; not drawn: %(names)s.", names=", ".join(left_out[:4]))
    units = units[:2]
    scales, axes = {}, {}
    for unit in units:
        low, high = extent([s.series for s in shown if s.series.info.unit == unit])
        scales[unit] = scale_of(unit, max(abs(low), abs(high)))
        axes[unit] = span_of_axis(low * scales[unit][0], high * scales[unit][0], unit)
    live = live and len(units) == 1 and axes[units[0]][0] >= 0
    data, alone = [], len(shown) == 1
    for one in shown:
        series, scale = one.series, scales[one.series.info.unit]
        second = len(units) > 1 and series.info.unit == units[1]
        x, words = series.t.tolist(), hover(scale, extent([series])[1])
        trace = trace_of(x, plain(series.value, scale[0]), one.name, one.colour, words)
        trace |= {"yaxis": "y2"} if second else {}
        if alone:
            trace["line"]["width"] = 2
        if len(shown) > 20:
            trace["line"]["width"], trace["opacity"] = 1, 0.8
        if int(np.count_nonzero(~np.isnan(series.value))) <= 2:
            trace |= {"mode": "lines+markers", "marker": {"size": 4}}  # a lone point makes no line
        data.append(trace)
    keys: list[str | None] = [one.key for one in shown]
    if alone and not len(units) > 1:
        band = _band(shown[0], scales[units[0]])
        data, keys = [*band, *data], [*[None] * len(band), *keys]
    drawn = layout(spec, units[0], scales[units[0]], start, end, theme, step, keys, live)
    if not live:
        drawn["yaxis"] |= {"range": axes[units[0]], "autorange": False}
    if len(units) > 1:
        scale = scales[units[1]]
        left, right = ruled_alike(axes[units[0]], axes[units[1]])
        drawn["yaxis"] |= left
        drawn["yaxis2"] = second_axis(
            drawn["yaxis"], scale, theme, side="right", overlaying="y", showgrid=False, **right,
        )
        drawn["margin"] = {**drawn["margin"], "r": RIGHT + 7 * max(0, len(scale[1]) - 6)}
        drawn["meta"]["axes"] = {"y2": {"unit": units[1], "scale": scale[0], "suffix": scale[1]}}
    return Drawn({"data": data, "layout": drawn}, shown, problem)


def _band(one: Shown, scale: tuple[float, str]) -> list[Figure]:
    """Of rollups, the faint band from the lowest sample of each step to its highest."""
    if one.series.low is None or one.series.high is None:
        return []
    x, found = one.series.t.tolist(), []
    for bound, fill in ((one.series.low, "none"), (one.series.high, "tonexty")):
        edge = trace_of(x, plain(bound, scale[0]), one.name, one.colour, "")
        edge |= {"hoverinfo": "skip", "hovertemplate": None, "fill": fill, "fillcolor": rgba(one.colour, 0.16)}
        edge["line"] = {"width": 0, "color": one.colour}
        found.append(edge)
    return found


def one_unit(shown: Sequence[Shown]) -> str | None:
    """The unit of all series; None when they have several."""
    units = {s.series.info.unit for s in shown}
    return units.pop() if len(units) == 1 else None


def area(
    spec: ChartSpec, shown: list[Shown], start: float, end: float, theme: Theme = "dark", step: float = 1.0,
    points: int = 1200, live: bool = True,
) -> Drawn:
    """Areas one upon the other, the first at the bottom, all of one unit; the last trace is the line of their sum."""
    shown, problem = crowded(shown, MOST_AREAS)
    unit = shown[0].series.info.unit
    t, values = align([s.series for s in shown])
    t, values = reduce_together(t, values, min(points, MOST_POINTS // len(shown)))
    t, values, holes = close_gaps(t, values)
    total = np.nansum(values, axis=0) if values.size else np.zeros(0)
    high = float(total.max(initial=0.0))
    scale = scale_of(unit, high)
    x, words, data = t.tolist(), hover(scale, high), []
    for one, row in zip(shown, values, strict=True):
        trace = trace_of(x, plain(row, scale[0]), one.name, one.colour, words)
        trace |= {"stackgroup": "one", "fillcolor": rgba(one.colour, 0.75)}
        trace["line"]["width"] = 0
        if holes:
            trace["hovertemplate"] = [words] * len(x)
            for place in holes:
                trace["hovertemplate"][place] = ABSENT
        data.append(trace)
    rim = plain(total, scale[0])
    for place in holes:
        rim[place] = None
    # The sum is no layer's: in the colour of the uppermost, which may well be 0, all would look like that one.
    colour = shown[0].colour if len(shown) == 1 else look.TOKENS[theme]["muted"]
    data.append({**trace_of(x, rim, "", colour, ""), "hoverinfo": "skip", "hovertemplate": None})
    data[-1]["line"]["width"] = 0.75
    drawn = layout(spec, unit, scale, start, end, theme, step, [*[s.key for s in shown], None], live)
    if not live:
        drawn["yaxis"] |= {"range": span_of_axis(0, high * scale[0], unit), "autorange": False}
    return Drawn({"data": data, "layout": drawn}, shown, problem)


def column_width(span: float, step: float, columns: int) -> float:
    """The round number of seconds that makes at most ``columns`` of ``span`` seconds, none shorter than ``step``."""
    least = max(span / max(columns, 1), step)
    return float(next((w for w in WIDTHS if w >= least * 0.999), np.ceil(least / 86_400) * 86_400))


def columns(
    spec: ChartSpec, shown: list[Shown], start: float, end: float, theme: Theme = "dark", step: float = 1.0,
    points: int = 1200,
) -> Drawn:
    """Bars over time, side by side, each the mean of a round piece of time; all of one unit."""
    shown, problem = crowded(shown, MOST_BARS)
    unit = shown[0].series.info.unit
    width = column_width(end - start, step, max(12, min(points // 14, 90) // max(1, len(shown) // 2)))
    t, grid = bucket([s.series for s in shown], start, end, width)
    low, high = _extent_of(grid)
    scale = scale_of(unit, max(abs(low), abs(high)))
    x, words = t.tolist(), hover(scale, high)
    data: list[Figure] = [
        {"type": "bar", "x": x, "y": plain(row, scale[0]), "name": one.name, "hovertemplate": words,
         "marker": {"color": one.colour, "line": {"width": 0}}}
        for one, row in zip(shown, grid, strict=True)
    ]
    drawn = layout(spec, unit, scale, start, end, theme, width, [s.key for s in shown])
    drawn |= {"barmode": "group", "bargap": 0.18 if len(shown) == 1 else 0.12, "bargroupgap": 0}
    drawn["yaxis"] |= {"range": span_of_axis(min(low, 0) * scale[0], high * scale[0], unit if low < 0 else ""),
                       "autorange": False}
    return Drawn({"data": data, "layout": drawn}, shown, problem)


def _extent_of(grid: NDArray[np.float64]) -> tuple[float, float]:
    there = grid[~np.isnan(grid)]
    return (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
