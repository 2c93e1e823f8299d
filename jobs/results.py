"""Finished files, waiting to be fetched: kept by diskcache, which survives a restart.

An entry's key is its job's id, its value the file, its tag what is told of the job as JSON: nothing is pickled.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from storage.errors import StoreUnavailable

MIB = 2**20


class Results:
    """The files of finished jobs in ``folder``, made when the first one comes. diskcache is imported no sooner."""

    def __init__(self, folder: Path, keep: float, room: int) -> None:
        self.folder, self._keep, self._room = folder, keep, room
        self._lock = threading.Lock()
        self._cache: Any = None

    def put(self, job: str, told: dict[str, Any], file: Path) -> None:
        """Takes ``file`` (it is moved, not copied). The oldest files leave when there is no more room.

        Raises:
            StoreUnavailable: the folder cannot be written.
        """
        cache = self._opened(make=True)
        with self._using(), self._lock:
            cache.expire(retry=True)
            size = file.stat().st_size
            kept = sorted(self._read(), key=lambda found: found["finished"] or 0)
            held = sum(found["size"] for found in kept)
            for old in kept:
                if held + size <= self._room:
                    break
                cache.delete(old["id"], retry=True)
                held -= old["size"]
            cache.set(job, file, expire=self._keep, tag=orjson.dumps(told).decode(), read=True, retry=True)

    def told(self) -> list[dict[str, Any]]:
        """What is told of every job whose file is kept.

        Raises:
            StoreUnavailable: the folder cannot be read.
        """
        if self._opened() is None:
            return []
        with self._using(), self._lock:
            return self._read()

    def open(self, job: str) -> IO[bytes] | None:
        """The file of a job; None when there is none.

        Raises:
            StoreUnavailable: the folder cannot be read.
        """
        cache = self._opened()
        if cache is None:
            return None
        with self._using():
            found: IO[bytes] | None = cache.get(job, read=True, retry=True)
            return found

    def remove(self, job: str) -> None:
        """Forgets a job and its file.

        Raises:
            StoreUnavailable: the folder cannot be written.
        """
        cache = self._opened()
        if cache is not None:
            with self._using():
                cache.delete(job, retry=True)

    def tidy(self) -> None:
        """Removes what nobody fetched in time."""
        cache = self._opened()
        if cache is not None:
            with self._using():
                cache.expire(retry=True)

    def close(self) -> None:
        """Lets go of the folder."""
        if self._cache is not None:
            self._cache.close()

    @contextmanager
    def _using(self) -> Iterator[None]:
        """Tells errors of the folder and of its database in one sentence; the next use opens it anew."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            self._cache = None
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise StoreUnavailable(f"The folder of exports {self.folder} cannot be used: {reason}.") from error

    def _read(self) -> list[dict[str, Any]]:
        found = []
        for key in list(self._cache.iterkeys()):
            file, tag = self._cache.get(key, read=True, tag=True, retry=True)
            if file is not None:  # else it has expired
                file.close()
                found.append(orjson.loads(tag))
        return found

    def _opened(self, make: bool = False) -> Any:
        with self._lock:
            if self._cache is None and (make or (self.folder / "cache.db").is_file()):
                with self._using():
                    self._cache = _open(self.folder)
            return self._cache


def _open(folder: Path) -> Any:
    import diskcache

    class Moved(diskcache.Disk):
        """Takes a file by moving it to where it is kept."""

        def store(self, value: Any, read: bool, key: Any = diskcache.UNKNOWN) -> Any:
            if not isinstance(value, Path):
                return super().store(value, read, key=key)
            name, place = self.filename(key, value)
            size = value.stat().st_size
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            value.replace(place)
            return size, diskcache.core.MODE_BINARY, name, None

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # What is to leave is chosen here: diskcache would cull ten at once, the newest too.
    return diskcache.Cache(
        str(folder), disk=Moved, timeout=10, cull_limit=0, eviction_policy="none", sqlite_cache_size=64,
        sqlite_mmap_size=0,
    )
