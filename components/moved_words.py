"""What a series did, in words; and a window, its past and why it cannot be judged."""

from __future__ import annotations

import math
import re

from flask_babel import gettext as _

from analysis.departure import FALSE_ALARMS, LEAST, MOST
from analysis.moved import Direction, Move, Moved
from analysis.moved_plan import NoWindowError
from components import formats, metric_words
from components.charts import scale_of
from metrics.series import SeriesInfo

NAME = "\x00"
"""Stands for a series' name in `sentence` until it is put in."""
METHOD_SOURCE = "Ibragimov & Müller 2010; Vovk et al. 2005"


def name(info: SeriesInfo) -> str:
    """A series in a few words: ``CPU use · core 0``."""
    labels = [metric_words.labelled(label, value) for label, value in info.labels if value]
    return " · ".join([metric_words.metric(info.name, info.help), *labels])


def direction(which: Direction) -> str:
    """Which way a series went, in a word or two."""
    return {
        "up": _("Up"), "down": _("Down"), "rougher": _("More restless"), "calmer": _("Calmer"),
        "stopped": _("Stopped"), "appeared": _("Appeared"),
    }[which]


def significant(value: float, unit: str) -> str:
    """A value with three significant digits, in the unit in which it is at least 1: ``120 µs``."""
    factor, suffix = scale_of(unit, abs(value))
    return formats.figure(value * factor) + suffix


def told(value: float, unit: str) -> str:
    """A value in words, never as 0 when it is not."""
    text = formats.human(value, unit)
    return significant(value, unit) if value and math.isfinite(value) and not re.search("[1-9]", text) else text


def sentence(move: Move, called: str = NAME) -> str:
    """What a series did, as one sentence about ``called``."""
    unit = move.info.unit
    values = (move.now, move.low, move.high)
    now, low, high = (told(value, unit) for value in values)
    if move.reason == "rough" and now in (low, high) and len(set(values)) > 1:
        now, low, high = (significant(value, unit) for value in values)
    if move.reason == "presence":
        return _presence(move, called, now)
    if move.reason == "rough":
        if low == high:
            return _("%(name)s changed by %(now)s from one value to the next, by %(low)s before.", name=called, now=now,
                     low=low)
        return _("%(name)s changed by %(now)s from one value to the next, by %(low)s to %(high)s before.", name=called,
                 now=now, low=low, high=high)
    if now in (low, high) and move.now not in (move.low, move.high):
        far = min(abs(move.now - move.low), abs(move.now - move.high))
        by = told(far, unit)
        if move.direction == "up":
            return _("%(name)s went %(by)s beyond its highest before, to %(now)s.", name=called, by=by, now=now)
        return _("%(name)s went %(by)s below its lowest before, to %(now)s.", name=called, by=by, now=now)
    if move.reason == "step":
        return _("%(name)s went from %(low)s to %(now)s, further at once than ever before.", name=called, low=low,
                 now=now)
    if move.reason == "peak":
        return _("%(name)s reached %(now)s in this window, never more than %(high)s before.", name=called, now=now,
                 high=high)
    if move.reason == "dip":
        return _("%(name)s fell to %(now)s in this window, never below %(low)s before.", name=called, now=now, low=low)
    if low == high:
        return _("%(name)s was %(now)s in this window, %(low)s before.", name=called, now=now, low=low)
    return _("%(name)s was %(now)s in this window, %(low)s to %(high)s before.", name=called, now=now, low=low,
             high=high)


def _presence(move: Move, called: str, now: str) -> str:
    share = formats.human(move.now, "ratio")
    if move.direction == "stopped":
        if move.now < 0.02:
            return _("%(name)s has no values in this window; it had before.", name=called)
        return _("%(name)s has only %(share)s of its values in this window.", name=called, share=share)
    if move.low < 0.02:
        return _("%(name)s has values for the first time: %(now)s.", name=called, now=now)
    return _("%(name)s has more of its values than before: it is %(now)s.", name=called, now=now)


