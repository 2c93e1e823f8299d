"""A small pool for long work: its progress can be seen, it can be cancelled, its file waits to be fetched."""

from __future__ import annotations

import errno
import io
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, Literal

import structlog

from jobs.formats import TooWide
from jobs.results import MIB, Results
from storage.errors import StorageError, StoreUnavailable

log = structlog.get_logger(__name__)

State = Literal["queued", "running", "done", "failed", "cancelled"]
WORKERS = 2
KEEP = 24 * 3600.0
"""Seconds that a finished file waits."""
ROOM = 2048 * MIB
"""Bytes of all finished files together, and of one at most."""
MOST_EACH, MOST = 4, 32
"""Jobs that wait or run, of one person and in all."""
AT_ONCE = 4
"""Files that are made while a request waits, at one time: each takes a thread and some memory."""
TELL = 0.01
"""Share of the work between two reports of progress."""


class Cancelled(Exception):
    """The work is not wanted any more."""


class TooManyJobs(Exception):
    """No more can wait; the message is one sentence."""


@dataclass(slots=True)
class Job:
    """One piece of work. ``owner`` is the kind and id of who asked for it."""

    id: str
    owner: str
    title: str
    file: str
    mime: str
    created: float
    state: State = "queued"
    progress: float = 0.0
    message: str = ""
    """Why it failed, one sentence."""
    finished: float | None = None
    size: int = 0

    def told(self) -> dict[str, Any]:
        """All of it as plain values."""
        return asdict(self)

    @property
    def active(self) -> bool:
        """True while it waits or runs."""
        return self.state in ("queued", "running")


