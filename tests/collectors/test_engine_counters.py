"""What changed between two looks: counters, histograms, and the text they come in."""

from __future__ import annotations

import math
from collections import Counter as Counted

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from collectors.engines.base import Look, NotThis
from collectors.engines.prometheus import Deltas, Exposition, add_histograms, order, parse, ratios, uncumulated
from metrics.models import TTFT

BOUNDS = (0.01, 0.1, 1.0, 10.0)
seconds = st.floats(0.0, 100.0, allow_nan=False)


def bucket(value: float) -> str:
    return next((str(bound) for bound in BOUNDS if value <= bound), "+Inf")


@given(st.lists(st.lists(seconds, max_size=30), min_size=1, max_size=6))
def test_each_observation_is_told_once_in_its_bucket(rounds: list[list[float]]) -> None:
    registry = CollectorRegistry()
    theirs = Histogram("e:time_seconds", "Time.", ["model_name"], registry=registry, buckets=BOUNDS).labels("m")
    deltas = Deltas()
    add_histograms(Look("s", "vllm"), deltas, read(registry), model, [(TTFT, ("e:time_seconds",))])
    for values in rounds:
        for value in values:
            theirs.observe(value)
        look = Look("s", "vllm")
        add_histograms(look, deltas, read(registry), model, [(TTFT, ("gone_seconds", "e:time_seconds"))])
        told = {dict(sample.labels)["le"]: sample.value for sample in look.samples}
        assert told == Counted(bucket(value) for value in values)


@given(st.lists(st.dictionaries(st.sampled_from(["0.1", "1.0", "+Inf"]), st.floats(0, 1e9), min_size=3), max_size=8))
def test_whatever_a_histogram_does_no_count_is_negative(looks: list[dict[str, float]]) -> None:
    deltas = Deltas()
    for cumulative in looks:
        assert all(more > 0 and math.isfinite(more) for more in deltas.observed("h", cumulative).values())


def test_a_restart_tells_what_came_after_it_and_other_buckets_nothing() -> None:
    deltas = Deltas()
    assert deltas.observed("h", {"1": 5, "+Inf": 9}) == {}
    assert deltas.observed("h", {"1": 6, "+Inf": 12}) == {"1": 1, "+Inf": 2}
    assert deltas.observed("h", {"1": 2, "+Inf": 2}) == {"1": 2}
    assert deltas.observed("h", {"1": 2, "2": 2, "+Inf": 2}) == {}


def test_a_counter_that_falls_has_not_grown() -> None:
    deltas = Deltas()
    totals = (5.0, 7.0, 7.0, 1.0, 2.0, None, 9.0)
    assert [deltas.grown("c", total) for total in totals] == [None, 2, 0, None, 1, None, None]


def test_a_share_is_told_only_where_something_was_asked() -> None:
    deltas = Deltas()
    assert list(ratios({"m": 1.0}, {"m": 10.0}, deltas, "hits")) == []
    assert list(ratios({"m": 4.0}, {"m": 20.0}, deltas, "hits")) == [("m", 0.3)]
    assert list(ratios({"m": 4.0}, {"m": 20.0}, deltas, "hits")) == []
    assert list(ratios({}, {"m": 30.0}, deltas, "hits")) == []


@given(st.dictionaries(st.text("01e+-.infNa", max_size=6), st.floats(0, 1e6), max_size=8))
def test_strange_bounds_only_change_the_order(counts: dict[str, float]) -> None:
    assert uncumulated(counts).keys() == counts.keys()
    assert not any(math.isnan(order(le)) for le in counts)


label = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(label, st.floats(allow_nan=False, allow_infinity=False), max_size=8), st.integers(0, 2**53))
def test_text_of_the_usual_library_is_read_back(gauges: dict[str, float], total: int) -> None:
    registry = CollectorRegistry()
    gauge = Gauge("vllm:running", "Running.", ["model_name", "engine"], registry=registry)
    for name, value in gauges.items():
        gauge.labels(name, "0").set(value)
    Counter("vllm:prompt_tokens", "Tokens.", registry=registry).inc(total)
    Gauge("python_info", "Other.", registry=registry).set(1)
    told = parse(generate_latest(registry).decode(), ("vllm:",))
    assert {line.labels["model_name"]: line.value for line in told.lines("vllm:running")} == gauges
    assert told.lines("vllm:none", "vllm:prompt_tokens_total")[0].value == total
    assert not told.lines("python_info") and not told.lines("vllm:prompt_tokens_created")


@given(st.text(st.characters(codec="utf-8")) | st.text('vllm:a_{}="\\, 1.e+\n#TYPE', max_size=200))
def test_any_text_is_read_or_refused(body: str) -> None:
    for text in (body, f"vllm:{body}", f"vllm:a{{{body}}} 1"):
        try:
            told = parse(text, ("vllm:",))
        except NotThis as error:
            assert "no Prometheus text" in str(error)  # noqa: PT017 - both are right, and this is what refusing means
        else:
            told.summed(model, "vllm:a")


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_number_is_absent(value: str) -> None:
    told = parse(f'vllm:a{{model_name="m"}} {value}\n', ("vllm:",))
    look = Look("s", "vllm")
    look.add(TTFT, told.lines("vllm:a")[0].value, "m")
    assert told.summed(model, "vllm:a") == {}
    assert not look.samples


def model(labels: dict[str, str]) -> str:
    return labels.get("model_name", "")


def read(registry: CollectorRegistry) -> Exposition:
    return parse(generate_latest(registry).decode(), ("e:",))
