"""Runs the measuring process, one at a time, from the web process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any, Literal

import orjson
import structlog

from serving import child
from serving.bench.plan import LONGEST
from serving.bench.wire import Job, Live, Result, Step

log = structlog.get_logger(__name__)

CANCELLED = "cancelled"
LONGEST_LINE = 1 << 20
SPARE = 20.0
"""Seconds beyond the bound of a plan after which the process is killed."""


class Busy(Exception):
    """A load test runs already."""


@dataclass(frozen=True, slots=True)
class Running:
    """A load test in hand, or the last one. ``begun`` in epoch seconds, ``seconds`` what its plan takes at most."""

    id: str
    model: str
    server: str
    by: str
    begun: float
    seconds: float
    count: int
    """Steps in all."""
    step_seconds: float
    """What one of them takes at most."""
    state: Literal["running", "done", "cancelled", "failed"] = "running"
    problem: str = ""
    live: Live | None = None
    """None until the first step begins."""
    steps: tuple[Step, ...] = ()
    warm_up: float | None = None

    @property
    def progress(self) -> float:
        """How much of it is done, 0 to 1."""
        now = self.live
        begun = now is not None and now["step"] >= len(self.steps)
        share = min(now["elapsed"] / self.step_seconds, 1.0) if now is not None and begun else 0.0
        return min((len(self.steps) + share) / self.count, 1.0)

    def result(self) -> Result:
        """As it is kept."""
        made: Result = {
            "ended": "failed" if self.state == "running" else self.state, "problem": self.problem,
            "steps": list(self.steps),
        }
        if self.warm_up is not None:
            made["warm_up"] = self.warm_up
        return made


class Runner:
    """One load test at a time.

    Args:
        command: starts the measuring process, for tests.
        longest: seconds after which it is killed.
    """

    def __init__(
        self, command: Sequence[str] = (sys.executable, "-m", "serving.bench"), longest: float = LONGEST + SPARE,
    ) -> None:
        self._command, self._longest = list(command), longest
        self._lock = threading.Lock()
        self._now: Running | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped_by = ""

    def state(self) -> Running | None:
        """The load test in hand, else the last one since the start; None when there was none."""
        return self._now

    def start(self, job: Job, running: Running, ended: Callable[[Running], str]) -> None:
        """Starts one. ``ended`` is told how it went, from another thread, and gives a further problem or "".

        Raises:
            Busy: another one runs.
            OSError: the process cannot be started.
        """
        with self._lock:
            if self._now is not None and self._now.state == "running":
                raise Busy
            errors = tempfile.TemporaryFile()  # noqa: SIM115 - the thread that waits for the process closes it
            try:
                process = child.begun(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                )
            except OSError:
                errors.close()
                raise
            self._process, self._now, self._stopped_by = process, running, ""
            threading.Thread(target=self._follow, args=(process, job, errors, ended), name="bench", daemon=True).start()

    def cancel(self, why: str = CANCELLED) -> bool:
        """Kills the process of the load test in hand; False when none runs. What was measured by then is kept."""
        with self._lock:
            if self._process is None or self._now is None or self._now.state != "running":
                return False
            self._stopped_by = self._stopped_by or why
            self._process.kill()
        return True

    def _follow(
        self, process: subprocess.Popen[bytes], job: Job, errors: IO[bytes], ended: Callable[[Running], str],
    ) -> None:
        late = f"The load test took longer than {self._longest:g} s and was ended."
        timer = threading.Timer(self._longest, self.cancel, (late,))
        timer.daemon = True
        timer.start()
        over: dict[str, Any] | None = None
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):  # it died at once: why stands in what it wrote
            process.stdin.write(orjson.dumps(job) + b"\n")
            process.stdin.flush()
        while line := process.stdout.readline(LONGEST_LINE):
            try:
                over = self._take(line) or over
            except (ValueError, KeyError, TypeError):
                self.cancel("What the measuring process said makes no sense; it was ended.")
        code = process.wait()
        timer.cancel()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        with errors:
            said = _last_line(errors)
        now = self._over(over, code, said)
        try:
            more = ended(now)
        except Exception:  # the edge of this thread: if it died, a load test would seem to run for ever
            log.exception("a load test was not kept", bench=now.id)
            more = "Its result could not be kept: the log of Vigie says why."
        with self._lock:
            self._process = None
            self._now = replace(now, problem=" ".join(one for one in (now.problem, more) if one))

    def _take(self, line: bytes) -> dict[str, Any] | None:
        """Notes what a line tells; the last one is given back."""
        told = orjson.loads(line)
        now = self._now
        assert now is not None
        if told["kind"] == "live":
            self._now = replace(now, live=told)
        elif told["kind"] == "step":
            self._now = replace(now, steps=(*now.steps, told["figures"]))
        else:
            return dict(told)
        return None

    def _over(self, over: dict[str, Any] | None, code: int, said: str) -> Running:
        now = self._now
        assert now is not None
        if over is not None:
            state: Literal["done", "failed"] = "failed" if over["problem"] else "done"
            return replace(now, state=state, problem=over["problem"], warm_up=over.get("warm_up"))
        if self._stopped_by == CANCELLED:
            return replace(now, state="cancelled")
        if self._stopped_by:
            return replace(now, state="failed", problem=self._stopped_by)
        return replace(now, state="failed", problem=_why(code, said))


def _why(code: int, said: str) -> str:
    """Why the process ended, in a form that `components.sentences` knows."""
    if code < 0:
        return f"The measuring process was ended by signal {-code}: {said}" if said else (
            f"The measuring process was ended by signal {-code}.")
    return f"The measuring process ended with code {code}: {said}" if said else (
        f"The measuring process ended with code {code}.")


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 4096))
    return child.last_line(errors.read().decode(errors="replace"))
