"""The example of docs/run-models.md is a configuration, and names every key there is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from config.dashboard import DashboardConfig
from config.documents import document
from config.serving import ModelProcess, Models
from serving.processes.definition import definition, definitions

PAGE = (Path(__file__).parents[3] / "docs" / "run-models.md").read_text(encoding="utf-8")


def test_the_example_is_a_configuration() -> None:
    [example] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    models = document(DashboardConfig.model_validate(json.loads(example)).models)
    good, bad = definitions(models)
    assert list(good) == ["qwen3-8b", "coder"] and not bad
    assert good["coder"].words(8101)[:5] == ["vllm", "serve", "/srv/models/coder", "--served-model-name", "coder"]
    assert "--ctx-size 16384" in " ".join(good["qwen3-8b"].words(1))


def test_what_is_left_out_is_taken_as_the_configuration_has_it() -> None:
    told = definition(document(ModelProcess(name="x")), document(Models()))
    assert replace(told, parameters={}) == definition({"name": "x"}, {})


def test_every_key_is_explained() -> None:
    of_all = {"engine", "contextSize", "temperature", "topP", "topK", "maxTokens", "repeatPenalty"}
    for name, field in ModelProcess.model_fields.items():
        key = field.alias or name
        assert key in of_all or f"`{key}`" in PAGE, key
