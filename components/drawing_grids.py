"""Figures of drawings that are grids or spreads: heat maps, histograms, hours of the week, latency buckets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
from babel.dates import get_day_names
from flask_babel import get_locale
from flask_babel import gettext as _

from analysis import calendar, histogram
from analysis.frames import bucket
from components import charts
from components import theme as look
from components.chartmath import plain
from components.charts import Figure, colour_scale, scale_of
from components.chartspecs import ChartSpec
from components.drawing_figures import (
    Drawn,
    Shown,
    column_width,
    crowded,
    extent,
    hover,
    layout,
    nice,
)
from components.drawing_latency import COLUMNS, QUANTILES, measure_of
from components.formats import ABSENT, human, number
from components.theme import Theme
from metrics.quantiles import quantile
from metrics.series import SeriesInfo

MOST_ROWS, MOST_SPREAD = 300, 12
"""Series of a heat map, and of a histogram that tells them apart."""
MOST_CELLS = 60_000
NAME_HIGH, AROUND_ROWS = 16.0, 60.0
"""Pixels that the name of a line needs above it, and those of a chart that are no rows."""
_CHARACTER = 6.6
"""Pixels of a letter of an axis."""
_WIDE = {"thickness": 10, "outlinewidth": 0, "xpad": 8, "nticks": 5, "ticks": ""}


def _colour_bar(theme: Theme, suffix: str) -> Figure:
    return _WIDE | {"ticksuffix": suffix, "tickfont": {"size": 11, "color": look.TOKENS[theme]["muted"]}}


def _ends(low: float, high: float, unit: str) -> tuple[float, float]:
    """Values that the first and the last colour stand for: from 0 where nothing is below it, but for temperatures."""
    if unit == "celsius":
        return low, max(high, low + 1)
    return min(low, 0.0), nice(high) if high > 0 else 1.0


def _rows(drawn: Figure, names: Sequence[str]) -> None:
    """Names of rows in place of a value axis, the first at the top."""
    longest = max((len(n) for n in names), default=0)
    drawn["yaxis"] = {
        "type": "category", "autorange": "reversed", "fixedrange": True, "ticksuffix": "", "showgrid": False,
        "tickfont": drawn["yaxis"]["tickfont"], "automargin": False, "ticklabelstandoff": 4,
        "nticks": min(len(names), 12), "ticks": "",
    }
    room = min(max(charts.MARGIN["l"], longest * _CHARACTER + 12), 168)
    drawn["margin"] = {**drawn["margin"], "l": int(room), "r": 76}


def heat(
    spec: ChartSpec, shown: list[Shown], start: float, end: float, theme: Theme = "dark", step: float = 1.0,
) -> Drawn:
    """A row for each series of one unit, a column for each piece of time; a cell is the mean of the values in it."""
    shown, problem = crowded(shown, MOST_ROWS)
    unit = shown[0].series.info.unit
    most = min(charts.COLUMNS, max(MOST_CELLS // len(shown), 60))
    width = max(step, (end - start) / most)
    width = float(np.ceil(width / step - 1e-9)) * step if step > 0 else width
    t, grid = bucket([s.series for s in shown], start, end, width)
    there = grid[~np.isnan(grid)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    first, last = _ends(low, high, unit)
    scale = scale_of(unit, max(abs(low), abs(high)))
    names = [s.name for s in shown]
    words = hover(scale, high).replace("%{y", "%{z")
    trace: Figure = {
        "type": "heatmap", "x": t.tolist(), "y": names, "z": [plain(row, scale[0]) for row in grid],
        "zmin": first * scale[0], "zmax": last * scale[0], "showscale": True, "colorbar": _colour_bar(theme, scale[1]),
        "xgap": 0, "ygap": 2 if len(names) <= 32 else 0, "hoverongaps": False, "zsmooth": False,
        "colorscale": colour_scale(theme), "hovertemplate": "%{y}: " + words + "<extra></extra>",
    }
    drawn = layout(spec, unit, scale, start, end, theme, width, [s.key for s in shown])
    drawn["hovermode"] = "closest"
    drawn["xaxis"]["showspikes"] = False
    _rows(drawn, names)
    return Drawn({"data": [trace], "layout": drawn}, shown, problem)


def hist(
    spec: ChartSpec, shown: list[Shown], start: float, end: float, theme: Theme = "dark", step: float = 1.0,
) -> Drawn:
    """How often values lay where: bars over round steps of the value, stacked by series; their height is the share of
    all values."""
    whole = shown
    shown, problem = _few(shown, theme)
    unit = shown[0].series.info.unit
    low, high = extent([s.series for s in shown])
    scale = scale_of(unit, max(abs(low), abs(high)))
    values = [s.series.value.astype(np.float64) * scale[0] for s in shown]
    edges = histogram.edges(np.concatenate(values))
    counts = [histogram.counts(v, edges) for v in values]
    total = max(int(sum(c.sum() for c in counts)), 1)
    width = float(edges[1] - edges[0]) if edges.size > 1 else 1.0
    digits = max(0, -int(np.floor(np.log10(width) + 1e-9))) if width < 1 else 0
    ranges = [f"{number(a, digits)} – {number(b, digits)}{scale[1]}"
              for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]
    words = "%{customdata[0]}: " + _("%(share)s of all values", share="%{y:.3~g} %")
    data: list[Figure] = [
        {"type": "bar", "x": ((edges[:-1] + edges[1:]) / 2).tolist(), "y": plain(c / total, 100), "name": one.name,
         "width": width * 0.94, "customdata": [[r, int(n)] for r, n in zip(ranges, c.tolist(), strict=True)],
         "marker": {"color": one.colour, "line": {"width": 0}}, "opacity": 0.85, "hovertemplate": words + (
             f"<extra>{charts.escaped(one.name)}</extra>" if len(shown) > 1 else "<extra></extra>")}
        for one, c in zip(shown, counts, strict=True)
    ]
    drawn = _untimed(layout(spec, unit, scale, start, end, theme, step, [s.key for s in shown]))
    drawn |= {"barmode": "stack", "bargap": 0.06, "hovermode": "closest"}
    drawn["xaxis"] = {
        **{k: v for k, v in drawn["xaxis"].items() if k in ("gridcolor", "linecolor", "tickfont", "ticks", "ticklen",
                                                             "tickcolor", "showgrid", "zeroline")},
        "type": "linear", "range": [float(edges[0]), float(edges[-1])] if edges.size else [0, 1], "autorange": False,
        "fixedrange": True, "ticksuffix": scale[1], "nticks": 8, "automargin": False, "tickformat": "~g",
    }
    top = max((float(sum(c[i] for c in counts)) for i in range(len(ranges))), default=0.0) / total * 100
    drawn["yaxis"] |= {"range": [0, nice(top * 1.06) if top else 1], "autorange": False, "ticksuffix": " %"}
    drawn["margin"] = {**drawn["margin"], "r": 24}
    return Drawn({"data": data, "layout": drawn}, whole, problem, _spread(shown, unit))


def _few(shown: list[Shown], theme: Theme) -> tuple[list[Shown], str]:
    """Series that a histogram can tell apart; of many all values are taken together."""
    if len(shown) <= MOST_SPREAD:
        return shown, ""
    whole = replace(
        shown[0].series, t=np.concatenate([s.series.t for s in shown]), low=None, high=None,
        value=np.concatenate([s.series.value for s in shown]),
    )
    name = _("all %(count)s series", count=len(shown))
    return [Shown(whole, name, look.SERIES[theme][0])], _("The values of %(count)s series, together.", count=len(shown))


def _spread(shown: Sequence[Shown], unit: str) -> str:
    """A histogram in words."""
    value = np.concatenate([s.series.value for s in shown]).astype(np.float64)
    low, quarter, middle, three, high = np.nanpercentile(value, (0, 25, 50, 75, 100))
    return _(
        "%(count)s values from %(low)s to %(high)s; half of them between %(quarter)s and %(three)s, median %(middle)s.",
        count=number(int(np.count_nonzero(~np.isnan(value)))), low=human(low, unit), high=human(high, unit),
        quarter=human(quarter, unit), three=human(three, unit), middle=human(middle, unit),
    )


def _untimed(drawn: Figure) -> Figure:
    drawn["meta"]["timed"] = False
    drawn["dragmode"] = False
    return drawn


def hours(
    spec: ChartSpec, shown: list[Shown], start: float, end: float, theme: Theme = "dark", step: float = 1.0,
    zone: str = "UTC",
) -> Drawn:
    """A row for each weekday, a column for each hour of the day in the viewer's zone; a cell is the mean of all values.

    ``customdata`` of a cell is the newest such hour in the window: [begin, end] in epoch milliseconds.
    """
    unit = shown[0].series.info.unit
    week = calendar.week([s.series for s in shown], ZoneInfo(zone))
    there = week.mean[~np.isnan(week.mean)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    first, last = _ends(low, high, unit)
    scale = scale_of(unit, max(abs(low), abs(high)))
    names = get_day_names("wide", "stand-alone", get_locale() or "en")
    days = [names[i].capitalize() for i in range(7)]
    clock = [f"{hour:02d}:00" for hour in range(24)]
    begun = week.newest.tolist()
    trace: Figure = {
        "type": "heatmap", "x": clock, "y": days, "z": [plain(row, scale[0]) for row in week.mean],
        "zmin": first * scale[0], "zmax": last * scale[0], "showscale": True, "colorbar": _colour_bar(theme, scale[1]),
        "xgap": 2, "ygap": 2, "hoverongaps": False, "zsmooth": False, "colorscale": colour_scale(theme),
        "customdata": [[[at, min(at + 3_600_000, round(end * 1000))] if at >= 0 else None for at in row]
                       for row in begun],
        "text": [[_("%(count)s values", count=number(int(n))) for n in row] for row in week.count],
        "hovertemplate": "%{y} %{x}: " + hover(scale, high).replace("%{y", "%{z") + " · %{text}<extra></extra>",
    }
    drawn = _untimed(layout(spec, unit, scale, start, end, theme, step, [None]))
    drawn |= {"hovermode": "closest", "plot_bgcolor": charts.rgba(look.TOKENS[theme]["track"], 0.35)}
    drawn["xaxis"] = {
        "type": "category", "fixedrange": True, "showgrid": False, "tickfont": drawn["xaxis"]["tickfont"],
        "tickvals": clock[::3], "ticks": "", "automargin": False, "tickangle": 0,
    }
    _rows(drawn, days)
    short = end - start < 2 * 86_400
    problem = _("This window holds few hours of the week: choose 7 d or more.") if short else ""
    return Drawn({"data": [trace], "layout": drawn}, shown, problem, _busiest(week, days, unit))


def _busiest(week: calendar.Week, days: Sequence[str], unit: str) -> str:
    """Where the week has its highest and lowest hour, in words."""
    if np.all(np.isnan(week.mean)):
        return ""
    high, low = (divmod(int(f(week.mean)), 24) for f in (np.nanargmax, np.nanargmin))
    return _(
        "Highest on %(high_day)s at %(high_hour)s: %(high)s. Lowest on %(low_day)s at %(low_hour)s: %(low)s.",
        high_day=days[high[0]], high_hour=f"{high[1]:02d}:00", high=human(float(week.mean[high]), unit),
        low_day=days[low[0]], low_hour=f"{low[1]:02d}:00", low=human(float(week.mean[low]), unit),
    )


def _seconds(value: float) -> str:
    """A latency with the decimals it has: 2.5 s, 25 ms."""
    if not np.isfinite(value):
        return ABSENT
    factor, suffix = scale_of("seconds", value)
    size = value * factor
    most = 0 if abs(size) >= 100 else 1 if abs(size) >= 10 else 2
    digits = next(d for d in (0, 1, 2) if d == most or abs(round(size, d) - size) <= 1e-6 * abs(size))
    return number(size, digits) + suffix


def buckets(
    spec: ChartSpec, shown: list[Shown], start: float, end: float, theme: Theme = "dark", step: float = 1.0,
    known: Iterable[SeriesInfo] = (),
) -> Drawn | None:
    """Latency buckets by time: a row for each bound ``le``, how much fell into it, and lines of percentiles above.

    None where no series has a bucket. ``known`` is as for `drawing_latency.quantiles`.
    """
    width = column_width(end - start, step, COLUMNS)
    bounds, t, grid = histogram.buckets([s.series for s in shown], start, end, width)
    if not bounds:
        return None
    every, _t, whole = histogram.all_buckets([s.series for s in shown], known, start, end, width)
    finite = [b for b in bounds if np.isfinite(b)]
    scale = scale_of("seconds", finite[len(finite) // 2] if finite else 1.0)
    names = [_("to %(bound)s", bound=_seconds(b)) if np.isfinite(b) else _("above") for b in bounds]
    rows = np.arange(len(bounds))
    trace: Figure = {
        "type": "heatmap", "x": t.tolist(), "y": rows.tolist(), "z": [plain(row, 1) for row in grid], "zmin": 0,
        "showscale": True, "colorbar": _colour_bar(theme, ""), "hoverongaps": False, "zsmooth": False,
        "colorscale": colour_scale(theme), "text": [[name] * len(t) for name in names],
        "hovertemplate": "%{text}: %{z}<extra></extra>", "ygap": 1,
    }
    data: list[Figure] = [trace]
    edges = np.concatenate([[min(0.0, bounds[0])], bounds])
    edges[np.isinf(edges)] = edges[-2] if len(edges) > 1 else 0.0
    said: list[str] = []
    notes: list[Figure] = []
    apart = NAME_HIGH * len(bounds) / max(spec.height - AROUND_ROWS, 1.0)
    colours = (look.TOKENS[theme]["text"], look.SERIES[theme][2], look.SERIES[theme][8])
    for (q, name, _place), colour in zip(QUANTILES, colours, strict=True):
        value = quantile(q, every, whole)
        place = np.where(np.isnan(value), np.nan, np.interp(np.nan_to_num(value), edges, np.arange(len(edges)) - 0.5))
        # The name stands within: Plotly's box for it is white where the paper is clear, and so may be the line.
        line = charts.trace_of(t.tolist(), plain(place, 1), name, colour, f"{name} %{{customdata}}<extra></extra>")
        line["customdata"] = [_seconds(v) for v in value.tolist()]
        line["line"]["width"] = 1.75
        data.append(line)
        there = value[~np.isnan(value)]
        if there.size:
            said.append(f"{name} {_seconds(float(there[-1]))}")
            level = float(place[~np.isnan(place)][-1])
            if notes and level - notes[-1]["y"] < apart:
                notes[-1]["text"] += f" {name}"  # one over the other cannot be read
                continue
            notes.append({
                "x": 0.996, "xref": "paper", "xanchor": "right", "y": level, "yref": "y",
                "yanchor": "bottom", "showarrow": False, "text": name, "font": {"size": 11, "color": colour},
            })
    drawn = layout(spec, "seconds", scale, start, end, theme, width, [None] * len(data))
    drawn["hovermode"] = "closest"
    _rows(drawn, names)
    drawn["yaxis"] |= {
        "type": "linear", "autorange": False, "range": [-0.5, len(bounds) - 0.5], "tickvals": rows.tolist(),
        "ticktext": names, "zeroline": False,
    }
    drawn["yaxis"].pop("nticks")
    drawn["annotations"] = notes
    lower = [None, *bounds[:-1]]
    drawn["meta"]["bounds"] = [
        [low, high if np.isfinite(high) else None] for low, high in zip(lower, bounds, strict=True)
    ]
    drawn["meta"]["measure"] = measure_of(shown[0].series.info.name)
    return Drawn({"data": data, "layout": drawn}, shown, "", ", ".join(said))

