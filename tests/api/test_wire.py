"""Numbers, times and encodings on the wire."""

from __future__ import annotations

import math

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.compressor import compress_once
from api.encoding import best_encoding, compress_now
from api.wire import number, numbers, parse_time, rounded, stamps
from metrics.flat import iso

FLOATS = st.floats(1e-9, 1e15).flatmap(lambda value: st.sampled_from([value, -value, 0.0]))
"""What a metric may be: a nanosecond is little, a petabyte much."""


@given(st.lists(FLOATS, min_size=1, max_size=20), st.integers(3, 9))
def test_rounded_is_what_printf_gives(values: list[float], digits: int) -> None:
    expected = [float(f"{value:.{digits}g}") for value in values]
    for got, wanted, value in zip(rounded(np.array(values), digits).tolist(), expected, values):
        # A tie may go to the other side; it is still as near, and prints as short.
        assert got == wanted or math.isclose(abs(got - value), abs(wanted - value), rel_tol=1e-3)
        assert float(f"{got:.{digits}g}") == got


@given(st.lists(st.floats(-(2.0**40), 2.0**40, width=32)))
def test_float32_prints_short(values: list[float]) -> None:
    text = orjson.dumps(rounded(np.array(values, np.float32)), option=orjson.OPT_SERIALIZE_NUMPY)
    for word in text.decode().strip("[]").split(","):
        assert len(word.partition("e")[0].strip("-").replace(".", "").strip("0")) <= 6


def test_absent_is_null() -> None:
    assert numbers(np.array([1.5, np.nan, np.inf])) == [1.5, None, None]
    assert numbers(np.array([1.0, 2.0])) == [1, 2]
    assert numbers(np.array([])) == []
    assert [number(v) for v in (None, math.nan, math.inf, 0.1234567891, 3.0)] == [None, None, None, 0.123457, 3]
    assert number(2.0**40 + 1) == 2**40 + 1


@pytest.mark.parametrize(("text", "expected"), [
    ("2026-11-20T16:42:00Z", 1795192920), ("2026-11-20T16:42:00", 1795192920), ("2026-11-20", 1795132800),
    ("2026-11-20T17:42:00+01:00", 1795192920), ("2026-11-20T17:42:00 01:00", 1795192920), ("1795192920000", 1795192920),
    ("1795192920500.0", 1795192920.5), ("0", 0),
])
def test_times_that_are_understood(text: str, expected: float) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", [
    "", "now", "-1", "2026-13-01", "1e12", "99999-01-01", "NaN", "4102444800001", "9" * 400,
])
def test_times_that_are_not(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


def test_stamps_are_those_of_the_flat_row() -> None:
    at = [1795192920.0, 1795192920.5]
    assert stamps(np.array([int(1000 * t) for t in at])) == [iso(t) for t in at]


@pytest.mark.parametrize(("header", "expected"), [
    ("", ""), ("identity", ""), ("gzip, deflate", "gzip"), ("gzip, deflate, br, zstd", "br"), ("br;q=0, gzip", "gzip"),
    ("*", "br"), ("gzip;q=0", ""), ("deflate", ""), ("nonsense;;q=,", ""),
])
def test_best_encoding(header: str, expected: str) -> None:
    assert best_encoding(header) == expected


def test_compressing_once_is_smaller() -> None:
    body = b"".join(b'{"timestamp": %d, "cpu_percent": %d}' % (i * 1000, i * i % 97) for i in range(1000))
    for encoding in ("br", "gzip"):
        assert len(compress_once(body, encoding)) <= len(compress_now(body, encoding)) < len(body) / 3  # type: ignore[arg-type]
