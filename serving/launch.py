"""Keeps the serving process running, from the web process: starts it, adopts one that runs, tells it the configuration.

The serving process has a session of its own. When the web process is killed it goes on, and the next web process finds
it at its socket; a clean stop of Vigie ends it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from serving import child, place
from serving.client import ServingAway, ServingClient, ServingRefused
from serving.wire import PROTOCOL, Requests, Status

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks."""
ANSWERS_WITHIN = 20.0
"""Seconds that a process has until it answers for the first time, and for which it may be silent later."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a process that ended is started again; each further time twice as long."""
STEADY = 60.0
"""Seconds after which a start counts as good: the next pause is the first one again."""
REPLACE_GRACE = 30.0
"""Seconds that requests in flight have when a process of another version is replaced."""
SOON = 0.1
"""Seconds between two looks while somebody waits."""
STOP_GRACE, STOP_WAIT = 10.0, 3.0
"""The same at a clean stop of Vigie, and how long that waits for it."""
ERRORS = "serving.err"
"""What the newest process wrote before its log began, or as it fell."""


def is_wanted(document: Mapping[str, Any]) -> bool:
    """Whether the sections ``proxies`` and ``models`` ask for a serving process."""
    return bool(enabled_proxies(document)) or bool(document.get("models", {}).get("processes"))


