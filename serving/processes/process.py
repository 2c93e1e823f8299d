"""One model process over all its starts: its state, and what moves it from one to the next.

``stopped`` -> ``loading`` (detail starting: nothing listens yet; loading: it answers 503) -> ``running`` -> ``stopped``
(detail idle, when nobody asked it anything), or ``error`` (detail waiting: it is started again after a while; gave_up).
While it is being stopped the detail is stopping.

One task, `_live`, does all of it; whoever wants something changes a wish and wakes it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from config.marks import N_
from serving.processes import ports
from serving.processes.backoff import Backoff
from serving.processes.book import Entry
from serving.processes.definition import Definition
from serving.processes.ending import Ending, said
from serving.processes.health import Health
from serving.processes.output import Output
from serving.processes.run import Run, Surroundings
from serving.processes.sentences import ProcessError, Sentence, Unavailable

logger = logging.getLogger(__name__)
PORT_TRIES = 5


class Process:
    """See the module. ``last_used`` is in epoch seconds; ``run`` is there while something runs."""

    def __init__(self, definition: Definition, around: Surroundings) -> None:
        self.definition, self.around = definition, around
        self.output = Output(around.logs, definition.name, around.now)
        self.state, self.detail = "stopped", ""
        self.message: Sentence | None = None
        self.run: Run | None = None
        self.ending: Ending | None = None
        self.restarts = self.in_flight = 0
        self.last_used: float | None = None
        self._used_at = float("-inf")
        self._backoff = Backoff(around.pace)
        self._not_before = 0.0
        self._wanted = self._hurry = False
        self._wake = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._ready = _future()
        self._clients_looked_at = float("-inf")

    # what others ask

    @property
    def is_running(self) -> bool:
        """True while requests may be sent to it."""
        return self.state == "running" and self._wanted

    @property
    def is_available(self) -> bool:
        """True while a request would be answered: it runs, loads, or is started on demand and was not given up."""
        if self._wanted and self.state in ("running", "loading"):
            return True
        return self.definition.on_demand and self.detail != "gave_up"

    @property
    def needs_restart(self) -> bool:
        """True when what runs was started from another definition."""
        return self.run is not None and self.run.facts.fingerprint != self.definition.fingerprint()

    @property
    def idle_stop_at(self) -> float | None:
        """When it will be stopped if nobody asks it anything, in epoch seconds."""
        if not self.is_running or not self.definition.idle or self.in_flight or self.last_used is None:
            return None
        return self.last_used + self.definition.idle

    def entry(self) -> Entry | None:
        """What finds it again; None when nothing runs."""
        if self.run is None or self.run.handle.ended:
            return None
        handle, facts = self.run.handle, self.run.facts
        return Entry(
            name=self.definition.name, pid=handle.pid, start=handle.tree.start, boot=self.around.boot, port=facts.port,
            command=facts.command, fingerprint=facts.fingerprint, log=str(self.output.path), started=facts.started,
            ready_seconds=self.run.ready_seconds,
        )

    # wishes

    async def start(self) -> None:
        """An operator's start: also of one that was given up, and at once of one that waits."""
        await self._let_stop()
        self._backoff.reset()
        self._not_before = 0.0
        if not self._active:
            self._begin()
        elif self.detail == "waiting":
            self._hurry = True
            self._wake.set()

    async def stop(self) -> None:
        """Returns when the whole tree is gone."""
        failed = self.state == "error"
        self._wanted = False
        self._wake.set()
        await self._let_stop()
        if failed:
            self._set("stopped")

    async def ensure(self) -> str:
        """Its address, once it is ready; starts it when it is stopped and may be started on demand.

        Raises:
            Unavailable: it is not started on demand, failed and waits, was given up, or did not become ready.
        """
        await self._let_stop()
        if self.is_running and self.run:
            return self.run.url
        if not self._active or self.state == "error":
            self._may_begin()
            self._begin()
        return await asyncio.shield(self._ready)

    @contextmanager
    def using(self) -> Iterator[None]:
        """A request is in flight."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._touch()

    def redefine(self, definition: Definition) -> None:
        """Takes on a changed definition: limits, idleness and policy now, the rest at the next start."""
        self.definition = definition
        if self.run is not None:
            self.run.bound(definition)

    def adopt(self, entry: Entry) -> bool:
        """Takes over a process that runs since before us; False when it is gone."""
        run = Run.found(entry, self._wake, self.output, self.around)
        if run is not None:
            self._begin(run)
            self._show(run)
        return run is not None

    async def close(self) -> None:
        """Stops looking after it; it goes on running."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait({self._life})
        if self.run is not None:
            self.run.handle.let_go()
        self.output.close()

    # its life

    @property
    def _active(self) -> bool:
        return self._life is not None and not self._life.done()

    def _may_begin(self) -> None:
        name, reason = self.definition.name, str(self.message or "")
        wait = self._not_before - self.around.clock()
        if self.state == "error" and self.detail == "gave_up":
            raise Unavailable(
                N_("%(name)s failed too often and waits for an operator to start it: %(reason)s"), name=name,
                reason=reason,
            )
        if self.state == "error" and (wait > 0 or self._active):
            raise Unavailable(
                N_("%(name)s failed and can be tried again in %(seconds)s s: %(reason)s"), retry_after=max(wait, 0.1),
                name=name, seconds=max(1, round(wait)), reason=reason,
            )
        if not self.definition.on_demand:
            raise Unavailable(N_("%(name)s is stopped, and is not started on demand."), name=name)

    def _begin(self, found: Run | None = None) -> None:
        self._wanted, self._hurry = True, False
        self._wake.clear()
        self._ready = _future()
        self._set("loading", "starting")
        self.run = found
        self._life = asyncio.create_task(self._live(), name=f"model process {self.definition.name}")
        self._life.add_done_callback(self._fell)

    async def _let_stop(self) -> None:
        if self._life is not None and not self._wanted:
            await asyncio.wait({self._life})

    def _fell(self, life: asyncio.Task[None]) -> None:
        """The edge: a mistake of ours ends the life of this process, not of the others, and is told."""
        error = None if life.cancelled() else life.exception()
        if error is None:
            return
        logger.error("model process %s: %r", self.definition.name, error, exc_info=error)
        if self.run is not None:
            self.run.handle.signal(signal.SIGKILL)
            self.run = None
        self._wanted = False
        self._set("error", "", said(N_("Vigie failed to look after it: %(reason)s."), reason=repr(error)))
        self._fail(Unavailable(N_("%(name)s did not start: %(reason)s"), name=self.definition.name, reason=repr(error)))
        self.around.changed()

    async def _live(self) -> None:
        tries = 0
        while True:
            ending = await self._one_start()
            self.run = None
            self.around.changed()
            tries += 1
            if ending.port_taken and tries < PORT_TRIES and self._wanted:
                continue
            if ending.at is not None:
                self.ending = ending
            if not await self._again(ending):
                self._wanted = False
                return
            tries = 0
            self.restarts += 1
            self._ready = _future()
            self._set("loading", "starting")

    async def _one_start(self) -> Ending:
        """From the start, or from where it was found, up to its end."""
        self.detail = "" if self.state == "running" else "starting"
        try:
            run = self.run = self.run or Run.launch(self.definition, self._wake, self.output, self.around)
        except ProcessError as error:
            return Ending(failed=True, sentence=error.sentence)
        self.around.changed()
        run.bound(self.definition)
        beat = asyncio.create_task(run.beat(lambda: self.definition))
        try:
            reason = await self._attend(run)
            self._set(self.state, "stopping", reason.sentence if reason else None)
            return await run.finish(self.definition, reason)
        finally:
            beat.cancel()

    async def _attend(self, run: Run) -> Ending | None:
        """Looks at it until it ends, is to be stopped (None), or has to be (why)."""
        while self._wanted and not run.handle.ended:
            self._show(run)
            sentence = await run.look(self.definition)
            if sentence is not None:
                return Ending(failed=True, sentence=sentence)
            if await self._idle(run):
                minutes = f"{self.definition.idle / 60:g}"
                sentence = said(N_("Nobody asked it anything for %(minutes)s min."), minutes=minutes)
                return Ending(idle=True, sentence=sentence)
            await self._pause(self.around.pace.follow)
        return None

    def _show(self, run: Run) -> None:
        """Takes over into the state what the run found out."""
        if self.state == "loading" and run.ready_at is not None:
            self._set("running")
            self._touch()
            self._ready.set_result(run.url)
            self.around.changed()
        elif self.state == "loading" and run.answer is not None:
            self.detail = "starting" if run.answer[0] is Health.REFUSED else "loading"

    async def _idle(self, run: Run) -> bool:
        """True when it has to be stopped; from then on a request waits for its end, and for a new start."""
        if self.idle_stop_at is None:
            return False
        now = self.around.clock()
        if now < max(self._used_at + self.definition.idle, self._clients_looked_at + self.around.pace.health):
            return False
        self._clients_looked_at = now
        # Somebody may ask it directly, past our proxies: then it is in use as long as a connection is open.
        if await asyncio.to_thread(ports.clients, run.facts.port) or self.in_flight:
            return False
        self._wanted = False
        return True

    async def _again(self, ending: Ending) -> bool:
        """What becomes of it after an end: True when it is to be started anew, now."""
        name, policy = self.definition.name, self.definition.restart
        if not self._wanted and not (ending.failed and ending.at):
            self._set("stopped", "idle" if ending.idle else "", ending.sentence if ending.idle else None)
            self._fail(Unavailable(N_("%(name)s was stopped while it was starting."), name=name))
            return False
        again = self._wanted and (policy == "always" or (policy == "on-failure" and ending.failed))
        wait = self._backoff.failed(self.around.clock(), ending.ran) if ending.failed or again else 0.0
        self._not_before = self.around.clock() + (wait or 0)
        if not ending.failed and not again:
            self._set("stopped", "", ending.sentence)
        else:
            self._set("error", "gave_up" if wait is None else "waiting" if again else "", ending.sentence)
        self._fail(Unavailable(
            N_("%(name)s did not start: %(reason)s"), retry_after=wait or None, name=name, reason=str(ending.sentence)
        ))
        if wait is None or not again:
            return False
        while self._wanted and not self._hurry and (left := self._not_before - self.around.clock()) > 0:
            await self._pause(left)
        self._hurry = False
        if not self._wanted:
            self._set("stopped")
        return self._wanted

    def _touch(self) -> None:
        """Counts as use: idleness begins anew."""
        self.last_used, self._used_at = self.around.now(), self.around.clock()

    def _set(self, state: str, detail: str = "", message: Sentence | None = None) -> None:
        self.state, self.detail, self.message = state, detail, message

    def _fail(self, error: ProcessError) -> None:
        if not self._ready.done():
            self._ready.set_exception(error)

    async def _pause(self, seconds: float) -> None:
        """Waits, less when something happens."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()


def _future() -> asyncio.Future[str]:
    made: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    made.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be that nobody waits for it
    return made
