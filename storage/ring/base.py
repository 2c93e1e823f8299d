"""What a ring medium is, and the cell layout both media share.

A series is an array of ``capacity`` cells of 8 bytes, ``(u32 step number, f32 value)``, little-endian. Step ``n``
counts from 2020-01-01 UTC in units of ``step`` seconds; 0 means empty. The sample of tick ``n`` lies in cell
``n % capacity``, so there is no cursor and no lock: the stamp tells a reader whether the cell is of its window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from metrics.series import SeriesInfo

EPOCH = 1_577_836_800  # 2020-01-01T00:00:00Z
CELL_BYTES = 8
Handles = NDArray[np.int64]
Values = NDArray[np.float32]


def step_number(t: float, step: float) -> int:
    """The step that holds epoch second ``t``."""
    return int((t - EPOCH) // step)


def step_time(n: int, step: float) -> float:
    """Epoch seconds at which step ``n`` begins: the nominal tick."""
    return EPOCH + n * step


def encode(n: int, values: Values) -> NDArray[np.uint64]:
    """Cells of one tick: the stamp ``n`` in the low half, the value's bits in the high half of each word."""
    bits = values.astype("<f4", copy=False).view("<u4").astype("<u8")
    return (bits << np.uint64(32)) | np.uint64(n)


def decode(cells: NDArray[np.uint64], stamps: NDArray[np.uint32]) -> Values:
    """Values of cells whose stamp is the expected one; NaN elsewhere. Shapes broadcast as (..., n) and (n,)."""
    pairs = cells.view("<u4").reshape(*cells.shape, 2)
    values = pairs[..., 1].view("<f4").astype(np.float32)
    values[pairs[..., 0] != stamps] = np.nan
    return values


class Ring(Protocol):
    """A medium. Rows are named by small integer handles, valid as long as this object."""

    step: float
    capacity: int

    def handle(self, info: SeriesInfo) -> int:
        """The handle of a series, made (and kept across restarts) on first sight.

        Raises:
            TooManySeries: no room for one more.
            StoreUnavailable: the medium is away.
        """
        ...

    def write(self, n: int, handles: Handles, values: Values, newest: int | None = None) -> None:
        """Writes one tick: ``values`` (k,) float32 for ``handles`` (k,).

        Without ``newest`` the tick is the newest there is and takes its cells. With ``newest`` (a late sample) a
        cell keeps a stamp in ``(n, newest]``: a stamp beyond ``newest`` came from a clock that was wrong and is
        overwritten.

        Raises:
            StoreUnavailable: the medium is away; nothing or part of the tick is written, writing again is harmless.
        """
        ...

    def read(self, handles: Sequence[int], first: int, last: int) -> Values:
        """Steps ``first..last`` inclusive as (len(handles), last - first + 1) float32, NaN where absent.

        Steps before ``last - capacity + 1`` are gone: absent.
        """
        ...

    def window(self, handles: Sequence[int], start: float, end: float) -> list[tuple[NDArray[np.int64], Values]]:
        """For each series its present samples with ``start <= t <= end`` (epoch seconds), ascending:
        epoch milliseconds and values; older generations (another step or capacity) included."""
        ...

    def series(self) -> Mapping[int, SeriesInfo]:
        """All known series by handle, those of older generations included."""
        ...

    def oldest(self) -> float:
        """Epoch seconds before which this ring holds nothing (now minus its span, older generations included)."""
        ...

    def close(self) -> None:
        """Flushes and lets go of files and connections."""
        ...
