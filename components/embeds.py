"""What an embed link gives, worked out from its target: charts, series, and the window of time; nothing beside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from flask_babel import gettext as _

from components.chartspecs import CHARTS, TABS, WINDOWS, ChartSpec, Tab, find
from components.drawings import drawing_of, parse_all, spec_of
from components.explore_selectors import rates_of
from components.links import href
from components.view_rules import chart_spec, own_spelling
from desk.views import Person, View
from live.summary import Gpu, Reading, Summary
from metrics.series import SeriesInfo
from security.embed_guard import PREFIX
from security.embeds import Embed, Target

LATE = 90.0
"""Seconds by which a request may lie outside its window: clocks differ, and a request takes its time."""
EMBED_TABS: tuple[Tab, ...] = tuple(tab for tab in TABS if tab != "processes")
"""Tabs of Monitoring that can be embedded: the process list names people and what they run."""


class ViewReader(Protocol):
    """What this needs of `desk.views.Views`."""

    def get(self, view_id: int, who: Person) -> View:
        """One view."""


class Catalogue(Protocol):
    """What this needs of `storage.query.Query`."""

    def series(self, matchers: Sequence[str] | None = None) -> list[SeriesInfo]:
        """The series that selectors mean."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What one link gives."""

    target: Target
    charts: tuple[str, ...] = ()
    """Ids of its charts, in order; empty for the overview and for Monitoring, whose charts follow from the tab."""

    def spec(self, chart: str) -> ChartSpec | None:
        """The chart of an id when the link gives it, else None."""
        own = None if chart in self.charts else find(chart) if self.target.kind == "monitoring" else None
        spec = chart_spec(chart) if chart in self.charts else own if own and own.tab == self.target.what else None
        # Bars show what is now: a link to the past must not.
        return None if spec is None or (self.target.fixed and spec.kind == "bars") else spec

    def window(self, start: float, end: float, now: float) -> tuple[float, float] | None:
        """The part of a span that the link gives; None when that is nothing. All in epoch seconds."""
        target = self.target
        if target.start is not None and target.end is not None:
            first, last = target.start, target.end
        else:
            first, last = now - WINDOWS.get(target.window, 0) - LATE, now + LATE
        start, end = max(start, first), min(end, last)
        return (start, end) if start < end else None

    def _matchers(self) -> Iterable[str]:
        specs = [spec for chart in self.charts if (spec := self.spec(chart))]
        if self.target.kind == "monitoring":
            specs = [spec for spec in CHARTS.values() if spec.tab == self.target.what]
        for spec in specs:
            drawing = drawing_of(spec.id)
            if drawing is not None:
                for selector in (*drawing.selectors, *([drawing.versus] if drawing.versus else [])):
                    yield selector
                    yield from (rate.text for rate in rates_of(selector))
            else:
                yield from spec.matchers
                if spec.id == "cpu":
                    yield from CHARTS["cpu-modes"].matchers  # drawn in its place on a machine of many cores

    def outside(self, keys: Sequence[str], catalogue: Catalogue, summary: Summary | None = None) -> list[str]:
        """Those of ``keys`` whose newest values the link does not give. ``summary`` is what the overview shows."""
        if self.target.fixed:
            return list(keys)
        if self.target.kind == "overview":
            names = _shown_names(summary) if summary else set()
            return [key for key in keys if key.partition("{")[0] not in names]
        known: set[str] = set()
        for matcher in dict.fromkeys(self._matchers()) if keys else ():
            with contextlib.suppress(ValueError):  # a drawing whose selector means nothing
                known.update(info.key for info in catalogue.series([matcher]))
        return [key for key in keys if key not in known]


def _shown_names(summary: Summary) -> set[str]:
    """Metrics of the overview's gauges. By name: which volume is the fullest, which sensor the hottest, changes."""
    parts: list[Summary | Gpu] = [summary, *summary.gpus]
    values = [getattr(part, field.name) for part in parts for field in fields(part)]
    return {value.name for value in values if isinstance(value, Reading)}


def owner(embed: Embed) -> Person:
    """Who made a link, as far as saved views know people: the link shows a view as long as its maker may see it."""
    return Person(embed.owner_id, embed.created_by)


def scope_of(embed: Embed, views: ViewReader) -> Scope:
    """What ``embed`` gives.

    Raises:
        ViewMissing: it shows a saved view that is gone, or that its maker may not see any more.
        StorageError: the database is away.
    """
    target = embed.target
    if target.kind == "chart":
        return Scope(target, (own_spelling(target.what),))
    if target.kind == "explore":
        return Scope(target, tuple(drawing.id for drawing in parse_all(target.what)))
    if target.kind == "view":
        return Scope(target, tuple(map(own_spelling, views.get(int(target.what), owner(embed)).body.charts)))
    return Scope(target)


def address_of(token: str, host_url: str) -> str:
    """The whole address of a link, on the host that the request in hand came to."""
    return host_url.rstrip("/") + href(f"{PREFIX}{token}/")


def title_of(target: Target, view: str = "") -> str:
    """What a target is called, in the language of the request in hand; ``view`` is the saved view's name."""
    if target.kind == "chart":
        spec = chart_spec(target.what)
        gpu = target.what.partition(":")[2] if spec is not None and spec.group == "gpu" else ""
        title = str(spec.title) if spec is not None else target.what
        return _("GPU %(number)s", number=gpu) + f" · {title}" if gpu else title
    if target.kind == "monitoring":
        return f"{_('Monitoring')} · {_('GPU') if target.what == 'gpu' else _('System')}"
    if target.kind == "explore":
        return ", ".join(str(spec_of(d).title) for d in parse_all(target.what))[:200]
    return view if target.kind == "view" else _("Overview")
