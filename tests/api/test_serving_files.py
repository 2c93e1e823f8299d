"""``/api/models/files``, ``/fit``, ``/definitions`` and ``/logs``: who may, what is refused, what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from metrics.metric import labels
from metrics.series import SeriesInfo
from security.permissions import ROLES
from serving.files.catalogue import Catalogue
from tests.api.conftest import bearer
from tests.api.house import GIB, House, build
from tests.engine import models
from tests.support import wait_until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    models.tiny(made / "tiny.gguf", name="Tiny")
    models.tiny(made / "part-00001-of-00002.gguf")
    (made / "broken.gguf").write_bytes(b"GGUF" + b"\xff" * 60)
    (made / "old.bin").write_bytes(b"x" * 10)
    return made


@pytest.fixture
def own(tmp_path: Path, folder: Path) -> Iterator[House]:
    """A house that has looked through its folder, on a machine with a GPU."""
    house = build(tmp_path)
    config = house.services.config
    config.save({"paths": {"modelsDirectory": str(folder)}}, config.version.number, "test")
    catalogue: Catalogue = house.services.serving.files
    catalogue.start()
    wait_until(lambda: len(catalogue.models()) == 4 and not any(row.reading for row in catalogue.models()), 30)
    memory(house)
    yield house
    catalogue.stop()
    house.close()


def memory(house: House, used: float = 4 * GIB, *, host: bool = True) -> None:
    """A GPU of 24 GiB and a host of 64, in the newest tick."""
    told = [
        ("gpu_memory_used_bytes", labels(gpu="0"), used), ("gpu_memory_total_bytes", labels(gpu="0"), 24.0 * GIB),
        ("memory_total_bytes", labels(), 64.0 * GIB), ("memory_available_bytes", labels(), 40.0 * GIB),
    ]
    values = []
    for name, of, value in told if host else told[:2]:
        info = SeriesInfo(name, of, "bytes", "gauge", name, 3600.0)
        values.append((info, info.key, value))
    house.services.latest.update(house.at, values, {})


def program(house: House, role: str) -> FlaskClient:
    return bearer(house, house.token(role, *ROLES[role]))


def put(client: FlaskClient, name: str, version: int | None = None, /, **definition: Any) -> Any:
    return client.put(f"/api/v1/models/definitions/{name}", json={"version": version, "definition": definition})


# -- who may


@pytest.mark.parametrize(("method", "path", "least"), [
    ("GET", "/files", "viewer"), ("GET", "/fit?model=x", "viewer"), ("GET", "/definitions", "viewer"),
    ("GET", "/logs?model=x", "operator"), ("PUT", "/definitions/x", "admin"), ("DELETE", "/definitions/x", "admin"),
])
def test_who_may(own: House, method: str, path: str, least: str) -> None:
    order = ["viewer", "operator", "admin"]
    body = {"json": {"definition": {}}} if method == "PUT" else {}
    assert own.server.test_client().open(f"/api/models{path}", method=method, **body).status_code == 401
    for role in order:
        answer = program(own, role).open(f"/api/models{path}", method=method, **body)
        assert (answer.status_code != 403) == (order.index(role) >= order.index(least)), role


# -- files


def test_files_are_told_with_their_state_and_facts(own: House, folder: Path) -> None:
    told = program(own, "viewer").get("/api/models/files").json
    rows = {row["name"]: row for row in told["data"]}
    assert told["count"] == 4 and told["folders"] == [str(folder)] and told["problems"] == []
    assert rows["tiny"]["facts"]["architecture"] == "llama" and rows["tiny"]["facts"]["licence"] == "CC0-1.0"
    assert {name: row["state"] for name, row in rows.items()} == {
        "tiny": "fine", "part": "missing", "broken": "broken", "old": "unopened",
    }
    assert rows["part"]["missing"] == ["part-00002-of-00002.gguf"] and "part-00002" in rows["part"]["problem"]
    assert "version of GGUF" in rows["broken"]["problem"] and rows["broken"]["facts"] is None


@pytest.mark.parametrize(("query", "names"), [
    ("search=TINY", ["tiny"]), ("search=llama+f32", ["part", "tiny"]), ("state=broken", ["broken"]),
    ("limit=1", ["broken"]), ("search=no-such", []),
])
def test_files_are_searched(own: House, query: str, names: list[str]) -> None:
    told = program(own, "viewer").get(f"/api/models/files?{query}").json
    assert [row["name"] for row in told["data"]] == names


# -- will it fit?


def test_a_fit_says_need_places_and_where_the_formula_is_from(own: House, folder: Path) -> None:
    client = program(own, "viewer")
    told = client.get(f"/api/models/fit?file={folder}/tiny.gguf&context=1024").json
    assert told["fits"] == "yes" and told["tight"] is False and told["missing"] == 0
    assert told["context"] == 1024 and told["trained"] == 2048
    gpu, = told["gpus"]
    assert (gpu["total"], gpu["others"], gpu["free"]) == (24 * GIB, 4 * GIB, 20 * GIB)
    need = told["need"]
    assert need["total"] == need["weights"] + need["cache"] + need["compute"] + need["process"]
    assert gpu["takes"]["cache"] + told["host"]["takes"]["cache"] == need["cache"]
    assert "llama.cpp" in need["source"] and need["how_sure"].startswith("Give or take")
    half = client.get(f"/api/models/fit?file={folder}/tiny.gguf&context=1024&cache_type=q8_0").json
    assert half["need"]["cache"] < need["cache"]
    assert client.get(f"/api/models/fit?file={folder}/tiny.gguf&gpus=7").json["gpus"] == []


def test_a_full_gpu_leaves_it_to_the_host(own: House, folder: Path) -> None:
    memory(own, used=24.0 * GIB)
    told = program(own, "viewer").get(f"/api/models/fit?file={folder}/tiny.gguf").json
    assert told["fits"] == "partly" and told["on_gpu"] == 0 and told["missing"] > 0
    assert told["host"]["takes"]["weights"] == told["need"]["weights"]


def test_what_is_not_known_is_not_told_as_nothing(own: House, folder: Path) -> None:
    own.at += 20_000  # what was told of the host is too old by then
    memory(own, host=False)
    told = program(own, "viewer").get(f"/api/models/fit?file={folder}/tiny.gguf").json
    assert told["fits"] is None and told["host"] is None
    assert [one["takes"] for one in told["gpus"]] == [None] and told["need"]["total"] > 0


@pytest.mark.parametrize(("query", "status", "field"), [
    ("", 400, "file"), ("file=/a.gguf&model=x", 400, "file"), ("file=/a&context=-1", 400, "context"),
    ("file=/a&slots=0", 400, "slots"), ("file=/a&cache_type=q9", 400, "cache_type"), ("file=/a&gpus=all", 400, "gpus"),
    ("file=/a&contxt=5", 400, "contxt"),
    ("file=/etc/passwd", 404, None), ("model=none", 404, None), ("file={folder}/../models/tiny.gguf", 404, None),
    ("file={folder}/broken.gguf", 409, None), ("file={folder}/part-00001-of-00002.gguf", 409, None),
    ("file={folder}/old.bin", 409, None),
])
def test_what_cannot_be_answered(own: House, folder: Path, query: str, status: int, field: str | None) -> None:
    answer = program(own, "viewer").get(f"/api/models/fit?{query.format(folder=folder)}")
    assert answer.status_code == status and answer.mimetype == "application/problem+json", answer.text
    assert field in [None, *(one["field"] for one in answer.json.get("errors", []))]


def test_a_process_is_asked_about_by_name(own: House, folder: Path) -> None:
    admin = program(own, "admin")
    assert put(admin, "team/tiny:1", file=f"{folder}/tiny.gguf", contextSize=4096, maxMemoryMb=64).status_code == 200
    told = admin.get("/api/models/fit?model=team/tiny:1").json
    assert told["context"] == 4096 and told["file"] == f"{folder}/tiny.gguf"
    memory(own, used=24.0 * GIB)
    told = admin.get("/api/models/fit?model=team/tiny:1&context=1000000").json
    assert "64.0 MiB" in told["need"]["notes"][0], "it would be stopped for its bound"


# -- definitions


def test_a_definition_comes_changes_and_goes(own: House, folder: Path) -> None:
    admin = program(own, "admin")
    made = put(admin, "chat", file=f"{folder}/tiny.gguf", port=18099, idleMinutes=5).json
    assert made["name"] == "chat" and "defined" in made["message"]
    told = admin.get("/api/models/definitions").json
    row, = told["data"]
    assert row["definition"]["port"] == 18099 and row["problem"] == ""
    assert "18099" in row["words"] and f"{folder}/tiny.gguf" in row["words"]
    changed = put(admin, "chat", told["version"], **row["definition"] | {"name": "talk", "gpus": "0,1"})
    assert changed.status_code == 200 and changed.json["name"] == "talk"
    process, = own.services.config.current.models.processes
    assert (process.name, process.gpus, process.idle_minutes) == ("talk", "0,1", 5)
    assert admin.delete("/api/models/definitions/chat").status_code == 404
    assert admin.delete("/api/models/definitions/talk").status_code == 200
    assert own.services.config.current.models.processes == ()
    own.services.audit.flush()
    rows = admin.get("/api/audit?action=model").json["data"]
    assert [row["action"] for row in rows] == ["model.remove", "model.define", "model.define"]


def test_one_that_runs_keeps_its_name(own: House) -> None:
    admin = program(own, "admin")
    put(admin, "chat", command="serve {port}")
    own.services.latest._snapshots["serving"] = {"processes": [{"name": "chat", "state": "running", "pid": 1}]}
    refused = put(admin, "chat", name="talk", command="serve {port}")
    assert refused.status_code == 409 and "chat runs" in refused.json["detail"], refused.text
    assert [one["field"] for one in refused.json["errors"]] == ["name"]
    assert "at the next one" in put(admin, "chat", command="serve {port} --more").json["message"]
    own.services.latest._snapshots["serving"] = {"processes": [{"name": "chat", "state": "stopped"}]}
    renamed = put(admin, "chat", name="talk", command="serve {port}").json
    assert renamed["name"] == "talk" and "chat is talk now" in renamed["message"]
    assert [one.name for one in own.services.config.current.models.processes] == ["talk"]


@pytest.mark.parametrize(("definition", "field"), [
    ({"command": "run {secret}"}, "command"), ({"command": 'run "'}, "command"), ({"port": 70000}, "port"),
    ({"gpus": "all"}, "gpus"), ({"file": "models/a.gguf"}, "file"), ({"file": ""}, "file"), ({"prot": 1}, "prot"),
    ({"name": "-x"}, "name"), ({"name": None}, "name"), ({"contextSize": 1}, "contextSize"),
    ({"restart": "maybe"}, "restart"), ({"name": "there"}, "name"), ({"command": 5}, "command"),
])
def test_what_is_wrong_is_told_by_field(own: House, folder: Path, definition: dict[str, Any], field: str) -> None:
    admin = program(own, "admin")
    assert put(admin, "there", file=f"{folder}/tiny.gguf").status_code == 200
    before = own.services.config.version.number
    answer = put(admin, "new", **{"file": f"{folder}/tiny.gguf", **definition})
    assert answer.status_code == 400, answer.text
    assert [one["field"] for one in answer.json["errors"]] == [field]
    assert own.services.config.version.number == before
    assert not any(own.services.config.counts.rejections.values()), "a slip of the pen in a form alerts nobody"


@pytest.mark.parametrize(("definition", "given", "says"), [
    ({"gpus": "a"}, "a", "are numbers of GPUs with commas between, such as 0,1"),
    ({"port": 99999}, 99999, "must be a whole number from 0 to 65535"),
    ({"autostart": "yes"}, "yes", "must be true or false"),
    ({"command": "x" * 5000}, None, "must have 4000 characters at most"),
    ({"command": "serve --api-key hunter2"}, None, "may hold no key"), ({"apiKey": "hunter2"}, None, "is not known"),
    ({"healthPath": "?" * 100}, None, "is not right"),
])
def test_what_was_given_is_told_once_and_no_key(own: House, definition: Any, given: Any, says: str) -> None:
    answer = put(program(own, "admin"), "new", **{"command": "serve {port}", **definition})
    error, = answer.json["errors"]
    assert says in error["allowed"] and "given" not in error["allowed"] and "hunter2" not in answer.text
    if given is not None:
        assert error["given"] == given
    else:
        assert error["given"] is None or error["given"] == next(iter(definition.values()))[:78] + "…"


def test_what_others_changed_meanwhile_is_not_overwritten(own: House, folder: Path) -> None:
    admin, file = program(own, "admin"), f"{folder}/tiny.gguf"
    version = put(admin, "chat", file=file).json["version"]
    assert put(admin, "other", version, file=file).status_code == 200
    assert put(admin, "chat", version, file=file, port=1).status_code == 200, "another process is no conflict"
    clash = put(admin, "chat", version, file=file, port=2)
    assert clash.status_code == 409 and clash.json["by"] == "admin"
    assert put(admin, "other", 1, file=file).status_code == 409, "it was not there in that version"
    assert admin.delete(f"/api/models/definitions/chat?version={version}").status_code == 409
    assert {one.name: one.port for one in own.services.config.current.models.processes} == {"chat": 1, "other": 0}


@pytest.mark.parametrize("command", ["serve --api-key hunter2 --port {port}", "env HF_TOKEN=hunter2 serve {port}"])
def test_a_key_in_a_command_is_refused_and_kept_nowhere(own: House, command: str) -> None:
    admin = program(own, "admin")
    answer = put(admin, "chat", command=command)
    assert answer.status_code == 400 and "may hold no key" in answer.json["errors"][0]["allowed"]
    own.services.audit.flush()
    for path in ("/api/models/definitions", "/api/config", "/api/audit"):
        assert "hunter2" not in admin.get(path).text


# -- logs


def test_without_the_serving_process_there_are_no_logs(own: House) -> None:
    operator = program(own, "operator")
    assert operator.get("/api/models/logs?model=chat").status_code == 404
    assert put(program(own, "admin"), "chat", command="serve {port}").status_code == 200
    answer = operator.get("/api/models/logs?model=chat")
    assert answer.status_code == 503 and "does not answer" in answer.json["detail"]
    assert operator.get("/api/models/logs?model=chat&after=-1").json["errors"][0]["field"] == "after"
