"""The configuration of models: addresses and commands."""

from __future__ import annotations

import shlex

import pytest
from pydantic import ValidationError

from config.checking import check
from config.command import shown
from config.problems import ConfigInvalid
from config.serving import ModelProcess, ModelServer


@pytest.mark.parametrize("given", [
    "http://box:8000", "http://box:8000/", "http://box:8000/v1", "http://box:8000/v1/",
])
def test_the_base_url_of_clients_is_an_address_of_a_server(given: str) -> None:
    assert ModelServer(url=given).url == "http://box:8000"
    assert ModelServer(url="http://box/models/v1").url == "http://box/models"


@pytest.mark.parametrize("given", ["box:8000", "http://", "ftp://box", "http://a:b@box", "http://box?x=1", "http://box:x"])
def test_what_is_no_address_is_said(given: str) -> None:
    with pytest.raises(ValidationError, match=r"http://127\.0\.0\.1:8080"):
        ModelServer(url=given)


@pytest.mark.parametrize("command", [
    "serve --api-key hunter2", "serve --api-key=hunter2", "env HF_TOKEN=hunter2 serve",
    'serve -H "Authorization: Bearer hunter2"', 'serve "-Hauthorization:hunter2"',
    "serve --header='X-Api-Key: hunter2'",
    'serve --extra "Bearer hunter2"', """serve --config '{"api_key": "hunter2"}'""",
    """serve --config '{"a":{"password":"hunter2"}}'""",
])
def test_a_command_holds_no_key(command: str) -> None:
    with pytest.raises(ValidationError, match="may hold no key"):
        ModelProcess(name="m", command=command)
    words = shlex.split(command)
    assert "hunter2" not in str(shown(words)) and shown(shown(words)) == shown(words)
    for wrong in (command, command + " {modle}", command + " '"):
        with pytest.raises(ConfigInvalid) as refused:
            check({"models": {"processes": [{"name": "m", "command": wrong}]}})
        assert "models.processes.0.command" in str(refused.value) and "hunter2" not in str(refused.value)


@pytest.mark.parametrize("command", [
    """serve --chat-template-kwargs '{"enable_thinking":false}'""", 'serve -H "Authorization:"',
    """serve --override-generation-config '{"eos_token": "</s>", "pad_token_id": 0}'""", "serve --hf-repo a/b:q4",
])
def test_what_is_no_key_may_stand_in_a_command(command: str) -> None:
    assert ModelProcess(name="m", command=command).command == command


def test_a_file_with_a_key_may_stand_in_a_command() -> None:
    assert ModelProcess(name="m", command="serve --api-key-file /etc/key --max-tokens 5").command
