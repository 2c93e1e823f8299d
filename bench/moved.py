"""(k) What else moved?: 2,000 series x 1 h through the ring file and the query, beside what others compute.

``python -m bench.moved [RUNS]``: a ring of 2,000 made-up series (noise, alike neighbours, slow waves, jobs, a few
gaps), three of them changed in the last five minutes: one higher, one at zero, one more restless. The first rows are
the whole search from the ring to the ranking, at three windows; the others the same hour by Netdata's method
(Kolmogorov and Smirnov's two samples on differences, baseline of four windows, series by series, as its Metric
Correlations does) and by a robust z of the means, both on arrays that are read already. Times are medians and 95th
percentiles of ``RUNS`` (default 15), memory what one search allocates at most at a time. "leads" tells how many of the
three lead; "noise" how many of the 1,997 others are called changed at a chance of one in 20 over all of them.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from analysis.moved import search
from bench.query import measured
from bench.usage import table
from metrics.series import SeriesInfo
from storage.archive.archive import Archive
from storage.archive.pages import HOURS, MINUTES
from storage.archive.rollup import Rollup, coarser, roll
from storage.database import Database
from storage.query import Query
from storage.ring.base import encode, step_number
from storage.ring.file import FileRing

SERIES, CAPACITY = 2000, 21_600
T0 = 1_800_000_000
CHANGED = (300, 900, 1500)
INFOS = [SeriesInfo(f"m{i % 40}_things", (("n", str(i)),), "", "gauge", "Made up") for i in range(SERIES)]
Judged = tuple[np.ndarray, int]


def values(window: int) -> np.ndarray:
    """Six hours of 2,000 made-up series; three are changed in their last ``window`` seconds."""
    chance = np.random.default_rng(1)
    t = np.arange(CAPACITY)
    found = np.empty((SERIES, CAPACITY), np.float32)
    for row in range(SERIES):
        noise: np.ndarray = chance.standard_normal(CAPACITY, np.float32)
        kind = row % 4
        if kind == 1:  # neighbours that are alike: a running mean
            noise = np.convolve(noise, np.ones(60, np.float32), "same") / 6
        elif kind == 2:
            noise += 4 * np.sin(t / chance.uniform(20, 2000)).astype(np.float32)
        elif kind == 3:
            noise += ((t + row) % 60 < 4) * np.float32(20)
        found[row] = 10 ** chance.uniform(0, 9) * (noise + 50)
        if row % 50 == 7:
            found[row, 5000:5600] = np.nan
    higher, stopped, restless = (found[row, -window:] for row in CHANGED)
    higher *= 1.1
    stopped[:] = 0
    restless += 3 * (restless - restless.mean())
    return found


def fill(ring: FileRing, found: np.ndarray) -> None:
    """Puts the values into the ring, row by row: quicker than tick by tick, the same bytes."""
    numbers = np.arange(step_number(T0, ring.step) - CAPACITY + 1, step_number(T0, ring.step) + 1)
    for info, row in zip(INFOS, found, strict=True):
        there = ~np.isnan(row)
        handle = ring.handle(info)
        ring._newest.cells[handle, numbers[there] % CAPACITY] = encode(0, row[there]) | numbers[there].astype(np.uint64)


def fill_archive(archive: Archive, found: np.ndarray) -> None:
    """The same minutes and hours in the archive, a few series at a time."""
    t = (T0 - CAPACITY + 1 + np.arange(CAPACITY)) * 1000
    for first in range(0, SERIES, 100):
        part = [(t[~np.isnan(row)], row[~np.isnan(row)]) for row in found[first:first + 100]]
        minutes: Rollup = roll(part, MINUTES.step)
        archive.write(MINUTES, INFOS[first:first + 100], minutes, T0)
        archive.write(HOURS, INFOS[first:first + 100], coarser(minutes, HOURS.step), T0)


def kolmogorov(grid: np.ndarray, window: int) -> Judged:
    """Netdata's way: per series, differences of the baseline (four windows) and of the window, both sorted, the largest
    distance of their distributions; scores and how many lie beyond the bound."""
    scores = np.zeros(len(grid))
    for row, one in enumerate(grid):
        base, now = np.sort(np.diff(one[-5 * window:-window])), np.sort(np.diff(one[-window:]))
        base, now = base[~np.isnan(base)], now[~np.isnan(now)]
        if not base.size or not now.size:
            continue
        both = np.concatenate((base, now))
        scores[row] = np.abs(np.searchsorted(base, both, side="right") / base.size
                             - np.searchsorted(now, both, side="right") / now.size).max()
    size = 4 * window * window / (5 * window)
    limit = math.sqrt(-math.log(0.05 / len(grid) / 2) / 2 / size)
    return scores, int((scores > limit).sum() - (scores[list(CHANGED)] > limit).sum())


def robust_z(grid: np.ndarray, window: int) -> Judged:
    """Distance of the window's mean from the baseline's median in MADs of seconds over the root of their count: what
    takes neighbouring seconds for independent."""
    base = grid[:, :-window]
    middle = np.nanmedian(base, axis=1)
    spread = 1.4826 * np.nanmedian(np.abs(base - middle[:, None]), axis=1)
    scores = np.abs(np.nanmean(grid[:, -window:], axis=1) - middle) / np.maximum(spread, 1e-30) * math.sqrt(window)
    limit = 4.4  # a normal value beyond which lies 0.05 / 2,000 / 2
    return scores, int((scores > limit).sum() - (scores[list(CHANGED)] > limit).sum())


def held(work: Callable[[], object]) -> float:
    """MiB that ``work`` holds at most at a time."""
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 2**20


def _cpu(work: Callable[[], object]) -> float:
    """Processor time of one run, ms: what a busy machine does not change."""
    began = time.process_time()
    for _ in range(3):
        work()
    return 1000 * (time.process_time() - began) / 3


def leads(scores: np.ndarray) -> str:
    """How many of the changed series are the first three."""
    return f"{len(set(np.argsort(-scores)[:3].tolist()) & set(CHANGED))} of 3"


def main(runs: int) -> None:
    """Fills the ring, measures and prints the table."""
    window, now = 300, float(T0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ring = FileRing(folder, 1, 1.0, CAPACITY, now=lambda: now)
        archive = Archive(Database("archive", folder))
        found = values(window)
        fill(ring, found)
        fill_archive(archive, found)
        query = Query(ring, archive, lambda: now)
        infos = query.series()
        rows: list[tuple[object, ...]] = []
        for title, length in (
            ("Vigie, 5 min against the hour before", window), ("Vigie, 10 min against two hours", 600),
            ("Vigie, 30 min against the hours before", 1800),
        ):
            def answer(length: int = length) -> bytes:
                search(query, infos, now - length, now, now)
                return b""

            memory = held(answer)
            p50, p95 = measured(runs, answer)
            judged = search(query, infos, now - length, now, now)
            apart = {int(move.info.label("n")) for move in judged.moves[:judged.apart]}
            first = {int(move.info.label("n")) for move in judged.moves[:3]} & set(CHANGED)
            rows.append((title, judged.plan.columns, p50, p95, _cpu(answer), memory, f"{len(first)} of 3",
                         len(apart - set(CHANGED))))
        grid = found[:, -3900:]
        for title, method in (("Kolmogorov and Smirnov, four windows", kolmogorov), ("robust z of the mean", robust_z)):
            def other(method: Callable[[np.ndarray, int], Judged] = method) -> bytes:
                method(grid, window)
                return b""

            memory = held(other)
            p50, p95 = measured(max(3, runs // 5), other)
            scores, wrong = method(grid, window)
            many = 5 * window if method is kolmogorov else grid.shape[1]
            rows.append((title, many, p50, p95, _cpu(other), memory, leads(scores), wrong))
        archive.database.close()
        ring.close()
    print(f"{SERIES} series\n")
    print(table(
        ("method", "values a series", "p50, ms", "p95, ms", "processor, ms", "memory, MiB", "leads", "noise"), rows,
    ))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
