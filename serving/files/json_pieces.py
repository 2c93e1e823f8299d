"""JSON gone over piece by piece: what is not asked for is never made into Python objects, which need up to 40 times the
memory of their text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from config.marks import N_
from serving.files.sentence import BadModelFile

DEEPEST = 64
MOST_SIGNS = 100_000
"""Names, texts, numbers and signs in a value that is gone over."""
_START = re.compile(rb'[ \t\r\n]*+(["{}\[\]:,]|[-+.0-9A-Za-z]++)')
_TEXT = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\.){0,1000}+')
"""Part of a text: the engine of ``re`` keeps something for each round, so that a whole one could take much memory."""


class Pieces:
    """A JSON text as bytes, gone over once from the start. ``part`` names it in a refusal."""

    def __init__(self, text: bytes, part: str) -> None:
        self._text = text
        self._part = part
        self._at = 0
        self._begin = 0  # of the last token

    def _next(self) -> bytes:
        """Goes over the next token; its first byte."""
        found = _START.match(self._text, self._at)
        if not found:
            raise self._bad()
        self._begin, self._at = found.start(1), found.end()
        first = self._text[self._begin:self._begin + 1]
        if first == b'"':
            self._text_end()
        return first

    def _text_end(self) -> None:
        while True:
            found = _TEXT.match(self._text, self._at)
            end = found.end() if found else self._at
            if end == self._at:
                break
            self._at = end
        if self._text[self._at:self._at + 1] != b'"':
            raise self._bad()
        self._at += 1

    def members(self, longest: int) -> Iterator[bytes]:
        """The names in the object that comes next, as they are written, without their quotation marks. Go over the
        value of each before asking for the next."""
        self._expect(b"{")
        first = self._next()
        while first != b"}":
            length = self._at - self._begin - 2
            if first != b'"':
                raise self._bad()
            if length > longest:
                raise BadModelFile(N_("{part} has a name of {given} bytes; {most} at most are read."), part=self._part,
                                   given=length, most=longest)
            name = self._text[self._begin + 1:self._at - 1]
            self._expect(b":")
            yield name
            first = self._next()
            if first == b",":
                first = self._next()
                if first != b'"':
                    raise self._bad()
            elif first != b"}":
                raise self._bad()

    def skip(self) -> int:
        """Goes over one value; how many bytes it has. `last` gives them."""
        first = self._next()
        begin, depth = self._begin, 0
        if first in b":,}]":
            raise self._bad()
        for _ in range(MOST_SIGNS):
            if first in b"{[":
                depth += 1
                if depth > DEEPEST:
                    raise BadModelFile(N_("{part} is nested deeper than {most}."), part=self._part, most=DEEPEST)
            elif first in b"}]":
                depth -= 1
            if depth == 0:
                self._begin = begin
                return self._at - begin
            first = self._next()
        raise BadModelFile(N_("{part} has a value of more than {most} pieces."), part=self._part, most=MOST_SIGNS)

    def last(self) -> bytes:
        """The bytes of the value that `skip` went over."""
        return self._text[self._begin:self._at]

    def value(self, longest: int) -> Any:
        """The next value, which may have ``longest`` bytes, as Python objects."""
        end = self._text.find(b"}", self._at, self._at + longest) + 1
        plain = self._text[self._at:end].lstrip(b" \t\r\n")
        if plain.startswith(b"{") and plain.count(b"{") == 1 and b"\\" not in plain and plain.count(b'"') % 2 == 0:
            self._at = end  # an object without another in it, as those of tensors are: ten times as fast
            return whole(plain, longest, self._part)
        _bounded(self.skip(), longest, self._part)
        return whole(self.last(), longest, self._part)

    def end(self) -> None:
        """Nothing but blanks may follow."""
        if self._text[self._at:].strip(b" \t\r\n\0"):
            raise self._bad()

    def _expect(self, sign: bytes) -> None:
        if self._next() != sign:
            raise self._bad()

    def _bad(self) -> BadModelFile:
        return BadModelFile(N_("{part} is no JSON at byte {place}."), part=self._part, place=self._at)


def whole(text: bytes, longest: int, part: str) -> Any:
    """A short JSON text as Python objects; a name that an object has twice is refused.

    Raises:
        BadModelFile: it is longer than ``longest`` bytes, or no JSON.
    """
    _bounded(len(text), longest, part)
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, part))
    except (ValueError, RecursionError):  # a text that is not UTF-8 is a ValueError, too
        raise BadModelFile(N_("{part} is no JSON."), part=part) from None


def _bounded(given: int, longest: int, part: str) -> None:
    if given > longest:
        raise BadModelFile(N_("{part} has a value of {given} bytes; {most} at most are read."), part=part, given=given,
                           most=longest)


def _once(pairs: list[tuple[str, Any]], part: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadModelFile(N_("{part} names {name} twice."), part=part, name=name)
        found[name] = value
    return found
