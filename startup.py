"""Before and around the web server: checks that end in one sentence, and gunicorn with its one worker."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from config.settings import LOCK, Settings
from loglines import LogOutput

if TYPE_CHECKING:
    from flask import Flask

    from runtime import Runtime
    from security.accounts import Accounts


class StartError(Exception):
    """Vigie cannot start; the message is one sentence: what is wrong and, where it helps, what to do."""


ROOT = Path(__file__).parent


def read_version() -> str:
    """The newest version in CHANGELOG.md, its one home."""
    found = re.search(r"^## v(\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    return found.group(1) if found else "0"


def lock_folder(folder: Path) -> IO[str]:
    """Makes the data folder, proves that it can be written, and takes its lock for the life of the process.

    Raises:
        StartError: it cannot be made or written, or another Vigie runs on it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
        lock = (folder / LOCK).open("a+")
    except OSError as error:
        raise StartError(f"The data folder {folder} cannot be written: {error.strerror or error}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StartError(
            f"Another Vigie runs on the data folder {folder}: stop it, or give this one its own --data-dir."
        ) from None
    return lock


def check_port(host: str, port: int) -> None:
    """Raises StartError when ``host:port`` cannot be listened on."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise StartError(f"--host {host} is not an address of this machine: {error.strerror or error}.") from None
    with socket.socket(family, kind, proto) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(f"Port {port} on {host} is in use: give another with --port.") from None
            raise StartError(f"{host}:{port} cannot be listened on: {error.strerror}.") from None


def in_child(work: Callable[[], Any]) -> Any:
    """The JSON-able result of ``work``, run in a forked child: connections and big imports stay out of the parent.

    Raises:
        StartError: ``work`` raised; with its sentence.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                answer = {"ok": work()}
                status = 0
            except Exception as error:  # noqa: BLE001 - an edge: it becomes the parent's StartError
                answer = {"error": str(error) or type(error).__name__}
            os.write(writer, json.dumps(answer).encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    if not text:
        raise StartError("A check at the start ended without an answer.")
    answer = json.loads(text)
    if "error" in answer:
        raise StartError(answer["error"])
    return answer["ok"]


def announce_first_admin(accounts: Accounts) -> None:
    """Makes the first account where there is none, and prints its password when it had to choose one.

    Raises:
        StorageError, PasswordRefused: as `Accounts.ensure_first_admin`.
    """
    password = accounts.ensure_first_admin(os.environ.get("VIGIE_ADMIN_PASSWORD"))
    if password:
        print(f"First start: sign in as admin with the password {password} (shown this once).", flush=True)


def configure_logging(settings: Settings) -> LogOutput:
    """Log lines to standard error, as text or JSON; those of libraries and of the standard `logging` likewise. What
    it returns follows the configuration later."""
    output = LogOutput(settings)
    output.install()
    return output


class _Worker(ThreadWorker):
    """gunicorn's threaded worker, which ends its sockets first: each of them holds a thread."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        threading.Thread(target=self.app.hang_up, daemon=True).start()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        threading.Thread(target=self.app.hang_up, daemon=True).start()
        super().handle_quit(sig, frame)


class Gunicorn(BaseApplication):
    """One worker with threads. The app is made in the worker, after the fork, and its loops start there."""

    def __init__(self, settings: Settings, make: Callable[[], tuple[Flask, Runtime]]) -> None:
        self._settings, self._make = settings, make
        self._runtime: Runtime | None = None
        super().__init__()

    def load_config(self) -> None:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        options = {
            "bind": f"{host}:{self._settings.port}",
            "workers": 1,
            "worker_class": _Worker,
            "threads": self._settings.viewer_limit + 16,
            "keepalive": 75,
            "timeout": 120,
            "graceful_timeout": 5,
            "loglevel": "warning",
            "control_socket_disable": True,
            "forwarder_headers": "",  # where the app is served is a setting of ours, no header of theirs
            "post_worker_init": self._started,
            "worker_exit": self._ended,
            **({"worker_tmp_dir": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        server, self._runtime = self._make()
        return server

    def hang_up(self) -> None:
        """Ends every live socket and stream."""
        if self._runtime is not None:
            self._runtime.hub.close()

    def _started(self, _worker: Any) -> None:
        if self._runtime is not None:
            self._runtime.start()

    def _ended(self, _arbiter: Any, _worker: Any) -> None:
        if self._runtime is not None:
            self._runtime.stop()


def _keep_memory_small() -> None:
    """glibc gives each thread its own heap, up to 8 per core, and each keeps its peak: with our threads that is
    50 MB more for nothing. One heap, trimmed early. Elsewhere than on glibc nothing is done."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's linear algebra, hardly used: a heap per thread too
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    # M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD (malloc.h). Big answers stay in the heap: mapping them anew
    # each time costs a page fault every 4 KB.
    for option, value in ((-8, 1), (-3, 4 << 20), (-1, 8 << 20)):
        mallopt(option, value)


def serve(settings: Settings, make: Callable[[], tuple[Flask, Runtime]]) -> None:
    """Runs the web server until it is told to stop."""
    _keep_memory_small()
    Gunicorn(settings, make).run()
