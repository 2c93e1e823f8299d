"""Will it fit? The memory that llama.cpp needs for a model, and whether it is there.

need = weights + cache of keys and values + compute buffers + process, in bytes.

- **Weights**: the bytes of the tensors, exact. An output that shares the tensor of the input is counted twice where it
  goes to a GPU, as llama.cpp copies it there.
- **Cache**: `serving.files.kv`, equal to what llama.cpp allocates (tested against the engine's own log).
- **Compute buffers**: 4 bytes x batch x max(6 d, 5 d + 2 k, 5 d + 3 f), d the embedding length, k the numbers of a key,
  f the feed-forward length (of the experts in use, with d more for each), plus 2 bytes x batch x cells for each mask.
  No document of llama.cpp gives this: it was fitted to the sizes that llama.cpp b11549 logs for models of architecture
  llama on a CPU with flash attention, and hits them within 8 % from a width of 128 on. Other architectures and GPUs
  differ: its error is put at a quarter. Earlier releases also reserved 4 bytes x batch x vocabulary for the output,
  which is part of the error; without flash attention it is 4 bytes x batch x cells x heads more, which is not.
- **Process**: 32 MiB, half more or less; for each GPU 400 MiB of context, half more or less (CUDA; not measured here).

What llama-server takes later on, when it runs, is not counted: finished prompts, up to 8 GiB (``--cache-ram``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from config.marks import N_
from serving.files import kv
from serving.files.facts import MOST_LAYERS, ModelFacts
from serving.files.sentence import Sentence

PROCESS, GPU_CONTEXT = 32 * 2**20, 400 * 2**20
SOURCE = Sentence(N_(
    "Weights: bytes of the tensors. Cache: as llama.cpp allocates it (src/llama-kv-cache.cpp). Compute buffers: fitted "
    "to what llama.cpp logs. Process and GPU context: measured and usual figures."
))
PROMPTS = Sentence(N_("llama-server may keep finished prompts in up to 8 GiB more while it runs (--cache-ram)."))
UNKNOWN_CACHE = Sentence(N_("The file does not say enough of its layers to count the cache of keys and values."))
QUANTISED = N_("llama.cpp refuses this type of cache for heads of {length} numbers; it wants a multiple of {block}.")
PARTS = Sentence(N_("Parts of this model are missing: what it needs is more than what is counted."))
UNKNOWN_WEIGHTS = Sentence(N_("The size of the tensors is not known; the size of the file is taken."))


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that a model needs. ``cache`` is None where the file says too little: ``total`` is a lower bound then.

    ``error`` is how many bytes ``total`` may be off, up or down, and ``share`` the same as a share of it; ``layers``
    are weights and cache of each layer, ``caches`` the cache of each alone, ``embedding`` the weights that stay with
    the host, ``output`` those of the last step.
    """

    weights: int
    cache: int | None
    compute: int
    process: int
    error: int
    context: int
    slots: int
    layers: tuple[int, ...]
    embedding: int
    output: int
    caches: tuple[int, ...] = ()
    source: Sentence = SOURCE
    notes: tuple[Sentence, ...] = ()

    @property
    def total(self) -> int:
        """Bytes in all, on a host without GPU."""
        return self.weights + (self.cache or 0) + self.compute + self.process

    @property
    def share(self) -> float:
        """``error`` as a share of ``total``."""
        return self.error / self.total

    @property
    def how_sure(self) -> Sentence:
        """The error, as a sentence."""
        return Sentence(N_("Give or take {percent} %."), {"percent": max(1, round(100 * self.share))})


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether it fits. ``on_gpu`` of ``layers`` (the output is one more) go to GPUs; ``missing`` bytes lack for the
    next better answer; ``tight`` says that the error of the need could turn the answer; ``gpus`` and ``host`` are the
    bytes that each takes."""

    fits: Literal["yes", "partly", "no"]
    on_gpu: int
    layers: int
    missing: int
    tight: bool
    gpus: tuple[int, ...]
    host: int


def need(
    facts: ModelFacts, context: int = 0, slots: int = 1, key_type: str = "f16", value_type: str = "f16",
) -> Need:
    """Memory for a model with ``context`` tokens in all (0: what it was trained with), shared by ``slots``.

    Raises:
        ValueError: the type of cache is unknown, or a count is not positive.
    """
    unknown = {key_type, value_type} - kv.CACHE_TYPES.keys()
    if unknown or slots < 1 or context < 0:
        raise ValueError(f"cache type one of {', '.join(kv.CACHE_TYPES)}; slots 1 or more; context 0 or more")
    context = context or facts.context_length or 0
    cache = kv.cache(facts, context, slots, key_type, value_type) if context else None
    compute = _compute(facts, cache.cells if cache else kv.padded(context))
    wrong = compute // 4 + 4 * kv.BATCH * (facts.vocabulary or 0) + PROCESS // 2
    if cache and not cache.exact:
        wrong += cache.total // 2
    notes = [PROMPTS, *(cache.notes if cache else [UNKNOWN_CACHE]), *_refused(facts, key_type, value_type)]
    if facts.split_tensors and facts.tensors < facts.split_tensors:
        notes.append(PARTS)
    if not facts.weights:
        notes.append(UNKNOWN_WEIGHTS)
    embedding, output = (facts.weights.embedding, facts.weights.output) if facts.weights else (0, 0)
    if facts.weights and facts.weights.tied:
        output += embedding
    layers, caches = _layers(facts, cache)
    return Need(
        facts.stored, cache.total if cache else None, compute, PROCESS, wrong, context, slots, layers, embedding,
        output, caches, notes=tuple(notes),
    )


def _layers(facts: ModelFacts, cache: kv.Cache | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Weights and cache of each layer, and the cache alone; where the weights are not told apart, an equal share."""
    count = min(facts.block_count or 1, MOST_LAYERS)
    given = facts.weights
    each = list(given.layers[:count]) if given else []
    rest = (given.rest + sum(given.layers[count:]) if given else facts.file_size) // count
    held = [a + b for a, b in zip(cache.layers, cache.states)] if cache else [0] * count
    caches = tuple(held[number] if number < len(held) else 0 for number in range(count))
    return tuple(rest + (each[number] if number < len(each) else 0) + caches[number] for number in range(count)), caches


