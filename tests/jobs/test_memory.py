"""An export of thirty days of fifty series, from the archive to the file: bounded memory, the right values."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.formats import Format, write
from jobs.table import Facts, Table, columns_of, read_blocks
from metrics.series import SeriesInfo
from storage.archive.archive import Archive
from storage.archive.pages import DAY, MINUTES
from storage.archive.rollup import Rollup
from storage.database import Database
from storage.query import Query
from storage.ring.file import FileRing

pytestmark = pytest.mark.slow
NOW, DAYS, SERIES = 1_800_000_000, 30, 50
INFOS = [SeriesInfo("core_ratio", (("core", str(i)),), "ratio", "gauge", "A made-up load") for i in range(SERIES)]
MOST = 20 * 2**20
"""Bytes; the whole window in arrays, with its times and extremes, would be 43 MB."""


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    folder = tmp_path_factory.mktemp("month")
    archive = Archive(Database("archive", folder))
    for day in range(DAYS):
        t = np.arange(NOW - (DAYS - day) * DAY, NOW - (DAYS - day - 1) * DAY, 60)
        mean = np.random.default_rng(day).random(SERIES * t.size, np.float32)
        archive.write(MINUTES, INFOS, Rollup(
            np.repeat(np.arange(SERIES), t.size), np.tile(t, SERIES) * 1000, mean, mean, mean,
            np.full(mean.size, 60, np.uint32)), NOW - (DAYS - day - 1) * DAY)
    ring = FileRing(folder, 1, 1.0, 3600, now=lambda: NOW)
    yield Query(ring, archive, lambda: NOW)
    ring.close()
    archive.database.close()


def peak(query: Query, kind: Format, days: int, path: Path) -> int:
    """Bytes that writing a file holds at most."""
    start, end = float(NOW - days * DAY), float(NOW - 60)
    tracemalloc.start()
    reading = query.reading([info.key for info in INFOS], start, end)
    table = Table(Facts("box", start, end, "Europe/Paris", reading.step, reading.source),
                  columns_of(reading.infos, False), read_blocks(reading.pieces(), start, end, False))
    with path.open("wb") as out:
        write(kind, table, out, lambda _share: None, path.parent)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_month_takes_no_more_than_a_week(query: Query, kind: Format, tmp_path: Path):
    peak(query, kind, 1, tmp_path / "first")  # what is imported and kept once
    week, month = (peak(query, kind, days, tmp_path / f"{days}.{kind}") for days in (7, DAYS))
    assert month < 1.25 * week
    assert month < MOST


def test_the_month_is_whole(query: Query, tmp_path: Path):
    path = tmp_path / "month.csv"
    peak(query, "csv", DAYS, path)
    found = pd.read_csv(path, usecols=["time_utc", 'core_ratio{core="49"} [ratio]'], parse_dates=["time_utc"])
    (wanted,) = query.select([INFOS[49].key], NOW - DAYS * DAY, NOW - 60).series
    assert len(found) == DAYS * 1440 == wanted.t.size
    np.testing.assert_array_equal(found.iloc[:, 1].to_numpy(np.float32), wanted.value)
    times = found["time_utc"].dt.tz_convert(None).to_numpy().astype("datetime64[ms]")
    np.testing.assert_array_equal(times.astype(np.int64), wanted.t)
