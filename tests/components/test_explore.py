"""Edits of the explorer's charts as pure functions, selectors taken apart, and what the page is made of."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors import COLLECTORS
from collectors.scrape import metric_sources
from components import explore
from components.drawings import MOST_CHARTS, MOST_SELECTORS, PREFIX, Drawing, parse
from components.explore_edits import EditError, apply, place, read
from components.explore_row import Facts, chosen_of, filters_of, row
from components.explore_selectors import Matcher, Parts, take_apart
from components.markup import to_html
from components.panels import chart_panel
from metrics.series import SeriesInfo
from storage.selector import parse_selector

pytestmark = pytest.mark.usefixtures("english")
LABELS = {"a": ("x", "y"), "b": ("x",), "c": ()}
SERIES = [
    SeriesInfo(name, tuple((label, value) for label in labels), "ratio", "gauge", f"What {name} is")
    for name, labels in LABELS.items() for value in ("0", "1")
]


def find(selectors: Any) -> list[SeriesInfo]:
    parsed = [parse_selector(s) for s in selectors]
    return [info for info in SERIES if any(p.matches(info) for p in parsed)]


def labels(selector: str) -> set[str]:
    return explore.labels_of(find, selector)


def edited(text: str, **action: Any) -> str:
    """The list ``text`` after an action, spelled."""
    drawings = [parse(part) for part in text.split(";") if part]
    return ";".join(d.text for d in apply(drawings, action, labels))


@pytest.mark.parametrize(("before", "action", "after"), [
    ("", {"do": "add", "texts": ["a", "b!heat"]}, "a;b!heat"),
    ("a", {"do": "add", "texts": ["a", "b", "b"]}, "a;b"),
    ("a;b", {"do": "join", "at": -1, "texts": ["c"]}, "a;b,c"),
    ("a;b", {"do": "join", "at": 0, "texts": ['c{x="1"}!heat']}, "a,c{x=1};b"),
    ("a!week", {"do": "versus", "at": 0, "texts": ['a{x="1"}']}, "a!vs=a{x=1}"),
    ("a,b,c", {"do": "drop", "at": 0, "value": "b"}, "a,c"),
    ("a;b", {"do": "drop", "at": 0, "value": "a"}, "b"),
    ("a", {"do": "kind", "at": 0, "value": "heat"}, "a!heat"),
    ("a!heat", {"do": "kind", "at": 0, "value": "lines"}, "a"),
    ("a!heat", {"do": "aggregate", "at": 0, "value": "p95"}, "a!heat!p95"),
    ("a!mean=x", {"do": "aggregate", "at": 0, "value": ""}, "a"),
    ("a!mean", {"do": "by", "at": 0, "value": "x"}, "a!mean=x"),
    ("a!mean=x", {"do": "by", "at": 0, "value": "y"}, "a!mean=x,y"),
    ("a!mean=x,y", {"do": "by", "at": 0, "value": "x"}, "a!mean=y"),
    ("a", {"do": "rate", "at": 0}, "a!rate"),
    ("a!rate", {"do": "rate", "at": 0}, "a"),
    ("a!vs=b", {"do": "compare", "at": 0, "value": "day"}, "a!day"),
    ("a!day", {"do": "compare", "at": 0, "value": ""}, "a"),
    ("a", {"do": "filter", "at": 0, "label": "x", "value": "0"}, "a{x=0}"),
    ("a{x=0}", {"do": "filter", "at": 0, "label": "x", "value": "1"}, 'a{x=~"0|1"}'),
    ('a{x=~"0|1"}', {"do": "filter", "at": 0, "label": "x", "value": "0"}, "a{x=1}"),
    ("a{x=1}", {"do": "filter", "at": 0, "label": "x", "value": "1"}, "a"),
    ("a,c", {"do": "filter", "at": 0, "label": "x", "value": "1"}, "a{x=1},c"),
    ("a{x!=0}", {"do": "filter", "at": 0, "label": "x", "value": "1"}, "a{x!=0,x=1}"),
    ("a{x=0,y=1},b{x=0}", {"do": "unfilter", "at": 0, "label": "x"}, "a{y=1},b"),
    ("a;b;c", {"do": "up", "at": 1}, "b;a;c"),
    ("a;b;c", {"do": "up", "at": 0}, "a;b;c"),
    ("a;b;c", {"do": "down", "at": 1}, "a;c;b"),
    ("a;b;c", {"do": "down", "at": 2}, "a;b;c"),
    ("a;b;c", {"do": "remove", "at": 1}, "a;c"),
    ("a;b", {"do": "duplicate", "at": 0}, "a;a!area;b"),
    ("a;a!area", {"do": "duplicate", "at": 0}, "a;a!heat;a!area"),
])
def test_an_edit(before: str, action: dict[str, Any], after: str) -> None:
    assert edited(before, **action) == after


@pytest.mark.parametrize(("before", "action", "words"), [
    ("a", {"do": "burn", "at": 0}, "not an edit"),
    ("a", {}, "not an edit"),
    ("a", {"do": "remove", "at": 1}, "no longer"),
    ("a", {"do": "remove", "at": True}, "no longer"),
    ("a", {"do": "remove", "at": "0"}, "no longer"),
    ("", {"do": "join", "at": -1, "texts": ["b"]}, "no longer"),
    ("a", {"do": "kind", "at": 0, "value": "pie"}, "not an edit"),
    ("a", {"do": "kind", "at": 0, "value": ["heat"]}, "not an edit"),
    ("a", {"do": "by", "at": 0, "value": "nowhere"}, "not an edit"),
    ("a", {"do": "add", "texts": "b"}, "not an edit"),
    ("a", {"do": "add", "texts": []}, "not an edit"),
    ("a", {"do": "add", "texts": ["b!what"]}, "cannot be drawn"),
    ("a", {"do": "add", "texts": ["a"]}, "already"),
    ("a;a!heat", {"do": "kind", "at": 0, "value": "heat"}, "already"),
    ("a,b", {"do": "join", "at": 0, "texts": ["b"]}, "already"),
    ("c", {"do": "filter", "at": 0, "label": "x", "value": "1"}, "has the label x"),
    ("a", {"do": "filter", "at": 0, "label": "x", "value": 1}, "not an edit"),
    ("a", {"do": "join", "at": 0, "texts": [f"m{i}" for i in range(MOST_SELECTORS)]}, "at most 12"),
    ("a", {"do": "add", "texts": [f"m{i}" for i in range(MOST_CHARTS)]}, "at most 24"),
    ("a", {"do": "filter", "at": 0, "label": "x", "value": "v" * 3000}, "longer than 2000"),
])
def test_what_cannot_be_is_said(before: str, action: dict[str, Any], words: str) -> None:
    with pytest.raises(EditError, match=words):
        edited(before, **action)


TEXTS = st.lists(st.sampled_from(["a", "b", "c", "a!heat", "a,b", "a!mean=x", 'b{x=~"0|1"}', "c!week", "a{y=1}!rate"]),
                 unique=True, max_size=6)
ACTIONS = st.fixed_dictionaries(
    {"do": st.sampled_from(["add", "join", "drop", "kind", "aggregate", "compare", "by", "rate", "filter", "unfilter",
                            "up", "down", "remove", "duplicate", "versus"])},
    optional={
        "at": st.integers(-8, 8),
        "value": st.sampled_from(["heat", "mean", "x", "y", "day", "", "0", "a"]) | st.text(),
        "label": st.sampled_from(["x", "y"]) | st.text(),
        "texts": st.lists(st.sampled_from(["a", "b!area", "!", "c!!"])),
    },
)


@settings(max_examples=300, deadline=None)
@given(texts=TEXTS, actions=st.lists(ACTIONS, max_size=5))
def test_any_edits_leave_a_list_that_an_address_can_spell(texts: list[str], actions: list[dict[str, Any]]) -> None:
    drawings = [parse(text) for text in texts]
    for action in actions:
        before = list(drawings)
        with suppress(EditError):
            after = apply(drawings, action, labels)
            assert drawings == before
            drawings = after
        address = ";".join(drawing.text for drawing in drawings)
        again, wrong = read(address, lambda selector: find([selector]))
        assert wrong == []
        assert again == drawings


@settings(deadline=None)
@given(before=TEXTS, after=TEXTS)
def test_charts_that_stay_keep_their_slots(before: list[str], after: list[str]) -> None:
    placed = list(enumerate(before))
    now = place(placed, after)
    assert [text for _slot, text in now] == after
    assert len({slot for slot, _text in now}) == len(now)
    assert all(0 <= slot < MOST_CHARTS for slot, _text in now)
    slots = {text: slot for slot, text in placed}
    assert all(slots[text] == slot for slot, text in now if text in slots)


def test_an_edited_chart_stays_in_its_slot() -> None:
    assert place([(5, "a"), (2, "b"), (9, "c")], ["a", "b!heat", "c"]) == [(5, "a"), (2, "b!heat"), (9, "c")]
    assert place([(5, "a"), (2, "b")], ["a", "new", "b"]) == [(5, "a"), (0, "new"), (2, "b")]


# -- addresses


def test_an_address_is_read_part_by_part() -> None:
    drawings, wrong = read('a;b!what;c{x="}";;a;nonsense{;!heat;a!mean!max;b!vs=c{', lambda s: find([s]))
    assert [d.text for d in drawings] == ["a"]
    assert wrong[0].part.startswith("b!what")
    drawings, wrong = read("a;b!what;;a;a b;!heat;a!mean!max;b!vs=c d;c", lambda s: find([s]))
    assert [d.text for d in drawings] == ["a", "c"]
    said = {w.part: w.why for w in wrong}
    assert "“what” is not an option" in said["b!what"] and "heat" in said["b!what"]
    assert "“a b” is not a metric" in said["a b"]
    assert "names no metric" in said["!heat"]
    assert "one kind" in said["a!mean!max"]
    assert "“vs=c d” is not an option" in said["b!vs=c d"]


def test_an_address_beyond_the_bounds_says_which() -> None:
    drawings, wrong = read(";".join(f"m{i}" for i in range(MOST_CHARTS + 2)), lambda _: None)
    assert (len(drawings), len(wrong)) == (MOST_CHARTS, 2)
    assert "at most 24 charts" in wrong[0].why
    assert "at most 12 metrics" in read(",".join(f"m{i}" for i in range(13)), lambda _: None)[1][0].why
    assert "longer than 2000" in read("m" * 2001, lambda _: None)[1][0].why


@given(st.text(alphabet="ab{}=~!\",;|x. \\", max_size=60))
def test_no_address_breaks_the_page(text: str) -> None:
    drawings, wrong = read(text, lambda selector: find([selector]))
    assert all(part.why for part in wrong)
    assert read(";".join(d.text for d in drawings), lambda s: find([s]))[0] == drawings


# -- selectors

VALUES = st.text(min_size=1, max_size=8)


@given(name=st.sampled_from(["a", "node:x"]), pairs=st.lists(
    st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["=", "!="]), VALUES), max_size=3))
def test_a_selector_survives_being_taken_apart(name: str, pairs: list[tuple[str, str, str]]) -> None:
    parts = Parts(name, tuple(Matcher(*pair) for pair in pairs))
    assert take_apart(parts.text) == parts
    parse_selector(parts.text)


@given(st.lists(VALUES, unique=True, min_size=1, max_size=4))
def test_ticked_values_are_exactly_those_that_pass(values: list[str]) -> None:
    parts = Parts("a")
    for value in values:
        parts = parts.toggled("x", value)
    assert parts.values("x") == values
    meant = parse_selector(parts.text)
    assert all(meant.matches(SeriesInfo("a", (("x", v),), "", "gauge", "")) for v in values)
    assert not meant.matches(SeriesInfo("a", (("x", "".join(values) + "?"),), "", "gauge", ""))
    for value in values:
        parts = parts.toggled("x", value)
    assert parts == Parts("a")


@pytest.mark.parametrize("odd", ["", "{", "a{", "a{x}", 'a{x="1"} b', "a b", 'a{x="1"', "{}"])
def test_what_is_no_selector_is_not_taken_apart(odd: str) -> None:
    assert take_apart(odd) is None


def test_a_pattern_is_left_to_who_wrote_it() -> None:
    parts = take_apart('a{x=~"eth.*"}')
    assert parts is not None
    assert parts.values("x") == []
    assert parts.toggled("x", "lo").text == 'a{x=~"eth.*",x="lo"}'
    assert filters_of(parse('a{x=~"eth.*"}')) == {("x", "=~"): "eth.*"}
    assert chosen_of(parse('a{x=~"0|1"},b{x="0"}')) == {"x": ["0", "1"]}


# -- the page


def test_a_chart_tells_the_script_what_it_is() -> None:
    made = explore.block(parse('a{x="0"}!mean=y'), find)
    assert getattr(made, "data-text") == "a{x=0}!mean=y"
    assert getattr(made, "data-names") == '["a"]'
    assert getattr(made, "data-chosen") == '{"x": ["0"]}'
    text = to_html(made)
    assert f'data-chart="{PREFIX}a{{x=0}}!mean=y"' in text
    by = {
        found[1]: 'aria-pressed="true"' in tag for tag in re.findall(r'<button[^>]*data-edit="by"[^>]*>', text)
        if (found := re.search(r'data-value="(\w+)"', tag))
    }
    assert by == {"y": True, "x": False}
    assert 'data-edit="unfilter"' in text


def test_a_counter_has_the_labels_of_its_rate() -> None:
    infos = [SeriesInfo("x_bytes_per_second", (("interface", "lo"),), "bytes_per_second", "gauge", "X"),
             SeriesInfo("busy_ratio", (("device", "sda"),), "ratio", "gauge", "Busy")]

    def rates(selectors: Any) -> list[SeriesInfo]:
        return [info for info in infos if any(parse_selector(s).matches(info) for s in selectors)]

    assert explore.facts_of(rates, parse("x_bytes_total!rate")) == Facts(("interface",), ("x_bytes_per_second",), 0)
    assert explore.labels_of(rates, 'busy_seconds_total{device="sda"}') == {"device"}


def test_controls_have_names_and_buckets_only_where_there_are_some() -> None:
    def buttons(facts: Facts, drawing: Drawing) -> str:
        return to_html(row(drawing, "a", facts))

    plain, buckets = buttons(Facts(("x",)), parse("a")), buttons(Facts(("le",)), parse("a"))
    assert re.search(r'data-value="buckets"[^>]*', plain)
    assert "disabled" in plain and "disabled" not in buckets
    for button in re.findall(r"<button[^>]*>(?:<svg.*?</svg>)?(?=</button>)", plain):
        assert "aria-label=" in button, button


def test_several_metrics_and_filters_are_chips() -> None:
    several = to_html(row(parse("a,b{x=0}"), "a, b", Facts(("x",))))
    assert several.count('data-edit="drop"') == 2
    assert several.count('data-edit="unfilter"') == 1
    assert 'data-edit="drop"' not in to_html(row(parse("a"), "a", Facts()))
    alike = to_html(row(parse("a{x=0},a{x=1}"), "a", Facts(("x",))))
    assert "a{x=0}" in alike and "a{x=1}" in alike


def test_all_slots_are_there_and_only_those_wanted_are_filled() -> None:
    made = explore.slots([(3, "a")], lambda text: text.upper())
    assert [slot.children for slot in made] == ["A" if n == 3 else [] for n in range(MOST_CHARTS)]


def test_suggestions_are_of_metrics_that_exist() -> None:
    declared = set(metric_sources([type("C", (), {"name": c.name, "metrics": c.metrics})() for c in COLLECTORS]))  # type: ignore[misc]
    for _icon, _title, _hint, text in explore._starts():
        for drawing in text.split(";"):
            assert set(parse(drawing).selectors) <= declared
    shown = to_html(explore.start({"cpu_usage_ratio", "gpu_usage_ratio"}))
    assert 'data-start="gpu_usage_ratio"' in shown  # of a set, what is there
    assert "cpu_mode_ratio" not in shown


def test_every_chart_of_vigie_but_bars_leads_to_the_explorer() -> None:
    from components.chartspecs import CHARTS

    for spec in CHARTS.values():
        text = getattr(chart_panel(spec), "data-drawing", None)
        assert (text is None) == (spec.kind == "bars")
        if text:
            parse(text)
