"""Proxies and models in the snapshot: the document's names, the newest values, null where nothing is known."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from metrics import models as m
from metrics.metric import Metric, labels, rate_of, series_key
from metrics.series import SeriesInfo
from tests.api.conftest import bearer
from tests.api.house import House

HEAT = Metric("gpu_temperature_celsius", "gauge", "celsius", "Temperature")
LANE = {"server": "box", "model": "m"}
OF_MODEL = {
    "status", "port", "pid", "startTime", "requestsProcessed", "requestsPerSecond", "averageLatency", "errorRate",
    "throughputTokensPerSec", "memoryUsed", "gpuMemoryUsed", "temperature", "contextUsagePercent",
}


def server(name: str, url: str, *models: str, pid: int | None = None) -> dict[str, Any]:
    return {"name": name, "url": url, "engine": "vllm", "state": "ok", "message": "", "found": "configured", "pid": pid,
            "models": [{"name": model, "state": "running"} for model in models]}


def update(house: House, values: list[tuple[Metric, dict[str, str], float]], **snapshots: Any) -> None:
    found = []
    for metric, pairs, value in values:
        info = SeriesInfo(metric.name, labels(pairs), metric.unit, metric.kind, metric.help)
        found.append((info, series_key(info.name, info.labels), value))
    house.services.latest.update(house.at, found, snapshots)


def told(client: FlaskClient) -> dict[str, Any]:
    body = client.get("/api/v1/monitoring").json
    assert body is not None
    return body


@pytest.fixture
def client(own_house: House) -> FlaskClient:
    return bearer(own_house, own_house.token("t", "metrics:read"))


def test_proxies_that_are_off_and_no_models(client: FlaskClient) -> None:
    body = told(client)
    off = dict.fromkeys(("healthy", "requestCount", "errorCount", "avgLatency", "uptimeSecs"))
    assert body["proxies"] == {
        "ollama": {"enabled": False, "port": 11434, **off}, "lmstudio": {"enabled": False, "port": 1234, **off},
    }
    assert body["models"] == {}


@pytest.mark.parametrize(("up", "healthy", "said"), [(1.0, 1.0, True), (1.0, 0.0, False), (0.0, None, False)])
def test_a_proxy_that_is_on(
    own_house: House, client: FlaskClient, up: float, healthy: float | None, said: bool,
) -> None:
    own_house.services.config.save(
        {"version": "1.0.0", "proxies": {"ollama": {"enabled": True, "port": 11500}}}, 1, "ada",
    )
    pairs = {"proxy": "ollama"}
    update(own_house, [
        (m.PROXY_UP, pairs, up), *([(m.PROXY_HEALTHY, pairs, healthy)] if healthy is not None else []),
        (m.PROXY_REQUESTS, pairs, 41.0), (m.PROXY_ERRORS, pairs, 2.0), (m.PROXY_LATENCY, pairs, 0.2344),
        (m.PROXY_UPTIME, pairs, 77.5),
    ])
    assert told(client)["proxies"]["ollama"] == {
        "enabled": True, "port": 11500, "healthy": said, "requestCount": 41, "errorCount": 2, "avgLatency": 234.4,
        "uptimeSecs": 77.5,
    }


def test_a_model_has_what_proxies_and_its_engine_tell(own_house: House, client: FlaskClient) -> None:
    proxied = LANE | {"proxy": "lmstudio"}
    update(own_house, [
        (m.REQUESTS, proxied, 30.0), (m.REQUESTS, LANE | {"proxy": "ollama"}, 4.0), (m.REQUESTS, LANE, 900.0),
        (rate_of(m.REQUESTS), proxied, 0.5), (m.ERROR_RATIO, proxied, 0.01), (m.LIVE_TOKENS, proxied, 120.0),
        (m.MEMORY, LANE, 5e9), (m.GPU_MEMORY, LANE | {"gpu": "0"}, 3e9), (m.GPU_MEMORY, LANE | {"gpu": "1"}, 2e9),
        (m.CONTEXT_USED, LANE, 0.333333), (HEAT, {"gpu": "0"}, 61.0), (HEAT, {"gpu": "1"}, 70.0),
        (HEAT, {"gpu": "2"}, 88.0),
    ], model_servers={"servers": [server("box", "http://127.0.0.1:8000", "m", pid=33)]}, serving={"lanes": [
        {**proxied, "mean": 0.2, "ended": 30}, {**LANE, "proxy": "ollama", "mean": 0.6, "ended": 10},
    ], "processes": []})
    assert told(client)["models"] == {"m": {
        "status": "running", "port": 8000, "pid": 33, "startTime": None, "requestsProcessed": 34,
        "requestsPerSecond": 0.5, "averageLatency": pytest.approx(300), "errorRate": 0.01,
        "throughputTokensPerSec": 120.0, "memoryUsed": 5e9, "gpuMemoryUsed": 5e9, "temperature": 70.0,
        "contextUsagePercent": 33.33,
    }}


def test_latency_and_errors_are_the_engines_where_no_proxy_tells_them(own_house: House, client: FlaskClient) -> None:
    lane = {"server": "box", "model": "m"}
    update(own_house, [(m.MEAN, lane, 0.25), (m.ERROR_RATIO, lane, 0.02)], serving={"lanes": [], "processes": []},
           model_servers={"servers": [server("box", "http://127.0.0.1:8000", "m", "idle")]})
    found = told(client)["models"]
    assert (found["m"]["averageLatency"], found["m"]["errorRate"]) == (250, 0.02)
    assert (found["idle"]["averageLatency"], found["idle"]["errorRate"]) == (None, None)


def test_a_state_that_is_not_told_is_null(own_house: House, client: FlaskClient) -> None:
    listing = server("box", "http://127.0.0.1:8000", "m")
    del listing["models"][0]["state"]
    update(own_house, [], model_servers={"servers": [listing]})
    assert told(client)["models"]["m"]["status"] is None


def test_a_process_of_ours_and_models_of_one_name(own_house: House, client: FlaskClient) -> None:
    own = {"name": "own", "state": "running", "pid": 9, "port": 40_001, "started": 1_800_000_000.0,
           "engine": "llamacpp"}
    update(own_house, [(m.REQUESTS, {"server": "a", "model": "twin"}, 8.0)], serving={"lanes": [], "processes": [own]},
           model_servers={"servers": [server("a", "http://a:1", "twin"), server("b", "https://b.example", "twin")]})
    found = told(client)["models"]
    assert set(found) == {"own", "a/twin", "b/twin"}
    assert all(set(one) == OF_MODEL for one in found.values())
    assert (found["own"]["pid"], found["own"]["port"]) == (9, 40_001)
    assert found["own"]["startTime"] == "2027-01-15T08:00:00.000Z"
    assert (found["a/twin"]["requestsProcessed"], found["b/twin"]["requestsProcessed"]) == (8, None)
    assert found["b/twin"]["port"] == 443 and found["b/twin"]["temperature"] is None


def test_a_model_that_a_router_runs_has_the_port_of_its_own_process(own_house: House, client: FlaskClient) -> None:
    router = server("router", "http://127.0.0.1:8080", "m")
    router["models"][0]["port"] = 41_234
    update(own_house, [], model_servers={"servers": [router]})
    assert told(client)["models"]["m"]["port"] == 41_234
