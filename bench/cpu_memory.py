"""What monitors cost: CPU and memory with no viewer, with one and with twenty, at one collection a second.

``python -m bench.cpu_memory [SECONDS]``: each figure is the mean over that window (default 60). Peers that are
installed are measured in the same run, one after the other; `bench.peers` installs them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import peers, usage
from tests.e2e.harness import Server

COUNTS = (0, 1, 20)
WARM = 20
"""Seconds before the first figure: starts, first compressions and caches are over."""
SETTLE = 3.0
"""Seconds for viewers that have just come: their first answers are dearer than the rest."""


@dataclass(slots=True)
class Cost:
    """The figures of one monitor: CPU in percent of a core by number of viewers, PSS in MiB with the most viewers."""

    name: str
    cpu: dict[int, float] = field(default_factory=dict)
    idle_pss: float = 0.0
    pss: float = 0.0

    @property
    def per_viewer(self) -> float:
        """CPU that each further viewer adds."""
        most = max(self.cpu)
        return (self.cpu[most] - self.cpu[0]) / most


@contextmanager
def viewers(count: int, what: dict[str, Any]) -> Iterator[None]:
    """That many pages looking, in a process of their own."""
    if count == 0:
        yield
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.viewers", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(what) + "\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == "ready", "the viewers did not get an answer"
        yield
    finally:
        process.kill()
        process.wait()


def measure(name: str, pids: list[int], what: dict[str, Any], seconds: float) -> Cost:
    """The cost of a running monitor."""
    cost = Cost(name)
    time.sleep(WARM)
    for count in COUNTS:
        with viewers(count, what):
            time.sleep(SETTLE)
            used = usage.over(seconds, pids)
        cost.cpu[count] = used.cpu
        cost.pss = used.pss
        cost.idle_pss = cost.idle_pss or used.pss
    return cost


def vigie(seconds: float) -> Cost:
    """Vigie as `make run` starts it."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data").start()
        try:
            cookies = server.login().cookies
            what = {
                "socket": server.url.replace("http", "ws") + "/ws/metrics",
                "cookie": "; ".join(f"{c.name}={c.value}" for c in cookies),
            }
            assert server.process is not None
            return measure("Vigie", [server.process.pid], what, seconds)
        finally:
            server.stop()


def main() -> None:
    """Measures and prints the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    costs = [vigie(seconds)]
    for program, start in peers.PEERS:
        if not peers.installed(program):
            print(f"{program} is not installed: left out")
            continue
        with start() as peer:
            costs.append(measure(peer.name, peer.pids, {"urls": peer.urls}, seconds))
    loads = (f"CPU %, {n} viewers" for n in COUNTS)
    head = ("monitor", *loads, "CPU % per viewer", "PSS MiB, idle", "PSS MiB, 20 viewers")
    print(usage.table(head, [(c.name, *(c.cpu[n] for n in COUNTS), c.per_viewer, c.idle_pss, c.pss) for c in costs]))


if __name__ == "__main__":
    main()
