"""Differences of documents, laid over others and brought together."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.differences import ABSENT, Change, apply, diff, merge, merge_patch, same

KEYS = st.text("abcXY_-1", min_size=1, max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0]) | st.text("ab", max_size=2)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)


@given(DOCUMENTS, DOCUMENTS)
def test_what_differs_leads_from_one_to_the_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert same(apply(diff(one, other), one), other)
    assert diff(one, one) == []


@given(DOCUMENTS, DOCUMENTS)
def test_to_apply_changes_neither_document(one: dict[str, Any], other: dict[str, Any]) -> None:
    before = repr(one), repr(other)
    made = apply(diff(one, other), one)
    for value in made.values():
        if isinstance(value, dict):
            value["spoilt"] = True
        elif isinstance(value, list):
            value.append("spoilt")
    assert (repr(one), repr(other)) == before


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_nothing_of_theirs_is_lost_in_a_merge(
    base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any],
) -> None:
    merged, clashes, others = merge(base, mine, theirs)
    assert same(apply(others, base), theirs)
    if not clashes:
        back, none, _ = merge(base, theirs, mine)
        assert not none and same(merged, back), "who comes first does not matter"
        assert all(same(change.after, value(merged, change.path)) for change in diff(base, mine))
        assert all(same(change.after, value(merged, change.path)) for change in others)


def value(document: Any, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(document, dict) or key not in document:
            return ABSENT
        document = document[key]
    return document


@given(DOCUMENTS, DOCUMENTS)
def test_who_changed_nothing_gets_what_the_other_has(base: dict[str, Any], theirs: dict[str, Any]) -> None:
    merged, clashes, _ = merge(base, base, theirs)
    assert not clashes and same(merged, theirs)
    merged, clashes, _ = merge(base, theirs, theirs)
    assert not clashes and same(merged, theirs), "both made the same change"


def test_both_values_of_a_clash_are_told_with_what_was_before() -> None:
    base = {"ui": {"theme": "auto", "tab": "overview"}}
    mine = {"ui": {"theme": "dark", "tab": "alerts"}}
    merged, clashes, _ = merge(base, mine, {"ui": {"theme": "light", "tab": "overview"}})
    assert [clash.plain() for clash in clashes] == [
        {"path": "ui.theme", "base": "auto", "mine": "dark", "theirs": "light"},
    ]
    assert merged == {"ui": {"theme": "light", "tab": "alerts"}}


def test_a_removed_part_clashes_with_a_change_inside_it() -> None:
    base = {"targets": {"email": {"hour": 1}}}
    _, clashes, _ = merge(base, {"targets": {}}, {"targets": {"email": {"hour": 2}}})
    assert [(clash.path, clash.mine) for clash in clashes] == [("targets.email", ABSENT)]


def test_true_is_no_number_and_one_is_one() -> None:
    assert diff({"a": 1}, {"a": True}) == [Change("a", 1, True)]
    assert diff({"a": 1}, {"a": 1.0}) == []


def test_a_merge_patch_sets_removes_and_goes_deep() -> None:
    assert merge_patch({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None, "e": {"f": 3}}, "d": [2]}) == {
        "a": {"c": 2, "e": {"f": 3}}, "d": [2],
    }
