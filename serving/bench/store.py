"""Load tests that are kept: in the archive, the newest of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from storage.database import Database

MOST = 500
"""Load tests that are kept; the oldest goes first."""
LONGEST_NOTE = 200

_META = sa.MetaData()
benches = sa.Table(
    "model_benches", _META,
    sa.Column("id", sa.Text, primary_key=True), sa.Column("at", sa.Double),
    *(sa.Column(name, sa.Text) for name in ("by", "model", "server", "engine", "version", "quantisation")),
    sa.Column("context_size", sa.BigInteger),
    *(sa.Column(name, sa.JSON) for name in ("settings", "plan", "result")),
    sa.Column("note", sa.Text),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """A load test: of what, by whom, how, with what result. ``at`` is its start, epoch seconds; ``version`` the
    engine's; ``settings`` what the model ran with, as far as that is known; ``result`` a
    `serving.bench.wire.Result`."""

    id: str
    at: float
    by: str
    model: str
    server: str
    engine: str
    version: str
    quantisation: str
    context_size: int | None
    settings: Mapping[str, Any]
    plan: Mapping[str, Any]
    result: Mapping[str, Any]
    note: str = ""


class BenchStore:
    """The table. Every method may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, one: Bench) -> None:
        """Keeps one, and lets go of the oldest beyond `MOST`."""
        kept = sa.select(benches.c.id).order_by(benches.c.at.desc(), benches.c.id).limit(MOST)
        with self._database.write() as connection:
            connection.execute(sa.insert(benches), [asdict(one)])
            connection.execute(sa.delete(benches).where(benches.c.id.not_in(kept)))

    def all(self) -> list[Bench]:
        """All that are kept, the newest first."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(benches).order_by(benches.c.at.desc(), benches.c.id))
            return [Bench(**row) for row in found.mappings()]

    def one(self, number: str) -> Bench | None:
        """That of an id; None when there is none."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(benches).where(benches.c.id == number)).mappings().one_or_none()
        return None if row is None else Bench(**row)

    def note(self, number: str, text: str) -> bool:
        """Writes another note to one; False when there is none."""
        with self._database.write() as connection:
            change = sa.update(benches).where(benches.c.id == number).values(note=text[:LONGEST_NOTE])
            return connection.execute(change).rowcount > 0

    def delete(self, number: str) -> bool:
        """Removes one; False when there is none."""
        with self._database.write() as connection:
            return connection.execute(sa.delete(benches).where(benches.c.id == number)).rowcount > 0
