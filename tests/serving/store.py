"""A ring, an archive and its request log, written by hand at a clock of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from config.dashboard import AlertThresholds
from config.limits import HealthLimits
from metrics.metric import Metric, Sample, labels
from serving.requests.table import NAMES, Request, requests
from storage.archive.archive import Archive
from storage.database import Database
from storage.latest import Latest
from storage.query import Query
from storage.ring.file import FileRing
from storage.writer import Tick, Writer

NOW = 1_800_000_000.0
BLANK = Request(**dict.fromkeys(NAMES, None) | {  # type: ignore[arg-type]
    "id": 0, "request": "x", "at": NOW, "ended": NOW, "proxy": "lmstudio", "server": "box", "engine": "llamacpp",
    "model": "m", "client": "c", "path": "/", "kind": "chat", "error": "", "message": "", "finish": "stop",
    "stream": True,
})


def request(begin: float, end: float, number: int = 1, **more: Any) -> Request:
    """A request that went well, by seconds from `NOW`."""
    return replace(BLANK, id=number, at=NOW + begin, ended=NOW + end, duration=end - begin, **more)


class Store:
    """A ring, an archive and what writes them, at a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.database = Database("archive", folder)
        self.ring = FileRing(folder, 1, 1.0, 7200)
        self.query = Query(self.ring, Archive(self.database, 1), lambda: NOW + 7200)
        self.writer = Writer(self.ring, Latest(HealthLimits(AlertThresholds())), lambda *_: None, lambda _name: 1.0)

    def tick(self, at: float, *values: tuple[Metric, float, dict[str, str]]) -> None:
        self.writer.write(Tick(NOW + at, [Sample(metric, labels(pairs), value) for metric, value, pairs in values]))

    def add(self, *found: Request, **more: object) -> None:
        rows = [
            {name: getattr(one, name) for name in NAMES if name != "id"} | {"boot": "b", "seq": one.id, **more}
            for one in found
        ]
        with self.database.write() as connection:
            connection.execute(sa.insert(requests), rows)
