"""Model files in words: states, sentences with their values, verdicts; and that two lists of cache types agree."""

from __future__ import annotations

from typing import get_args

import pytest

from api.serving_file_models import CacheType
from components import file_words
from components.model_dialogs import CACHE_TYPES, fit_dialog
from components.model_files import parameters, process_name
from config.serving import ModelProcess
from serving.files import kv
from serving.files.facts import ModelFacts
from serving.files.need import Fit
from serving.files.rows import ModelFile
from serving.files.sentence import BadModelFile, Sentence

pytestmark = pytest.mark.usefixtures("english")


def file(**more: object) -> ModelFile:
    return ModelFile("/m/a.gguf", "a", "gguf", "/m", size=1, **more)  # type: ignore[arg-type]


def fit(fits: str, *, missing: int = 0, tight: bool = False, on_gpu: int = 0) -> Fit:
    return Fit(fits, on_gpu, 33, missing, tight, (), 0)  # type: ignore[arg-type]


def test_a_sentence_is_filled_and_what_a_file_says_is_no_template() -> None:
    said = BadModelFile("{part} claims {given} bytes.", part="{given} %(name)s %s", given=5).sentence
    assert file_words.told(said) == "{given} %(name)s %s claims 5 bytes."
    assert file_words.told(Sentence("Give or take {percent} %.", {"percent": 7})) == "Give or take 7 %."
    assert file_words.told(None) == ""


def test_states() -> None:
    facts, wrong = ModelFacts("gguf", 1), Sentence("wrong")
    assert file_words.state(file(facts=facts)) == "fine"
    assert file_words.state(file(reading=True)) == "reading"
    assert file_words.state(file(facts=facts, error=wrong, missing=("x",))) == "missing"
    assert file_words.state(file(facts=facts, error=wrong)) == "broken"
    assert file_words.state(file()) == "unopened"
    assert file_words.state_words("missing", 2) == "2 parts missing"


def test_verdicts_say_what_is_missing_and_where_it_lies() -> None:
    assert "no GPU" in file_words.verdict(fit("yes"), 0)
    assert file_words.verdict(fit("yes"), 1) == "It fits: all layers on the GPU."
    assert "3.0 GiB" in file_words.verdict(fit("no", missing=3 * 2**30), 1)
    partly = file_words.verdict(fit("partly", missing=2**30, on_gpu=20, tight=True), 2, lower_bound=True)
    assert "20 of 33" in partly and "close" in partly and "lower bound" in partly
    assert "not known" in file_words.verdict(None, 0)


@pytest.mark.parametrize("name", ["Qwen3 0.6B (chat)", "--model", "été", "", "a" * 300, "org/name", "../x"])
def test_a_process_may_be_called_what_is_proposed(name: str) -> None:
    assert ModelProcess(name=process_name(name)).name


@pytest.mark.parametrize(("count", "words"), [
    (None, "–"), (950, "950"), (127_000, "127 K"), (7_240_000_000, "7.2 B"), (671e9, "671 B"), (1.04e12, "1.0 T"),
])
def test_parameters_are_told_as_people_say_them(count: int | None, words: str) -> None:
    assert parameters(count) == words


def test_the_types_of_cache_are_those_that_can_be_counted() -> None:
    assert set(CACHE_TYPES) == set(get_args(CacheType)) == set(kv.CACHE_TYPES)


@pytest.mark.usefixtures("english")
def test_the_sum_of_a_need_says_that_the_context_of_a_gpu_is_not_in_it() -> None:
    assert "The model itself needs {total}, without the context of a GPU: {parts}." in str(fit_dialog(may_define=False))
