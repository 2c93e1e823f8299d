"""Machines from captures: the collectors read them as they would read their own."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from collectors.base import Collector, HasSnapshot, NoData
from collectors.cpu import Cpu
from collectors.disk import Disk
from collectors.memory import Memory
from collectors.network import Network
from collectors.pressure import Pressure
from collectors.processes import Processes
from collectors.sensors import Sensors
from metrics.metric import Sample, series_key

CAPTURES = Path(__file__).parent.parent / "captures"
NOW = 1_800_000_000.0


class Machine:
    """A capture laid out in a folder of its own, read at two moments (``later/`` laid over the first)."""

    def __init__(self, capture: Path, folder: Path) -> None:
        self.meta = json.loads((capture / "meta.json").read_text(encoding="utf-8"))
        self.folder, self._capture = folder, capture
        self.proc, self.sys = str(folder / "proc"), str(folder / "sys")
        self.now, self.released = NOW, threading.Event()
        shutil.copytree(capture, folder, dirs_exist_ok=True)
        self.collectors: list[Collector] = [
            Cpu(self.proc, self.sys, clock=lambda: self.now),
            Memory(self.proc, self.sys),
            Disk(self.proc, statvfs=self._statvfs, is_folder=self._is_folder, answer_within=0.05),
            Network(self.proc, self.sys, read_stats=self._links, read_addresses=dict),
            Sensors(lambda: self._probes("temperatures"), lambda: self._probes("fans")),
            Pressure(self.proc, self.sys),
            Processes(self.proc, self.sys, clock=lambda: self.now, user_name=lambda uid: f"user{uid}"),
        ]

    def read(self) -> dict[str, Any]:
        """What every collector yields: samples by series key, snapshots and no-data sentences by collector."""
        found: dict[str, Any] = {"samples": {}, "snapshots": {}, "no_data": {}}
        for collector in self.collectors:
            try:
                samples: list[Sample] = list(collector.collect(self.now))
            except NoData as reason:
                found["no_data"][collector.name] = str(reason)
                continue
            for sample in samples:
                key = series_key(sample.metric.name, sample.labels)
                assert key not in found["samples"], f"{key} is there twice"
                found["samples"][key] = sample.value
            if isinstance(collector, HasSnapshot):
                found["snapshots"][collector.name] = collector.snapshot()
        return found

    def go_on(self) -> None:
        """Lets the capture's seconds pass."""
        shutil.copytree(self._capture / "later", self.folder, dirs_exist_ok=True)
        self.now += self.meta["seconds"]

    def _json(self, name: str) -> Any:
        path = self._capture / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def _is_folder(self, point: bytes) -> bool:
        return self._json("volumes.json").get(os.fsdecode(point)) != "file"

    def _statvfs(self, point: bytes) -> Any:
        told = self._json("volumes.json")[os.fsdecode(point)]
        if told == "hangs":
            self.released.wait()
            raise OSError("the server has gone")
        if told == "gone":
            raise FileNotFoundError(point)
        return SimpleNamespace(**dict(zip(("f_frsize", "f_blocks", "f_bfree", "f_bavail"), told)))

    def _links(self) -> dict[str, Any]:
        return {name: SimpleNamespace(**link) for name, link in self._json("interfaces.json").items()}

    def _probes(self, kind: str) -> dict[str, Any]:
        chips = self._json("sensors.json").get(kind, {})
        return {chip: [SimpleNamespace(**probe) for probe in probes] for chip, probes in chips.items()}


@pytest.fixture
def open_capture(tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    """``open_capture(name)`` gives a `Machine`."""
    machines: list[Machine] = []

    def opened(name: str) -> Machine:
        machines.append(Machine(CAPTURES / name, tmp_path / name))
        return machines[-1]

    yield opened
    for machine in machines:
        machine.released.set()
