"""The table of requests, and a row of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

_META = sa.MetaData()
WORDS = ("proxy", "server", "engine", "model", "client", "path", "kind", "error", "message", "finish")
TIMES = ("queue", "ttft", "duration", "itl", "itl_max", "prefill", "decode")
"""Seconds."""
COUNTS = ("prompt_tokens", "cached_tokens", "output_tokens", "bytes_in", "bytes_out", "attempts")
TEXTS = ("prompt", "answer")
LONGEST_WORD, LONGEST_TEXT = 500, 200_000

requests = sa.Table(
    "model_requests", _META,
    sa.Column("id", sa.Integer, primary_key=True), sa.Column("boot", sa.Text), sa.Column("seq", sa.BigInteger),
    sa.Column("request", sa.Text), sa.Column("at", sa.Double), sa.Column("ended", sa.Double),
    *(sa.Column(name, sa.Text) for name in WORDS),
    sa.Column("stream", sa.Boolean), sa.Column("exact", sa.Boolean), sa.Column("status", sa.Integer),
    *(sa.Column(name, sa.Double) for name in (*TIMES, "joules")),
    *(sa.Column(name, sa.BigInteger) for name in COUNTS),
    *(sa.Column(name, sa.Text) for name in TEXTS),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request that ended. ``at`` and ``ended`` are epoch seconds, times are seconds; what is not known is None.

    ``error`` is a class (connect, timeout, upstream, midstream, client_gone, ...), empty when it went well; ``joules``
    the energy that it is given a share of (see `serving.energy`).
    """

    id: int
    request: str
    at: float
    ended: float
    proxy: str
    server: str
    engine: str
    model: str
    client: str
    path: str
    kind: str
    error: str
    message: str
    finish: str
    stream: bool
    exact: bool | None
    status: int | None
    queue: float | None
    ttft: float | None
    duration: float | None
    itl: float | None
    itl_max: float | None
    prefill: float | None
    decode: float | None
    joules: float | None
    prompt_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    bytes_in: int | None
    bytes_out: int | None
    attempts: int | None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens written a second, from the first one on; None where that is not known."""
        if not self.output_tokens or self.output_tokens < 2 or self.duration is None or self.ttft is None:
            return None
        wrote = self.duration - self.ttft
        return (self.output_tokens - 1) / wrote if wrote > 0 else None


NAMES = tuple(one.name for one in fields(Request))
COLUMNS = tuple(requests.c[name] for name in NAMES)
"""What `Request` is made of; prompts and answers are asked for by themselves."""


def of_row(row: Any) -> Request:
    """A row that was selected by `COLUMNS`."""
    return Request(*row)


def row_of(told: Mapping[str, Any], boot: str, now: float) -> dict[str, Any] | None:
    """A request as the serving process tells it, as a row; None when it lacks its number or is of no use."""
    seq, at = told.get("seq"), _number(told.get("at"))
    if not isinstance(seq, int) or isinstance(seq, bool):
        return None
    at = at if at is not None and 0 < at <= now + 3600 else now
    duration = _number(told.get("duration"))
    return {
        "boot": boot, "seq": seq, "request": _word(told.get("id")), "at": at, "ended": at + (duration or 0.0),
        **{name: _word(told.get(name)) for name in WORDS},
        "stream": told.get("stream") is True, "exact": told["exact"] if isinstance(told.get("exact"), bool) else None,
        "status": _whole(told.get("status")),
        **{name: _number(told.get(name)) for name in TIMES}, "joules": None,
        **{name: _whole(told.get(name)) for name in COUNTS},
        **{name: _word(told.get(name), LONGEST_TEXT) or None for name in TEXTS},
    }


def _word(value: Any, most: int = LONGEST_WORD) -> str:
    return value.replace("\0", "")[:most] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and value == value and abs(value) < 1e12
    return float(value) if good else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62 else None
