"""The reader of GGUF headers: what it gives of real files, and that it refuses what is wrong with a sentence."""

from __future__ import annotations

import re
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.files.facts import ModelFacts
from serving.files.gguf import read
from serving.files.sentence import BadModelFile
from tests.engine import models
from tests.serving.files import build

TENSORS = 509_184
"""Bytes of them in the real file."""


@pytest.fixture(scope="module")
def head(tiny_model: Path) -> bytes:
    """The header of a real file, without its tensors."""
    return tiny_model.read_bytes()[:-TENSORS]


def outcome(path: Path) -> ModelFacts | str:
    """What the file says, or the sentence by which it is refused; nothing else may come."""
    try:
        return read(path)
    except BadModelFile as error:
        if not str(error).endswith("."):
            raise
        return str(error)


def test_a_real_file_says_what_it_is(tiny_model: Path) -> None:
    facts = read(tiny_model)
    assert (facts.format, facts.version, facts.kind) == ("gguf", 3, "model")
    assert (facts.architecture, facts.name, facts.licence, facts.size_label) == (
        "llama", "tiny-random-llama", "CC0-1.0", "2L64D")
    assert (facts.parameters, facts.tensors, facts.quantisation, facts.bits_per_weight) == (127_296, 21, "F32", 32.0)
    assert (facts.context_length, facts.block_count, facts.embedding_length) == (2048, 2, 64)
    assert (facts.heads, facts.kv_heads, facts.vocabulary, facts.tokenizer) == (4, 2, 416, "llama")
    assert facts.chat_template and facts.complete
    assert facts.experts is None and facts.split_count is None  # what is not said is absent
    assert facts.file_size == tiny_model.stat().st_size
    assert facts.weights is not None
    assert facts.weights.total == TENSORS  # "size" in the engine's own /v1/models
    assert len(facts.weights.layers) == 2 and not facts.weights.tied


def test_most_numbers_name_the_quantisation_where_no_key_does(tmp_path: Path) -> None:
    tensors = [build.tensor("a", [64], 0), build.tensor("blk.0.b", [256, 4], 12, 256)]
    facts = read(build.gguf(tmp_path / "m.gguf", build.LLAMA, tensors, data=256 + 4 * 144))
    assert facts.quantisation == "Q4_K"
    assert facts.types == {"Q4_K": 1024, "F32": 64}
    assert facts.complete is True
    named = build.gguf(tmp_path / "n.gguf", [*build.LLAMA, ("general.file_type", 15 + 1024)])
    assert read(named).quantisation == "Q4_K_M"


def test_a_new_type_of_tensor_is_no_reason_to_refuse(tmp_path: Path) -> None:
    facts = read(build.gguf(tmp_path / "m.gguf", build.LLAMA, [build.tensor("a", [64], 99)], data=64))
    assert facts.complete is None and facts.weights is None
    assert facts.quantisation == "type 99"


@pytest.mark.parametrize(("keys", "kind"), [
    ([("general.type", "mmproj")], "mmproj"), ([("general.type", "adapter")], "adapter"),
    ([("general.type", "imatrix")], "imatrix"), ([("general.type", "something new")], "other"),
    ([("general.architecture", "clip")], "mmproj"), ([("adapter.type", "lora")], "adapter"), ([], "model"),
])
def test_companions_are_known(tmp_path: Path, keys: list[tuple[str, str]], kind: str) -> None:
    assert read(build.gguf(tmp_path / "m.gguf", keys)).kind == kind


def test_numbers_by_layer_are_kept(tmp_path: Path) -> None:
    keys = [("general.architecture", "x"), ("x.attention.head_count", [8, 4, 2]),
            ("x.attention.head_count_kv", [2, 0, 1]), ("x.attention.sliding_window_pattern", [1, 1, 0]),
            ("x.something", [1, 2, 3])]
    facts = read(build.gguf(tmp_path / "m.gguf", keys))
    assert facts.attention.heads == (8, 4, 2) and facts.attention.kv_heads == (2, 0, 1)
    assert facts.attention.window_pattern == (1, 1, 0)
    assert (facts.heads, facts.kv_heads) == (8, 2)


def test_values_of_a_wrong_type_or_absurd_are_absent(tmp_path: Path) -> None:
    keys = [("general.architecture", "x"), ("x.context_length", "many"), ("x.block_count", ("i32", -1)),
            ("x.embedding_length", ("u64", 2**63)), ("general.name", 7), ("x.expert_count", ("f32", 1.5))]
    facts = read(build.gguf(tmp_path / "m.gguf", keys))
    assert facts.context_length is facts.block_count is facts.embedding_length is facts.name is facts.experts is None


