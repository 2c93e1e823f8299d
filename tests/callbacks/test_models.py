"""The filter of the request log, as its page gives it."""

from __future__ import annotations

from typing import Any

import pytest

from callbacks.models import LATE, filter_of, query_of
from components.model_requests import ALL
from serving.requests.reading import Filter

CELL = {"from": 1_800_000_000_000, "to": 1_800_000_060_000, "above": 0.1, "upTo": 0.2, "measure": "ttft"}


def test_what_is_chosen_is_the_filter_and_the_address_of_the_file() -> None:
    found = filter_of("m", "any", "0.5", " ada ", None, "box")
    assert found == Filter(model="m", server="box", error="any", text="ada", above=0.5)
    asked = {name: value for name, value in query_of(found).items() if value}
    assert asked == {
        "model": "m", "server": "box", "error": "any", "text": "ada", "measure": "duration", "above": "0.5",
    }


def test_a_cell_is_a_span_of_time_and_one_of_latency() -> None:
    found = filter_of(ALL, ALL, "5", "", CELL, "")
    assert (found.start, found.end) == (1_800_000_000 - LATE, 1_800_000_060)
    assert (found.measure, found.above, found.up_to) == ("ttft", 0.1, 0.2)


def test_a_gap_between_tokens_is_looked_for_in_requests_that_were_being_answered() -> None:
    found = filter_of(ALL, ALL, ALL, "", {**CELL, "upTo": None, "measure": "itl_max"}, "")
    assert (found.start, found.end, found.begun_before) == (1_800_000_000 - LATE, None, 1_800_000_060)
    assert (found.measure, found.above, found.up_to) == ("itl_max", 0.1, None)
    asked = query_of(found)
    assert (asked["measure"], asked["begun_before"], asked["to"]) == ("itl_max", "2027-01-15T08:01:00.000Z", None)


@pytest.mark.parametrize("bad", [None, 3, {"a": 1}, float("nan")])
def test_what_makes_no_sense_is_left_out(bad: Any) -> None:
    assert filter_of(bad, bad, bad, bad, bad, bad) == Filter()
    cell = dict.fromkeys(CELL, bad) if bad != 3 else {**CELL, "from": 2, "to": 1, "above": -1, "upTo": True}
    found = filter_of(ALL, ALL, ALL, "", cell, "")
    assert (found.start, found.end, found.above, found.up_to) == (None, None, None, None)