def swings(move: Move) -> str:
    """How far it went, against how far it ever went."""
    if move.reason == "presence":
        return _("By its presence alone")
    if move.swings >= MOST:
        return _("More than %(times)s times its farthest swing before", times=formats.number(MOST))
    digits = 1 if move.swings < 9.95 else 0
    return _("%(times)s times its farthest swing before", times=formats.number(move.swings, digits))


def span(start: float, end: float, now: float) -> str:
    """A window: ``20:14:05 – 20:19:05``, with the date where it is not today's."""
    seconds = end - start < 3600
    if formats.day(start) == formats.day(now) == formats.day(end):
        times = [formats.clock(at) if seconds else formats.moment(at, now) for at in (start, end)]
    else:
        times = [formats.moment(at, now) for at in (start, end)]
    return " – ".join(times)


def past(found: Moved, now: float) -> str:
    """What the window was compared with, as a sentence."""
    plan = found.plan
    step = {
        "samples": _("second by second"), "minutes": _("minute by minute"), "hours": _("hour by hour"),
    }[plan.source]
    if plan.source == "samples" and plan.step != 1:
        step = _("every %(step)s", step=formats.duration(plan.step))
    begin = max(plan.past, found.past)
    length = plan.start - begin
    if length > 600:
        length = round(length / 60) * 60
    return _("Compared with the %(length)s before it (from %(from)s), %(step)s: %(count)s windows of the same length.",
             length=formats.duration(length), step=step, count=found.windows,
             **{"from": formats.moment(begin, now)})


def looked(found: Moved, seconds: float) -> str:
    """How many series were looked at, in how long."""
    return _("%(count)s series looked at in %(time)s.", count=formats.number(len(found.moves)),
             time=formats.duration(seconds))


def left_out(found: Moved) -> list[str]:
    """Which series could not be judged, and why."""
    said = []
    if found.short_past:
        said.append(_("%(count)s left out: not enough past, at least 4 windows are needed.", count=found.short_past))
    if found.few_values:
        said.append(_("%(count)s left out: they report too seldom for a window this short.", count=found.few_values))
    return said


def method() -> list[str]:
    """How it is computed, in sentences."""
    return [
        _("Each series is compared with itself: a window of the same length is slid over its past. How far its mean, "
          "its step from one window to the next, its restlessness, its highest and its lowest value ever went from "
          "their usual is one swing. What now went several swings stands out: at least %(least)s, more where the past "
          "is short.", least=formats.number(LEAST, 1)),
        _("The bound is set so that pure noise shows nothing at all in %(share)s of searches, however alike "
          "neighbouring values are; a score of 50 lies at the bound.", share=formats.human(1 - FALSE_ALARMS, "ratio")),
        _("After %(source)s.", source=METHOD_SOURCE),
    ]


def lack(error: NoWindowError) -> tuple[str, str]:
    """Why a window cannot be judged, and what to do."""
    length = formats.duration(error.seconds)
    return {
        "too_short": (_("This window is too short"), _("Choose at least %(length)s.", length=length)),
        "too_old": (
            _("This window is too short for its age"),
            _("Of the time before it only minutes are kept: choose at least %(length)s.", length=length),
        ),
        "too_long": (_("This window is too long"), _("Choose at most %(length)s.", length=length)),
        "not_yet": (_("This window has not begun"), _("Choose one that lies in the past.")),
    }[error.lack]


def alike(count: int) -> str:
    """How many series moved with one."""
    return _("and 1 alike") if count == 1 else _("and %(count)s alike", count=count)


def verdict(found: Moved) -> str:
    """The answer in a few words."""
    if not found.apart:
        return _("Nothing stands out")
    if found.apart == 1:
        return _("1 series stands out")
    if 1 < len(found.groups) < found.apart:
        return _("%(count)s series stand out, in %(groups)s groups", count=formats.number(found.apart),
                 groups=formats.number(len(found.groups)))
    return _("%(count)s series stand out", count=formats.number(found.apart))


