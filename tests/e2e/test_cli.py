"""What the command line says when something is wrong: one sentence, a non-zero exit, no trace."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.harness import Server, run_app
from tests.support import free_port, redis_server, wait_until

pytestmark = pytest.mark.e2e


def refused(*arguments: str, says: str, env: dict[str, str] | None = None) -> str:
    """Asserts that this start is refused in one sentence that contains ``says``; the sentence."""
    done = run_app(*arguments, env=env)
    said = done.stderr.strip()
    assert done.returncode not in (0, None), f"it started or ended well: {done.stdout}{done.stderr}"
    assert "Traceback" not in done.stdout + done.stderr
    assert len(said.splitlines()) == 1, f"more than one sentence: {said}"
    assert says in said
    return said


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A data folder that does not exist yet."""
    return str(tmp_path / "data")


def test_an_unknown_option_is_refused(folder: str) -> None:
    refused("--frobnicate", "--data-dir", folder, says="--frobnicate")


def test_a_shortened_option_is_refused(folder: str) -> None:
    refused("--data", folder, says="--data")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--port", "eighty", "port"),
        ("--port", "70000", "port"),
        ("--interval", "0.3", "interval"),
        ("--host", "no.such.host.invalid", "--host"),
        ("--log-level", "loud", "log_level"),
    ],
)
def test_a_bad_value_names_the_option(folder: str, option: str, value: str, says: str) -> None:
    refused(option, value, "--data-dir", folder, says=says)


def test_a_misspelt_environment_variable_is_refused(folder: str) -> None:
    refused("--data-dir", folder, env={"VIGIE_PROT": "80"}, says="VIGIE_PROT")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        ("{", "not valid JSON"),
        ("[]", "JSON object"),
        ('{"prot": 80}', "prot is not a setting"),
        ('{"port": "high"}', "port"),
        ('{"thresholds": {"cpu_warning": 200}}', "monitoring.alertThresholds"),
    ],
)
def test_a_bad_config_file_is_refused(tmp_path: Path, folder: str, content: str | None, says: str) -> None:
    config = tmp_path / "vigie.json"
    if content is not None:
        config.write_text(content)
    refused("--config", str(config), "--data-dir", folder, says=says)


def test_a_config_file_that_is_a_folder_is_refused(tmp_path: Path, folder: str) -> None:
    refused("--config", str(tmp_path), "--data-dir", folder, says="cannot be read")


def test_a_port_in_use_is_refused(folder: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused("--port", port, "--data-dir", folder, says=f"Port {port} on 127.0.0.1 is in use")


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused("--data-dir", str(tmp_path / "file" / "data"), says="cannot be written")


def test_a_data_folder_that_is_read_only_is_refused(tmp_path: Path) -> None:
    # Root writes through mode bits, but nobody makes files in /proc.
    where = Path("/proc/vigie") if os.geteuid() == 0 else tmp_path / "read-only"
    if where.parent == tmp_path:
        where.mkdir(mode=0o500)
    refused("--data-dir", str(where), says="cannot be written")


@pytest.mark.parametrize(
    ("option", "url"),
    [
        ("--redis-url", "localhost:6379"),
        ("--redis-url", "http://localhost:6379"),
        ("--redis-url", "redis://localhost:port/0"),
        ("--database-url", "mysql://user@host/name"),
        ("--database-url", "postgresql:"),
        ("--database-url", "postgresql://user@host:port/name"),
    ],
)
def test_a_malformed_url_is_refused(folder: str, option: str, url: str) -> None:
    refused(option, url, "--data-dir", folder, says=option[2:].replace("-", "_"))


def test_a_redis_that_wants_a_password_is_refused(folder: str) -> None:
    with redis_server("--requirepass", "secret") as url:
        refused("--redis-url", url, "--data-dir", folder, "--port", str(free_port()), says="Redis")
        wrong = url.replace("redis://", "redis://:wr0ng-pass@")
        sentence = refused("--redis-url", wrong, "--data-dir", folder, "--port", str(free_port()), says="Redis")
        assert "wr0ng-pass" not in sentence


def test_a_database_that_refuses_the_password_is_refused(folder: str, postgres_url: str) -> None:
    wrong = postgres_url.replace(":secret@", ":wr0ng-pass@")
    sentence = refused("--database-url", wrong, "--data-dir", folder, "--port", str(free_port()), says="vigie")
    assert "wr0ng-pass" not in sentence


def test_a_database_that_is_not_there_is_refused(folder: str, postgres_url: str) -> None:
    url = postgres_url.rsplit("/", 1)[0] + "/nowhere"
    refused("--database-url", url, "--data-dir", folder, "--port", str(free_port()), says="nowhere")


def test_a_second_instance_on_the_same_folder_is_refused(start_server: Callable[..., Server]) -> None:
    first = start_server()
    refused("--data-dir", str(first.data_dir), "--port", str(free_port()), says="Another Vigie runs")
    assert requests.get(f"{first.url}/api/health", timeout=10).ok


def test_a_redis_that_is_away_is_said_and_the_server_runs(start_server: Callable[..., Server]) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    server = start_server("--redis-url", url)
    assert "Redis" in server.output()
    session = server.login()
    wait_until(lambda: not _parts(server, session)["ring"]["ok"], what="health says that the ring is away")


def _parts(server: Server, session: requests.Session) -> dict[str, Any]:
    health = session.get(f"{server.url}/api/health", timeout=10).json()
    return {part["name"]: part for part in health["parts"]}


def test_environment_and_file_and_command_line_weigh_in_that_order(tmp_path: Path) -> None:
    config = tmp_path / "vigie.json"
    config.write_text(json.dumps({"port": 1, "log_level": "error", "host": "no.such.host.invalid"}))
    port = free_port()
    server = Server(tmp_path / "data", port=port, VIGIE_CONFIG=str(config), DASHBOARD_PORT="2", VIGIE_HOST="127.0.0.1")
    try:
        assert f":{port}" in server.start().output()
    finally:
        server.stop()


def test_the_first_start_prints_a_password_once(start_server: Callable[..., Server]) -> None:
    server = start_server(VIGIE_ADMIN_PASSWORD="")
    assert server.output().count("sign in as admin with the password") == 1
    password = server.output().split("with the password ")[1].split()[0]
    session = server.login(password=password)
    assert session.get(f"{server.url}/", timeout=10, allow_redirects=False).status_code == 200
    server.stop()
    server.start()
    assert server.output().count("with the password") == 1


def test_help_names_every_option() -> None:
    done = run_app("--help")
    assert done.returncode == 0
    for name in ("host", "port", "interval", "data-dir", "redis-url", "database-url", "config", "demo"):
        assert f"--{name}" in done.stdout
