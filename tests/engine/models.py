"""Tiny models with random weights that real llama.cpp loads and runs, written by the library ``gguf``."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

WORDS = (
    "the of and to in is that it for was on are as with his they at be this from have or by one had not but what all "
    "were"
)
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)

CALLS = ("<tool_call>\n", "</tool_call>")
CALLING_TEMPLATE = (
    "{% if tools %}<|im_start|>system\n<tools>{% for t in tools %}\n{{ t | tojson }}{% endfor %}\n</tools><|im_end|>\n"
    "{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}\n<tool_call>\n{\"name\": \"{{ c.function.name }}\", "
    "\"arguments\": {{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""A form of calls that llama.cpp knows from the template, and forces by a grammar where a call is required."""


def tiny(path: Path, *, name: str = "tiny-random-llama") -> Path:
    """520 KB, some thousand tokens a second: for whatever is not about time."""
    return write(path, name=name)


def slow(path: Path) -> Path:
    """76 MB, about 180 tokens a second on one thread: for streams, cancelling and queues."""
    return write(path, layers=12, dim=512, heads=8, kv_heads=4, ff=1536, half=True, name="slow-random-llama")


def calling(path: Path) -> Path:
    """As `tiny`, with a token for the beginning and one for the end of a tool's call, so that a request may favour
    them: by itself a random model calls nothing."""
    return write(path, name="calling-random-llama", template=CALLING_TEMPLATE, further=CALLS)


def write(path: Path, *, layers: int = 2, dim: int = 64, heads: int = 4, kv_heads: int = 2, ff: int = 128,
          context: int = 2048, seed: int = 1, half: bool = False, name: str = "random",
          template: str = TEMPLATE, further: tuple[str, ...] = ()) -> Path:
    """A GGUF of architecture llama. The output rows of bytes and specials are zero: it writes readable ASCII and always
    runs up to ``max_tokens``."""
    rng = np.random.default_rng(seed)
    tokens, scores, types, first_text = _vocabulary(further)
    size = len(tokens)
    out = gguf.GGUFWriter(path, "llama")
    out.add_name(name)
    out.add_description("random weights, for tests only")
    out.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if half else gguf.LlamaFileType.ALL_F32)
    out.add_size_label(f"{layers}L{dim}D")
    out.add_license("CC0-1.0")
    out.add_quantization_version(gguf.GGML_QUANT_VERSION)
    out.add_context_length(context)
    out.add_embedding_length(dim)
    out.add_block_count(layers)
    out.add_feed_forward_length(ff)
    out.add_head_count(heads)
    out.add_head_count_kv(kv_heads)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_freq_base(10000.0)
    out.add_rope_dimension_count(dim // heads)
    out.add_vocab_size(size)
    out.add_tokenizer_model("llama")
    out.add_tokenizer_pre("default")
    out.add_token_list(tokens)
    out.add_token_scores(scores)
    out.add_token_types(types)
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_unk_token_id(0)
    out.add_add_bos_token(True)
    out.add_add_eos_token(False)
    out.add_add_space_prefix(True)
    out.add_chat_template(template)

    kind = np.float16 if half else np.float32

    def matrix(rows: int, columns: int, scale: float | None = None) -> np.ndarray:
        return (rng.standard_normal((rows, columns)) * (scale or 1.0 / np.sqrt(columns))).astype(kind)

    shared = dim // heads * kv_heads
    out.add_tensor("token_embd.weight", matrix(size, dim, 1.0))
    out.add_tensor("output_norm.weight", np.ones(dim, np.float32))
    last = matrix(size, dim, 0.6)
    last[:first_text] = 0
    out.add_tensor("output.weight", last)
    for layer in range(layers):
        block = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            out.add_tensor(f"{block}{norm}.weight", np.ones(dim, np.float32))
        for part, rows, columns in (
            ("attn_q", dim, dim), ("attn_k", shared, dim), ("attn_v", shared, dim), ("attn_output", dim, dim),
            ("ffn_gate", ff, dim), ("ffn_up", ff, dim), ("ffn_down", dim, ff),
        ):
            out.add_tensor(f"{block}{part}.weight", matrix(rows, columns))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return path


def _vocabulary(further: tuple[str, ...] = ()) -> tuple[list[str], list[float], list[int], int]:
    """As SentencePiece has it: 3 specials, 256 bytes, printable ASCII, a few words and their beginnings."""
    kinds = gguf.TokenType
    tokens: list[str] = []
    scores: list[float] = []
    types: list[int] = []

    def add(token: str, score: float, kind: gguf.TokenType) -> None:
        if token not in tokens:
            tokens.append(token)
            scores.append(score)
            types.append(int(kind))

    add("<unk>", 0.0, kinds.UNKNOWN)
    add("<s>", 0.0, kinds.CONTROL)
    add("</s>", 0.0, kinds.CONTROL)
    for byte in range(256):
        add(f"<0x{byte:02X}>", 0.0, kinds.BYTE)
    first_text = len(tokens)
    for code in range(33, 127):
        add(chr(code), -100.0 - code, kinds.NORMAL)
    add("▁", -99.0, kinds.NORMAL)
    for place, word in enumerate(WORDS.split()):
        add("▁" + word, -1.0 - place, kinds.NORMAL)
        for length in range(2, len(word) + 1):  # it merges pair by pair: each beginning needs a piece of its own
            add("▁" + word[: length - 1], -50.0 - place, kinds.NORMAL)
    for token in further:
        add(token, -1e4, kinds.USER_DEFINED)
    while len(tokens) % 32:
        add(f"<extra_{len(tokens)}>", -1e4, kinds.USER_DEFINED)
    return tokens, scores, types, first_text
