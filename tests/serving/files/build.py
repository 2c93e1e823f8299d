"""Files for the tests, made by hand so that each byte of them can be wrong."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

KINDS = {"u8": 0, "i8": 1, "u16": 2, "i16": 3, "u32": 4, "i32": 5, "f32": 6, "bool": 7, "u64": 10, "i64": 11, "f64": 12}
FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def value(given: Any) -> bytes:
    """A text, a whole number (u32), a tuple ``(kind, number)``, or a list: of texts, of whole numbers, or of lists."""
    if isinstance(given, (str, bytes)):
        return struct.pack("<I", 8) + text(given)
    if isinstance(given, bool):
        return struct.pack("<I?", 7, given)
    if isinstance(given, int):
        return struct.pack("<II", 4, given)
    if isinstance(given, tuple):
        kind = KINDS[given[0]]
        return struct.pack("<I" + FORMATS[kind], kind, given[1])
    return struct.pack("<I", 9) + array(given)


def array(given: list[Any]) -> bytes:
    if given and isinstance(given[0], str):
        return struct.pack("<IQ", 8, len(given)) + b"".join(map(text, given))
    if given and isinstance(given[0], list):
        return struct.pack("<IQ", 9, len(given)) + b"".join(map(array, given))
    return struct.pack(f"<IQ{len(given)}I", 4, len(given), *given)


def tensor(name: str, shape: Iterable[int], kind: int = 0, offset: int = 0) -> bytes:
    shape = list(shape)
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def gguf(path: Path, keys: Iterable[tuple[str, Any]], tensors: Iterable[bytes] = (), *, version: int = 3,
         data: int | None = None, counts: tuple[int, int] | None = None) -> Path:
    """A GGUF file with ``data`` bytes of tensors after its header."""
    keys, tensors = list(keys), list(tensors)
    head = b"GGUF" + struct.pack("<IQQ", version, *(counts or (len(tensors), len(keys))))
    head += b"".join(text(key) + value(given) for key, given in keys) + b"".join(tensors)
    path.write_bytes(head)
    if data is not None:
        with path.open("r+b") as file:
            file.truncate(-(-len(head) // 32) * 32 + data)
    return path


LLAMA = [
    ("general.architecture", "llama"), ("llama.block_count", 2), ("llama.context_length", 4096),
    ("llama.embedding_length", 64), ("llama.attention.head_count", 4), ("llama.attention.head_count_kv", 2),
]


def safetensors(path: Path, header: Any, data: int = 0, *, claimed: int | None = None) -> Path:
    """A safetensors file; ``header`` is JSON as bytes, or what JSON is made of."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if claimed is None else claimed) + raw)
    with path.open("r+b") as file:
        file.truncate(8 + len(raw) + data)
    return path


def entry(begin: int, end: int, shape: list[int] | None = None, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


def big_vocabulary(path: Path, tokens: int = 150_000) -> Path:
    """As a model of today has it: 150,000 tokens, as many merges, a type for each."""
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, 9))
        for key, given in LLAMA:
            file.write(text(key) + value(given))
        for key, form in (("tokens", "token{}"), ("merges", "mer {}")):
            file.write(text(f"tokenizer.ggml.{key}") + struct.pack("<IIQ", 9, 8, tokens))
            file.writelines(text(form.format(number)) for number in range(tokens))
        file.write(text("tokenizer.ggml.token_type") + struct.pack("<IIQ", 9, 5, tokens) + bytes(4 * tokens))
    return path
