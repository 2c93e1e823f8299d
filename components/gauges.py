"""Gauges and sparklines as small SVGs. The page's script moves them in place: see ``assets/overview.js``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _

from components import formats
from components.svg import Svg, path
from live.summary import Reading

SWEEP = "M19.6 83.4A44 44 0 1 1 80.4 83.4"
"""An arc of 266 degrees around (50, 52), from lower left to lower right."""
SPARK_WIDTH, SPARK_HEIGHT = 300, 40


def health_words(health: str | None) -> str:
    """A health in words."""
    return {"OK": _("Normal"), "WARNING": _("High"), "CRITICAL": _("Critical")}.get(health or "", "")


def health_class(health: str | None) -> str:
    """The CSS class that carries a health's colour."""
    return {"OK": "is-ok", "WARNING": "is-warning", "CRITICAL": "is-critical"}.get(health or "", "is-plain")


def _share(value: float | None, highest: float) -> float:
    return 0.0 if value is None or highest <= 0 else max(0.0, min(1.0, value / highest)) * 100


def gauge(title: str, reading: Reading, *, highest: float = 1.0, words: str = "") -> Svg:
    """An arc with the value in its middle; without a value the arc is empty and the middle holds a dash.

    Args:
        title: what is measured, for people who do not see the arc.
        reading: the value, its series and the limits that mark the arc.
        highest: value of the full arc, in the base unit.
        words: the state in words, for people who do not see its colour.
    """
    value, unit, key, limits = reading.value, reading.unit, reading.key, reading.limits
    more = {"data-unit": unit, "data-every": f"{reading.every:g}"}
    text, suffix = formats.parts(value, unit)
    marks = [
        path(SWEEP, className=f"gauge-mark {name}", pathLength="100", strokeDasharray=f"0.9 {100 - 0.9}",
             strokeDashoffset=f"{-min(99.0, limit / factor / highest * 100):.2f}")
        for name, limit, factor in (
            (("is-warning", limits[0], limits[2]), ("is-critical", limits[1], limits[2])) if limits else ()
        )
    ]
    label = f"{title}: {text} {suffix}".strip() + (f", {words}" if words else "")
    return Svg(
        "svg",
        [
            path(SWEEP, className="gauge-track", pathLength="100"),
            path(SWEEP, className="gauge-arc", pathLength="100", strokeDasharray=f"{_share(value, highest):.1f} 200",
                 **{"data-arc": key, "data-highest": f"{highest:g}", **more}),
            *marks,
            Svg("text", text, {"className": "gauge-value", "x": 50, "y": 56, "textAnchor": "middle",
                               "data-value": key, **more}),
            Svg("text", suffix, {"className": "gauge-unit", "x": 50, "y": 72, "textAnchor": "middle",
                                 "data-suffix": key, **more}),
        ],
        {"className": "gauge", "viewBox": "0 0 100 92", "role": "img", "aria-label": label, "data-title": title},
    )


def spark_path(points: Sequence[Sequence[float | None]], seconds: float, low: float, high: float) -> str:
    """The ``d`` of a line through ``[seconds ago, value]`` points; an absent value breaks it.

    ``seconds`` is the width in time; ``low`` and ``high`` are the values at the bottom and top.
    """
    out, pen = [], "M"
    span = (high - low) or 1.0
    for ago, value in points:
        if value is None or ago is None:
            pen = "M"
            continue
        x = SPARK_WIDTH * (1 - ago / seconds)
        y = SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * (value - low) / span
        out.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(out)


def spark_scale(lines: Sequence[Sequence[Sequence[float | None]]], floor: float) -> float:
    """The value at the top: the highest there is, with some air, and at least ``floor``."""
    values = [p[1] for line in lines for p in line if p[1] is not None]
    return max([floor, *(v * 1.1 for v in values)])


def sparkline(
    lines: Sequence[tuple[Reading, Sequence[Sequence[float | None]]]],
    *,
    seconds: float,
    floor: float,
    low: float = 0.0,
) -> Svg:
    """The last minutes of one or two series as thin lines; decorative, the numbers beside it say the same.

    Args:
        lines: (reading, ``[[seconds ago, value], ...]``) each.
        seconds: width in time.
        floor: the least value at the top, so that noise does not look like a mountain.
        low: the value at the bottom.
    """
    top = spark_scale([points for _reading, points in lines], floor)
    return Svg(
        "svg",
        [
            path(spark_path(points, seconds, low, top), className=f"spark-line spark-{i}", **{
                "data-spark": reading.key, "data-every": f"{reading.every:g}", "data-points": _pack(points),
                "vectorEffect": "non-scaling-stroke",
            })
            for i, (reading, points) in enumerate(lines)
        ],
        {"className": "spark", "viewBox": f"0 0 {SPARK_WIDTH} {SPARK_HEIGHT}", "preserveAspectRatio": "none",
         "aria-hidden": "true", "data-seconds": f"{seconds:g}", "data-floor": f"{floor:g}", "data-low": f"{low:g}"},
    )


def _pack(points: Sequence[Sequence[Any]]) -> str:
    """``ago:value`` pairs, an absent value left out: ``300:0.1;299:``."""
    return ";".join(f"{ago:g}:{'' if value is None else f'{value:.5g}'}" for ago, value in points)
