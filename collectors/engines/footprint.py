"""Memory, CPU and GPU memory of the model servers on this machine, from their processes.

A process that serves one model is that model's. Where several are loaded in one process it is told for the server
alone, without the label ``model``: who of them uses what is not known. Children that serve a model each (of a router)
are told apart by the port in their command line, those of Ollama as `collectors.engines.runners` has it; what remains
is the server's own. Resident memory that processes share is in each of them.

Of a llama.cpp whose process holds less GPU memory than its weights are large, a part of the weights must lie in host
memory: `model_on_gpu_ratio` is then GPU memory / weights, the most that it can be, for KV cache and buffers are in that
memory, too. Above `SURELY` nothing is told: llama.cpp keeps the embeddings of the input in host memory anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from collectors.engines.base import Look, Model
from collectors.engines.listeners import Listener, trees
from collectors.engines.runners import Runners, runners
from collectors.pace import Pace
from metrics.metric import Sample
from metrics.models import CPU, GPU_MEMORY, MEMORY, on_and_off_gpu

SURELY = 0.9
"""Share of the weights below which some of the layers are surely not on a GPU."""
TREES_EVERY = 5.0
"""Seconds between two looks at which processes there are."""


class Footprint:
    """Reads the processes of servers. ``gpu_processes`` gives the cards as `collectors.nvidia` tells them:
    [{gpu, processes: [{pid, memory_bytes}]}]."""

    def __init__(self, gpu_processes: Callable[[], Sequence[Mapping[str, Any]]] = list,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._gpu_processes, self._clock = gpu_processes, clock
        self._trees: dict[int, set[int]] = {}
        self._runners, self._found = Runners(), dict[int, dict[int, Path]]()
        self._pace = Pace(TREES_EVERY)
        self._seen: dict[int, psutil.Process] = {}
        self._used: dict[int, tuple[float, float]] = {}

    def read(
        self, servers: Iterable[tuple[str, str, int, list[Model]]], by_port: Mapping[int, Listener]
    ) -> list[Sample]:
        """Samples of ``servers``: name, engine, pid of its process, and its models. ``by_port`` says who listens."""
        shares: list[tuple[Look, int, list[tuple[str, int]]]] = []
        for name, engine, pid, models in servers:
            children = [
                (model.name, one.pid) for model in models
                if model.port and (one := by_port.get(model.port)) and one.pid and one.pid != pid
            ]
            shares.append((Look(name, engine, models=models), pid, children))
        roots = {pid for _look, pid, children in shares for pid in (pid, *(child for _, child in children))}
        if self._pace.due(self._clock()) or not roots <= self._trees.keys():
            self._trees = trees(roots)
            self._found = {pid: runners(self._trees.get(pid, ())) for look, pid, _ in shares if look.engine == "ollama"}
            self._trees |= trees({runner for found in self._found.values() for runner in found} - roots)
        cards = _by_card(self._gpu_processes())
        for look, pid, children in shares:
            loaded = [model for model in look.models if model.state in ("running", "") and model.loaded is not False]
            if len(loaded) > 1:
                children += self._runners.served(loaded, self._found.get(pid, {}), _of_all(cards))
            rest = set(self._trees.get(pid, ()))
            for model, child in children:
                tree = self._trees.get(child, set())
                rest -= tree
                self._add(look, model, tree, cards)
            self._add(look, loaded[0].name if len(loaded) == 1 and not children else "", rest, cards)
            if look.engine == "llamacpp":
                _gpu_shares(look)
        alive = set().union(*self._trees.values())
        self._seen = {pid: process for pid, process in self._seen.items() if pid in alive}
        self._used = {pid: used for pid, used in self._used.items() if pid in alive}
        return [sample for look, _pid, _children in shares for sample in look.samples]

    def _add(self, look: Look, model: str, pids: set[int], cards: Mapping[str, Mapping[int, float]]) -> None:
        memory, cpu = [], []
        for pid in pids:
            read = self._process(pid)
            if read is not None:
                memory.append(read[0])
                if read[1] is not None:
                    cpu.append(read[1])
        if memory:
            look.add(MEMORY, sum(memory), model)
        if cpu:
            look.add(CPU, sum(cpu), model)
        for card, used in cards.items():
            mine = [used[pid] for pid in pids if pid in used]
            if mine:
                look.add(GPU_MEMORY, sum(mine), model, {"gpu": card})

    def _process(self, pid: int) -> tuple[float, float | None] | None:
        """Resident bytes, and CPU used since the look before; None for one that has gone."""
        try:
            process = self._seen.get(pid) or psutil.Process(pid)
            self._seen[pid] = process
            with process.oneshot():
                memory, times = float(process.memory_info().rss), process.cpu_times()
        except psutil.Error:
            self._seen.pop(pid, None)
            self._used.pop(pid, None)
            return None
        at, used = self._clock(), times.user + times.system
        before = self._used.get(pid)
        self._used[pid] = (at, used)
        if before is None or at <= before[0] or used < before[1]:
            return memory, None
        return memory, (used - before[1]) / (at - before[0])


def _gpu_shares(look: Look) -> None:
    on_gpus: dict[str, float] = {}
    for sample in look.samples:
        if sample.metric is GPU_MEMORY and (model := dict(sample.labels).get("model")):
            on_gpus[model] = on_gpus.get(model, 0.0) + sample.value
    for one in look.models:
        used = on_gpus.get(one.name, 0.0)
        if one.loaded_bytes and 0 < used < SURELY * one.loaded_bytes:
            for metric, value in on_and_off_gpu(used / one.loaded_bytes):
                look.add(metric, value, one.name)


def _by_card(cards: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, float]]:
    """Card -> pid -> bytes; what a driver does not tell is left out."""
    return {
        str(card.get("gpu", "")): {
            one["pid"]: float(one["memory_bytes"]) for one in card.get("processes", ())
            if one.get("memory_bytes") is not None
        }
        for card in cards
    }


def _of_all(cards: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """Pid -> bytes on all cards together."""
    return {pid: sum(used.get(pid, 0.0) for used in cards.values()) for used in cards.values() for pid in used}
