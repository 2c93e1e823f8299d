"""(e) Exports: 30 days of minutes x 50 series as each format, beside one DataFrame written at once.

``python -m bench.export [SERIES]``: an archive of 200 series x 30 days is filled first. Each export runs in a process
of its own. Memory is the highest PSS while it runs, less the PSS with the stores open and the libraries imported; what
the libraries themselves add stands beside it. The DataFrame is what a plain solution does: select, join, ``to_csv``.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.query import DAYS, INFOS, T0, fill_archive
from bench.usage import pss, table
from jobs.formats import write
from jobs.pool import written
from jobs.table import Facts, Table, columns_of, read_blocks
from storage.archive.archive import Archive
from storage.database import Database
from storage.query import Query
from storage.ring.file import FileRing

SHOWN = 50
KINDS = ("csv", "json", "parquet", "xlsx", "dataframe")
EVERY = 0.01
"""Seconds between two looks at the memory."""


class Peak:
    """The highest PSS of this process while it is watched."""

    def __init__(self) -> None:
        self.most = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            self.most = max(self.most, pss([os.getpid()]))

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def imported(kind: str) -> None:
    """Loads what a format needs."""
    name = {"parquet": "pyarrow.parquet", "xlsx": "xlsxwriter", "dataframe": "pandas"}.get(kind)
    if name:
        importlib.import_module(name)


def export(kind: str, query: Query, end: float, count: int, folder: Path) -> Path:
    """Writes one file."""
    path, start = folder / f"out.{kind}", end - DAYS * 86400 + 60
    if kind == "dataframe":
        import pandas as pd

        found = query.select([info.key for info in INFOS[:count]], start, end).series
        frame = pd.DataFrame({s.info.key: pd.Series(s.value, pd.to_datetime(s.t, unit="ms", utc=True)) for s in found})
        frame.to_csv(path)
        return path
    reading = query.reading([info.key for info in INFOS[:count]], start, end)
    facts = Facts("bench", start, end, "Europe/Paris", reading.step, reading.source)
    made = Table(facts, columns_of(reading.infos, False), read_blocks(reading.pieces(), start, end, False))
    written(path, None, 1 << 40, lambda out: write(kind, made, out, lambda _share: None, folder))  # type: ignore[arg-type]
    return path


def one(kind: str, folder: Path, count: int) -> dict[str, Any]:
    """Measures one export, in this process."""
    end = float(T0 - 60)
    ring = FileRing(folder, 1, 1.0, 3600, now=lambda: T0)
    archive = Archive(Database("archive", folder))
    query = Query(ring, archive, lambda: T0)
    query.select([INFOS[0].key], end - 3600, end)
    before = pss([os.getpid()])
    imported(kind)
    ready = pss([os.getpid()])
    with tempfile.TemporaryDirectory(dir=folder) as out, Peak() as peak:
        began = time.perf_counter()
        path = export(kind, query, end, count, Path(out))
        seconds = time.perf_counter() - began
        size = path.stat().st_size
    archive.database.close()
    ring.close()
    return {"libraries": ready - before, "memory": peak.most - ready, "seconds": seconds, "size": size / 2**20}


def main(count: int) -> None:
    """Fills an archive, measures every format and prints the table."""
    with tempfile.TemporaryDirectory() as name:
        archive = Archive(Database("archive", Path(name)))
        fill_archive(archive, T0 - 60)
        archive.database.close()
        rows = []
        for kind in KINDS:
            command = [sys.executable, "-m", "bench.export", "--one", kind, name, str(count)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            title = "DataFrame.to_csv" if kind == "dataframe" else kind.upper()
            rows.append((title, found["memory"], found["libraries"], found["seconds"], found["size"]))
    values = count * DAYS * 1440
    print(f"{count} series x {DAYS} days of minutes, {values:,} values, among 200 series\n")
    print(table(("format", "memory above idle, MiB", "its libraries, MiB", "seconds", "file, MiB"), rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else SHOWN)
