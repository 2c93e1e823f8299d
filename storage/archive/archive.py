"""The archive of one server: rollup pages, the flat row per minute, and events."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from metrics.series import SeriesInfo
from storage.archive import pages, tables
from storage.archive.pages import COUNT, DAY, MINUTES, TIERS, Tier
from storage.archive.rollup import NO_STEPS, Rollup
from storage.database import Database

METRICS_KEEP = MINUTES.keep
"""Seconds that the rows of `metrics` and of `events` are kept."""


class StoredEvent(NamedTuple):
    """An event as it was appended."""

    at: float
    kind: str
    severity: str
    params: dict[str, str]


class Archive:
    """Reads and writes the rollups of ``server``. One process writes; any thread of it reads.

    Every method raises StoreUnavailable while the database is away and writes all or nothing.
    """

    def __init__(self, database: Database, server: int = 1) -> None:
        self.database, self.server = database, server
        self._lock = threading.Lock()
        self._series: dict[int, SeriesInfo] | None = None
        self._ids: dict[str, int] = {}
        self._watermarks: dict[int, int] = {}
        self._days: set[str] | None = None

    # -- what there is

    def series(self) -> Mapping[int, SeriesInfo]:
        """All archived series by id. Kept in memory: it answers while the database is away, once it was read."""
        known = self._series
        if known is None:
            with self._lock:
                known = self._load()
        return known

    def watermark(self, tier: Tier) -> int | None:
        """Epoch seconds before which every step of ``tier`` is written; None when nothing was."""
        self.series()
        return self._watermarks.get(tier.number)

    def _load(self) -> dict[int, SeriesInfo]:
        if self._series is None:
            self._series = self._fetch()
            self._ids = {info.key: number for number, info in self._series.items()}
        return self._series

    def _fetch(self) -> dict[int, SeriesInfo]:
        query = sa.select(tables.series).where(tables.series.c.server_id == self.server)
        with self.database.read() as connection:
            found = {
                row.id: SeriesInfo(row.name, tuple((k, v) for k, v in orjson.loads(row.labels)), row.unit, row.kind,
                                   row.help, row.every)
                for row in connection.execute(query)
            }
            marks = connection.execute(tables.READ_WATERMARKS, {"server_id": self.server}).all()
        self._watermarks = {int(tier): int(at) for tier, at in marks}
        return found

    def oldest(self, tier: Tier) -> int | None:
        """Epoch seconds at which the oldest page of ``tier`` begins; None when there is none."""
        with self.database.read() as connection:
            found = connection.scalar(tables.OLDEST_PAGE, {"tier": tier.number, "server": self.server})
        return None if found is None else int(found)

    # -- rollups

    def write(self, tier: Tier, infos: Sequence[SeriesInfo], rolled: Rollup, watermark: int,
              rows: Mapping[int, Mapping[str, float | None]] | None = None) -> None:
        """Writes steps of ``tier`` and how far the rollup got, in one transaction.

        ``rolled.index`` points into ``infos``. A step written before is replaced. ``rows``, for the server's
        `metrics` table, are by the epoch second at which their minute begins and have the keys of
        `metrics.flat.SERIES`.
        """
        with self._lock:
            self._load()
            made: dict[int, SeriesInfo] = {}
            with self.database.write() as connection:
                if rolled.t.size:
                    self._write_pages(connection, tier, infos, rolled, made)
                mark = {"server_id": self.server, "tier": tier.number, "at": watermark}
                connection.execute(tables.WRITE_WATERMARK, mark)
                for at, row in (rows or {}).items():
                    self._write_row(connection, row, at)
            # Only now: what was made in a transaction that failed does not exist.
            if made:
                self._series = {**self._load(), **made}
                self._ids |= {info.key: number for number, info in made.items()}
            self._watermarks = {**self._watermarks, tier.number: watermark}

    def _write_pages(self, connection: Connection, tier: Tier, infos: Sequence[SeriesInfo], rolled: Rollup,
                     made: dict[int, SeriesInfo]) -> None:
        used = np.unique(rolled.index)
        ids = np.zeros(len(infos), np.int64)
        ids[used] = [self._id_of(connection, infos[i], made) for i in used]
        seconds = rolled.t // 1000
        starts = tier.page_of(seconds)
        for start in np.unique(starts):
            here = np.flatnonzero(starts == start)
            page_ids, place = np.unique(ids[rolled.index[here]], return_inverse=True)
            words = pages.empty(len(page_ids), tier.slots)
            known = self._blobs(connection, tier, page_ids, int(start))
            if known:
                at = np.searchsorted(page_ids, list(known))
                words[at] = pages.decode(list(known.values()), tier.slots)
            slot = (seconds[here] - start) // tier.step
            for column, values in enumerate((rolled.mean, rolled.low, rolled.high, rolled.count)):
                words[place, column, slot] = values[here].view(np.uint32)
            connection.execute(tables.WRITE_PAGE, [
                {"series_id": number, "tier": tier.number, "start": int(start), "blob": blob}
                for number, blob in zip(page_ids.tolist(), pages.encode(words), strict=True)
            ])

    def _blobs(self, connection: Connection, tier: Tier, ids: np.ndarray, start: int) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for first in range(0, len(ids), 500):
            asked = {"ids": ids[first:first + 500].tolist(), "tier": tier.number, "first": start, "last": start + 1}
            found |= {number: bytes(blob) for number, _, blob in connection.execute(tables.READ_PAGES, asked)}
        return found

    def _id_of(self, connection: Connection, info: SeriesInfo, made: dict[int, SeriesInfo]) -> int:
        """The id of a series, inserted or brought up to date when needed, and then put into ``made``."""
        number = self._ids.get(info.key)
        if number is not None and self._load()[number] == info:
            return number
        values = {"unit": info.unit, "kind": info.kind, "help": info.help, "every": info.every}
        if number is None:
            labels = orjson.dumps(info.labels).decode()
            key = connection.execute(
                sa.insert(tables.series).values(server_id=self.server, name=info.name, labels=labels, **values)
            ).inserted_primary_key
            number = int(key[0]) if key is not None else 0
        else:
            connection.execute(sa.update(tables.series).where(tables.series.c.id == number).values(**values))
        made[number] = info
        return number

    def read(self, tier: Tier, ids: Sequence[int], start: float, end: float) -> list[Rollup]:
        """For each series id its steps that begin in ``start <= t < end`` (epoch seconds), ascending."""
        edge = np.array([max(0, int(start))], np.int64)
        asked = {"tier": tier.number, "first": int(tier.page_of(edge)[0]), "last": int(np.ceil(min(end, 1e11)))}
        rows: list[tuple[int, int, bytes]] = []
        with self.database.read() as connection:
            for first in range(0, len(ids), 500):
                part = list(ids[first:first + 500])
                rows += [tuple(row) for row in connection.execute(tables.READ_PAGES, {**asked, "ids": part})]
        if not rows:
            return [NO_STEPS] * len(ids)
        numbers, starts, blobs = zip(*rows, strict=True)
        words = pages.decode(blobs, tier.slots)
        t = np.array(starts, np.int64)[:, None] + np.arange(tier.slots, dtype=np.int64) * tier.step
        there = (words[:, COUNT] > 0) & (t >= start) & (t < end)
        index = np.broadcast_to(np.array(numbers, np.int64)[:, None], t.shape)[there]
        columns = [words[:, column][there] for column in range(pages.COLUMNS)]
        every = Rollup(index, t[there] * 1000, columns[0].view(np.float32), columns[1].view(np.float32),
                       columns[2].view(np.float32), columns[3])
        order = np.argsort(index, kind="stable") if len(ids) > 500 else None
        if order is not None:
            every = Rollup(*(getattr(every, name)[order] for name in ("index", "t", "mean", "low", "high", "count")))
        return [every.of(number) for number in ids]

    # -- the tables of the documents

    def register(self, name: str, hostname: str, ip_address: str | None, os_type: str, now: float) -> None:
        """Writes this server's row in `servers`, or brings it up to date."""
        seen, t = _timestamp(now), tables.servers
        values = {"name": name[:100], "hostname": hostname[:255], "ip_address": ip_address, "os_type": os_type[:50],
                  "last_seen": seen, "is_active": True}
        with self.database.write() as connection:
            done = connection.execute(sa.update(t).where(t.c.id == self.server).values(**values))
            if done.rowcount == 0:
                connection.execute(sa.insert(t).values(id=self.server, created_at=seen, **values))
                if not self.database.is_sqlite:
                    connection.execute(sa.text(
                        "SELECT setval(pg_get_serial_sequence('servers', 'id'), (SELECT max(id) FROM servers))"
                    ))

    def _write_row(self, connection: Connection, row: Mapping[str, float | None], at: int) -> None:
        stamp, t = _timestamp(at), tables.metrics
        self._ensure_day(connection, stamp)
        values = {name: _fitting(row.get(name), 1e3) for name in tables.PERCENT_COLUMNS}
        values |= {name: _fitting(row.get(name), 1e8) for name in tables.SIZE_COLUMNS}
        connection.execute(sa.delete(t).where(t.c.server_id == self.server, t.c.recorded_at == stamp))
        connection.execute(sa.insert(t).values(server_id=self.server, recorded_at=stamp, **values))
        servers = tables.servers
        seen = stamp + timedelta(seconds=MINUTES.step)
        connection.execute(sa.update(servers).where(servers.c.id == self.server).values(last_seen=seen))

    def _ensure_day(self, connection: Connection, stamp: datetime) -> None:
        """Makes the partition of a day where `metrics` is partitioned."""
        if self._days is None:
            partitioned = not self.database.is_sqlite and connection.scalar(
                sa.text("SELECT relkind = 'p' FROM pg_class WHERE oid = 'metrics'::regclass")
            )
            self._days = set() if partitioned else {"all"}
        day = stamp.strftime("%Y%m%d")
        if "all" not in self._days and day not in self._days:
            after = stamp + timedelta(days=1)
            connection.execute(sa.text(
                f"CREATE TABLE IF NOT EXISTS metrics_{day} PARTITION OF metrics "
                f"FOR VALUES FROM ('{stamp:%Y-%m-%d}') TO ('{after:%Y-%m-%d}')"
            ))
            self._days = {day}

    def rows(self, start: float, end: float, limit: int = 100_000) -> list[dict[str, float | None]]:
        """Rows of `metrics` with ``start <= recorded_at < end``, the newest ``limit`` of them, oldest first;
        ``recorded_at`` as epoch seconds."""
        t = tables.metrics
        query = (
            sa.select(t).where(t.c.server_id == self.server, t.c.recorded_at >= _timestamp(start),
                               t.c.recorded_at < _timestamp(end)).order_by(t.c.recorded_at.desc()).limit(limit)
        )
        with self.database.read() as connection:
            found = connection.execute(query).mappings().all()
        names = (*tables.PERCENT_COLUMNS, *tables.SIZE_COLUMNS)
        return [
            {**{name: None if row[name] is None else float(row[name]) for name in names},
             "recorded_at": row["recorded_at"].replace(tzinfo=UTC).timestamp()}
            for row in reversed(found)
        ]

    # -- events

    def append_event(self, at: float, kind: str, severity: str, params: Mapping[str, str]) -> None:
        """Keeps an event."""
        text = orjson.dumps(dict(params)).decode()
        with self.database.write() as connection:
            connection.execute(sa.insert(tables.events).values(
                server_id=self.server, at=at, kind=kind, severity=severity, params=text))

    def events(self, limit: int = 100, start: float | None = None, end: float | None = None) -> list[StoredEvent]:
        """The newest ``limit`` events with ``start <= at < end``, newest first."""
        t = tables.events
        query = sa.select(t).where(t.c.server_id == self.server).order_by(t.c.at.desc(), t.c.id.desc()).limit(limit)
        if start is not None:
            query = query.where(t.c.at >= start)
        if end is not None:
            query = query.where(t.c.at < end)
        with self.database.read() as connection:
            return [StoredEvent(row.at, row.kind, row.severity, orjson.loads(row.params))
                    for row in connection.execute(query)]

    # -- retention

    def prune(self, now: float) -> None:
        """Deletes what is older than its tier keeps, a day of it at most: a clock that jumped years ahead for an
        hour must not cost the history."""
        with self._lock:
            known = list(self._load())
            with self.database.write() as connection:
                for tier in TIERS:
                    oldest = connection.scalar(tables.OLDEST_PAGE, {"tier": tier.number, "server": self.server})
                    if oldest is None or not known:
                        continue
                    # A page goes when its last slot is too old; a month of hours goes whole.
                    room = max(DAY, tier.step * tier.slots)
                    before = min(int(now) - tier.keep - tier.step * tier.slots, oldest + room)
                    connection.execute(tables.PRUNE_PAGES, [
                        {"series_id": number, "tier": tier.number, "before": before} for number in known])
                connection.execute(tables.PRUNE_SERIES, {"server_id": self.server})
                self._prune_rows(connection, now)
                left = set(connection.scalars(sa.select(tables.series.c.id)))
            self._series = {number: info for number, info in self._load().items() if number in left}
            self._ids = {info.key: number for number, info in self._series.items()}

    def _prune_rows(self, connection: Connection, now: float) -> None:
        events, rows = tables.events, tables.metrics
        first = connection.scalar(sa.select(sa.func.min(events.c.at)).where(events.c.server_id == self.server))
        if first is not None:
            before = min(now - METRICS_KEEP, first + DAY)
            connection.execute(sa.delete(events).where(events.c.server_id == self.server, events.c.at < before))
        oldest = connection.scalar(sa.select(sa.func.min(rows.c.recorded_at)).where(rows.c.server_id == self.server))
        if oldest is not None:
            stamp = min(_timestamp(now - METRICS_KEEP), oldest + timedelta(days=1))
            connection.execute(sa.delete(rows).where(rows.c.server_id == self.server, rows.c.recorded_at < stamp))


def _timestamp(at: float) -> datetime:
    """UTC without a zone, as the documents' TIMESTAMP columns hold it."""
    return datetime.fromtimestamp(min(max(at, 0), 1e11), UTC).replace(tzinfo=None)


def _fitting(value: float | None, limit: float) -> float | None:
    """The value rounded to the column's two decimals; None when it is absent or has more digits than the column."""
    if value is None or not abs(value) < limit - 0.005:
        return None
    return round(value, 2)
