"""A load test's curve: tokens a second and the wait for a first token, over requests at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log10
from typing import Any

from dash import html
from flask_babel import gettext as _

from components.formats import latency, number
from components.still import Still, still
from components.svg import Svg, path

WIDTH, HEIGHT = 440, 220
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 14, 40
Words = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: its steps by requests at once. ``other``: of the load test that is compared with; ``knee``: its best
    step."""

    words: str
    points: tuple[tuple[int, float], ...]
    other: bool
    rank: int
    """Which length of prompts it is, from 0, shortest first."""
    knee: int | None


def curves(
    tests: Sequence[tuple[str, Sequence[Mapping[str, Any]], Mapping[int, int]]],
    value: Callable[[Mapping[str, Any]], float | None],
) -> list[Curve]:
    """The lines of load tests, each (words, steps, length of prompts -> requests at once of its knee)."""
    found = []
    several = any(len({one["prompt_tokens"] for one in steps}) > 1 for _words, steps, _knees in tests)
    for place, (words, steps, knees) in enumerate(tests):
        lengths = sorted({one["prompt_tokens"] for one in steps})
        for rank, length in enumerate(lengths):
            points = tuple(
                (one["concurrency"], told) for one in steps
                if one["prompt_tokens"] == length and (told := value(one)) is not None
            )
            label = f"{words}, {_('%(count)s tokens', count=number(length))}" if several else words
            found.append(Curve(label, points, place > 0, rank, knees.get(length)))
    return [one for one in found if one.points]


def charts(
    tests: Sequence[tuple[str, Sequence[Mapping[str, Any]], Mapping[int, int]]], first_token: float | None,
) -> html.Div:
    """Both charts, and the names of their lines. ``first_token`` is what is asked of the model, seconds."""
    speed = curves(tests, lambda one: one.get("output_per_second"))
    waits = curves(tests, lambda one: (one.get("ttft") or {}).get("p95"))
    return html.Div([
        html.Div([
            _figure(_("Tokens a second, all requests together"), speed, lambda v: number(v, 0 if v >= 10 else 1), None),
            _figure(_("First token, p95"), waits, latency, first_token),
        ], className="bench-charts"),
        *([html.Ul([
            html.Li([_sample(one), html.Span(one.words)]) for one in speed
        ], className="bench-legend")] if len(speed) > 1 else []),
    ])


def _figure(title: str, lines: Sequence[Curve], words: Words, limit: float | None) -> Any:
    head = html.H3(title, className="bench-chart-title")
    if not lines:
        return html.Div([head, html.P(_("No request came so far."), className="muted")], className="bench-chart")
    return html.Div([head, _drawn(title, lines, words, limit)], className="bench-chart")


def _drawn(title: str, lines: Sequence[Curve], words: Words, limit: float | None) -> Still:
    levels = sorted({at for one in lines for at, _value in one.points})
    most = max(value for one in lines for _at, value in one.points)
    top = nice(most)
    step = (WIDTH - LEFT - RIGHT) / max(len(levels) - 1, 1)

    def x(at: int) -> float:
        return LEFT + levels.index(at) * step if len(levels) > 1 else (LEFT + WIDTH - RIGHT) / 2

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)

    parts: list[Any] = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        at = y(top * share)
        parts.append(path(f"M{LEFT} {at:.1f}H{WIDTH - RIGHT}", className="bench-grid"))
        parts.append(_text(words(top * share) if share else "0", LEFT - 8, at + 4, "end"))
    parts += [_text(str(at), x(at), HEIGHT - BOTTOM + 18, "middle") for at in levels]
    parts.append(_text(_("requests at once"), (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "middle"))
    if limit is not None and limit <= top:
        parts.append(path(f"M{LEFT} {y(limit):.1f}H{WIDTH - RIGHT}", className="bench-limit"))
        parts.append(_text(_("objective"), WIDTH - RIGHT, y(limit) - 5, "end"))
    for one in reversed(lines):
        parts += _line(one, x, y, words)
    return still(Svg("svg", parts, {
        "viewBox": f"0 0 {WIDTH} {HEIGHT}", "className": "bench-svg", "role": "img",
        "aria-label": f"{title}: " + "; ".join(
            f"{one.words}: " + ", ".join(f"{at}: {words(value)}" for at, value in one.points) for one in lines
        ),
    }))


def _css(one: Curve, what: str = "line") -> str:
    return f"bench-{what} tint-{one.rank}{' is-other' if one.other else ''}"


def _line(one: Curve, x: Callable[[int], float], y: Callable[[float], float], words: Words) -> list[Any]:
    drawn: list[Any] = [path(
        "M" + "L".join(f"{x(at):.1f} {y(value):.1f}" for at, value in one.points), className=_css(one),
    )]
    for at, value in one.points:
        said = f"{one.words} · {_('%(count)s at once', count=at)}: {words(value)}"
        best = at == one.knee
        drawn.append(Svg("circle", [Svg("title", said + (f" · {_('best step')}" if best else ""))], {
            "cx": f"{x(at):.1f}", "cy": f"{y(value):.1f}", "r": 6 if best else 3.5,
            "className": f"{_css(one, 'dot')}{' is-best' if best else ''}",
        }))
    return drawn


def _sample(one: Curve) -> Svg:
    return Svg("svg", [path("M0 5H26", className=_css(one))],
               {"viewBox": "0 0 26 10", "width": 26, "height": 10, "aria-hidden": "true"})


def _text(words: str, x: float, y: float, anchor: str) -> Svg:
    return Svg("text", words, {"x": f"{x:.1f}", "y": f"{y:.1f}", "textAnchor": anchor, "className": "bench-text"})


def nice(value: float) -> float:
    """The next of 1, 2, 4, 6, 8, 10 times a power of ten, so that quarters of it are short numbers."""
    if value <= 0:
        return 1.0
    power = 10.0 ** (ceil(log10(value)) - 1)
    return next((one * power for one in (1, 2, 4, 6, 8, 10) if one * power >= value * 0.999), 10 * power)
