"""Plotly figures as plain dicts, from series: lines, stacked areas, bars and heatmaps.

Never `go.Figure`, whose validation costs 70 ms and more for what is 0.1 ms here. Data are lists (Plotly cannot extend
encoded arrays), x is epoch milliseconds UTC (the page's script shifts it to the viewer's zone, Plotly knows no
zones), absent values are None and break the line. ``layout.meta`` tells the script how to go on from there:
``chart``, ``kind``, ``unit``, ``scale`` (display unit per base unit), ``step`` seconds, ``series``: the key of each
trace in order, None for traces that live values do not extend; ``timed``: x is time; ``extend``: live values go into
it, else it is asked for anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flask_babel import gettext

from analysis.frames import align, bucket, reduce_together
from components import theme as look
from components.chartmath import close_gaps, plain
from components.chartspecs import ChartSpec, Line
from components.formats import ABSENT, byte_units, human
from components.theme import Theme
from metrics.series import Series, SeriesInfo

Figure = dict[str, Any]
MARGIN = {"l": 58, "r": 10, "t": 12, "b": 24, "pad": 0}
COLUMNS = 240
"""Most columns of a heatmap: more cells than that are thinner than the eye sees and slow to draw."""
_DAY = 86_400_000


def scales(unit: str) -> list[tuple[float, str]]:
    """Display units of a base unit, smallest first: (display units per base unit, suffix with its space)."""
    if unit in ("bytes", "bytes_per_second"):
        per = gettext("/s") if unit == "bytes_per_second" else ""
        return [(1 / 1024**i, f" {name}{per}") for i, name in enumerate(byte_units()[:5])]
    table: dict[str, list[tuple[float, str]]] = {
        "ratio": [(100, " %")], "celsius": [(1, " °C")], "watts": [(1, " W")], "per_second": [(1, f" {gettext('/s')}")],
        "rpm": [(1, f" {gettext('rpm')}")], "hertz": [(1e-6, " MHz"), (1e-9, " GHz")],
        "seconds": [(1e6, " µs"), (1e3, " ms"), (1, " s")],
    }
    return table.get(unit, [(1, "")])


def scale_of(unit: str, top: float) -> tuple[float, str]:
    """The display unit in which ``top`` (base units) is at least 1, or the smallest: ``(factor, suffix)``."""
    known = scales(unit)
    return next((s for s in reversed(known) if abs(top) * s[0] >= 1), known[0])


def _top(series: Sequence[Series]) -> float:
    tops = [float(np.nanmax(s.value)) for s in series if s.value.size and not np.all(np.isnan(s.value))]
    return max(tops, default=0.0)


def line_of(spec: ChartSpec, info: SeriesInfo) -> Line | None:
    """The line of ``spec`` that ``info`` belongs to."""
    found = dict(info.labels)
    return next(
        (x for x in spec.lines if x.name == info.name and all(found.get(k) == v for k, v in x.where)), None
    )


def label_of(line: Line, info: SeriesInfo) -> str:
    """What the legend calls a series: the line's label with the series' own labels filled in."""
    text = str(line.label)
    for name, value in info.labels:
        text = text.replace("{" + name + "}", value)
    return text.strip()


def ordered(spec: ChartSpec, series: Sequence[Series]) -> list[tuple[Series, Line, str]]:
    """Series with their line and label, in the order of the spec's lines, then by label as people count (2 < 10)."""
    found = [(s, line, label_of(line, s.info)) for s in series if (line := line_of(spec, s.info)) is not None]
    return sorted(found, key=lambda f: (spec.lines.index(f[1]), natural(f[2])))


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key to sort by as people count: 2 before 10."""
    parts, digits = [], ""
    for char in text + "\0":
        if char.isdigit():
            digits += char
            continue
        if digits:
            parts.append((0, int(digits), ""))
            digits = ""
        parts.append((1, 0, char))
    return parts


def rgba(colour: str, alpha: float) -> str:
    """``#RRGGBB`` with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def layout(
    spec: ChartSpec, start: float, end: float, theme: Theme, scale: tuple[float, str], step: float,
    keys: Sequence[str | None],
) -> Figure:
    """What all charts share: quiet grid, unified hover, horizontal zoom only, time from start to end (epoch s)."""
    colours = look.TOKENS[theme]
    axis = {
        "gridcolor": rgba(colours["line"], 0.55), "zeroline": False, "linecolor": colours["line"],
        "tickfont": {"size": 11, "color": colours["muted"]}, "fixedrange": True, "automargin": False,
    }
    yaxis = {
        **axis, "ticksuffix": scale[1], "rangemode": "tozero", "nticks": 5, "tickformat": "~g", "ticklabelstandoff": 4,
    }
    if spec.top is not None:
        top = spec.top * scale[0]
        yaxis |= {"range": [0, top], "autorange": False, "tick0": 0, "dtick": top / 4}
    span = (end - start) * 1000
    return {
        "autosize": True, "height": spec.height, "showlegend": False,
        # Room for a thousand of a long unit, 1000 KiB/s, and for the many thousands a fan turns.
        "margin": {**MARGIN, "l": MARGIN["l"] + 7 * max(0, len(scale[1]) - (2 if spec.unit == "rpm" else 5))},
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": look.FONT, "size": 12, "color": colours["text"]},
        "hovermode": "x unified", "hoverdistance": -1, "dragmode": "zoom",
        "hoverlabel": {
            "bgcolor": colours["raised"], "bordercolor": colours["line"],
            "font": {"family": look.FONT, "size": 12, "color": colours["text"]}, "namelength": 40,
        },
        "xaxis": {
            **axis, "type": "date", "range": [round(start * 1000), round(end * 1000)], "autorange": False,
            "fixedrange": False, "showgrid": False, "nticks": 6, "ticks": "outside", "ticklen": 4,
            "tickcolor": colours["line"], "tickformat": "%d %b" if span > 3 * _DAY else None,
            "tickformatstops": [
                {"dtickrange": [None, 30_000], "value": "%H:%M:%S"},
                {"dtickrange": [60_000, _DAY - 1], "value": "%H:%M" if span <= 1.5 * _DAY else "%d %b %H:%M"},
                {"dtickrange": [_DAY, None], "value": "%d %b"},
            ],
            "hoverformat": "%H:%M:%S" if span <= _DAY / 4 else "%a %d %b, %H:%M",
            "showspikes": True, "spikemode": "across", "spikethickness": -1, "spikedash": "solid",
            "spikecolor": colours["muted"], "spikesnap": "hovered data",
        },
        "yaxis": yaxis,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": colours["muted"], "activecolor": colours["accent"]},
        "meta": {
            "chart": spec.id, "kind": spec.kind, "unit": spec.unit, "scale": scale[0], "suffix": scale[1],
            "scales": scales(spec.unit), "step": step, "series": list(keys), "digits": spec.digits,
            "top": spec.top, "window": round(end - start), "timed": spec.kind != "bars", "extend": spec.kind != "bars",
        },
    }


