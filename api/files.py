"""Answers that are files to keep, and tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flask import Response

from jobs.formats import guarded

CHUNK = 64 * 1024
"""Bytes of a part, about."""
CSV = "text/csv; charset=utf-8"


def attachment(body: bytes | Iterable[bytes], name: str, mime: str) -> Response:
    """A file that the browser saves as ``name``, and that nobody on the way keeps."""
    response = Response(body, content_type=mime)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def csv_parts(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """A table as CSV, in parts of some size. Rows hold words that a stranger may have chosen: no text of theirs is
    taken for a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([guarded(value) if isinstance(value, str) else value for value in row])
        if buffer.tell() >= CHUNK:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
