"""What is counted since the start: per proxy, and per lane (one model of one server behind one proxy)."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from metrics.models import LE, bucket_of
from serving.proxy.told import Told
from serving.wire import FAILURES, HISTOGRAMS, LaneStatus, Outcome

PHASES: tuple[Literal["queue", "prefill", "decode"], ...] = ("queue", "prefill", "decode")
WINDOW = 60
"""Seconds over which p95, mean and error ratio are told."""
SAMPLED = 100
"""Durations kept of each second of the window; beyond that every so many-th, so that the cost has a bound."""
MOST_LANES = 256
OTHER = "other"
"""The lane of further models: names come from clients, and must not fill the memory."""
clock = time.monotonic


@dataclass(slots=True)
class _Second:
    at: int
    count: int = 0
    failed: int = 0
    timed: int = 0
    total: float = 0.0
    sampled: list[float] = field(default_factory=list)


class Recent:
    """Finished requests of the last minute."""

    def __init__(self) -> None:
        self._seconds: deque[_Second] = deque(maxlen=WINDOW + 1)

    def add(self, outcome: Outcome) -> None:
        """Notes one that has just ended. Only of one that went well the duration counts: a refusal in a millisecond
        would make an overload look fast. Who left early is none of them."""
        error = outcome.get("error")
        if error == "client_gone":
            return
        at = int(clock())
        if not self._seconds or self._seconds[-1].at != at:
            self._seconds.append(_Second(at))
        second = self._seconds[-1]
        second.count += 1
        second.failed += error in FAILURES
        if error is None:
            self._time(second, outcome["duration"])

    @staticmethod
    def _time(second: _Second, duration: float) -> None:
        second.timed += 1
        second.total += duration
        if len(second.sampled) < SAMPLED:
            second.sampled.append(duration)
        else:
            second.sampled[second.timed % SAMPLED] = duration

    def _window(self) -> list[_Second]:
        oldest = int(clock()) - WINDOW
        return [one for one in self._seconds if one.at > oldest]

    def p95(self) -> float | None:
        """Seconds that 95 of 100 stayed under; None when none went well. Each second weighs as much as it counted."""
        weighed = sorted(
            (duration, one.timed / len(one.sampled)) for one in self._window() for duration in one.sampled
        )
        if not weighed:
            return None
        wanted, passed = 0.95 * sum(weight for _, weight in weighed), 0.0
        for duration, weight in weighed:
            passed += weight
            if passed >= wanted:
                return duration
        return weighed[-1][0]

    def timed(self) -> int:
        """How many went well."""
        return sum(one.timed for one in self._window())

    def mean(self) -> float | None:
        """Mean duration; None when none went well."""
        timed = self.timed()
        return sum(one.total for one in self._window()) / timed if timed else None

    def error_ratio(self) -> float | None:
        """Share that failed; None without traffic."""
        window = self._window()
        count = sum(one.count for one in window)
        return sum(one.failed for one in window) / count if count else None


class Live:
    """Token events of the last second, in tenths of a second."""

    __slots__ = ("_cells", "_seen")

    def __init__(self) -> None:
        self._cells = [0] * 16
        self._seen = 0

    def add(self, at: float) -> None:
        """Counts one at ``at``, seconds of `time.perf_counter`."""
        tenth = int(at * 10)
        if tenth != self._seen:
            self._forget(tenth)
        self._cells[tenth & 15] += 1

    def per_second(self, at: float) -> float:
        """How many there were in the ten whole tenths before ``at``."""
        tenth = int(at * 10)
        self._forget(tenth)
        return float(sum(self._cells[(tenth - back) & 15] for back in range(1, 11)))

    def _forget(self, tenth: int) -> None:
        for step in range(1, min(tenth - self._seen, 16) + 1):
            self._cells[(self._seen + step) & 15] = 0
        self._seen = max(tenth, self._seen)


class LaneKey(NamedTuple):
    """What a lane is known by."""

    proxy: str
    server: str
    model: str


class Lane:
    """One model of one server behind one proxy."""

    def __init__(self, key: LaneKey, engine: str) -> None:
        self.key, self.engine = key, engine
        self.running = self.waiting = 0
        self.requests = self.timeouts = 0
        self.errors: Counter[str] = Counter()
        self.finished: Counter[str] = Counter()
        self.phases: dict[str, float] = {}
        self.tokens: dict[str, int] = {}
        self.histograms: dict[str, list[int]] = {}
        self.sums: dict[str, float] = {}
        self.recent, self.live = Recent(), Live()

    def observe(self, name: str, seconds: float | None) -> None:
        """Counts into a histogram; an unknown time is no observation."""
        if seconds is None:
            return
        cells = self.histograms.get(name)
        if cells is None:
            cells = self.histograms[name] = [0] * len(LE)
            self.sums[name] = 0.0
        cells[bucket_of(seconds)] += 1
        self.sums[name] += seconds

    def gap(self, seconds: float) -> None:
        """Counts the time between two tokens."""
        self.observe("itl", seconds)

    def finish(self, outcome: Outcome, told: Told) -> None:
        """Counts a request that has ended."""
        error = outcome.get("error")
        self.requests += 1
        self.finished[outcome.get("finish") or ("unknown" if error is None else error)] += 1
        failed = error in FAILURES
        if failed and error is not None:
            self.errors[error] += 1
            self.timeouts += error == "timeout"
        for kind, count in (
            ("prompt", told.prompt_tokens), ("cached", told.cached_tokens), ("output", outcome.get("output_tokens")),
        ):
            if count is not None:
                self.tokens[kind] = self.tokens.get(kind, 0) + count
        for name in ("ttft", "duration", "queue", "prefill", "decode"):
            if name != "duration" or error is None:  # see `Recent.add`
                self.observe(name, outcome.get(name))  # type: ignore[arg-type]
        for phase in PHASES:
            if phase in outcome:
                self.phases[phase] = self.phases.get(phase, 0.0) + outcome[phase]
        self.recent.add(outcome)

    def status(self, at: float) -> LaneStatus:
        """As ``GET /status`` tells it; ``at`` on the clock of the tokens."""
        told = LaneStatus(
            proxy=self.key.proxy, server=self.key.server, engine=self.engine, model=self.key.model,
            running=self.running, waiting=self.waiting, requests=self.requests, timeouts=self.timeouts,
            errors=dict(self.errors), finished=dict(self.finished), phases=dict(self.phases), tokens=dict(self.tokens),
            histograms={name: list(self.histograms[name]) for name in HISTOGRAMS if name in self.histograms},
            sums=dict(self.sums),
        )
        live = self.live.per_second(at)
        if live or self.running:
            told["tokens_per_second"] = live
        p95, ratio, mean = self.recent.p95(), self.recent.error_ratio(), self.recent.mean()
        if ratio is not None:
            told["error_ratio"] = ratio
        if p95 is not None and mean is not None:
            told["p95"], told["mean"], told["ended"] = p95, mean, self.recent.timed()
        return told


class Lanes:
    """All lanes."""

    def __init__(self) -> None:
        self._lanes: dict[LaneKey, Lane] = {}

    def of(self, proxy: str, server: str, engine: str, model: str) -> Lane:
        """The lane of a model, made when it is first asked for."""
        key = LaneKey(proxy, server, model)
        found = self._lanes.get(key)
        if found is None and len(self._lanes) >= MOST_LANES:
            key = LaneKey(proxy, server, OTHER)
            found = self._lanes.get(key)
        if found is None:
            found = self._lanes[key] = Lane(key, engine)
        found.engine = engine
        return found

    def status(self, at: float) -> list[LaneStatus]:
        """All of them, in the order they were first used."""
        return [lane.status(at) for lane in self._lanes.values()]


@dataclass(slots=True)
class ProxyTotals:
    """What one proxy counted since it started."""

    requests: int = 0
    errors: int = 0
    refused: int = 0
    gone: int = 0
    limited: int = 0
    received: int = 0
    sent: int = 0
    running: int = 0
    waiting: int = 0
    recent: Recent = field(default_factory=Recent)

    def finish(self, outcome: Outcome) -> None:
        """Counts a request that has ended."""
        error, status = outcome.get("error"), outcome["status"]
        self.received += outcome["bytes_in"]
        self.sent += outcome["bytes_out"]
        if error == "rate_limited":
            self.limited += 1
            return
        if error == "unauthorized":
            self.refused += 1
            return
        self.requests += 1
        failed = error in FAILURES
        self.errors += failed
        self.gone += error == "client_gone"
        self.refused += not failed and 400 <= status < 499
        self.recent.add(outcome)
