"""What a drawing shows: its series selected, worked on, and drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flask_babel import get_timezone
from flask_babel import gettext as _

from analysis import transform
from analysis.frames import reduced
from analysis.gather import MINUTE, gather
from callbacks import embedded, statistics
from components import (
    drawing_compare,
    drawing_figures,
    drawing_grids,
    drawing_latency,
    drawing_words,
    metric_words,
    states,
)
from components.drawing_figures import MOST_POINTS, Drawn, Shown
from components.drawings import SPANS, Drawing
from components.explore_selectors import kept
from components.formats import human
from components.sentences import sentence
from components.theme import Theme
from metrics.series import Series, SeriesInfo
from services import Vigie

if TYPE_CHECKING:
    from callbacks.charts import Want

Answer = tuple[dict[str, Any], Any]


class _Refused(ValueError):
    """A drawing that cannot be drawn: a title, and the sentence that says why and what to do."""

    def __init__(self, title: str, why: str, how: str = "") -> None:
        super().__init__(why)
        self.title, self.why, self.how = title, why, how


@dataclass(slots=True)
class _Read:
    """Series of one side of a drawing, and how they were come by."""

    series: list[Series]
    step: float
    problems: list[str] = field(default_factory=list)
    note: str = ""


def draw(services: Vigie, want: Want, drawing: Drawing, answer: dict[str, Any]) -> Answer:
    """Fills ``answer`` with the drawing's figure; returns it and what the panel says when there is nothing to draw."""
    try:
        drawn, read = _drawn(services, want, drawing)
    except _Refused as refusal:
        answer["state"] = "failed"
        return answer, states.failed(refusal.title, refusal.why, refusal.how)
    except ValueError as error:
        answer["state"] = "failed"
        return answer, states.failed(
            _("Not a selector"), str(error), _('Write it as name{label="value"}, or choose a metric from the list.'),
        )
    answer["problem"] = " ".join(p for p in (
        *map(sentence, read.problems[:1]), drawn.problem if drawn else "", read.note,
    ) if p)
    if drawn is None:
        answer["state"] = "no_data"
        return answer, _nothing(services, drawing)
    answer["figure"] = drawn.figure
    answer["text"] = drawn.text or _newest(drawn.shown)
    if want.stats:
        answer |= _statistics(services, want, drawn)
    return answer, None


def _drawn(services: Vigie, want: Want, drawing: Drawing) -> tuple[Drawn | None, _Read]:
    _asked, rates = kept(drawing.selectors, services.query.series)
    # Of counters the rate is what there is.
    plain = not (drawing.aggregate or (drawing.rate and len(rates) < len(drawing.selectors)))
    compared = bool(drawing.span or drawing.versus)
    simple = plain and not compared and drawing.kind == "lines"
    read = _read(services, drawing, drawing.selectors, want.start, want.end, want.points, reduce=simple)
    if not read.series:
        return None, read
    # One of several by a label is what it is of: a lone model is not called "sum".
    nameless = drawing.aggregate and not (drawing.by and read.series[0].info.name)
    shown = drawing_figures.named(
        read.series, want.theme, drawing_words.aggregate(drawing.aggregate) if nameless else "",
        [label for label in drawing.by if label in metric_words.KINDS],
    )
    if drawing.kind != "lines" and drawing_figures.one_unit(shown) is None:
        raise _Refused(
            _("Several units"), _("A chart of this kind has one unit; these series have several."),
            _("Draw lines, or choose metrics of one unit."),
        )
    window = (want.start, want.end, want.theme, read.step)
    if compared:
        return _compared(services, want, drawing, shown, read), read
    if drawing.kind in ("buckets", "quantiles"):
        drawn = _bucketed(services, want, drawing, shown, window)
    else:
        drawn = _by_kind(want, drawing, shown, window, simple=simple, plain=plain)
    drawn.whole = drawn.whole or ([] if plain else shown)
    return drawn, read


def _by_kind(
    want: Want, drawing: Drawing, shown: list[Shown], window: tuple[float, float, Theme, float], *, simple: bool,
    plain: bool,
) -> Drawn:
    if drawing.kind == "lines":
        few = shown if simple else _reduced(shown, want.points)
        return drawing_figures.lines(want.spec, few, *window, live=simple)
    if drawing.kind == "area":
        return drawing_figures.area(want.spec, _reduced(shown, None), *window, points=want.points, live=plain)
    if drawing.kind == "bars":
        return drawing_figures.columns(want.spec, shown, *window, points=want.points)
    if drawing.kind == "heat":
        return drawing_grids.heat(want.spec, shown, *window)
    if drawing.kind == "hist":
        return drawing_grids.hist(want.spec, shown, *window)
    if drawing.kind == "hours":
        return drawing_grids.hours(want.spec, shown, *window, zone=str(get_timezone() or "UTC"))
    return drawing_latency.shares(want.spec, shown, *window)


def _bucketed(
    services: Vigie, want: Want, drawing: Drawing, shown: list[Shown], window: tuple[float, float, Theme, float],
) -> Drawn:
    # Buckets that are empty here are not among the series that are shown, and still bound those that are.
    known = services.query.series(drawing.selectors)
    draw_buckets = drawing_latency.quantiles if drawing.kind == "quantiles" else drawing_grids.buckets
    if (drawn := draw_buckets(want.spec, shown, *window, known=known)) is None:
        raise _Refused(
            _("No latency buckets"), _("These series have no label le, which names the bound of a bucket."),
            _("Choose a metric whose series are buckets, or draw a heatmap."),
        )
    return drawn


