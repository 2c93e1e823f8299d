"""How a proxy finds out what stands behind it: by nothing that makes an engine generate."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from serving.proxy.upstreams import Upstream
from serving.settings import ServerSettings
from tests.collectors.replay_server import CAPTURES, ENGINES, Replay, Reply, replay

HARMLESS = {"/api/version", "/api/tags", "/v1/models", "/api/v0/models"}
LOADING = Reply(503, b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}')
SPOKEN = {"tgi": "openai", "litellm": "openai"}
"""How the proxies know an engine whose own API they do not speak."""


def checked(server: Replay, engine: str = "auto", times: int = 2) -> Upstream:
    """The server after it was looked at so often."""
    async def look() -> Upstream:
        async with aiohttp.ClientSession() as session:
            one = Upstream(ServerSettings("box", server.url, engine, ""), session)
            for _ in range(times):
                await one.check()
            return one

    return asyncio.run(look())


def paths(server: Replay) -> set[str]:
    """What it was asked; by GETs only."""
    assert {method for method, _ in server.asked} == {"GET"}
    return {path for _, path in server.asked}


@pytest.mark.parametrize("name", CAPTURES)
def test_looking_only_gets_what_is_harmless(name: str) -> None:
    engine = json.loads((ENGINES / name / "expected.json").read_text(encoding="utf-8"))["first"]["engine"]
    with replay(name) as server:
        one = checked(server)
    if name != "lmstudio-v1":  # a capture without /api/v0/models, by which the proxies know an LM Studio
        assert one.engine == SPOKEN.get(engine, engine)
    assert one.state == "ok" and one.models
    assert paths(server) <= HARMLESS | ({"/health"} if engine == "llamacpp" else set())


@pytest.mark.parametrize("engine", ["auto", "llamacpp"])
def test_a_llamacpp_that_loads_is_known_by_its_words(engine: str) -> None:
    with replay(changed=lambda _path: LOADING) as server:
        one = checked(server, engine)
    assert (one.state, one.engine) == ("loading", "llamacpp")


def test_a_llamacpp_that_lists_its_model_while_it_loads_is_loading() -> None:
    with replay("llamacpp-b11549", changed=lambda path: LOADING if path == "/health" else None) as server:
        one = checked(server, times=1)
    assert (one.state, one.engine) == ("loading", "llamacpp") and one.models


def test_whoever_comes_in_the_place_of_a_llamacpp_is_not_asked_for_its_health() -> None:
    with replay(changed=lambda _path: LOADING) as server:
        async def look() -> Upstream:
            async with aiohttp.ClientSession() as session:
                one = Upstream(ServerSettings("box", server.url, "auto", ""), session)
                await one.check()
                server.changed, server.capture = lambda _path: None, "litellm-1.109.1"
                await one.check()
                return one

        one = asyncio.run(look())
    assert (one.state, one.engine) == ("ok", "openai")
    assert paths(server) <= HARMLESS
