"""The serving process: its measuring proxies and model processes, in the words of `metrics.models`.

It tells totals since its start. Counters are passed on as they are, but one that appears begins at 0 and catches up a
tick later: what it counted before it was first seen would be in no rate otherwise. Of a histogram the growth since the
read before is told, so that a tick holds what happened in it. A restart (another ``boot``) begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from collectors.base import NoData
from metrics import models as m
from metrics.metric import Labels, Metric, Sample, is_present, labels

HISTOGRAMS: Mapping[str, Metric] = {"ttft": m.TTFT, "itl": m.ITL, "duration": m.DURATION, "queue": m.QUEUE}
OF_LANE: Mapping[str, Metric] = {
    "running": m.RUNNING, "waiting": m.WAITING, "tokens_per_second": m.LIVE_TOKENS, "requests": m.REQUESTS,
    "timeouts": m.TIMEOUTS, "p95": m.P95, "error_ratio": m.ERROR_RATIO,
}
TOKENS: Mapping[str, Metric] = {"prompt": m.PROMPT_TOKENS, "cached": m.CACHED_TOKENS, "output": m.OUTPUT_TOKENS}
OF_PROCESS: Mapping[str, Metric] = {"memory": m.MEMORY, "cpu": m.CPU}
STARTING = 10.0
"""Seconds that the process has for its first answer, before its proxies count as down."""


def _nothing_there() -> NoData:
    # Written out, so that the translators' tool finds it.
    return NoData("No proxy is switched on and no model process is defined.", soon=True)


class Serving:
    """``read`` gives the status of the serving process (`serving.wire.Status`), None while it does not answer;
    ``wanted`` tells whether one should run; ``enabled`` names the proxies that should."""

    name: ClassVar[str] = "serving"
    metrics: ClassVar[tuple[Metric, ...]] = m.OF_PROXIES
    every: float = 0.0

    def __init__(
        self, read: Callable[[], Mapping[str, Any] | None] = lambda: None, wanted: Callable[[], bool] = lambda: False,
        enabled: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._read, self._wanted, self._enabled = read, wanted, enabled
        self._boot = ""
        self._since: float | None = None
        self._silent: float | None = None
        self._counted: set[tuple[str, Labels]] | None = None
        self._before: dict[tuple[str, Labels], list[int]] = {}
        self._snapshot: dict[str, Any] = {}

    def collect(self, now: float) -> Iterator[Sample]:
        """Reads once.

        Raises:
            NoData: nothing is configured that the process would do.
        """
        self._since = now if self._since is None else self._since
        if not self._wanted():
            self._snapshot, self._silent = {}, None
            raise _nothing_there()
        status = self._read()
        if status is None:
            if self._boot and self._silent is None:  # before its first answer nobody knows since when
                self._silent = now
            self._snapshot = {"at": now, "answers": False, "proxies": [], "upstreams": [], "lanes": [], "processes": [],
                              "histograms": []} | ({} if self._silent is None else {"since": self._silent})
            if not self._boot and now - self._since < STARTING:
                self._snapshot["starting"] = True
                return iter(())
            return iter([Sample(m.PROXY_UP, labels(proxy=name), 0.0) for name in self._enabled()])
        self._silent = None
        if status["boot"] != self._boot:
            # What a new process has counted so far happened since the read before; but what one counted that was there
            # before this web process happened whenever, and is no news.
            news = bool(self._boot) or status["started"] >= self._since
            self._before = {} if news else self._counts(status)
            self._counted = set() if news else None
            self._boot = status["boot"]
        self._snapshot = {
            "at": now, "answers": True, "boot": status["boot"], "started": status["started"], "pid": status["pid"],
            "problem": status.get("problem", ""), "upstreams": status["upstreams"],
            "proxies": [_shown(proxy) for proxy in status["proxies"] if proxy["enabled"]],
            "lanes": [_without_histograms(lane) for lane in status["lanes"]], "processes": status["processes"],
            "histograms": [one for lane in status["lanes"] for one in _cumulative(lane)],
        }
        return self._begun(list(self._samples(status)))

    def snapshot(self) -> dict[str, Any]:
        """at, answers (whether the process does), starting (it does not yet, which is no wonder), since (from when on
        it does not, epoch seconds; absent where that is not known), and as `serving.wire.Status` has them boot,
        started, pid, problem, proxies (those that are on, with their ``address`` and why they do not listen as
        ``message``), upstreams, lanes (without histograms) and processes; and histograms, since the start of the
        process: [{metric, labels, counts per bucket of `metrics.models.LE` (not cumulated), sum (seconds; None: not
        known)}]."""
        return self._snapshot

    def _begun(self, samples: list[Sample]) -> Iterator[Sample]:
        """Has counters that were not there at the read before begin at 0; not those of the first read, whose past is no
        news."""
        counters = {(one.metric.name, one.labels) for one in samples if one.metric.kind == "counter"}
        known, self._counted = self._counted, counters | (self._counted or set())
        for one in samples:
            new = known is not None and one.metric.kind == "counter" and (one.metric.name, one.labels) not in known
            yield one._replace(value=0.0) if new else one

    def _samples(self, status: Mapping[str, Any]) -> Iterator[Sample]:
        for proxy in status["proxies"]:
            yield from _of_proxy(proxy)
        for lane in status["lanes"]:
            yield from self._of_lane(lane)
        for process in status["processes"]:
            yield from _of_process(process)

    def _of_lane(self, lane: Mapping[str, Any]) -> Iterator[Sample]:
        named = _lane_labels(lane)
        yield from _present(lane, OF_LANE, named)
        for kind, metric in TOKENS.items():
            if lane["tokens"].get(kind):  # an engine that tells none of a kind has counted none
                yield Sample(metric, named, float(lane["tokens"][kind]))
        for key, metric, label in (("errors", m.ERRORS, "class"), ("finished", m.FINISHED, "reason"),
                                   ("phases", m.PHASE, "phase")):
            for word, count in lane[key].items():
                yield Sample(metric, labels(dict(named), **{label: word}), float(count))
        for name, metric in HISTOGRAMS.items():
            counts = lane["histograms"].get(name)
            if counts is not None:
                yield from self._growth(metric, named, counts)

    def _growth(self, metric: Metric, named: Labels, counts: list[int]) -> Iterator[Sample]:
        key = metric.name, named
        before = self._before.get(key) or [0] * len(counts)
        self._before[key] = counts
        for le, was, count in zip(m.LE, before, counts):
            if count > was:
                yield Sample(metric, labels(dict(named), le=le), float(count - was))

    @staticmethod
    def _counts(status: Mapping[str, Any]) -> dict[tuple[str, Labels], list[int]]:
        return {
            (metric.name, _lane_labels(lane)): lane["histograms"][name]
            for lane in status["lanes"] for name, metric in HISTOGRAMS.items() if name in lane["histograms"]
        }


def _lane_labels(lane: Mapping[str, Any]) -> Labels:
    return labels(proxy=lane["proxy"], server=lane["server"], model=lane["model"])


def _present(row: Mapping[str, Any], wanted: Mapping[str, Metric], named: Labels) -> Iterator[Sample]:
    for key, metric in wanted.items():
        value = row.get(key)
        if is_present(value):
            yield Sample(metric, named, float(value))


def _of_proxy(proxy: Mapping[str, Any]) -> Iterator[Sample]:
    if not proxy["enabled"]:
        return
    named = labels(proxy=proxy["name"])
    yield Sample(m.PROXY_UP, named, float(proxy["up"]))
    if "healthy" in proxy:
        yield Sample(m.PROXY_HEALTHY, named, float(proxy["healthy"]))
    yield from _present(proxy, m.PROXY_NUMBERS, named)


def _of_process(process: Mapping[str, Any]) -> Iterator[Sample]:
    pairs = {"server": process["name"], "model": process["name"]}
    named = labels(pairs | ({"engine": process["engine"]} if process.get("engine") else {}))
    for state in m.STATES:
        yield Sample(m.STATE, labels(dict(named), state=state), float(process["state"] == state))
    if process["state"] in ("running", "error"):
        up = process["state"] == "running" and process.get("responding", True)
        yield Sample(m.UP, named, float(up))
    yield from _present(process, OF_PROCESS, named)
    for model, share in process.get("on_gpu", {}).items():
        for metric, value in m.on_and_off_gpu(share):
            yield Sample(metric, labels(dict(named), model=model), value)


def _shown(proxy: Mapping[str, Any]) -> dict[str, Any]:
    return {**proxy, "address": f"{proxy['host']}:{proxy['port']}", "message": proxy.get("problem", "")}


def _cumulative(lane: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, metric in HISTOGRAMS.items():
        if name in lane["histograms"]:
            yield {"metric": metric.name, "labels": dict(_lane_labels(lane)), "counts": lane["histograms"][name],
                   "sum": lane.get("sums", {}).get(name)}


def _without_histograms(lane: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in lane.items() if key not in ("histograms", "sums")}
