"""``GET /api/metrics/export``: series as a file, to a person or a program, streamed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import IO

import structlog
from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from api.export_tables import ExportQuery, Plan, estimate, plan
from api.files import attachment
from api.problems import Problem
from api.wire import json_response
from jobs.formats import MIMES, PARTS, Format, TooWide, write
from jobs.pool import ROOM, written
from security import audit
from security.permissions import requires
from services import Vigie, vigie
from storage.errors import StoreUnavailable

log = structlog.get_logger(__name__)

CHUNK = 256 * 1024


class SeriesOfExport(BaseModel):
    series: str
    unit: str
    help: str


class EstimateAnswer(BaseModel):
    """What an export would be; rows and values are about right."""

    series: list[SeriesOfExport]
    source: str = Field(description="samples, minutes or hours")
    step: float = Field(description="Seconds between samples")
    rows: int
    values: int
    file: str
    problems: list[str]


class _Place:
    """One of the few places for making a file, given back once."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places
        if not places.acquire(blocking=False):
            raise Problem(503, "Other exports are being made: try again in a moment.", Retry_After="5")
        self._held = True

    def free(self) -> None:
        """Gives the place back."""
        held, self._held = self._held, False
        if held:
            self._places.release()


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get(
        "/metrics/export", summary="Series as a file: CSV, JSON, Parquet or XLSX",
        responses={200: {"description": "The file", "content": {mime: {} for mime in MIMES.values()}}},
    )
    @requires("metrics:read")
    def metrics_export(query: ExportQuery) -> Response:
        services = vigie()
        made = plan(services, query)
        place = _Place(services.jobs.places)
        try:
            body = _parts(query.format, made) if query.format in PARTS else _file(services, query.format, made)
        except BaseException:
            place.free()
            raise
        audit.record("export.make", made.file, after={"title": made.facts.title, "format": query.format})
        response = attachment(_held(body, place), made.file, MIMES[query.format])
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(place.free)
        return response

    @bp.get("/metrics/export/estimate", summary="How large an export would be", responses={200: EstimateAnswer})
    @requires("metrics:read")
    def metrics_export_estimate(query: ExportQuery) -> Response:
        return json_response(estimate(plan(vigie(), query)))


def _held(body: Iterator[bytes], place: _Place) -> Iterator[bytes]:
    try:
        yield from body
    finally:
        place.free()


def _parts(kind: Format, made: Plan) -> Iterator[bytes]:
    """The stream, begun: a store that is away is an answer of its own, not a file that breaks off."""
    parts = PARTS[kind](made.table())
    begun = list(itertools.islice(parts, 2))
    return _rest(begun, parts, made.file)


def _rest(begun: list[bytes], parts: Iterator[bytes], name: str) -> Iterator[bytes]:
    yield from begun
    try:
        for part in parts:
            if part:
                yield part
    except StoreUnavailable as error:
        # The answer has begun: breaking it off is how the other side learns that it is not whole.
        log.warning("an export broke off", file=name, error=str(error))
        raise


def _file(services: Vigie, kind: Format, made: Plan) -> Iterator[bytes]:
    """A file that is made whole first; it has no name any more while it is sent, so that nothing is left behind."""
    with services.jobs.scratch() as folder:
        path = folder / "file"
        try:
            written(path, None, ROOM, lambda out: write(kind, made.table(), out, lambda _share: None, folder))
        except TooWide as error:
            raise Problem(400, str(error)) from None
        file = path.open("rb")
    return chunks(file)


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """A file's bytes; it is closed at their end, or when nobody wants the rest."""
    with file:
        while part := file.read(CHUNK):
            yield part
