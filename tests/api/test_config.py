"""``/api/config`` as programs use it: what is in force, changes, conflicts, versions, files and folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from config.settings import Settings
from tests.api.conftest import bearer
from tests.api.house import House, build


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "llama").mkdir(parents=True)
    (folder / "llama" / "tiny.gguf").write_bytes(b"x" * 2048)
    return folder


@pytest.fixture
def own(tmp_path: Path, models: Path) -> House:
    return build(tmp_path / "house", browse_roots=(str(models),))


@pytest.fixture
def admin(own: House) -> FlaskClient:
    return bearer(own, own.token("admin", "config:view", "config:edit"))


@pytest.fixture
def viewer(own: House) -> FlaskClient:
    return bearer(own, own.token("viewer", "config:view"))


def patch(client: FlaskClient, version: int, **sections: Any) -> Any:
    return client.post("/api/v1/config", json={"version": version, "patch": sections})


def test_what_is_in_force_is_told_with_the_state_of_its_file(viewer: FlaskClient, own: House) -> None:
    told = viewer.get("/api/v1/config").json
    assert told["version"] == 1
    assert told["file"] == {"path": str(own.services.config.path), "valid": True, "problems": []}
    assert told["config"]["monitoring"]["alertThresholds"]["cpuPercent"] == 85
    own.services.config.path.write_text('{"ui": {"theme": "blue"}}')
    own.services.config.reload()
    assert viewer.get("/api/config").json["file"]["problems"] == [
        {"field": "ui.theme", "given": '"blue"', "allowed": 'must be one of "dark", "light", "auto" (given: "blue")'},
    ]


@pytest.mark.parametrize(("method", "path", "body"), [
    ("post", "/api/config", {"version": 1, "patch": {}}), ("post", "/api/config/validate", {"patch": {}}),
    ("post", "/api/config/restore", {"number": 1}), ("post", "/api/config/import", {}),
    ("post", "/api/config/import/validate", {}),
    ("get", "/api/config/export", None), ("get", "/api/config/folders", None),
])
def test_who_may_only_look_changes_nothing(viewer: FlaskClient, own: House, method: str, path: str, body: Any) -> None:
    assert getattr(viewer, method)(path, **({"json": body} if body is not None else {})).status_code == 403
    nobody = own.server.test_client()
    assert getattr(nobody, method)(path, **({"json": body} if body is not None else {})).status_code == 401
    assert own.services.config.version.number == 1


def test_a_patch_is_in_force_at_once(admin: FlaskClient, own: House) -> None:
    answer = patch(admin, 1, monitoring={"alertThresholds": {"cpuPercent": 70}}, ui={"theme": "dark"})
    assert answer.status_code == 200
    assert answer.json["version"] == 2 and answer.json["services"] == ["health", "alerts", "pages"]
    assert answer.json["changes"][0] == {
        "path": "monitoring.alertThresholds.cpuPercent", "before": 85, "after": 70,
        "title": "Monitoring › Thresholds › CPU use, warning",
    }
    assert own.services.config.current.monitoring.alert_thresholds.cpu_percent == 70
    assert own.services.config.version.by == "admin" and own.services.config.version.source == "api"
    assert patch(admin, 2, ui={"theme": None}).json["changes"] == [
        {"path": "ui.theme", "before": "dark", "after": "auto", "title": "Look › Theme"},
    ], "null sets back to the default"


def test_all_of_it_may_be_sent_back_with_its_masks(admin: FlaskClient, own: House) -> None:
    assert patch(admin, 1, proxies={"ollama": {"apiKey": "hunter2"}}).status_code == 200
    config = admin.get("/api/config").json["config"]
    assert config["proxies"]["ollama"]["apiKey"] == "********"
    config["logging"]["maxFiles"] = 4
    answer = admin.post("/api/config", json={"version": 2, "config": config})
    assert [change["path"] for change in answer.json["changes"]] == ["logging.maxFiles"]
    assert own.services.config.current.proxies.ollama.api_key.reveal() == "hunter2"
    everything = "".join(
        admin.get(f"/api/config{path}").text for path in ("", "/versions", "/versions/2", "/versions/1/diff", "/export")
    )
    assert "hunter2" not in everything


def test_what_is_wrong_is_told_field_by_field(admin: FlaskClient) -> None:
    answer = patch(admin, 1, ui={"theme": "blue"}, proxies={"ollama": {"port": 0, "apikey": "hunter2"}})
    assert answer.status_code == 400 and answer.mimetype == "application/problem+json"
    errors = {error["field"]: error["allowed"] for error in answer.json["errors"]}
    assert set(errors) == {"proxies.ollama.port", "proxies.ollama.apikey", "ui.theme"}
    assert "did you mean apiKey?" in errors["proxies.ollama.apikey"]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("body", [
    {"version": 1}, {"version": 1, "patch": {}, "config": {}}, {"patch": {}}, {"version": "one", "patch": {}}, [], None,
    {"version": 1, "patch": {"ui": "dark"}}, {"version": 1, "patch": {}, "who": "me"},
])
def test_a_body_that_is_none_is_refused(admin: FlaskClient, own: House, body: Any) -> None:
    assert admin.post("/api/config", json=body).status_code == 400
    assert own.services.config.version.number == 1


def test_two_at_once_are_merged_or_told(admin: FlaskClient, own: House) -> None:
    other = bearer(own, own.token("other", "config:edit"))
    assert patch(other, 1, ui={"theme": "dark"}).status_code == 200
    merged = patch(admin, 1, logging={"maxFiles": 4})
    assert [change["path"] for change in merged.json["merged"]] == ["ui.theme"]
    clash = patch(admin, 1, ui={"theme": "light"})
    assert clash.status_code == 409
    assert clash.json["conflicts"] == [{"field": "ui.theme", "base": "auto", "mine": "light", "theirs": "dark"}]
    assert clash.json["version"] == 3 and "other changed the same in version 2" in clash.json["detail"]
    assert own.services.config.current.ui.theme == "dark"


def test_a_trial_changes_nothing(admin: FlaskClient, own: House) -> None:
    good = admin.post("/api/config/validate", json={"patch": {"ui": {"theme": "dark"}}}).json
    assert good["valid"] and [change["path"] for change in good["changes"]] == ["ui.theme"]
    assert (good["services"], good["affects"], good["restart"]) == (["pages"], "Pages", [])
    later = admin.post("/api/config/validate", json={"patch": {"monitoring": {"updateInterval": 500}}}).json
    assert later["restart"] == ["monitoring.updateInterval"]
    file = admin.post("/api/config/import/validate", data=b'{"ui": {"theme": "dark"}}').json
    assert file["valid"] and [change["path"] for change in file["changes"]] == ["ui.theme"]
    assert "ends in line 1" in admin.post("/api/config/import/validate", data=b"{").json["problems"][0]["allowed"]
    bad = admin.post("/api/config/validate", json={"patch": {"ui": {"theme": "blue"}}}).json
    assert not bad["valid"] and bad["problems"][0]["field"] == "ui.theme"
    assert own.services.config.version.number == 1


def test_versions_are_listed_read_compared_and_restored(admin: FlaskClient) -> None:
    patch(admin, 1, ui={"theme": "dark"})
    patch(admin, 2, ui={"theme": "light"})
    listed = admin.get("/api/config/versions").json["data"]
    assert [(one["number"], one["by"], one["changes"]) for one in listed] == [
        (3, "admin", ["ui.theme"]), (2, "admin", ["ui.theme"]), (1, "Vigie", []),
    ]
    assert listed[0]["at"].endswith("Z")
    assert admin.get("/api/config/versions/2").json["config"]["ui"]["theme"] == "dark"
    assert admin.get("/api/config/versions/1/diff?to=2").json["changes"][0]["after"] == "dark"
    assert admin.get("/api/config/versions/1/diff").json["changes"][0]["after"] == "light"
    assert admin.post("/api/config/restore", json={"number": 1}).json["version"] == 4
    assert admin.get("/api/config").json["config"]["ui"]["theme"] == "auto"
    for path in ("/versions/99", "/versions/99/diff"):
        assert admin.get(f"/api/config{path}").status_code == 404
    assert admin.post("/api/config/restore", json={"number": 99}).status_code == 404


def test_a_file_goes_out_and_comes_in(admin: FlaskClient) -> None:
    patch(admin, 1, ui={"theme": "dark"})
    file = admin.get("/api/config/export")
    assert "attachment" in file.headers["Content-Disposition"]
    patch(admin, 2, ui={"theme": "light"})
    assert admin.post("/api/config/import", data=file.data).json["version"] == 4
    assert admin.get("/api/config").json["config"]["ui"]["theme"] == "dark"
    refused = admin.post("/api/config/import", data=b"{")
    assert refused.status_code == 400 and "ends in line 1" in refused.json["detail"]
    assert admin.post("/api/config/import", data=b" " * (2**20 + 1)).status_code == 400


def test_presets_say_what_they_would_change(admin: FlaskClient) -> None:
    presets = {(one["kind"], one["name"]): one for one in admin.get("/api/config/presets").json["data"]}
    assert set(presets) == {
        *(("config", name) for name in ("performance", "balanced", "power-saving", "development")),
        *(("models", name) for name in ("creative", "balanced", "precise")),
    }
    assert presets["config", "balanced"]["changes"] == [], "the values that Vigie comes with"
    creative = presets["models", "creative"]
    assert {change["path"].rpartition(".")[0] for change in creative["changes"]} == {"models.defaultParameters"}
    answer = admin.post("/api/config", json={"version": 1, "patch": creative["patch"]})
    assert answer.json["changes"] == creative["changes"]


def test_the_schema_is_the_whole_file_s(viewer: FlaskClient) -> None:
    schema = viewer.get("/api/config/schema").json
    assert set(schema["properties"]) >= {"paths", "proxies", "monitoring", "models", "ui", "notifications", "logging"}


def test_folders_are_shown_below_the_roots_with_their_models(admin: FlaskClient, models: Path) -> None:
    assert admin.get("/api/config/folders").json["folders"] == [str(models)]
    found = admin.get("/api/config/folders", query_string={"path": str(models)}).json
    assert found["folders"] == ["llama"] and found["count"] == 1 and found["parent"] == ""
    assert found["models"] == [{"name": "llama/tiny.gguf", "size": 2048}]
    for path, status in ((models.parent, 403), (models / "none", 404), ("models", 400), (f"{models}/../..", 403)):
        assert admin.get("/api/config/folders", query_string={"path": str(path)}).status_code == status, path


def test_the_roots_that_are_shown_are_a_setting() -> None:
    assert "/srv" in Settings().browse_roots
    with pytest.raises(ValueError, match="absolute"):
        Settings(browse_roots=("models",))


def test_a_change_reaches_who_listens(admin: FlaskClient, own: House) -> None:
    told: list[Any] = []
    own.services.config.subscribe(lambda _before, after, applied: told.append((after.ui.theme, applied.paths)))
    patch(admin, 1, ui={"theme": "dark"})
    assert told == [("dark", ("ui.theme",))]
    assert json.loads(own.services.config.path.read_text())["ui"]["theme"] == "dark"
