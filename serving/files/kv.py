"""Bytes of the cache of keys and values, layer by layer, as llama.cpp allocates it.

Source: llama.cpp. ``src/llama-kv-cache.cpp``: one tensor K and one V for each layer, ``n_embd_k_gqa`` and
``n_embd_v_gqa`` numbers for each cell and slot, no V with MLA. ``src/llama-kv-cache-iswa.cpp``: cells of layers with
a sliding window. ``src/llama-context.cpp``: cells are padded to 256, for each slot. ``src/llama-hparams.cpp``: which
layers have a window, and the state of recurrent ones. The window of each architecture: where its parameters are loaded.
In short: bytes = cells x sum over layers of kv_heads x (key_length + value_length) x bytes per number.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.marks import N_
from serving.files.facts import MOST_LAYERS, Attention, ModelFacts, Recurrent
from serving.files.ggml import TYPES
from serving.files.sentence import Sentence

_SIZES = {name.lower(): (block, size) for name, block, size in TYPES.values()}
CACHE_TYPES = {
    name: _SIZES[name] for name in ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
}
"""Type of the cache: numbers in a block, and its bytes."""
PAD = 256
BATCH = 512
"""Tokens that llama.cpp works on at once (``--ubatch-size``)."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which layers see a part of the context only: all but each ``period``-th one."""

    period: int
    size: int | None = None  # where the file names none
    dense_first: bool = False
    fixed: bool = False  # whatever size the file names


WINDOWS = {
    "afmoe": Window(4), "cohere2": Window(4), "exaone4": Window(4), "exaone-moe": Window(4), "gemma2": Window(2, 4096),
    "gemma3": Window(6), "gemma3n": Window(5), "gpt-oss": Window(2), "llama4": Window(4, 8192, fixed=True),
    "olmo2": Window(4), "plamo3": Window(8), "smallthinker": Window(4, dense_first=True),
}
"""Architectures for which llama.cpp keeps a window; it ignores that of others, unless the file tells it by layer."""
STATE_ONLY = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
"""Architectures without a cache of keys and values."""
BOTH = frozenset({"falcon-h1"})
"""Architectures whose every layer has a cache and a state."""
FORWARD_ONLY = frozenset({"nemotron_h", "nemotron_h_moe"})
ENCODERS = frozenset({"bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert",
                      "eurobert", "gemma-embedding", "t5encoder"})
UNSURE = frozenset({"deepseek32", "deepseek4", "glm-dsa", "kimi-linear", "minimax-m3", "t5", "plm", "minicpm3"})
"""Architectures that keep something else, or more, which is not counted here."""
_GEMMA3N_CACHED = 20


@dataclass(frozen=True, slots=True)
class Cache:
    """Bytes for each layer, of keys and values and of the state of recurrent layers; ``cells`` of a slot that a mask
    is made for, those of layers with a window included; ``exact`` where the formula is the engine's own."""

    layers: tuple[int, ...]
    states: tuple[int, ...]
    cells: int
    exact: bool
    notes: tuple[Sentence, ...] = ()

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(self.layers) + sum(self.states)


