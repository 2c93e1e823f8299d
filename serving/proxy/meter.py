"""Measures one answer from its raw bytes, after they were sent on; any split of the bytes gives the same counts.

While an answer streams only bytes are looked at: a line with a non-empty piece of text is a token event, by one regular
expression (2 us). JSON is parsed once, at the end, from the few lines that may carry usage, timings or an end. An
escaped quotation mark inside a text cannot match: within a JSON string each ``"`` stands behind a backslash.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

import orjson

from serving.proxy.lines import Lines
from serving.proxy.told import Told

Form = Literal["sse", "ndjson", "whole"]
now = time.perf_counter

_TOKEN = re.compile(
    rb'"(?:content|reasoning_content|reasoning|thinking|response|text|delta|partial_json)":\s*"(?!")'
    rb'|"tool_calls":\s*\[\s*\{'
).search
"""llama.cpp, vLLM and Ollama write compact JSON, others put a space behind the colon."""
_REPEATS = re.compile(
    rb'"type":\s*"(?:response\.(?:[a-z_.]*\.)?(?:done|added|completed|incomplete|failed)|chat\.end|message_start'
    rb'|content_block_start)"'
).search
"""Events that tell again what came in others: OpenAI's Responses, LM Studio's chat, Anthropic's Messages."""
_TYPED_END = rb'"type":\s*"(?:response\.(?:completed|incomplete|failed)|message_stop|chat\.end|error)"|"stop":\s*true'
_FINAL = re.compile(
    rb'"(?:usage|timings|stats)":\s*\{|"eval_count":|"done":\s*true|"(?:finish|done|stop)_reason":\s*"'
    rb'|^(?:data:|error:)?\s*\{\s*"error":|^event:\s*error|' + _TYPED_END
).search
_OVER = re.compile(
    rb'"(?:finish|done|stop)_reason":\s*"|"done":\s*true|^(?:data:|error:)?\s*\{\s*"error":|^event:\s*error|'
    + _TYPED_END
).search
FINALS = 4
"""Lines kept for the end: the one that says why it ended, one with usage, one with timings, and one to spare."""
LONGEST_WHOLE = 16 << 20
"""Bytes of an answer that comes in one piece that are looked into."""


def form_of(content_type: str) -> Form:
    """How an answer of this media type is read."""
    if "event-stream" in content_type:
        return "sse"
    return "ndjson" if "ndjson" in content_type else "whole"


def _no_token(at: float) -> None:
    """Nobody counts."""


class Meter:
    """One answer. ``on_token`` is called with the time of each token event, ``on_gap`` with the seconds between two.
    ``keep`` bytes of the answer are kept for whoever keeps texts."""

    __slots__ = (
        "_finals",
        "_keeping",
        "_kept",
        "_lines",
        "_on_gap",
        "_on_token",
        "_parts",
        "_size",
        "done",
        "events",
        "first",
        "form",
        "last",
        "longest_gap",
    )

    def __init__(
        self, form: Form = "whole", *, on_token: Callable[[float], None] = _no_token,
        on_gap: Callable[[float], None] = _no_token, keep: int = 0,
    ) -> None:
        self.form: Form = form
        self.events = 0
        """Token events seen."""
        self.first: float | None = None
        self.last = 0.0
        """When the first and the newest came, on the clock `now`."""
        self.longest_gap = 0.0
        self.done = False
        """The answer said that it is over."""
        self._on_token, self._on_gap = on_token, on_gap
        self._lines = Lines()
        self._finals: deque[bytes] = deque(maxlen=FINALS)
        self._parts: list[bytes] = []
        self._size, self._keeping, self._kept = 0, keep, bytearray()

    def feed(self, chunk: bytes) -> None:
        """Takes up bytes that have just been sent on."""
        if self._keeping:
            self._kept += chunk[: self._keeping - len(self._kept)]
        if self.form == "whole":
            self._size += len(chunk)
            if self._size <= LONGEST_WHOLE:
                self._parts.append(chunk)
            return
        at = now()
        for line in self._lines.feed(chunk):
            if len(line) > 2:
                self._line(line, at)

    def _line(self, line: bytes, at: float) -> None:
        if _FINAL(line):
            self._finals.append(line)
            self.done = self.done or _OVER(line) is not None
        elif line.startswith((b"data: [DONE]", b"data:[DONE]")):
            self.done = True
            return
        if (line.startswith(b"data:") or self.form == "ndjson") and _TOKEN(line) and not _REPEATS(line):
            if self.first is None:
                self.first = at
            else:
                gap = at - self.last
                self._on_gap(gap)
                if gap > self.longest_gap:
                    self.longest_gap = gap
            self.last = at
            self.events += 1
            self._on_token(at)

    def finish_line(self) -> None:
        """Takes a last line without its end for whole: nothing more comes."""
        rest = self._lines.rest()
        if len(rest) > 2:
            self._line(rest, now())

    def kept(self) -> bytes:
        """The first bytes of the answer, as many as were to be kept."""
        return bytes(self._kept)

    def told(self) -> Told:
        """What the engine told at the end. To be called once, after the last byte."""
        told = Told()
        if self.form == "whole":
            if 0 < self._size <= LONGEST_WHOLE:
                told.read(_parsed(b"".join(self._parts)))
            return told
        self.finish_line()
        for line in self._finals:
            told.read(_parsed(_data(line)))
        return told

    def output_tokens(self, told: Told) -> tuple[int | None, bool]:
        """How many tokens were written, and whether the engine said so; None when nobody knows."""
        if told.output_tokens is not None:
            return told.output_tokens, True
        return (self.events, False) if self.form != "whole" else (None, False)

    def mean_gap(self, tokens: int | None) -> float | None:
        """Mean seconds between two tokens, from the first to the last; None with fewer than two token events.

        An engine may send several tokens at once (speculation, letters of several bytes): then its count divides. One
        more than was seen is the token that ends the answer, which nobody sees.
        """
        if self.events < 2 or self.first is None:
            return None
        steps = self.events - 1 if tokens is None or tokens <= self.events + 1 else tokens - 1
        return (self.last - self.first) / steps


def _data(line: bytes) -> bytes:
    for mark in (b"data:", b"error:"):
        if line.startswith(mark):
            return line[len(mark):]
    return line


def _parsed(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
