"""``/metrics`` read back by Prometheus' own parser."""

from __future__ import annotations

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from api.prometheus import text_of
from metrics.models import ITL, LE, TTFT
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
    present = [(info, value) for info, value in house.services.latest.present() if info.kind != "histogram"]
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


def test_histograms_are_those_of_the_serving_process_since_its_start(house: House, reader: FlaskClient) -> None:
    counts = [0] * len(LE)
    counts[3], counts[10], counts[-1] = 2, 5, 1
    pairs = {"proxy": "lmstudio", "server": "box", "model": 'a "b"'}
    told = [
        {"metric": TTFT.name, "labels": pairs, "counts": counts, "sum": 7.25},
        {"metric": ITL.name, "labels": pairs, "counts": counts, "sum": None},
        {"metric": TTFT.name, "labels": pairs | {"model": "c"}, "counts": [0] * len(LE), "sum": 0.0},
    ]
    of_a_tick = SeriesInfo(TTFT.name, (("le", LE[3]), ("model", "x")), "", "histogram", TTFT.help)
    at = house.services.latest.at
    house.services.latest.update(at, [(of_a_tick, of_a_tick.key, 2.0)], {"serving": {"histograms": told}})
    try:
        found = families(reader)
    finally:
        house.services.latest.update(at, [], {"serving": {}})
    first = found[TTFT.name]
    assert first.type == "histogram" and first.documentation == TTFT.help  # type: ignore[attr-defined]
    assert not any(sample.labels["model"] == "x" for sample in first.samples)  # type: ignore[attr-defined]
    mine = [one for one in first.samples if one.labels["model"] == pairs["model"]]  # type: ignore[attr-defined]
    buckets = {one.labels["le"]: one.value for one in mine if one.name.endswith("_bucket")}
    assert list(buckets) == list(LE) and float(LE[3]) > 0
    assert (buckets[LE[2]], buckets[LE[3]], buckets[LE[9]], buckets[LE[10]], buckets["+Inf"]) == (0, 2, 2, 7, 8)
    rest = {one.name.rpartition("_")[2]: one.value for one in mine if "le" not in one.labels}
    assert rest == {"sum": 7.25, "count": 8}
    assert not any(one.name.endswith("_sum") for one in found[ITL.name].samples)  # type: ignore[attr-defined]


def test_names_with_quotes_survive() -> None:
    label = 'a "b" \\ \n é'
    info = SeriesInfo("x_bytes", (("name", label),), "bytes", "gauge", "line one\nline \\ two")
    family, = text_string_to_metric_families(text_of([(info, 1.5)]))
    assert family.documentation == "line one\nline \\ two"
    assert family.samples[0].labels == {"name": label}