def _compute(facts: ModelFacts, cells: int) -> int:
    """Bytes of the compute buffers."""
    width, shape = facts.embedding_length or 0, facts.attention
    length = shape.key_length or (width // facts.heads if facts.heads else 0)
    forward = 3 * (facts.feed_forward_length or 0)
    if facts.experts_used:
        expert = facts.expert_feed_forward_length or facts.feed_forward_length or 0
        forward = max(forward, facts.experts_used * (3 * expert + width))
    numbers = max(6 * width, 5 * width + 2 * length * (facts.kv_heads or 0), 5 * width + forward)
    return kv.BATCH * (4 * numbers + 2 * cells)


def _refused(facts: ModelFacts, key_type: str, value_type: str) -> list[Sentence]:
    """What llama.cpp says no to: rows of a quantised cache are whole blocks for each head."""
    width = facts.embedding_length // facts.heads if facts.embedding_length and facts.heads else None
    for kind, length in ((key_type, facts.attention.key_length), (value_type, facts.attention.value_length)):
        block, numbers = kv.CACHE_TYPES[kind][0], length or width
        if numbers and numbers % block:
            return [Sentence(QUANTISED, {"length": numbers, "block": block})]
    return []


def fit(asked: Need, gpus: Sequence[int], host: int) -> Fit:
    """Whether it fits into ``gpus`` (free bytes of each) and ``host`` (available bytes).

    As llama.cpp does, the output and the last layers go to GPUs first, and the embedding of the input stays with the
    host. Each GPU in use also holds a compute buffer and a context. The GPUs are filled one after the other; llama.cpp
    splits by free memory, which comes to the same when all is well, and to no more when it is not.
    """
    steps = [*([asked.output] if asked.output else []), *reversed(asked.layers)]
    around = asked.compute + GPU_CONTEXT
    placed, used = _placed(steps, gpus, around)
    whole = placed == len(steps)
    on_host = asked.total if not placed else asked.embedding + asked.process + sum(steps[placed:]) + (
        0 if whole else asked.compute
    )
    count = sum(1 for size in used if size)
    lacking, error = max(0, on_host - host), asked.error + GPU_CONTEXT // 2 * count
    wanted = 0 if whole or not gpus else max(1, sum(steps) + around * max(1, count) - sum(gpus))
    fits: Literal["yes", "partly", "no"]
    if lacking:
        fits, missing, spare = "no", lacking, lacking
    elif wanted:
        fits, missing, spare = "partly", wanted, min(wanted, host - on_host)
    else:
        fits, missing, spare = "yes", 0, min([host - on_host, *(free - size for free, size in zip(gpus, used) if size)])
    return Fit(fits, placed, len(steps), missing, spare < error, tuple(used), on_host)


def _placed(steps: list[int], gpus: Sequence[int], around: int) -> tuple[int, list[int]]:
    """How many of ``steps`` find room, and what each GPU then holds."""
    placed, used = 0, [0] * len(gpus)
    for place, free in enumerate(gpus):
        if placed < len(steps) and around + steps[placed] <= free:
            used[place] = around
            while placed < len(steps) and used[place] + steps[placed] <= free:
                used[place] += steps[placed]
                placed += 1
    return placed, used
