"""Will it fit, here and now? `serving.files.need` against the memory that is free on this machine, part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from live.models import Card
from serving.files.facts import ModelFacts
from serving.files.need import GPU_CONTEXT, PROCESS, Fit, Need, fit, need
from serving.files.rows import ModelFile


@dataclass(frozen=True, slots=True)
class Place:
    """A memory, in bytes: a GPU's, or with ``gpu`` empty that of the host. ``own`` is what the model holds of it
    already, where it runs; ``others`` is what everything else uses."""

    gpu: str
    name: str
    total: int
    others: int
    own: int = 0

    @property
    def free(self) -> int:
        """What the model may take, its own share included."""
        return max(0, self.total - self.others)


@dataclass(frozen=True, slots=True)
class Parts:
    """Bytes that a model takes of one place. ``process`` is what its process and a GPU's context take."""

    weights: int = 0
    cache: int = 0
    compute: int = 0
    process: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.weights + self.cache + self.compute + self.process


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model needs, where it would lie, and whether that is there. ``fit`` is None while the memory of this
    machine is not known; nothing is placed then."""

    need: Need
    fit: Fit | None
    gpus: tuple[Place, ...]
    host: Place | None
    on_gpus: tuple[Parts, ...] = ()
    on_host: Parts = Parts()


def answer(
    facts: ModelFacts, context: int, slots: int, cache_type: str, gpus: Sequence[Place], host: Place | None,
) -> Answer:
    """Whether a model fits with ``context`` tokens in all (0: what it was trained with), shared by ``slots``.

    Raises:
        ValueError: the type of cache is unknown, or a count is not positive.
    """
    asked = need(facts, context, slots, cache_type, cache_type)
    if host is None:
        return Answer(asked, None, tuple(gpus), None, (Parts(),) * len(gpus))
    found = fit(asked, [one.free for one in gpus], host.free)
    on_gpus, on_host = parts(asked, found)
    return Answer(asked, found, tuple(gpus), host, on_gpus, on_host)


def parts(asked: Need, found: Fit) -> tuple[tuple[Parts, ...], Parts]:
    """What each GPU and the host hold of the need, as `serving.files.need.fit` placed it: the output and the last
    layers on the first GPU, and so on."""
    steps = [*([(asked.output, 0)] if asked.output else []), *zip(reversed(asked.layers), reversed(asked.caches))]
    at, on_gpus = 0, []
    for used in found.gpus:
        if not used:
            on_gpus.append(Parts())
            continue
        left, first = used - asked.compute - GPU_CONTEXT, at
        while at < found.on_gpu and steps[at][0] <= left:
            left -= steps[at][0]
            at += 1
        cache = sum(held for _size, held in steps[first:at])
        on_gpus.append(Parts(sum(size for size, _held in steps[first:at]) - cache, cache, asked.compute, GPU_CONTEXT))
    if not found.on_gpu:
        return tuple(on_gpus), Parts(asked.weights, asked.cache or 0, asked.compute, asked.process)
    cache = sum(held for _size, held in steps[at:])
    weights = asked.embedding + sum(size for size, _held in steps[at:]) - cache
    return tuple(on_gpus), Parts(weights, cache, asked.compute if at < len(steps) else 0, PROCESS)


def places(cards: Sequence[Card], wanted: str, process: Mapping[str, Any] | None) -> tuple[Place, ...]:
    """The GPUs whose size is known, those of ``wanted`` (such as 0,1; empty: all) in its order, for a model that may
    run already in ``process``."""
    known = {one.gpu: one for one in cards if one.total is not None}
    order = [gpu for gpu in wanted.split(",") if gpu in known] if wanted else list(known)
    name = str(process.get("name", "")) if process else ""
    made = []
    for gpu in order:
        card = known[gpu]
        own = sum(size for server, _model, size in card.models if name and server == name)
        made.append(Place(gpu, card.name, int(card.total or 0), int(max(card.used - own, 0)), int(own)))
    return tuple(made)


def host(total: float | None, available: float | None, process: Mapping[str, Any] | None) -> Place | None:
    """The memory of this machine; None while it is not known. What a running process maps of its file is available
    already, as the kernel can let go of it."""
    if total is None or available is None:
        return None
    held = process.get("memory_anon") if process else None
    own = int(held) if isinstance(held, int | float) else 0
    return Place("", "", int(total), max(0, int(total - available) - own), own)


def of_file(files: Sequence[ModelFile], path: str) -> ModelFile | None:
    """The model that lies in ``path``, or of which that is a part; None where the catalogue has none."""
    return next((one for one in files if path == one.path or path in one.parts), None)
