"""``/metrics`` read back by Prometheus' own parser."""

from __future__ import annotations

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from api.prometheus import text_of
from metrics.series import SeriesInfo
from tests.api.house import CORES, SENT_PER_SECOND, House, build


def families(client: FlaskClient) -> dict[str, object]:
    answer = client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    found = list(text_string_to_metric_families(answer.text))
    assert len({family.name for family in found}) == len(found)
    return {family.name: family for family in found}


def test_every_current_value_is_there(house: House, reader: FlaskClient) -> None:
    found = families(reader)
    values = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in found.values() for sample in family.samples  # type: ignore[attr-defined]
    }
    present = house.services.latest.present()
    assert len(present) > 15
    for info, value in present:
        assert values[(info.name, info.labels)] == value  # float64, not rounded
    assert len(found["cpu_core_usage_ratio"].samples) == CORES  # type: ignore[attr-defined]


def test_help_type_and_counters(house: House, reader: FlaskClient) -> None:
    found = families(reader)
    cpu, sent = found["cpu_usage_ratio"], found["network_all_transmit_bytes"]
    assert (cpu.documentation, cpu.type) == ("CPU in use", "gauge")  # type: ignore[attr-defined]
    assert sent.type == "counter"  # type: ignore[attr-defined]
    assert sent.samples[0].value == 2.0**40 + SENT_PER_SECOND * (house.at - house.start)  # type: ignore[attr-defined]


def test_vigie_itself(house: House, reader: FlaskClient) -> None:
    reader.get("/api/metrics/latest")
    found = families(reader)
    durations = found["http_request_duration_seconds"]
    counts = {s.labels["route"]: s.value for s in durations.samples if s.name.endswith("_count")}  # type: ignore[attr-defined]
    assert counts["/api/metrics/latest"] >= 1
    assert found["websocket_connections_active"].samples[0].value == 0  # type: ignore[attr-defined]
    assert found["process_resident_memory_bytes"].samples[0].value > 2**20  # type: ignore[attr-defined]
    assert not any(name.endswith("_created") for name in found)


def test_two_apps_do_not_mix(house: House, reader: FlaskClient, tmp_path: object) -> None:
    reader.get("/api/metrics/latest")
    other = build(tmp_path)  # type: ignore[arg-type]
    client = other.server.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {other.token('t', 'metrics:read')}"
    assert "/api/metrics/latest" not in client.get("/metrics").text
    other.close()


def test_names_with_quotes_survive() -> None:
    label = 'a "b" \\ \n é'
    info = SeriesInfo("x_bytes", (("name", label),), "bytes", "gauge", "line one\nline \\ two")
    family, = text_string_to_metric_families(text_of([(info, 1.5)]))
    assert family.documentation == "line one\nline \\ two"
    assert family.samples[0].labels == {"name": label}
