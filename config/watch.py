"""The watcher of the configuration file: a thread that has the store look at it when something in its folder moves."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog
from watchfiles import watch

from config.store import ConfigStore

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0
"""Seconds after which the file is looked at when the system tells of nothing: network folders tell of nothing."""
STEP = 50
"""Milliseconds of quiet after which a burst of changes is over."""


class Watcher:
    """Owns the thread."""

    def __init__(self, store: ConfigStore) -> None:
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="config-watcher", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def problem(self) -> str:
        """A sentence when it does not run; empty when it does."""
        return "" if self._thread.is_alive() else "The watch on the configuration file has stopped."

    def _run(self) -> None:
        folder = self._store.path.parent
        while not self._stop.is_set():
            self._look()
            try:
                self._watch(folder)
            except OSError as error:  # no folder, no more watches to be had: looking now and then will do
                log.debug("the configuration's folder cannot be watched", error=str(error))
            self._stop.wait(LOOK_EVERY)

    def _watch(self, folder: Path) -> None:
        """Looks at each change until the folder is another one, or the watcher stops."""
        inode = folder.stat().st_ino
        for _ in watch(
            folder, watch_filter=None, debounce=400, step=STEP, stop_event=self._stop, yield_on_timeout=True,
            rust_timeout=int(LOOK_EVERY * 1000), recursive=False, raise_interrupt=False,
        ):
            self._look()
            if folder.stat().st_ino != inode:
                return

    def _look(self) -> None:
        try:
            self._store.reload(patient=True)
        except Exception:  # the edge of this thread: if it died, no edit would be seen any more
            log.exception("the configuration file could not be looked at; the watch goes on")
