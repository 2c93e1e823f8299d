"""What an export is to hold: the series and the window that were asked for, as a table of blocks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from analysis import frames, transform
from analysis.gather import gather
from api.models import Parameters
from api.problems import Problem, field_problem, in_order
from api.wire import When
from components.charts import COLUMNS
from components.chartspecs import WINDOWS, ChartSpec, find, fitting
from components.drawings import SPANS, Drawing, drawing_of, title_of
from components.explore_selectors import kept
from jobs.formats import Format
from jobs.table import Block, Facts, Table, block_of, columns_of, read_blocks
from metrics.flat import iso
from metrics.metric import labels
from metrics.series import Series
from security.identity import current_identity
from services import Vigie
from storage.errors import StoreUnavailable
from storage.reading import Reading
from storage.selector import parse_selector

POINTS = 2000
"""Points of each series when none are asked for: about as many as a wide screen shows."""
MOST_SERIES, MOST_CHARTS = 512, 24
SOURCES: dict[float, Literal["minutes", "hours"]] = {60.0: "minutes", 3600.0: "hours"}
_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]+")
Window = Literal["5m", "15m", "1h", "6h", "24h", "7d", "30d"]


class ExportQuery(Parameters):
    """What to export. ``raw``: every sample, or step, there is; else each series reduced to ``points``."""

    format: Format = Field("csv", description="The kind of file")
    metric: list[str] = Field(
        default_factory=list, max_length=64, description='A series: name, or name{label="value"}; repeatable',
    )
    chart: list[str] = Field(
        default_factory=list, max_length=MOST_CHARTS,
        description="Instead of metric: a chart by its id (cpu), or one that was drawn (q:...); repeatable",
    )
    start: When | None = Field(None, alias="from", description="Start of the window")
    end: When | None = Field(None, alias="to", description="End of the window; now when not given")
    window: Window | None = Field(None, description="Instead of from: so long before the end; 1h by default")
    last: int | None = Field(None, ge=1, le=10_000_000, description="Instead of from: the newest N steps of the ring")
    raw: bool = Field(False, description="Every sample there is, or every step of the archive; else points")
    points: int | None = Field(None, ge=2, le=20_000, description=f"Without raw: points of a series, {POINTS} if none")
    extremes: bool = Field(False, description="The lowest and the highest value of each step too")
    tz: str | None = Field(None, max_length=64, description="Time zone of time_local, as Europe/Paris; else your own")
    name: str | None = Field(None, max_length=80, description="What the file is called after, instead of its series")
    server: int = Field(1, description="Server id; this machine is 1")


class ExportBody(BaseModel):
    """As the parameters of ``GET /api/metrics/export``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Format = "csv"
    metric: list[str] = Field(default_factory=list, max_length=MOST_SERIES)
    chart: list[str] = Field(default_factory=list, max_length=MOST_CHARTS)
    start: When | None = Field(None, alias="from")
    end: When | None = Field(None, alias="to")
    window: Window | None = None
    last: int | None = Field(None, ge=1, le=10_000_000)
    raw: bool = False
    points: int | None = Field(None, ge=2, le=20_000)
    extremes: bool = False
    tz: str | None = Field(None, max_length=64)
    name: str | None = Field(None, max_length=80)
    server: int = 1


Asked = ExportQuery | ExportBody


