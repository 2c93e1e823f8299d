"""Runs the model processes that the configuration names, and finds them again when it is started anew."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from config.marks import N_
from serving.processes import book, orphans
from serving.processes.backoff import Pace
from serving.processes.definition import definition, definitions
from serving.processes.facts import facts, refused, told
from serving.processes.key_file import key_in
from serving.processes.limits import Limits, best
from serving.processes.output import Line
from serving.processes.process import Process
from serving.processes.run import Surroundings
from serving.processes.sentences import ProcessError, UnknownProcess

logger = logging.getLogger(__name__)


class Supervisor:
    """All model processes. Lives in one event loop; `start` comes first, then `configure`, as often as it changes.

    Everything that goes by a name raises `UnknownProcess` for one that is not defined, and what the definition is
    refused for where it is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pace: Pace | None = None,
        limits: Limits | None = None,
        environ: Mapping[str, str] | None = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._pace, self._limits, self._now, self._clock = pace or Pace(), limits, now, clock
        self._environ = os.environ if environ is None else environ
        self._around: Surroundings | None = None
        self._processes: dict[str, Process] = {}
        self._leaving: dict[str, Process] = {}
        self._refused: dict[str, ProcessError] = {}
        self._found: dict[str, book.Entry] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._configuring = asyncio.Lock()

    async def start(self) -> None:
        """Reads which processes an earlier serving process left running; `configure` takes them over."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True), auto_decompress=False, trust_env=False
        )
        self._around = Surroundings(
            pace=self._pace, limits=self._limits or best(), session=session, logs=self._folder / "logs" / "models",
            environ=self._environ, now=self._now, clock=self._clock, taken=self._ports, changed=self._keep,
        )
        self._found = {entry.name: entry for entry in book.read(self._folder / "processes.json")}

    async def stop(self, *, keep: bool = False) -> None:
        """Ends the supervision: stops every process, or with ``keep`` leaves them running to be found again."""
        for task in self._tasks:
            task.cancel()
        everyone = [*self._processes.values(), *self._leaving.values()]
        await asyncio.gather(*(one.close() if keep else one.stop() for one in everyone))
        if self._around is not None:
            await self._around.session.close()

    async def configure(self, models: Mapping[str, Any]) -> None:
        """Takes on the section ``models`` of the configuration: new processes are known (and started when they say
        so), changed ones changed, those that are gone stopped, those that were left running taken over.

        A document without the key ``processes`` is no configuration of them, and changes nothing: what runs is not
        stopped for a file that could not be read.
        """
        if models.get("processes") is None:
            return
        async with self._configuring:
            good, self._refused = definitions(models)
            for name in [name for name in self._processes if name not in good and name not in self._refused]:
                self._leave(name, self._processes.pop(name))
            fresh = []
            for name, wanted in good.items():
                if name in self._processes:
                    self._processes[name].redefine(wanted)
                else:
                    fresh.append(self._processes.setdefault(name, Process(wanted, self._surroundings)))
            in_order = [name for name in [*good, *self._refused] if name in self._processes]
            self._processes = {name: self._processes[name] for name in in_order}
            await self._end_orphans(self._take_over(models))
            for process in fresh:
                if process.definition.autostart and process.run is None:
                    await process.start()

    def status(self) -> list[dict[str, Any]]:
        """Each process as `serving.processes.facts.facts` tells it, in the order of the configuration."""
        known = [self._facts(name, process) for name, process in self._processes.items()]
        known += [refused(name, error) for name, error in self._refused.items() if name not in self._processes]
        return known + [facts(process) | {"removed": True} for process in self._leaving.values()]

    async def ensure(self, name: str) -> str:
        """The base URL of a process that is ready; starts it where that is needed. Who asks while it starts waits for
        the same start.

        Raises:
            ProcessError: why it is not ready, and with ``retry_after`` when to ask again.
        """
        return await self._get(name).ensure()

    @contextmanager
    def using(self, name: str) -> Iterator[None]:
        """A request is in flight: the process is not idle, and not for its idle time from the end on."""
        with self._get(name).using():
            yield

    def running(self) -> dict[str, str]:
        """The base URLs of the processes that are ready."""
        return {name: one.run.url for name, one in self._processes.items() if one.is_running and one.run}

    def api_key(self, name: str) -> str:
        """The API key that a process asks for, empty where it asks for none; out of its file, as that is now."""
        return key_in(self._get(name).definition.api_key_file)

    def names(self) -> list[str]:
        """Every name that may be asked for."""
        return list(self._processes)

    def available(self) -> bool:
        """Whether one of them runs, loads or would be started by a request."""
        return any(one.is_available for one in self._processes.values())

    async def start_process(self, name: str) -> None:
        """Begins to start it, even when it was given up; does not wait until it is ready."""
        await self._well_defined(name).start()

    async def stop_process(self, name: str) -> None:
        """Stops it; returns when nothing of it is left. The next request starts it again if it is on demand."""
        await self._get(name).stop()

    async def restart_process(self, name: str) -> None:
        """Stops it and begins to start it."""
        process = self._well_defined(name)
        await process.stop()
        await process.start()

    def logs(self, name: str, after: int = 0) -> list[Line]:
        """The lines of its output with a number above ``after``, the newest 2,000 at most."""
        return self._get(name).output.after(after)

    @property
    def _surroundings(self) -> Surroundings:
        if self._around is None:
            raise RuntimeError("start() comes first")
        return self._around

    def _get(self, name: str) -> Process:
        if name in self._processes:
            return self._processes[name]
        raise self._refused.get(name) or UnknownProcess(N_("There is no model process %(name)s."), name=name)

    def _well_defined(self, name: str) -> Process:
        if name in self._refused:
            raise self._refused[name]
        return self._get(name)

    def _facts(self, name: str, process: Process) -> dict[str, Any]:
        """Of one that runs on although its definition was changed to none, it is told what is wrong with that."""
        wrong = self._refused.get(name)
        return facts(process) | (told("message", wrong.sentence) if wrong else {})

    def _take_over(self, models: Mapping[str, Any]) -> list[book.Entry]:
        """Processes that an earlier serving process left running. One that is no longer defined is stopped, as it
        would have been had it been removed before: unseen, it would hold its memory for good. Gives those that have
        ended meanwhile."""
        ended = []
        for name, entry in self._found.items():
            if name in self._processes:
                if not self._processes[name].adopt(entry):
                    ended.append(entry)
            elif name not in self._refused:
                stray = Process(definition({"name": name}, models), self._surroundings)
                if stray.adopt(entry):
                    logger.warning("model process %s is no longer defined: it is stopped", name)
                    self._leave(name, stray)
                else:
                    ended.append(entry)
        self._found = {name: entry for name, entry in self._found.items() if name in self._refused}
        self._keep()
        return ended

    async def _end_orphans(self, entries: list[book.Entry]) -> None:
        """Before anything is started, which may want their memory or port."""
        left: dict[int, int] = {}
        for entry in entries:
            if entry.boot == self._surroundings.boot:
                found = await asyncio.to_thread(orphans.left_of, entry)
                if found:
                    logger.warning("model process %s has ended, and what it left is ended: %s", entry.name, list(found))
                left |= found
        await orphans.end(left, self._pace.stop)

    def _leave(self, name: str, process: Process) -> None:
        self._leaving[name] = process
        task = asyncio.create_task(self._stop_for_good(name, process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stop_for_good(self, name: str, process: Process) -> None:
        await process.stop()
        self._leaving.pop(name, None)
        self._keep()

    def _ports(self) -> set[int]:
        everyone = [*self._processes.values(), *self._leaving.values()]
        return {one.run.facts.port for one in everyone if one.run} | {
            one.definition.port for one in everyone if one.definition.port
        }

    def _keep(self) -> None:
        """Writes down what runs. Failing that, it is not found again after a restart, and nothing else is wrong."""
        entries = [one.entry() for one in [*self._processes.values(), *self._leaving.values()]]
        try:
            book.write(
                self._folder / "processes.json", [*(one for one in entries if one), *self._found.values()]
            )
        except OSError as error:
            logger.warning("processes.json cannot be written: %s", error.strerror)
