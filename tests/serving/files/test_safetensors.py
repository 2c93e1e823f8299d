"""The reader of safetensors headers, of ``config.json`` and of the index of shards."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.files import beside
from serving.files.facts import ModelFacts
from serving.files.safetensors import read
from serving.files.sentence import BadModelFile
from tests.serving.files import build
from tests.serving.files.build import entry

TWO = {"a.weight": entry(0, 32, [2, 4]), "b.weight": entry(32, 48, [8], "BF16"), "__metadata__": {"format": "pt"}}


def test_a_file_says_what_it_holds(tmp_path: Path) -> None:
    facts = read(build.safetensors(tmp_path / "m.safetensors", TWO, 48))
    assert (facts.format, facts.kind, facts.tensors, facts.parameters) == ("safetensors", "model", 2, 16)
    assert facts.types == {"F32": 8, "BF16": 8}
    assert facts.bits_per_weight == 24.0
    assert facts.complete is True
    assert facts.weights is not None and facts.weights.total == 48


def test_a_cut_download_is_told(tmp_path: Path) -> None:
    for left in (0, 1, 47):
        assert read(build.safetensors(tmp_path / "m.safetensors", TWO, left)).complete is False


def test_the_order_of_tensors_in_the_header_does_not_matter(tmp_path: Path) -> None:
    facts = read(build.safetensors(tmp_path / "m.safetensors", dict(reversed(TWO.items())), 48))
    assert facts.complete is True


def test_an_adapter_is_known_by_its_tensors(tmp_path: Path) -> None:
    header = {"base_model.model.layers.0.q_proj.lora_A.weight": entry(0, 16)}
    assert read(build.safetensors(tmp_path / "m.safetensors", header, 16)).kind == "adapter"


def test_tensors_of_no_bytes_and_of_new_types_are_allowed(tmp_path: Path) -> None:
    header = {"empty": entry(0, 0, [0, 7]), "new": entry(0, 5, [10], "F9_NEW"), "one": entry(5, 9, [])}
    facts = read(build.safetensors(tmp_path / "m.safetensors", header, 9))
    assert facts.parameters == 11 and facts.complete


@pytest.mark.parametrize(("header", "data", "words"), [
    ({"a": entry(0, 8), "b": entry(4, 12)}, 12, "begins at byte 4 of the data; the one before it ends at 8"),
    ({"a": entry(0, 8), "b": entry(12, 16)}, 16, "begins at byte 12 of the data"),
    ({"a": entry(0, 8)}, 9, "The tensors end at byte 8 of the data; the file has 9"),
    ({"a": entry(0, 8, [3])}, 8, "a has 3 numbers of F32, but 8 bytes"),
    ({"a": entry(0, 8, [-2])}, 8, "shape of a is no list"),
    ({"a": entry(0, 8, [2**40, 2**40])}, 8, "shape of a makes"),
    ({"a": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}}, 4, "shape of a is no list"),
    ({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, 4, "shape of a is no list"),
    ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, 4, "data_offsets of a are no begin and end"),
    ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**64]}}, 4, "data_offsets of a"),
    ({"a": {"dtype": 4, "shape": [1], "data_offsets": [0, 4]}}, 4, "dtype of a"),
    ({"a": {"dtype": "F32", "shape": [1]}}, 4, "a has to have dtype, shape and data_offsets"),
    ({"a": 7}, 4, "a has to have"),
    ({"__metadata__": {"a": 1}}, 0, "__metadata__ is an object of texts"),
    (b'{"a":1,"a":2}', 0, "a has to have"),
    (b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', 8,
     "The header names x twice"),
    (b'{"x":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}', 4, "The header names dtype twice"),
    (b"[]", 0, "no JSON at byte"), (b'{"a"}', 0, "no JSON"), (b'{"__metadata__":{}', 0, "no JSON"),
    (b"{}x", 0, "no JSON"),
    (b'{,"a":{}}', 0, "no JSON"), (b'{"a\xff":{"dtype":"\xff"}}', 0, "no JSON"),
    (b'{"__metadata__":' + b"[" * 4000 + b"]" * 4000 + b"}", 0, "nested deeper than 64"),
    (b'{"' + b"n" * 2000 + b'":1}', 0, "a name of 2000 bytes; 1024"),
    (b'{"n":"' + b"v" * 5000 + b'"}', 0, "a value of 5002 bytes; 4096"),
    ({str(n): entry(4 * n, 4 * n + 4, [1], f"T{n}") for n in range(70)}, 280, "more than 64 types"),
], ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_lies_are_refused(tmp_path: Path, header: Any, data: int, words: str) -> None:
    with pytest.raises(BadModelFile, match=words):
        read(build.safetensors(tmp_path / "m.safetensors", header, data))


@pytest.mark.parametrize(("claimed", "words"), [
    (2**63, "claims 9223372036854775808 bytes; 16777216"), (17 * 2**20, "17825792 bytes; 16777216"),
    (1000, "claims 1000 bytes; the file has"), (0, "claims 0 bytes"),
])
def test_the_length_of_the_header_is_bounded(tmp_path: Path, claimed: int, words: str) -> None:
    with pytest.raises(BadModelFile, match=words):
        read(build.safetensors(tmp_path / "m.safetensors", TWO, 48, claimed=claimed))


def test_a_file_cut_within_its_header_is_refused(tmp_path: Path) -> None:
    path = build.safetensors(tmp_path / "m.safetensors", TWO)
    raw = path.read_bytes()
    for place in range(len(raw) - 1):
        path.write_bytes(raw[:place])
        with pytest.raises(BadModelFile):
            read(path)


def test_long_histories_of_training_are_gone_over(tmp_path: Path) -> None:
    header = {"__metadata__": {"history": 'a "word" \\ ' * 200_000}, "a": entry(0, 4)}
    facts = read(build.safetensors(tmp_path / "m.safetensors", header, 4))
    assert facts.tensors == 1


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=0, max_size=6)), min_size=1, max_size=6))
def test_a_fuzzed_header_is_read_or_refused(tmp_path: Path, changes: list[tuple[int, bytes]]) -> None:
    raw = bytearray(json.dumps(TWO).encode())
    for place, what in changes:
        place %= len(raw)
        raw[place:place + max(1, len(what))] = what
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(48))
    try:
        read(path)
    except BadModelFile as error:
        if not str(error).endswith("."):
            raise


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.dictionaries(st.text(max_size=20), st.integers(0, 3), max_size=8))
def test_names_of_any_letters_are_read_as_json_has_them(tmp_path: Path, names: dict[str, int]) -> None:
    header, end = {}, 0
    for name, count in names.items():
        if name != "__metadata__":
            header[name], end = entry(end, end + 4 * count), end + 4 * count
    facts = read(build.safetensors(tmp_path / "m.safetensors", header, end))
    assert facts.tensors == len(header) and facts.complete


CONFIG = {
    "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "max_position_embeddings": 131_072, "vocab_size": 128_256, "torch_dtype": "bfloat16",
}


def test_config_json_says_what_the_model_is(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    facts = beside.described(ModelFacts("safetensors", 1), beside.config(tmp_path / "config.json"))
    assert (facts.architecture, facts.block_count, facts.kv_heads, facts.context_length) == (
        "LlamaForCausalLM", 32, 8, 131_072)
    assert facts.attention.key_length == 128
    assert (facts.vocabulary, facts.quantisation) == (128_256, "BF16")


def test_config_json_of_other_makers(tmp_path: Path) -> None:
    plain = ModelFacts("safetensors", 1)
    quantised = {**CONFIG, "quantization_config": {"quant_method": "gptq", "bits": 4}}
    assert beside.described(plain, quantised).quantisation == "gptq 4-bit"
    seeing = {"model_type": "gemma3", "text_config": {"hidden_size": 2560, "num_hidden_layers": 34}}
    facts = beside.described(plain, seeing)
    assert (facts.architecture, facts.embedding_length, facts.block_count) == ("gemma3", 2560, 34)
    wrong = {"hidden_size": "4096", "num_hidden_layers": -1, "architectures": [], "vocab_size": True}
    odd = beside.described(plain, wrong)
    assert odd.embedding_length is odd.block_count is odd.architecture is odd.vocabulary is None


@pytest.mark.parametrize("raw", [b"", b"[]", b"7", b'{"a":1,"a":2}', b"\xff\xfe", b"[" * 100_000, b" " * 600_000])
def test_a_bad_config_json_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "config.json").write_bytes(raw)
    with pytest.raises(BadModelFile):
        beside.config(tmp_path / "config.json")


def test_the_index_names_the_shards(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors.index.json"
    names = {f"layer.{n}": f"model-0000{n % 3 + 1}-of-00003.safetensors" for n in range(100)}
    path.write_text(json.dumps({"metadata": {"total_size": 9}, "weight_map": names}))
    assert beside.shards(path) == tuple(f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", "..", 7, None, ["a"], "n" * 5000])
def test_the_index_leads_nowhere_else(tmp_path: Path, name: object) -> None:
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(BadModelFile):
        beside.shards(path)
