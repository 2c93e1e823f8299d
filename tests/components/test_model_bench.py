"""Load tests as they are drawn: in hand, in words, beside another one."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from components import model_bench, model_bench_results
from components.model_bench_charts import nice
from serving.bench import plan

pytestmark = pytest.mark.usefixtures("english")
NOW = 1_800_000_000.0


def step(at_once: int, speed: float, good: float, **more: Any) -> dict[str, Any]:
    return {
        "concurrency": at_once, "prompt_tokens": 32, "begun": NOW, "seconds": 10.0, "requests": 12, "finished": 10,
        "cut": 2, "failed": {}, "output_tokens": 100, "exact": True, "output_per_second": speed,
        "requests_per_second": 1.0, "ttft": {"p50": 0.1, "p95": 0.2, "p99": 0.3}, "goodput": good, "judged": 10,
        "good": 5, "slow_first": 0, "slow_tokens": 0, **more,
    }


def bench(number: str, steps: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "id": number, "at": NOW, "by": "ada", "model": "m", "server": "box", "engine": "vllm", "version": "0.33",
        "quantisation": "Q8_0", "context_size": 4096, "settings": {"slots": 2}, "plan": {"answer_tokens": 64},
        "result": {"ended": "done", "problem": "", "steps": steps, "limits": {"first_token": 1.0, "inter_token": 0.1}},
        "note": "", **more,
    }


def words(drawn: Any) -> str:
    return json.dumps(drawn, default=lambda one: one.to_plotly_json(), ensure_ascii=False)


def test_the_best_step_and_what_gives_way_after_it() -> None:
    one = bench("a", [step(1, 50, 1.0), step(2, 90, 2.0), step(4, 95, 0.5, slow_first=8)])
    said = words(model_bench_results.results(one, None, NOW, may_start=False))
    assert "best with 2 at once, 2.00 requests/s" in said
    assert "With 4 at once, first tokens come too late in 80 % of the requests." in said
    assert "Delete" not in said and "vLLM 0.33" in said


def test_no_step_and_the_last_step() -> None:
    none = words(model_bench_results.results(bench("a", [step(1, 50, 0.0)]), None, NOW, may_start=True))
    assert "no step held to the objective" in none and "Delete" in none
    last = words(model_bench_results.results(bench("a", [step(1, 50, 1.0)]), None, NOW, may_start=True))
    assert "It is the last step: more at once may do better still." in last


def test_what_differs_from_another_one() -> None:
    before = bench("a", [step(1, 50, 1.0), step(2, 90, 2.0)], quantisation="F16", note="before")
    after = bench("b", [step(1, 75, 1.0), step(2, 91, 1.0, ttft={"p50": 0.1, "p95": 0.4, "p99": 0.5})])
    said = words(model_bench_results.results(after, before, NOW, may_start=False))
    assert "F16 → Q8_0" in said and "+50 %" in said and "+1 %" in said
    assert said.count("bench-better") == 1, "half as many tokens again"
    assert said.count("bench-worse") == 2, "first tokens and goodput of the second step"
    apart = bench("c", [step(8, 90, 1.0)])
    assert "No step has the same prompts" in words(model_bench_results.results(apart, before, NOW, may_start=False))


def test_a_step_without_an_answer_has_no_figures() -> None:
    empty = step(1, 0.0, 0.0, finished=0, cut=0, failed={"connect": 3})
    del empty["ttft"]
    said = words(model_bench_results.results(bench("a", [empty]), None, NOW, may_start=False))
    assert said.count("No request came so far.") == 1, "the wait for a first token; no tokens a second are a figure"
    assert "3 " in said and "–" in said


def test_the_form_tells_the_bounds_of_a_plan() -> None:
    said = words(model_bench.panel("m", "box", may_start=True))
    for hint in (f"up to {plan.MOST_STEPS} steps, {plan.MOST_AT_ONCE} at once", f"up to {plan.MOST_ANSWER}",
                 f"up to {plan.MOST_LENGTHS} lengths, {plan.MOST_PROMPT} each", f"up to {plan.MOST_REQUESTS};",
                 f"up to {plan.LONGEST_STEP:g}; {plan.LONGEST / 60:g} minutes in all"):
        assert hint in said


def test_the_form_checks_the_bounds_of_a_plan_and_says_them_in_words() -> None:
    assert model_bench.BOUNDS == {
        "concurrency": (plan.MOST_AT_ONCE, plan.MOST_STEPS), "prompt_tokens": (plan.MOST_PROMPT, plan.MOST_LENGTHS),
        "answer_tokens": (plan.MOST_ANSWER, 1), "seconds": (plan.LONGEST_STEP, 1), "requests": (plan.MOST_REQUESTS, 1),
    }
    assert (model_bench.LONGEST, model_bench.WARM_UP, model_bench.PAUSE) == (plan.LONGEST, plan.WARM_UP, plan.PAUSE)
    said = words(model_bench.panel("m", "box", may_start=True))
    assert "whole numbers from 1 to 64, at most 6 of them, each larger than the one before" in said
    assert "a whole number from 1 to 2,000, or nothing" in said and "a number from 1 to 60" in said


def test_while_the_first_load_test_runs_it_is_not_said_that_there_is_none() -> None:
    assert model_bench.nothing(may_start=True, runs=True) is None
    assert "No load test yet" in words(model_bench.nothing(may_start=True))


def test_the_one_in_hand() -> None:
    running = SimpleNamespace(
        model="m", server="box", by="ada", count=4, state="running", problem="", live=None, steps=(), progress=0.0,
    )
    assert "started by ada" in words(model_bench.live(running, "m", "box", may_start=True))
    assert "one at a time" in words(model_bench.live(running, "other", "box", may_start=True))
    assert "Cancel" not in words(model_bench.live(running, "m", "box", may_start=False))
    failed = SimpleNamespace(**{**vars(running), "state": "failed", "problem": "The first request failed: no."})
    assert "The first request failed: no." in words(model_bench.live(failed, "m", "box", may_start=True))
    assert model_bench.live(failed, "other", "box", may_start=True) is None


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.21, 0.4), (1, 1), (7, 8), (41, 60), (99, 100), (2063, 4000)])
def test_axes_end_at_a_short_number(value: float, top: float) -> None:
    assert nice(value) == pytest.approx(top)