@dataclass(frozen=True, slots=True)
class Plan:
    """An export before its values are read. Its table is read outside of the request too."""

    reading: Reading
    charts: list[ChartSpec | Drawing]
    selectors: list[str]
    facts: Facts
    file: str
    extremes: bool
    services: Vigie
    rates: frozenset[str] = frozenset()
    """Metrics that are exported in place of the counters whose rates they are."""

    @property
    def raw(self) -> bool:
        """True when nothing is reduced."""
        return self.facts.points is None

    def rows(self) -> int:
        """About how many rows there are."""
        return self.reading.rows if self.facts.points is None else min(self.reading.rows, 4 * self.facts.points)

    def values(self) -> int:
        """About how many values there are."""
        few = self.reading.values
        if self.facts.points is not None:
            few = min(few, self.facts.points * len(self.reading.infos))
        return few * (3 if self.extremes else 1)

    def table(self) -> Table:
        """The export. Its blocks are read when they are asked for.

        Raises:
            StoreUnavailable: what is not read block by block cannot be read.
        """
        if not self.raw:
            return self._shown()
        blocks = read_blocks(self.reading.pieces(), self.facts.start, self.facts.end, self.extremes)
        return Table(self.facts, columns_of(self.reading.infos, self.extremes), blocks)

    def _shown(self) -> Table:
        """As a chart draws it: few values, read at once."""
        points = self.facts.points or POINTS
        found = {s.info.key + s.info.unit: s for part in self._parts(points) for s in part}
        series = list(found.values())
        step = max((s.step for s in series), default=self.reading.step)
        facts = replace(self.facts, step=step, source=SOURCES.get(step, "samples"))

        def block() -> Iterator[Block]:
            yield block_of(series, self.extremes, 1.0)

        return Table(facts, columns_of([s.info for s in series], self.extremes), block())

    def _parts(self, points: int) -> Iterator[list[Series]]:
        read, start, end = self.services.query.select, self.facts.start, self.facts.end
        if self.selectors:
            yield _known(read(self.selectors, start, end, points).series, self.reading)
        for chart in self.charts:
            if isinstance(chart, Drawing):
                if not (chart.rate or chart.aggregate or chart.span or chart.versus):
                    yield read(chart.selectors, start, end, points).series
                    continue
                now = self._drawn(chart, chart.selectors, 0.0, points)
                yield [frames.reduced(s, points) for s in (*now, *self._compared(chart, now, points))]
            elif chart.kind == "stacked":
                found = read(chart.matchers, start, end, None).series
                t, values = frames.reduce_together(*frames.align(found), points)
                yield [replace(s, t=t, value=v.astype(np.float32), low=None, high=None)
                       for s, v in zip(found, values, strict=True)]
            elif chart.kind in ("heatmap", "strip"):
                whole = read(chart.matchers, start, end, None)
                width = float(np.ceil(max(whole.step, (end - start) / COLUMNS) / whole.step - 1e-9)) * whole.step
                t, values = frames.bucket(whole.series, start, end, width, highest=chart.kind == "strip")
                yield [replace(s, t=t, value=v.astype(np.float32), step=width, low=None, high=None)
                       for s, v in zip(whole.series, values, strict=True)]
            else:
                yield read(chart.matchers, start, end, points).series

    def _drawn(self, chart: Drawing, selectors: Sequence[str], earlier: float, points: int) -> list[Series]:
        """What a drawing makes of some series of the window, or of one so many seconds earlier."""
        start, end = self.facts.start - earlier, self.facts.end - earlier
        got = gather(self.services.query, selectors, start, end, points).series
        got = [s if s.info.name in self.rates else transform.rate(s) for s in got] if chart.rate else got
        return transform.aggregate(got, chart.aggregate, chart.by) if chart.aggregate else got

    def _compared(self, chart: Drawing, now: Sequence[Series], points: int) -> Iterator[Series]:
        """What a drawing is compared with, at the times at which it is drawn, and the differences: now minus then.

        The label ``compared`` tells them from the series themselves.
        """
        if not (chart.span or chart.versus):
            return
        earlier = float(SPANS[chart.span] or self.facts.end - self.facts.start) if chart.span else 0.0
        selectors = (chart.versus,) if chart.versus else chart.selectors
        then = [transform.shifted(s, earlier) for s in self._drawn(chart, selectors, earlier, points)]
        for one in then:
            yield _labelled(one, chart.span) if chart.span else one
        for at, place in transform.pairs([s.info for s in now], [s.info for s in then]):
            if now[at].info.unit == then[place].info.unit:
                yield _labelled(transform.difference(now[at], then[place]), "difference")


def _labelled(one: Series, compared: str) -> Series:
    return replace(one, info=replace(one.info, labels=labels(dict(one.info.labels), compared=compared)))


def _known(series: list[Series], reading: Reading) -> list[Series]:
    """All series of a reading that were asked for, empty ones too: a column that is asked for is there."""
    found = {s.info.key: s for s in series}
    none = np.empty(0, np.int64), np.empty(0, np.float32)
    return [found.get(info.key) or Series(info, *none, reading.step) for info in reading.infos]