def enabled_proxies(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the proxies that are switched on."""
    return tuple(name for name, one in document.get("proxies", {}).items() if one.get("enabled"))


def _digest(data: bytes) -> str:
    """As `serving.daemon.Daemon.configured`."""
    return hashlib.sha256(data).hexdigest()


class Launcher:
    """A loop of the web process.

    Args:
        folder: the data folder.
        version: of this Vigie; a serving process of another one is replaced.
        document: gives the sections ``proxies`` and ``models`` of the configuration in force, secrets in the clear.
        command: starts the process, for tests.
    """

    def __init__(
        self, folder: Path, version: str, document: Callable[[], Mapping[str, Any]],
        command: Sequence[str] = (sys.executable, "-m", "serving"),
    ) -> None:
        self._folder, self._version, self._document = folder, version, document
        self._command = [*command, "--folder", str(folder), "--version", version]
        self.client = ServingClient(folder)
        self._child: subprocess.Popen[bytes] | None = None
        self._problem, self._detail = "", ""
        self._silent_since: float | None = None
        self._started_at, self._start_not_before, self._pause = 0.0, 0.0, FIRST_PAUSE
        self._ran = False
        self._held = ""
        """Digest of the configuration that the process was last told, be it that it refused it; empty while it does not
        answer."""
        self._rounds = threading.Condition()
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="serving", daemon=True)

    def start(self) -> None:
        """Starts the loop."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the loop and asks the serving process to end; what it still answers it may finish."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        with contextlib.suppress(ServingAway, ServingRefused):
            self.client.shutdown(STOP_GRACE)
            self._wait_for_end(STOP_WAIT)

    def changed(self) -> None:
        """The configuration changed: it is told at once."""
        self._wake.set()

    def settle(self, within: float) -> None:
        """Waits until the process was told the configuration in force, so that what it is asked next is asked of the
        newest. Gives up after ``within`` seconds, and at once where none runs and it is known why."""
        end = time.monotonic() + within
        with self._rounds:
            while self._thread.is_alive() and not self._stopping.is_set():
                document, left = self._document(), end - time.monotonic()
                away = not self._held and bool(self._problem)
                if away or left <= 0 or not is_wanted(document) or self._held == _digest(orjson.dumps(document)):
                    return
                self._wake.set()
                self._rounds.wait(min(left, SOON))

    def wanted(self) -> bool:
        """Whether the configuration asks for a serving process."""
        return is_wanted(self._document())

    def enabled(self) -> tuple[str, ...]:
        """Names of the proxies that are switched on."""
        return enabled_proxies(self._document())

    def read(self) -> Status | None:
        """Its status, for the collector; None while it does not answer."""
        try:
            return self.client.status()
        except (ServingAway, ServingRefused):
            return None

    def requests(self, after: int) -> Requests | None:
        """Finished requests behind a number, for the request log; None while nobody answers, or should."""
        if not self.wanted():
            return None
        try:
            return self.client.requests(after)
        except (ServingAway, ServingRefused):
            return None

    def problem(self) -> str:
        """Why it does not run as it should; empty when it does, or need not."""
        return self._problem

    def detail(self) -> str:
        """What it does now."""
        return self._detail

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._round()
            except Exception:  # the edge of this thread: if it died, nobody would start the process again
                log.exception("the launcher of the serving process stumbled; it goes on")
            with self._rounds:
                self._rounds.notify_all()
            self._wake.wait(EVERY)
            self._wake.clear()

    def _round(self) -> None:
        document = self._document()
        status = self.read()
        if status is None or not is_wanted(document):
            self._held = ""
        if not is_wanted(document):
            self._problem = self._detail = ""
            if status is not None and not status["draining"]:
                self.client.shutdown(STOP_GRACE)
            self._reap()
            return
        if status is None:
            self._bring_back()
            return
        self._silent_since, self._ran = None, True
        if status["draining"]:
            return
        if status["version"] != self._version or status["protocol"] != PROTOCOL:
            log.info("a serving process of version %s is replaced", status["version"])
            self.client.shutdown(REPLACE_GRACE, keep_processes=True)
            return
        if time.monotonic() - self._started_at > STEADY:
            self._pause = FIRST_PAUSE
        self._tell(document, status)

    def _tell(self, document: Mapping[str, Any], status: Status) -> None:
        digest = _digest(orjson.dumps(document))
        told = status.get("problem", "")
        if status["configured"] != digest:
            try:
                told = self.client.configure(dict(document)).get("problem", "")
            except ServingAway as error:
                told = str(error)
            except ServingRefused as error:
                told = f"The serving process refuses the configuration: {error}."
        self._held = digest
        down = [f"{one['name']}: {one['problem']}" for one in status["proxies"] if one.get("problem")]
        self._problem = " ".join([*([told] if told else []), *down])
        self._detail = f"process {status['pid']}, {sum(one['up'] for one in status['proxies'])} proxies listen"

    def _bring_back(self) -> None:
        """Nobody answers: waits for a process that has just been started, or starts one when its time has come."""
        now = time.monotonic()
        self._detail = ""
        if self._child is not None and self._child.poll() is None:
            self._silent_since = self._silent_since or now
            if now - self._silent_since > ANSWERS_WITHIN:
                self._problem = "The serving process did not answer and was killed."
                self._child.kill()
                self._child.wait(5)
            return
        self._silent_since = None
        if self._child is not None:
            self._problem = self._why_ended(self._child.returncode)
            log.warning(self._problem)
            self._child = None
            self._start_not_before = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        elif self._ran and not self._problem:
            self._problem = "The serving process ended."
        if now >= self._start_not_before and not self._stopping.is_set():
            self._launch()

    def _launch(self) -> None:
        self._started_at = time.monotonic()
        with contextlib.ExitStack() as closing:
            errors: Any = subprocess.DEVNULL
            with contextlib.suppress(OSError):  # a full disk: what it says as it falls is lost, no more
                errors = closing.enter_context((self._folder / ERRORS).open("wb"))
            try:
                self._child = child.begun(
                    self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                )
            except OSError as error:
                self._problem = f"The serving process cannot be started: {error.strerror or error}."
                self._start_not_before = time.monotonic() + LONGEST_PAUSE

    def _why_ended(self, code: int | None) -> str:
        try:
            said = child.last_line((self._folder / ERRORS).read_text(errors="replace"))
        except OSError:
            said = ""
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
        return f"The serving process {how}" + (f": {said}" if said else f"; see {place.LOG}.")

    def _reap(self) -> None:
        if self._child is not None and self._child.poll() is not None:
            self._child = None

    def _wait_for_end(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._reap()
            if self._child is None and self.read() is None:
                return
            time.sleep(0.05)
