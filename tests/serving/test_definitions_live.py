"""A model process from its definition to its end, by the API alone: the whole app, its real serving process, and a real
engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from config.settings import Settings
from security.permissions import ROLES
from tests.engine import run
from tests.support import wait_until
from wiring import wire

NAME = "team/tiny:live"
COMMAND = (
    f"{run.COMMAND} --model {{file}} --alias {{name}} --host {{host}} --port {{port}} --ctx-size {{contextSize}} "
    "--metrics"
)


@pytest.fixture
def admin(tmp_path: Path, tiny_model: Path) -> Iterator[FlaskClient]:
    """A program that may do everything, in an app that runs."""
    server = wire(Settings(data_dir=tmp_path), tmp_path).server
    services, runtime = server.extensions["vigie"], server.extensions["vigie.runtime"]
    services.config.save({
        "models": {"discover": False, "command": COMMAND}, "paths": {"modelsDirectory": str(tiny_model.parent)},
    }, services.config.version.number, "test")
    runtime.start()
    client = server.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {services.accounts.tokens.add('live', ROLES['admin'])[0]}"
    yield client
    runtime.stop()


def row(client: FlaskClient) -> dict[str, Any] | None:
    rows = client.get("/api/v1/models").json["data"]
    return next((one for one in rows if one["server"] == NAME), None)


def in_state(client: FlaskClient, state: str) -> dict[str, Any] | None:
    found = row(client)
    return found if found is not None and found["state"] == state else None


def test_a_model_is_defined_started_heard_and_removed(admin: FlaskClient, tiny_model: Path) -> None:
    answer = admin.put(f"/api/v1/models/definitions/{NAME}", json={
        "definition": {"file": str(tiny_model), "contextSize": 512, "onDemand": False},
    })
    assert answer.status_code == 200, answer.text
    assert (row(admin) or {}).get("state") in ("stopped", "unknown"), "it is in the table at once"

    answer = admin.post("/api/v1/models/start", json={"model": NAME})
    assert answer.status_code == 200, answer.text
    assert (row(admin) or {}).get("state") in ("loading", "running"), "the next read knows of the start"
    found = wait_until(lambda: in_state(admin, "running"), 90, "it runs")
    pid = found["process"]["pid"]
    assert Path(f"/proc/{pid}").exists()

    told = wait_until(lambda: _lines(admin, 0), 30, "it has written something")
    numbers = [line["seq"] for line in told["lines"]]
    assert numbers == sorted(set(numbers)) and told["boot"] and told["left_out"] == 0
    later = admin.get(f"/api/v1/models/logs?model={NAME}&after={numbers[0]}").json
    assert min((line["seq"] for line in later["lines"]), default=numbers[0] + 1) > numbers[0]
    assert len(admin.get(f"/api/v1/models/logs?model={NAME}&limit=1").json["lines"]) == 1
    assert admin.get("/api/v1/models/logs?model=nobody").status_code == 404

    wait_until(lambda: admin.get(f"/api/v1/models/fit?model={NAME}").status_code == 200, 30, "its file was read")
    assert admin.get(f"/api/v1/models/fit?model={NAME}").json["context"] == 512

    assert admin.post("/api/v1/models/stop", json={"model": NAME}).status_code == 200
    stopped = row(admin)
    assert stopped is not None and stopped["state"] == "stopped" and not Path(f"/proc/{pid}").exists()
    changed = {"file": str(tiny_model), "contextSize": 256, "onDemand": False}
    admin.put(f"/api/v1/models/definitions/{NAME}", json={"definition": changed})
    assert admin.post("/api/v1/models/start", json={"model": NAME}).status_code == 200
    found = wait_until(lambda: in_state(admin, "running"), 90, "it runs again")
    assert "256" in found["process"]["command"], "it was started as it was defined a moment before"
    pid = found["process"]["pid"]

    assert admin.delete(f"/api/v1/models/definitions/{NAME}").status_code == 200
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 60, "it was stopped")
    wait_until(lambda: row(admin) is None, 60, "it is gone from the table")


def test_an_engine_that_asks_for_a_key_is_looked_at_with_the_one_of_its_file(
    admin: FlaskClient, tiny_model: Path, tmp_path: Path,
) -> None:
    file = tmp_path / "key"
    file.write_text("hunter2\n")
    definition = {
        "file": str(tiny_model), "contextSize": 256, "apiKeyFile": str(file), "healthPath": "/props",
        "command": f"{COMMAND} --api-key-file {file}",
    }
    assert admin.put(f"/api/v1/models/definitions/{NAME}", json={"definition": definition}).status_code == 200
    assert admin.post("/api/v1/models/start", json={"model": NAME}).status_code == 200
    wait_until(lambda: in_state(admin, "running"), 90, "it answers for its health, which asks for the key")

    def server() -> Any:
        return next((one for one in admin.get("/api/v1/models").json["servers"] if one["name"] == NAME), {})

    wait_until(lambda: server().get("state") == "ok", 30, "the server is looked at")
    wait_until(lambda: "slots" in (row(admin) or {}).get("numbers", {}), 30, "it tells numbers, which ask for the key")
    assert "hunter2" not in admin.get("/api/v1/models").text + admin.get("/api/v1/models/definitions").text


def _lines(client: FlaskClient, after: int) -> dict[str, Any] | None:
    told: dict[str, Any] = client.get(f"/api/v1/models/logs?model={NAME}&after={after}").json
    return told if told.get("lines") else None
