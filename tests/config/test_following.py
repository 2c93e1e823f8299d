"""The running parts follow the configuration without a restart: a real app, its loops not started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from config.documents import masked
from config.settings import Settings
from metrics.metric import series_key
from runtime import Runtime
from services import Vigie
from tests.support import wait_until

CLOCK = count(1_800_000_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Flask]:
    made = create_app(Settings(data_dir=tmp_path, ring_hours=0.2)).server
    runtime: Runtime = made.extensions["vigie.runtime"]
    yield made
    runtime.runner.stop()


@pytest.fixture
def services(server: Flask) -> Vigie:
    found: Vigie = server.extensions["vigie"]
    return found


@pytest.fixture
def runtime(server: Flask) -> Runtime:
    found: Runtime = server.extensions["vigie.runtime"]
    return found


def save(services: Vigie, **monitoring: Any) -> None:
    document = masked(services.config.current)
    document["monitoring"] |= monitoring
    services.config.save(document, services.config.version.number, "ada")


def ticks_until(runtime: Runtime, condition: Callable[[], bool], what: str) -> None:
    """Ticks, because a collector that is late on a busy machine answers into the next."""

    def ticked() -> bool:
        runtime.tick(float(next(CLOCK)))
        return condition()

    wait_until(ticked, what=what)


def state_of(runtime: Runtime, name: str) -> tuple[str, str]:
    return next((s.state, s.message) for s in runtime.sources() if s.name == name)


def test_limits_count_at_once(services: Vigie, runtime: Runtime) -> None:
    ticks_until(runtime, lambda: services.latest.value("memory_used_ratio") is not None, "memory is read")
    save(services, alertThresholds={"memoryPercent": 0.1, "memoryCriticalPercent": 0.2})
    assert services.latest.health == "CRITICAL", "not only with the next values"
    assert any(reason.metric == "memory_used_ratio" for reason in services.latest.reasons)


def test_sources_are_switched_off_and_on(services: Vigie, runtime: Runtime) -> None:
    save(services, enableGpuMonitoring=False, enableNetworkMonitoring=False)
    switched_off = ("no_data", "Switched off in the configuration.")
    for name in ("nvidia", "network"):
        ticks_until(runtime, lambda name=name: state_of(runtime, name) == switched_off, name)  # type: ignore[misc]
    save(services, enableNetworkMonitoring=True)
    ticks_until(runtime, lambda: state_of(runtime, "network") != switched_off, "the network is watched again")


def test_a_coarser_interval_is_no_hole_in_what_follows(services: Vigie, runtime: Runtime) -> None:
    ticks_until(runtime, lambda: services.latest.info("cpu_load1") is not None, "the load is read")
    save(services, updateInterval=5000)
    ticks_until(runtime, lambda: services.latest.info("cpu_load1").every == 5.0, "five seconds")  # type: ignore[union-attr]
    save(services, updateInterval=1000)
    assert runtime.coarsest == 5.0, "what was read every five seconds stays whole"


def test_what_changed_is_an_event_an_audit_row_and_news(services: Vigie) -> None:
    with services.hub.subscribe("config") as listener:
        save(services, enableDetailedLogging=True, metricsRetention=7_200_000)
        news = listener.get(0)
    assert news is not None
    assert news["changes"] == ["monitoring.metricsRetention", "monitoring.enableDetailedLogging"]
    assert news["services"] == ["history", "logging"] and news["by"] == "ada" and news["version"] == 2
    assert news["restart"] == ["monitoring.metricsRetention"], "this ring holds twelve minutes"
    event = services.events.recent(1)[0]
    assert event.kind == "settings_changed"
    assert "monitoring.enableDetailedLogging: off → on" in event.params["what"]


def test_a_secret_is_in_no_event(services: Vigie) -> None:
    document = masked(services.config.current)
    document["proxies"]["ollama"]["apiKey"] = "hunter2"
    with services.hub.subscribe("config") as listener:
        services.config.save(document, 1, "ada")
        assert "hunter2" not in repr(listener.get(0))
    assert services.events.recent(1)[0].params["what"] == "proxies.ollama.apiKey"


def test_a_refused_file_is_an_event_and_a_value_that_rules_can_watch(services: Vigie, runtime: Runtime) -> None:
    rejections = series_key("vigie_config_rejections_total", (("source", "file"),))
    value = services.latest.value
    ticks_until(runtime, lambda: (value("vigie_config_valid"), value(rejections)) == (1.0, 0.0), "all is well")
    services.config.path.write_text('{"ui": {"theme": "blue"}}')
    services.config.reload()
    ticks_until(runtime, lambda: (value("vigie_config_valid"), value(rejections)) == (0.0, 1.0), "it is refused")
    event = services.events.recent(1)[0]
    assert event.kind == "config_refused" and event.severity == "error" and event.params["path"] == "ui.theme"
    services.config.path.write_text('{"ui": {"theme": "dark"}}')
    services.config.reload()
    ticks_until(runtime, lambda: value("vigie_config_valid") == 1.0, "it is good again")
    assert {event.kind for event in services.events.recent(3)} >= {"settings_changed", "config_good"}


def test_every_part_has_a_value_of_its_own(services: Vigie, runtime: Runtime) -> None:
    runtime._note_stores()
    for part in runtime.parts():
        key = series_key("vigie_part_up", (("part", part.name),))
        ticks_until(runtime, lambda key=key: services.latest.value(key) in (0.0, 1.0), key)  # type: ignore[misc]
