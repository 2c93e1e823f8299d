"""The reader of GGUF headers beside the library's own, ``gguf.GGUFReader``.

``python -m bench.model_files [TIMES]``: a tiny model of 520 KB, and a vocabulary as models of today have it, 150,000
tokens and as many merges. Each row is a process of its own; the median of ``TIMES`` (default 3) readings, and by how
much the memory of the process had grown at most since the library was imported.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.usage import table
from tests.engine.models import tiny
from tests.serving.files.build import big_vocabulary


def ours() -> Callable[[Path], object]:
    """Vigie's reader."""
    from serving.files.gguf import read

    return read


def library() -> Callable[[Path], object]:
    """The library's reader, which maps the file and makes an object of every token."""
    from gguf import GGUFReader

    return GGUFReader


READERS = {"Vigie": ours, "gguf.GGUFReader": library}


def memory(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024


def measured(name: str, path: Path, times: int) -> dict[str, float]:
    """Median milliseconds of a reading, and MB of memory."""
    read = READERS[name]()
    Path("/proc/self/clear_refs").write_text("5")  # forgets the highest memory so far
    before, taken = memory("VmRSS"), []
    for _ in range(times):
        began = time.perf_counter()
        read(path)
        taken.append(time.perf_counter() - began)
    return {"ms": 1000 * statistics.median(taken), "mb": max(0, memory("VmHWM") - before) / 1e6}


def row(name: str, path: Path, times: int) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "bench.model_files", "one", name, str(path), str(times)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(times: int) -> None:
    """Measures both readers with both files and prints the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {"tiny, 520 KB": tiny(folder / "tiny.gguf"), "150,000 tokens": big_vocabulary(folder / "big.gguf")}
        for title, path in files.items():
            found = {reader: row(reader, path, times) for reader in READERS}
            slowest = max(one["ms"] for one in found.values())
            for reader, one in found.items():
                rows.append((title, reader, one["ms"], f"{slowest / one['ms']:.0f} x", one["mb"]))
    print(table(("file", "reader", "ms", "as fast", "memory, MB"), rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(measured(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