def _reduced(shown: list[Shown], points: int | None) -> list[Shown]:
    most = None if points is None else max(min(points, MOST_POINTS // len(shown)), 100)
    return [replace(one, series=reduced(one.series, most)) for one in shown]


def _compared(services: Vigie, want: Want, drawing: Drawing, shown: list[Shown], read: _Read) -> Drawn:
    if drawing.kind not in ("lines", "area"):
        raise _Refused(
            _("Lines only"), _("Comparisons are drawn as lines."), _("Choose lines, or leave out the comparison."),
        )
    shift = float(SPANS[drawing.span] or want.end - want.start) if drawing.span else 0.0
    # Two comparisons at once: with the other series, as they were then.
    selectors = (drawing.versus,) if drawing.versus else drawing.selectors
    then = _read(services, drawing, selectors, want.start - shift, want.end - shift, want.points, reduce=False)
    other = [transform.shifted(one, shift) for one in then.series]
    if drawing_figures.one_unit(shown) is None or not drawing_compare.same_unit(shown, other):
        raise _Refused(
            _("Several units"), _("Only series of one unit can be compared."), _("Choose metrics of one unit."),
        )
    words = drawing_words.span(drawing.span) if drawing.span and not drawing.versus else ""
    names = [drawing_words.subject(s.info) for s in other] if not words else []
    if drawing.span and drawing.versus:
        names = [f"{name} · {drawing_words.span(drawing.span)}" for name in names]
    if not words and len(shown) == 1 and drawing.selectors:
        shown = [replace(shown[0], name=drawing_words.subject(shown[0].series.info))]
    step = max(read.step, then.step)
    read.problems += [p for p in then.problems if p not in read.problems]
    drawn = drawing_compare.compare(
        want.spec, shown, other, words, names, want.start, want.end, want.theme, step, want.points,
    )
    if not other:
        drawn.problem = _("Nothing to compare with: no values were recorded then.") if words else _(
            "Nothing to compare with: the other series have no values in this window.")
    return drawn


# -- reading


def _read(
    services: Vigie, drawing: Drawing, selectors: Sequence[str], start: float, end: float, points: int, *, reduce: bool,
) -> _Read:
    """The series of some selectors, with the drawing's rate and aggregate done to them."""
    asked, rates = kept(selectors, services.query.series)
    note = _("The total of a counter is not kept; its rate is shown.") if rates and not drawing.rate else ""
    if reduce:
        count = max(len(services.query.series(asked)), 1)
        points = max(min(points, MOST_POINTS // count), 100)
        found = services.query.select(asked, start, end, points)
        if found.step >= MINUTE and end - start < 4 * found.step and embedded.shows_now():
            # The past is kept coarser than the window is wide: with what lies around it lines cross it.
            found = services.query.select(asked, start - 2 * found.step, end + 2 * found.step, points)
        return _Read([s for s in found.series if s.t.size], found.step, found.problems, note)
    got = gather(services.query, asked, start, end, points, _work(drawing, rates))
    return _Read([s for s in got.series if s.t.size], got.step, got.problems, note)


def _work(drawing: Drawing, rates: frozenset[str]) -> Callable[[list[Series]], list[Series]] | None:
    """What is done to series; None when nothing is. ``rates`` are metrics that are rates already."""
    if not (drawing.aggregate or drawing.rate):
        return None

    def work(series: list[Series]) -> list[Series]:
        if drawing.rate:
            series = [s if s.info.name in rates else transform.rate(s) for s in series]
        return transform.aggregate(series, drawing.aggregate, drawing.by) if drawing.aggregate else series

    return work


# -- words


def _nothing(services: Vigie, drawing: Drawing) -> Any:
    """What a drawing without a value says."""
    if services.query.series(kept(drawing.selectors, services.query.series)[0]):
        return states.no_data(
            _("Nothing recorded"), _("There are no values in this window of time."), _("Choose another window."),
        )
    return states.no_data(
        _("No such series"), _("Nothing that Vigie keeps matches this: %(text)s", text=drawing.text),
        _("Choose a metric from the list; the search knows names, words and labels."),
    )


def _newest(shown: Sequence[Shown], most: int = 12) -> str:
    """The newest value of each series in words; of many, the highest."""
    last = [(one, value) for one in shown if (value := _last(one.series)) is not None]
    if len(last) > most:
        last = sorted(last, key=lambda pair: -pair[1])[:most]
    return ", ".join(f"{one.name} {human(value, one.series.info.unit)}" for one, value in last)


def _last(one: Series) -> float | None:
    there = one.value[one.value == one.value]
    return float(there[-1]) if there.size else None


def _statistics(services: Vigie, want: Want, drawn: Drawn) -> dict[str, Any]:
    """Statistics of what is shown; of plain series from all their values, drawn or not."""
    shown = drawn.shown
    if not drawn.whole:
        known = {one.key: one for one in shown}
        infos: list[SeriesInfo] = [one.series.info for one in shown]
        pairs = [(s, known[s.info.key]) for s in statistics.whole(services.query, infos, want.start, want.end)]
        named = [(s, one.name, one.colour) for s, one in pairs if s.info.key == one.key]
    else:
        named = [(one.series, one.name, one.colour) for one in drawn.whole]
    if any("z" in trace for trace in drawn.figure["data"]):  # in a grid colours mean values
        named = [(one, name, "") for one, name, _colour in named]
    found = statistics.rows(named, want.start, want.end)
    return {"stats": found, "stats_head": statistics.head(), "stats_note": statistics.note(found)}