def padded(count: int) -> int:
    """``count`` cells as they are allocated."""
    return -(-count // PAD) * PAD


def cells_of(context: int, slots: int) -> int:
    """Cells of each slot, for ``context`` tokens that ``slots`` share."""
    return padded(-(-padded(context) // slots))


def cache(
    facts: ModelFacts, context: int, slots: int = 1, key_type: str = "f16", value_type: str = "f16",
) -> Cache | None:
    """The cache for ``context`` tokens in all, shared by ``slots``; None where the file says too little.

    Raises:
        KeyError: the type is not one of `CACHE_TYPES`.
    """
    count, shape = facts.block_count, facts.attention
    if not count or count > MOST_LAYERS:
        return None
    cells = cells_of(context, slots)
    keys, values = CACHE_TYPES[key_type], CACHE_TYPES[value_type]
    layers, states, windows, notes = [], [], {0}, _notes(facts)
    for number in range(count):
        sizes = _sizes(facts, shape, number)
        if sizes is None:
            return None
        key, value, window = sizes
        held = min(cells, padded(window + BATCH)) if window else cells
        windows.add(held if window else 0)
        layers.append(slots * held * (_bytes(key, keys) + _bytes(value, values)))
        states.append(slots * _state(facts) if _recurrent(facts, number) else 0)
        if not states[-1] and facts.architecture in STATE_ONLY | BOTH:
            return None
    return Cache(tuple(layers), tuple(states), cells + max(windows) if any(layers) else 0, not notes, tuple(notes))


def _bytes(numbers: int, kind: tuple[int, int]) -> int:
    block, size = kind
    return -(-numbers // block) * size


def _sizes(facts: ModelFacts, shape: Attention, number: int) -> tuple[int, int, int | None] | None:
    """Numbers of keys and of values that a layer keeps for each token, and its window."""
    if facts.architecture in STATE_ONLY | ENCODERS or not _cached(facts, number):
        return 0, 0, None
    heads = _at(shape.kv_heads or shape.heads, number)
    if heads == 0:
        return 0, 0, None
    window = _window(facts, shape, number)
    key, value = _lengths(facts, shape, windowed=window is not None)
    if heads is None or key is None or value is None:
        return None
    if shape.kv_lora_rank and (shape.key_length_mla or facts.format == "safetensors"):
        return shape.kv_lora_rank + (shape.rope_dimensions or 0), 0, None
    return heads * key, heads * value, window


def _lengths(facts: ModelFacts, shape: Attention, *, windowed: bool) -> tuple[int | None, int | None]:
    """Numbers of a head's key and value."""
    first = shape.heads[0] if shape.heads else 0
    usual = facts.embedding_length // first if facts.embedding_length and first else None
    key, value = shape.key_length or usual, shape.value_length or usual
    return (shape.key_length_swa or key, shape.value_length_swa or value) if windowed else (key, value)


def _at(each: tuple[int, ...], number: int) -> int | None:
    """That of a layer; one number counts for all layers."""
    if len(each) == 1:
        return each[0]
    return each[number] if number < len(each) else None


def _cached(facts: ModelFacts, number: int) -> bool:
    """Whether a layer keeps keys and values of its own: some use those of an earlier one, recurrent ones have none."""
    count, interval = facts.block_count or 0, facts.recurrent.full_attention_interval
    shared = facts.attention.shared_kv_layers
    if shared is not None:
        return number < count - shared
    if facts.architecture == "gemma3n":
        return number < _GEMMA3N_CACHED
    return not interval or (number + 1) % interval == 0


def _window(facts: ModelFacts, shape: Attention, number: int) -> int | None:
    known, named = WINDOWS.get(facts.architecture or ""), shape.sliding_window
    pattern = shape.window_pattern
    if named == 0:
        return None
    if len(pattern) > 1:
        return named if named and _at(pattern, number) else None
    if known is None:
        return None
    period = pattern[0] if pattern else known.period
    size = known.size if known.fixed else named or known.size
    if period == 0:
        return size
    place = number % period
    return size if (place != 0 if known.dense_first else place < period - 1) else None


def _recurrent(facts: ModelFacts, number: int) -> bool:
    interval = facts.recurrent.full_attention_interval
    if facts.architecture in STATE_ONLY | BOTH:
        return True
    if interval:
        return (number + 1) % interval != 0
    # Nemotron-H has layers of a third kind, which only feed forward
    forward = _at(facts.recurrent.feed_forward, number) if facts.architecture in FORWARD_ONLY else 0
    return _at(facts.attention.kv_heads, number) == 0 and not forward


def _state(facts: ModelFacts) -> int:
    """Bytes of the state of a recurrent layer, for each slot (``n_embd_r`` and ``n_embd_s``, 4 bytes each)."""
    given: Recurrent = facts.recurrent
    width = facts.embedding_length or 0
    if given.wkv_head_size:
        return 4 * ((given.token_shift_count or 0) * width + width * given.wkv_head_size)
    if given.shortconv_cache:
        return 4 * width * (given.shortconv_cache - 1)
    inner, state = given.inner_size or 0, given.state_size or 0
    moved = max(0, (given.conv_kernel or 0) - 1) * (inner + 2 * (given.group_count or 0) * state)
    return 4 * (moved + inner * state)


def _notes(facts: ModelFacts) -> list[Sentence]:
    if facts.architecture in UNSURE:
        return [Sentence(N_("The cache of architecture {name} is not known here; the usual one is counted."),
                         {"name": facts.architecture or ""})]
    if facts.format == "safetensors":
        return [Sentence(N_("The cache is counted as llama.cpp would allocate it; engines that read safetensors take a "
                            "share of the memory that is set when they start."))]
    return []
