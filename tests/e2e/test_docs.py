"""The examples of the documents run as they stand."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT, Server

pytestmark = pytest.mark.e2e


def test_the_python_of_the_api_document_runs(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"docs-{os.getpid()}"
    may = ("--permission", "metrics:read", "--permission", "alerts:view")
    token = server.run("token", "add", "--name", name, *may).stdout.strip()
    monkeypatch.setenv("VIGIE_ADDRESS", server.url)
    monkeypatch.setenv("VIGIE_TOKEN", token)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.S)
    assert len(blocks) >= 4
    names: dict[str, object] = {}
    exec("\n".join(blocks), names)
    assert names["row"]["server_id"] == 1  # type: ignore[index]
    assert len(names["frame"]) > 0  # type: ignore[arg-type]
    assert names["answer"]["data"]  # type: ignore[index]


@pytest.mark.parametrize("path", ["README.md", "docs/users-and-tokens.md"])
def test_the_shell_commands_of_the_documents_are_known(path: str, tmp_path: Path) -> None:
    from security.cli import _parser

    commands = re.findall(r"app\.py ((?:user|token) [^\n`#]+)", (ROOT / path).read_text(encoding="utf-8"))
    assert commands
    for command in commands:
        _parser().parse_args(command.split())
