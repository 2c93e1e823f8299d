"""How much of a model llama.cpp has put on GPUs, read from what it writes while it loads.

A server of one model and each child of a router (its lines begin with ``[PORT]``) write, with any log prefix::

    print_info: file size   = 4.07 GiB (4.83 BPW)
    load_tensors: offloaded 20/33 layers to GPU
    load_tensors:        CUDA0 model buffer size =  2495.31 MiB
    llama_kv_cache:        CPU KV buffer size =    96.00 MiB

Builds of 2026 do so with ``--verbosity 4`` only. The share is (weights x layers on GPUs / layers + KV cache on GPUs) /
(weights + KV cache); layers count alike, the one of the output too. The sizes of the buffers of weights tell less: one
in host memory is there however much is on GPUs (the embeddings of tokens), and a mapped one spans what it does not use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_CHILDREN = 64
"""Models of a router that are kept in mind at once."""
NAME_AT_MOST = 200
_WORDS = ("loading model '", "file size ", "model size ", "offloaded ", " buffer size ", "instance ", "sleeping state")
"""What a line that tells something holds: all others, a flood of them too, cost a look for these."""
_CHILD = re.compile(r"^\[ *(\d{1,5})\] ")
_BEGUN = re.compile(r"spawning server instance with name=(\S+) on port (\d{1,5})\b")
_ENDED = re.compile(r"\binstance name=(\S+)")
_AFRESH = re.compile(r"load_model: loading model '|server is entering sleeping state")
_WEIGHTS = re.compile(r"\b(?:file|model) size +=\s*(\d+(?:\.\d+)?) ([MG])iB")
_LAYERS = re.compile(r"load_tensors: offloaded (\d{1,6})/(\d{1,6}) layers to GPU")
_BUFFER = re.compile(r"(\S+) (model|KV|RS) buffer size =\s*(\d+(?:\.\d+)?) MiB")


@dataclass
class _Load:
    """One model that was loaded; sizes in MiB. Cache: of keys and values, or the state of a recurrent model."""

    weights: float = 0.0
    layers: tuple[int, int] | None = None
    cache: float = 0.0
    cache_on_host: float = 0.0
    uses_gpu: bool = False

    def share(self) -> float | None:
        """What lies on GPUs, 0 to 1; None while it is not known."""
        if self.layers is None or not self.layers[1] or (self.layers[0] and not self.uses_gpu):
            return None
        of_weights = min(self.layers[0] / self.layers[1], 1.0)
        if not self.weights:
            return of_weights
        on_gpu = self.weights * of_weights + self.cache - self.cache_on_host
        return on_gpu / (self.weights + self.cache)


class _Engine:
    """What one llama-server wrote. It may load a draft model beside, and looks at the model first to fit it; the
    largest is the one that is served, and the last of these."""

    def __init__(self) -> None:
        self._served: _Load | None = None
        self._now: _Load | None = None

    def share(self) -> float | None:
        return self._served.share() if self._served else None

    def read(self, line: str) -> None:
        if _AFRESH.search(line):
            self._served = self._now = None
        elif found := _WEIGHTS.search(line):
            self._begin(float(found[1]) * (1024.0 if found[2] == "G" else 1.0))
        elif found := _LAYERS.search(line):
            self._load().layers = int(found[1]), int(found[2])
        elif found := _BUFFER.search(line):
            self._buffer(found[1], found[2], float(found[3]))

    def _load(self) -> _Load:
        return self._now or self._begin(0.0)

    def _begin(self, weights: float) -> _Load:
        self._now = _Load(weights)
        if self._served is None or weights >= self._served.weights:
            self._served = self._now
        return self._now

    def _buffer(self, device: str, kind: str, size: float) -> None:
        load = self._load()
        on_host = device.startswith("CPU") or device.endswith("_Host")
        load.uses_gpu = load.uses_gpu or not on_host
        if kind != "model":
            load.cache += size
            load.cache_on_host += size if on_host else 0.0


class Offload:
    """Reads the output of one process, line by line."""

    def __init__(self) -> None:
        self._own = _Engine()
        self._children: dict[int, tuple[str, _Engine]] = {}

    def read(self, line: str) -> None:
        """Takes in a line."""
        if not any(word in line for word in _WORDS):
            return
        if child := _CHILD.match(line):
            _name, engine = self._children.get(int(child[1]), ("", None))
            if engine is not None:
                engine.read(line)
        elif begun := _BEGUN.search(line):
            self._children[int(begun[2])] = begun[1][:NAME_AT_MOST], _Engine()
            if len(self._children) > MOST_CHILDREN:
                del self._children[next(iter(self._children))]
        elif ended := _ENDED.search(line):
            name = ended[1][:NAME_AT_MOST]
            self._children = {port: one for port, one in self._children.items() if one[0] != name}
        else:
            self._own.read(line)

    def shares(self) -> dict[str, float]:
        """The share on GPUs (0 to 1) by model: of a router those that it names, else the one of the process as ``""``.
        One whose engine sees no GPU, or has not said, is left out."""
        told = [("", self._own), *self._children.values()]
        return {name: share for name, engine in told if (share := engine.share()) is not None}
