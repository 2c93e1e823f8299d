"""A process that reads 1,001 hostile model files, one after the other, with 64 MB more than it has at the start.

``python -m tests.serving.files.hostile FOLDER TINY.gguf``. Prints a line of JSON: how many it read, how many it
refused, and by how many MB its memory had grown at most. Whatever else than a refusal comes ends it.
"""

from __future__ import annotations

import json
import random
import resource
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from serving.files import beside, gguf, safetensors
from serving.files.sentence import BadModelFile
from tests.serving.files import build

FILES, ROOM = 1001, 64 * 10**6
HUGE = (2**16, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
HEADER = 16 * 2**20
"""The longest header of a safetensors file that is read."""


def memory(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024


def mutated(base: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, numbers made huge, pieces repeated, the rest cut off."""
    raw = bytearray(base)
    for _ in range(rng.choice([1, 1, 2, 3, 8])):
        place, how = rng.randrange(len(raw)), rng.choice([0, 0, 0, 1, 2, 3, 4])
        if how == 0:
            raw[place] = rng.randrange(256)
        elif how == 1:
            raw[place:place + 8] = struct.pack("<Q", rng.choice(HUGE))
        elif how == 2:
            raw[place:place] = raw[place:place + rng.randrange(1, 200)]
        elif how == 3:
            raw[place:place + 4] = struct.pack("<I", rng.randrange(16))
        else:
            del raw[place:place + rng.randrange(1, 40)]
    return bytes(raw[: rng.randrange(1, len(raw))] if rng.random() < 0.2 else raw)


def written(path: Path, head: bytes, piece: bytes, tail: bytes, length: int) -> None:
    """``head``, ``piece`` over and over, and ``tail``: a header of ``length`` bytes, never held as a whole."""
    count = (length - len(head) - len(tail)) // len(piece)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(head) + count * len(piece) + len(tail)) + head)
        many = piece * 1000
        for _ in range(count // 1000):
            file.write(many)
        file.write(piece * (count % 1000) + tail)


def largest(path: Path, number: int) -> None:
    """Headers as long as are read, of what takes the most memory."""
    pieces = [
        (b'{"a":"', b"\\n", b'"}'), (b'{"', b"a", b'":1}'), (b'{"__metadata__":{"a":"', b"\\u0041", b'"}}'),
        (b'{"__metadata__":', b"[", b"}"), (b'{"__metadata__":[', b"[],", b"1]}"),
        (b'{"__metadata__":[', b'"",', b'""]}'),
        (b"", b" ", b"{}"), (b'{"a":', b'{"a":', b"1"), (b'{"a":[', b"1,", b"1]}"), (b"", b"\xf0\x9f\x98\x80", b""),
    ]
    if number < len(pieces):
        written(path, *pieces[number], HEADER)
        return
    with path.open("wb") as file:  # as many tensors as are read, and one more
        file.write(struct.pack("<Q", 0) + b"{")
        for tensor in range(100_000 + number % 2):
            name = b'"%d%s"' % (tensor, b"n" * 60)
            entry = b':{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}' % (4 * tensor, 4 * tensor + 4)
            file.write((b"," if tensor else b"") + name + entry)
        file.write(b"}")
        end = file.tell()
        file.seek(0)
        file.write(struct.pack("<Q", end - 8))


def sparse(path: Path, rng: random.Random) -> None:
    """A GGUF file of many gigabytes that holds nothing but claims."""
    kind, count = rng.choice([(8, 4_000_000), (8, 2**40), (9, 100_000), (9, 2**50), (0, 2**36), (12, 2**60), (5, 4096)])
    names = ["x.attention.head_count", "x.sliding_window_pattern", "tokenizer.ggml.tokens"]
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, rng.choice([0, 100_000]), rng.choice([1, 4096])))
        file.write(build.text(rng.choice(names)) + struct.pack("<IIQ", 9, kind, count))
        file.truncate(rng.choice([2**30, 2**36, 2**41]))


def kept(path: Path) -> None:
    """As many keys as are read, each of what is kept of it."""
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, 4096))
        for number in range(4096):
            ending = b".attention.head_count" if number % 2 else b""
            file.write(build.text(b"%05d" % number + b"k" * 900 + ending))
            if number % 2:
                file.write(struct.pack("<IIQ", 9, 4, 4096) + b"\xff" * 4 * 4096)
            else:
                file.write(struct.pack("<I", 8) + build.text(b"\xf0\x9f\x98\x80" * 4096))


def files(folder: Path, tiny: bytes) -> Iterator[tuple[Path, Callable[[Path], object]]]:
    """The hostile files, each with what reads it."""
    rng = random.Random(5)
    shards = json.dumps({"weight_map": {f"w{n}": f"model-{n:05}.safetensors" for n in range(50)}}).encode()
    header = json.dumps({"__metadata__": {"a": "b"}, **{str(n): build.entry(4 * n, 4 * n + 4) for n in range(20)}})
    model, tensors, index = folder / "m.gguf", folder / "m.safetensors", folder / "m.safetensors.index.json"
    config = folder / "config.json"
    for number in range(FILES):
        if number % 100 == 0 and number < 1000:
            largest(tensors, number // 100)
            yield tensors, safetensors.read
        elif number in (50, 150):
            largest(tensors, 10 + number // 100)
            yield tensors, safetensors.read
        elif number % 100 == 25:
            sparse(model, rng)
            yield model, gguf.read
        elif number % 300 == 250:
            config.write_bytes(rng.choice([b'{"a":[%s1]}' % (b"[]," * 174_000), b'{%s"a":1}' % b"".join(
                b'"%x":{},' % key for key in range(50_000))]))
            yield config, beside.config
        elif number == 75:
            kept(model)
            yield model, gguf.read
        elif number % 10 == 1:
            index.write_bytes(mutated(shards, rng))
            yield index, beside.shards
        elif number % 2:
            model.write_bytes(mutated(tiny, rng))
            yield model, gguf.read
        else:
            raw = mutated(header.encode(), rng)
            claimed = rng.choice([len(raw), len(raw), len(raw), *HUGE])
            tensors.write_bytes(struct.pack("<Q", claimed) + raw + bytes(80))
            yield tensors, safetensors.read


def main(folder: Path, tiny: Path) -> None:
    """Reads them all."""
    base = tiny.read_bytes()[:-509_184]  # without its tensors
    for path, read in ((build.gguf(folder / "w.gguf", build.LLAMA), gguf.read),
                       (build.safetensors(folder / "w.safetensors", {}), safetensors.read)):
        read(path)
    before = memory("VmRSS")
    resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + ROOM,) * 2)
    good = refused = 0
    for path, read in files(folder, base):
        try:
            read(path)
            good += 1
        except BadModelFile as error:
            refused += 1
            if not str(error).endswith(".") or len(str(error)) > 400:
                raise AssertionError(str(error)) from None
    told = {"read": good, "refused": refused, "grown_mb": (memory("VmHWM") - before) / 1e6}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
