"""The measuring proxies on the Models page: how healthy each was over 24 hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _
from flask_babel import ngettext

from components import cards, model_words, states
from components.attrs import attrs
from components.formats import clock, duration, human, latency, moment, number
from components.sentences import sentence
from live.models import Proxy, Silence


def proxies(strips: Sequence[Proxy]) -> html.Section | None:
    """The health of each proxy over 24 hours; None where no proxy is configured."""
    if not strips:
        return None
    return cards.card(
        _("Proxies, 24 hours"), html.Div([_strip(one) for one in strips], className="proxy-strips"),
        icon="arrow-left-right",
    )


def silence(found: Silence, now: float) -> html.Div:
    """That the serving process does not answer, and what follows."""
    return states.failed(
        _("The serving process does not answer.") if found.since is None else
        _("The serving process has not answered since %(time)s.", time=moment(found.since, now)),
        _("Its proxies count as down, and what the models that it runs do is not known."),
    )


def _strip(one: Proxy) -> html.Div:
    known = one.numbers
    since = _("Counted since the serving process started; what clients did counts as no failure")
    facts = [
        (_counts(known), since),
        (_("%(time)s on average in the last minute", time=latency(known["mean"])) if "mean" in known else "",
         _("Of the requests that ended in the last minute")),
        (_("up for %(duration)s", duration=duration(known["uptime"])) if "uptime" in known else "", None),
        (sentence(one.message), None),
    ]
    line: list[Any] = []
    for words, title in facts:
        if words:
            line += [*([" · "] if line else []), html.Span(words, title=title)]
    cells: list[Any] = []
    for place, share in enumerate(one.shares):
        begin = one.begin + place * one.width
        state = "none" if share is None else "good" if share >= 0.999 else "bad" if share <= 0.001 else "part"
        said = _("no data") if share is None else _("%(share)s healthy", share=human(share, "ratio"))
        cells.append(html.Span(className=f"proxy-cell proxy-{state}", title=f"{clock(begin)[:5]} · {said}"))
    told = [share for share in one.shares if share is not None]
    mean = human(sum(told) / len(told), "ratio") if told else _("no data")
    return html.Div(
        [
            html.Div([
                html.Strong(model_words.proxy(one.name)), " ",
                html.Span([html.Span(className="model-dot"), state_words(one)],
                          className=f"model-state {state_class(one)}"), " ",
                html.Span(one.address, className="mono muted"),
            ], className="proxy-name"),
            html.Div(cells, className="proxy-cells", role="img",
                     **attrs(aria_label=_("Healthy in 24 hours: %(share)s", share=mean))),
            html.P(line, className="model-how"),
        ],
        className="proxy-strip",
    )


def _counts(known: Mapping[str, float]) -> str:
    """Requests, and how many of them failed, with the time that they are of."""
    if "requests" not in known:
        return ""
    count, failed = round(known["requests"]), known.get("errors")
    told = ngettext("%(count)s request", "%(count)s requests", count, count=number(count))
    if failed:
        return _("%(requests)s since the start, %(count)s failed", requests=told, count=number(failed))
    return _("%(requests)s since the start", requests=told)



def state_words(one: Proxy) -> str:
    """The state of a proxy."""
    return {
        "healthy": _("healthy"), "unhealthy": _("unhealthy"), "down": _("down"), "starting": _("starting"),
    }.get(one.state, one.state)


def state_class(one: Proxy) -> str:
    """The colour of a proxy's state."""
    return {"healthy": "is-ok", "unhealthy": "is-warning", "down": "is-critical"}.get(one.state, "is-plain")
