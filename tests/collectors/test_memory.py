"""Memory and swap; the machines are in test_captures."""

from __future__ import annotations

from pathlib import Path

from collectors.memory import Memory
from tests.collectors.reading import read_keys


def test_memory_without_swap_tells_zero_swap_and_no_use_of_it(tmp_path: Path) -> None:
    lines = ("MemTotal: 100 kB", "MemFree: 50 kB", "MemAvailable: 60 kB", "SwapTotal: 0 kB", "SwapFree: 0 kB", "")
    (tmp_path / "meminfo").write_text("\n".join(lines))
    found = read_keys(Memory(str(tmp_path), str(tmp_path)))
    assert found["swap_total_bytes"] == 0
    assert not {"swap_used_bytes", "swap_in_bytes_total", "memory_cached_bytes"} & set(found)