def trace_of(x: list[int], y: list[float | None], name: str, colour: str, hover: str) -> Figure:
    """A line: ``x`` epoch ms, ``y`` in display units, ``hover`` its template."""
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "connectgaps": False,
        "line": {"color": colour, "width": 1.5, "simplify": True}, "hovertemplate": hover,
    }


def lines(spec: ChartSpec, series: Sequence[Series], start: float, end: float, theme: Theme = "dark",
          step: float = 1.0) -> Figure:
    """Lines over time; where a single series comes as rollups, a faint band from its minimum to its maximum."""
    found = ordered(spec, series)
    scale = scale_of(spec.unit, _top(series) if spec.top is None else spec.top)
    data: list[Figure] = []
    keys: list[str | None] = []
    palette = look.SERIES[theme]
    used = {line.colour for _, line, _ in found if line.colour is not None}
    free = [i for i in range(len(palette)) if i not in used] or list(range(len(palette)))
    turn = 0
    hover = f"%{{y:.{spec.digits}f}}{scale[1]}"
    for one, line, name in found:
        if line.colour is not None:
            colour = palette[line.colour % len(palette)]
        else:
            colour = palette[free[turn % len(free)]]
            turn += 1
        x = one.t.tolist()
        trace = trace_of(x, plain(one.value, scale[0]), name, colour, hover)
        if int(np.count_nonzero(~np.isnan(one.value))) <= 2:
            trace |= {"mode": "lines+markers", "marker": {"size": 4}}  # a lone point makes no line
        if line.style == "bold":
            trace["line"]["width"] = 2.25
        elif line.style == "thin":
            trace["line"]["width"] = 1
            trace["opacity"] = 0.7
        elif line.style == "limit":
            trace["line"] |= {"width": 1.25, "dash": "dot"}
        band = line.style in ("line", "bold") and sum(1 for f in found if f[1].style != "limit") == 1
        if band and one.low is not None and one.high is not None:
            for bound, fill in ((one.low, "none"), (one.high, "tonexty")):
                edge = trace_of(x, plain(bound, scale[0]), name, colour, hover)
                edge |= {"hoverinfo": "skip", "hovertemplate": None, "fill": fill, "fillcolor": rgba(colour, 0.16)}
                edge["line"] = {"width": 0, "color": colour}
                data.append(edge)
                keys.append(None)
        data.append(trace)
        keys.append(one.info.key)
    return {"data": data, "layout": layout(spec, start, end, theme, scale, step, keys)}


