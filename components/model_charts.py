"""The charts about models, as drawings: which series they show, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from flask_babel import gettext as _

from components.chartspecs import ChartSpec
from components.drawings import MOST_SELECTORS, Drawing, Kind, spec_of
from components.formats import human
from metrics import models as m
from metrics.metric import Metric, escape, rate_of
from metrics.series import SeriesInfo

HEIGHT = 220
_ROOM = 950
"""Characters of all selectors of a chart: one selector may have 1000 (`storage.selector`), a drawing twice that."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a model's page. ``how`` says where its numbers come from; ``logged``, that all of them come from
    requests that a proxy saw, which are in the request log."""

    spec: ChartSpec
    how: str
    logged: bool


class Told(NamedTuple):
    """Selectors of a metric's series from the better source, how that got them, and whether only proxies did."""

    selectors: tuple[str, ...]
    how: str
    logged: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Which series of a model there are: a metric's own ones of proxies, or of its engine."""

    server: str
    model: str
    infos: tuple[SeriesInfo, ...]

    @classmethod
    def of(cls, server: str, model: str, infos: Iterable[SeriesInfo]) -> Source:
        """Out of all series those of one model."""
        return cls(server, model, tuple(i for i in infos if i.label("server") == server and i.label("model") == model))

    def has(self, metric: Metric, *, proxy: bool) -> bool:
        """Whether a metric is told by a proxy, or by the engine."""
        return any(i.name == metric.name and bool(i.label("proxy")) == proxy for i in self.infos)

    def selector(self, metric: Metric, *, proxy: bool) -> str:
        """The selector of its series."""
        return _selector(metric, [("server", "=", self.server), ("model", "=", self.model)], proxy=proxy)

    def best(self, metric: Metric, *, engine_first: bool = False) -> Told | None:
        """A metric from the better source that tells it; None when none does."""
        for proxy in (False, True) if engine_first else (True, False):
            if self.has(metric, proxy=proxy):
                return Told((self.selector(metric, proxy=proxy),), _by(metric, proxy=proxy), proxy)
        return None


def _selector(metric: Metric, matchers: Iterable[tuple[str, str, str]], *, proxy: bool) -> str:
    """The series of a metric that proxies or engines tell and that match (label, operator, value)."""
    inner = ",".join(f'{label}{op}"{escape(value)}"' for label, op, value in matchers)
    return f'{metric.name}{{{inner},proxy{"!=" if proxy else "="}""}}'


def _by(metric: Metric, *, proxy: bool) -> str:
    if proxy:
        return _("Measured by the proxy")
    return _("From a histogram of the engine") if metric.kind == "histogram" else _("Told by the engine")


def _chart(title: str, told: Told, kind: Kind = "lines", height: int = HEIGHT, **more: object) -> Chart:
    drawing = Drawing(told.selectors, kind, **more)  # type: ignore[arg-type]
    return Chart(replace(spec_of(drawing), title=title, height=height), told.how, told.logged)


def _together(told: Sequence[Told]) -> Told:
    """Several metrics in one chart: each way in which they were got is named once."""
    return Told(tuple(s for one in told for s in one.selectors), " · ".join(dict.fromkeys(one.how for one in told)),
                all(one.logged for one in told))


def of_model(source: Source) -> list[tuple[str, list[Chart]]]:
    """The charts of one model's page, by heading; only those that have series."""
    groups = [
        (_("Latency"), _latency(source)), (_("Throughput"), _throughput(source)),
        (_("Saturation"), _saturation(source)),
        (_("Memory"), _memory(source)),
    ]
    return [(title, charts) for title, charts in groups if charts]


def _latency(source: Source) -> list[Chart]:
    found = []
    for metric, title in (
        (m.TTFT, _("Time to the first token")), (m.ITL, _("Time between tokens")), (m.DURATION, _("End to end")),
    ):
        if best := source.best(metric):
            found.append(_chart(title, best, "quantiles"))
    for metric, title in (
        (m.TTFT, _("Time to the first token, by bucket")), (m.DURATION, _("End to end, by bucket")),
    ):
        if best := source.best(metric):
            found.append(_chart(title, best, "buckets", 260))
    if best := source.best(rate_of(m.PHASE)):
        about = _("%(share)s is one request being worked on all the time", share=human(1.0, "ratio"))
        found.append(_chart(_("Where the time of requests goes"), best._replace(how=f"{best.how} · {about}"), "area",
                            aggregate="sum", by=("phase",)))
    return found


