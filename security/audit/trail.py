"""What is recorded, on its way into the database: never waits for a store, never raises."""

from __future__ import annotations

import getpass
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice

import structlog
from flask import current_app, g, has_app_context, has_request_context, request

from security.audit import entry as entries
from security.audit import store
from security.audit.entry import Entry, Kind, Result
from security.audit.flood import Flood
from security.audit.seal import Anchor, Seal
from security.audit.verify import Verified, verify
from security.identity import Identity, current_identity
from security.problems import request_id
from storage.database import Database
from storage.errors import StorageError

log = structlog.get_logger(__name__)

KEY = "vigie.audit"
MOST_WAITING = 10_000
"""Rows that wait in memory while the database is away."""
FOR_REFUSALS = 8_000
"""How many of them may be waiting before a refusal is only counted: a flood of those must not push out a change."""
BATCH = 500
"""Rows written in one transaction."""
RETRY_SECONDS = 2.0
"""Between two attempts to write while the database is away."""
LOGGED_EVERY = 1000
"""Rows between two log lines that tell the newest row's hash."""
TAMPERED = "The audit trail was changed from outside; app.py audit verify names the row."
SETTLE_SECONDS = 0.25
"""The longest an answer waits for the row of what it did."""


class Trail:
    """The audit trail of one installation. Without `start`, what is recorded is written by `flush` or `settle`."""

    def __init__(
        self, database: Database, now: Callable[[], float] = time.time, seal: Seal | None = None, days: float = 0,
    ) -> None:
        self.database, self.days, self.seal = database, days, seal or Seal("")
        self._now, self._anchored = now, 0
        self._tampered, self._flood = "", Flood()
        self._waiting: deque[Entry] = deque()
        self._lost = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._written = threading.Condition(self._lock)
        self._taken = self._done = 0
        self._problem = ""
        self._stop = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread that writes."""
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and writes what waits."""
        self._stop = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        self.flush()

    def problem(self) -> str:
        """Why rows wait in memory, or what was tampered with; empty when all is well."""
        return self._tampered or self._problem

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        return len(self._waiting)

    def record(
        self, action: str, target: str = "", *, before: object = None, after: object = None, result: Result = "ok",
        who: Identity | None = None, kind: Kind | None = None, name: str = "",
    ) -> None:
        """Records that ``action`` was done to ``target``. Never raises, never waits.

        Who did it is ``who``, or whoever makes the request in hand; outside of a request, what `using` says, or
        ``kind`` and ``name``.
        """
        try:
            made = self._made(action, target, before, after, result, who, kind, name)
        except Exception:  # an edge: what is audited must go on whatever cannot be written about it
            log.exception("an audit row could not be made", action=action)
            return
        if result != "ok" and not self._flood.admits(made):
            self._wake.set()
            return
        with self._lock:
            if len(self._waiting) >= (MOST_WAITING if result == "ok" else FOR_REFUSALS):
                self._lost += 1
                return
            self._waiting.append(made)
            self._taken += 1
            if has_request_context() and result == "ok":
                g.vigie_audited = self._taken
        self._wake.set()

    def settle(self) -> None:
        """At the end of a request: waits a moment until what it recorded is written."""
        wanted: int | None = g.pop("vigie_audited", None)
        if wanted is None:
            return
        if self._thread is None:
            self.flush()
            return
        with self._written:
            self._written.wait_for(lambda: self._done >= wanted or bool(self._problem), SETTLE_SECONDS)

    def flush(self) -> bool:
        """Writes what waits, oldest first; False when the database is away and it waits on."""
        with self._writing:
            counted = self._flood.due(self._now(), at_once=self._stop)
            with self._lock:
                self._waiting.extend(counted)
                self._taken += len(counted)
            while self._waiting or self._lost:
                with self._lock:
                    batch, lost = list(islice(self._waiting, BATCH)), self._lost
                if lost:
                    batch.append(Entry(self._now(), "audit.lost", count=lost, result="failed"))
                anchor = self.seal.anchor()
                try:
                    newest = store.append(self.database, batch, self.seal, anchor)
                except StorageError as error:
                    self._away(str(error))
                    return False
                self._hold(newest, anchor)
                with self._written:
                    for _ in range(len(batch) - bool(lost)):
                        self._waiting.popleft()
                    self._lost -= lost
                    self._done += len(batch) - bool(lost)
                    self._problem = ""
                    self._written.notify_all()
            return True

    def verify(self) -> Verified:
        """Whether the chain holds, what waits included.

        Raises:
            StorageError: the database is away.
        """
        self.flush()
        return verify(self.database, self.seal)

    def outdated(self, days: float | None = None) -> store.Outdated:
        """What `retain` removes the next time (with ``days``: would remove).

        Raises:
            StorageError: the database is away.
        """
        days = self.days if days is None else days
        if not days:
            return store.Outdated(0)
        with self.database.read() as connection:
            return store.outdated(connection, self._now() - days * store.DAY)

    def retain(self, days: float | None = None, *, slack: float = store.DAY) -> int:
        """Removes rows older than the days that rows are kept; returns how many. 0 days keeps everything.

        Waits until the oldest is ``slack`` seconds older than that, so that a day leaves one signed row and not many.

        Raises:
            StorageError: the database is away.
        """
        days, removed = self.days if days is None else days, 0
        if not days or not self.flush():
            return 0
        with self.database.read() as connection:
            if not store.outdated(connection, self._now() - days * store.DAY - slack, 1).rows:
                return 0
        while True:
            anchor = self.seal.anchor()
            with self._writing:
                gone, newest = store.remove(self.database, self._now(), days, self.seal, anchor)
                if newest is None:
                    return removed
                self._hold(newest, anchor)
            removed += gone.rows
            log.info("old audit rows removed", rows=gone.rows, upto=gone.upto)

    def _hold(self, newest: store.Head, anchor: Anchor | None) -> None:
        """Keeps the newest row in the anchor, unless the rows that the old one knows are no longer there."""
        if not newest.held:
            if not self._tampered:
                log.error("the audit trail was tampered with", anchor=anchor.number if anchor else None)
            self._tampered = TAMPERED
            return
        self._tampered = ""
        try:
            self.seal.hold(newest.number, newest.hash, self._now())
        except OSError as error:
            log.warning("the anchor of the audit trail was not written", error=error.strerror or str(error))
        if self._thread is not None and (newest.number - self._anchored >= LOGGED_EVERY or not self._anchored):
            # Where log lines are kept elsewhere, this is an anchor that nobody here can change.
            self._anchored = newest.number
            log.info("audit trail", row=newest.number, hash=newest.hash)

    def _away(self, problem: str) -> None:
        with self._written:
            if not self._problem:
                log.warning("audit rows wait in memory", error=problem, waiting=len(self._waiting))
            self._problem = problem
            self._written.notify_all()

    def _run(self) -> None:
        while not self._stop:
            self._wake.wait(RETRY_SECONDS if self._problem or self._flood.counting else None)
            self._wake.clear()
            try:
                if not self.flush():
                    time.sleep(0 if self._stop else RETRY_SECONDS)
            except Exception:  # the edge of this thread: if it died, rows would wait for ever and nobody would know
                log.exception("writing the audit trail failed; it goes on")
                time.sleep(RETRY_SECONDS)

    def _made(
        self, action: str, target: str, before: object, after: object, result: Result, who: Identity | None,
        kind: Kind | None, name: str,
    ) -> Entry:
        acting = who or current_identity()
        outside = _outside.get()
        address = agent = number = ""
        if has_request_context():
            address, number = request.remote_addr or "", request_id()
            agent = entries.word(request.user_agent.string, 160)
            kind = kind or "anonymous"
        elif outside is not None:
            kind, name = kind or outside[1], name or outside[2]
        return Entry(
            round(self._now(), 3), entries.word(action), entries.word(target),
            acting.kind if acting else kind or "system", entries.word(acting.name if acting else name),
            acting.id if acting else None, address, agent, number, result, 1,
            entries.value(before), entries.value(after),
        )


