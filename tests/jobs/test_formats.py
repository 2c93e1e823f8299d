"""What an export holds, read back with pandas, is what went in: every format, gaps, odd names, zones, sizes."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import formats
from jobs.formats import guarded
from jobs.table import Clock, columns_of, exact, utc_texts
from tests.jobs.conftest import NOW, ODD, info, series
from tests.jobs.reading import frame, made, same

KINDS = ("csv", "json", "parquet", "xlsx")
VALUES = [0.1, 1 / 3, 1e-30, 3.4e38, 16_777_217.0, 8_589_934_592.0, -2.5, 0.0, 123_456_789.0, 1e-45]


def headers(table, kind):
    return {c.info.key: c.header if kind in ("csv", "xlsx") else c.key for c in table.columns}


@pytest.mark.parametrize("kind", KINDS)
def test_values_come_back_as_they_were(table, tmp_path, kind):
    found = [
        series(info(), [0, 1, 2, 3, 10, 11], [0.5, float("nan"), 0.25, 1.0, 0.1, 0.2]),
        series(info("memory_used_bytes", "bytes"), list(range(0, 100, 10)), VALUES),
        series(info("cpu_load1", "", odd=ODD), [0.5, 2, 3600], [1.0, 2.0, 3.0]),
        series(info("gpu_power_watts", "watts", gpu="1"), [], []),
    ]
    made_of = table(found, pieces=4)
    same(frame(kind, made(kind, made_of, tmp_path)), found, headers(made_of, kind))


@pytest.mark.parametrize("kind", KINDS)
def test_an_absent_value_is_nothing_and_no_zero(table, tmp_path, kind):
    found = [series(info(), [0, 1], [1.0, 2.0]), series(info("cpu_load1", ""), [1], [0.0])]
    read = frame(kind, made(kind, table(found), tmp_path))
    assert pd.isna(read["cpu_load1"].iloc[0]) and read["cpu_load1"].iloc[1] == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_without_values_is_a_file_without_rows(table, tmp_path, kind):
    read = frame(kind, made(kind, table([series(info(), [], [])]), tmp_path))
    assert len(read) == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 3600), st.floats(width=32, allow_nan=True, allow_infinity=False)),
        max_size=30, unique_by=lambda p: p[0],
    ),
    st.integers(1, 5), st.sampled_from(KINDS),
)
def test_any_samples_in_any_pieces(table, tmp_path, points, pieces, kind):
    points.sort()
    one = series(info(), [at for at, _ in points], [value for _, value in points])
    other = series(info("cpu_load1", ""), [0, 1800, 3600], [1.0, 2.0, 3.0])
    made_of = table([one, other], pieces)
    same(frame(kind, made(kind, made_of, tmp_path)), [one, other], headers(made_of, kind))


@given(st.lists(st.floats(width=32, allow_infinity=False), min_size=1))
def test_the_short_number_is_the_same_float32(values):
    short = exact(np.array([values], np.float32))
    np.testing.assert_array_equal(short.astype(np.float32), np.array([values], np.float32))
    assert float(exact(np.array([[0.1]], np.float32))[0, 0]) == 0.1


def test_local_times_follow_the_clock_of_their_zone():
    clock = Clock("Europe/Paris")
    t = np.array([1_792_886_400_000 + i * 1_800_000 for i in range(4)], np.int64)
    assert utc_texts(t)[0] == "2026-10-25T00:00:00.000Z"  # winter comes an hour later
    assert clock.texts(t) == [
        "2026-10-25T02:00:00.000+02:00", "2026-10-25T02:30:00.000+02:00",
        "2026-10-25T02:00:00.000+01:00", "2026-10-25T02:30:00.000+01:00",
    ]
    assert Clock("America/St_Johns").texts(t[:1])[0].endswith("-02:30")
    assert Clock("Asia/Kathmandu").texts(t[:1])[0].endswith("+05:45")
    read = pd.to_datetime(clock.texts(t), utc=True)
    assert list(read) == list(pd.to_datetime(t, unit="ms", utc=True))


def test_headers_name_unit_and_zone(table, tmp_path):
    found = [series(info(core="0"), [0], [1.0]), series(info("cpu_load1", ""), [0], [1.0])]
    first = next(csv.reader(io.StringIO(made("csv", table(found), tmp_path).decode())))
    assert first == ["time_utc", "time_local [Europe/Paris]", 'cpu_usage_ratio{core="0"} [ratio]', "cpu_load1"]


def test_no_header_is_a_formula():
    for text in ("=1+1", "+x", "-x", "@SUM(A1)", "\tx", "\rx"):
        assert guarded(text) == "'" + text
    assert guarded("cpu") == "cpu"


def test_a_name_that_is_a_formula_is_text_in_a_sheet(table, tmp_path):
    found = [series(info("=HYPERLINK(A1)", ""), [0], [1.0])]
    head = made("csv", table(found), tmp_path).decode().splitlines()[0]
    assert head.endswith(",'=HYPERLINK(A1)")
    book = zipfile.ZipFile(io.BytesIO(made("xlsx", table(found), tmp_path)))
    assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


def test_json_says_what_it_holds(table, tmp_path):
    told = json.loads(made("json", table([series(info(core="0"), [0], [0.5])], points=400), tmp_path))["meta"]
    assert told["host"] == "box" and told["from"] == "2027-01-15T08:00:00.000Z" and told["timezone"] == "Europe/Paris"
    assert told["points"] == 400 and told["columns"]['cpu_usage_ratio{core="0"}'] == {
        "metric": "cpu_usage_ratio", "labels": {"core": "0"}, "unit": "ratio", "help": "Help of cpu_usage_ratio",
        "part": "value"}


def test_parquet_carries_units_and_zones(table, tmp_path):
    body = made("parquet", table([series(info(core="0"), [0, 1], [0.5, 0.6])], pieces=3), tmp_path)
    schema = pq.read_schema(io.BytesIO(body))
    assert str(schema.field("time_utc").type) == "timestamp[ms, tz=UTC]"
    assert str(schema.field("time_local").type) == "timestamp[ms, tz=Europe/Paris]"
    field = schema.field('cpu_usage_ratio{core="0"}')
    assert str(field.type) == "float"
    assert field.metadata[b"unit"] == b"ratio" and field.metadata[b"source"] == b"samples"
    assert json.loads(schema.metadata[b"vigie"])["host"] == "box"


def test_a_sheet_is_frozen_dated_and_explained(table, tmp_path):
    import openpyxl

    body = made("xlsx", table([series(info(), [0, 1], [0.5, 0.25])]), tmp_path)
    book = openpyxl.load_workbook(io.BytesIO(body))
    sheet = book["Data"]
    assert sheet.freeze_panes == "C2" and sheet["C2"].number_format == "0.00%" and sheet["C3"].value == 0.25
    assert sheet["A2"].is_date and str(sheet["B2"].value).startswith("2027-01-15 09:00:00")
    about = {row[0].value: row[1].value for row in book["About"].iter_rows(max_col=2)}
    assert about["Server"] == "box" and about["Time zone of time_local"] == "Europe/Paris"
    assert about["cpu_usage_ratio"] == "ratio"
    assert list(tmp_path.iterdir()) == []


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(table, tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "SHEET_ROWS", 10)
    found = [series(info(), list(range(25)), [float(i) for i in range(25)])]
    made_of = table(found, pieces=2)
    body = made("xlsx", made_of, tmp_path)
    assert list(pd.read_excel(io.BytesIO(body), sheet_name=None)) == ["Data", "Data 2", "Data 3", "About"]
    same(frame("xlsx", body), found, headers(made_of, "xlsx"))


def test_more_columns_than_a_sheet_holds_are_refused(table, tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "SHEET_COLUMNS", 3)
    found = [series(info(core=str(i)), [0], [1.0]) for i in range(2)]
    with pytest.raises(formats.TooWide, match="choose fewer series, or Parquet"):
        made("xlsx", table(found), tmp_path)


def test_lowest_and_highest_are_columns_of_their_own():
    names = [column.header for column in columns_of([info()], True)]
    assert names == ["cpu_usage_ratio [ratio]", "cpu_usage_ratio min [ratio]", "cpu_usage_ratio max [ratio]"]


def test_nothing_of_a_cancelled_sheet_stays_open(table, tmp_path):
    def stop(_share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        formats.write("xlsx", table([series(info(), [0, NOW * 0 + 1], [1.0, 2.0])]), io.BytesIO(), stop, tmp_path)


def test_parquet_needs_no_pandas():
    code = (
        "import io, sys, numpy as np; from jobs import formats, table; from metrics.series import Series, SeriesInfo; "
        "i = SeriesInfo('a', (), '', 'gauge', ''); "
        "s = Series(i, np.arange(3), np.array([1, np.nan, 2], np.float32), 1.0); "
        "f = table.Facts('h', 0, 1, 'UTC', 1.0, 'samples'); "
        "t = table.Table(f, table.columns_of([i], False), [table.block_of([s], False, 1.0)]); "
        "formats.write('parquet', t, io.BytesIO(), lambda share: None, None); assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
