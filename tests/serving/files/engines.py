"""Models of other architectures that real llama.cpp loads, and an engine that tells what it allocates."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import psutil

from tests.engine import models
from tests.engine.run import COMMAND, healthy
from tests.support import free_port, wait_until

MIB = 2**20


@dataclass(frozen=True)
class Told:
    """What the engine says that it has allocated, in bytes, and what it holds."""

    caches: tuple[float, ...]
    compute: float
    process: psutil.Process
    url: str


@contextmanager
def telling(model: Path, folder: Path, *options: str) -> Iterator[Told]:
    """The engine with ``model``, its log gone through."""
    port, log = free_port(), folder / "engine.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND.split(), "-m", str(model), "--port", str(port), "-lv", "5", *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=file,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or healthy(url), 30, f"the engine at {url} is ready")
        text = log.read_text(errors="replace")
        assert process.poll() is None, text[-2000:]
        loaded = text[text.rindex("llama_context: constructing"):]  # it tries once without memory before
        caches = re.findall(r"(?:llama_kv_cache|llama_memory_recurrent): size = +([\d.]+) MiB", loaded)
        compute = re.findall(r"CPU compute buffer size = +([\d.]+) MiB", loaded)
        sizes = tuple(float(size) * MIB for size in caches)
        yield Told(sizes, float(compute[-1]) * MIB, psutil.Process(process.pid), url)
    finally:
        process.terminate()
        process.wait(20)


def _start(path: Path, architecture: str, *, dim: int, heads: int, kv_heads: int, layers: int) -> gguf.GGUFWriter:
    tokens, scores, types, _ = models._vocabulary()
    out = gguf.GGUFWriter(path, architecture)
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    out.add_context_length(8192)
    out.add_embedding_length(dim)
    out.add_block_count(layers)
    out.add_feed_forward_length(2 * dim)
    out.add_head_count(heads)
    out.add_head_count_kv(kv_heads)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("llama")
    out.add_tokenizer_pre("default")
    out.add_token_list(tokens)
    out.add_token_scores(scores)
    out.add_token_types(types)
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_unk_token_id(0)
    out.add_tensor("token_embd.weight", _matrix(len(tokens), dim))
    out.add_tensor("output_norm.weight", np.ones(dim, np.float32))
    return out


def _matrix(*shape: int) -> np.ndarray:
    return np.full(shape, 0.01, np.float32)


def _end(out: gguf.GGUFWriter, path: Path) -> Path:
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return path


def gemma3(path: Path, *, layers: int = 7, window: int = 512) -> Path:
    """Five layers of six see a window only; the output shares the tensor of the input."""
    dim, length, heads = 64, 32, 4
    out = _start(path, "gemma3", dim=dim, heads=heads, kv_heads=2, layers=layers)
    out.add_key_length(length)
    out.add_value_length(length)
    out.add_sliding_window(window)
    for layer in range(layers):
        block = f"blk.{layer}."
        for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            out.add_tensor(f"{block}{norm}.weight", np.ones(dim, np.float32))
        for norm in ("attn_q_norm", "attn_k_norm"):
            out.add_tensor(f"{block}{norm}.weight", np.ones(length, np.float32))
        for part, rows, columns in (
            ("attn_q", heads * length, dim), ("attn_k", 2 * length, dim), ("attn_v", 2 * length, dim),
            ("attn_output", dim, heads * length), ("ffn_gate", 2 * dim, dim), ("ffn_up", 2 * dim, dim),
            ("ffn_down", dim, 2 * dim),
        ):
            out.add_tensor(f"{block}{part}.weight", _matrix(rows, columns))
    return _end(out, path)


def mamba(path: Path, *, layers: int = 3) -> Path:
    """No cache of keys and values, but a state for each slot."""
    dim, inner, state, kernel, rank = 256, 512, 128, 4, 16
    out = _start(path, "mamba", dim=dim, heads=0, kv_heads=0, layers=layers)
    out.add_ssm_conv_kernel(kernel)
    out.add_ssm_inner_size(inner)
    out.add_ssm_state_size(state)
    out.add_ssm_time_step_rank(rank)
    for layer in range(layers):
        block = f"blk.{layer}."
        for part, shape in (
            ("attn_norm.weight", (dim,)), ("ssm_in.weight", (2 * inner, dim)), ("ssm_conv1d.weight", (inner, kernel)),
            ("ssm_conv1d.bias", (inner,)), ("ssm_x.weight", (rank + 2 * state, inner)),
            ("ssm_dt.weight", (inner, rank)), ("ssm_dt.bias", (inner,)), ("ssm_a", (inner, state)), ("ssm_d", (inner,)),
            ("ssm_out.weight", (dim, inner)),
        ):
            out.add_tensor(block + part, _matrix(*shape))
    return _end(out, path)


def deepseek2(path: Path, *, layers: int = 3) -> Path:
    """Multi-head latent attention: what is kept of a token is one short row, for keys and values alike."""
    dim, heads, nope, rope, rank, value = 64, 4, 16, 16, 48, 16
    out = _start(path, "deepseek2", dim=dim, heads=heads, kv_heads=1, layers=layers)
    out.add_key_length(rank + rope)
    out.add_value_length(rank)
    out.add_key_length_mla(nope + rope)
    out.add_value_length_mla(value)
    out.add_kv_lora_rank(rank)
    out.add_q_lora_rank(32)
    out.add_rope_dimension_count(rope)
    out.add_leading_dense_block_count(layers)
    out.add_expert_count(0)
    out.add_expert_used_count(0)
    out.add_expert_shared_count(0)
    out.add_expert_feed_forward_length(16)
    out.add_expert_weights_scale(1.0)
    for layer in range(layers):
        block = f"blk.{layer}."
        for norm, size in (("attn_norm", dim), ("ffn_norm", dim), ("attn_q_a_norm", 32), ("attn_kv_a_norm", rank)):
            out.add_tensor(f"{block}{norm}.weight", np.ones(size, np.float32))
        for part, shape in (
            ("attn_q_a", (32, dim)), ("attn_q_b", (heads * (nope + rope), 32)), ("attn_kv_a_mqa", (rank + rope, dim)),
            ("attn_k_b", (heads, rank, nope)), ("attn_v_b", (heads, value, rank)),
            ("attn_output", (dim, heads * value)), ("ffn_gate", (2 * dim, dim)), ("ffn_up", (2 * dim, dim)),
            ("ffn_down", (dim, 2 * dim)),
        ):
            out.add_tensor(f"{block}{part}.weight", _matrix(*shape))
    return _end(out, path)