_outside: ContextVar[tuple[Trail, Kind, str] | None] = ContextVar("audit", default=None)


@contextmanager
def using(trail: Trail, kind: Kind = "system", name: str = "") -> Iterator[None]:
    """Where there is no request: what is recorded inside goes to ``trail``, by ``name`` (for ``shell``: who runs the
    process)."""
    if kind == "shell" and not name:
        try:
            name = getpass.getuser()
        except (OSError, KeyError):  # no such user on this machine, as in some containers
            name = ""
    token = _outside.set((trail, kind, name))
    try:
        yield
    finally:
        _outside.reset(token)


def record(
    action: str, target: str = "", *, before: object = None, after: object = None, result: Result = "ok",
    who: Identity | None = None,
) -> None:
    """Records that ``action`` was done to ``target``, in the trail of the app in hand. Never raises, never waits.

    Call it once, where the state changes, after it has. ``before`` and ``after`` are JSON-able; secrets are masked by
    the caller. Where there is neither a request nor an app, wrap the work in `using`, or hold the `Trail`.
    """
    outside = _outside.get()
    trail: Trail | None = current_app.extensions.get(KEY) if has_app_context() else None
    if trail is None and outside is not None:
        trail = outside[0]
    if trail is not None:
        trail.record(action, target, before=before, after=after, result=result, who=who)
