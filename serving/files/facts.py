"""What Vigie knows of a model file. What the file does not say is None, and never 0."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["model", "mmproj", "adapter", "imatrix", "other"]
MOST_LAYERS = 4096
"""What claims more layers is not believed."""


@dataclass(frozen=True, slots=True)
class Attention:
    """What the size of the cache of keys and values goes by, in the words of GGUF. Numbers for each layer are tuples; a
    tuple of one counts for every layer."""

    heads: tuple[int, ...] = ()
    kv_heads: tuple[int, ...] = ()
    key_length: int | None = None
    value_length: int | None = None
    key_length_swa: int | None = None
    value_length_swa: int | None = None
    sliding_window: int | None = None
    window_pattern: tuple[int, ...] = ()
    shared_kv_layers: int | None = None
    kv_lora_rank: int | None = None
    key_length_mla: int | None = None
    rope_dimensions: int | None = None


@dataclass(frozen=True, slots=True)
class Recurrent:
    """What the size of the state of recurrent layers goes by: Mamba's, RWKV's and LFM2's, in the words of GGUF."""

    conv_kernel: int | None = None
    inner_size: int | None = None
    state_size: int | None = None
    group_count: int | None = None
    full_attention_interval: int | None = None
    wkv_head_size: int | None = None
    token_shift_count: int | None = None
    shortconv_cache: int | None = None
    feed_forward: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of the tensors: those of each layer, of the embedding of the input, of the output, of the rest. With
    ``tied`` the output has no tensor of its own: it uses the embedding, which engines then hold on the GPU, too."""

    layers: tuple[int, ...] = ()
    embedding: int = 0
    output: int = 0
    rest: int = 0
    tied: bool = False

    @property
    def total(self) -> int:
        """Bytes of all of them."""
        return sum(self.layers) + self.embedding + self.output + self.rest


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the header of a model file says.

    ``version`` is that of GGUF; ``parameters`` the numbers in all tensors; ``types`` how many of them each type has;
    ``context_length`` what the model was trained with, in tokens; ``complete`` whether all tensors lie inside of the
    file (None: the size of one of their types is not known here); ``weights`` is None where it cannot be told.
    """

    format: Literal["gguf", "safetensors"]
    file_size: int
    version: int | None = None
    kind: Kind = "model"
    architecture: str | None = None
    name: str | None = None
    tensors: int = 0
    parameters: int | None = None
    quantisation: str | None = None
    types: dict[str, int] = field(default_factory=dict)
    context_length: int | None = None
    block_count: int | None = None
    embedding_length: int | None = None
    feed_forward_length: int | None = None
    expert_feed_forward_length: int | None = None
    experts: int | None = None
    experts_used: int | None = None
    vocabulary: int | None = None
    tokenizer: str | None = None
    chat_template: bool = False
    licence: str | None = None
    size_label: str | None = None
    split_number: int | None = None
    split_count: int | None = None
    split_tensors: int | None = None
    complete: bool | None = None
    weights: Weights | None = None
    attention: Attention = Attention()
    recurrent: Recurrent = Recurrent()

    @property
    def stored(self) -> int:
        """Bytes of the tensors; those of the file where the size of the tensors is not known."""
        return self.weights.total if self.weights else self.file_size

    @property
    def bits_per_weight(self) -> float | None:
        """Bits that a number takes, on average."""
        return round(self.stored * 8 / self.parameters, 2) if self.parameters else None

    @property
    def heads(self) -> int | None:
        """Heads of the layer that has most."""
        return max(self.attention.heads, default=None)

    @property
    def kv_heads(self) -> int | None:
        """Heads of keys and values of the layer that has most."""
        return max(self.attention.kv_heads, default=None)
