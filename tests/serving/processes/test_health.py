"""What a model process is asked for its health."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from config.documents import document
from config.serving import ModelProcess, Models
from serving.processes.definition import definition
from serving.processes.health import Health, ask
from tests.collectors.replay_server import CAPTURES, ENGINES, replay

OF_ENGINE = {name: json.loads((ENGINES / name / "expected.json").read_text(encoding="utf-8"))["first"]["engine"]
             for name in CAPTURES}
GENERATE_NOTHING = ("llamacpp", "vllm")
"""Whose /health answers from memory."""


def path(engine: str, **more: str) -> str:
    """What is asked of a process of this engine, as the configuration tells it."""
    wanted = ModelProcess.model_validate({"name": "x", "engine": engine, **more})
    return definition(document(wanted), document(Models())).health_path


@pytest.mark.parametrize("name", [name for name, engine in OF_ENGINE.items()
                                  if engine not in (*GENERATE_NOTHING, "openai")])
def test_an_engine_is_asked_what_it_answers_without_generating(name: str) -> None:
    asked = path(OF_ENGINE[name])
    assert asked not in ("/health", "/health_generate")

    async def look(url: str) -> tuple[Health, int | None]:
        async with aiohttp.ClientSession() as session:
            return await ask(session, url, 5)

    with replay(name) as server:
        assert asyncio.run(look(server.url + asked)) == (Health.READY, 200)


@pytest.mark.parametrize("engine", [*GENERATE_NOTHING, "auto", "openai"])
def test_others_are_asked_for_their_health(engine: str) -> None:
    assert path(engine) == "/health"


@pytest.mark.parametrize("engine", ["llamacpp", "sglang"])
def test_a_path_that_is_configured_is_kept(engine: str) -> None:
    assert path(engine, healthPath="/ready?x=1") == "/ready?x=1"
