"""From the keys of a GGUF header to `ModelFacts`."""

from __future__ import annotations

from collections import Counter

from serving.files.facts import Attention, Kind, ModelFacts, Recurrent, Weights
from serving.files.ggml import FILE_TYPES, GUESSED, TYPES

Value = int | float | str | tuple[int, ...] | range | None
"""A number, a text, the numbers of an array that was kept, the count of one that was not (as a range), or nothing."""
LARGEST = 2**48
"""No size of a model comes near; what is larger is no number that anything may be computed from."""
KINDS: dict[str, Kind] = {"model": "model", "mmproj": "mmproj", "adapter": "adapter", "imatrix": "imatrix"}


class Keys:
    """The values by their meaning: of another type than they should have, or absurd, they are absent."""

    def __init__(self, values: dict[str, Value]) -> None:
        self._values = values
        self.architecture = self.text("general.architecture")

    def of(self, key: str) -> str:
        """The key below the architecture."""
        return f"{self.architecture}.{key}"

    def text(self, key: str) -> str | None:
        """A text that is not empty."""
        value = self._values.get(key)
        return value.strip() or None if isinstance(value, str) else None

    def whole(self, key: str) -> int | None:
        """A whole number from 0 on."""
        value = self._values.get(key)
        return int(value) if isinstance(value, int) and _sane(value) else None

    def own(self, key: str) -> int | None:
        """`whole` below the architecture."""
        return self.whole(self.of(key))

    def each(self, key: str) -> tuple[int, ...]:
        """Numbers of each layer below the architecture, or one for all of them."""
        value = self._values.get(self.of(key))
        if isinstance(value, tuple):
            return value if all(map(_sane, value)) else ()
        return (int(value),) if isinstance(value, int) and _sane(value) else ()

    def count(self, key: str) -> int | None:
        """Elements of an array."""
        value = self._values.get(key)
        return len(value) if isinstance(value, (range, tuple)) else None

    def __contains__(self, key: str) -> bool:
        return key in self._values


def _sane(value: int) -> bool:
    return 0 <= value <= LARGEST


def facts_of(
    values: dict[str, Value], *, file_size: int, version: int, tensors: int, numbers: Counter[int],
    complete: bool | None, weights: Weights | None,
) -> ModelFacts:
    """What the header says; ``numbers`` counts those in tensors by type."""
    keys = Keys(values)
    forward = keys.each("feed_forward_length")
    return ModelFacts(
        format="gguf", file_size=file_size, version=version, kind=_kind(keys), architecture=keys.architecture,
        name=keys.text("general.name"), tensors=tensors, parameters=numbers.total() or None,
        quantisation=_quantisation(keys, numbers),
        types={_type_name(kind): count for kind, count in numbers.most_common()},
        context_length=keys.own("context_length"), block_count=keys.own("block_count"),
        embedding_length=keys.own("embedding_length"), feed_forward_length=max(forward, default=None),
        expert_feed_forward_length=keys.own("expert_feed_forward_length"),
        experts=keys.own("expert_count"),
        experts_used=keys.own("expert_used_count"), vocabulary=_vocabulary(keys),
        tokenizer=keys.text("tokenizer.ggml.model"), chat_template="tokenizer.chat_template" in keys,
        licence=keys.text("general.license"), size_label=keys.text("general.size_label"),
        split_number=keys.whole("split.no"), split_count=keys.whole("split.count"),
        split_tensors=keys.whole("split.tensors.count"), complete=complete, weights=weights,
        attention=_attention(keys), recurrent=_recurrent(keys, forward),
    )


def _kind(keys: Keys) -> Kind:
    """``general.type`` where it stands; files from before it are known by their architecture and keys."""
    named = keys.text("general.type")
    if named:
        return KINDS.get(named, "other")
    if keys.architecture == "clip":
        return "mmproj"
    return "adapter" if "adapter.type" in keys else "model"


def _quantisation(keys: Keys, numbers: Counter[int]) -> str | None:
    """That of ``general.file_type``, or of the type that most numbers have."""
    given = keys.whole("general.file_type")
    named = FILE_TYPES.get(given & ~GUESSED) if given is not None else None
    return named or (_type_name(numbers.most_common(1)[0][0]) if numbers else None)


def _type_name(kind: int) -> str:
    return TYPES[kind][0] if kind in TYPES else f"type {kind}"


def _vocabulary(keys: Keys) -> int | None:
    tokens = keys.count("tokenizer.ggml.tokens")
    return keys.own("vocab_size") if tokens is None else tokens


def _attention(keys: Keys) -> Attention:
    return Attention(
        heads=keys.each("attention.head_count"), kv_heads=keys.each("attention.head_count_kv"),
        key_length=keys.own("attention.key_length"), value_length=keys.own("attention.value_length"),
        key_length_swa=keys.own("attention.key_length_swa"),
        value_length_swa=keys.own("attention.value_length_swa"), sliding_window=keys.own("attention.sliding_window"),
        window_pattern=keys.each("attention.sliding_window_pattern"),
        shared_kv_layers=keys.own("attention.shared_kv_layers"), kv_lora_rank=keys.own("attention.kv_lora_rank"),
        key_length_mla=keys.own("attention.key_length_mla"), rope_dimensions=keys.own("rope.dimension_count"),
    )


def _recurrent(keys: Keys, forward: tuple[int, ...]) -> Recurrent:
    return Recurrent(
        conv_kernel=keys.own("ssm.conv_kernel"), inner_size=keys.own("ssm.inner_size"),
        state_size=keys.own("ssm.state_size"), group_count=keys.own("ssm.group_count"),
        full_attention_interval=keys.own("full_attention_interval"), wkv_head_size=keys.own("wkv.head_size"),
        token_shift_count=keys.own("token_shift_count"), shortconv_cache=keys.own("shortconv.l_cache"),
        feed_forward=forward if len(forward) > 1 else (),
    )
