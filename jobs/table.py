"""What an export holds: its columns, where they come from, and its rows in blocks on common times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from numpy.typing import NDArray

from metrics.flat import iso
from metrics.series import Series, SeriesInfo

QUARTER = 900_000
"""Milliseconds of a quarter of an hour: zones change on quarters."""
_WHOLE = 2**24
"""From here on a float32 is a whole number, and said with all its digits."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of values. ``part`` is empty for the value itself, else ``min`` or ``max`` of its step."""

    info: SeriesInfo
    part: str = ""

    @property
    def key(self) -> str:
        """Its name where the unit stands elsewhere."""
        return f"{self.info.key} {self.part}".rstrip()

    @property
    def header(self) -> str:
        """Its name with the unit."""
        return f"{self.key} [{self.info.unit}]" if self.info.unit else self.key


@dataclass(frozen=True, slots=True)
class Block:
    """Rows: ``t`` (n,) epoch milliseconds ascending, ``values`` (n, columns) float32, NaN where absent; ``done`` is the
    share of the export that is ready with it."""

    t: NDArray[np.int64]
    values: NDArray[np.float32]
    done: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told about an export beside its rows."""

    host: str
    start: float
    end: float
    zone: str
    """IANA name of the zone of ``time_local``."""
    step: float
    """Seconds between the values before they were reduced."""
    source: str
    """``samples``, ``minutes`` or ``hours``."""
    points: int | None = None
    """To how many points each series was reduced; None when it was not."""
    title: str = ""
    version: str = ""
    problems: list[str] = field(default_factory=list)

    def told(self, columns: Sequence[Column]) -> dict[str, Any]:
        """All of it, for a file that has a place for it."""
        return {
            "title": self.title, "host": self.host, "program": f"Vigie {self.version}".rstrip(),
            "from": iso(self.start), "to": iso(self.end), "timezone": self.zone, "source": self.source,
            "step_seconds": self.step, "points": self.points, "problems": self.problems,
            "columns": {
                c.key: {"metric": c.info.name, "labels": dict(c.info.labels), "unit": c.info.unit, "help": c.info.help,
                        "part": c.part or ("value" if self.source == "samples" else "mean")}
                for c in columns
            },
        }


@dataclass(frozen=True, slots=True)
class Table:
    """An export: its facts, its columns, its rows as they are read."""

    facts: Facts
    columns: list[Column]
    blocks: Iterable[Block]


def columns_of(infos: Sequence[SeriesInfo], extremes: bool) -> list[Column]:
    """The columns of series; with ``extremes`` the lowest and highest value of each step too."""
    return [Column(info, part) for info in infos for part in (("", "min", "max") if extremes else ("",))]


def block_of(series: Sequence[Series], extremes: bool, done: float) -> Block:
    """Series as rows on the union of their times. A point that marks a gap is no row."""
    present = [~np.isnan(one.value) for one in series]
    times = [one.t[there] for one, there in zip(series, present, strict=True)]
    t = times[0] if times else np.empty(0, np.int64)
    if any(other.size != t.size or not np.array_equal(other, t) for other in times[1:]):
        t = np.unique(np.concatenate(times))
    width = 3 if extremes else 1
    values = np.full((t.size, width * len(series)), np.nan, np.float32)
    for place, (one, own, there) in enumerate(zip(series, times, present, strict=True)):
        at = np.searchsorted(t, own)
        values[at, place * width] = one.value[there]
        if extremes:
            values[at, place * width + 1] = (one.value if one.low is None else one.low)[there]
            values[at, place * width + 2] = (one.value if one.high is None else one.high)[there]
    return Block(t, values, done)


def utc_texts(t: NDArray[np.int64]) -> list[str]:
    """Epoch milliseconds as ISO 8601 UTC."""
    found: list[str] = np.datetime_as_string(t.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    return found


class Clock:
    """The wall clock of a zone."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def offsets(self, t: NDArray[np.int64]) -> NDArray[np.int64]:
        """Milliseconds by which the zone is ahead of UTC at each time."""
        from datetime import UTC, datetime

        quarters, at = np.unique(t // QUARTER, return_inverse=True)
        ahead = [
            datetime.fromtimestamp(q * QUARTER / 1000, UTC).astimezone(self._zone).utcoffset()
            for q in quarters.tolist()
        ]
        found = np.array([round(one.total_seconds() * 1000) if one else 0 for one in ahead], np.int64)
        return found[at]

    def texts(self, t: NDArray[np.int64]) -> list[str]:
        """Epoch milliseconds as ISO 8601 with the zone's offset."""
        offsets = self.offsets(t)
        wall: list[str] = np.datetime_as_string((t + offsets).astype("datetime64[ms]"), unit="ms").tolist()
        ends = {offset: _offset_text(offset) for offset in np.unique(offsets).tolist()}
        return [text + ends[offset] for text, offset in zip(wall, offsets.tolist(), strict=True)]


def _offset_text(ms: int) -> str:
    minutes = abs(ms) // 60_000
    return f"{'-' if ms < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def exact(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """float32 as the float64 that prints shortest and is still the same float32 (0.1, not 0.10000000149011612); whole
    numbers from 2**24 on are exactly what they are. Absent stays NaN."""
    if not values.size:
        return values.astype(np.float64)
    short = np.array(
        orjson.loads(orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)), np.float64,
    )
    wide = values.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(wide) >= _WHOLE, wide, short)


def read_blocks(pieces: Iterable[tuple[float, list[Series]]], start: float, end: float,
                extremes: bool) -> Iterator[Block]:
    """The blocks of what a `storage.reading.Reading` gives."""
    span = max(end - start, 1e-9)
    for until, series in pieces:
        yield block_of(series, extremes, min(max((until - start) / span, 0.0), 1.0))
