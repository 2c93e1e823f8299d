"""Exports read back with pandas, as people do."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jobs.formats import Format, write
from jobs.table import Table
from metrics.series import Series


def made(kind: Format, table: Table, folder: Path) -> bytes:
    """The file of a table."""
    out = io.BytesIO()
    write(kind, table, out, lambda _share: None, folder)
    return out.getvalue()


def frame(kind: Format, body: bytes) -> pd.DataFrame:
    """Values by UTC time and series key, and ``time_local`` as it came."""
    if kind == "csv":
        found = pd.read_csv(io.BytesIO(body), index_col="time_utc", parse_dates=["time_utc"])
    elif kind == "json":
        rows = json.loads(body)["data"]
        found = pd.DataFrame(rows, columns=list(rows[0]) if rows else ["time_utc", "time_local"])
        found = found.set_index(pd.to_datetime(found.pop("time_utc"), utc=True))
    elif kind == "parquet":
        found = pd.read_parquet(io.BytesIO(body)).set_index("time_utc")
    else:
        sheets = pd.read_excel(io.BytesIO(body), sheet_name=None)
        found = pd.concat([sheet for name, sheet in sheets.items() if name.startswith("Data")])
        found = found.set_index(pd.to_datetime(found.pop("time_utc"), utc=True).dt.round("ms"))
    found.columns = [name.removeprefix("'") for name in found.columns]
    return found


def same(found: pd.DataFrame, wanted: list[Series], headers: dict[str, str]) -> None:
    """Fails unless the frame holds exactly the values of the series; ``headers`` name their columns."""
    times = np.unique(np.concatenate([one.t[~np.isnan(one.value)] for one in wanted])) if wanted else []
    index: Any = found.index
    assert (index.tz_convert(None).to_numpy().astype("datetime64[ms]").astype(np.int64) == times).all()
    for one in wanted:
        column = pd.to_numeric(found[headers[one.info.key]]).astype(np.float32)
        there = ~np.isnan(one.value)
        want = pd.Series(one.value[there], index=pd.to_datetime(one.t[there], unit="ms", utc=True))
        got = column.dropna()
        assert len(got) == len(want), one.info.key
        np.testing.assert_array_equal(got.to_numpy(), want.to_numpy())
        np.testing.assert_array_equal(
            got.index.tz_convert(None).to_numpy().astype("datetime64[ms]"),
            want.index.tz_convert(None).to_numpy().astype("datetime64[ms]"),
        )
