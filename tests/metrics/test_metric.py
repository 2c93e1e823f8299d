import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from metrics.metric import Metric, is_present, labels, rate_of, series_key, unit_of


@pytest.mark.parametrize(
    ("name", "kind", "unit", "sentence"),
    [
        ("Cpu", "gauge", "", "lower case"),
        ("cpu_usage", "gauge", "ratio", "_ratio"),
        ("read_bytes", "counter", "bytes", "_total"),
        ("reads_total", "gauge", "", "_total"),
        ("reads", "gauge", "furlongs", "furlongs"),
    ],
)
def test_a_badly_named_metric_is_refused_with_the_rule(name, kind, unit, sentence):
    with pytest.raises(ValueError, match=sentence):
        Metric(name, kind, unit, "help")


def test_rates_are_named_after_their_counter():
    assert rate_of(Metric("x_bytes_total", "counter", "bytes", "h")).name == "x_bytes_per_second"
    assert rate_of(Metric("disk_busy_seconds_total", "counter", "seconds", "h")).name == "disk_busy_ratio"
    assert rate_of(Metric("reads_total", "counter", "", "h")).name == "reads_per_second"


def test_a_name_tells_the_unit_of_a_metric_nobody_has_sent_yet():
    names = ("gpu_memory_used_ratio", "read_bytes_per_second", "read_bytes_total", "reads_per_second", "cpu_load1")
    assert list(map(unit_of, names)) == ["ratio", "bytes_per_second", "bytes", "per_second", ""]


@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.text(max_size=20), max_size=4))
def test_a_series_key_is_read_back_by_a_prometheus_parser(pairs):
    # The reference parser splits lines on \r and other separators that the format itself allows in values.
    pairs = {k: "".join(c for c in v if c == "\n" or c.isprintable()) for k, v in pairs.items()}
    key = series_key("x", labels(pairs))
    (family,) = text_string_to_metric_families(f"# TYPE x gauge\n{key} 1\n")
    assert family.samples[0].labels == pairs


def test_absent_values_are_not_numbers():
    assert is_present(0.0) and is_present(-3)
    assert not any(map(is_present, (None, float("nan"), float("inf"))))
