"""Headers of safetensors files: 8 bytes of length, then JSON (github.com/huggingface/safetensors, README).

The library itself reads headers up to 100 MB. This reader stops at 16 MiB and 100,000 tensors: the largest headers in
use, of models with 30,000 tensors in one file, have 4 MB, and going over 16 MiB piece by piece stays below 64 MB of
memory whatever stands in them.
"""

from __future__ import annotations

from array import array
from collections import Counter
from pathlib import Path
from typing import Any

from config.marks import N_
from serving.files.facts import Kind, ModelFacts, Weights
from serving.files.json_pieces import Pieces, whole
from serving.files.sentence import BadModelFile
from serving.files.source import Source, opened

LONGEST_HEADER = 16 * 2**20
MOST_TENSORS = 100_000
LONGEST_NAME = 1024
LONGEST_ENTRY = 4096
LONGEST_METADATA = 256 * 1024
"""Bytes of ``__metadata__`` that are looked at; training tools write whole histories there, which are gone over."""
MOST_DIMENSIONS = 32
MOST_TYPES = 64
LARGEST = 2**63 - 1
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}
"""Bits of a number of each type; of others the size is not known."""
_ADAPTER = (b".lora_", b"lora_A", b"lora_B", b"lora_down", b"lora_up")


def read(path: Path) -> ModelFacts:
    """What the header of the safetensors file at ``path`` says.

    Raises:
        OSError: the file cannot be read.
        BadModelFile: it is no safetensors file, is cut within its header, or lies.
    """
    with opened(path) as source:
        text = _header(source)
        table = _Table()
        table.read(Pieces(text, "The header"))
        end = table.end()
        room = source.size - 8 - len(text)
        if end < room:
            raise BadModelFile(N_("The tensors end at byte {given} of the data; the file has {room} bytes of it."),
                               given=end, room=room)
        return table.facts(source.size, complete=end == room)


def _header(source: Source) -> bytes:
    length = source.u64("The length of the header")
    if length > LONGEST_HEADER:
        raise BadModelFile(N_("The header claims {given} bytes; {most} at most are read."), given=length,
                           most=LONGEST_HEADER)
    if length < 2 or length > source.size - 8:
        raise BadModelFile(N_("The header claims {given} bytes; the file has {left} more."), given=length,
                           left=source.size - 8)
    return source.piece(length, "The header")


class _Table:
    """The tensors of a header."""

    def __init__(self) -> None:
        self.numbers: Counter[str] = Counter()
        self._names: set[int] = set()
        self._begins, self._ends = array("q"), array("q")
        self._adapter = False

    def read(self, pieces: Pieces) -> None:
        """Goes over the whole header."""
        described = False
        for name in pieces.members(LONGEST_NAME):
            if name == b"__metadata__":
                if described:
                    raise BadModelFile(N_("{part} names {name} twice."), part="The header", name="__metadata__")
                described = True
                _metadata(pieces)
            else:
                self._tensor(name, pieces.value(LONGEST_ENTRY))
        pieces.end()

    def _tensor(self, name: bytes, entry: Any) -> None:
        shown = name.decode("utf-8", "replace")
        known = hash(name)
        if known in self._names:
            raise BadModelFile(N_("{part} names {name} twice."), part="The header", name=shown)
        if len(self._names) == MOST_TENSORS:
            raise BadModelFile(N_("The header has more than {most} tensors; no more are read."), most=MOST_TENSORS)
        self._names.add(known)
        kind, numbers, begin, end = _entry(shown, entry)
        bits = BITS.get(kind)
        if bits and numbers * bits != (end - begin) * 8:
            raise BadModelFile(N_("{name} has {given} numbers of {kind}, but {bytes} bytes."), name=shown,
                               given=numbers, kind=kind, bytes=end - begin)
        if kind not in self.numbers and len(self.numbers) == MOST_TYPES:
            raise BadModelFile(N_("The header has more than {most} types of numbers."), most=MOST_TYPES)
        self.numbers[kind] += numbers
        self._begins.append(begin)
        self._ends.append(end)
        self._adapter = self._adapter or any(mark in name for mark in _ADAPTER)

    def end(self) -> int:
        """Where the last tensor ends.

        Raises:
            BadModelFile: two tensors overlap, or there is a gap.
        """
        last = 0
        for place in sorted(range(len(self._begins)), key=lambda one: (self._begins[one], self._ends[one])):
            if self._begins[place] != last:
                raise BadModelFile(
                    N_("A tensor begins at byte {given} of the data; the one before it ends at {last}."),
                    given=self._begins[place], last=last,
                )
            last = self._ends[place]
        return last

    def facts(self, size: int, *, complete: bool) -> ModelFacts:
        """What the header says."""
        stored = sum(self._ends) - sum(self._begins)
        kind: Kind = "adapter" if self._adapter else "model"
        return ModelFacts(
            format="safetensors", file_size=size, kind=kind, tensors=len(self._begins),
            parameters=self.numbers.total() or None,
            quantisation=self.numbers.most_common(1)[0][0] if self.numbers else None,
            types=dict(self.numbers.most_common()), complete=complete, weights=Weights(rest=stored),
        )


def _metadata(pieces: Pieces) -> None:
    if pieces.skip() > LONGEST_METADATA:
        return
    given = whole(pieces.last(), LONGEST_METADATA, "__metadata__")
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise BadModelFile(N_("__metadata__ is an object of texts; something else stands there."))


def _entry(name: str, entry: Any) -> tuple[str, int, int, int]:
    """Type, count of numbers, first byte and end of a tensor."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise BadModelFile(N_("{name} has to have dtype, shape and data_offsets."), name=name)
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or len(kind) > 32:
        raise BadModelFile(N_("dtype of {name} is no name of a type."), name=name)
    if not _wholes(shape) or len(shape) > MOST_DIMENSIONS:
        raise BadModelFile(N_("shape of {name} is no list of {most} whole numbers at most."), name=name,
                           most=MOST_DIMENSIONS)
    if not _wholes(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1]:
        raise BadModelFile(N_("data_offsets of {name} are no begin and end."), name=name)
    numbers = 1
    for size in shape:
        numbers *= size
    if numbers > LARGEST:
        raise BadModelFile(N_("shape of {name} makes {given} numbers; {most} is the most that is read."), name=name,
                           given=numbers, most=LARGEST)
    return kind, numbers, offsets[0], offsets[1]


def _wholes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value <= LARGEST for value in values)
