"""(a) The ring's two media beside a Redis list of JSON and a Redis stream.

``python -m bench.ring [TICKS]``: writes ``TICKS`` (default 3,600) ticks of 200 series at 1 s into each, then reads 8
series x 3,600 points back into arrays. Medians; the ratio is to the slowest medium of its column.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import redis

from bench.usage import table
from metrics.series import SeriesInfo
from storage.ring.base import Ring, step_number
from storage.ring.file import FileRing
from storage.ring.redis import RedisRing
from tests.support import redis_server

SERIES, SHOWN, CAPACITY = 200, 8, 21_600
T0 = 1_800_000_000.0
Store = tuple[str, Callable[[int, np.ndarray], None], Callable[[int], Any]]


def ring_store(name: str, ring: Ring) -> Store:
    """A medium of ours."""
    infos = [SeriesInfo("core_ratio", (("core", str(i)),), "ratio", "gauge", "A made-up load") for i in range(SERIES)]
    handles = np.array([ring.handle(info) for info in infos])
    first, shown = step_number(T0, 1.0), handles[:SHOWN].tolist()
    return (
        name, lambda tick, values: ring.write(first + tick, handles, values),
        lambda ticks: ring.window(shown, T0 + ticks - 3600, T0 + ticks - 1),
    )


def list_store(client: redis.Redis) -> Store:
    """What many dashboards do: RPUSH of a JSON object and LTRIM, per series."""
    def write(tick: int, values: np.ndarray) -> None:
        pipe = client.pipeline(transaction=False)
        for i, value in enumerate(values.tolist()):
            pipe.rpush(f"list:{i}", json.dumps({"timestamp": T0 + tick, "value": value}))
            pipe.ltrim(f"list:{i}", -CAPACITY, -1)
        pipe.execute()

    def read(_ticks: int) -> Any:
        pipe = client.pipeline(transaction=False)
        for i in range(SHOWN):
            pipe.lrange(f"list:{i}", -3600, -1)
        rows = [[json.loads(text) for text in answer] for answer in pipe.execute()]
        return [(np.array([r["timestamp"] for r in one]), np.array([r["value"] for r in one])) for one in rows]

    return "Redis list of JSON", write, read


def stream_store(client: redis.Redis) -> Store:
    """XADD with an approximate MAXLEN, per series."""
    def write(tick: int, values: np.ndarray) -> None:
        pipe = client.pipeline(transaction=False)
        for i, value in enumerate(values.tolist()):
            pipe.xadd(f"stream:{i}", {"v": value}, id=f"{int(T0 + tick) * 1000}-0", maxlen=CAPACITY, approximate=True)
        pipe.execute()

    def read(ticks: int) -> Any:
        pipe = client.pipeline(transaction=False)
        for i in range(SHOWN):
            pipe.xrange(f"stream:{i}", int(T0 + ticks - 3600) * 1000, "+")
        return [(np.array([int(at.split(b"-")[0]) for at, _ in one]), np.array([float(f[b"v"]) for _, f in one]))
                for one in pipe.execute()]

    return "Redis stream", write, read


def measured(store: Store, ticks: int, values: np.ndarray) -> tuple[str, float, float]:
    """Name, median milliseconds of a tick's write and of a read."""
    name, write, read = store
    writes, reads = [], []
    for tick in range(ticks):
        began = time.perf_counter()
        write(tick, values[tick % len(values)])
        writes.append(time.perf_counter() - began)
    for _ in range(15):
        began = time.perf_counter()
        found = read(ticks)
        reads.append(time.perf_counter() - began)
    if len(found) != SHOWN or len(found[0][0]) != min(3600, ticks):
        raise AssertionError(f"{name} gave {len(found)} x {len(found[0][0])} points")
    return name, 1000 * statistics.median(writes), 1000 * statistics.median(reads)


def main(ticks: int) -> None:
    """Measures all four and prints the table."""
    values = np.random.default_rng(1).random((600, SERIES), dtype=np.float32)
    rows: list[tuple[str, float, float, float | None]] = []
    with tempfile.TemporaryDirectory() as folder, redis_server() as url:
        client = redis.Redis.from_url(url)
        file_ring = FileRing(Path(folder), 1, 1.0, CAPACITY, now=lambda: T0 + ticks)
        redis_ring = RedisRing(url, 1, 1.0, CAPACITY, now=lambda: T0 + ticks)
        stores: tuple[Callable[[], Store], ...] = (
            lambda: ring_store("Vigie, file", file_ring), lambda: ring_store("Vigie, Redis", redis_ring),
            lambda: list_store(client), lambda: stream_store(client),
        )
        for make in stores:
            before = client.info("memory")["used_memory"]
            name, write, read = measured(make(), ticks, values)
            held = (client.info("memory")["used_memory"] - before) / 2**20 if "file" not in name else None
            rows.append((name, write, read, held))
        file_ring.close()
        redis_ring.close()
    slowest = max(row[1] for row in rows), max(row[2] for row in rows)
    print(table(
        ("medium", f"tick of {SERIES} series, ms", "ratio", f"{SHOWN} x {min(3600, ticks)} points, ms", "ratio",
         "Redis memory, MiB"),
        ((name, f"{write:.3f}", f"{slowest[0] / write:.0f} x", read, f"{slowest[1] / read:.0f} x", held)
         for name, write, read, held in rows),
    ))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3600)
