"""The configuration of models: addresses and commands."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

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


@pytest.mark.parametrize("command", ["serve --api-key abc", "serve --api-key=abc", "env HF_TOKEN=abc serve"])
def test_a_command_holds_no_key(command: str) -> None:
    with pytest.raises(ValidationError, match="may hold no key"):
        ModelProcess(name="m", command=command)
    assert ModelProcess(name="m", command="serve --api-key-file /etc/key --max-tokens 5").command
