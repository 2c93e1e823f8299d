"""Requests found again: by filter and page, and summed up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from serving.requests.table import COLUMNS, Request, of_row, requests
from serving.wire import FAILURES
from storage.database import Database

Measure = Literal["ttft", "itl", "itl_max", "duration", "queue"]
MOST = 1000
PIECE = 2000
FAILED = requests.c.error.in_(sorted(FAILURES))
"""A request failed, as the proxies count it."""
BY_CLIENT = sa.and_(requests.c.error != "", ~FAILED)
"""It went no better than its client would have it: it left, or what it asked was refused."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which requests; what is empty or None does not count. Times are epoch seconds of when a request ended."""

    model: str = ""
    server: str = ""
    proxy: str = ""
    client: str = ""
    error: str = ""
    """A class of errors, or ``failed`` (those of `FAILURES`), ``client`` (what the client did), ``any`` of both, or
    ``none``."""
    finish: str = ""
    kind: str = ""
    text: str = ""
    """Part of a model, client, path, message or of the request's id."""
    start: float | None = None
    end: float | None = None
    begun_before: float | None = None
    """Only requests that began before this moment: with ``start``, those that were being answered from then on."""
    measure: Measure = "duration"
    above: float | None = None
    """Only requests whose ``measure`` took longer, seconds."""
    up_to: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Requests, newest first. ``more`` is what to give as ``before`` for the next page; None at the end."""

    requests: list[Request]
    more: int | None
    count: int
    failed: int


def page(database: Database, wanted: Filter, limit: int = 50, before: int | None = None) -> Page:
    """One page; ``failed`` are those of `FAILURES`. Raises StorageError."""
    where = _where(wanted)
    query = sa.select(*COLUMNS).where(*where).order_by(requests.c.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(requests.c.id < before)
    bad = sa.func.coalesce(_number(FAILED), 0)
    with database.read() as connection:
        rows = connection.execute(query).all()
        count, failed = connection.execute(sa.select(sa.func.count(), bad).where(*where)).one()
    found = [of_row(row) for row in rows[:limit]]
    return Page(found, found[-1].id if len(rows) > limit else None, int(count), int(failed))


def everything(database: Database, wanted: Filter) -> Iterator[Request]:
    """All of them, oldest first, a piece at a time. Raises StorageError."""
    after = 0
    while True:
        query = sa.select(*COLUMNS).where(*_where(wanted), requests.c.id > after).order_by(requests.c.id).limit(PIECE)
        with database.read() as connection:
            rows = connection.execute(query).all()
        yield from (of_row(row) for row in rows)
        if len(rows) < PIECE:
            return
        after = rows[-1].id


def one(database: Database, number: int) -> Request | None:
    """The request of this number. Raises StorageError."""
    with database.read() as connection:
        row = connection.execute(sa.select(*COLUMNS).where(requests.c.id == number)).first()
    return of_row(row) if row is not None else None


def text_of(database: Database, number: int) -> tuple[str | None, str | None]:
    """Prompt and answer of a request, None where they were not kept. Raises StorageError."""
    query = sa.select(requests.c.prompt, requests.c.answer).where(requests.c.id == number)
    with database.read() as connection:
        row = connection.execute(query).first()
    return (row.prompt, row.answer) if row is not None else (None, None)


def around(database: Database, start: float, end: float) -> list[Request]:
    """Requests that were being answered at any moment of ``start..end``, oldest first. Raises StorageError."""
    query = (
        sa.select(*COLUMNS).where(requests.c.ended >= start, requests.c.at <= end).order_by(requests.c.at).limit(MOST)
    )
    with database.read() as connection:
        return [of_row(row) for row in connection.execute(query)]


def counted(
    database: Database, by: Sequence[str], wanted: Filter, known: sa.ColumnElement[Any] | None = None,
) -> list[dict[str, Any]]:
    """Requests, failures, what clients did (refused, left), tokens and joules summed up by columns (model, client,
    finish, ...; by none: one row of all), most requests first; only requests of which ``known`` is. ``token_joules``
    are of those that wrote any token. Raises StorageError."""
    columns, where = [requests.c[name] for name in by], _where(wanted)
    if known is not None:
        where.append(known.is_not(None))
    total = sa.func.count()
    query = sa.select(
        *columns, total.label("requests"),
        _number(FAILED).label("failed"), _number(BY_CLIENT).label("client_did"),
        sa.func.sum(requests.c.prompt_tokens).label("prompt_tokens"),
        sa.func.sum(requests.c.output_tokens).label("output_tokens"), sa.func.sum(requests.c.joules).label("joules"),
        sa.func.sum(sa.case((requests.c.output_tokens > 0, requests.c.joules))).label("token_joules"),
    ).where(*where).group_by(*columns).order_by(total.desc()).limit(MOST)
    with database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def newest(
    database: Database, names: Sequence[str], wanted: Filter, most: int, *, fine: bool = False,
) -> Sequence[sa.Row[Any]]:
    """Columns of the newest ``most`` requests, newest first; with ``fine`` of those alone that did not fail. Raises
    StorageError."""
    query = sa.select(*(requests.c[name] for name in names)).where(*_where(wanted))
    if fine:
        query = query.where(requests.c.error == "")
    with database.read() as connection:
        return connection.execute(query.order_by(requests.c.id.desc()).limit(most)).all()


def _number(what: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((what, 1), else_=0))


def _where(wanted: Filter) -> list[Any]:
    columns = requests.c
    found: list[Any] = [
        columns[name] == value for name in ("model", "server", "proxy", "client", "finish", "kind")
        if (value := getattr(wanted, name))
    ]
    if wanted.error:
        found.append({
            "any": columns.error != "", "none": columns.error == "", "failed": FAILED, "client": BY_CLIENT,
        }.get(wanted.error, columns.error == wanted.error))
    if wanted.text:
        parts = (columns.model, columns.client, columns.path, columns.message, columns.request)
        found.append(sa.or_(*(column.icontains(wanted.text, autoescape=True) for column in parts)))
    if wanted.start is not None:
        found.append(columns.ended >= wanted.start)
    if wanted.end is not None:
        found.append(columns.ended < wanted.end)
    if wanted.begun_before is not None:
        found.append(columns.at < wanted.begun_before)
    if wanted.above is not None:
        found.append(columns[wanted.measure] > wanted.above)
    if wanted.up_to is not None:
        found.append(columns[wanted.measure] <= wanted.up_to)
    return found
