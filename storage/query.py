"""The one way to read: picks ring, minutes or hours by the window, joins them, and reduces."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from metrics.series import Selection, Series, SeriesInfo
from storage.archive.archive import Archive
from storage.archive.pages import HOURS, MINUTES, Tier
from storage.archive.rollup import NO_STEPS, Rollup, coarser, joined, roll
from storage.errors import StorageError, StoreUnavailable
from storage.reading import Reading, Source
from storage.reduce import raw_series, rolled_series, value_of
from storage.ring.base import Ring
from storage.ring.cells import NOTHING, Samples
from storage.selector import Catalogue

log = logging.getLogger(__name__)

AHEAD = 3600.0
"""Seconds that the newest sample may lie ahead of the clock."""
SLACK = 60.0
"""Seconds by which a window may begin before the ring does and still be answered raw."""


class Query:
    """Reads one server. A store that is away costs its part of the answer and gives a sentence, never an error."""

    def __init__(self, ring: Ring, archive: Archive, now: Callable[[], float] = time.time) -> None:
        self._ring, self._archive, self._now = ring, archive, now
        self._catalogue = Catalogue()
        self._handles, self._ids = _Numbers(), _Numbers()

    def series(self, matchers: Sequence[str] | None = None) -> list[SeriesInfo]:
        """All series that the ring or the archive knows, or those meant by any of ``matchers``.

        Raises:
            ValueError: a matcher is not a selector (see `storage.selector`).
        """
        return self._catalogue.match(matchers, self._ring.series(), self._archived([]))

    def select(self, matchers: Sequence[str], start: float, end: float, points: int | None = None) -> Selection:
        """The series meant by any of ``matchers`` over ``start..end`` (epoch seconds), each of about ``points``
        points at most (None: all there are). Series without a sample in the window are left out.

        Raw samples where the ring covers the window; minutes where it does not; hours where minutes are no longer
        kept or would be far more than ``points``. A step of a rollup that holds ``start`` is part of the answer.
        What the archive has not rolled up yet is rolled from the ring on the fly.

        Raises:
            ValueError: a matcher is not a selector, ``end`` lies before ``start``, or ``points`` is less than 1.
        """
        _check_window(start, end)
        if points is not None and points < 1:
            raise ValueError(f"points must be 1 or more; given {points}")
        problems: list[str] = []
        found, step = self._select(matchers, start, end, points, problems)
        away = getattr(self._ring, "problem", str)()  # a buffered ring answers what it can and says what it cannot
        return Selection(found, step, [*([away] if away else []), *problems])

    def reading(self, matchers: Sequence[str], start: float, end: float) -> Reading:
        """What `select` without ``points`` answers, to be read piece by piece. Its reads raise where `select` leaves
        out what is away.

        Raises:
            ValueError: a matcher is not a selector, or ``end`` lies before ``start``.
        """
        _check_window(start, end)
        end = max(min(end, self._now() + AHEAD), start)  # a window that ends in a hundred years has no more in it
        problems: list[str] = []
        infos = self._catalogue.match(matchers, self._ring.series(), self._archived(problems))
        away = getattr(self._ring, "problem", str)()
        problems = [*([away] if away else []), *problems]
        if start >= self._ring.oldest() - SLACK:
            first = self._first(infos, start, end)
            if not self._older_archived(infos, first, start):
                begin = end + 1 if first is None else first / 1000
                return Reading(infos, "samples", self._ring.step, start, end, begin, problems, self._read_raw)
        tier = self._tier(start + SLACK, end, None)
        begin = min(max(start, self._oldest_archived(tier)), max(self._ring.oldest(), start))
        read = partial(self._read_rolled, tier)
        source: Source = "hours" if tier is HOURS else "minutes"
        return Reading(infos, source, float(tier.step), start, end, begin, problems, read)

    @property
    def step(self) -> float:
        """Seconds between raw samples."""
        return self._ring.step

    def raw_from(self) -> float:
        """Epoch seconds before which no raw sample is kept."""
        return self._ring.oldest()

    def read(self, infos: Sequence[SeriesInfo], start: float, end: float, source: Source) -> list[Series]:
        """All that a store of samples, minutes or hours holds of series with ``start <= t <= end``, without points for
        gaps; empty where there is nothing.

        Raises:
            StoreUnavailable: a store is away.
        """
        if source == "samples":
            return self._read_raw(infos, start, end)
        return self._read_rolled(HOURS if source == "hours" else MINUTES, infos, start, end)

    def _first(self, infos: Sequence[SeriesInfo], start: float, end: float) -> int | None:
        """Milliseconds of the first sample that the ring has of any of the series in a window."""
        while start <= end and infos:
            until = min(start + 600 * self._ring.step, end)
            found = _first_of(self._raw(infos, start, until, []))
            if found is not None:
                return found
            start = until + 0.0005
        return None

    def _oldest_archived(self, tier: Tier) -> float:
        try:
            found = [at for t in (tier, MINUTES) if (at := self._archive.oldest(t)) is not None]
        except StorageError:
            return math.inf
        return float(min(found, default=math.inf))

    def _read_raw(self, infos: Sequence[SeriesInfo], start: float, end: float) -> list[Series]:
        problems: list[str] = []
        samples = self._raw(infos, start, end, problems)
        if problems:
            raise StoreUnavailable(" ".join(problems))
        step = self._ring.step
        return [Series(info, t, value, step) for info, (t, value) in zip(infos, samples, strict=True)]

    def _read_rolled(self, tier: Tier, infos: Sequence[SeriesInfo], start: float, end: float) -> list[Series]:
        problems: list[str] = []
        found = self._rollups(tier, infos, start, end, problems)
        if problems:
            raise StoreUnavailable(" ".join(problems))
        return [
            Series(i, r.t, value_of(i, r), float(tier.step), r.low, r.high) for i, r in zip(infos, found, strict=True)
        ]

    def _select(self, matchers: Sequence[str], start: float, end: float, points: int | None,
                problems: list[str]) -> tuple[list[Series], float]:
        infos = self._catalogue.match(matchers, self._ring.series(), self._archived(problems))
        if not infos:
            return [], self._ring.step
        if start >= self._ring.oldest() - SLACK:
            samples = self._raw(infos, start, end, problems)
            if not self._older_archived(infos, _first_of(samples), start):
                step = self._ring.step
                found = [raw_series(info, t, value, step, points)
                         for info, (t, value) in zip(infos, samples, strict=True) if t.size]
                return found, step
        tier = self._tier(start, end, points)
        return self._rolled(tier, infos, start, end, points, problems), float(tier.step)

    def _tier(self, start: float, end: float, points: int | None) -> Tier:
        if start < self._now() - MINUTES.keep:
            return HOURS
        many = points is not None and (end - start) / HOURS.step >= points / 2
        return HOURS if many else MINUTES

    # -- the ring

    def _raw(self, infos: Sequence[SeriesInfo], start: float, end: float, problems: list[str]) -> list[Samples]:
        handles = self._handles.of(self._ring.series())
        asked = [handles.get(info.key, -1) for info in infos]
        try:
            found = iter(self._ring.window([handle for handle in asked if handle >= 0], start, end))
        except StorageError as error:
            problems += [str(error)] if str(error) not in problems else []
            return [NOTHING] * len(infos)
        return [next(found) if handle >= 0 else NOTHING for handle in asked]

    def _older_archived(self, infos: Sequence[SeriesInfo], first: int | None, start: float) -> bool:
        """True when the ring begins late in the window (lost, or away; ``first`` are the milliseconds of its first
        sample) and the archive has what is missing."""
        until = self._now() if first is None else first / 1000
        try:
            if until - start < 2 * MINUTES.step or (self._archive.watermark(MINUTES) or 0) <= start:
                return False
            ids = self._archive_ids(infos)
            return any(r.t.size for r in self._archive.read(MINUTES, ids, start, until - MINUTES.step) if ids)
        except StorageError:
            return False

    # -- the archive

    def _archived(self, problems: list[str]) -> Mapping[int, SeriesInfo]:
        try:
            return self._archive.series()
        except StorageError as error:
            problems.append(str(error))
            return _NO_SERIES

    def _archive_ids(self, infos: Sequence[SeriesInfo]) -> list[int]:
        ids = self._ids.of(self._archive.series())
        return [ids[info.key] for info in infos if info.key in ids]

    def _rolled(self, tier: Tier, infos: Sequence[SeriesInfo], start: float, end: float, points: int | None,
                problems: list[str]) -> list[Series]:
        found = zip(infos, self._rollups(tier, infos, start, end, problems), strict=True)
        return [rolled_series(info, rolled, tier.step, points) for info, rolled in found if rolled.t.size]

    def _rollups(self, tier: Tier, infos: Sequence[SeriesInfo], start: float, end: float,
                 problems: list[str]) -> list[Rollup]:
        begin = math.floor(start / tier.step) * tier.step
        parts: dict[str, list[Rollup]] = {info.key: [] for info in infos}
        edge: float = begin
        for source in (HOURS, MINUTES) if tier is HOURS else (MINUTES,):
            edge = self._add_archived(parts, infos, source, tier, edge, end, problems)
        tail = roll(self._raw(infos, edge, end, problems), tier.step) if edge <= end else NO_STEPS
        return [_merged([*parts[info.key], tail.of(place)], tier) for place, info in enumerate(infos)]

    def _add_archived(self, parts: dict[str, list[Rollup]], infos: Sequence[SeriesInfo], source: Tier, tier: Tier,
                      start: float, end: float, problems: list[str]) -> float:
        """Adds what ``source`` holds from ``start`` on; returns from where on it holds nothing."""
        try:
            mark = self._archive.watermark(source)
            if mark is None or mark <= start:
                return start
            mark = min(mark, int(self._now()) // source.step * source.step)  # it may name a time of a wrong clock
            ids = self._archive_ids(infos)
            known = self._archive.series()
            for number, rolled in zip(ids, self._archive.read(source, ids, start, min(end + 0.001, mark)), strict=True):
                if rolled.t.size:
                    parts[known[number].key].append(rolled if source is tier else coarser(rolled, tier.step))
        except StorageError as error:
            problems += [str(error)] if str(error) not in problems else []
            return start
        except ValueError as error:
            log.error("A page of the archive cannot be read: %s", error)
            problems.append("A part of the archive is damaged and is left out.")
            return start
        return float(mark)


def _check_window(start: float, end: float) -> None:
    if not (math.isfinite(start) and math.isfinite(end)) or end < start:
        raise ValueError(f"a window must begin before it ends; given {start} to {end}")


def _first_of(samples: Sequence[Samples]) -> int | None:
    return min((int(t[0]) for t, _ in samples if t.size), default=None)


_NO_SERIES: Mapping[int, SeriesInfo] = {}


class _Numbers:
    """A source's numbers by series key, made again when the source hands out another mapping."""

    def __init__(self) -> None:
        self._known: tuple[Mapping[int, SeriesInfo], dict[str, int]] = ({}, {})

    def of(self, series: Mapping[int, SeriesInfo]) -> dict[str, int]:
        """Number of each series by its key."""
        source, numbers = self._known
        if source is not series:
            numbers = {info.key: number for number, info in series.items()}
            self._known = (series, numbers)
        return numbers


def _merged(parts: list[Rollup], tier: Tier) -> Rollup:
    """One series' parts; a step that two sources share (the hour in progress) is rolled again into one."""
    merged = joined(parts)
    if merged.t.size > 1 and bool((merged.t[1:] == merged.t[:-1]).any()):
        return coarser(merged, tier.step)
    return merged
