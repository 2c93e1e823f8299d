"""Silences, maintenance windows and inhibitions in SQL."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal
from zoneinfo import available_timezones

import sqlalchemy as sa

from alerts import tables
from alerts.alert import Alert
from alerts.muting import DAYS, SHIPPED, Inhibition, Silence
from storage.database import Database
from storage.selector import parse_selector

MOST = 1000
LONGEST = 366 * 86400.0
SHOWN_AFTER = 30 * 86400.0
"""Seconds that what is over is still listed."""
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")


class BadSilence(ValueError):
    """It cannot be kept: ``field`` names it, the message says what is allowed."""

    def __init__(self, field: str, allowed: str) -> None:
        super().__init__(allowed)
        self.field = field


class SilenceMissing(Exception):
    """There is no such silence or inhibition (any more)."""


def _selector(field: str, text: str) -> str:
    try:
        parse_selector(text)
    except ValueError as error:
        raise BadSilence(field, str(error)) from None
    return text.strip()


def checked(silence: Silence, now: float) -> Silence:
    """``silence`` when it can be kept.

    Raises:
        BadSilence: it cannot.
    """
    weekly = silence.kind == "maintenance" and bool(silence.days)
    _selector("matchers", silence.matchers)
    if silence.end is None and not weekly:
        raise BadSilence("end", "is missing: only a window that comes weekly may have no end")
    if silence.end is not None and silence.end <= max(silence.start, now):
        raise BadSilence("end", "must lie after the start and after now")
    if silence.end is not None and silence.end - silence.start > LONGEST:
        raise BadSilence("end", f"a silence lasts {LONGEST / 86400:.0f} days at most")
    if len(silence.comment) > 500 or not silence.comment.replace("\n", "").isprintable():
        raise BadSilence("comment", "has 500 letters, digits and signs at most")
    if silence.kind == "silence" and (silence.days or silence.from_time or silence.to_time):
        raise BadSilence("days", "only a maintenance window comes weekly")
    if silence.days:
        if not set(silence.days) <= set(DAYS):
            raise BadSilence("days", f"are some of {', '.join(DAYS)}")
        for field, text in (("from_time", silence.from_time), ("to_time", silence.to_time)):
            if not _CLOCK.fullmatch(text):
                raise BadSilence(field, "must be a time of day, such as 22:30")
        if silence.from_time == silence.to_time:
            raise BadSilence("to_time", "must differ from from_time")
    if silence.timezone not in available_timezones():
        raise BadSilence("timezone", "is no time zone; give one such as Europe/Paris")
    return silence


class Silences:
    """The rows. Every method may raise StorageError."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now
        self.changes = 0
        """Counts up with every change made here."""

    def all(self, *, over: bool = False) -> list[Silence]:
        """Those that hold or will hold, newest first; with ``over`` also those that ended not long ago."""
        table, now = tables.silences, self._now()
        least = now - SHOWN_AFTER if over else now
        query = sa.select(table).where(sa.or_(table.c.end.is_(None), table.c.end > least)).order_by(table.c.id.desc())
        with self._database.read() as connection:
            return [_silence(row) for row in connection.execute(query)]

    def meant(self, matchers: str, alerts: Iterable[Alert]) -> list[Alert]:
        """Those of ``alerts`` that a silence with ``matchers`` would mute.

        Raises:
            BadSilence: they are none.
        """
        selector = parse_selector(_selector("matchers", matchers))
        return [alert for alert in alerts if selector.matches(alert.matching())]

    def get(self, silence_id: int) -> Silence:
        """One of them.

        Raises:
            SilenceMissing: there is none.
        """
        with self._database.read() as connection:
            row = connection.execute(sa.select(tables.silences).where(tables.silences.c.id == silence_id)).first()
        if row is None:
            raise SilenceMissing
        return _silence(row)

    def add(self, silence: Silence) -> Silence:
        """A new one; its ``id`` is given here.

        Raises:
            BadSilence: see `checked`.
        """
        now = self._now()
        silence = replace(checked(silence, now), created=round(now, 3))
        with self._database.write() as connection:
            table = tables.silences
            open_ones = sa.select(sa.func.count()).select_from(table).where(
                sa.or_(table.c.end.is_(None), table.c.end > now)
            )
            if (connection.scalar(open_ones) or 0) >= MOST:
                raise BadSilence("matchers", f"there are {MOST} silences; end one")
            key = connection.execute(sa.insert(table).values(_values(silence))).inserted_primary_key
        self.changes += 1
        return replace(silence, id=int(key[0]) if key else 0)

    def change(self, silence_id: int, changes: dict[str, Any]) -> Silence:
        """Changes some fields of one that is not over.

        Raises:
            SilenceMissing, BadSilence.
        """
        before = self.get(silence_id)
        if before.over(self._now()):
            raise BadSilence("end", "it is over: make a new one")
        silence = checked(replace(before, **changes), self._now())
        with self._database.write() as connection:
            connection.execute(
                sa.update(tables.silences).where(tables.silences.c.id == silence_id).values(_values(silence))
            )
        self.changes += 1
        return silence

    def end(self, silence_id: int, who: str) -> Silence:
        """Ends one now.

        Raises:
            SilenceMissing: there is none, or it is over.
        """
        now = round(self._now(), 3)
        table = tables.silences
        with self._database.write() as connection:
            ended = connection.execute(
                sa.update(table).where(table.c.id == silence_id, sa.or_(table.c.end.is_(None), table.c.end > now))
                .values(end=now, ended_by=who)
            ).rowcount
        if not ended:
            raise SilenceMissing
        self.changes += 1
        return self.get(silence_id)

    # Inhibitions

    def inhibitions(self) -> list[Inhibition]:
        """All: the shipped ones, as they were changed, then one's own."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(tables.inhibitions).order_by(tables.inhibitions.c.id)).all()
        kept = {row.shipped: row for row in rows if row.shipped}
        shipped = [replace(one, enabled=kept[one.shipped].enabled) if one.shipped in kept else one for one in SHIPPED]
        return shipped + [
            Inhibition(row.id, row.name, row.source, row.target, tuple(filter(None, row.equal.split(","))), row.enabled)
            for row in rows if not row.shipped
        ]

    def add_inhibition(self, one: Inhibition) -> Inhibition:
        """A new one of one's own.

        Raises:
            BadSilence: it cannot be kept.
        """
        _selector("source", one.source)
        _selector("target", one.target)
        if not one.name.strip() or len(one.name) > 200 or not one.name.isprintable():
            raise BadSilence("name", "has 1 to 200 letters, digits and signs")
        if len(one.equal) > 16 or not all(_LABEL.fullmatch(name) for name in one.equal):
            raise BadSilence("equal", "are names of labels, 16 at most")
        with self._database.write() as connection:
            count = connection.scalar(sa.select(sa.func.count()).select_from(tables.inhibitions)) or 0
            if count >= MOST:
                raise BadSilence("name", f"there are {MOST} inhibitions; delete one")
            key = connection.execute(sa.insert(tables.inhibitions).values(
                name=one.name.strip(), source=one.source, target=one.target, equal=",".join(one.equal),
                enabled=one.enabled,
            )).inserted_primary_key
        self.changes += 1
        return replace(one, id=int(key[0]) if key else 0)

    def switch_inhibition(self, name: str, enabled: bool) -> Inhibition:
        """Switches one on or off; ``name`` is a shipped one's name or the number of one's own.

        Raises:
            SilenceMissing: there is none.
        """
        table = tables.inhibitions
        shipped = next((one for one in SHIPPED if one.shipped == name), None)
        with self._database.write() as connection:
            own = sa.and_(table.c.id == _number(name), table.c.shipped.is_(None))
            where = table.c.shipped == name if shipped else own
            known = connection.execute(sa.update(table).where(where).values(enabled=enabled)).rowcount
            if not known and shipped is None:
                raise SilenceMissing
            if not known and shipped is not None:
                connection.execute(sa.insert(table).values(
                    shipped=name, name=shipped.name, source=shipped.source, target=shipped.target,
                    equal=",".join(shipped.equal), enabled=enabled,
                ))
        self.changes += 1
        return next(one for one in self.inhibitions() if name in (one.shipped, str(one.id)))

    def delete_inhibition(self, number: int) -> None:
        """Deletes one of one's own.

        Raises:
            SilenceMissing: there is none.
        """
        table = tables.inhibitions
        with self._database.write() as connection:
            gone = connection.execute(sa.delete(table).where(table.c.id == number, table.c.shipped.is_(None))).rowcount
        if not gone:
            raise SilenceMissing
        self.changes += 1


def _number(name: str) -> int:
    return int(name) if name.isdecimal() and len(name) < 10 else -1


def _silence(row: Any) -> Silence:
    values = dict(row._mapping)
    kind: Literal["silence", "maintenance"] = values["kind"]
    return Silence(**{**values, "kind": kind, "days": tuple(filter(None, values["days"].split(",")))})


def _values(silence: Silence) -> dict[str, Any]:
    return {
        "kind": silence.kind, "matchers": silence.matchers, "start": silence.start, "end": silence.end,
        "days": ",".join(silence.days), "from_time": silence.from_time, "to_time": silence.to_time,
        "timezone": silence.timezone, "by": silence.by, "comment": silence.comment, "created": silence.created,
        "ended_by": silence.ended_by,
    }
