"""The memory of each GPU and of the machine, by model and not by process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _

from components.attrs import attrs
from components.cards import card
from components.formats import human
from components.still import Still, still
from live.host_memory import Host
from live.models import Card

Parts = Sequence[tuple[str, str, float]]
Called = Mapping[tuple[str, str], str]
TINTS = 8
"""Colours of models; with more they come again."""


def panel(cards: Sequence[Card], host: Host | None) -> Still | None:
    """One bar for each GPU and one for the machine; None where neither a GPU nor a model's memory is told."""
    if not cards and (host is None or not host.models):
        return None
    keys = _keys(cards, host)
    tints = {key: place % TINTS for place, key in enumerate(keys)}
    names = Counter(model for _server, model in keys)
    called = {(server, model): words(server, model, alone=names[model] == 1) for server, model in keys}
    bars: list[Any] = [
        _bar(_gpu(one), _("GPU %(number)s", number=one.gpu), one.models, one.others, one.used, one.total, tints, called)
        for one in cards
    ]
    if not cards:
        bars.append(html.P(_("No GPU is told on this machine."), className="muted"))
    if host is not None:
        bars.append(_bar(_("Host memory"), _("the host"), host.models, host.others, host.used, host.total, tints,
                         called))
    return still(card(
        _("GPU memory") if cards else _("Memory by model"),
        [
            html.Div(bars, className="memory-bars"),
            html.P(_("What the GPU driver tells of each process, and the resident memory of processes, put to the "
                     "model that they serve. Other is what is used and is no known model's."), className="model-how"),
        ],
        icon="memory", className="model-memory",
    ))


def _gpu(one: Card) -> str:
    name = _("GPU %(number)s", number=one.gpu)
    return f"{name} · {one.name}" if one.name else name


def _keys(cards: Sequence[Card], host: Host | None) -> list[tuple[str, str]]:
    """The models, in an order that stays: the same one has the same colour in each bar."""
    every = [part for one in cards for part in one.models] + list(host.models if host is not None else ())
    return sorted({(server, model) for server, model, _size in every})


def _bar(
    title: str, place: str, models: Parts, others: float, used: float, total: float | None,
    tints: Mapping[tuple[str, str], int], called: Called,
) -> html.Div:
    whole = max(total or 0.0, used, 1.0)
    parts = [(called[server, model], size, f"tint-{tints[server, model]}") for server, model, size in models]
    told = [(name, size, css) for name, size, css in [*parts, (_("other"), others, "tint-other")] if size > 0]
    free = None if total is None else max(total - used, 0.0)
    segments = [
        html.Span(className=css, title=f"{name} = {human(size, 'bytes')}",
                  style={"width": f"{size / whole * 100:.2f}%"})
        for name, size, css in told
    ]
    legend: list[Any] = [
        html.Li([html.Span(className=f"mini-swatch {css}"), name, " = ", html.Strong(human(size, "bytes"),
                 className="num")])
        for name, size, css in told
    ]
    if free is not None:
        legend.append(html.Li([html.Span(className="mini-swatch tint-free"), _("free"), " = ",
                               html.Strong(human(free, "bytes"), className="num")]))
    return html.Div(
        [
            html.Div([
                html.H3(title),
                html.Span(_("%(used)s of %(total)s", used=human(used, "bytes"), total=human(total, "bytes"))
                          if total is not None else human(used, "bytes"), className="num muted"),
            ], className="memory-head"),
            html.Div(segments, className="memory-bar", role="img",
                     **attrs(aria_label=sentence(place, models, others, called))),
            html.Ul(legend, className="memory-legend"),
        ],
        className="memory-one",
    )


def words(server: str, model: str, *, alone: bool = True) -> str:
    """What a part is called: its model, with its server where several have it; its server where several models lie in
    one process."""
    if not model:
        return _("%(server)s (several models)", server=server)
    return model if alone or server == model else f"{model} · {server}"


def sentence(place: str, models: Parts, others: float, called: Called) -> str:
    """A bar in words: llama3 = 11.2 GiB on GPU 1, other = 3.1 GiB."""
    parts = [
        _("%(name)s = %(size)s on %(place)s", name=called[server, model], size=human(size, "bytes"), place=place)
        for server, model, size in models if size > 0
    ] or [_("no model on %(place)s", place=place)]
    return ", ".join([*parts, _("other = %(size)s", size=human(others, "bytes"))])
