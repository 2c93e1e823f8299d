"""What goes over the wire: JSON by orjson, values with as many digits as they carry, times."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
import orjson
from flask import Response
from numpy.typing import NDArray
from pydantic import BeforeValidator, WithJsonSchema

DIGITS = 6
"""Significant digits of a value: a float32 carries seven, of which the last is noise."""
EARLIEST, LATEST = 0.0, 4_102_444_800.0
"""1970 and 2100: a time outside is a slip, most often of seconds for milliseconds."""
_TENS = 10.0 ** np.arange(23)
"""The powers of ten that a float64 holds exactly."""
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
_LOST_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d\Z)")


def json_response(payload: Any, status: int = 200, mimetype: str = "application/json") -> Response:
    """``payload`` as JSON; NaN, None and infinities become null, numpy arrays lists."""
    return Response(orjson.dumps(payload, option=_OPTIONS), status, content_type=mimetype)


def raw_json(body: bytes) -> Response:
    """JSON that is serialised already."""
    return Response(body, content_type="application/json")


def rounded(values: NDArray[Any], digits: int = DIGITS) -> NDArray[np.float64]:
    """``values`` to ``digits`` significant digits as float64, so that they print short; absent (NaN) stays NaN."""
    wide = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        places = digits - 1 - np.floor(np.log10(np.abs(wide)))
        places[~np.isfinite(places)] = 0
        # Dividing by a power of ten gives the float nearest to the short decimal; multiplying by 0.01 would not.
        places = places.clip(-22, 22).astype(np.int64)
        up, down = _TENS[places.clip(0)], _TENS[(-places).clip(0)]
        result: NDArray[np.float64] = np.round(wide * up / down) * down / up
    return result


def numbers(values: NDArray[Any], digits: int = DIGITS) -> list[float | int | None]:
    """`rounded` as a list: whole numbers without a fraction, absent values None."""
    short = rounded(values, digits)
    present = np.isfinite(short)
    if present.all() and np.array_equal(short, np.trunc(short)) and (not len(short) or np.abs(short).max() < 2**53):
        whole: list[float | int | None] = short.astype(np.int64).tolist()
        return whole
    found: list[float | int | None] = short.tolist()
    for i in np.flatnonzero(~present).tolist():
        found[i] = None
    return found


def number(value: float | None, digits: int = DIGITS) -> float | int | None:
    """One value to ``digits`` significant digits; whole numbers (bytes, counts) as they are."""
    if value is None or not math.isfinite(value):
        return None
    if value == int(value):
        return int(value)
    return float(f"{value:.{digits}g}")


def stamps(t: NDArray[np.int64]) -> list[str]:
    """Epoch milliseconds as ISO 8601 UTC, such as ``2026-11-20T16:42:00.000Z``."""
    text: list[str] = np.datetime_as_string(t.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    return text


def parse_time(given: Any) -> float:
    """Epoch seconds of ISO 8601 (UTC unless it names an offset) or of epoch milliseconds.

    Raises:
        ValueError: it is neither, or lies outside 1970 to 2100.
    """
    text = str(given).strip()
    try:
        if re.fullmatch(r"-?\d+(\.\d*)?", text):
            at = float(text) / 1000
        else:
            # In a query string an unescaped "+" arrives as a space.
            moment = datetime.fromisoformat(_LOST_PLUS.sub("+", text))
            at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError("give ISO 8601 such as 2026-11-20T16:00:00Z, or epoch milliseconds") from None
    if not EARLIEST <= at <= LATEST:
        raise ValueError("a time lies between 1970 and 2100 (numbers are epoch milliseconds)")
    return at


When = Annotated[
    float,
    BeforeValidator(parse_time),
    WithJsonSchema({"type": "string", "examples": ["2026-11-20T16:00:00Z"],
                    "description": "ISO 8601, UTC unless it names an offset; or epoch milliseconds"}),
]
"""A time in a query: arrives as text, is epoch seconds inside."""
