"""Figures of latency histograms as lines, and of what share each series has."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from flask_babel import gettext as _

from analysis import histogram
from analysis.transform import counted
from components import charts
from components import theme as look
from components.chartspecs import ChartSpec
from components.drawing_figures import Drawn, Shown, column_width, layout, lines
from components.formats import human, latency, number
from components.theme import Theme
from metrics.models import BOUNDS
from metrics.quantiles import quantile
from metrics.series import Series, SeriesInfo

MEASURES = {
    "model_time_to_first_token_seconds": "ttft", "model_inter_token_latency_seconds": "itl_max",
    "model_request_queue_seconds": "queue",
}
"""What a request has of a histogram's metric. Of the gaps between its tokens, each of which is in the histogram, it has
the longest."""
QUANTILES = ((0.5, "p50", 0), (0.95, "p95", 2), (0.99, "p99", 8))
"""Share, name, and place in `theme.SERIES`."""
COLUMNS = 90
MOST_SHARES = 12


def quantiles(
    spec: ChartSpec, shown: list[Shown], start: float, end: float, theme: Theme = "dark", step: float = 1.0,
    known: Iterable[SeriesInfo] = (),
) -> Drawn | None:
    """p50, p95 and p99 of what fell into the buckets ``le``, as lines; None where no series has a bucket.

    A piece of time without an observation has no point. ``known`` are all series of the histograms, those without a
    value here too: they tell the bounds.
    """
    width = column_width(end - start, step, COLUMNS)
    bounds, t, grid = histogram.all_buckets([s.series for s in shown], known, start, end, width)
    if not bounds:
        return None
    found = []
    for q, name, place in QUANTILES:
        value = quantile(q, bounds, grid).astype(np.float32)
        there = ~np.isnan(value)
        info = SeriesInfo(shown[0].series.info.name, (("quantile", f"{q:g}"),), "seconds", "gauge", "", width)
        t_there, v_there = _with_gaps(t[there], value[there], width)
        found.append(Shown(Series(info, t_there, v_there, width), name, look.SERIES[theme][place]))
    drawn = lines(spec, found, start, end, theme, width, live=False)
    drawn.figure["layout"]["meta"] |= {"measure": measure_of(shown[0].series.info.name), "spikes": BOUNDS}
    said = [f"{one.name} {latency(float(one.series.value[-1]))}" for one in found if one.series.value.size]
    drawn.text = ", ".join([*said, _("%(count)s observations", count=number(round(float(np.nansum(grid)))))])
    drawn.whole = found
    return drawn


def measure_of(metric: str) -> str:
    """What a request has of a histogram's metric; of the others its duration."""
    return MEASURES.get(metric, "duration")


def _with_gaps(t: np.ndarray, value: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """A NaN between points that are not neighbours."""
    holes = np.flatnonzero(np.diff(t) > 1.5 * width * 1000) + 1
    at = (t[holes - 1] + width * 1000).astype(np.int64)
    return np.insert(t, holes, at), np.insert(value, holes, np.float32(np.nan))


def shares(
    spec: ChartSpec, shown: list[Shown], start: float, end: float, theme: Theme = "dark", step: float = 1.0,
) -> Drawn:
    """A pie: of rates and counts what each series sums up to over the window, of other values their mean."""
    unit = shown[0].series.info.unit
    amounts = [_amount(one.series) for one in shown]
    order = sorted((i for i, a in enumerate(amounts) if a > 0), key=lambda i: -amounts[i])
    few, rest = order[:MOST_SHARES], order[MOST_SHARES:]
    names = [shown[i].name for i in few] + ([_("%(count)s others", count=len(rest))] if rest else [])
    values = [amounts[i] for i in few] + ([sum(amounts[i] for i in rest)] if rest else [])
    palette = look.SERIES[theme]
    total = sum(values) or 1.0
    words = [
        f"{number(value)} ({number(100 * value / total, 1)} %)" if unit == "per_second"
        else f"{human(value, unit)} ({number(100 * value / total, 1)} %)" for value in values
    ]
    trace: charts.Figure = {
        "type": "pie", "labels": names, "values": values, "hole": 0.62, "sort": False, "direction": "clockwise",
        "textinfo": "none", "customdata": words, "hovertemplate": "%{label}: %{customdata}<extra></extra>",
        "marker": {"colors": [palette[i % len(palette)] for i in range(len(names))], "line": {"width": 0}},
        "domain": {"x": [0.0, 0.42], "y": [0.04, 0.96]},
    }
    drawn = layout(spec, unit, (1.0, ""), start, end, theme, step, [None])
    drawn["meta"]["timed"] = False
    drawn |= {"dragmode": False, "hovermode": "closest", "showlegend": False}
    for axis in ("xaxis", "yaxis"):
        drawn[axis] = {"visible": False, "fixedrange": True}
    drawn["margin"] = {"l": 8, "r": 8, "t": 8, "b": 8}
    drawn["annotations"] = [
        {
            "x": 0.47, "xref": "paper", "xanchor": "left", "y": 1 - (i + 0.5) / max(len(names), 5), "yref": "paper",
            "showarrow": False, "align": "left", "font": {"size": 12, "color": look.TOKENS[theme]["text"]},
            "text": f'<span style="color:{palette[i % len(palette)]}">●</span> {charts.escaped(name)}  {word}',
        }
        for i, (name, word) in enumerate(zip(names, words, strict=True))
    ]
    text = ", ".join(f"{name} {word}" for name, word in zip(names, words, strict=True))
    return Drawn({"data": [trace] if values else [], "layout": drawn}, shown, "" if values else _("Nothing."), text)


def _amount(one: Series) -> float:
    value = one.value[~np.isnan(one.value)].astype(np.float64)
    if not value.size:
        return 0.0
    if one.info.kind == "histogram":
        return float(value.sum())
    if one.info.unit != "per_second":
        return float(value.mean())
    if one.low is not None:  # means of whole steps
        return float(value.sum() * one.step)
    return counted(one.t[~np.isnan(one.value)] / 1000, value, max(one.step, one.info.every, 1e-3), one.info.unit)
