"""One start of a model process, from its first word to the end of its last child."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from config.command import asks_for, shown
from config.marks import N_
from serving.processes import ports
from serving.processes.backoff import Pace
from serving.processes.book import Entry
from serving.processes.definition import HOST, Definition
from serving.processes.ending import LAST_LINES, Ending, ended, said
from serving.processes.handle import Handle, environment
from serving.processes.health import Health, ask
from serving.processes.key_file import key_in
from serving.processes.limits import Bounds, Limits, give_way
from serving.processes.meter import Meter
from serving.processes.offload import Offload
from serving.processes.output import Output
from serving.processes.sentences import ProcessError, Sentence
from serving.processes.tree import boot_id, scan

KILL_WAIT = 5.0
"""Seconds that the kernel gets to end what was killed."""


@dataclass
class Surroundings:
    """What all processes share. ``taken`` gives the ports of the others, ``changed`` is called when the set of running
    ones is another."""

    pace: Pace
    limits: Limits
    session: aiohttp.ClientSession
    logs: Path
    environ: Mapping[str, str]
    now: Callable[[], float]
    clock: Callable[[], float]
    taken: Callable[[], set[int]]
    changed: Callable[[], None]
    boot: str = field(default_factory=boot_id)


@dataclass(frozen=True)
class Facts:
    """What was fixed at the start. ``started`` in epoch seconds, ``command`` without secrets."""

    port: int
    command: tuple[str, ...]
    fingerprint: str
    started: float


class Run:
    """A running process and all that looks after it. ``wake`` is set whenever something happened.

    ``answer`` is its last answer to the question for its health, ``responding`` False once it failed to answer several
    times in a row, ``ready_at`` when it became ready (the clock's seconds), ``gives_way`` True once it was made to, for
    the CPU it used.
    """

    def __init__(self, handle: Handle, facts: Facts, wake: asyncio.Event, output: Output, around: Surroundings) -> None:
        self.handle, self.facts, self.output = handle, facts, output
        self.ready_seconds: float | None = None
        self.ready_at: float | None = None
        self.responding: bool | None = None
        self.answer: tuple[Health, int | None] | None = None
        self.silent_since: float | None = None
        self.meter = Meter(around.pace, around.clock)
        self.offload = Offload()
        self.gives_way = False
        self._around, self._wake = around, wake
        # Later steps of the wall clock do not count.
        self._begun = around.clock() - max(0.0, around.now() - facts.started)
        self._misses = 0
        self._heard = output.before_start

    @classmethod
    def launch(cls, wanted: Definition, wake: asyncio.Event, output: Output, around: Surroundings) -> Run:
        """Starts the process.

        Raises:
            ProcessError: it cannot be started; with the reason.
        """
        port = _port(wanted, around)
        words = wanted.words(port)
        env = environment(around.environ, wanted.gpus)
        if shutil.which(words[0], path=env["PATH"]) is None:
            raise ProcessError(N_("There is no program %(program)s that could be run."), program=words[0])
        if asks_for(wanted.command, "file") and not Path(wanted.file).exists():
            raise ProcessError(N_("The model file %(file)s is not there."), file=wanted.file)
        log = -1
        try:
            log = output.open()
            handle = Handle.start(words, env, log, wake.set)
        except (OSError, ValueError) as error:
            raise ProcessError(
                N_("%(program)s could not be started: %(reason)s."), program=words[0], reason=str(error)
            ) from None
        finally:
            if log >= 0:
                os.close(log)
        facts = Facts(port, tuple(shown(words)), wanted.fingerprint(), around.now())
        return cls(handle, facts, wake, output, around)

    @classmethod
    def found(cls, entry: Entry, wake: asyncio.Event, output: Output, around: Surroundings) -> Run | None:
        """Takes over a process that runs since before us; None when it is gone."""
        if entry.boot != around.boot:
            return None
        handle = Handle.adopt(entry.pid, entry.start, wake.set)
        if handle is None:
            return None
        facts = Facts(entry.port, tuple(shown(list(entry.command))), entry.fingerprint, entry.started)
        run = cls(handle, facts, wake, output, around)
        output.recall(entry.pid)
        if entry.ready_seconds is not None:
            run.ready_seconds, run.ready_at = entry.ready_seconds, around.clock()
        return run

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.facts.port}"

    def bound(self, wanted: Definition) -> None:
        """Puts it under the limits of ``wanted``."""
        bounds = Bounds(wanted.memory, wanted.cpu)
        self._around.limits.apply(wanted.name, bounds, list(self.handle.tree.known))

    async def look(self, wanted: Definition) -> Sentence | None:
        """One look at it; why it has to be stopped, when it has."""
        self.output.follow()
        await self.output.keep_small()
        self._hear()
        if await self.meter.read(self.handle.tree) and self._exceeds(wanted):
            return said(N_("It used more than its %(most)s MiB of memory."), most=wanted.memory >> 20)
        if self.ready_at is None and self._around.clock() - self._begun > wanted.start_timeout:
            return self._late(wanted)
        silent = 0.0 if self.silent_since is None else self._around.clock() - self.silent_since
        if silent > self._around.pace.hung and wanted.restart == "always":
            return said(N_("It no longer answered."))
        return None

    def _exceeds(self, wanted: Definition) -> bool:
        """True when it has to be stopped for its memory, where that is ours to see to. For its CPU it gives way."""
        if not self._around.limits.is_watched(wanted.name):
            return False
        busy = wanted.cpu < 1 and self.meter.busy(Bounds(wanted.memory, wanted.cpu).cores)
        if busy and not self.gives_way:
            give_way(self.handle.tree.alive())
            self.gives_way = True
        return self.meter.over(wanted.memory)

    def _hear(self) -> None:
        """Takes in what it wrote about where its model lies: later the lines are no longer kept."""
        for line in self.output.after(self._heard):
            self.offload.read(line.text)
            self._heard = line.seq

    def _late(self, wanted: Definition) -> Sentence:
        seconds = f"{wanted.start_timeout:g}"
        health, status = self.answer or (Health.REFUSED, None)
        if health is Health.WRONG and status is not None:
            return said(
                N_("It was not ready within %(seconds)s s: %(path)s answers with %(status)s."), seconds=seconds,
                path=wanted.health_path, status=status,
            )
        return said(N_("It was not ready within %(seconds)s s."), seconds=seconds)

    async def beat(self, wanted: Callable[[], Definition]) -> None:
        """Asks it for its health, for ever."""
        pace = self._around.pace
        while True:
            asked, key = wanted(), ""
            if asked.api_key_file:
                key = await asyncio.to_thread(key_in, asked.api_key_file)
            await self._take(*await ask(self._around.session, self.url + asked.health_path, pace.answer, key))
            await asyncio.sleep(pace.starting if self.ready_at is None else pace.health)

    async def _take(self, health: Health, status: int | None) -> None:
        first, self.answer = self.answer is None or self.answer[0] is not health, (health, status)
        if health is Health.READY:
            self._misses, self.silent_since, self.responding = 0, None, True
            if self.ready_at is None and not await self._port_is_others():
                self.ready_at = self._around.clock()
                self.ready_seconds = round(self._around.clock() - self._begun, 3)
        elif self.ready_at is not None:
            self._misses += 1
            if self._misses == self._around.pace.misses:
                self.responding, self.silent_since = False, self._around.clock()
        if first:
            self._wake.set()

    async def finish(self, wanted: Definition, reason: Ending | None) -> Ending:
        """Stops whatever is left of the tree, and says how it ended. ``reason`` is why it is stopped, None when it was
        asked to or ended by itself."""
        by_itself, limits = self.handle.ended, self._around.limits
        taken = by_itself and self.ready_at is None and not wanted.port and await self._port_is_others()
        ran = self._around.clock() - self.ready_at if self.ready_at is not None else 0.0
        gone = await self._clear()
        await self.output.end()
        most = wanted.memory if limits.killed(wanted.name) else None
        limits.end(wanted.name)
        if not self.handle.ended:
            self.handle.let_go()
        made = ended(reason, self.handle.code, by_itself=by_itself, out_of_memory=most)
        if not gone:
            sentence = said(N_("Process %(pid)s cannot be ended."), pid=self.handle.pid)
            made = replace(made, failed=True, sentence=sentence)
        lines = tuple(self.output.last(LAST_LINES))
        return replace(made, port_taken=taken, ran=ran, at=self._around.now(), lines=lines)

    async def _clear(self) -> bool:
        """Ends every process of the tree: asked first, then killed. False when one is still there."""
        for number, seconds in ((signal.SIGTERM, self._around.pace.stop), (signal.SIGKILL, KILL_WAIT)):
            self.handle.tree.refresh(await asyncio.to_thread(scan))
            self.handle.signal(number)
            deadline = self._around.clock() + seconds
            while not self.handle.ended or self.handle.tree.alive():
                if self._around.clock() > deadline:
                    break
                self.output.follow()
                await asyncio.sleep(0.02)
            else:
                return True
        return False

    async def _port_is_others(self) -> bool:
        return await asyncio.to_thread(ports.is_others, self.facts.port, self.handle.tree)


def _port(wanted: Definition, around: Surroundings) -> int:
    if not wanted.port:
        try:
            return ports.free_port(around.taken())
        except OSError:
            raise ProcessError(N_("There is no free port.")) from None
    if ports.is_free(wanted.port):
        return wanted.port
    found = ports.holder(wanted.port)
    if found is None or found.pid is None:
        raise ProcessError(N_("Port %(port)s is taken by a process of another user."), port=wanted.port)
    raise ProcessError(
        N_("Port %(port)s is taken by %(holder)s (process %(pid)s)."), port=wanted.port, holder=found.name or "?",
        pid=found.pid,
    )
