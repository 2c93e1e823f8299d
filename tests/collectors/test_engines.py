"""The adapters against recorded answers of the engines; each expected value was checked by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collectors.engines.base import Adapter, Look, NotThis
from collectors.engines.client import Client, KeyAsked, Unanswered
from collectors.engines.recognise import ADAPTERS, recognise
from metrics.metric import series_key
from metrics.models import ENGINES, OF_ENGINES, SERVER_UP
from tests.collectors.replay_server import CAPTURES, Replay, Reply, replay
from tests.collectors.replay_server import ENGINES as FOLDER

SECONDS = 5.0
GARBAGE = (
    b'vllm:num_requests_running{b="\nsglang:num_queue_reqs{ 1 2 3\ntgi_a{} zz\nlitellm_deployment_state nope\n'
    b"llamacpp:x{a=1}\n"
)
GENERATES = ("/health", "/health_generate", "/v1/completions", "/v1/chat/completions", "/api/generate", "/api/chat")


def adapter(engine: str, clock: Callable[[], float]) -> Adapter:
    return ADAPTERS[engine]("box", clock)


def told(look: Look) -> dict[str, Any]:
    """What a look gave, as `expected.json` has it."""
    look.add_states(look.models)
    keys = [series_key(s.metric.name, s.labels) for s in look.samples]
    assert len(keys) == len(set(keys))
    assert {s.metric for s in look.samples} <= set(OF_ENGINES)
    return {
        "engine": look.engine, "version": look.version, "message": look.message,
        "models": [model.told() for model in look.models],
        "samples": {key: round(s.value, 6) for key, s in sorted(zip(keys, look.samples, strict=True))},
    }


def looks(server: Replay) -> tuple[Look, Look]:
    """Both looks at a capture, as the engine that was recognised."""
    now = [1000.0]
    client = Client(server.url)
    one = adapter(recognise(client), lambda: now[0])
    first = one.look(client, ())
    server.later, now[0] = True, now[0] + SECONDS
    return first, one.look(client, ())


def test_there_is_a_capture_of_every_engine() -> None:
    expected = [json.loads((FOLDER / name / "expected.json").read_text(encoding="utf-8")) for name in CAPTURES]
    assert {one["first"]["engine"] for one in expected} == set(ENGINES)


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_is_read_as_expected(name: str) -> None:
    with replay(name) as server:
        first, second = looks(server)
    expected = json.loads((FOLDER / name / "expected.json").read_text(encoding="utf-8"))
    assert {"first": told(first), "second": told(second)} == expected


def test_the_table_of_the_documentation_is_what_the_engines_tell() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "model-servers.md").read_text(encoding="utf-8").splitlines()
    _, _, *table = (line[1:-1].split("|") for line in lines if line.count("|") == len(ENGINES) + 2)
    said = {
        (engine, name.replace("...", "model_request")) for first, *cells in table
        for engine, cell in zip(ENGINES, cells, strict=True) if cell.strip() for name in re.findall("`(.+?)`", first)
    }
    expected = [json.loads((FOLDER / name / "expected.json").read_text(encoding="utf-8")) for name in CAPTURES]
    told = {
        (look["engine"], key.partition("{")[0]) for one in expected for look in one.values() for key in look["samples"]
    }
    assert said == told | {(engine, SERVER_UP.name) for engine in ENGINES}


@pytest.mark.parametrize("name", CAPTURES)
def test_looking_only_gets_what_is_harmless(name: str) -> None:
    with replay(name) as server:
        looks(server)
    assert {method for method, _ in server.asked} == {"GET"}
    paths = [path for _, path in server.asked]
    assert not [path for path in paths if path.partition("?")[0] in GENERATES]
    assert all("autoload=false" in path for path in paths if "model=" in path)



@pytest.mark.parametrize(("engine", "path"), [
    ("ollama", "/api/ps"), ("lmstudio", "/api/v1/models"), ("llamacpp", "/props"), ("vllm", "/version"),
    ("sglang", "/model_info"), ("tgi", "/info"), ("litellm", "/health/readiness"), ("openai", "/v1/models"),
])
def test_another_server_than_configured_is_said(engine: str, path: str) -> None:
    with replay() as server, pytest.raises(NotThis, match=path):
        adapter(engine, lambda: 0.0).look(Client(server.url), ())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"\xff\xfe{", b"{" * 5000, b'{"models": 7, "data": {"a": 1}}', b"<html>"]
)
def test_garbage_is_refused_whatever_the_engine(engine: str, body: bytes) -> None:
    with replay(changed=lambda _path: Reply(200, body)) as server:
        assert recognise(Client(server.url)) == ""
        with pytest.raises((NotThis, Unanswered)):
            adapter(engine, lambda: 0.0).look(Client(server.url), ())


@pytest.mark.parametrize("name", CAPTURES)
def test_metrics_that_are_garbage_are_no_metrics(name: str) -> None:
    garbage = Reply(200, GARBAGE)
    with replay(name) as server:
        engine = recognise(Client(server.url))
        server.changed = lambda path: garbage if path.startswith("/metrics") else None
        one = adapter(engine, lambda: 0.0)
        if engine in ("ollama", "lmstudio", "openai"):
            assert one.look(Client(server.url), ()).models
        else:
            with pytest.raises(NotThis, match="no Prometheus text"):
                one.look(Client(server.url), ())


def test_a_server_that_wants_a_key_says_so() -> None:
    with replay("vllm-0.33.0", key="right") as server:
        with pytest.raises(KeyAsked, match="asks for an API key"):
            recognise(Client(server.url))
        with pytest.raises(KeyAsked, match="refuses the API key"):
            recognise(Client(server.url, "wrong"))
        assert recognise(Client(server.url, "right")) == "vllm"


@pytest.mark.parametrize("name", ["llamacpp-b11549", "vllm-0.33.0", "sglang-0.5.23", "tgi-3.3.6"])
def test_a_server_that_was_started_again_with_another_model_is_told_with_that_one(name: str) -> None:
    with replay(name) as server:
        client = Client(server.url)
        one = adapter(recognise(client), lambda: 0.0)
        before = one.look(client, ()).models[0].name

        def other(path: str) -> Reply | None:
            reply = server.answer(path)
            reply.body = reply.body.replace(json.dumps(before)[1:-1].encode(), b"another-one")
            return reply

        server.changed = other
        assert [model.name for model in one.look(client, ()).models] == ["another-one"]


def test_litellm_without_a_key_is_recognised_and_told_as_far_as_it_goes() -> None:
    refused = Reply(401, b'{"error":{"message":"No api key passed in."}}')
    with replay("litellm-1.109.1", changed=lambda path: refused if path == "/v1/models" else None) as server:
        client = Client(server.url)
        assert recognise(client) == "litellm"
        look = adapter("litellm", lambda: 0.0).look(client, ())
    assert [model.name for model in look.models] == ["chat", "big"]
    assert "API key" in look.message


def test_litellm_tells_the_state_of_what_it_has_asked_only() -> None:
    metrics = Reply(200, b'litellm_deployment_state{litellm_model_name="chat"} 0\n')
    with replay("litellm-1.109.1", changed=lambda path: metrics if path.startswith("/metrics") else None) as server:
        models = adapter("litellm", lambda: 0.0).look(Client(server.url), ()).models
    assert [(model.name, model.state) for model in models] == [("chat", "running"), ("big", "")]


@pytest.mark.parametrize(("statuses", "failed"), [
    ({"200": 7, "500": 2, "503": 1, "400": 1, "None": 1}, 4.0), ({"200": 7, "429": 3}, 0.0), ({"": 7}, None),
])
def test_of_litellm_what_ended_with_a_server_error_or_without_a_status_has_failed(
    statuses: dict[str, int], failed: float | None,
) -> None:
    name = "litellm_proxy_total_requests_metric_total"
    lines = [
        f'{name}{{requested_model="chat"{f",status_code={json.dumps(status)}" if status else ""}}} {count}'
        for status, count in statuses.items()
    ]
    metrics = Reply(200, "\n".join(lines).encode())
    with replay("litellm-1.109.1", changed=lambda path: metrics if path.startswith("/metrics") else None) as server:
        totals = adapter("litellm", lambda: 0.0).look(Client(server.url), ()).totals or {}
    ended = {"ended": float(sum(statuses.values())), "failed": failed}
    assert totals.get(("outcomes", "chat")) == (None if failed is None else ended)


def test_a_redirect_within_the_server_is_followed_and_to_another_is_not() -> None:
    moved = {"/metrics": "/metrics/", "/away": "http://192.0.2.1/metrics", "/round": "/round"}

    def changed(path: str) -> Reply | None:
        if path == "/metrics/":
            return Reply(200, b"vllm:a 1\n")
        return Reply(307, headers={"Location": moved[path]}) if path in moved else None

    with replay(changed=changed) as server:
        client = Client(server.url, "secret")
        assert client.get("/metrics").text() == "vllm:a 1\n"
        with pytest.raises(Unanswered, match="another server"):
            client.get("/away")
        with pytest.raises(Unanswered, match="circle"):
            client.get("/round")


def test_an_answer_that_is_half_slow_or_huge_is_none() -> None:
    replies = {
        "/half": Reply(200, b'{"models": [', missing=50), "/slow": Reply(200, b"{}", delay=30.0),
        "/huge": Reply(200, b" " * (9 << 20)), "/endless": Reply(200, b" " * (9 << 20), sized=False),
        "/broken": Reply(500), "/full": Reply(200, b'{"a": 1}'),
    }
    with replay(changed=replies.get) as server:
        client = Client(server.url, read=0.3)
        for path, said in (
            ("/half", "breaks off"), ("/slow", "does not answer within 0.3 s"), ("/huge", "more than 8 MiB"),
            ("/endless", "more than 8 MiB"), ("/broken", "HTTP 500"),
        ):
            with pytest.raises(Unanswered, match=said):
                client.get(path)
        assert client.json("/full") == {"a": 1}
        with pytest.raises(Unanswered, match="not whole after 0 s"):
            Client(server.url, whole=0.0).get("/full")


def test_nothing_at_the_address_is_said() -> None:
    with pytest.raises(Unanswered, match="No connection: it is refused"):
        Client("http://127.0.0.1:9").get("/props")
    with pytest.raises(Unanswered, match="No connection"):
        Client("http://no-such-host.invalid").get("/props")


def test_llamacpp_that_loads_is_recognised_and_loading() -> None:
    loading = Reply(503, b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}')
    with replay(changed=lambda _path: loading) as server:
        client = Client(server.url)
        assert recognise(client) == "llamacpp"
        one = adapter("llamacpp", lambda: 0.0)
        assert one.look(client, ()).message == "It is loading its model."
        server.changed, server.capture = (lambda _path: None), "llamacpp-b11549"
        assert one.look(client, ()).models[0].state == "running"
        server.changed = lambda _path: loading
        model = one.look(client, ()).models[0]
        assert (model.name, model.state, model.loaded) == ("slow-random-llama", "loading", False)


@pytest.mark.parametrize(("props", "command", "read"), [
    ({"build_info": "b11549-abc", "is_sleeping": False}, (), True),
    ({"build_info": "b7000-abc"}, (), True),  # knows no sleep
    ({"build_info": "b9760-abc", "is_sleeping": False}, (), False),
    ({"build_info": "b9760-abc", "is_sleeping": False}, ("llama-server", "-m", "x"), True),
    ({"build_info": "b9760-abc", "is_sleeping": False}, ("llama-server", "--sleep-idle-seconds", "60"), False),
    ({"build_info": "b11549-abc", "is_sleeping": True}, (), False),
    ({"build_info": "b11549-abc", "endpoint_metrics": False}, (), False),
])
def test_metrics_of_llamacpp_are_read_only_where_that_keeps_nothing_awake(
    props: dict[str, Any], command: tuple[str, ...], read: bool
) -> None:
    body = json.dumps({"total_slots": 1} | props).encode()
    with replay("llamacpp-b11549", changed=lambda path: Reply(200, body) if path == "/props" else None) as server:
        look = adapter("llamacpp", lambda: 0.0).look(Client(server.url), command)
    assert (("GET", "/metrics") in server.asked) is read
    assert look.models[0].state == "running"
    assert (look.models[0].loaded_bytes is None) is (look.models[0].sleeping is True)
    if not read:
        assert ("GET", "/slots") not in server.asked
        assert look.message or look.models[0].sleeping


def test_a_router_does_not_say_awake_where_its_model_does_not_tell() -> None:
    props = Reply(200, b'{"total_slots": 1}')
    with replay("llamacpp-router", changed=lambda path: props if path.startswith("/props?") else None) as server:
        models = adapter("llamacpp", lambda: 0.0).look(Client(server.url), ()).models
    assert [model.sleeping for model in models] == [None, True, None, None]


def test_slow_metrics_of_llamacpp_do_not_make_it_down() -> None:
    slow = Reply(200, b"", delay=30.0)
    with replay("llamacpp-b11549", changed=lambda path: slow if path == "/metrics" else None) as server:
        look = adapter("llamacpp", lambda: 0.0).look(Client(server.url, read=0.2), ())
    assert look.models[0].state == "running"
    assert "long prompt" in look.message


@pytest.mark.parametrize(("slots", "said"), [
    (Reply(200, b'[{"is_processing": true, "next_token": [{"n_decoded": 85}]}]'), True),
    (Reply(200, b'[{"is_processing": true}]'), False), (Reply(200, b"{}"), False),
    (Reply(501, b'{"error": {}}'), False),
])
def test_llamacpp_that_does_not_tell_its_slots_has_no_live_speed(slots: Reply, said: bool) -> None:
    with replay("llamacpp-b11549", changed=lambda path: slots if path == "/slots" else None) as server:
        first, second = looks(server)
    assert "model_requests_running" in {sample.metric.name for sample in first.samples}
    assert ("model_decode_tokens_per_second" in {sample.metric.name for sample in second.samples}) is said


def test_what_a_server_lists_is_bounded_and_clean() -> None:
    many = {"object": "list", "data": [{"id": f"m{n}\x1b[31m" + "x" * 500} for n in range(1000)]}
    with replay(changed=lambda _path: Reply(200, json.dumps(many).encode())) as server:
        models = adapter("openai", lambda: 0.0).look(Client(server.url), ()).models
    assert len(models) == 256
    assert all(len(model.name) <= 200 and model.name.isprintable() for model in models)


def test_sglang_whose_scheduler_is_busy_is_not_down() -> None:
    slow = Reply(200, b"", delay=30.0)
    with replay("sglang-0.5.23", changed=lambda path: slow if path == "/server_info" else None) as server:
        look = adapter("sglang", lambda: 0.0).look(Client(server.url, read=0.2), ())
    assert [model.name for model in look.models] == ["Qwen/Qwen3-32B"]
    assert look.version == ""