def test_a_download_cut_anywhere_is_told_or_refused(tiny_model: Path, head: bytes, tmp_path: Path) -> None:
    whole, path = tiny_model.read_bytes(), tmp_path / "cut.gguf"
    places = [*range(0, len(head), 97), *range(len(head) - 40, len(head) + 40), len(whole) // 2, len(whole) - 33]
    for place in places:
        path.write_bytes(whole[:place])
        found = outcome(path)
        if isinstance(found, ModelFacts):
            assert place >= len(head) - 32  # what is left out there fills up to the alignment
            assert found.complete is False
        else:
            assert place < len(head)


@pytest.mark.parametrize(("raw", "words"), [
    (b"", "The file has 0 bytes"), (b"GGML" + bytes(40), "begins with GGML"),
    (b"\x00\n\x1b[" + bytes(40), "begins with ???["),
    (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version of GGUF is 1; 2 and 3"),
    (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0), "claims 9223372036854775808 tensors; 100000"),
    (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**64 - 1), "keys; 4096 at most"),
    (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62), "A key claims 4611686018427387904 bytes; 65535"),
], ids=lambda given: given if isinstance(given, str) else "")
def test_what_is_no_gguf_is_refused(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(raw)
    with pytest.raises(BadModelFile, match=re.escape(words)):
        read(path)


@pytest.mark.parametrize(("keys", "tensors", "words"), [
    ([("a", 1), ("a", 2)], [], "The key a stands there twice"),
    ([("general.alignment", 0)], [], "general.alignment is 0; it is a multiple of 8"),
    ([("general.alignment", 12)], [], "multiple of 8"),
    ([("deep", [[[[[[1]]]]]])], [], "deep has arrays in arrays, deeper than 4"),
    ([], [build.tensor("t", [1, 1, 1, 1, 1])], "Tensor 1 claims 5 dimensions; 4"),
    ([], [build.tensor("t", [2**40, 2**40])], "Tensor 1 claims .* numbers"),
    ([], [build.tensor("t", [33], 2)], "rows of 33 numbers; Q4_0 wants a multiple of 32"),
    ([], [build.tensor("t" * 2000, [1])], "name of Tensor 1 claims 2000 bytes; 1024"),
    ([], [build.tensor("t", [1], 100 + number) for number in range(70)], "more than 64 types"),
])
def test_lies_are_refused(tmp_path: Path, keys: list[tuple[str, object]], tensors: list[bytes], words: str) -> None:
    with pytest.raises(BadModelFile, match=words):
        read(build.gguf(tmp_path / "m.gguf", keys, tensors, data=100))


@pytest.mark.parametrize(("body", "words"), [
    (struct.pack("<I", 13), "key has a value of type 13"),
    (struct.pack("<IIQ", 9, 4, 2**61), "key claims 9223372036854775808 bytes"),
    (struct.pack("<IIQ", 9, 8, 2**40), "key claims 1099511627776 elements; 4000000"),
    (struct.pack("<IIQ", 9, 9, 10**6), "elements; 100000"),
    (struct.pack("<IIQ", 9, 77, 1), "array of type 77"),
    (struct.pack("<IQ", 8, 2**40), "key claims 1024 bytes|key claims 1099511627776 bytes"),
])
def test_a_length_is_believed_within_the_file_only(tmp_path: Path, body: bytes, words: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + build.text("key") + body)
    with pytest.raises(BadModelFile, match=words):
        read(path)


def test_what_is_shown_of_a_file_is_short_and_plain(tmp_path: Path) -> None:
    keys = [("\x1b[31m" + "k" * 500, 1), ("\x1b[31m" + "k" * 500, 1)]
    with pytest.raises(BadModelFile) as refused:
        read(build.gguf(tmp_path / "m.gguf", keys))
    assert len(str(refused.value)) < 120 and "\x1b" not in str(refused.value)


def test_a_pipe_or_a_folder_is_refused_at_once(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.gguf")
    for path in (tmp_path / "pipe.gguf", tmp_path):
        with pytest.raises(BadModelFile, match="no ordinary file"):
            read(path)


def test_a_big_vocabulary_costs_little_memory(tmp_path: Path) -> None:
    path = build.big_vocabulary(tmp_path / "big.gguf")
    read(path)
    tracemalloc.start()
    facts = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert facts.vocabulary == 150_000
    assert path.stat().st_size > 5_000_000
    assert peak < 2**20  # gguf.GGUFReader takes some hundred MB for such a file


def test_a_file_of_many_gigabytes_is_not_read_through(tmp_path: Path) -> None:
    tensors = [build.tensor("blk.0.w", [2**20, 2**10], 0)]
    path = build.gguf(tmp_path / "m.gguf", build.LLAMA, tensors, data=2**42)  # sparse: takes no room on the disk
    tracemalloc.start()
    facts = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert facts.complete and facts.parameters == 2**30 and peak < 2**20


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=9)), min_size=1, max_size=8),
       cut=st.integers(0, 10_000))
def test_a_fuzzed_header_is_read_or_refused(
    tiny_model: Path, tmp_path: Path, changes: list[tuple[int, bytes]], cut: int
) -> None:
    raw = bytearray(tiny_model.read_bytes()[:-TENSORS])
    for place, what in changes:
        place %= len(raw)
        raw[place:place + len(what)] = what
    path = tmp_path / "fuzz.gguf"
    path.write_bytes(raw[: len(raw) - cut % len(raw)] if cut % 3 == 0 else raw)
    outcome(path)


def test_every_real_model_of_the_tests_is_complete(tmp_path: Path) -> None:
    for kv_heads in (1, 4):
        facts = read(models.write(tmp_path / "m.gguf", layers=3, kv_heads=kv_heads, half=True))
        assert facts.complete and facts.kv_heads == kv_heads and facts.quantisation == "F16"
