"""What waits to be told, and what became of it: one row for each transition and channel.

A row is made in the transaction that claims its transition, and claimed itself before it is sent. Nothing is held in
memory: a process that is killed anywhere loses no message, and sends the one it was at again, with the same key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from alerts.delivery_tables import deliveries
from alerts.notices import Notice
from alerts.routing import PAGE
from alerts.schedule import HOUR, Waiting
from alerts.sinks.base import Answer, SinkError
from storage.database import Database

State = Literal["waiting", "sending", "sent", "failed", "muted", "page"]
SENDING_SECONDS = 120.0
"""A row that is being sent for longer was left by a process that is gone."""
MOST_LOOKED_AT = 500
KEPT_DAYS = 90.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row, as the log shows it."""

    id: int
    channel: str
    notice: Notice
    state: State
    created: float
    message: str
    attempts: int
    retry: float
    done: float | None
    status: int | None
    answer: str
    error: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries that are being sent as one message."""

    key: str
    channel: str
    ids: tuple[int, ...]
    notices: tuple[Notice, ...]
    attempts: int
    first_tried: float


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits: how many, and since when the oldest does (epoch seconds)."""

    waiting: int = 0
    oldest: float | None = None


class Outbox:
    """The rows of one installation. ``instance`` tells its keys from those of others.

    Every method may raise StorageError when the database is away.
    """

    def __init__(self, database: Database, instance: str) -> None:
        self._database, self._instance = database, instance

    def key(self, transition: int, channel: str) -> str:
        """What a receiver knows a message by: the same for a transition and a channel, for ever."""
        return hashlib.sha256(f"{self._instance}/{transition}/{channel}".encode()).hexdigest()[:32]

    def thread(self, alert: int) -> str:
        """What the messages about one alert have in common."""
        return "alert-" + hashlib.sha256(f"{self._instance}/alert/{alert}".encode()).hexdigest()[:24]

    # Making rows, in the transaction that claims a transition

    def add(
        self, connection: Connection, notice: Notice, channels: Sequence[str], page: bool, now: float,
    ) -> int | None:
        """Makes the rows of a transition that has just been claimed; the id of the page's own, if there is one.

        An end is told only where its beginning was told.
        """
        if notice.state == "resolved":
            told = set(connection.scalars(sa.select(deliveries.c.channel).where(
                deliveries.c.alert_id == notice.alert, deliveries.c.kind == "firing",
                deliveries.c.state.not_in(("muted",)),
            )))
            channels, page = [one for one in channels if one in told], page and PAGE in told
        shown: int | None = None
        for channel in (*([PAGE] if page else []), *channels):
            state: State = "muted" if notice.muted else "page" if channel == PAGE else "waiting"
            key = connection.execute(sa.insert(deliveries).values(
                transition_id=notice.id, channel=channel, alert_id=notice.alert, kind=notice.state,
                severity=notice.severity, group=notice.group, notice=orjson.dumps(asdict(notice)).decode(),
                state=state, created=now, done=now if state != "waiting" else None, error=notice.muted,
            )).inserted_primary_key
            if state == "page":
                shown = key[0] if key else None
        return shown

    # Sending

    def waiting(self, now: float) -> dict[str, tuple[list[Waiting], list[float], bool]]:
        """For each channel something waits for: what (oldest first), when its messages of the last hour were sent, and
        whether it is sending now."""
        c = deliveries.c
        query = sa.select(c.id, c.channel, c.created, c.group, c.message, c.retry, c.state, c.claimed).where(
            c.state.in_(("waiting", "sending"))
        ).order_by(c.id)
        found: dict[str, tuple[list[Waiting], list[float], bool]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                waits, sent, busy = found.get(row.channel, ([], [], False))
                if row.state == "sending":
                    busy = True
                elif len(waits) < MOST_LOOKED_AT:
                    waits.append(Waiting(row.id, row.created, row.group, row.message or "", row.retry))
                found[row.channel] = (waits, sent, busy)
            if found:
                recent = sa.select(c.channel, sa.func.max(c.done)).where(
                    c.channel.in_(list(found)), c.done > now - HOUR, c.state == "sent",
                ).group_by(c.channel, c.message)
                for channel, done in connection.execute(recent):
                    found[channel][1].append(done)
        for _, sent, _ in found.values():
            sent.sort()
        return found

    def claim(self, channel: str, ids: Sequence[int], now: float) -> Batch | None:
        """Takes deliveries to send them as one message; None when another process has taken one of them."""
        c = deliveries.c
        with self._database.write() as connection:
            rows = connection.execute(
                sa.select(deliveries).where(c.id.in_(ids), c.state == "waiting").order_by(c.id)
            ).all()
            if len(rows) != len(ids):
                return None
            key = rows[0].message or self.key(rows[0].transition_id, channel)
            first = rows[0].first_tried or now
            taken = connection.execute(sa.update(deliveries).where(c.id.in_(ids), c.state == "waiting").values(
                state="sending", message=key, claimed=now, first_tried=first, attempts=c.attempts + 1,
            )).rowcount
            if taken != len(ids):
                connection.rollback()
                return None
        return Batch(
            key, channel, tuple(row.id for row in rows), tuple(_notice(row.notice) for row in rows),
            rows[0].attempts + 1, first,
        )

    def sent(self, batch: Batch, answer: Answer, now: float, remark: str = "") -> None:
        """A message was taken."""
        self._settle(batch, state="sent", done=now, status=answer.status, answer=answer.text, error=remark)

    def failed(self, batch: Batch, error: SinkError, retry: float | None, now: float) -> None:
        """A message was not taken; it is tried again at ``retry``, or given up when that is None."""
        told: dict[str, Any] = {"status": error.status, "answer": error.answer, "error": str(error)}
        if retry is None:
            self._settle(batch, state="failed", done=now, **told)
        else:
            self._settle(batch, state="waiting", retry=retry, **told)

    def _settle(self, batch: Batch, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(sa.update(deliveries).where(
                deliveries.c.id.in_(batch.ids), deliveries.c.state == "sending", deliveries.c.message == batch.key,
            ).values(**values, claimed=None))

    def take_back(self, now: float, *, alone: bool, but: Collection[str] = ()) -> int:
        """Puts back what a process was sending when it died; how many. ``alone``: no other process sends; ``but`` are
        channels by which this one is sending."""
        c = deliveries.c
        left = [c.state == "sending", c.channel.not_in(list(but))]
        if not alone:
            left.append(c.claimed < now - SENDING_SECONDS)
        with self._database.read() as connection:
            if connection.scalar(sa.select(c.id).where(*left).limit(1)) is None:
                return 0
        with self._database.write() as connection:
            return connection.execute(
                sa.update(deliveries).where(*left).values(state="waiting", claimed=None)
            ).rowcount

    def hurry(self, channel: str | None = None) -> None:
        """Has what waits after a failure be tried at once: the channel was mended."""
        c = deliveries.c
        where = [c.state == "waiting", c.retry > 0] + ([c.channel == channel] if channel else [])
        with self._database.write() as connection:
            connection.execute(sa.update(deliveries).where(*where).values(retry=0.0))

    def again(self, delivery: int, now: float) -> bool:
        """Sends a message that was given up once more, with its key; False when there is no such one."""
        c = deliveries.c
        with self._database.write() as connection:
            key = connection.scalar(sa.select(c.message).where(c.id == delivery, c.state == "failed"))
            if key is None:
                return False
            return bool(connection.execute(sa.update(deliveries).where(c.message == key, c.state == "failed").values(
                state="waiting", retry=0.0, done=None, first_tried=now,
            )).rowcount)

    # The log

    def log(
        self, *, channel: str = "", alert: int | None = None, state: str = "", before: int | None = None,
        start: float | None = None, end: float | None = None, limit: int = 50,
    ) -> list[Delivery]:
        """Deliveries, newest first. ``before``: only those with smaller ids."""
        c = deliveries.c
        where = [c.state != "page"]
        where += [c.channel == channel] if channel else []
        where += [c.alert_id == alert] if alert is not None else []
        where += [c.state == state] if state else []
        where += [c.id < before] if before is not None else []
        where += [c.created >= start] if start is not None else []
        where += [c.created <= end] if end is not None else []
        with self._database.read() as connection:
            rows = connection.execute(sa.select(deliveries).where(*where).order_by(c.id.desc()).limit(limit))
            return [_delivery(row) for row in rows]

    def depth(self) -> Depth:
        """How much waits."""
        c = deliveries.c
        active = c.state.in_(("waiting", "sending"))
        with self._database.read() as connection:
            count, oldest = connection.execute(
                sa.select(sa.func.count(), sa.func.min(c.created)).select_from(deliveries).where(active)
            ).one()
        return Depth(count, oldest)

    def prune(self, now: float) -> int:
        """Removes what was done long ago; how many."""
        with self._database.write() as connection:
            return connection.execute(
                sa.delete(deliveries).where(deliveries.c.done < now - KEPT_DAYS * 86_400)
            ).rowcount


def _notice(text: str) -> Notice:
    return Notice(**orjson.loads(text))


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        row.id, row.channel, _notice(row.notice), row.state, row.created, row.message or "", row.attempts, row.retry,
        row.done, row.status, row.answer, row.error,
    )
