"""(g) A tick of the alert engine over 10,000 rules on series, beside the same pair by pair in Python; and backtests.

``python -m bench.alerts [RUNS]``: 500 rules on 2,000 series of made-up loads that drift, so that alerts begin and end;
medians and 95th percentiles of ``RUNS`` (default 300) ticks. The baseline is `alerts.state`, the machine that tests
hold the engine to. Backtests are over 24 h (18 h of minutes and 6 h of samples) of one series and of 8: reading the
history, which is kept while a threshold is dragged, judging it, and suggesting a threshold.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alerts.past import Pasts, condition
from alerts.rule import Rule
from alerts.state import Condition, Status, advance
from alerts.watch import Watch
from alerts.windows import Windows
from analysis.backtest import spans, suggest
from bench.query import T0, fill_archive, fill_ring
from bench.usage import table
from config.dashboard import AlertThresholds
from metrics.series import SeriesInfo
from storage.archive.archive import Archive
from storage.database import Database
from storage.query import Query
from storage.ring.file import FileRing

SERIES, RULES, SHARE = 2000, 500, 20
"""Each rule watches `SHARE` of the series: 10,000 pairs."""


def pairs() -> tuple[list[Rule], list[SeriesInfo]]:
    """Rules and series."""
    infos = [
        SeriesInfo("load_ratio", (("group", str(i // SHARE)), ("unit", str(i))), "ratio", "gauge", "A made-up load")
        for i in range(SERIES)
    ]
    groups = SERIES // SHARE
    rules = [
        Rule(id=f"r{i}", name=f"Rule {i}", selectors=(f'load_ratio{{group="{i % groups}"}}',), threshold=0.6 + i / 2000,
             for_seconds=i % 5, margin=0.05, resolve_seconds=i % 3)
        for i in range(RULES)
    ]
    return rules, infos


def ticks(count: int, infos: list[SeriesInfo]) -> list[dict[str, float]]:
    """Values of every series at each tick: slow waves and noise."""
    chance = np.random.default_rng(3)
    phase = chance.random(len(infos)) * 6.3
    keys = [info.key for info in infos]
    made = []
    for at in range(count):
        values = 0.5 + 0.3 * np.sin(at / 40 + phase) + chance.normal(0, 0.05, len(infos))
        made.append(dict(zip(keys, values.tolist(), strict=True)))
    return made


def measured(calls: list[Callable[[], object]]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds."""
    times = []
    for call in calls:
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times), float(np.quantile(times, 0.95))


def evaluation(runs: int) -> None:
    """The engine's tick beside the machine in a loop."""
    rules, infos = pairs()
    seen = ticks(runs + 1, infos)
    with tempfile.TemporaryDirectory() as name:
        ring = FileRing(Path(name), 1, 1.0, 60)
        archive = Archive(Database("archive", Path(name)))
        watch = Watch(1, lambda: infos, Windows(Query(ring, archive)))
        watch.set_rules(rules, AlertThresholds())
        began = time.perf_counter()
        watch.tick(float(T0), seen[0])
        compiled = 1000 * (time.perf_counter() - began)
        changes = []
        at = iter(range(1, runs + 1))

        def tick() -> None:
            n = next(at)
            changes.append(watch.tick(float(T0 + n), seen[n])[0])

        fast = measured([tick] * runs)
        ring.close()
        archive.database.close()
    conditions = [
        Condition(p.rule.comparison, p.rule.limit(AlertThresholds()), p.rule.resolve_limit(AlertThresholds()),
                  p.rule.for_seconds, p.rule.resolve_seconds) for p in watch.pairs
    ]
    keys, statuses = [pair.key for pair in watch.pairs], [Status()] * len(watch.pairs)
    at = iter(range(max(5, runs // 30)))

    def loop() -> None:
        n = next(at)
        for i, one in enumerate(conditions):
            statuses[i] = advance(one, statuses[i], float(T0 + n), seen[n].get(keys[i]))

    slow = measured([loop] * max(5, runs // 30))
    count = sum(c.fired.size + c.resolved.size for c in changes)
    print(f"{len(watch.pairs)} rules on series; {count} began to fire or ended in {runs} ticks; "
          f"finding the pairs anew: {compiled:.0f} ms\n")
    print(table(("a tick", "p50, ms", "p95, ms", "of the baseline"), (
        ("pair by pair in Python", *slow, None), ("the engine", *fast, f"1/{slow[0] / fast[0]:.0f}"),
    )))


def backtests(runs: int) -> None:
    """Backtests of 24 h, the history read anew and kept."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder, now = Path(name), float(T0)
        archive = Archive(Database("archive", folder))
        fill_archive(archive, T0 - 60)
        ring = FileRing(folder, 1, 1.0, 6 * 3600, now=lambda: now)
        fill_ring(ring, 8, T0)
        query = Query(ring, archive, lambda: now)
        infos = query.series()
        for title, selector in (("1 series", 'core_ratio{core="3"}'), ("8 series", 'core_ratio{core=~"[0-7]"}')):
            rule = Rule(id="r", name="r", selectors=(selector,), threshold=0.5, for_seconds=10, margin=0.1,
                        resolve_seconds=30)
            pasts = Pasts(query, lambda: infos, lambda: now)
            cold = measured([lambda p=pasts, r=rule: (p._kept.clear(), p.of(r, now - 86400, now))] * 10)  # type: ignore[misc]
            past = pasts.of(rule, now - 86400, now)
            held = condition(rule, AlertThresholds())
            found = sum(len(spans(held, one)) for one in past.samples)
            warm = measured([lambda p=past, h=held: [spans(h, one) for one in p.samples]] * runs)  # type: ignore[misc]
            propose = measured([lambda p=past, h=held: suggest(h, p.samples)] * 10)  # type: ignore[misc]
            points = sum(one.t.size for one in past.samples)
            rows.append((title, points, found, *cold, *warm, *propose))
        ring.close()
        archive.database.close()
    print(table(("24 h of", "values", "alerts", "read p50, ms", "p95", "backtest p50, ms", "p95", "suggest p50, ms",
                 "p95"), rows))


def main(runs: int) -> None:
    """Measures and prints the tables."""
    evaluation(runs)
    print()
    backtests(runs)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
