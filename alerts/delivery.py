"""The loop that tells people: takes up new transitions, plans what each channel sends, and has it sent.

One thread plans; each channel sends in a thread of its own, one message at a time, so that one that is down delays no
other. What there is to do stands in the outbox alone.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog
from sqlalchemy.engine import Connection

from alerts import messages, routing, schedule
from alerts.notices import Notice, data
from alerts.outbox import Batch, Depth, Outbox
from alerts.routing import Told
from alerts.sinks import Sink, SinkError, open_sink
from alerts.sinks.base import Answer
from config.dashboard import Notifications
from live.hub import Hub
from storage.database import Database
from storage.errors import StorageError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
"""Between two looks when nothing wakes the loop."""
TIDY_SECONDS = 3600.0
MOST_TAKEN = 200
"""Transitions taken up in one transaction."""
STOP_SECONDS = 3.0
TOPIC = "notices"
"""Of the hub: what pages show at once."""


class Source(Protocol):
    """Where transitions come from."""

    def unclaimed(self, connection: Connection, limit: int) -> list[Notice]:
        """Those that nobody has taken up, oldest first."""

    def claim(self, connection: Connection, transition: int, now: float) -> bool:
        """Takes one up; False when somebody else has."""


class Delivery:
    """The loop and its senders. Making it starts nothing.

    Args:
        outbox: the rows.
        source: the transitions, in the same database.
        database: where both lie.
        settings: the configuration in force.
        hub: topic ``alerts`` wakes the loop; what pages show is published on `TOPIC`.
        now: the clock.
        way_out: makes a sink of a URL.
    """

    def __init__(
        self, outbox: Outbox, source: Source, database: Database, settings: Callable[[], Notifications], hub: Hub,
        now: Callable[[], float] = time.time, way_out: Callable[[str], Sink] = open_sink,
    ) -> None:
        self.outbox, self._source, self._database = outbox, source, database
        self._settings, self._hub, self._now, self._way_out = settings, hub, now, way_out
        self._wake = hub.subscribe("alerts", bound=4)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._senders: dict[str, threading.Thread] = {}
        self._unsettled: list[Callable[[], None]] = []
        self._mended: set[str] = set()
        self._failing: dict[str, str] = {}
        self._problem, self._tidied, self._taken_back = "", 0.0, False
        self._depth = Depth()
        self.sent_total = self.failed_total = 0
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)

    def start(self) -> None:
        """Starts the loop."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the loop, and waits a little for what is being sent; what is cut off is sent again at the next start."""
        self._stop.set()
        self._wake.put(None)
        end = time.monotonic() + STOP_SECONDS
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        with self._lock:
            senders = list(self._senders.values())
        for sender in senders:
            sender.join(max(0.0, end - time.monotonic()))
        self._wake.close()

    def reconfigured(self, before: Notifications, after: Notifications) -> None:
        """Takes up another configuration: channels whose URL has changed are tried at once."""
        changed = {name for name, one in after.targets.items() if before.targets.get(name) != one}
        with self._lock:
            self._mended |= changed
        self._wake.put(None)

    def wake(self) -> None:
        """Has the loop look now."""
        self._wake.put(None)

    def problem(self) -> str:
        """Why alerts are not told, or not by all ways; empty when they are."""
        if self._problem:
            return self._problem
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stop.is_set():
            return "The loop that sends notifications has stopped."
        with self._lock:
            failing = dict(self._failing)
        for channel, reason in failing.items():
            return f"Notifications by {channel} wait: {reason}"
        return ""

    def stats(self) -> Mapping[str, float]:
        """What Vigie tells of it, by metric."""
        oldest = self._depth.oldest
        return {
            "vigie_notifications_waiting": float(self._depth.waiting),
            "vigie_notifications_oldest_seconds": max(0.0, self._now() - oldest) if oldest is not None else 0.0,
            "vigie_notifications_sent_total": float(self.sent_total),
            "vigie_notifications_failed_total": float(self.failed_total),
        }

    # The loop

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                wait = self.round()
                self._problem = ""
            except StorageError as error:
                self._problem, wait = str(error), LOOK_SECONDS
            except Exception:  # the edge of this thread: if it died, nobody would be told of anything
                log.exception("a round of notifications failed; the next one comes")
                wait = LOOK_SECONDS
            self._wake.get(timeout=wait)

    def round(self) -> float:
        """Does what there is to do now. Returns the seconds until there is more.

        Raises:
            StorageError: the database is away.
        """
        now, settings = self._now(), self._settings()
        self._settle_left()
        self._take_back(now)
        with self._lock:
            mended, self._mended = self._mended, set()
        for channel in mended:
            self.outbox.hurry(channel)
        self._take_up(settings, now)
        wake = now + LOOK_SECONDS
        waiting = self.outbox.waiting(now)
        for channel, (waits, sent, _) in waiting.items():
            if self._busy(channel) or not waits:
                continue
            target = settings.targets.get(channel)
            if target is None:
                self._give_up(channel, [one.id for one in waits], now)
                continue
            plan = schedule.plan(target, settings.group_seconds, waits, sent, now)
            if plan.batch:
                batch = self.outbox.claim(channel, plan.batch, now)
                if batch is not None:
                    self._send(batch, settings)
            elif plan.wake is not None:
                wake = min(wake, plan.wake)
        with self._lock:
            self._failing = {name: why for name, why in self._failing.items() if name in waiting}
        self._depth = self.outbox.depth()
        if now - self._tidied > TIDY_SECONDS:
            self._tidied = now
            self.outbox.prune(now)
        return max(0.05, wake - now)

    def _take_back(self, now: float) -> None:
        """What a process was sending when it died."""
        first, self._taken_back = not self._taken_back, True
        self.outbox.take_back(now, alone=first and self._database.is_sqlite, but=self._sending())

    def _take_up(self, settings: Notifications, now: float) -> None:
        """Makes the deliveries of new transitions, and tells pages."""
        while True:
            with self._database.read() as connection:
                if not self._source.unclaimed(connection, 1):
                    return
            shown: list[tuple[int, Notice]] = []
            with self._database.write() as connection:
                found = self._source.unclaimed(connection, MOST_TAKEN)
                for notice in found:
                    if not self._source.claim(connection, notice.id, now):
                        continue
                    told = Told(notice.state, notice.severity, notice.category, notice.muted)
                    page = routing.PAGE in routing.channels_of(settings, told)
                    made = self.outbox.add(connection, notice, routing.ways_out(settings, told), page, now)
                    if made is not None:
                        shown.append((made, notice))
            for row, notice in shown:
                self._hub.publish(TOPIC, {"id": row, **data(notice, messages.links("", notice)[0])})
            if len(found) < MOST_TAKEN:
                return

    def _give_up(self, channel: str, ids: list[int], now: float) -> None:
        batch = self.outbox.claim(channel, ids[:schedule.MOST_TOGETHER], now)
        if batch is not None:
            gone = SinkError("The channel is not in the configuration any more.", permanent=True)
            self.outbox.failed(batch, gone, None, now)

    # Senders

    def _sending(self) -> set[str]:
        with self._lock:
            return set(self._senders)

    def _busy(self, channel: str) -> bool:
        with self._lock:
            return channel in self._senders or bool(self._unsettled)

    def _send(self, batch: Batch, settings: Notifications) -> None:
        sender = threading.Thread(
            target=self._sender, args=(batch, settings), name=f"notify {batch.channel}", daemon=True,
        )
        with self._lock:
            self._senders[batch.channel] = sender
        sender.start()

    def _sender(self, batch: Batch, settings: Notifications) -> None:
        """Sends one message, and writes down what came of it."""
        outcome: Answer | SinkError
        remark = ""
        try:
            target = settings.targets[batch.channel]
            sink = self._way_out(target.url.reveal())
            message, wrong = messages.compose(
                batch.key, self.outbox.thread(batch.notices[0].alert), batch.notices, settings, target, self._now(),
            )
            remark = "; ".join(wrong)
            outcome = sink.send(message)
        except SinkError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - the edge of this thread: whatever it is, the message waits on
            log.error("a message could not be made", channel=batch.channel, error=type(error).__name__)
            outcome = SinkError(f"The message could not be made ({type(error).__name__}).", permanent=False)
        self._settle(self._settling(batch, outcome, remark))
        with self._lock:
            del self._senders[batch.channel]
        self._wake.put(None)

    def _settling(self, batch: Batch, outcome: Answer | SinkError, remark: str) -> Callable[[], None]:
        """What writes an outcome down, and takes note of it."""
        now = self._now()
        if isinstance(outcome, Answer):
            self.sent_total += 1
            with self._lock:
                self._failing.pop(batch.channel, None)
            log.info("notified", channel=batch.channel, alerts=len(batch.ids), status=outcome.status)
            return lambda: self.outbox.sent(batch, outcome, now, remark)
        self.failed_total += 1
        given_up = outcome.permanent or schedule.gives_up(batch.first_tried, now)
        retry = None if given_up else now + schedule.retry_after(batch.attempts, random.Random())
        with self._lock:
            if given_up:
                self._failing.pop(batch.channel, None)
            else:
                self._failing[batch.channel] = str(outcome)
        log.warning("not notified", channel=batch.channel, alerts=len(batch.ids), error=str(outcome), again=retry)
        return lambda: self.outbox.failed(batch, outcome, retry, now)

    def _settle(self, write: Callable[[], None]) -> None:
        try:
            write()
        except StorageError:
            with self._lock:
                self._unsettled.append(write)  # the loop writes it when the database is back

    def _settle_left(self) -> None:
        while True:
            with self._lock:
                if not self._unsettled:
                    return
                write = self._unsettled[0]
            write()
            with self._lock:
                self._unsettled.remove(write)

