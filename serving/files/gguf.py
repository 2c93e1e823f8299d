"""GGUF headers, versions 2 and 3: the keys and the table of tensors, never the tensors themselves.

Format: docs/gguf.md of ggml (github.com/ggml-org/ggml). Nothing a file says makes this reader hold more than some MB or
walk over more than `MOST_ELEMENTS` texts: each length is checked against the file and against the bounds below, and
arrays are gone over, not kept, but for short ones of whole numbers that `KEPT_ARRAYS` names.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct

from config.marks import N_
from serving.files.facts import MOST_LAYERS, ModelFacts, Weights
from serving.files.ggml import TYPES
from serving.files.gguf_facts import Value, facts_of
from serving.files.sentence import BadModelFile
from serving.files.source import Source, opened

MOST_KEYS = 4096
MOST_TENSORS = 100_000
MOST_ELEMENTS = 4_000_000
"""Texts in arrays, in the whole header."""
MOST_ARRAYS = 100_000
"""Arrays in arrays, in the whole header."""
LONGEST_KEY = 65_535
"""Bytes; what GGUF allows."""
LONGEST_TENSOR_NAME = 1024
LONGEST_KEPT = 1024
"""Bytes that are kept of a text; what is longer is cut. A chat template is not kept at all, only that there is one."""
DEEPEST = 4
"""Arrays in arrays."""
KEPT_ARRAYS = (".attention.head_count", ".attention.head_count_kv", ".sliding_window_pattern", ".feed_forward_length")
"""Ends of keys whose arrays say something of each layer."""
LONGEST_ARRAY = 4096
MOST_KEPT_NUMBERS = 65_536
MOST_DIMENSIONS = 4
MOST_TYPES = 64
LARGEST = 2**63 - 1
ALIGNMENT = 32
_SCALARS = {
    0: Struct("<B"), 1: Struct("<b"), 2: Struct("<H"), 3: Struct("<h"), 4: Struct("<I"), 5: Struct("<i"),
    6: Struct("<f"), 7: Struct("<?"), 10: Struct("<Q"), 11: Struct("<q"), 12: Struct("<d"),
}
_TEXT, _ARRAY = 8, 9
_MOST = {_TEXT: MOST_ELEMENTS, _ARRAY: MOST_ARRAYS}
_WHOLE = {0, 1, 2, 3, 4, 5, 7, 10, 11}
_BLOCK = re.compile(rb"blk\.(\d{1,6})\.")


def read(path: Path) -> ModelFacts:
    """What the header of the GGUF file at ``path`` says.

    Raises:
        OSError: the file cannot be read.
        BadModelFile: it is no GGUF file, is cut within its header, or lies.
    """
    with opened(path) as source:
        version, tensors, keys = _start(source)
        values = _Keys(source).read(keys)
        table = _Table(source).read(tensors)
        alignment = _alignment(values)
        begin = -(-source.place // alignment) * alignment
        return facts_of(
            values, file_size=source.size, version=version, tensors=tensors, numbers=table.numbers,
            complete=table.fits(source.size - begin), weights=table.weights(),
        )


def _start(source: Source) -> tuple[int, int, int]:
    """Version, count of tensors, count of keys."""
    if source.size < 24:
        raise BadModelFile(N_("The file has {given} bytes; a GGUF file has 24 at least."), given=source.size)
    magic = source.take(4, "The magic number")
    if magic != b"GGUF":
        raise BadModelFile(
            N_("The file begins with {given}; a GGUF file begins with GGUF."), given=magic.decode("latin-1")
        )
    version = source.u32("The version")
    if version and version & 0xFFFF == 0:
        raise BadModelFile(N_("This GGUF file is big-endian; Vigie and the engines here read little-endian ones."))
    if version not in (2, 3):
        raise BadModelFile(N_("The version of GGUF is {given}; 2 and 3 are read."), given=version)
    tensors, keys = source.u64("The count of tensors"), source.u64("The count of keys")
    for given, most, what in ((tensors, MOST_TENSORS, "tensors"), (keys, MOST_KEYS, "keys")):
        if given > most:
            raise BadModelFile(N_("The header claims {given} {what}; {most} at most are read."), given=given, what=what,
                               most=most)
    return version, tensors, keys


def _alignment(values: dict[str, Value]) -> int:
    given = values.get("general.alignment", ALIGNMENT)
    if not isinstance(given, int) or not 1 <= given <= 2**20 or given % 8:
        raise BadModelFile(
            N_("general.alignment is {given}; it is a multiple of 8, 1048576 at most."), given=str(given)
        )
    return given


class _Keys:
    """Reads the keys and their values."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._counts: Counter[int] = Counter()
        self._numbers = 0

    def read(self, count: int) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for _ in range(count):
            key = self._text("A key", LONGEST_KEY)
            value = self._value(key, self._source.u32(key))
            if key in values:
                raise BadModelFile(N_("The key {key} stands there twice."), key=key)
            values[key] = value
        return values

    def _text(self, part: str, longest: int) -> str:
        """A text that may have ``longest`` bytes, cut to what is kept."""
        length = self._source.u64(part)
        if length > longest:
            raise BadModelFile(N_("{part} claims {given} bytes; {most} at most are read."), part=part, given=length,
                               most=longest)
        return self._cut(length, part)

    def _cut(self, length: int, part: str) -> str:
        kept = self._source.take(min(length, LONGEST_KEPT), part)
        self._source.skip(length - len(kept), part)
        return kept.decode("utf-8", "replace")

    def _value(self, key: str, kind: int) -> Value:
        scalar = _SCALARS.get(kind)
        if scalar:
            found = scalar.unpack(self._source.take(scalar.size, key))[0]
            return found if isinstance(found, (int, float)) else None
        if kind == _TEXT:
            return self._cut(self._source.u64(key), key)
        if kind == _ARRAY:
            return self._array(key, 0)
        raise BadModelFile(N_("{key} has a value of type {given}; types 0 to 12 are known."), key=key, given=kind)

    def _array(self, key: str, depth: int) -> Value:
        """The numbers of an array that is kept, or how many elements it has, as a range."""
        kind, count = self._source.u32(key), self._source.u64(key)
        scalar = _SCALARS.get(kind)
        if scalar:
            kept = depth == 0 and kind in _WHOLE and key.endswith(KEPT_ARRAYS) and count <= LONGEST_ARRAY
            if kept and self._numbers + count <= MOST_KEPT_NUMBERS:
                self._numbers += count
                data = self._source.take(scalar.size * count, key)
                return tuple(int(number) for (number,) in scalar.iter_unpack(data))
            self._source.skip(scalar.size * count, key)
            return range(min(count, LARGEST))
        if kind not in (_TEXT, _ARRAY):
            raise BadModelFile(N_("{key} is an array of type {given}; types 0 to 12 are known."), key=key, given=kind)
        self._counts[kind] += count
        if self._counts[kind] > _MOST[kind]:
            raise BadModelFile(N_("{key} claims {given} elements; {most} in all are read."), key=key, given=count,
                               most=_MOST[kind])
        if kind == _TEXT:
            self._source.skip_texts(count, key)
        elif depth == DEEPEST:
            raise BadModelFile(N_("{key} has arrays in arrays, deeper than {most}."), key=key, most=DEEPEST)
        else:
            for _ in range(count):
                self._array(key, depth + 1)
        return range(count)


