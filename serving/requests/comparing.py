"""The requests of a model and a window, summed up to stand beside another's."""

from __future__ import annotations

import numpy as np

from analysis.compare import Measure, Side
from serving.requests.reading import Filter, counted, newest
from serving.requests.table import requests
from storage.database import Database

MOST = 200_000
"""Requests whose times are looked at, the newest."""


def side(database: Database, wanted: Filter, most: int = MOST) -> Side:
    """Counts of all that the filter means; times of the newest ``most`` of these that went well.

    Raises:
        StorageError: the log cannot be read.
    """
    parts = counted(database, ["finish"], wanted)
    known = counted(database, [], wanted, known=requests.c.joules)
    spent, tokens = (float(known[0][name] or 0) for name in ("token_joules", "output_tokens")) if known else (0.0, 0.0)
    count = sum(int(part["requests"]) for part in parts)
    failed, client_did = (sum(int(part[name]) for part in parts) for name in ("failed", "client_did"))
    values = _values(database, wanted, most)
    return Side(
        count, failed, _total(parts, "prompt_tokens"), _total(parts, "output_tokens"),
        spent / tokens if spent and tokens else None,
        {str(part["finish"]): int(part["requests"]) for part in parts if part["finish"]}, values,
        cut=count - failed - client_did > most, client_did=client_did,
    )


def _total(parts: list[dict[str, object]], name: str) -> int | None:
    told = [part[name] for part in parts if part[name] is not None]
    return sum(int(value) for value in told) if told else None  # type: ignore[call-overload]


def _values(database: Database, wanted: Filter, most: int) -> dict[Measure, np.ndarray]:
    names = ("ttft", "itl", "duration", "output_tokens")
    rows = newest(database, names, wanted, most, fine=True)
    table = np.array([tuple(row) for row in rows], np.float64).reshape(-1, len(names))  # None becomes NaN
    ttft, itl, duration, tokens = table.T
    wrote = duration - ttft
    there = (tokens >= 2) & (wrote > 0)
    found: dict[Measure, np.ndarray] = {"ttft": ttft, "itl": itl, "duration": duration}
    found["speed"] = (tokens[there] - 1) / wrote[there]
    return {name: np.sort(column[~np.isnan(column)]) for name, column in found.items()}
