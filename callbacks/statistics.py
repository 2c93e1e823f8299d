"""The table of statistics under a chart: exactly what is in sight, from all values there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flask_babel import gettext as _

from analysis import stats
from analysis.gather import Source, gather
from components.charts import scale_of
from components.formats import duration, number
from metrics.series import Series, SeriesInfo

MOST_ROWS = 60
APART = ("bytes", "bytes_per_second", "seconds")
_BATCH, _POINTS = 16, 2000
"""Series read at once, and steps of each where there are far more."""


def head() -> list[str]:
    """What the columns are called, in order."""
    return [_("lowest"), _("mean"), _("highest"), "p50", "p95", "p99", _("last")]


def whole(source: Source, infos: Sequence[SeriesInfo], start: float, end: float) -> Iterator[Series]:
    """Each series with all its values, a few at a time."""
    for at in range(0, min(len(infos), MOST_ROWS), _BATCH):
        keys = [info.key for info in infos[at : min(at + _BATCH, MOST_ROWS)]]
        yield from gather(source, keys, start, end, _POINTS).series


def rows(named: Iterable[tuple[Series, str, str]], start: float, end: float) -> list[dict[str, Any]]:
    """A row for each (series, name, colour): numbers in the unit that suits the row, and raw in the base unit.

    Bytes and seconds lie orders of magnitude apart in one row: there each number has its own unit.
    """
    found: list[dict[str, Any]] = []
    for one, name, colour in named:
        if len(found) >= MOST_ROWS:
            break
        if (values := stats.of(one, start, end)) is None:
            continue
        raw = values.row()
        top = max(abs(v) for v in raw)
        scale = scale_of(one.info.unit, top)
        apart = one.info.unit in APART
        cells = [_cell(v, scale_of(one.info.unit, v)) if apart else number(v * scale[0], _digits(top * scale[0]))
                 for v in raw]
        found.append({
            "key": one.info.key, "name": name, "colour": colour, "unit": "" if apart else scale[1].strip(),
            "cells": cells, "raw": raw, "count": values.count, "exact": values.exact, "step": one.step,
        })
    return found


def _digits(size: float) -> int:
    return 0 if abs(size) >= 1000 else 1 if abs(size) >= 10 else 2


def _cell(value: float, scale: tuple[float, str]) -> str:
    return number(value * scale[0], 0 if value == 0 else _digits(value * scale[0])) + scale[1]


def note(found: Sequence[dict[str, Any]]) -> str:
    """What the numbers are made of, in words."""
    if not found:
        return _("No values in this window.")
    steps = {row["step"] for row in found if not row["exact"]}
    if steps:
        return _(
            "From means over %(step)s: lowest and highest are exact, percentiles are those of the means.",
            step=duration(max(steps)),
        )
    return _("From all %(count)s values in sight.", count=number(sum(row["count"] for row in found)))
