"""The store of saved views, on both databases, and what a body may hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.chartspecs import WINDOWS
from components.timebar import zoom_of
from desk import views as module
from desk.views import (
    FIRST_MS,
    LAST_MS,
    MOST_CHARTS,
    Person,
    TooManyViews,
    View,
    ViewBody,
    ViewChanged,
    ViewMissing,
    ViewNotYours,
    Views,
    check_name,
    stamp,
)
from storage.database import Database
from storage.errors import StoreUnavailable
from tests.support import new_schema

ANN, BOB, ADA, PROGRAM = Person(1, "ann"), Person(2, "bob"), Person(3, "ada", True), Person(-1, "program")
BODY = ViewBody(charts=["cpu", "memory"])


class Clock:
    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


class Switch(Database):
    """A real database that a test can take away; it counts how often it is read."""

    away, reads = False, 0

    @contextmanager
    def read(self) -> Iterator[Any]:
        self.reads += 1
        self._check()
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Any]:
        self._check()
        with super().write() as connection:
            yield connection

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("The database is out for lunch.")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Switch]:
    url = new_schema(request.getfixturevalue("postgres_url")) if request.param == "postgresql" else None
    made = Switch("state", tmp_path, url)
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def views(database: Switch, clock: Clock) -> Views:
    return Views(database, clock)


def names(found: list[View]) -> list[str]:
    return [view.name for view in found]


def test_a_view_is_kept_as_it_was_made(views: Views) -> None:
    body = ViewBody.model_validate({
        "charts": ["cpu", 'q:a{b="é"}!area'], "window": "6h", "from": FIRST_MS, "to": LAST_MS, "columns": 3,
        "description": "ünïcode ☂",
    })
    made = views.create(ANN, " Wall ", body, shared=True, pinned=True)
    assert views.get(made.id, BOB) == made
    assert (made.name, made.owner, made.owner_id, made.shared, made.pinned, made.body) == (
        "Wall", "ann", 1, True, True, body,
    )


def test_one_sees_ones_own_and_shared_ones_by_name(views: Views) -> None:
    views.create(ANN, "zebra", BODY)
    views.create(ANN, "Äpfel", BODY, shared=True)
    views.create(BOB, "apple", BODY, shared=True)
    views.create(BOB, "bob's", BODY)
    views.create(PROGRAM, "by a program", BODY)
    assert names(views.visible(ANN)) == ["apple", "zebra", "Äpfel"]
    assert names(views.visible(BOB)) == ["apple", "bob's", "Äpfel"]
    assert names(views.visible(ADA)) == ["apple", "Äpfel"]
    assert names(views.visible(PROGRAM)) == ["apple", "by a program", "Äpfel"]


@pytest.mark.parametrize("other", [BOB, ADA, PROGRAM])
def test_a_private_view_is_nobody_elses(views: Views, other: Person) -> None:
    view = views.create(ANN, "mine", BODY).id
    for act in (
        lambda: views.get(view, other), lambda: views.update(view, other, name="x"),
        lambda: views.delete(view, other), lambda: views.copy(view, other, "x"),
    ):
        with pytest.raises(ViewMissing):
            act()
    assert views.get(view, ANN).name == "mine"


def test_a_shared_view_is_changed_by_its_owner_and_who_manages(views: Views) -> None:
    view = views.create(ANN, "ours", BODY, shared=True).id
    with pytest.raises(ViewNotYours):
        views.update(view, BOB, pinned=True)
    with pytest.raises(ViewNotYours):
        views.delete(view, BOB)
    assert views.update(view, ADA, pinned=True, name="tidied").name == "tidied"
    assert views.get(view, ANN).owner == "ann"
    views.delete(view, ADA)
    with pytest.raises(ViewMissing):
        views.get(view, ANN)


def test_a_copy_is_ones_own_and_private(views: Views) -> None:
    view = views.create(ANN, "ours", BODY, shared=True, pinned=True)
    copied = views.copy(view.id, BOB, "mine")
    assert (copied.owner_id, copied.shared, copied.pinned, copied.body) == (2, False, False, BODY)
    views.delete(view.id, ANN)
    assert views.get(copied.id, BOB) == copied


def test_who_read_an_older_state_does_not_overwrite_the_newer(views: Views, clock: Clock) -> None:
    first = views.create(ANN, "both", BODY, shared=True)
    second = views.update(first.id, ADA, name="hers", changed=stamp(first.changed))
    assert stamp(second.changed) > stamp(first.changed), "two changes within a millisecond are two"
    with pytest.raises(ViewChanged) as clash:
        views.update(first.id, ANN, body=ViewBody(charts=["disk-throughput"]), changed=stamp(first.changed))
    assert clash.value.view == second
    assert views.get(first.id, ANN) == second
    clock.at -= 3600  # the clock was set back
    third = views.update(first.id, ANN, name="his", changed=stamp(second.changed))
    assert stamp(third.changed) > stamp(second.changed)
    assert views.update(first.id, ANN, name="whatever was there").name == "whatever was there"


def test_pinning_and_sharing_clash_with_nobody(views: Views) -> None:
    view = views.create(ANN, "x", BODY)
    for change in ({"pinned": True}, {"shared": True}, {"pinned": False}):
        assert views.update(view.id, ANN, **change).changed == view.changed


def test_pinned_views_are_those_one_may_see(views: Views) -> None:
    views.create(ANN, "b", BODY, pinned=True)
    views.create(ANN, "a", BODY, pinned=True, shared=True)
    views.create(ANN, "c", BODY, shared=True)
    assert (names(views.pinned(ANN)), names(views.pinned(BOB))) == (["a", "b"], ["a"])


def test_what_is_pinned_is_read_now_and_then_and_at_once_after_a_change(
    views: Views, database: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = views.create(ANN, "a", BODY, pinned=True)
    assert names(views.pinned(ANN)) == ["a"]
    before = database.reads
    for _ in range(5):
        views.pinned(ANN)
    assert database.reads == before, "each overview asks: it must cost nothing"
    views.update(view.id, ANN, pinned=False)
    assert views.pinned(ANN) == []
    views.update(view.id, ANN, pinned=True)
    views.pinned(ANN)
    database.away = True
    monkeypatch.setattr(module.time, "monotonic", lambda: 10**9)
    assert names(views.pinned(ANN)) == ["a"], "those of before, while the database is away"
    with pytest.raises(StoreUnavailable):
        views.visible(ANN)


def test_there_is_an_end_to_how_many(views: Views, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VIEWS", 2)
    first = views.create(ANN, "1", BODY)
    views.create(ANN, "2", BODY)
    with pytest.raises(TooManyViews):
        views.create(ANN, "3", BODY)
    views.create(BOB, "1", BODY)
    views.delete(first.id, ANN)
    views.create(ANN, "3", BODY)


def test_a_view_of_a_newer_vigie_is_passed_over(views: Views, database: Switch) -> None:
    old, new = views.create(ANN, "old", BODY, pinned=True), views.create(ANN, "new", BODY, pinned=True)
    with database.write() as connection:
        body = json.dumps({"version": 2, "tiles": []})
        connection.execute(module.views.update().where(module.views.c.id == new.id).values(body=body))
    assert names(views.visible(ANN)) == ["old"]
    assert views.pinned(ANN) == [old]
    with pytest.raises(ViewMissing):
        views.get(new.id, ANN)


@pytest.mark.parametrize("name", ["", "  ", "a" * 121, "a\nb", "a\0b", "\ud800"])
def test_what_is_no_name_is_refused(views: Views, name: str) -> None:
    with pytest.raises(ValueError, match=r"name|line"):
        views.create(ANN, name, BODY)
    assert views.visible(ANN) == []


# -- the body


def test_windows_and_moments_are_those_of_the_pages() -> None:
    assert set(get_args(ViewBody.model_fields["window"].annotation)) == set(WINDOWS)
    assert zoom_of(FIRST_MS, LAST_MS) == (FIRST_MS, LAST_MS)


@pytest.mark.parametrize("wrong", [
    {}, {"charts": []}, {"charts": "cpu"}, {"charts": [""]}, {"charts": [1]}, {"charts": ["a", "a"]},
    {"charts": ["a"], "version": 2}, {"charts": ["a"], "window": "1y"}, {"charts": ["a"], "columns": 0},
    {"charts": ["a"], "from": FIRST_MS}, {"charts": ["a"], "from": FIRST_MS + 1, "to": FIRST_MS},
    {"charts": ["a"], "from": 0, "to": 1}, {"charts": ["a"], "tiles": []}, {"charts": ["a"], "description": "\0"},
    {"charts": ["a"], "description": "a" * 501}, {"charts": [str(i) for i in range(MOST_CHARTS + 1)]},
    {"charts": ["\ud800"]},
])
def test_a_wrong_body_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ViewBody.model_validate(wrong)


BODIES = st.fixed_dictionaries(
    {"charts": st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=MOST_CHARTS, unique=True)},
    optional={
        "window": st.sampled_from(sorted(WINDOWS)), "columns": st.sampled_from([1, 2, 3]), "version": st.just(1),
        "description": st.text(st.characters(categories=["L", "N", "P"]), max_size=60),
    },
)


@given(body=BODIES, span=st.none() | st.tuples(st.integers(FIRST_MS, LAST_MS), st.integers(FIRST_MS, LAST_MS)))
def test_any_body_comes_back_from_its_text(body: dict[str, Any], span: tuple[int, int] | None) -> None:
    if span and span[0] < span[1]:
        body = {**body, "from": span[0], "to": span[1]}
    read = ViewBody.model_validate(body)
    assert ViewBody.model_validate_json(module._text(read)) == read
    assert ViewBody.model_validate(read.model_dump(by_alias=True)) == read
    assert "\0" not in module._text(read), "PostgreSQL keeps no NUL"


@given(anything=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["charts", "window", "from", "to", "columns", "version", "x"]), inner, max_size=5
    ), max_leaves=12,
))
def test_whatever_is_sent_is_a_body_or_refused(anything: Any) -> None:
    try:
        read = ViewBody.model_validate(anything)
    except ValidationError:
        return
    assert 1 <= len(read.charts) <= MOST_CHARTS


@given(st.text(max_size=130))
def test_a_name_is_checked_the_same_twice(text: str) -> None:
    try:
        name = check_name(text)
    except ValueError:
        return
    assert check_name(name) == name
    assert 1 <= len(name) <= 120
