"""Turns on a wall screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.views import Person, View, ViewBody, Views
from desk.wall import candidates, chosen_of, next_place, seconds_of
from storage.database import Database

BODY = ViewBody(charts=["cpu"])
ANN, BOB = Person(1, "ann"), Person(2, "bob")


def some(ids: Sequence[int]) -> list[View]:
    return [View(i, str(i), 1, "ann", True, True, BODY, 0.0, 0.0) for i in ids]


@pytest.mark.parametrize(("text", "seconds"), [
    ("10", 10), ("0", 2), ("1", 2), ("99999", 3600), ("", 30), (None, 30), ("ten", 30), ("-5", 30), ("1.5", 30),
    (["10", "20"], 30), ("9" * 30, 30),
])
def test_seconds_of_an_address(text: object, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(("text", "ids"), [
    ("1,3", [1, 3]), ("3,1,3", [3, 1]), ("", []), (None, []), ("a,2,;", [2]), (["1", "2"], []), (" 4 ", [4]),
    (",".join(map(str, range(100))), list(range(50))),
])
def test_views_of_an_address(text: object, ids: list[int]) -> None:
    assert chosen_of(text) == ids


@given(ids=st.lists(st.integers(1, 50), min_size=1, max_size=8, unique=True), start=st.integers(0, 7))
def test_a_round_shows_each_view_once(ids: list[int], start: int) -> None:
    found, place = some(ids), start % len(ids)
    seen = []
    for _ in ids:
        place = next_place(found, found[place].id, place, 1)
        seen.append(found[place].id)
    assert sorted(seen) == sorted(ids)
    assert next_place(found, found[place].id, place, -1) == (place - 1) % len(ids)
    assert next_place(found, found[place].id, place, 0) == place


def test_a_view_that_is_gone_hands_its_turn_to_the_one_after_it() -> None:
    assert next_place(some([1, 3]), 2, 1, 1) == 1
    assert next_place(some([1, 2]), 3, 2, 1) == 0
    assert next_place(some([1, 3]), 2, 1, -1) == 0
    assert next_place(some([5]), None, 0, 1) == 0


def test_candidates_are_the_pinned_views_or_the_chosen_ones_that_may_be_seen(tmp_path: Path) -> None:
    views = Views(Database("state", tmp_path))
    pinned = views.create(ANN, "pinned", BODY, pinned=True, shared=True)
    private = views.create(ANN, "private", BODY)
    assert candidates(views, BOB, []) == [pinned]
    assert candidates(views, ANN, [private.id, 99, pinned.id]) == [private, pinned]
    assert candidates(views, BOB, [private.id, pinned.id]) == [pinned]
    views.delete(pinned.id, ANN)
    assert candidates(views, BOB, []) == []
