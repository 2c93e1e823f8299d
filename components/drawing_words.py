"""What drawings are called, and the sentences said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import gettext as _

from components import metric_words
from components.explore_selectors import Matcher, take_apart
from metrics.series import SeriesInfo

if TYPE_CHECKING:
    from components.drawings import Drawing

MOST_NAMED = 3
"""Metrics named in a title."""


def title(drawing: Drawing) -> str:
    """What a drawing is called: ``CPU use · mean by core``."""
    parts = [", ".join(_subjects(drawing.selectors))]
    if drawing.rate:
        parts.append(_("change per second"))
    if drawing.aggregate:
        parts.append(aggregate(drawing.aggregate, drawing.by))
    kind = {
        "hist": _("how values are spread"), "hours": _("by hour and weekday"), "buckets": _("by bucket"),
        "quantiles": _("percentiles"), "shares": _("shares"),
    }.get(drawing.kind)
    if kind:
        parts.append(kind)
    if drawing.span:
        parts.append({
            "before": _("against the window before"), "day": _("against yesterday"), "week": _("against last week"),
        }[drawing.span])
    if drawing.versus:
        parts.append(_("against %(other)s", other=_other(drawing)))
    return " · ".join(parts)


def _subjects(selectors: tuple[str, ...]) -> list[str]:
    found = list(dict.fromkeys(_subject(s) for s in selectors))
    if len(found) <= MOST_NAMED:
        return found
    return [*found[: MOST_NAMED - 1], _("%(count)s more", count=len(found) - MOST_NAMED + 1)]


def _subject(selector: str) -> str:
    """A selector in words: the metric, and what is asked of labels."""
    parts = take_apart(selector)
    if parts is None:
        return selector
    asked = [_asked(m) for m in parts.matchers]
    return " · ".join(p for p in (metric_words.metric(parts.name) if parts.name else "", ", ".join(asked)) if p)


def _other(drawing: Drawing) -> str:
    """What a drawing is compared with: of the same metric only what is asked of its labels."""
    other, own = take_apart(drawing.versus), {p.name for s in drawing.selectors if (p := take_apart(s))}
    if other is not None and other.matchers and own == {other.name}:
        return ", ".join(_asked(m) for m in other.matchers)
    return _subject(drawing.versus)


def _asked(matcher: Matcher) -> str:
    values = matcher.values
    if values and len(values) == 1:
        return metric_words.labelled(matcher.label, values[0])
    name = metric_words.label(matcher.label)
    if values and len(values) <= 4:
        return f"{name} {', '.join(values)}"
    if matcher.op == "!=":
        return _("without %(label)s", label=f"{name} {matcher.value}".strip())
    if matcher.op == "!~":
        return _("without %(label)s", label=f"{name} {matcher.value}")
    return f"{name} {matcher.value}"


def aggregate(how: str, by: tuple[str, ...] = ()) -> str:
    """An aggregate in words: ``mean by core``, ``sum``."""
    labels = ", ".join(metric_words.label(name) for name in by)
    if not labels:
        return {
            "mean": _("mean"), "sum": _("sum"), "min": _("lowest"), "max": _("highest"), "p95": _("95th percentile"),
        }[how]
    return {
        "mean": _("mean by %(labels)s", labels=labels), "sum": _("sum by %(labels)s", labels=labels),
        "min": _("lowest by %(labels)s", labels=labels), "max": _("highest by %(labels)s", labels=labels),
        "p95": _("95th percentile by %(labels)s", labels=labels),
    }[how]


def span(name: str) -> str:
    """When the values lie that a drawing compares with; in a legend behind a series' name."""
    return {"before": _("before"), "day": _("a day ago"), "week": _("a week ago")}[name]


def subject(info: SeriesInfo) -> str:
    """A series in words, where it stands beside others: its labels, or its metric where it has none."""
    labels = [metric_words.labelled(name, value) for name, value in info.labels if value]
    return " · ".join(labels) or metric_words.metric(info.name, info.help)