@dataclass(slots=True)
class _Table:
    """Reads the table of tensors: how many numbers each type has, and the bytes by layer."""

    source: Source
    numbers: Counter[int] = field(default_factory=Counter)
    _has_output: bool = False
    _layers: Counter[int] = field(default_factory=Counter)
    _parts: Counter[str] = field(default_factory=Counter)
    _end: int = 0
    _sized: bool = True  # the bytes of every tensor are known

    def read(self, count: int) -> _Table:
        for number in range(1, count + 1):
            self._tensor(f"Tensor {number}")
        return self

    def fits(self, room: int) -> bool | None:
        """Whether all tensors lie within ``room`` bytes; None where the size of one is not known."""
        if self._end > room:
            return False
        return True if self._sized else None

    def weights(self) -> Weights | None:
        """Bytes by layer; None where the size of a tensor is not known."""
        if not self._sized:
            return None
        layers = tuple(self._layers[number] for number in range(max(self._layers, default=-1) + 1))
        return Weights(layers, self._parts["embedding"], self._parts["output"], self._parts["rest"],
                       tied=not self._has_output)

    def _tensor(self, part: str) -> None:
        length = self.source.u64(part)
        if length > LONGEST_TENSOR_NAME:
            raise BadModelFile(N_("The name of {part} claims {given} bytes; {most} at most are read."), part=part,
                               given=length, most=LONGEST_TENSOR_NAME)
        name = self.source.take(length, part)
        dimensions = self.source.u32(part)
        if dimensions > MOST_DIMENSIONS:
            raise BadModelFile(N_("{part} claims {given} dimensions; {most} at most are allowed."), part=part,
                               given=dimensions, most=MOST_DIMENSIONS)
        numbers = row = 1
        for place in range(dimensions):
            size = self.source.u64(part)
            numbers *= size
            row = size if place == 0 else row
        kind, offset = self.source.u32(part), self.source.u64(part)
        if numbers > LARGEST or offset > LARGEST:
            raise BadModelFile(N_("{part} claims {given} numbers at offset {offset}; {most} is the most that is read."),
                               part=part, given=numbers, offset=offset, most=LARGEST)
        if kind not in self.numbers and len(self.numbers) == MOST_TYPES:
            raise BadModelFile(N_("The header has more than {most} types of numbers."), most=MOST_TYPES)
        self.numbers[kind] += numbers
        self._place(name, self._bytes(part, kind, numbers, row), offset)

    def _bytes(self, part: str, kind: int, numbers: int, row: int) -> int | None:
        """Bytes of a tensor; None for a type that is not known here: new ones come."""
        if kind not in TYPES:
            return None
        name, block, size = TYPES[kind]
        if row % block:
            raise BadModelFile(N_("{part} has rows of {given} numbers; {name} wants a multiple of {block}."), part=part,
                               given=row, name=name, block=block)
        return numbers // block * size

    def _place(self, name: bytes, size: int | None, offset: int) -> None:
        if size is None:
            self._sized = False
            self._end = max(self._end, offset)
            return
        self._end = max(self._end, offset + size)
        block = _BLOCK.match(name)
        if block and int(block[1]) < MOST_LAYERS:
            self._layers[int(block[1])] += size
        elif name == b"token_embd.weight":
            self._parts["embedding"] += size
        elif name.startswith(b"output"):
            self._has_output |= name == b"output.weight"
            self._parts["output"] += size
        else:
            self._parts["rest"] += size
