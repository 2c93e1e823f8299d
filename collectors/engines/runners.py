"""Which of Ollama's runners serves which model.

Ollama runs each loaded model in a process of its own and says neither its pid nor its port. What the runner's command
line names is the file of its weights, ``--model …/models/blobs/sha256-DIGEST``; the digest in ``/api/ps`` is another,
that of the model's manifest. They are brought together in two ways, and where neither is sure, not at all:

- The manifest lies beside the blobs and lists the weights. Its own SHA-256 has to be the digest that ``/api/ps`` tells:
  a model that was pulled anew since it was loaded has another one. Often only Ollama's user may read it.
- Of what is left over: by the GPU memory that Ollama tells of a model and the driver of a runner, when each model fits
  one runner and no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import orjson
import psutil

from collectors.engines.base import Model, rows, text

MANIFEST_AT_MOST = 2**20
"""Bytes of a manifest; they are about a thousand."""
WEIGHTS = "application/vnd.ollama.image.model"
DEFAULTS = ("registry.ollama.ai", "library")
"""The host and the namespace that a name leaves out."""
LESS, MORE, CONTEXT = 1.05, 1.15, float(2**30)
"""Ollama's number may be so many times that of the driver; the driver's so many times Ollama's, and bytes beyond: it
counts what CUDA needs for itself."""
_BLOB = re.compile(r"sha256-[0-9a-f]{64}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:-]*")


def runners(pids: Iterable[int]) -> dict[int, Path]:
    """The file of the weights of each of ``pids`` that is a runner."""
    found: dict[int, Path] = {}
    for pid in pids:
        try:
            command = psutil.Process(pid).cmdline()
        except psutil.Error:
            continue
        for word, following in pairwise(command):
            if word == "--model" and _BLOB.fullmatch(Path(following).name):
                found[pid] = Path(following)
    return found


class Runners:
    """Brings models and runners together; remembers the manifests that it has read."""

    def __init__(self) -> None:
        self._read: dict[str, frozenset[str]] = {}

    def served(
        self, models: Sequence[Model], found: Mapping[int, Path], gpu_bytes: Mapping[int, float]
    ) -> list[tuple[str, int]]:
        """Names of ``models`` (those that are loaded) with the pid of their runner, where that is sure. ``found`` is as
        `runners` gives it, ``gpu_bytes`` what each process uses of all GPUs."""
        fits = {
            model.name: {pid for pid, blob in found.items() if blob.name in self._weights(model, blob.parent)}
            for model in models
        }
        sure = _alone(fits)
        left = [model for model in models if model.name not in dict(sure)]
        over = found.keys() - dict(sure).values()
        if len(left) == len(over):
            by_memory = _alone({model.name: {pid for pid in over if _fits(model, gpu_bytes.get(pid, 0.0))}
                                for model in left})
            sure += by_memory if len(by_memory) == len(left) else []
        return sure

    def _weights(self, model: Model, blobs: Path) -> frozenset[str]:
        """Names of the files that hold the weights of a model; empty where its manifest cannot be read."""
        if model.digest and model.digest not in self._read and (weights := _listed(model, blobs)):
            self._read[model.digest] = weights
        return self._read.get(model.digest, frozenset())


def _alone(fits: Mapping[str, set[int]]) -> list[tuple[str, int]]:
    """The pairs of a model that fits one runner, and of this runner that is fitted by no other model."""
    return [
        (name, pid) for name, pids in fits.items() if len(pids) == 1
        for pid in pids if not any(pid in others for other, others in fits.items() if other != name)
    ]


def _fits(model: Model, used: float) -> bool:
    told = model.gpu_bytes
    return told is not None and told <= used * LESS and used <= told * MORE + CONTEXT


def _listed(model: Model, blobs: Path) -> frozenset[str]:
    place = place_of(model.name)
    if place is None:
        return frozenset()
    file = blobs.parent / "manifests" / place
    try:
        if not file.is_file():
            return frozenset()
        with file.open("rb") as opened:
            raw = opened.read(MANIFEST_AT_MOST)
        told = orjson.loads(raw) if sha256(raw).hexdigest() == model.digest else None
    except (OSError, orjson.JSONDecodeError):
        return frozenset()
    digests = (text(layer.get("digest")) for layer in rows(told, "layers") if layer.get("mediaType") == WEIGHTS)
    return frozenset(digest.replace(":", "-") for digest in digests)


def place_of(name: str) -> Path | None:
    """Where the manifest of a model lies among the manifests; None for a name that is none."""
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # the colon is that of a host's port
        path, tag = name, "latest"
    parts = path.split("/")
    parts = [*DEFAULTS[:max(0, 3 - len(parts))], *parts, tag]
    return Path(*parts) if len(parts) == 4 and all(_PART.fullmatch(part) for part in parts) else None
