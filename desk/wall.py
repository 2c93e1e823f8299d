"""Whose turn it is on a wall screen."""

from __future__ import annotations

import re
from collections.abc import Sequence

from desk.views import Person, View, ViewMissing, Views

LEAST_SECONDS, MOST_SECONDS, SECONDS = 2, 3600, 30
MOST_CHOSEN = 50


def seconds_of(text: object) -> int:
    """How long each view stays, from an address; the default for what is no number."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{1,6}", text):
        return SECONDS
    return min(max(int(text), LEAST_SECONDS), MOST_SECONDS)


def chosen_of(text: object) -> list[int]:
    """The views that an address names: ``1,3`` is [1, 3]; what is no number is left out."""
    if not isinstance(text, str):
        return []
    found = [int(part) for part in text.split(",") if re.fullmatch(r"\d{1,9}", part.strip())]
    return list(dict.fromkeys(found))[:MOST_CHOSEN]


def candidates(views: Views, who: Person, chosen: Sequence[int]) -> list[View]:
    """The views to show in turn: the chosen ones that are there and may be seen, or the pinned ones.

    Raises:
        StorageError: the database is away and views were chosen.
    """
    if not chosen:
        return views.pinned(who)
    found = []
    for view_id in chosen:
        try:
            found.append(views.get(view_id, who))
        except ViewMissing:
            continue
    return found


def next_place(found: Sequence[View], shown: int | None, index: int, by: int) -> int:
    """The place in ``found`` that comes ``by`` after the view ``shown``. When that is gone, whatever took its place
    ``index`` comes next, so that none is skipped and none is shown twice."""
    place = next((i for i, view in enumerate(found) if view.id == shown), None)
    if place is not None:
        return (place + by) % len(found)
    return (index + min(by, 0)) % len(found)