@dataclass(slots=True)
class Task:
    """What work is given: a folder of its own, which is removed afterwards, and how to say how far it is."""

    folder: Path
    _tell: Callable[[float], None]
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def progress(self, share: float) -> None:
        """Says that ``share`` (0 to 1) is done.

        Raises:
            Cancelled: nobody wants the rest.
        """
        self.check()
        self._tell(share)

    def check(self) -> None:
        """Raises Cancelled when nobody wants the rest."""
        if self._cancelled.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Ends the work at its next step."""
        self._cancelled.set()


Work = Callable[[Task, IO[bytes]], None]
"""Writes a file; calls ``progress`` often, which may raise `Cancelled`."""


class Pool:
    """Does jobs in threads that live as long as there is work. Nothing runs, nothing is imported before the first."""

    def __init__(self, folder: Path, publish: Callable[[dict[str, Any]], None] = lambda _told: None, *,
                 workers: int = WORKERS, keep: float = KEEP, room: int = ROOM,
                 now: Callable[[], float] = time.time) -> None:
        self._work, self._publish, self._workers, self._now = folder / "work", publish, workers, now
        self.keep, self._room = keep, room
        self._results = Results(folder / "done", keep, room)
        self.places = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, Task] = {}
        self._waiting: deque[tuple[Job, Work]] = deque()
        self._threads: set[threading.Thread] = set()
        self._stopping = False

    def start(self) -> None:
        """Removes what jobs that a stop cut short have left."""
        shutil.rmtree(self._work, ignore_errors=True)

    def submit(self, owner: str, title: str, file: str, mime: str, work: Work) -> Job:
        """Queues work that writes ``file``.

        Raises:
            TooManyJobs: its owner, or all together, have too many that are not finished.
        """
        job = Job(token_hex(8), owner, title, file, mime, self._now())
        with self._lock:
            active = [one for one in self._jobs.values() if one.active]
            if self._stopping:
                raise TooManyJobs("Vigie is stopping.")
            if len(active) >= MOST or sum(one.owner == owner for one in active) >= MOST_EACH:
                raise TooManyJobs("Too many exports are being made: wait for one, or cancel it.")
            self._jobs[job.id] = job
            self._tasks[job.id] = Task(self._work / job.id, lambda share: self._advance(job, share))
            self._waiting.append((job, work))
            if len(self._threads) < self._workers:
                thread = threading.Thread(target=self._serve, name="jobs", daemon=True)
                self._threads.add(thread)
                thread.start()
        self._publish(job.told())
        return job

    def jobs(self) -> list[Job]:
        """All jobs, newest first: those of this run, and finished ones of earlier runs.

        Raises:
            StoreUnavailable: the folder cannot be read.
        """
        self._forget()
        kept = {told["id"]: Job(**told) for told in self._results.told()}
        with self._lock:
            found = kept | {key: job for key, job in self._jobs.items() if job.state != "done" or key in kept}
        return sorted(found.values(), key=lambda job: -job.created)

    def job(self, number: str) -> Job | None:
        """One job; None when there is none.

        Raises:
            StoreUnavailable: the folder cannot be read.
        """
        with self._lock:
            found = self._jobs.get(number)
            if found is not None and found.state != "done":
                return found
        return next((job for job in self.jobs() if job.id == number), None)

    def open(self, job: Job) -> IO[bytes] | None:
        """The file of a finished job; None when it is not there.

        Raises:
            StoreUnavailable: the folder cannot be read.
        """
        return self._results.open(job.id)

    def remove(self, job: Job) -> None:
        """Cancels a job that waits or runs, forgets one that is over, with its file.

        Raises:
            StoreUnavailable: the folder cannot be written.
        """
        with self._lock:
            task = self._tasks.get(job.id)
            if job.active and task is not None:
                task.cancel()
                self._end(job, "cancelled")
            else:
                self._jobs.pop(job.id, None)
        self._results.remove(job.id)
        self._publish({**job.told(), "state": "cancelled"})

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder that is removed afterwards, and by the next start.

        Raises:
            StoreUnavailable: it cannot be made.
        """
        folder = self._work / token_hex(8)
        try:
            folder.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise StoreUnavailable(_sentence(error, self._work)) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def tidy(self) -> None:
        """Removes files that nobody fetched in time."""
        self._forget()
        self._results.tidy()

    def stop(self, timeout: float = 2.0) -> None:
        """Cancels what runs and waits for it to end."""
        with self._lock:
            self._stopping = True
            self._waiting.clear()
            for task in self._tasks.values():
                task.cancel()
            threads = list(self._threads)
        end = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        self._results.close()
        shutil.rmtree(self._work, ignore_errors=True)

    # -- in the threads

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads.discard(threading.current_thread())
                    return
                job, work = self._waiting.popleft()
                task = self._tasks[job.id]
                if job.state != "queued":
                    self._tasks.pop(job.id)
                    continue
                job.state = "running"
            self._run(job, task, work)
            with self._lock:
                self._tasks.pop(job.id, None)

    def _run(self, job: Job, task: Task, work: Work) -> None:
        self._publish(job.told())
        try:
            task.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = task.folder / "file"
            written(path, task, self._room, lambda out: work(task, out))
            job.size = path.stat().st_size
            told = {**job.told(), "state": "done", "progress": 1.0, "finished": self._now()}
            task.check()
            self._results.put(job.id, told, path)
            with self._lock:
                if not task._cancelled.is_set():
                    self._end(job, "done")
                    job.progress = 1.0
            if job.state == "cancelled":
                self._results.remove(job.id)
        except Cancelled:
            self._finish(job, "cancelled")
        except (StorageError, TooWide) as error:
            self._finish(job, "failed", str(error))
        except OSError as error:
            self._finish(job, "failed", _sentence(error, task.folder))
        except Exception:  # the edge of this thread: the one who waits must be told, and the next job done
            log.exception("a job failed", job=job.title)
            self._finish(job, "failed", "The export failed: the log of Vigie says why.")
        finally:
            shutil.rmtree(task.folder, ignore_errors=True)
        self._publish(job.told())

    def _finish(self, job: Job, state: State, message: str = "") -> None:
        with self._lock:
            if job.active:
                self._end(job, state, message)

    def _end(self, job: Job, state: State, message: str = "") -> None:
        job.state, job.message, job.finished = state, message, self._now()

    def _advance(self, job: Job, share: float) -> None:
        if share >= job.progress + TELL:
            job.progress = min(share, 1.0)
            self._publish(job.told())

    def _forget(self) -> None:
        """Drops what ended long ago, so that the list does not grow."""
        before = self._now() - self.keep
        with self._lock:
            for number in [key for key, job in self._jobs.items() if job.finished and job.finished < before]:
                del self._jobs[number]


class _Watched(io.FileIO):
    """A file whose writes end when the task is cancelled, or when it grows beyond ``room``."""

    def __init__(self, path: Path, task: Task | None, room: int) -> None:
        super().__init__(path, "wb")
        self._task, self._left = task, room

    def write(self, data: Any, /) -> int:
        if self._task is not None:
            self._task.check()
        self._left -= len(data)
        if self._left < 0:
            raise StoreUnavailable("The export is too large to be kept: choose a shorter window or fewer series.")
        return super().write(data)


def written(path: Path, task: Task | None, room: int, work: Callable[[IO[bytes]], None]) -> None:
    """Lets ``work`` write the file ``path``.

    Raises:
        Cancelled, OSError, StoreUnavailable: it ended before its time; what is there is no whole file.
    """
    raw = _Watched(path, task, room)
    try:
        out = io.BufferedWriter(raw, MIB // 4)
        work(out)
        out.flush()
    except BaseException as error:
        # Whatever a format makes of an error of its file: it is told why it ended.
        if task is not None and not isinstance(error, Cancelled):
            task.check()
        raise
    finally:
        raw.close()


def _sentence(error: OSError, place: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {place.parent} is full: the export was not made."
    return f"The folder of exports {place.parent} cannot be used: {error.strerror or error}."
