"""The charts about models, as drawings: which series they show, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from flask_babel import gettext as _

from components.chartspecs import ChartSpec
from components.drawings import Drawing, Kind, spec_of
from metrics import models as m
from metrics.metric import Metric, escape, rate_of
from metrics.series import SeriesInfo

HEIGHT = 220


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a model's page. ``how`` says where its numbers come from."""

    spec: ChartSpec
    how: str


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

    def selector(self, metric: Metric, *, proxy: bool, **more: str) -> str:
        """The selector of its series."""
        labels = {"server": self.server, "model": self.model, **more}
        inner = ",".join(f'{name}="{escape(value)}"' for name, value in labels.items())
        return f'{metric.name}{{{inner},proxy{"!=" if proxy else "="}""}}'

    def best(self, metric: Metric, *, engine_first: bool = False) -> tuple[str, str] | None:
        """(selector, how) of a metric from the better source that tells it; None when none does."""
        for proxy in (False, True) if engine_first else (True, False):
            if self.has(metric, proxy=proxy):
                return self.selector(metric, proxy=proxy), _by(metric, proxy=proxy)
        return None


def _by(metric: Metric, *, proxy: bool) -> str:
    if proxy:
        return _("Measured by the proxy")
    return _("From a histogram of the engine") if metric.kind == "histogram" else _("Told by the engine")


def _chart(title: str, how: str, selectors: Sequence[str], kind: Kind = "lines", height: int = HEIGHT,
           **more: object) -> Chart:
    drawing = Drawing(tuple(selectors), kind, **more)  # type: ignore[arg-type]
    return Chart(replace(spec_of(drawing), title=title, height=height), how)


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
            found.append(_chart(title, best[1], [best[0]], "quantiles"))
    for metric, title in (
        (m.TTFT, _("Time to the first token, by bucket")), (m.DURATION, _("End to end, by bucket")),
    ):
        if best := source.best(metric):
            found.append(_chart(title, best[1], [best[0]], "buckets", 260))
    if source.has(rate_of(m.PHASE), proxy=True):
        found.append(_chart(_("Where the time of requests goes"), _("Measured by the proxy"),
                            [source.selector(rate_of(m.PHASE), proxy=True)], "area", aggregate="sum", by=("phase",)))
    return found


def _throughput(source: Source) -> list[Chart]:
    found = []
    if best := source.best(m.LIVE_TOKENS):
        found.append(_chart(_("Tokens written"), best[1], [best[0]], "bars", aggregate="sum", by=("model",)))
    tokens = [b for metric in (rate_of(m.PROMPT_TOKENS), rate_of(m.OUTPUT_TOKENS)) if (b := source.best(metric))]
    if tokens:
        found.append(_chart(_("Tokens in and out"), tokens[0][1], [s for s, _how in tokens]))
    if best := source.best(rate_of(m.REQUESTS)):
        found.append(_chart(_("Requests"), best[1], [best[0]], "bars", aggregate="sum", by=("model",)))
    if best := source.best(rate_of(m.FINISHED)):
        found.append(_chart(_("How requests ended"), best[1], [best[0]], "area", aggregate="sum", by=("reason",)))
    if source.has(rate_of(m.ERRORS), proxy=True):
        found.append(_chart(_("Errors by class"), _("Measured by the proxy"),
                            [source.selector(rate_of(m.ERRORS), proxy=True)], "area", aggregate="sum", by=("class",)))
    return found


def _saturation(source: Source) -> list[Chart]:
    found = []
    queue = [b for metric in (m.RUNNING, m.WAITING) if (b := source.best(metric, engine_first=True))]
    if queue:
        found.append(_chart(_("Being answered and waiting"), queue[0][1], [s for s, _how in queue]))
    kept = [b for metric in (m.CONTEXT_USED, m.KV_USED) if (b := source.best(metric, engine_first=True))]
    if kept:
        found.append(_chart(_("Context and KV cache in use"), kept[0][1], [s for s, _how in kept]))
    if best := source.best(m.CACHE_HITS, engine_first=True):
        found.append(_chart(_("Prompt tokens found in the prefix cache"), best[1], [best[0]]))
    if best := source.best(rate_of(m.PREEMPTIONS), engine_first=True):
        found.append(_chart(_("Requests put back"), best[1], [best[0]]))
    return found


def _memory(source: Source) -> list[Chart]:
    found = []
    if best := source.best(m.MEMORY, engine_first=True):
        found.append(_chart(_("Host memory"), _("Measured on the process"), [best[0]]))
    if best := source.best(m.GPU_MEMORY, engine_first=True):
        found.append(_chart(_("GPU memory"), _("Told by the GPU driver"), [best[0]], "area"))
    return found


def signature(groups: Sequence[tuple[str, list[Chart]]]) -> str:
    """Which charts these are, in short."""
    return "\n".join(one.spec.id for _title, charts in groups for one in charts)


def of_all(infos: Sequence[SeriesInfo]) -> list[tuple[str, list[Chart]]]:
    """The charts over all models: latency, throughput, and how requests are spread. They have no heading."""
    names = {(i.name, bool(i.label("proxy"))) for i in infos}

    def selector(metric: Metric) -> str | None:
        for proxy in (True, False):
            if (metric.name, proxy) in names:
                return f'{metric.name}{{model!="",proxy{"!=" if proxy else "="}""}}'
        return None

    found = []
    if text := selector(m.P95):
        found.append(_chart(_("Latency by model, p95"), "", [text], aggregate="max", by=("model",)))
    if text := selector(m.TTFT):
        found.append(_chart(_("Time to the first token, all models"), "", [text], "quantiles"))
    if text := selector(m.LIVE_TOKENS):
        found.append(_chart(_("Throughput by model"), "", [text], "bars", aggregate="sum", by=("model",)))
    if text := selector(rate_of(m.REQUESTS)):
        found.append(_chart(_("Requests by model"), "", [text], "shares", aggregate="sum", by=("model",)))
    return [("", found)] if found else []