def stacked(spec: ChartSpec, series: Sequence[Series], start: float, end: float, theme: Theme = "dark",
            step: float = 1.0, points: int = 1200) -> Figure:
    """Areas one upon the other: the first line of the spec lies at the bottom.

    All series are brought onto the same times, because Plotly takes a time that one series lacks for a zero, and
    reduced together by the shape of their sum. The last trace is their sum, a line: areas without an edge keep gaps
    clean, and the line keeps a thin spike or a zero in sight.
    """
    found = ordered(spec, series)
    t, values = align([one for one, _, _ in found])
    t, values = reduce_together(t, values, points)
    t, values, holes = close_gaps(t, values)
    total = np.nansum(values, axis=0) if values.size else np.zeros(0)
    scale = scale_of(spec.unit, spec.top if spec.top is not None else float(total.max(initial=0.0)))
    x = t.tolist()
    data: list[Figure] = []
    for i, (_one, line, name) in enumerate(found):
        colour = look.SERIES[theme][(line.colour if line.colour is not None else i) % len(look.SERIES[theme])]
        hover = f"%{{y:.{spec.digits}f}}{scale[1]}"
        trace = trace_of(x, plain(values[i], scale[0]), name, colour, hover)
        trace |= {"stackgroup": "one", "fillcolor": rgba(colour, 0.16 if line.style == "thin" else 0.55)}
        trace["line"]["width"] = 0
        if holes:
            trace["hovertemplate"] = [hover] * len(x)
            for place in holes:
                trace["hovertemplate"][place] = ABSENT
        data.append(trace)
    keys: list[str | None] = [one.info.key for one, _, _ in found]
    if data:
        rim = plain(total, scale[0])
        for place in holes:
            rim[place] = None
        largest = data[int(np.argmax(np.nansum(values, axis=1)))]["line"]["color"]
        data.append({**trace_of(x, rim, "", largest, ""), "hoverinfo": "skip", "hovertemplate": None})
        data[-1]["line"]["width"] = 1.25
        keys.append(None)
    return {"data": data, "layout": layout(spec, start, end, theme, scale, step, keys)}


def colour_scale(theme: Theme) -> list[list[Any]]:
    """From nothing to full in shades of the accent. Not the colours of states: a busy core is no warning."""
    accent = ("#0B6F8A", "#00D9FF", "#A6F1FF") if theme == "dark" else ("#8CCFF2", "#0284C7", "#0B3A5B")
    return [[0, look.TOKENS[theme]["track"]], [0.4, accent[0]], [0.85, accent[1]], [1, accent[2]]]


def heatmap(spec: ChartSpec, series: Sequence[Series], start: float, end: float, theme: Theme = "dark",
            step: float = 1.0, columns: int = COLUMNS) -> Figure:
    """A row for each series, a column for each piece of time; the mean of the piece, for a strip its maximum."""
    found = ordered(spec, series)
    strip = spec.kind == "strip"
    colours = look.TOKENS[theme]
    scale = (1.0, "") if strip else scale_of(spec.unit, spec.top or _top(series))
    width = max(step, (end - start) / columns)
    if step > 0:
        width = float(np.ceil(width / step - 1e-9)) * step
    times, grid = bucket([one for one, _, _ in found], start, end, width, highest=strip)
    names = [name for _, _, name in found]
    trace: Figure = {
        "type": "heatmap", "x": times.tolist(), "y": names, "z": [plain(row, scale[0]) for row in grid],
        "zmin": 0, "zmax": 1 if strip else (spec.top or 1) * scale[0], "showscale": False, "xgap": 0,
        "ygap": 2 if len(names) <= 32 else 0, "hoverongaps": False, "zsmooth": False,
        "colorscale": [[0, colours["track"]], [1, colours["warning"]]] if strip else colour_scale(theme),
        "hovertemplate": "%{y}<extra></extra>" if strip else f"%{{y}}: %{{z:.0f}}{scale[1]}<extra></extra>",
    }
    drawn = layout(spec, start, end, theme, scale, width, [one.info.key for one, _, _ in found])
    drawn["hovermode"] = "closest"
    drawn["yaxis"] = {
        "type": "category", "autorange": "reversed", "fixedrange": True, "ticksuffix": "", "showgrid": False,
        "tickfont": drawn["yaxis"]["tickfont"], "nticks": 8, "automargin": False, "ticklabelstandoff": 4,
    }
    longest = max(map(len, names), default=0)
    drawn["margin"] = {**MARGIN, "l": 132 if strip else max(MARGIN["l"], 16 + 7 * longest)}
    drawn["xaxis"]["showspikes"] = False
    return {"data": [trace], "layout": drawn}


