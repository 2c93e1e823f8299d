"""Fetches finished requests from the serving process and writes them down, once each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
import structlog

from config.serving import EVERY_MODEL
from serving.requests.table import requests, row_of
from storage.database import Database
from storage.errors import StorageError, StoreUnavailable

log = structlog.get_logger(__name__)

EVERY = 1.0
"""Seconds between two looks."""
BATCH = 1000
TIDY_EVERY = 600.0
"""Seconds between two removals of what is too old."""
RECKON_EVERY = 30.0
Fetch = Callable[[int], Mapping[str, Any] | None]
"""Requests after a number, oldest first: ``{boot, requests: [...], oldest}``; None while nobody answers."""


class RequestLog:
    """The loop that fills the table. The serving process holds what is not written yet: a database that is away costs
    nothing as long as that has room.

    Args:
        database: the archive.
        fetch: asks the serving process.
        days: how long rows are kept.
        text_hours: hours that prompts and answers of a model are kept.
        reckon: called now and then with the time, for what is reckoned up of requests once they are over.
    """

    def __init__(
        self, database: Database, fetch: Fetch, days: Callable[[], int], text_hours: Callable[[], Mapping[str, int]],
        reckon: Callable[[float], object] = lambda _now: None, now: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self._fetch, self._days, self._text_hours, self._now = fetch, days, text_hours, now
        self._reckon, self._reckoned = reckon, 0.0
        self._boot, self._seq = "", 0
        self._problem = ""
        self._lost = 0
        self._tidied = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="requests", daemon=True)

    def start(self) -> None:
        """Starts to fetch."""
        self._thread.start()

    def stop(self) -> None:
        """Fetches what there still is, and ends."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def problem(self) -> str:
        """Why requests are not written down; empty when they are."""
        return self._problem

    def detail(self) -> str:
        """What was lost, if anything."""
        return f"{self._lost} requests were lost while the database was away" if self._lost else ""

    def pull(self) -> int:
        """Fetches and writes what is new; how many that were.

        Raises:
            StoreUnavailable, StorageError: the archive cannot be written; nothing is lost by that.
        """
        written = 0
        while True:
            told = self._fetch(self._seq)
            if told is None:
                return written
            boot = str(told.get("boot", ""))
            if boot != self._boot:
                self._boot, self._seq = boot, self._newest(boot)
                continue
            found = told.get("requests") or []
            rows = [row for one in found if (row := row_of(one, boot, self._now())) is not None]
            rows = [row for row in rows if row["seq"] > self._seq]
            if not rows:
                return written
            if rows[0]["seq"] > self._seq + 1 and self._seq:
                self._lost += rows[0]["seq"] - self._seq - 1
            self._write(rows)
            self._seq = rows[-1]["seq"]
            written += len(rows)
            if len(found) < BATCH:
                return written

    def retain(self) -> None:
        """Removes what is too old: whole rows, and prompts and answers before them.

        Raises:
            StoreUnavailable, StorageError: the archive cannot be written.
        """
        now, hours, c = self._now(), self._text_hours(), requests.c
        has_text = sa.or_(c.prompt.is_not(None), c.answer.is_not(None))
        with self.database.write() as connection:
            connection.execute(sa.delete(requests).where(c.ended < now - self._days() * 86_400))
            wipe = sa.update(requests).values(prompt=None, answer=None).where(has_text)
            every = hours.get(EVERY_MODEL)
            named = {model: kept for model, kept in hours.items() if model != EVERY_MODEL}
            for model, kept in named.items():
                connection.execute(wipe.where(c.model == model, c.ended < now - kept * 3600))
            others = wipe.where(c.model.not_in(list(named)))
            connection.execute(others if every is None else others.where(c.ended < now - every * 3600))

    def _newest(self, boot: str) -> int:
        with self.database.read() as connection:
            query = sa.select(sa.func.max(requests.c.seq)).where(requests.c.boot == boot)
            return int(connection.scalar(query) or 0)

    def _write(self, rows: list[dict[str, Any]]) -> None:
        try:
            with self.database.write() as connection:
                connection.execute(sa.insert(requests), rows)
        except sa.exc.IntegrityError:  # another process wrote some of them: go on from what is there
            self._boot = ""

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self._round()
        self._round()

    def _round(self) -> None:
        try:
            self.pull()
            if abs(self._now() - self._tidied) > TIDY_EVERY:
                self.retain()
                self._tidied = self._now()
            if abs(self._now() - self._reckoned) > RECKON_EVERY:
                self._reckon(self._now())
                self._reckoned = self._now()
            self._problem = ""
        except (StoreUnavailable, StorageError) as error:
            self._problem = str(error)
        except Exception as error:  # the edge of this thread: if it died, no request would be written and nobody know
            self._problem = f"Requests are not written down: {type(error).__name__}."
            log.exception("the request log stumbled; it goes on")
