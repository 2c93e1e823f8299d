"""How many more requests a model can take before its objective breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from dash import html
from flask_babel import gettext as _

from analysis.capacity import FEWEST, SPREAD, Capacity
from components import cards
from components.formats import latency, number
from components.model_plot import Axis, Part, plot
from components.still import Still, still

MOST_DOTS = 400
"""Points that are drawn: the busiest."""


class Room(Protocol):
    """What a model can take (see `serving.room`)."""

    @property
    def now(self) -> float: ...
    @property
    def capacity(self) -> Capacity | None: ...
    @property
    def by(self) -> str | None: ...
    @property
    def minutes(self) -> int: ...
    @property
    def limit(self) -> float | None: ...
    @property
    def points(self) -> Sequence[tuple[float, float]]: ...
    @property
    def target(self) -> float: ...
    @property
    def pieces(self) -> int: ...
    @property
    def each(self) -> int: ...
    @property
    def more(self) -> float | None: ...


def card(room: Room | None) -> Still:
    """The card: a sentence, how it was got, and the minutes it comes from."""
    body: list[Any] = [html.P(
        _("Nothing is asked of this model: without an objective there is no limit to reckon with."), className="muted",
    )] if room is None else [
        html.P(sentence(room), className="room-sentence" if room.capacity else "room-sentence muted"),
        _chart(room) if room.points else None,
        html.P(
            _("From the minutes of the last 24 hours that had requests through the proxies, those of about the same "
              "rate taken together: the time within which %(target)s %% of the requests came over the rate, and the "
              "curve of a queue through them (1/latency falls in a straight line).", target=f"{room.target:g}"),
            className="model-how",
        ),
    ]
    return still(cards.card(_("Capacity"), body, icon="speedometer2", className="model-room"))


def sentence(room: Room) -> str:
    """What can be said, and how sure it is."""
    found = room.capacity
    if found is None:
        return _lacking(room)
    breaks = {
        "ttft": _("the first token takes longer than %(limit)s", limit=latency(room.limit)),
        "itl": _("the time between tokens is longer than %(limit)s", limit=latency(room.limit)),
    }.get(room.by or "", "")
    more = room.more or 0.0
    measured = number(found.measured, 2 if found.measured < 10 else 1)
    if found.beyond:
        return _("At least %(more)s more requests/s before %(breaks)s: the limit lies farther than the measurements "
                 "tell, which go up to %(measured)s/s.", more=_rate(more), breaks=breaks, measured=measured)
    if more <= 0:
        return _("No more: with the %(now)s requests/s of its last minutes it is at the point where %(breaks)s, or "
                 "beyond. Measured up to %(measured)s/s.", now=_rate(room.now), breaks=breaks, measured=measured)
    low, high = (max(value - room.now, 0.0) for value in (found.low, found.high))
    span = _("80 %% sure: %(low)s to %(high)s", low=_rate(low), high=_rate(high))
    return _("About %(more)s more requests/s before %(breaks)s (%(span)s), measured up to %(measured)s/s.",
             more=_rate(more), breaks=breaks, span=span, measured=measured)


def _lacking(room: Room) -> str:
    if not room.minutes:
        return _("Not enough data: no request in the last 24 hours. %(count)s minutes with requests are needed, at "
                 "different loads.", count=number(FEWEST))
    if room.pieces < FEWEST:
        return _("Not enough data: the requests make %(count)s of the %(needed)s points that are needed, at different "
                 "loads. A point takes a minute, and %(each)s requests to tell the time of %(target)s %% of them.",
                 count=number(room.pieces), needed=number(FEWEST), each=number(room.each), target=f"{room.target:g}")
    return _("Not enough data: %(count)s minutes with requests, all at about the same load. The busiest must be "
             "%(times)s times as busy as the quietest.", count=number(room.minutes), times=number(SPREAD, 1))


def _rate(value: float) -> str:
    return number(value, 2 if value < 1 else 1)


def _chart(room: Room) -> Any:
    dots = list(room.points)[-MOST_DOTS:]
    found, limit = room.capacity, room.limit or 0.0
    right = max([rate for rate, _time in dots] + ([min(found.rate, 4 * found.measured)] if found else [])) * 1.05
    times = sorted(time for _rate_, time in dots)
    high = max(limit * 1.5, times[int(0.98 * (len(times) - 1))] * 1.1)
    parts = [
        Part([(rate, time) for rate, time in dots if time <= high], "is-dots", _("measured minutes"), dots=True),
        Part([(0.0, limit), (right, limit)], "is-limit", _("limit")),
    ]
    if found is not None:
        parts.insert(1, Part(_curve(found.line, right, high), "is-curve", _("fitted")))
        parts.append(Part([(room.now, 0.0), (room.now, high)], "is-now", _("now")))
    return plot(parts, Axis(0.0, right, lambda v: f"{number(v, 0 if right >= 5 else 1 if right >= 0.5 else 2)}/s"),
                Axis(0.0, high, latency), sentence(room))


def _curve(line: tuple[float, float], right: float, high: float, steps: int = 80) -> list[tuple[float, float]]:
    """The fitted curve as far as it stays in sight."""
    level, slope = line
    found = []
    for step in range(steps + 1):
        rate = right * step / steps
        inverse = level + slope * rate
        if inverse <= 1 / high:
            break
        found.append((rate, 1 / inverse))
    return found
