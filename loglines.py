"""Where log lines go: the console, and files that follow the configuration while Vigie runs.

What the command line, the environment and the settings file say is in force from the first line on. Once the
configuration is read, its ``logging`` section decides the level (unless ``log_level`` was given, which outweighs it),
whether the console is written to, and the files; how lines look on the console stays ``log_format``'s.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import structlog

from config.settings import Settings

if TYPE_CHECKING:
    from config.dashboard import DashboardConfig

Event = MutableMapping[str, Any]
COMBINED, ERRORS = "combined.log", "error.log"
"""The files: every line, and those of errors alone."""
LEVELS = {
    "debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "warning": logging.WARNING,
    "error": logging.ERROR, "exception": logging.ERROR, "critical": logging.CRITICAL,
}


class _File:
    """A file that grows to ``size`` bytes and is then set aside as ``.1``, ``.2`` and so on, ``count`` in all. One that
    cannot be written stops nobody: why is told to ``failed``, and an empty text once it goes again."""

    def __init__(self, path: Path, size: int, count: int, failed: Callable[[str], None]) -> None:
        self._path, self._most, self._count, self._failed = path, size, count, failed
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Writes one line; of nothing, it is seen whether it could."""
        with self._lock:
            try:
                file = self._open()
                if self._size and self._size + len(data) > self._most:
                    self._set_aside()
                    file = self._open()
                file.write(data)
                self._size += len(data)
            except OSError as error:
                self._let_go()  # opened anew with the next line
                self._failed(error.strerror or str(error))
            else:
                self._failed("")

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._let_go()

    def _open(self) -> IO[bytes]:
        if self._file is None:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
            self._file = os.fdopen(handle, "ab", buffering=0)
            self._size = os.fstat(handle).st_size
        return self._file

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _set_aside(self) -> None:
        self._let_go()
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{i}") for i in range(1, self._count))]
        names[-1].unlink(missing_ok=True)
        for older, newer in zip(reversed(names), list(reversed(names))[1:]):
            if newer.exists():
                newer.rename(older)


class LogOutput:
    """What structlog and the standard `logging` write to. One per process, as those are."""

    def __init__(self, settings: Settings, stream: IO[str] | None = None) -> None:
        self._given = settings.log_level if "log_level" in settings.model_fields_set else None
        self._stream = stream or sys.stderr
        self._on_console = _renderer(settings.log_format, colors=self._stream.isatty())
        self._in_files: Any = _renderer("json")
        self._level, self._console = LEVELS[settings.log_level], True
        self._files: tuple[_File, ...] = ()
        self._errors: _File | None = None
        self._where: tuple[object, ...] = ()
        self._folder, self._problem = "", ""
        self._lock = threading.Lock()
        self.request: Callable[[], str] = str
        """The number of the request in hand; empty when there is none."""

    def install(self) -> None:
        """Makes structlog and `logging` write here."""
        structlog.configure(
            processors=[
                self._wanted, structlog.contextvars.merge_contextvars, self._numbered,
                structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info, self._written,
            ],
            # The level changes while Vigie runs and loggers are kept: it is asked per line, by `_wanted`.
            wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
            logger_factory=structlog.ReturnLoggerFactory(),
            cache_logger_on_first_use=True,
        )
        logging.basicConfig(level=self._library_level(), handlers=[_Foreign()], force=True)

    def follow(self, config: DashboardConfig) -> None:
        """Takes on what the configuration says. Never raises: a folder that cannot be written is a `problem`."""
        from config.section import bytes_of  # the gunicorn parent, which follows nothing, stays small without it

        wanted = config.logging
        self._level = LEVELS[self._given or wanted.level]
        logging.getLogger().setLevel(self._library_level())
        folder = config.paths.logs_directory
        where = (folder, wanted.format, wanted.max_file_size, wanted.max_files)
        if where != self._where:
            self._where = where
            self._open(folder, wanted.format, bytes_of(wanted.max_file_size), wanted.max_files)
        # Lines that could go nowhere at all go to the console, whatever was said.
        self._console = wanted.enable_console or not folder

    def problem(self) -> str:
        """Why the files are not written; empty when they are, or when there are to be none."""
        return f"The log folder {self._folder} cannot be written: {self._problem}." if self._problem else ""

    def close(self) -> None:
        """Lets go of the files."""
        files, self._files, self._errors = self._files, (), None
        for file in files:
            file.close()

    def _open(self, folder: str, form: str, size: int, count: int) -> None:
        self.close()
        self._folder, self._problem = folder, ""
        if not folder:
            return
        self._in_files = _renderer(form)
        with contextlib.suppress(OSError):  # the first file says so
            Path(folder).mkdir(parents=True, exist_ok=True, mode=0o750)
        files = [_File(Path(folder, name), size, count, self._failed) for name in (COMBINED, ERRORS)]
        files[0].write(b"")
        self._files, self._errors = tuple(files), files[1]

    def _failed(self, why: str) -> None:
        before, self._problem = self._problem, why
        if why and not before:
            # Not through structlog: that would come back here.
            self._say({"event": "log files cannot be written", "level": "error", "folder": self._folder, "error": why})

    def _library_level(self) -> int:
        # Libraries talk at their info level about their own insides: of those, warnings will do.
        return max(self._level, logging.WARNING)

    def _wanted(self, _logger: Any, method: str, event: Event) -> Event:
        if LEVELS.get(method, logging.INFO) < self._level:
            raise structlog.DropEvent
        return event

    def _numbered(self, _logger: Any, _method: str, event: Event) -> Event:
        if "request" not in event:
            number = self.request()
            if number:
                event["request"] = number
        return event

    def _written(self, _logger: Any, method: str, event: Event) -> str:
        if self._console or self._problem:
            self._say(event)
        if self._files:
            text = str(self._in_files(None, method, dict(event))).replace("\n", "\n  ")
            line = f"{text}\n".encode(errors="replace")
            for file in self._files:
                if file is not self._errors or LEVELS.get(method, logging.INFO) >= logging.ERROR:
                    file.write(line)
        return ""

    def _say(self, event: Event) -> None:
        text = str(self._on_console(None, str(event.get("level", "")), dict(event)))
        with self._lock, contextlib.suppress(OSError, ValueError):  # a closed console stops nobody
            self._stream.write(text + "\n")
            self._stream.flush()


class _Foreign(logging.Handler):
    """Lines of libraries, as ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hands a record on to structlog."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):  # a library's own mistake in its arguments
            text = str(record.msg)
        more = {"exc_info": record.exc_info} if record.exc_info else {}
        structlog.get_logger().log(record.levelno, text, logger=record.name, **more)


def _renderer(form: str, *, colors: bool = False) -> Any:
    if form == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.dev.ConsoleRenderer(colors=colors)
