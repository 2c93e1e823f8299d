"""What is shipped beside the model: presets that fit it, schemas that are not stale."""

from __future__ import annotations

import json

import pytest

from config import affected, preset, schema
from config.dashboard import DashboardConfig
from config.fields import titles
from config.settings import Settings
from tests.config.test_dashboard import SPEC


def test_the_schemas_are_those_of_the_model() -> None:
    kept = {path.name: json.loads(path.read_text()) for path in schema.FOLDER.iterdir()}
    assert kept == schema.files(), "stale: run `python -m tools.schemas`"


def test_a_schema_knows_every_section_of_the_spec() -> None:
    assert set(SPEC) == set(schema.schema()["properties"])


@pytest.mark.parametrize("one", preset.PRESETS, ids=lambda one: f"{one.kind}-{one.name}")
def test_a_preset_fits_the_model(one: preset.Preset) -> None:
    changed = one.over(DashboardConfig())
    assert one.changes(changed) == []
    if one.kind == "models":
        assert set(one.overlay) == {"models"} and set(one.overlay["models"]) == {"defaultParameters"}


def test_presets_of_a_kind_set_the_same_places_so_that_each_undoes_the_other() -> None:
    for kind in ("config", "models"):
        shapes = {json.dumps(_shape(one.overlay)) for one in preset.PRESETS if one.kind == kind}
        assert len(shapes) == 1, kind


def _shape(value: object) -> object:
    return {key: _shape(inner) for key, inner in value.items()} if isinstance(value, dict) else None


def test_every_file_of_a_preset_is_offered() -> None:
    files = {str(path.relative_to(preset.FOLDER)) for path in preset.FOLDER.rglob("*.json")}
    offered = {f"{one.name}.json" if one.kind == "config" else f"models/{one.name}.json" for one in preset.PRESETS}
    assert files == offered


def test_an_unknown_preset_is_none() -> None:
    assert preset.preset("config", "turbo") is None
    assert preset.preset("models", "precise") in preset.PRESETS


def test_every_place_has_somebody_who_goes_by_it() -> None:
    def leaves(value: object, path: str) -> list[str]:
        if isinstance(value, dict) and value:
            return [leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}.{key}" if path else key)]
        return [path]

    for path in leaves(SPEC, ""):
        if not path.startswith(("version", "metadata")):
            assert affected.services([path]), path
            assert titles(path)[-1] != "", path


def test_a_start_takes_a_finer_and_longer_history_where_it_is_asked_for() -> None:
    fine = DashboardConfig.model_validate({"monitoring": {"updateInterval": 500, "metricsRetention": 43_200_000}})
    settings = Settings()
    assert affected.waiting(settings, fine) == ["monitoring.updateInterval", "monitoring.metricsRetention"]
    next_start = affected.at_start(settings, fine)
    assert (next_start.step, next_start.ring_hours) == (0.5, 12)
    assert affected.waiting(next_start, fine) == []
    assert affected.at_start(Settings(interval=1.0), fine).step == 1.0, "--interval fixes it"
    assert affected.at_start(settings, DashboardConfig()) is settings


def test_the_interval_is_never_below_the_step() -> None:
    slow = DashboardConfig.model_validate({"monitoring": {"updateInterval": 5000}})
    assert affected.interval(slow, 1.0) == 5.0
    assert affected.interval(DashboardConfig(), 2.0) == 2.0
