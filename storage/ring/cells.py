"""Arithmetic on cells that every medium shares: windows to slots, cells to samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from metrics.series import SeriesInfo
from storage.ring.base import EPOCH, Values, decode

Cells = NDArray[np.uint64]
Samples = tuple[NDArray[np.int64], Values]
NOTHING: Samples = (np.empty(0, np.int64), np.empty(0, np.float32))
"""No samples."""
MAX_STEP_NUMBER = 2**32 - 1
_HALF_MS = 1e-4


def steps_between(start: float, end: float, step: float) -> tuple[int, int]:
    """First and last step whose nominal tick lies in ``start..end`` (epoch seconds), both inclusive; first > last
    when there is none. Clipped to what a stamp can hold."""
    first = math.ceil((max(start, EPOCH) - EPOCH) / step - _HALF_MS)
    last = math.floor((min(end, EPOCH + MAX_STEP_NUMBER * step) - EPOCH) / step + _HALF_MS)
    return max(first, 1), min(last, MAX_STEP_NUMBER)


def slots(first: int, last: int, capacity: int) -> list[slice]:
    """The slices of a row that hold steps ``first..last``, in order: one, or two where the window wraps. A window
    longer than the row is the whole row."""
    count = last - first + 1
    if count >= capacity:
        return [slice(0, capacity)]
    at = first % capacity
    if at + count <= capacity:
        return [slice(at, at + count)]
    return [slice(at, capacity), slice(0, at + count - capacity)]


def samples(cells: Cells, first: int, last: int, step: float) -> Samples:
    """Present samples among the cells (n,) of one row, read by `slots` for ``first..last``: milliseconds, values."""
    pairs = cells.view("<u4").reshape(-1, 2)
    # Counted from ``first``, unsigned: what lies before it wraps to the far end, so that one comparison does.
    after, values = pairs[:, 0] - np.uint32(first), pairs[:, 1].view("<f4")
    kept = after <= np.uint32(last - first)
    kept &= values == values
    if not kept.all():
        after, values = after[kept], values[kept]
    if after.size > 1 and bool((after[1:] < after[:-1]).any()):
        order = np.argsort(after, kind="stable")
        after, values = after[order], values[order]
    t = after.astype(np.int64)
    t *= round(step * 1000)
    t += EPOCH * 1000 + first * round(step * 1000)
    return t, np.ascontiguousarray(values)


def steps(cells: Cells, first: int, last: int, capacity: int) -> Values:
    """Values of steps ``first..last`` (rows, last - first + 1) from whole rows or the concatenated `slots` (rows, n);
    NaN where absent. Steps older than a row's length before ``last`` are absent."""
    wanted = np.arange(max(first, last - capacity + 1), last + 1, dtype=np.uint32)
    if wanted.size == capacity:
        cells = np.roll(cells, -(int(wanted[0]) % capacity), axis=1)
    found = decode(np.ascontiguousarray(cells), wanted)
    missing = last - first + 1 - wanted.size
    return found if not missing else np.pad(found, ((0, 0), (missing, 0)), constant_values=np.nan)


def joined_samples(old: Samples, new: Samples) -> Samples:
    """Both, ascending; where both have a sample at one time the newer generation's is kept."""
    if not old[0].size:
        return new
    if not new[0].size:
        return old
    t, v = np.concatenate((new[0], old[0])), np.concatenate((new[1], old[1]))
    t, at = np.unique(t, return_index=True)
    return t, v[at]


def pack_info(info: SeriesInfo, **more: Any) -> bytes:
    """A series' description as one JSON object."""
    return orjson.dumps({
        **more, "name": info.name, "labels": info.labels, "unit": info.unit, "kind": info.kind, "help": info.help,
        "every": info.every,
    })


def unpack_info(text: bytes) -> tuple[SeriesInfo, dict[str, Any]]:
    """The description `pack_info` wrote, and the whole object.

    Raises:
        ValueError: it is not one.
    """
    try:
        found = orjson.loads(text)
        pairs = tuple((str(name), str(value)) for name, value in found["labels"])
        info = SeriesInfo(found["name"], pairs, found["unit"], found["kind"], found["help"], float(found["every"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a series: {error}") from None
    return info, found
