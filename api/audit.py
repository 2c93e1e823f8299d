"""``/api/audit``: who did what. Read, exported as a file, and verified."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain, islice
from typing import Any, Literal

import orjson
from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field, JsonValue

from api.files import CHUNK, CSV, attachment, csv_parts
from api.models import Parameters
from api.problems import in_order
from api.wire import When, json_response
from metrics.flat import iso
from security import audit
from security.audit import reading
from security.audit.reading import Filter, Row
from security.permissions import requires
from services import vigie

MIMES = {"csv": CSV, "json": "application/x-ndjson"}
COLUMNS = (
    "id", "time", "action", "target", "kind", "who", "who_id", "address", "agent", "request", "result", "count",
    "before", "after", "hash",
)


class AuditFilter(Parameters):
    who: str = Field("", max_length=300, description="Name of a person, a token or a link")
    action: str = Field("", max_length=300, description="An action, or what begins it: user for user.role")
    result: Literal["", "ok", "refused", "failed"] = Field("", description="Only rows with this result")
    start: When | None = Field(None, alias="from", description="Not before")
    end: When | None = Field(None, alias="to", description="Not after")
    text: str = Field("", max_length=300, description="Words that are in who, target, address, request or the values")

    def wanted(self) -> Filter:
        """The same for the trail.

        Raises:
            Problem: 400, the times are the wrong way round.
        """
        in_order(self.start, self.end)
        return Filter(self.who, self.action, self.result, self.start, self.end, self.text)


class AuditQuery(AuditFilter):
    before: int | None = Field(None, ge=1, le=2**62, description="Rows below this number: next of the answer before")
    limit: int = Field(50, ge=1, le=1000)


class AuditExportQuery(AuditFilter):
    format: Literal["csv", "json"] = Field("csv", description="json: one object a line")


class AuditRow(BaseModel):
    """One row. ``count`` is above 1 when a flood of refusals is one row; ``hash`` chains it to the row before."""

    id: int
    time: str
    action: str
    target: str
    kind: Literal["user", "token", "embed", "anonymous", "shell", "system"]
    who: str
    who_id: int | None
    address: str
    agent: str
    request: str
    result: Literal["ok", "refused", "failed"]
    count: int
    before: JsonValue
    after: JsonValue
    hash: str


class AuditAnswer(BaseModel):
    data: list[AuditRow]
    next: int | None = Field(description="Give it as before for older rows; null at the end")
    searched: str | None = Field(description="When a text was searched and older rows are still to be: how far back")


class AuditVerified(BaseModel):
    """``why`` is a code, ``problem`` its sentence, ``row`` the first bad row. ``hash`` is the newest row's: note it
    elsewhere, and nobody can change what was before."""

    ok: bool
    rows: int
    first: int
    last: int
    hash: str
    seconds: float
    why: str
    problem: str
    row: int | None
    anchored: bool = Field(description="False: there is no anchor, so rows cut off at the end are not seen")


def told(row: Row) -> dict[str, Any]:
    """A row as it is sent."""
    values = asdict(row)
    return {"id": values.pop("id"), "time": iso(values.pop("at")), **values}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/audit", summary="Who did what, newest first", responses={200: AuditAnswer})
    @requires("audit:view")
    def audit_list(query: AuditQuery) -> Response:
        found = reading.page(vigie().audit.database, query.wanted(), query.before, query.limit)
        searched = None if found.searched is None else iso(found.searched)
        return json_response({"data": [told(row) for row in found.rows], "next": found.next, "searched": searched})

    @bp.get(
        "/audit/export", summary="The audit trail as a file: CSV, or JSON lines",
        responses={200: {"description": "The file", "content": {mime.split(";")[0]: {} for mime in MIMES.values()}}},
    )
    @requires("audit:view")
    def audit_export(query: AuditExportQuery) -> Response:
        wanted, day = query.wanted(), time.strftime("%Y-%m-%d", time.gmtime())
        name = f"vigie-audit-{day}.{'csv' if query.format == 'csv' else 'jsonl'}"
        trail = vigie().audit
        trail.flush()
        rows = reading.everything(trail.database, wanted)
        begun = list(islice(rows, 1))  # a database that is away is an answer of its own, not a file that breaks off
        chosen = {key: value for key, value in asdict(wanted).items() if value not in ("", None)}
        audit.record("audit.export", name, after={"format": query.format, "filter": chosen})
        every = chain(begun, rows)
        parts = csv_parts(COLUMNS, map(_values, every)) if query.format == "csv" else _json(every)
        return attachment(parts, name, MIMES[query.format])

    @bp.post("/audit/verify", summary="Recompute the chain of the audit trail", responses={200: AuditVerified})
    @requires("audit:view")
    def audit_verify() -> Response:
        found = vigie().audit.verify()
        audit.record("audit.verify", f"rows {found.first} to {found.last}", result="ok" if found.ok else "failed",
                     after={"why": found.why, "row": found.row} if found.why else None)
        return json_response({**asdict(found), "problem": found.text()})


def _json(rows: Iterable[Row]) -> Iterator[bytes]:
    """JSON lines, in parts of some size."""
    held: list[bytes] = []
    size = 0
    for row in rows:
        held.append(orjson.dumps(told(row)) + b"\n")
        size += len(held[-1])
        if size >= CHUNK:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _values(row: Row) -> list[Any]:
    values = told(row)
    return [
        value if value is None or isinstance(value, int | str) else orjson.dumps(value).decode()
        for value in (values[name] for name in COLUMNS)
    ]