def summary(spec: ChartSpec, values: Sequence[tuple[SeriesInfo, float]], most: int = 12) -> str:
    """The newest values in words, for who does not see the chart; of many, the highest."""
    named = [
        (label_of(line, info), info, value) for info, value in values if (line := line_of(spec, info)) is not None
    ]
    if spec.kind == "strip":
        held = [name for name, _, value in named if value > 0]
        return ", ".join(held)
    if len(named) > most:
        named = sorted(named, key=lambda n: -n[2])[:most]
    return ", ".join(f"{name} {human(value, info.unit)}" for name, info, value in named)


BAR_HEIGHT = 44
"""Pixels of one bar with its two lines of text."""


def bars(
    spec: ChartSpec, values: Sequence[tuple[SeriesInfo, float]], totals: Mapping[str, tuple[float, float]],
    limits: tuple[float, float], theme: Theme = "dark",
) -> Figure:
    """A horizontal bar for each part of a whole, fullest first, as of now.

    Args:
        values: ratio in use of each.
        totals: by label as `label_of` gives it: (bytes used, bytes in all), for the words above the bar.
        limits: ratios from which a bar has the colour of a warning, and of what is critical.
    """
    colours = look.TOKENS[theme]
    named = [(label_of(spec.lines[0], info), info, value) for info, value in values]
    named.sort(key=lambda n: (-n[2], n[0]))
    shade = [
        colours["critical"] if v >= limits[1] else colours["warning"] if v >= limits[0] else colours["accent"]
        for _, _, v in named
    ]
    places = list(range(len(named)))
    used = [round(v * 100, 1) for _, _, v in named]
    common = {"type": "bar", "orientation": "h", "y": places, "width": 0.24, "hoverinfo": "skip"}
    data = [
        {**common, "x": used, "name": str(spec.title), "marker": {"color": shade, "line": {"width": 0}}},
        {**common, "x": [100 - u for u in used], "name": "",
         "marker": {"color": colours["track"], "line": {"width": 0}}},
    ]
    notes: list[Figure] = []
    for place, (name, _, value) in enumerate(named):
        words = human(value, "ratio")
        if name in totals:
            words += f" · {human(totals[name][0], 'bytes')} / {human(totals[name][1], 'bytes')}"
        for text, side, strong in ((name, 0, True), (words, 1, False)):
            notes.append({
                "x": side, "xref": "paper", "xanchor": "right" if side else "left", "y": place, "yref": "y",
                "yanchor": "bottom", "yshift": 6, "showarrow": False, "text": escaped(text),
                "font": {"size": 12, "color": colours["text" if strong else "muted"]},
            })
    drawn = layout(spec, 0, 1, theme, (100, " %"), 0, [None] * 2)
    drawn |= {
        "barmode": "stack", "hovermode": False, "dragmode": False, "annotations": notes, "bargap": 0,
        "height": max(spec.height, BAR_HEIGHT * len(named) + 16), "margin": {"l": 4, "r": 4, "t": 8, "b": 4, "pad": 0},
        "xaxis": {"range": [0, 100], "visible": False, "fixedrange": True},
        "yaxis": {"range": [max(len(named), 4) - 0.55, -0.75], "visible": False, "fixedrange": True},
    }
    return {"data": data, "layout": drawn}


def escaped(text: str) -> str:
    """Text that Plotly draws as it is: it takes some HTML for its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def draw(spec: ChartSpec, series: Sequence[Series], start: float, end: float, theme: Theme = "dark",
         step: float = 1.0, points: int = 1200) -> Figure:
    """The figure of any chart over time, by its kind."""
    if spec.kind == "stacked":
        return stacked(spec, series, start, end, theme, step, points)
    if spec.kind in ("heatmap", "strip"):
        return heatmap(spec, series, start, end, theme, step)
    return lines(spec, series, start, end, theme, step)
