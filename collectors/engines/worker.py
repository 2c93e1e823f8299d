"""A thread that does one thing when it is asked: what hangs holds up this thread and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Worker:
    """Does ``work`` once for each `ask`, in a thread of its own that starts with the first."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name, self._work = name, work
        self._go, self._idle, self._stopping = threading.Event(), threading.Event(), False
        self._idle.set()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """True from `ask` until the work is done."""
        return not self._idle.is_set()

    def ask(self) -> None:
        """Has the work done once more; nothing when it is being done."""
        if self.busy or self._stopping:
            return
        self._idle.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._go.set()

    def wait(self, until: float) -> bool:
        """Waits for the work until a monotonic time; True when it is done."""
        return self._idle.wait(max(0.0, until - time.monotonic()))

    def stop(self) -> None:
        """Ends the thread after the work in hand."""
        self._stopping = True
        self._go.set()

    def _run(self) -> None:
        while True:
            self._go.wait()
            self._go.clear()
            if self._stopping:
                self._idle.set()
                return
            try:
                self._work()
            finally:
                self._idle.set()
