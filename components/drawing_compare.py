"""Figures that compare: the same series at an earlier time, or others, overlaid, and their difference below."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

from analysis import transform
from analysis.frames import reduced
from components import theme as look
from components.chartmath import plain
from components.charts import Figure, rgba, scale_of, trace_of
from components.chartspecs import ChartSpec
from components.drawing_figures import (
    Drawn,
    Shown,
    crowded,
    extent,
    hover,
    layout,
    one_unit,
    second_axis,
    span_of_axis,
)
from components.formats import human
from components.theme import Theme
from metrics.series import Series

MOST_PAIRS = 16
STRIP = (0.27, 0.37)
"""Heights, of 1, at which the strip of the differences ends and the lines begin."""


def compare(
    spec: ChartSpec, shown: list[Shown], other: Sequence[Series], words: str, names: Sequence[str], start: float,
    end: float, theme: Theme = "dark", step: float = 1.0, points: int = 1000,
) -> Drawn:
    """Lines, what they are compared with dashed and lighter, and below the difference: now minus then.

    Args:
        shown: series of one unit.
        other: what they are compared with, at the times at which it is drawn, of the same unit.
        words: when ``other`` was ("a week ago"), or empty where it is not the same series.
        names: what each of ``other`` is called where ``words`` is empty.
    """
    shown, problem = crowded(shown, MOST_PAIRS)
    unit = shown[0].series.info.unit
    low, high = extent([*[s.series for s in shown], *other])
    scale = scale_of(unit, max(abs(low), abs(high)))
    hint = hover(scale, high)
    found = transform.pairs([s.series.info for s in shown], [o.info for o in other])
    then: dict[int, Shown] = {}
    differences: list[Shown] = []
    owners: list[str] = []
    for at, place in found:
        one = shown[at]
        name = f"{one.name} · {words}" if len(shown) > 1 and words else words or names[place]
        then.setdefault(place, Shown(other[place], name, one.colour if words else _apart(place, len(shown), theme)))
        less = transform.difference(one.series, other[place])
        title = _("difference") if len(shown) == 1 else _("%(name)s, difference", name=one.name)
        differences.append(Shown(less, title, one.colour))
        owners.append(one.name)
    for place in [p for p in range(len(other)) if p not in then and not words]:
        then[place] = Shown(other[place], names[place], _apart(place, len(shown), theme))
    data: list[Figure] = []
    keys: list[str | None] = []
    for one in shown:
        data.append(_line(one, points, scale[0], hint) | {"zorder": 1})
        keys.append(one.key)
    for one in then.values():
        trace = _line(one, points, scale[0], hint)
        trace["line"] |= {"dash": "dash", "width": 1.25}
        trace["opacity"] = 0.7
        data.append(trace)
        keys.append(f"then:{one.key}")
    below = extent([d.series for d in differences])
    small = scale_of(unit, max(abs(below[0]), abs(below[1])))
    signed = hover(small, max(map(abs, below))).replace("%{y:", "%{y:+")
    for one, owner in zip(differences, owners, strict=True):
        trace = _line(one, points, small[0], f"{signed}<extra>{one.name}</extra>")
        trace |= {"yaxis": "y2", "name": owner}  # hidden and shown with the line whose difference it is
        if len(differences) == 1:
            trace |= {"fill": "tozeroy", "fillcolor": rgba(one.colour, 0.14)}
        trace["line"]["width"] = 1.25
        data.append(trace)
        keys.append(None)
    drawn = layout(spec, unit, scale, start, end, theme, step, keys)
    drawn["yaxis"] |= {"range": span_of_axis(low * scale[0], high * scale[0], unit), "autorange": False}
    if differences:
        ends = span_of_axis(min(below[0], 0) * small[0], max(below[1], 0) * small[0], "")
        drawn["yaxis"] |= {"domain": [STRIP[1], 1]}
        drawn["yaxis2"] = second_axis(
            drawn["yaxis"], small, theme, domain=[0, STRIP[0]], anchor="x", nticks=3, range=ends, autorange=False,
            rangemode="normal", zeroline=True, zerolinecolor=drawn["yaxis"]["linecolor"], zerolinewidth=1,
        )
        drawn["xaxis"] |= {"anchor": "y2"}
        drawn["hoversubplots"] = "axis"
        drawn["meta"]["axes"] = {"y2": {"unit": unit, "scale": small[0], "suffix": small[1]}}
    elif not problem:
        problem = _("No difference is drawn: the two sides have no series in common.")
    text = ", ".join(f"{s.name} {human(_last(s.series), unit)}" for s in [*shown, *then.values(), *differences][:12])
    return Drawn({"data": data, "layout": drawn}, shown, problem, text, [*shown, *then.values(), *differences])


def same_unit(shown: Sequence[Shown], other: Sequence[Series]) -> bool:
    """Whether both sides have one and the same unit."""
    return {s.info.unit for s in other} <= {one_unit(shown)} if one_unit(shown) is not None else False


def _line(one: Shown, points: int, scale: float, hint: str) -> Figure:
    few = reduced(one.series, points)
    return trace_of(few.t.tolist(), plain(few.value, scale), one.name, one.colour, hint)


def _apart(place: int, shown: int, theme: Theme) -> str:
    palette = look.SERIES[theme]
    return palette[(shown + place) % len(palette)]


def _last(one: Series) -> float:
    return float(one.value[-1]) if one.value.size else float("nan")
