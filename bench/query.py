"""(b) 24 h x 8 series through the query to JSON bytes: from minutes, and raw at 1 s from a ring set to 24 h.

``python -m bench.query [RUNS]``: 200 series for the ring of 6 h and the archive, 30 days of minutes, so that the pages
read lie among others. Times are medians and 95th percentiles of ``RUNS`` (default 200) answers; sizes are those of the
JSON, plain and as Vigie sends it (Brotli, made while the request waits), beside all points of the window.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson

from api.encoding import compress_now
from api.wire import rounded
from bench.usage import table
from metrics.series import Selection, SeriesInfo
from storage.archive.archive import Archive
from storage.archive.pages import DAY, HOURS, MINUTES
from storage.archive.rollup import Rollup, coarser
from storage.database import Database
from storage.query import Query
from storage.ring.base import encode, step_number
from storage.ring.file import FileRing

SERIES, SHOWN, DAYS, POINTS = 200, 8, 30, 1000
T0 = 1_800_000_000
INFOS = [SeriesInfo("core_ratio", (("core", str(i)),), "ratio", "gauge", "A made-up load") for i in range(SERIES)]
ASKED = [info.key for info in INFOS[:SHOWN]]


def load(count: int, series: int, seed: int = 1) -> np.ndarray:
    """Made-up loads (series, count) between 0 and 1: slow waves, noise, and a spike now and then."""
    chance = np.random.default_rng(seed)
    t = np.arange(count)
    wave = 0.3 + 0.2 * np.sin(t / (600 + 50 * np.arange(series)[:, None]))
    noise = chance.normal(0, 0.03, (series, count))
    spikes = (chance.random((series, count)) < 0.0005) * chance.random((series, count)) * 0.5
    return np.clip(wave + noise + spikes, 0, 1).astype(np.float32)


def fill_ring(ring: FileRing, series: int, end: int) -> None:
    """Fills the whole ring up to ``end`` (epoch seconds), row by row: quicker than tick by tick, the same bytes."""
    last = step_number(end, ring.step)
    numbers = np.arange(last - ring.capacity + 1, last + 1)
    values = load(ring.capacity, series)
    for info, row in zip(INFOS[:series], values, strict=True):
        handle = ring.handle(info)
        ring._newest.cells[handle, numbers % ring.capacity] = encode(0, row) | numbers.astype(np.uint64)


def fill_archive(archive: Archive, end: int) -> None:
    """Thirty days of minutes of all series, and their hours, up to a minute before ``end``."""
    for day in range(DAYS):
        begin = end - (DAYS - day) * DAY
        t = np.arange(begin, begin + DAY, 60)
        mean = load(t.size, SERIES, day).reshape(-1)
        minutes = Rollup(np.repeat(np.arange(SERIES), t.size), np.tile(t, SERIES) * 1000, mean, mean * np.float32(0.8),
                         mean * np.float32(1.2), np.full(mean.size, 60, np.uint32))
        archive.write(MINUTES, INFOS, minutes, begin + DAY)
        archive.write(HOURS, INFOS, coarser(minutes, 3600), begin + DAY)


def as_json(selection: Selection) -> bytes:
    """Keys, times and values with four digits, and the extremes of rollups."""
    return orjson.dumps([
        {"key": s.info.key, "t": s.t, **{
            name: rounded(column, 4) for name, column in (("v", s.value), ("low", s.low), ("high", s.high))
            if column is not None}}
        for s in selection.series
    ], option=orjson.OPT_SERIALIZE_NUMPY)


def measured(runs: int, answer: Callable[[], bytes]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds."""
    answer()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        answer()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times), 1000 * float(np.quantile(times, 0.95))


def main(runs: int) -> None:
    """Fills the stores, measures and prints the table."""
    now = float(T0)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = Archive(Database("archive", folder))
        fill_archive(archive, T0 - 60)
        six, day = (FileRing(folder / str(h), 1, 1.0, h * 3600, now=lambda: now) for h in (6, 24))
        fill_ring(six, SERIES, T0)
        fill_ring(day, SHOWN, T0)
        pages = (folder / "archive.db").stat().st_size / 2**20
        usual, long = Query(six, archive, lambda: now), Query(day, archive, lambda: now)
        for title, query, hours, points in (
            ("24 h from minutes", usual, 24, POINTS), ("24 h from minutes, all", usual, 24, None),
            ("1 h raw at 1 s", usual, 1, POINTS), ("1 h raw at 1 s, all", usual, 1, None),
            ("24 h raw at 1 s", long, 24, POINTS), ("24 h raw at 1 s, all", long, 24, None),
            ("7 d from minutes", usual, 168, POINTS), ("30 d from hours", usual, 720, POINTS),
        ):
            start = now - hours * 3600 + 1

            def answer(query: Query = query, start: float = start, points: int | None = points) -> bytes:
                return as_json(query.select(ASKED, start, now, points))

            few = runs if points else max(20, runs // 10)
            p50, p95 = measured(few, answer)
            body = answer()
            count = sum(s.t.size for s in query.select(ASKED, start, now, points).series)
            rows.append((title, count, p50, p95, len(body) / 1024, len(compress_now(body, "br")) / 1024))
        archive.database.close()
        six.close()
        day.close()
    full = {row[0].removesuffix(", all"): row for row in rows if row[0].endswith(", all")}
    print(f"{SHOWN} series among {SERIES}; archive of {DAYS} days: {pages:.0f} MiB\n")
    print(table(
        ("window", "points", "p50, ms", "p95, ms", "JSON, KiB", "Brotli, KiB", "of the full JSON"),
        ((*row, f"1/{full[row[0]][4] / row[4]:.0f}" if row[0] in full else None) for row in rows),
    ))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
