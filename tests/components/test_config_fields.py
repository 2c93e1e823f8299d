"""The form of the configuration: every field of the model has its control, and a type without one is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dash.development.base_component import Component
from pydantic import Field, create_model

from components import config_form, config_page
from components.config_fields import Node, _group, description
from components.config_form_words import amount, range_words
from components.markup import to_html
from config.dashboard import DashboardConfig
from config.documents import document, masked
from config.section import Section

LEAVES = dict(description().leaves())
HIDDEN = {"version", "metadata.lastModified", "metadata.modifiedBy"}
"""Vigie's own words about the file."""


def paths(model: type[Section], prefix: str = "") -> Iterator[str]:
    """Every field of the model by its dotted path, found by the model's own schema and not by the form."""
    schema = model.model_json_schema(by_alias=True)

    def walk(part: dict[str, Any], at: str) -> Iterator[str]:
        part = schema["$defs"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
        if "properties" in part:
            for name, inner in part["properties"].items():
                yield from walk(inner, f"{at}.{name}" if at else name)
        elif isinstance(part.get("additionalProperties"), dict):
            yield from walk(part["additionalProperties"], f"{at}.*")
        elif "$ref" in part.get("items", {}):
            yield from walk(part["items"], f"{at}.*")
        else:
            yield at

    yield from walk(schema, prefix)


def test_every_field_of_the_model_has_a_control() -> None:
    assert set(LEAVES) == set(paths(DashboardConfig)) - HIDDEN


@pytest.mark.parametrize("path", LEAVES)
def test_a_field_has_a_title_and_a_default_that_the_model_has(path: str) -> None:
    node = LEAVES[path]
    assert node.title
    if "*" not in path and node.control != "secret":
        found: Any = document(DashboardConfig())
        for key in path.split("."):
            found = found[key]
        assert node.default == found


def test_controls_are_those_that_fit() -> None:
    expected = {
        "paths.modelsDirectory": "path", "paths.watchedDirectories.*.extensions": "words",
        "proxies.ollama.port": "whole",
        "proxies.ollama.apiKey": "secret", "monitoring.updateInterval": "select", "ui.sidebarCollapsed": "switch",
        "models.defaultParameters.temperature": "slider", "models.defaultParameters.topP": "slider",
        "monitoring.alertThresholds.cpuPercent": "number", "notifications.targets.*.days": "choices",
        "notifications.targets.*.fromTime": "clock", "notifications.targets.*.timezone": "zone",
        "notifications.targets.*.bodyTemplate": "long", "notifications.channels": "names",
        "notifications.targets.*.url": "secret",
    }
    assert {path: LEAVES[path].control for path in expected} == expected
    temperature = LEAVES["models.defaultParameters.temperature"]
    assert (temperature.low, temperature.high, temperature.step) == (0, 2, 0.1)


def test_defaults_are_those_of_the_place_and_not_of_the_type() -> None:
    assert LEAVES["notifications.alertTypes.systemAlert.channels"].default == ["toast", "email"]
    assert LEAVES["notifications.alertTypes.configChanged.channels"].default == ["toast"]


@pytest.mark.parametrize("kind", [set[str], dict[str, int], tuple[int, ...], bytes])
def test_a_type_without_a_control_is_refused(kind: Any) -> None:
    model = create_model("Odd", __base__=Section, odd=(kind, Field(title="Odd")))
    with pytest.raises(TypeError, match="odd"):
        _group(Node("", "group"), model)


def test_a_path_leads_to_its_field() -> None:
    root = description()
    assert root.at("notifications.targets.email.minSeverity") is not None
    assert root.at("notifications.targets.email.nothing") is None
    assert root.at("paths.watchedDirectories.0.path") is not None


def test_every_field_stands_in_exactly_one_tab(english: None) -> None:
    without = DashboardConfig.model_validate({"models": {"objectives": []}})
    shown = config_page._Shown(masked(without), True)
    found: list[str] = []
    for tab in config_page.TABS:
        if tab != "backup":
            found += [f"{at}.{key}".strip(".") for at, key in _rows(config_page._cards(tab, shown))]
    assert sorted(found) == sorted(path.replace(".*", "") for path in LEAVES)


def _rows(node: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Each field that is drawn: where it lies and its key; an entry to be cloned counts as its list's."""
    if isinstance(node, list | tuple):
        for one in node:
            yield from _rows(one, at)
    elif isinstance(node, Component):
        props = node.to_plotly_json()["props"]
        if "data-at" in props:
            at = props["data-at"]
        kind, key = props.get("data-kind"), props.get("data-key", "*")
        if kind in ("group", "list", "map"):
            at = at if key == "*" else f"{at}.{key}".strip(".")
        elif kind:
            yield at, key
            return
        yield from _rows(props.get("children"), at)


def test_a_secret_is_never_in_the_page(english: None) -> None:
    config = DashboardConfig.model_validate({
        "proxies": {"ollama": {"apiKey": "swordfish"}}, "notifications": {"targets": {"mail": {"url": "json://swordfish"}}},
    })
    drawn = to_html(config_form.part(description(), masked(config)))
    assert "swordfish" not in drawn
    assert "********" not in drawn
    assert 'data-was="set"' in drawn


def test_values_that_differ_from_the_default_can_go_back(english: None) -> None:
    drawn = to_html(config_form.part(LEAVES["proxies.ollama.port"], 9999))
    assert 'value="9999"' in drawn
    assert "back to the default, 11434" in drawn


def test_numbers_are_said_in_the_largest_whole_unit(english: None) -> None:
    assert [amount(n, "ms") for n in (500, 30_000, 90_000, 3_600_000, 5_400_000)] == [
        "500 ms", "30 s", "90 s", "1 h", "90 min",
    ]
    assert range_words(LEAVES["monitoring.alertThresholds.cpuPercent"]) == "above 0, up to 100"
    assert range_words(LEAVES["proxies.ollama.port"]) == "1 to 65,535"
