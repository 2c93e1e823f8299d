"""Tiers, and pages: the packed columns of one series over one hour of minutes or one month of hours.

A page is four columns of ``slots`` 32-bit words (mean, min, max as f32, count as u32, little-endian; count 0 marks an
absent slot), their bytes grouped by significance so that they compress well, deflated at level 1.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAY = 86_400
COLUMNS = 4
COUNT = 3
"""Place of the counts among the columns."""
Columns = NDArray[np.uint32]
"""Pages as (pages, COLUMNS, slots) words; the first three columns are the bits of float32."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A resolution: ``step`` seconds a slot, ``slots`` a page, kept for ``keep`` seconds."""

    number: int
    name: str
    step: int
    slots: int
    keep: int

    def page_of(self, t: NDArray[np.int64]) -> NDArray[np.int64]:
        """Epoch seconds at which the pages that hold times ``t`` (epoch seconds) begin: the hour, or the month UTC."""
        if self.step < 3600:
            return t - t % (self.step * self.slots)
        months = t.astype("datetime64[s]").astype("datetime64[M]")
        return months.astype("datetime64[s]").astype(np.int64)


MINUTES = Tier(0, "minutes", 60, 60, 30 * DAY)
HOURS = Tier(1, "hours", 3600, 31 * 24, 2 * 365 * DAY)
TIERS = (MINUTES, HOURS)


def encode(pages: Columns) -> list[bytes]:
    """The blobs of pages (n, COLUMNS, slots)."""
    grouped = pages.astype("<u4", copy=False).view(np.uint8).reshape(*pages.shape, 4).transpose(0, 1, 3, 2)
    return [zlib.compress(page.data, 1) for page in np.ascontiguousarray(grouped)]


def decode(blobs: Sequence[bytes], slots: int) -> Columns:
    """The pages (n, COLUMNS, slots) of blobs.

    Raises:
        ValueError: a blob is not a page of that many slots.
    """
    size = COLUMNS * 4 * slots
    try:
        flat = b"".join([zlib.decompress(blob, bufsize=size) for blob in blobs])
    except zlib.error as error:
        raise ValueError(f"a page cannot be read: {error}") from None
    if len(flat) != size * len(blobs):
        raise ValueError("a page has another length than its tier says")
    grouped = np.frombuffer(flat, np.uint8).reshape(len(blobs), COLUMNS, 4, slots).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(grouped).view("<u4").reshape(len(blobs), COLUMNS, slots)


def empty(count: int, slots: int) -> Columns:
    """Pages without a value."""
    return np.zeros((count, COLUMNS, slots), np.uint32)
