"""Exports as files: CSV, JSON, Parquet and XLSX, written row by row as the rows are read.

Every writer takes a `Table` and gives what ought to be written next, or writes to a file; none of them holds more than
a block. pyarrow and xlsxwriter are imported where they are used: a Vigie that exports nothing does not carry them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import orjson
from numpy.typing import NDArray

from jobs.table import Block, Clock, Column, Table, exact, utc_texts
from metrics.flat import iso
from metrics.series import SeriesInfo

Format = Literal["csv", "json", "parquet", "xlsx"]
MIMES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8", "json": "application/json", "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
SHEET_ROWS = 1_048_575
"""Rows of a sheet below its header."""
SHEET_COLUMNS = 16_384
SLICE = 200
"""Rows of a sheet that are written between two looks whether anybody still wants them."""
ROW_GROUP = 500_000
"""Values of a row group of Parquet: what is compressed, and held, together."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_EXCEL_EPOCH = 25_569
"""Days from Excel's day 0 to 1970."""
_DAY = 86_400_000


class TooWide(ValueError):
    """More columns than a format can hold; the message says what to do."""


def guarded(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def local_header(zone: str) -> str:
    """The header of the column of local times."""
    return f"time_local [{zone}]"


def csv_parts(table: Table) -> Iterator[bytes]:
    """CSV (RFC 4180, UTF-8): a header with units, then the rows; an absent value is nothing between commas."""
    head = io.StringIO()
    names = ["time_utc", local_header(table.facts.zone), *(column.header for column in table.columns)]
    csv.writer(head, lineterminator="\n").writerow([guarded(name) for name in names])
    yield head.getvalue().encode()
    clock = Clock(table.facts.zone)
    for block in table.blocks:
        if not block.t.size:
            yield b""
            continue
        cells = orjson.dumps(exact(block.values), option=orjson.OPT_SERIALIZE_NUMPY)
        rows = cells[2:-2].replace(b"null", b"").decode().split("],[")
        times = zip(utc_texts(block.t), clock.texts(block.t), rows, strict=True)
        yield "".join([f"{utc},{local},{row}\n" for utc, local, row in times]).encode()


def json_parts(table: Table) -> Iterator[bytes]:
    """JSON: ``{"meta": {...}, "data": [rows]}``, a row is an object with every column, absent values null."""
    yield b'{"meta":' + orjson.dumps(table.facts.told(table.columns)) + b',"data":['
    clock, first = Clock(table.facts.zone), True
    names = [orjson.dumps(column.key).replace(b"%", b"%%") for column in table.columns]
    form = b'\n{"time_utc":"%s","time_local":"%s"' + b"".join(b"," + name + b":%s" for name in names) + b"}"
    for block in table.blocks:
        if not block.t.size:
            yield b""
            continue
        cells = orjson.dumps(exact(block.values), option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].split(b"],[")
        times = zip(utc_texts(block.t), clock.texts(block.t), cells, strict=True)
        rows = [form % (utc.encode(), local.encode(), *row.split(b",")) for utc, local, row in times]
        yield (b"" if first else b",") + b",".join(rows)
        first = False
    yield b"\n]}\n"


def write_parquet(table: Table, out: IO[bytes], told: Callable[[float], None]) -> None:
    """Parquet, zstd: times as timestamps of UTC and of the zone, values as float32, units in the fields' metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    facts = table.facts
    schema = pa.schema(
        [
            pa.field("time_utc", pa.timestamp("ms", "UTC"), nullable=False),
            pa.field("time_local", pa.timestamp("ms", facts.zone), nullable=False),
            *(pa.field(c.key, pa.float32(), metadata=_field_facts(c, facts.source)) for c in table.columns),
        ],
        metadata={"vigie": orjson.dumps(facts.told(table.columns))},
    )
    waiting: list[Any] = []
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for block in table.blocks:
            if block.t.size:
                columns = [block.t, block.t, *np.ascontiguousarray(block.values.T)]
                arrays = [_array(pa, kind, column) for kind, column in zip(schema.types, columns, strict=True)]
                waiting.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
            if sum(batch.num_rows for batch in waiting) * len(schema) >= ROW_GROUP:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting.clear()
            told(block.done)
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))


def _array(pa: Any, kind: Any, column: NDArray[Any]) -> Any:
    """A column with NaN as null. Not by ``pyarrow.array``, which imports pandas, where it is, to ask it about each."""
    absent = np.isnan(column) if column.dtype == np.float32 else np.zeros(0, bool)
    mask = pa.py_buffer(np.packbits(~absent, bitorder="little").tobytes()) if absent.any() else None
    buffers = [mask, pa.py_buffer(np.ascontiguousarray(column))]
    return pa.Array.from_buffers(kind, column.size, buffers, int(absent.sum()))


def _field_facts(column: Column, source: str) -> dict[str, str]:
    info = column.info
    return {"unit": info.unit, "help": info.help, "source": source, "part": column.part or "value"}


def write_xlsx(table: Table, out: IO[bytes], told: Callable[[float], None], folder: Path) -> None:
    """XLSX: sheets of rows (a new one when one is full) and a sheet that says what they are.

    ``folder`` is for the sheets before they are packed.

    Raises:
        TooWide: a sheet cannot hold so many columns.
    """
    import xlsxwriter

    if len(table.columns) + 2 > SHEET_COLUMNS:
        raise TooWide(f"A sheet has at most {SHEET_COLUMNS} columns, and this is {len(table.columns) + 2}: "
                      "choose fewer series, or Parquet.")
    options = {"constant_memory": True, "tmpdir": str(folder), "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(out, options)
    try:
        sheets = _Sheets(book, table)
        done = 0.0
        for block in table.blocks:
            for first in range(0, block.t.size, SLICE):  # a whole block may take a second
                part = slice(first, first + SLICE)
                _write_rows(sheets, Block(block.t[part], block.values[part], block.done))
                told(done)
            done = 0.9 * block.done
            told(done)
        _about(book, table, sheets.made)
        book.close()
    finally:
        if not book.fileclosed:  # its sheets are open files
            for sheet in book.worksheets():
                if sheet.row_data_fh is not None:
                    sheet.row_data_fh.close()


class _Sheets:
    """The sheets of a workbook, the next one made when one is full."""

    def __init__(self, book: Any, table: Table) -> None:
        self.book, self.table, self.clock = book, table, Clock(table.facts.zone)
        self.made, self.row = 0, SHEET_ROWS + 1
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.utc = book.add_format({"num_format": 'yyyy-mm-dd"T"hh:mm:ss.000"Z"'})
        self.local = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self.numbers = [book.add_format({"num_format": number_format(c.info)}) for c in table.columns]
        self.sheet: Any = None
        self.next()

    def next(self) -> None:
        """Begins a sheet."""
        self.made += 1
        self.row = 1
        self.sheet = sheet = self.book.add_worksheet("Data" if self.made == 1 else f"Data {self.made}")
        sheet.freeze_panes(1, 2)
        sheet.set_column(0, 1, 25)
        sheet.set_column(2, len(self.table.columns) + 1, 18)
        names = ["time_utc", local_header(self.table.facts.zone), *(c.header for c in self.table.columns)]
        for place, name in enumerate(names):
            sheet.write_string(0, place, name, self.head)


def _write_rows(sheets: _Sheets, block: Block) -> None:
    utc = (block.t / _DAY + _EXCEL_EPOCH).tolist()
    local = ((block.t + sheets.clock.offsets(block.t)) / _DAY + _EXCEL_EPOCH).tolist()
    for at, wall, row in zip(utc, local, exact(block.values).tolist(), strict=True):
        if sheets.row > SHEET_ROWS:
            sheets.next()
        # The sheet's own method of a number, without its checks of what kind of thing it was given.
        write, line = sheets.sheet._write_number, sheets.row
        write(line, 0, at, sheets.utc)
        write(line, 1, wall, sheets.local)
        for place, (value, form) in enumerate(zip(row, sheets.numbers, strict=True), 2):
            if value == value:
                write(line, place, value, form)
        sheets.row += 1


def _about(book: Any, table: Table, sheets: int) -> None:
    facts, sheet = table.facts, book.add_worksheet("About")
    bold = book.add_format({"bold": True})
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 4, 28)
    rows = [
        ("Title", facts.title), ("Server", facts.host), ("From (UTC)", iso(facts.start)), ("To (UTC)", iso(facts.end)),
        ("Time zone of time_local", facts.zone), ("Source", facts.source), ("Step, seconds", facts.step),
        ("Points of each series", "all" if facts.points is None else facts.points), ("Sheets", sheets),
        ("Made by", f"Vigie {facts.version}".rstrip()), *(("Out of reach", text) for text in facts.problems),
    ]
    for line, (name, value) in enumerate(rows):
        sheet.write_string(line, 0, name, bold)
        (sheet.write_string if isinstance(value, str) else sheet.write_number)(line, 1, value)
    line = len(rows) + 1
    for place, name in enumerate(("Column", "Unit", "What it is")):
        sheet.write_string(line, place, name, bold)
    for place, column in enumerate(table.columns, line + 1):
        for at, text in enumerate((column.key, column.info.unit, column.info.help)):
            sheet.write_string(place, at, text)


def number_format(info: SeriesInfo) -> str:
    """How a spreadsheet shows values of a unit; the cell holds the base unit."""
    known = {"ratio": "0.00%", "bytes": "#,##0", "bytes_per_second": "#,##0", "celsius": "0.0", "rpm": "#,##0",
             "watts": "0.0", "hertz": "#,##0", "seconds": "0.000000", "per_second": "#,##0.00"}
    return known.get(info.unit, "General")


PARTS: dict[str, Callable[[Table], Iterator[bytes]]] = {"csv": csv_parts, "json": json_parts}
"""Formats that are a stream."""


def write(kind: Format, table: Table, out: IO[bytes], told: Callable[[float], None], folder: Path) -> None:
    """Writes an export to ``out``; ``told`` is called after each block with the share that is done.

    Raises:
        TooWide: the format cannot hold so many columns.
    """
    if kind == "parquet":
        write_parquet(table, out, told)
    elif kind == "xlsx":
        write_xlsx(table, out, told, folder)
    else:
        done = [0.0]
        for part in PARTS[kind](Table(table.facts, table.columns, _watched(table.blocks, done))):
            out.write(part)
            told(done[0])


def _watched(blocks: Any, done: list[float]) -> Iterator[Block]:
    for block in blocks:
        done[0] = block.done
        yield block
