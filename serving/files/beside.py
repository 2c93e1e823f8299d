"""What lies beside safetensors files: ``config.json``, which says what the model is, and the index of its shards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from config.marks import N_
from serving.files.facts import Attention, ModelFacts
from serving.files.json_pieces import Pieces, whole
from serving.files.sentence import BadModelFile
from serving.files.source import opened

LONGEST_CONFIG = 512 * 1024
LONGEST_INDEX = 16 * 2**20
"""Bytes; that of a model with 92,000 tensors in 163 shards has 9 MB."""
MOST_SHARDS = 4096
MOST_TENSORS = 200_000
LONGEST_NAME = 1024


def load(path: Path, longest: int) -> bytes:
    """A small file as a whole.

    Raises:
        OSError: it cannot be read.
        BadModelFile: it is longer than ``longest`` bytes, or no ordinary file.
    """
    with opened(path) as source:
        if source.size > longest:
            raise BadModelFile(N_("{name} has {given} bytes; {most} at most are read."), name=path.name,
                               given=source.size, most=longest)
        return source.piece(source.size, path.name)


def shards(path: Path) -> tuple[str, ...]:
    """Names of the files that ``model.safetensors.index.json`` maps tensors to, sorted.

    Raises:
        OSError: it cannot be read.
        BadModelFile: it is no index, or names a file outside of its folder.
    """
    pieces = Pieces(load(path, LONGEST_INDEX), path.name)
    names: set[bytes] = set()
    for key in pieces.members(LONGEST_NAME):
        if key != b"weight_map":
            pieces.skip()
            continue
        for number, _ in enumerate(pieces.members(LONGEST_NAME)):
            if number == MOST_TENSORS:
                raise BadModelFile(N_("{name} maps more than {most} tensors; no more are read."), name=path.name,
                                   most=MOST_TENSORS)
            if pieces.skip() > LONGEST_NAME:
                raise BadModelFile(N_("{name} names a file with more than {most} bytes."), name=path.name,
                                   most=LONGEST_NAME)
            names.add(pieces.last())
            if len(names) > MOST_SHARDS:
                raise BadModelFile(N_("{name} names more than {most} files; no more are read."), name=path.name,
                                   most=MOST_SHARDS)
    return tuple(sorted(_file_name(name, path.name) for name in names))


def _file_name(given: bytes, index: str) -> str:
    name = whole(given, LONGEST_NAME, index)
    if not isinstance(name, str) or not name or "/" in name or "\0" in name or name in (".", ".."):
        raise BadModelFile(N_("{name} names {given}, which is no file beside it."), name=index, given=str(name))
    return name


def config(path: Path) -> dict[str, Any]:
    """``config.json``.

    Raises:
        OSError: it cannot be read.
        BadModelFile: it is too long, no JSON, or no object.
    """
    given = whole(load(path, LONGEST_CONFIG), LONGEST_CONFIG, path.name)
    if not isinstance(given, dict):
        raise BadModelFile(N_("{name} is no object in braces."), name=path.name)
    return given


def described(facts: ModelFacts, given: dict[str, Any]) -> ModelFacts:
    """``facts`` with what ``config.json`` says (names as Hugging Face's transformers writes them)."""
    inner = given.get("text_config")
    text = {**given, **inner} if isinstance(inner, dict) else given
    names = given.get("architectures")
    first = names[0] if isinstance(names, list) and names else given.get("model_type")
    heads, kv_heads = _whole(text, "num_attention_heads"), _whole(text, "num_key_value_heads", "num_attention_heads")
    hidden = _whole(text, "hidden_size", "n_embd", "d_model")
    length = _whole(text, "head_dim") or (hidden // heads if hidden and heads else None)
    return replace(
        facts, architecture=_text(first), embedding_length=hidden,
        block_count=_whole(text, "num_hidden_layers", "n_layer", "num_layers"),
        feed_forward_length=_whole(text, "intermediate_size"),
        expert_feed_forward_length=_whole(text, "moe_intermediate_size"),
        context_length=_whole(text, "max_position_embeddings", "n_positions", "seq_length"),
        vocabulary=_whole(text, "vocab_size"),
        experts=_whole(text, "num_local_experts", "n_routed_experts", "num_experts"),
        experts_used=_whole(text, "num_experts_per_tok"), quantisation=_quantisation(text) or facts.quantisation,
        attention=Attention(
            heads=(heads,) if heads else (), kv_heads=(kv_heads,) if kv_heads else (), key_length=length,
            value_length=length, kv_lora_rank=_whole(text, "kv_lora_rank"),
            rope_dimensions=_whole(text, "qk_rope_head_dim"),
        ),
    )


def _quantisation(text: dict[str, Any]) -> str | None:
    """Such as "gptq 4-bit"; where nothing was quantised, the type that the weights have."""
    how = text.get("quantization_config")
    if isinstance(how, dict) and (method := _text(how.get("quant_method"))):
        bits = _whole(how, "bits", "w_bit")
        return f"{method} {bits}-bit" if bits else method
    stored = _text(text.get("torch_dtype")) or _text(text.get("dtype"))
    return stored.removeprefix("torch.").upper().replace("FLOAT", "F") if stored else None


def _whole(given: dict[str, Any], *names: str) -> int | None:
    """The first of ``names`` that is a whole number from 1 on."""
    return next((v for name in names if type(v := given.get(name)) is int and 0 < v < 2**48), None)


def _text(given: Any) -> str | None:
    return given[:200] if isinstance(given, str) and given else None
