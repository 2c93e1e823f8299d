"""Made-up series for the tests of What else moved?, and a store that holds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metrics.series import Series, SeriesInfo

T0 = 1_800_000_000.0
Wide = NDArray[np.float64]
KINDS = ("white", "ar 0.9", "ar 0.99", "ar 0.999", "walk", "trend", "season", "job", "steps", "counts")


def noise(kind: str, series: int, count: int, chance: np.random.Generator) -> Wide:
    """(series, count) of noise that does nothing unusual."""
    t = np.arange(count)
    white = chance.standard_normal((series, count))
    if kind.startswith("ar "):
        return ar(white, float(kind.split()[1]))
    if kind == "walk":
        return np.cumsum(white, axis=1)
    if kind == "trend":
        return white + 0.01 * chance.standard_normal((series, 1)) * t
    if kind == "season":
        period = np.exp(chance.uniform(np.log(20), np.log(14_000), (series, 1)))
        height = np.exp(chance.normal(0, 1.5, (series, 1)))
        return height * np.sin(2 * np.pi * t / period + chance.uniform(0, 7, (series, 1))) + white
    if kind == "job":
        period, busy = chance.integers(20, 300, (series, 1)), chance.integers(1, 10, (series, 1))
        return ((t + chance.integers(0, 300, (series, 1))) % period < busy) * 20.0 + white
    if kind == "steps":
        return np.round(ar(white, 0.99) / 7)
    if kind == "counts":
        return chance.poisson(0.3, (series, count)).astype(float)
    return white


def ar(white: Wide, phi: float) -> Wide:
    """Noise whose neighbours are alike: each value is ``phi`` times the one before, and something new."""
    rows = white.T.copy()
    rows[0] /= np.sqrt(1 - phi * phi)
    for i in range(1, len(rows)):
        rows[i] += phi * rows[i - 1]
    return rows.T


def infos(series: int, unit: str = "", every: float = 1.0) -> list[SeriesInfo]:
    """Descriptions of made-up series."""
    return [SeriesInfo(f"m{i % 40}_things", (("n", str(i)),), unit, "gauge", "Made up", every) for i in range(series)]


class Held:
    """A store of arrays: values at every step up to `T0`."""

    def __init__(self, known: Sequence[SeriesInfo], values: Wide, step: float = 1.0, raw: float = 21_600.0) -> None:
        self.step, self._raw = step, raw
        self._rows = {info.key: row for info, row in zip(known, values.astype(np.float32), strict=True)}
        self.asked: list[str] = []

    def raw_from(self) -> float:
        return T0 - self._raw

    def read(self, infos: Sequence[SeriesInfo], start: float, end: float, source: str) -> list[Series]:
        self.asked.append(source)
        step = {"samples": self.step, "minutes": 60.0, "hours": 3600.0}[source]
        found = []
        for info in infos:
            row = self._rows[info.key]
            t = T0 - step * np.arange(row.size, 0, -1)
            kept = (t >= start) & (t <= end) & ~np.isnan(row)
            low = row[kept] - 0.5 if source != "samples" else None
            high = row[kept] + 0.5 if source != "samples" else None
            found.append(Series(info, (1000 * t[kept]).astype(np.int64), row[kept], step, low, high))
        return found
