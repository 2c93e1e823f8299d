"""The configuration in force: read from its file, changed by form, API or hand, kept in versions, told to its parts."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from config import checking
from config.atomic import Signature, signature, write_atomic
from config.dashboard import DashboardConfig
from config.differences import Change, Document, diff
from config.disk import GONE, make_private, read_bounded
from config.documents import compared, document, masked
from config.meeting import masked_changes, meet
from config.outcomes import Applied, ConfigUnwritable, Counts, Saved, Subscriber, Via
from config.problems import ConfigInvalid, Problem
from config.secret import Cipher, SecretText
from config.versions import Source, Version, VersionMissing, Versions

log = structlog.get_logger(__name__)

FILE = "dashboard_config.json"
RESTLESS = "The configuration file is edited without a pause: try again in a moment."
ATTEMPTS = 5
PATIENCE = 0.2
"""Seconds that a file which is no good is given: an editor may be writing it."""


class _Overtaken(Exception):
    """The file was edited between the look at it and the write."""


class ConfigStore:
    """One installation's configuration in ``folder``. Making it reads the file, or writes one with the defaults.

    A file that is no good never stops anything: the newest version, or the defaults, are in force then.
    """

    def __init__(self, folder: Path, cipher: Cipher, now: Callable[[], float] = time.time) -> None:
        self.path = folder / FILE
        self._cipher, self._now = cipher, now
        self._lock = threading.RLock()
        self._versions = Versions(folder / "versions")
        self._subscribers: list[Subscriber] = []
        self._refusals: list[Callable[[tuple[Problem, ...]], None]] = []
        self._seen: Signature = None
        self._problems: tuple[Problem, ...] = ()
        self._unkept = ""
        self.counts = Counts()
        self.current = DashboardConfig()
        """The configuration in force."""
        self.version = Version(0, now(), "Vigie", "start")
        """The version in force."""
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._begin()

    # What is in force, and the file's state

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file on disk; empty when it is what is in force."""
        return self._problems

    def problem(self) -> str:
        """Why a change could not be kept; empty when all can."""
        return self._unkept

    def subscribe(self, callback: Subscriber) -> None:
        """``callback(before, after, applied)`` at each change, one after the other, from the thread that made it."""
        self._subscribers.append(callback)

    def on_file(self, callback: Callable[[tuple[Problem, ...]], None]) -> None:
        """``callback(problems)`` when an edit of the file is refused, and with none when the file is good again."""
        self._refusals.append(callback)

    # Changes by people

    def save(
        self, new: DashboardConfig | Mapping[str, Any], base_version: int, who: str, via: Via = "form", *,
        source: Source | None = None, note: str = "",
    ) -> Saved:
        """Puts ``new`` in force: all of it, made from version ``base_version``. `config.secret.KEPT` leaves a secret as
        it is there. What others changed elsewhere since then is kept.

        Raises:
            ConfigInvalid: with every problem. ConfigConflict: others changed the same places. ConfigUnwritable.
        """
        given = new if isinstance(new, Mapping) else document(new, SecretText.reveal)

        def work() -> Saved:
            base = self._config_of(base_version)
            config = checking.check(checking.with_kept(given, base or self.current)[0])
            config, merged = meet(base, base_version, config, self.current, self.version, self._versions.all)
            return self._install(config, who, source or via, via, note=note, merged=merged)

        return self._changed(via, work)

    def restore(self, number: int, who: str, via: Via = "form") -> Saved:
        """Puts an older version in force, as a new one.

        Raises:
            VersionMissing: it is not kept. ConfigInvalid: this Vigie knows other fields. ConfigUnwritable.
        """
        return self._changed(via, lambda: self._install(self.read(number), who, "restore", via, note=str(number)))

    def import_file(self, data: bytes, who: str, via: Via = "form") -> Saved:
        """Puts a file's configuration in force; a masked secret stays as it is here, or is empty where there is none.

        Raises:
            ConfigInvalid, ConfigUnwritable.
        """
        def work() -> Saved:
            config, emptied = self._from_bytes(data)
            return self._install(config, who, "import", via, emptied=tuple(emptied))

        return self._changed(via, work)

    def _changed(self, via: Via, work: Callable[[], Saved]) -> Saved:
        """Does ``work``, an edit of the file that nobody has looked at yet first; again when another comes between."""
        with self._lock:
            for _ in range(ATTEMPTS):
                self.reload()
                try:
                    return work()
                except _Overtaken:
                    continue
                except ConfigInvalid:
                    self.counts.rejections[via] += 1
                    raise
            raise ConfigUnwritable(RESTLESS)

    def examine_file(self, data: bytes) -> list[Change]:
        """What `import_file` would change, secrets masked; changes nothing.

        Raises:
            ConfigInvalid: with every problem.
        """
        return masked_changes(diff(compared(self.current), compared(self._from_bytes(data)[0])))

    def _from_bytes(self, data: bytes) -> tuple[DashboardConfig, list[str]]:
        raw, _ = checking.unseal(checking.parse(data), self._cipher)
        raw, emptied = checking.with_kept(raw, self.current, lenient=True)
        return checking.check(raw), emptied

    def export(self) -> bytes:
        """The configuration in force as a file for `import_file`, its secrets masked."""
        return json.dumps(masked(self.current), ensure_ascii=False, indent=2).encode() + b"\n"

    def examine(self, new: Mapping[str, Any]) -> list[Change]:
        """What saving ``new`` would change, secrets masked; changes nothing.

        Raises:
            ConfigInvalid: with every problem.
        """
        config = checking.check(checking.with_kept(new, self.current)[0])
        return masked_changes(diff(compared(self.current), compared(config)))

    # Versions

    def versions(self) -> list[Version]:
        """Those that are kept, newest first."""
        return self._versions.all()

    def about(self, number: int) -> Version:
        """Who made one version, when and how. Raises VersionMissing: it is not kept."""
        return self._versions.get(number)[0]

    def read(self, number: int) -> DashboardConfig:
        """One version's configuration.

        Raises:
            VersionMissing: it is not kept. ConfigInvalid: this Vigie knows other fields, or has another key.
        """
        raw, _ = checking.unseal(self._versions.get(number)[1], self._cipher)
        return checking.check(raw)

    def difference(self, number: int, other: int | None = None) -> list[Change]:
        """What changed from version ``number`` to ``other``, by default to what is in force; secrets masked.

        Raises:
            VersionMissing, ConfigInvalid: as `read`.
        """
        after = self.current if other is None else self.read(other)
        return masked_changes(diff(compared(self.read(number)), compared(after)))

    # The file

    def reload(self, *, patient: bool = False) -> None:
        """Looks at the file, and takes up what somebody wrote there. ``patient``: one that is no good is looked at
        again a moment later, because an editor may still be at it."""
        if signature(self.path) == self._seen:
            return
        if patient and self._no_good():
            time.sleep(PATIENCE)
        with self._lock:
            seen = signature(self.path)
            if seen == self._seen:
                return
            self._seen = seen
            try:
                config, raw, clear = self._read_file()
            except ConfigInvalid as refused:
                self._refuse(refused.problems)
                return
            changes = masked_changes(diff(compared(self.current), compared(config)))
            if clear:
                self._write_sealed(raw)
            self._take()
            if changes:
                with contextlib.suppress(ConfigUnwritable):
                    self._install(config, FILE, "file", "file", write=False)
            self._well()

    def _no_good(self) -> bool:
        try:
            self._read_file()
        except ConfigInvalid:
            return True
        return False

    def _read_file(self) -> tuple[DashboardConfig, Document, bool]:
        raw = checking.parse(read_bounded(self.path, checking.LARGEST))
        opened, clear = checking.unseal(raw, self._cipher)
        filled, _ = checking.with_kept(opened, self.current)
        return checking.check(filled), filled, clear

    def _write_sealed(self, raw: Document) -> None:
        """Writes the file as its author did, with the secrets encrypted; an edit made meanwhile is not overwritten."""
        if signature(self.path) == self._seen:
            try:
                self._seen = write_atomic(self.path, _text(checking.seal(raw, self._cipher)))
            except OSError as error:
                log.warning("secrets in the configuration file could not be encrypted", error=str(error))

    def _take(self) -> None:
        """Makes a file that was read its owner's alone. One that was edited since it was read stays to be looked at."""
        make_private(self.path)
        now = signature(self.path)
        if now is not None and self._seen is not None and now[:3] == self._seen[:3]:  # the mode alone is another
            self._seen = now

    def _refuse(self, problems: tuple[Problem, ...]) -> None:
        self._problems = problems
        self.counts.rejections["file"] += 1
        log.warning("configuration file refused", problems=[problem.sentence for problem in problems])
        for tell in self._refusals:
            tell(problems)

    def _well(self) -> None:
        if self._problems:
            self._problems = ()
            for tell in self._refusals:
                tell(())

    # Inside

    def _begin(self) -> None:
        number = self._versions.newest()
        known = self._last_good()
        if known is not None:
            self.version, self.current = known
        elif number:
            self.version = Version(number, self._now(), "Vigie", "start")
        self._seen = signature(self.path)
        if self._seen is None and known is None:
            with contextlib.suppress(ConfigUnwritable):
                self._install(self.current, "Vigie", "start", None)
            return
        try:
            config, raw, clear = self._read_file()
        except ConfigInvalid as refused:
            self._problems = refused.problems
            log.warning("configuration file refused", problems=[problem.sentence for problem in refused.problems])
            return
        if clear:
            self._write_sealed(raw)
        self._take()
        if known is None or diff(compared(self.current), compared(config)):
            with contextlib.suppress(ConfigUnwritable):
                self._install(config, FILE, "file", None, write=False)

    def _last_good(self) -> tuple[Version, DashboardConfig] | None:
        for version in self._versions.all():
            try:
                return version, self.read(version.number)
            except (ConfigInvalid, VersionMissing):
                continue
        return None

    def _config_of(self, number: int) -> DashboardConfig | None:
        if number == self.version.number:
            return self.current
        try:
            return self.read(number)
        except (ConfigInvalid, VersionMissing):
            return None

    def _install(
        self, config: DashboardConfig, by: str, source: Source, via: Via | None, *, note: str = "", write: bool = True,
        merged: tuple[Change, ...] = (), emptied: tuple[str, ...] = (),
    ) -> Saved:
        """Keeps ``config`` as a version, writes it, puts it in force and tells the subscribers.

        Raises:
            ConfigUnwritable: nothing was changed.
        """
        changes = tuple(masked_changes(diff(compared(self.current), compared(config))))
        if not changes and self.version.number and not (write and self._problems):
            return Saved(self.version, merged=merged)
        number, at = max(self._versions.newest(), self.version.number) + 1, self._now()
        version = Version(number, at, by, source, tuple(change.path for change in changes), note)
        moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        stamp = config.metadata.model_copy(update={"last_modified": moment, "modified_by": by})
        config = config.model_copy(update={"metadata": stamp})
        aside = ""
        try:
            self._versions.add(version, checking.sealed(config, self._cipher))
            if write:
                if signature(self.path) != self._seen:
                    raise _Overtaken
                aside = self._set_aside() if self._problems else ""
                self._seen = write_atomic(self.path, _text(checking.sealed(config, self._cipher)))
        except _Overtaken:
            self._versions.remove(number)
            raise
        except OSError as error:
            self._versions.remove(number)
            self._unkept = f"The configuration cannot be written: {error.strerror or error}."
            if write or via is None:
                raise ConfigUnwritable(self._unkept) from None
        else:
            self._unkept = ""
        before, self.current, self.version = self.current, config, version
        if write:
            self._well()
        if via is not None:
            self.counts.reloads[via] += 1
            self._tell(before, config, Applied(version, changes))
        return Saved(version, changes, merged, emptied, aside)

    def _set_aside(self) -> str:
        """Moves a file that was refused out of the way, so that nobody's work is lost; where it lies now."""
        if any(problem.message == GONE for problem in self._problems):
            return ""
        aside = self.path.with_name(f"{self.path.stem}.refused-{self._now():.0f}.json")
        try:
            self.path.rename(aside)
        except OSError:
            return ""
        return str(aside)

    def _tell(self, before: DashboardConfig, after: DashboardConfig, applied: Applied) -> None:
        log.info("configuration changed", by=applied.version.by, version=applied.version.number, paths=applied.paths)
        for callback in self._subscribers:
            try:
                callback(before, after, applied)
            except Exception:  # an edge: a part that cannot follow must not keep the others from it
                log.exception("a part did not take up the configuration")


def _text(raw: Document) -> bytes:
    return json.dumps(raw, ensure_ascii=False, indent=2).encode() + b"\n"
