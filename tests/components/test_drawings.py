"""The text of a drawing: one spelling, and a clear error for anything else."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectors import COLLECTORS
from collectors.scrape import RUNNER_METRICS
from components import metric_words
from components.chartspecs import CHARTS, find
from components.drawings import (
    LONGEST,
    MOST_CHARTS,
    MOST_SELECTORS,
    PREFIX,
    Drawing,
    as_drawing,
    drawing_of,
    lengthen,
    parse,
    parse_all,
    shorten,
    spec_of,
    split,
    title_of,
)
from metrics import names
from metrics.metric import escape, rate_of
from metrics.series import SeriesInfo
from storage.selector import parse_selector

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,12}", fullmatch=True)
VALUES = st.one_of(st.from_regex(r"[A-Za-z0-9_./:-]{1,8}", fullmatch=True), st.text(max_size=8))
MATCHERS = st.tuples(NAMES, st.sampled_from(["=", "!="]), VALUES).map(lambda m: f'{m[0]}{m[1]}"{escape(m[2])}"')
SELECTORS = st.tuples(NAMES, st.lists(MATCHERS, max_size=3)).map(
    lambda s: f"{s[0]}{{{','.join(s[1])}}}" if s[1] else s[0]
)
AGGREGATES = st.one_of(
    st.just(("", ())),
    st.tuples(st.sampled_from(["mean", "sum", "min", "max", "p95"]), st.lists(NAMES, max_size=3).map(tuple)),
)


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    how, by = draw(AGGREGATES)
    return Drawing(
        tuple(draw(st.lists(SELECTORS, min_size=1, max_size=4))),
        draw(st.sampled_from(["lines", "area", "bars", "heat", "hist", "hours", "buckets"])), how, by,
        draw(st.booleans()), draw(st.sampled_from(["", "before", "day", "week"])),
        draw(st.one_of(st.just(""), SELECTORS)),
    )


@given(drawings())
def test_what_is_spelt_is_read_back(drawing: Drawing):
    assert parse(drawing.text) == drawing
    assert parse(drawing.text).text == drawing.text
    assert drawing_of(drawing.id) == drawing
    for selector in drawing.selectors:
        parse_selector(selector)  # the query understands what the drawing holds


@given(SELECTORS)
def test_quotes_left_out_are_put_back(selector: str):
    assert lengthen(shorten(selector)) == selector
    assert parse_selector(lengthen(shorten(selector))) == parse_selector(selector)


@given(st.one_of(st.text(max_size=60), st.text("abc!,;{}=~\"\\ rate.mean", max_size=60)))
@example('="0"')
@example('= "0"}')
@example('a{b= "0"}!vs=a{b=~ "1"}')
def test_any_text_is_a_drawing_or_a_value_error(text: str):
    try:
        found = parse(text)
    except ValueError:
        return
    assert found.selectors
    assert parse(found.text) == found


@given(st.lists(drawings(), max_size=5))
def test_several_are_told_apart(found: list[Drawing]):
    assert parse_all(";".join(d.text for d in found)) == list(dict.fromkeys(found))


@pytest.mark.parametrize(("text", "word"), [
    ("", "missing"), ("!area", "missing"), ("x!pie", "'pie'"), ("x!area!heat", "second"), ("x!mean!sum", "second"),
    ("x!area=1", "'area=1'"), ("x!rate=2", "'rate=2'"), ("x!vs=", "'vs='"), ("x!mean=a b", "'a b'"),
    ("x" * (LONGEST + 1), str(LONGEST)), (",".join("x" * (MOST_SELECTORS + 1)), str(MOST_SELECTORS)), ("x!", "''"),
])
def test_what_is_wrong_is_named(text: str, word: str):
    with pytest.raises(ValueError, match=word):
        parse(text)
    assert drawing_of(PREFIX + text) is None


def test_too_many_charts_are_refused():
    with pytest.raises(ValueError, match=str(MOST_CHARTS)):
        parse_all(";".join(f"x{i}" for i in range(MOST_CHARTS + 1)))
    with pytest.raises(ValueError, match="characters"):
        parse_all("x;" * (MOST_CHARTS * LONGEST))


def test_separators_within_quotes_and_braces_separate_nothing():
    assert list(split('a{b="1;2",c=~"x!y"};d', ";")) == ['a{b="1;2",c=~"x!y"}', "d"]
    assert parse('a{b="1,2"},c!vs=d{e="!f"}').versus == 'd{e="!f"}'


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize("chart", [*(c for c in CHARTS if ":" not in c and find(c)), "gpu-power:1"])
def test_each_of_vigies_own_charts_can_be_gone_on_from(chart: str):
    spec = find(chart)
    assert spec is not None
    drawing = as_drawing(spec)
    assert parse(drawing.text) == drawing
    assert title_of(drawing)


# -- words


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(("text", "title"), [
    ("cpu_core_usage_ratio!mean=core", "CPU use · mean by core"),
    ('cpu_core_usage_ratio{core=~"0|1"}!area', "CPU use · core 0, 1"),
    ("gpu_power_watts{gpu=0}!vs=gpu_power_watts{gpu=1}", "GPU power · GPU 0 · against GPU 1"),
    ("cpu_usage_ratio!vs=gpu_usage_ratio", "CPU use · against GPU use"),
    ("memory_used_bytes!rate!week", "Memory used · change per second · against last week"),
    ("a,b,c,d!sum", "a, b, 2 more · sum"),
    ('{core="0"}!hist', "core 0 · how values are spread"),
    ('disk_busy_ratio{device!="sda",x!~"y.*"}', "Disk busy · without device sda, without x y.*"),
])
def test_a_title_reads_well(text: str, title: str):
    assert title_of(parse(text)) == title
    assert spec_of(parse(text)).title == title


@pytest.mark.usefixtures("french")
def test_a_title_is_in_the_viewers_language():
    assert title_of(parse("cpu_usage_ratio!hours")) != "CPU use · by hour and weekday"


def info(name: str, help_text: str = "", **labels: str) -> SeriesInfo:
    return SeriesInfo(name, tuple(sorted(labels.items())), "", "gauge", help_text)


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(("infos", "names"), [
    ([info("cpu_core_usage_ratio", core=str(i)) for i in range(3)], ["core 0", "core 1", "core 2"]),
    ([info("gpu_power_watts", gpu="0"), info("gpu_power_watts", gpu="1")], ["GPU 0", "GPU 1"]),
    ([info("gpu_power_watts", gpu="0")], ["GPU power"]),
    ([info("x", server="a", mode="user"), info("x", server="a", mode="system")], ["user", "system"]),
    ([info("gpu_power_watts", gpu="0"), info("gpu_temperature_celsius", gpu="0")], ["GPU power", "GPU temperature"]),
    ([info("cpu_usage_ratio"), info("cpu_core_usage_ratio", core="3")], ["CPU use", "CPU use · core 3"]),
    ([info("y", "Things done"), info("z", "A help that is by far too long for a name" * 2)], ["Things done", "z"]),
    ([info("x", le="1"), info("x")], ["le 1", "without le"]),
])
def test_a_legend_is_short_and_tells_series_apart(infos: list[SeriesInfo], names: list[str]):
    assert metric_words.legends(infos) == names


@pytest.mark.usefixtures("english")
def test_what_a_series_counts_is_said_in_words_even_of_a_lone_one():
    errors = [info("e", **{"class": "client_gone"}), info("e", **{"class": "timeout"})]
    assert metric_words.legends(errors) == ["client left", "timed out"]
    assert metric_words.legends(errors[1:], by=["class"]) == ["timed out"]
    assert metric_words.legends([info("p", phase=one) for one in ("queue", "prefill", "decode")]) == [
        "waiting for its turn", "reading the prompt", "writing the answer"]
    assert metric_words.legends([info("f", reason="length"), info("f", reason="power_cap")]) == [
        "at its length limit", "power_cap"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["x", "cpu_usage_ratio", "cpu_core_usage_ratio"]),
                          st.dictionaries(NAMES, st.sampled_from(["", "0", "a"]), max_size=2)), max_size=8))
def test_no_two_series_have_one_name(server, pairs):
    infos = list({i.key: i for i in (info(name, **labels) for name, labels in pairs)}.values())
    with server.test_request_context(headers={"Accept-Language": "en"}):
        names = metric_words.legends(infos)
    alike = {(i.name, tuple(p for p in i.labels if p[1])) for i in infos}
    assert len(set(names)) >= len(alike)


def test_every_metric_with_a_history_has_words():
    own = {(rate_of(m) if m.kind == "counter" else m) for c in COLLECTORS for m in c.metrics} | set(RUNNER_METRICS)
    missing = {m.name for m in own if m.kind != "info"} - set(names.NAMES)
    assert not missing
