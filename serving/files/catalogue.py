"""The catalogue of model files: a thread that watches the folders, reads what is new, and keeps the rows ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog
from watchfiles import Change, watch

from config.marks import N_
from serving.files import beside, gguf, safetensors
from serving.files.rows import ModelFile, format_of, rows
from serving.files.scan import CONFIG, INDEX, Folder, Scan, Seen, identity, refusal, walk
from serving.files.sentence import BadModelFile, Sentence

log = structlog.get_logger(__name__)

RESCAN = 30.0
"""Seconds after which all folders are looked through when the system tells of nothing, as with network folders."""
SETTLE = 1.0
"""Seconds that size and time of change of a file hold still before it is read."""
TURN = 0.5
"""Seconds between two looks at whether something is due."""
SLICE, REST = 0.05, 0.005
"""Seconds of work, and of rest after it: other threads of the process get their turn."""
PUBLISH = 1.0
"""Seconds after which a long scan shows what it has found so far."""
SHARE, LONGEST_WAIT = 20, 5.0
"""After a look come 20 times its length without one, 5 seconds at most: a long download changes all along."""
MOST_WATCHED = 2048
"""Folders that the system is asked to tell of, the deeper ones last; what lies in others is seen by the next scan."""


class _Interrupted(Exception):
    """The folders changed, or the catalogue stops."""


class Catalogue:
    """Owns the thread. All of its methods may be called from any thread, and none waits for a disk."""

    def __init__(
        self, folders: Callable[[], Sequence[Folder]], *, rescan: float = RESCAN, settle: float = SETTLE,
        clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time,
    ) -> None:
        self._folders = folders
        self._rescan, self._settle = rescan, settle
        self._clock, self._now = clock, now
        self._rows: tuple[ModelFile, ...] = ()
        self._revision = 0
        self._scan = Scan()
        self._unwatched: Sentence | None = None
        self._cache: dict[str, tuple[tuple[int, int, int], Any]] = {}
        self._held: dict[str, tuple[tuple[int, int, int], float]] = {}  # since when a file has held still
        self._refused: set[str] = set()  # could not be opened
        self._not_before = self._looked = self._sliced = self._published = 0.0
        self._stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-files", daemon=True)

    def start(self) -> None:
        """Starts the thread; the first rows are there as soon as it has read them."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def reconfigured(self) -> None:
        """The folders may be others now."""
        self._wake.set()

    def models(self) -> list[ModelFile]:
        """The models, and what could not be read, sorted by name."""
        return [row for row in self._rows if not row.companion]

    def companions(self) -> list[ModelFile]:
        """What only helps a model: projectors (mmproj), adapters (LoRA) and the like."""
        return [row for row in self._rows if row.companion]

    def revision(self) -> int:
        """Grows by one whenever the rows have changed."""
        return self._revision

    def problems(self) -> list[Sentence]:
        """What is wrong with folders or the watch."""
        if not self._thread.is_alive():
            return [Sentence(N_("The watch on model files does not run."))]
        return [*self._scan.troubles, *([self._unwatched] if self._unwatched else [])]

    def problem(self) -> str:
        """The same as one text; empty when nothing is wrong."""
        return " ".join(map(str, self.problems()))

    def detail(self) -> str:
        """How many models there are."""
        return f"{len(self.models())} model files"

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self._look()
                self._watch()
            except _Interrupted:
                continue
            except Exception:
                log.exception("model files could not be looked at; the watch goes on")
                self._wake.wait(2.0)

    def _watch(self) -> None:
        """Looks at each change until the folders are others or the catalogue is woken."""
        watched = self._watched()
        if not watched:
            self._wake.wait(TURN)
            return
        changed = True  # something may have changed before the watch stood
        try:
            for changes in watch(
                *sorted(watched, key=_depth)[:MOST_WATCHED], watch_filter=self._concerns, debounce=1000, step=100,
                stop_event=self._wake, rust_timeout=int(TURN * 1000), yield_on_timeout=True, recursive=False,
                raise_interrupt=False, ignore_permission_denied=True,
            ):
                self._unwatched = None
                changed = changed or bool(changes)
                if self._clock() >= self._not_before and (changed or self._due()):
                    changed = False
                    self._look()
                    if self._watched() != watched:
                        return
        except (OSError, RuntimeError) as error:  # RuntimeError: what the system gives to watch with is used up
            if not isinstance(error, FileNotFoundError):  # a folder that went away meanwhile is no lack of watches
                self._unwatched = Sentence(
                    N_("The system tells of no changes ({why}); folders are looked through every {seconds} seconds."),
                    {"why": getattr(error, "strerror", None) or str(error)[:100], "seconds": int(self._rescan)},
                )
                while not self._wake.wait(TURN) and not self._due():
                    continue

    def _watched(self) -> dict[str, tuple[int, int]]:
        """The folders in which something may change, with their inodes: those where links lead to, too."""
        places = {path.rpartition("/")[0] or "/" for path in self._scan.targets} - self._scan.directories.keys()
        return self._scan.directories | {place: inode for place in places if (inode := identity(place))}

    def _concerns(self, change: Change, path: str) -> bool:
        """Whether a change may be one of models: of a file with such an ending, or of a folder."""
        if change == Change.deleted or path in self._scan.targets:
            return True
        name = path.rpartition("/")[2].lower()
        endings = {ending for folder in self._folders() for ending in folder.extensions}
        return name == CONFIG or name.endswith((INDEX, *endings)) or Path(path).is_dir()

    def _due(self) -> bool:
        """Whether to look although nothing was told of."""
        now = self._clock()
        if now - self._looked >= self._rescan:
            return True
        if any(now - since >= self._settle for _, since in self._held.values()):
            return True
        if any(identity(path) for path in self._scan.missing):
            return True
        roots = [folder.path.rstrip("/") or "/" for folder in self._folders()]
        return any(identity(root) != self._scan.directories.get(root) for root in roots)

    def _look(self) -> None:
        """Looks through all folders, reads what is new, and shows it."""
        began = self._looked = self._sliced = self._published = self._clock()
        scan = walk(self._folders(), self._pause)
        there = {*(seen.path for seen in scan.files), *scan.beside}
        self._cache = {path: kept for path, kept in self._cache.items() if path in there}
        self._held = {path: kept for path, kept in self._held.items() if path in there}
        self._refused &= there
        self._scan = scan
        for seen in (*scan.beside.values(), *scan.files):
            self._pause()
            self._read(seen)
            if self._clock() - self._published > PUBLISH:
                self._publish()
        self._publish()
        ended = self._clock()
        self._not_before = ended + min(LONGEST_WAIT, SHARE * (ended - began))

    def _publish(self) -> None:
        self._published = self._clock()
        made = rows(self._scan, self._kept)
        if made != self._rows:
            self._rows = made
            self._revision += 1

    def _pause(self) -> None:
        if self._wake.is_set():
            raise _Interrupted
        if self._clock() - self._sliced > SLICE:
            self._wake.wait(REST)
            self._sliced = self._clock()

    def _kept(self, seen: Seen) -> Any:
        """What came of reading a file as it is now; None when it was not read yet."""
        key, answer = self._cache.get(seen.path, (None, None))
        return answer if key == seen.key else None

    def _read(self, seen: Seen) -> None:
        """Reads a file that is new or has changed, once it holds still."""
        how = _reader(seen)
        if how is None or seen.error or (self._cache.get(seen.path, (None,))[0] == seen.key
                                         and seen.path not in self._refused):
            self._held.pop(seen.path, None)
            return
        if not self._settled(seen):
            return
        self._held.pop(seen.path, None)
        self._refused.discard(seen.path)
        self._cache[seen.path] = seen.key, self._answer(how, Path(seen.path))

    def _answer(self, how: Callable[[Path], Any], path: Path) -> Any:
        """What came of reading one file: whatever is wrong with it stays with it."""
        try:
            return how(path)
        except BadModelFile as error:
            return error.sentence
        except OSError as error:
            self._refused.add(str(path))  # tried again at each look: no part of the key tells who may read it
            return refusal(error)
        except Exception as error:
            log.exception("a model file broke its reader", path=str(path))
            return Sentence(N_("Vigie's reader failed on this file ({why})."), {"why": type(error).__name__})

    def _settled(self, seen: Seen) -> bool:
        """A file whose last change is a while ago holds still; the clock of a network folder may be wrong, so that one
        that did not change while it was looked at does so, too."""
        age = self._now() - seen.modified_ns / 1e9
        if age >= self._settle:
            return True
        key, since = self._held.get(seen.path, (None, 0.0))
        if key != seen.key:
            self._held[seen.path] = seen.key, self._clock()
            return self._settle <= 0
        return self._clock() - since >= self._settle


def _depth(path: str) -> int:
    return path.count("/")


def _reader(seen: Seen) -> Callable[[Path], Any] | None:
    """How a file is read; None for one that is never opened."""
    name = seen.name.lower()
    if name == CONFIG:
        return beside.config
    if name.endswith(INDEX):
        return beside.shards
    return {"gguf": gguf.read, "safetensors": safetensors.read}.get(format_of(name))