def plan(services: Vigie, asked: Asked) -> Plan:
    """What an export would be.

    Raises:
        Problem: what is asked for is not right, or not there.
        StoreUnavailable: no store can be read.
    """
    if asked.server != 1:
        raise Problem(404, f"There is no server {asked.server}; this machine is server 1.")
    if not asked.metric and not asked.chart:
        raise field_problem("metric", None, "give a metric or a chart to export")
    if asked.metric and asked.chart:
        raise field_problem("chart", asked.chart[0], "give metric or chart, not both")
    for selector in asked.metric:
        _check_selector("metric", selector)
    shown = [_chart(services, chart) for chart in asked.chart]
    for chart in shown:
        if isinstance(chart, Drawing) and chart.versus:
            _check_selector("chart", chart.versus)
    charts, rates = _kept(services, shown)
    start, end = _window(services, asked)
    selectors = list(asked.metric) + [s for chart in charts for s in _selectors(chart)]
    for selector in selectors[len(asked.metric):]:
        _check_selector("chart", selector)
    reading = services.query.reading(list(dict.fromkeys(selectors)), start, end)
    if not reading.infos:
        if reading.problems:
            raise StoreUnavailable(" ".join(reading.problems))
        raise Problem(404, f"Nothing is recorded under {', '.join(asked.metric or asked.chart)[:200]}.")
    if len(reading.infos) > MOST_SERIES:
        raise field_problem("metric" if asked.metric else "chart", len(reading.infos),
                            f"means {len(reading.infos)} series, and {MOST_SERIES} is the most of one export")
    host = str(services.latest.snapshot("cpu").get("hostname", ""))
    title = asked.name or ", ".join(_title(c) for c in shown) or ", ".join(asked.metric)
    facts = Facts(
        host, start, end, _zone(asked.tz), reading.step, reading.source, None if asked.raw else asked.points or POINTS,
        title[:200], services.version, reading.problems,
    )
    return Plan(reading, charts, list(asked.metric), facts, file_name(facts, title, asked.format), asked.extremes,
                services, rates)


def file_name(facts: Facts, title: str, kind: str) -> str:
    """``vigie-<host>-<what>-<from>-<to>.<kind>``, of letters that every system takes."""
    def stamp(at: float) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")

    def safe(text: str, most: int) -> str:
        return _NAME.sub("-", text)[:most].strip("-._").lower() or "export"

    host = [safe(facts.host, 40)] if facts.host else []
    return "-".join(["vigie", *host, safe(title, 48), stamp(facts.start), stamp(facts.end)]) + f".{kind}"


def _check_selector(field: str, selector: str) -> None:
    try:
        parse_selector(selector)
    except ValueError as error:
        raise field_problem(field, selector[:200], str(error)) from None


def _chart(services: Vigie, chart: str) -> ChartSpec | Drawing:
    drawing = drawing_of(chart)
    if drawing is not None:
        return drawing
    spec = find(chart)
    if spec is None:
        raise field_problem("chart", chart[:200], "is no chart: give its id, as cpu, or q: and what to draw")
    return fitting(spec, services.latest.infos())


def _kept(services: Vigie, shown: list[ChartSpec | Drawing]) -> tuple[list[ChartSpec | Drawing], frozenset[str]]:
    """The charts with what is kept in place of counters, as it is drawn, and which metrics that is."""
    charts: list[ChartSpec | Drawing] = []
    rates: set[str] = set()
    for chart in shown:
        if isinstance(chart, Drawing):
            selectors, found = kept(chart.selectors, services.query.series)
            chart, rates = replace(chart, selectors=tuple(selectors)), rates | found
            if chart.versus:
                versus, found = kept((chart.versus,), services.query.series)
                chart, rates = replace(chart, versus=versus[0]), rates | found
        charts.append(chart)
    return charts, frozenset(rates)


def _selectors(chart: ChartSpec | Drawing) -> list[str]:
    return list(chart.selectors) if isinstance(chart, Drawing) else chart.matchers


def _title(chart: ChartSpec | Drawing) -> str:
    return title_of(chart) if isinstance(chart, Drawing) else chart.id


def _window(services: Vigie, asked: Asked) -> tuple[float, float]:
    given = [name for name, value in (("from", asked.start), ("window", asked.window), ("last", asked.last)) if value]
    if len(given) > 1:
        raise field_problem(given[1], getattr(asked, given[1]), f"give {given[0]} or {given[1]}, not both")
    end = asked.end if asked.end is not None else services.latest.at or time.time()
    if asked.start is not None:
        in_order(asked.start, end)
        return asked.start, end
    if asked.last is not None:
        return max(0.0, end - (asked.last - 1) * services.settings.step), end
    return max(0.0, end - WINDOWS[asked.window or "1h"]), end


def _zone(given: str | None) -> str:
    identity = current_identity()
    zone = given or (identity.timezone if identity else "") or "UTC"
    try:
        if _ZONE.fullmatch(zone):
            return ZoneInfo(zone).key
    except (ValueError, KeyError, OSError):  # no such zone: KeyError; a folder of zones: OSError
        pass
    if given:
        raise field_problem("tz", given, "is no time zone; give one as Europe/Paris")
    return "UTC"


def estimate(made: Plan) -> dict[str, Any]:
    """What a plan says before it is carried out."""
    return {
        "series": [{"series": i.key, "unit": i.unit, "help": i.help} for i in made.reading.infos],
        "source": made.reading.source, "step": made.reading.step, "rows": made.rows(), "values": made.values(),
        "from": iso(made.facts.start), "to": iso(made.facts.end), "file": made.file, "problems": made.facts.problems,
    }
