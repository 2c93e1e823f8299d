"""The bounds of a load test."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.bench.plan import LONGEST, Plan
from serving.bench.prompts import prompt


@pytest.mark.parametrize(("field", "value"), [
    ("concurrency", []), ("concurrency", [0]), ("concurrency", [65]), ("concurrency", [1, 2, 3, 4, 5, 6, 7]),
    ("prompt_tokens", [0]), ("prompt_tokens", [9000]), ("prompt_tokens", [1, 2, 3, 4]), ("answer_tokens", 0),
    ("answer_tokens", 4096), ("seconds", 0), ("seconds", 61), ("requests", 0), ("requests", 10_000), ("seed", -1),
    ("colour", "red"),
])
def test_what_is_out_of_bounds_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        Plan.model_validate({field: value})
    assert refused.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize("values", [[2, 1], [1, 1]])
def test_steps_rise(values: list[int]) -> None:
    with pytest.raises(ValidationError, match="concurrency must rise"):
        Plan.model_validate({"concurrency": values})


def test_a_whole_test_is_bounded() -> None:
    with pytest.raises(ValidationError, match="18 steps of 60 s"):
        Plan.model_validate({"concurrency": [1, 2, 3, 4, 5, 6], "prompt_tokens": [8, 9, 10], "seconds": 60})


@given(st.lists(st.integers(1, 64), min_size=1, max_size=6, unique=True), st.floats(1, 60))
def test_no_plan_takes_longer_than_ten_minutes(levels: list[int], seconds: float) -> None:
    plan = Plan.model_validate({"concurrency": sorted(levels), "seconds": seconds})
    assert plan.steps * seconds < plan.longest <= LONGEST


def test_prompts_follow_from_their_seed_and_share_no_beginning() -> None:
    made = [prompt(7, number, 32) for number in range(500)]
    assert made == [prompt(7, number, 32) for number in range(500)]
    assert all(len(one.split()) == 32 for one in made)
    assert len({" ".join(one.split()[:5]) for one in made}) > 495