def _throughput(source: Source) -> list[Chart]:
    found = []
    if best := source.best(m.LIVE_TOKENS):
        found.append(_chart(_("Tokens written"), best, "bars", aggregate="sum", by=("model",)))
    tokens = [b for metric in (rate_of(m.PROMPT_TOKENS), rate_of(m.OUTPUT_TOKENS)) if (b := source.best(metric))]
    if tokens:
        found.append(_chart(_("Tokens in and out"), _together(tokens)))
    if best := source.best(rate_of(m.REQUESTS)):
        found.append(_chart(_("Requests"), best, "bars", aggregate="sum", by=("model",)))
    if best := source.best(rate_of(m.FINISHED)):
        found.append(_chart(_("How requests ended"), best, "area", aggregate="sum", by=("reason",)))
    if best := source.best(rate_of(m.ERRORS)):
        found.append(_chart(_("Errors by class"), best, "area", aggregate="sum", by=("class",)))
    return found


def _saturation(source: Source) -> list[Chart]:
    found = []
    queue = [b for metric in (m.RUNNING, m.WAITING) if (b := source.best(metric, engine_first=True))]
    if queue:
        found.append(_chart(_("Being answered and waiting"), _together(queue)))
    kept = [b for metric in (m.CONTEXT_USED, m.KV_USED) if (b := source.best(metric, engine_first=True))]
    if kept:
        found.append(_chart(_("Context and KV cache in use"), _together(kept)))
    if best := source.best(m.CACHE_HITS, engine_first=True):
        found.append(_chart(_("Prompt tokens found in the prefix cache"), best))
    if best := source.best(rate_of(m.PREEMPTIONS), engine_first=True):
        found.append(_chart(_("Requests put back"), best))
    return found


def _memory(source: Source) -> list[Chart]:
    found = []
    if best := source.best(m.MEMORY, engine_first=True):
        found.append(_chart(_("Host memory"), best._replace(how=_("Measured on the process"))))
    if best := source.best(m.GPU_MEMORY, engine_first=True):
        found.append(_chart(_("GPU memory"), best._replace(how=_("Told by the GPU driver")), "area"))
    return found


def signature(groups: Sequence[tuple[str, list[Chart]]]) -> str:
    """Which charts these are, in short."""
    return "\n".join(one.spec.id for _title, charts in groups for one in charts)


def of_all(infos: Sequence[SeriesInfo]) -> list[tuple[str, list[Chart]]]:
    """The charts over all models: latency, throughput, and how requests are spread. They have no heading."""
    found = []
    if told := _of_each(m.P95, infos):
        found.append(_chart(_("Latency by model, p95"), told, aggregate="max", by=("model",)))
    if told := _of_each(m.TTFT, infos):
        found.append(_chart(_("Time to the first token, all models"), told, "quantiles"))
    if told := _of_each(m.LIVE_TOKENS, infos):
        found.append(_chart(_("Throughput by model"), told, "bars", aggregate="sum", by=("model",)))
    if told := _of_each(rate_of(m.REQUESTS), infos):
        found.append(_chart(_("Requests by model"), told, "shares", aggregate="sum", by=("model",)))
    return [("", found)] if found else []


def _of_each(metric: Metric, infos: Iterable[SeriesInfo]) -> Told | None:
    """A metric of all models, of each from the better source, as `Source.best` has it; None when none tells it."""
    models: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
    for info in infos:
        if info.name == metric.name and info.label("model"):
            models[bool(info.label("proxy"))].add((info.label("server"), info.label("model")))
    proxied, direct = models[True], models[False] - models[True]
    if not proxied:
        return _of_any(metric, proxy=False) if direct else None
    by_proxy = _of_any(metric, proxy=True)
    if not direct:
        return by_proxy
    both = Told((*by_proxy.selectors, *_past_proxies(metric, proxied, direct)), _by_both(metric), False)
    # What cannot be spelt as a drawing is not drawn at all.
    fits = len(both.selectors) <= MOST_SELECTORS and sum(map(len, both.selectors)) <= _ROOM
    return both if fits else by_proxy


def _of_any(metric: Metric, *, proxy: bool) -> Told:
    return Told((_selector(metric, [("model", "!=", "")], proxy=proxy),), _by(metric, proxy=proxy), proxy)


def _past_proxies(
    metric: Metric, proxied: set[tuple[str, str]], direct: set[tuple[str, str]],
) -> Iterator[str]:
    """Selectors of an engine's series of ``direct`` models, told apart by what they are not: new ones come by
    themselves."""
    servers = sorted({server for server, _model in proxied})
    if any(server not in servers for server, _model in direct):
        yield _selector(metric, [("model", "!=", ""), *(("server", "!=", one) for one in servers)], proxy=False)
    for server in sorted({server for server, _model in direct}.intersection(servers)):
        seen = sorted(model for at, model in proxied if at == server)
        others = [("model", "!=", one) for one in ("", *seen)]
        yield _selector(metric, [("server", "=", server), *others], proxy=False)


def _by_both(metric: Metric) -> str:
    if metric.kind == "histogram":
        return _("Measured by the proxy where one saw the requests, else from a histogram of the engine")
    return _("Measured by the proxy where one saw the requests, else told by the engine")
