"""Which series each rule watches on one server, and their values at each tick."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import structlog

from alerts.evaluate import Changes, Floats, Table
from alerts.rule import Rule
from alerts.state import Condition, State, Status
from alerts.windows import Windows
from config.dashboard import AlertThresholds
from metrics.metric import series_key
from metrics.series import SeriesInfo
from storage.latest import STALE_AFTER
from storage.selector import Selector, parse_selector

log = structlog.get_logger(__name__)

WINDOW_BUDGET = 0.1
"""Seconds of a tick that reading windows may take; what is left is read at the next."""
RECOMPILE_AFTER = 2.0
"""Seconds between two compilations for new series; a changed rule counts at once."""
FORGOTTEN_EVERY = 3600.0
"""Seconds after which series that went away are left out."""
FROZEN = Condition(">", math.inf, math.inf, no_data="keep")
"""Of a rule that cannot be evaluated: its alerts stay as they are."""
FORGET_AFTER = 86400.0
"""Seconds without a value after which an alert ends whatever its rule says."""


def fingerprint(rule: str, server: int, key: str) -> str:
    """The name of one rule on one series, for good."""
    return hashlib.sha256(f"{rule}\n{server}\n{key}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Pair:
    """One rule on one series; ``unseen`` when there is no such series and the rule is about that."""

    rule: Rule
    info: SeriesInfo
    key: str
    fingerprint: str
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    """A pair that is pending or firing, as it was kept: what a restart goes on with."""

    rule: str
    info: SeriesInfo
    state: State
    since: float
    peak: float | None
    flapping: bool


class _Known:
    """Series by their name, and by name and one label: hundreds of rules ask for them at once."""

    def __init__(self, infos: Sequence[SeriesInfo]) -> None:
        self.keys: set[str] = set()
        self._found: dict[tuple[str, ...], list[tuple[str, SeriesInfo]]] = {}
        for info in infos:
            one = (series_key(info.name, info.labels), info)
            self.keys.add(one[0])
            for place in ((info.name,), *((info.name, *pair) for pair in info.labels)):
                self._found.setdefault(place, []).append(one)

    def meant_by(self, selector: Selector) -> list[tuple[str, SeriesInfo]]:
        """Those that a selector with a name means."""
        narrow = next((pair for pair in selector.equal if pair[1]), ())
        candidates = self._found.get((selector.name, *narrow), [])
        return [one for one in candidates if selector.matches(one[1])]


class Watch:
    """The pairs of one server and their states. Used by one thread."""

    def __init__(self, server: int, series: Callable[[], Sequence[SeriesInfo]], windows: Windows) -> None:
        self.server, self._series, self._windows = server, series, windows
        self.pairs: list[Pair] = []
        self.table = Table()
        self.problems: dict[str, str] = {}
        """Rule -> why it was not evaluated in the newest tick."""
        self.counts: Mapping[str, int] = {}
        """Rule -> how many series it watches."""
        self.values: Floats = np.empty(0)
        """The newest value of each pair, NaN where there is none."""
        self._rules: list[Rule] = []
        self._thresholds = AlertThresholds()
        self._dirty, self._compiled = True, -math.inf
        self._keys: list[str] = []
        self._known: set[str] = set()
        self._last, self._last_at, self._stale = (np.empty(0) for _ in range(3))
        self._series_of = np.empty(0, np.int64)
        self._rule_of = np.empty(0, np.str_)
        self._windowed: list[tuple[Rule, np.ndarray, list[SeriesInfo], list[str]]] = []
        self._opened: list[Open] = []

    def set_rules(self, rules: Sequence[Rule], thresholds: AlertThresholds) -> None:
        """Takes up rules, those that are enabled, and the limits that they refer to."""
        before = {rule.id: rule for rule in self._rules}
        for rule in rules:
            if before.get(rule.id) != rule:
                self._windows.renew(rule)
        self._rules, self._thresholds, self._dirty = list(rules), thresholds, True
        self._windows.forget(rules)

    def restore(self, opened: Sequence[Open]) -> None:
        """Begins anew with what was pending and firing when it was kept."""
        self.pairs, self.table, self._dirty = [], Table(), True
        self._opened = list(opened)

    def tick(self, now: float, values: Mapping[str, float]) -> tuple[Changes, bool]:
        """One tick: what changed, and whether other pairs than before are watched. Places are those of `pairs`."""
        age = abs(now - self._compiled)
        fresh = age >= RECOMPILE_AFTER and not values.keys() <= self._known
        anew = self._dirty or fresh or age >= FORGOTTEN_EVERY
        if anew:
            self._compile(now)
            self._known.update(values)
        self._read_windows(now)
        self.values = self._pair_values(now, values)
        frozen = np.isin(self._rule_of, list(self.problems)) if self.problems else None
        return self.table.step(now, self.values, frozen), anew

    def active(self) -> dict[str, int]:
        """Place of each pair that is pending or firing, by its fingerprint."""
        return {self.pairs[place].fingerprint: place for place in np.flatnonzero(self.table.state).tolist()}

    # -- which series

    def _compile(self, now: float) -> None:
        """Finds the series of each rule again, and keeps the states of the pairs that stay."""
        self._compiled, self._dirty = now, False
        known = _Known(self._series())
        self._known = known.keys
        if self._opened:
            self._reopen(now)
        before = {(pair.rule.id, pair.key): place for place, pair in enumerate(self.pairs)}
        kept: dict[str, list[Pair]] = {}
        for place in np.flatnonzero(self.table.state).tolist():
            if not now - self.table.seen[place] >= FORGET_AFTER:
                kept.setdefault(self.pairs[place].rule.id, []).append(self.pairs[place])
        pairs: list[Pair] = []
        conditions: list[Condition] = []
        self.problems = {}
        for rule in self._rules:
            try:
                condition, found = self._match(rule, known, kept.get(rule.id, ()))
            except Exception as error:  # noqa: BLE001 - an edge: one rule's mistake must not stop the others
                self.problems[rule.id] = f"This rule cannot be evaluated: {error}"
                log.warning("alert rule left out", rule=rule.id, error=str(error))
                condition, found = FROZEN, kept.get(rule.id, [])
            pairs += found
            conditions += [condition] * len(found)
        table = Table(conditions)
        old = np.array([before.get((pair.rule.id, pair.key), -1) for pair in pairs], np.int64)
        table.take_over(self.table, old)
        self.pairs, self.table = pairs, table
        self._index()

    def _match(
        self, rule: Rule, known: _Known, kept: Sequence[Pair],
    ) -> tuple[Condition, list[Pair]]:
        condition = Condition(
            rule.comparison, rule.limit(self._thresholds), rule.resolve_limit(self._thresholds), rule.for_seconds,
            rule.resolve_seconds, rule.no_data, rule.no_data_seconds,
        )
        selectors = [parse_selector(text) for text in rule.selectors]
        found: dict[str, Pair] = {}
        for selector in selectors:
            for key, info in known.meant_by(selector):
                found.setdefault(key, self._pair(rule, info, key))
        for old in kept:  # a series that went away while its alert is open
            watched = any(selector.matches(old.info) for selector in selectors)
            if watched and old.key not in found and not (old.unseen and found):
                found[old.key] = self._pair(rule, old.info, old.key, old.unseen)
        if not found and rule.no_data == "alert":
            for selector in selectors:
                info = _expected(selector)
                found[info.key] = self._pair(rule, info, info.key, True)
        return condition, list(found.values())

    def _pair(self, rule: Rule, info: SeriesInfo, key: str, unseen: bool = False) -> Pair:
        return Pair(rule, info, key, fingerprint(rule.id, self.server, key), unseen)

    def _reopen(self, now: float) -> None:
        """Makes the pairs that were kept the ones before."""
        rules = {rule.id: rule for rule in self._rules}
        self.pairs, made = [], []
        for one in self._opened:
            rule = rules.get(one.rule)
            if rule is not None:
                expected = {_expected(parse_selector(text)).key for text in rule.selectors}
                self.pairs.append(self._pair(rule, one.info, one.info.key, one.info.key in expected))
                made.append(one)
        self.table = Table([Condition(">", 0, 0)] * len(made))
        for place, one in enumerate(made):
            self.table.put(place, Status(one.state, one.since, math.nan, now), one.peak, one.flapping)
        self._opened = []

    def _index(self) -> None:
        """Columns that find each pair's value."""
        self._rule_of = np.array([pair.rule.id for pair in self.pairs], np.str_)
        self.counts = Counter(pair.rule.id for pair in self.pairs if not pair.unseen)
        places: dict[str, int] = {}
        stale: list[float] = []
        series_of = np.full(len(self.pairs), -1, np.int64)
        windowed: dict[str, list[int]] = {}
        for place, pair in enumerate(self.pairs):
            if pair.rule.function != "last":
                windowed.setdefault(pair.rule.id, []).append(place)
                continue
            if pair.key not in places:
                places[pair.key] = len(places)
                stale.append(max(STALE_AFTER * pair.info.every, 3.0))
            series_of[place] = places[pair.key]
        old = {key: at for at, key in enumerate(self._keys)}
        last, last_at = np.full(len(places), np.nan), np.full(len(places), -np.inf)
        for at, key in enumerate(places):
            if key in old:
                last[at], last_at[at] = self._last[old[key]], self._last_at[old[key]]
        self._keys, self._last, self._last_at = list(places), last, last_at
        self._stale, self._series_of = np.array(stale), series_of
        self._windowed = [
            (self.pairs[at[0]].rule, np.array(at), [self.pairs[i].info for i in at], [self.pairs[i].key for i in at])
            for at in windowed.values()
        ]

    # -- their values

    def _read_windows(self, now: float) -> None:
        """Reads the windows that are due, and notes the rules whose could not be read."""
        by_id = {rule.id: infos for rule, _, infos, _ in self._windowed}
        rules = [rule for rule, *_ in self._windowed]
        end = time.perf_counter() + WINDOW_BUDGET
        for rule in self._windows.due(rules, now):
            self.problems.pop(rule.id, None)
            try:
                self._windows.read(rule, by_id[rule.id], now)
            except Exception as error:  # noqa: BLE001 - an edge: one rule's mistake must not stop the others
                self.problems[rule.id] = f"Its window could not be read: {error}"
            if time.perf_counter() > end:
                break

    def _pair_values(self, now: float, values: Mapping[str, float]) -> Floats:
        count = len(self._keys)
        found = np.fromiter(map(values.get, self._keys, repeat(np.nan)), np.float64, count)
        present = ~np.isnan(found)
        self._last[present] = found[present]
        self._last_at[present] = now
        age = np.abs(now - self._last_at)
        current = np.append(np.where(age <= self._stale, self._last, np.nan), np.nan)
        made: Floats = current[self._series_of]  # -1 is the NaN at the end
        for rule, places, _, keys in self._windowed:
            made[places] = np.fromiter(map(self._windows.of(rule.id).get, keys, repeat(np.nan)), np.float64, len(keys))
        return made


def _expected(selector: Selector) -> SeriesInfo:
    """The series that a selector names when there is none: its name and the labels it asks for."""
    return SeriesInfo(selector.name, tuple(sorted(selector.equal)), "", "gauge", "")
