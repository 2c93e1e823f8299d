"""Load tests of a real engine, by the real measuring process."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import orjson
import psutil
import pytest

from serving.bench.run import Busy, Runner
from serving.child import ROOT
from tests.engine import run
from tests.engine.run import Engine
from tests.serving.bench.support import ended, job, running, started
from tests.support import free_port, wait_until


def children() -> list[int]:
    """Measuring processes of this one that run; one that has ended may wait here for somebody to take note of it."""
    found = []
    for one in psutil.Process().children():
        with suppress(psutil.Error):
            if "serving.bench" in one.cmdline():
                found.append(one.pid)
    return found


def test_each_step_is_measured(tiny_engine: Engine) -> None:
    now = ended(started(job(tiny_engine.url, concurrency=[1, 3], prompt_tokens=[16, 64])))
    assert (now.state, now.problem) == ("done", "")
    assert [(one["prompt_tokens"], one["concurrency"]) for one in now.steps] == [(16, 1), (16, 3), (64, 1), (64, 3)]
    for one in now.steps:
        assert (one["finished"], one["cut"], one["failed"], one["output_tokens"]) == (4, 0, {}, 32)
        assert one["exact"] and one["good"] == one["judged"] == 4
        assert 0 < one["ttft"]["p50"] <= one["ttft"]["p95"] <= one["duration"]["p95"]
        assert one["prompt_tokens"] <= one["prompt_mean"] <= one["prompt_tokens"] + 30
    assert now.warm_up is not None and now.progress == 1


def test_prompts_are_new_to_the_cache_unless_they_are_to_be_the_same(tiny_engine: Engine) -> None:
    fresh = ended(started(job(tiny_engine.url, prompt_tokens=[200]))).steps[0]
    same = ended(started(job(tiny_engine.url, prompt_tokens=[200], cached=True))).steps[0]
    assert fresh["cached_ratio"] < 0.2 < 0.8 < same["cached_ratio"]


def test_a_step_is_over_in_its_time_and_what_runs_is_cut_off(slow_engine: Engine) -> None:
    now = ended(started(job(slow_engine.url, "slow", answer_tokens=1500, seconds=1, requests=None, concurrency=[2])))
    one = now.steps[0]
    assert (one["finished"], one["cut"], one["failed"]) == (0, 2, {}) and one["output_tokens"] > 0
    assert "duration" not in one and not one["exact"]


def test_a_cancelled_test_frees_the_engine(slow_engine: Engine) -> None:
    runner = started(job(slow_engine.url, "slow", answer_tokens=1500))
    wait_until(lambda: slow_engine.busy == 1, 30, "the engine writes")
    assert len(children()) == 1
    assert runner.cancel()
    now = ended(runner)
    assert (now.state, now.problem, children()) == ("cancelled", "", [])
    wait_until(lambda: slow_engine.busy == 0, 10, "its slot is free")
    assert not runner.cancel()


def test_one_at_a_time(slow_engine: Engine) -> None:
    runner = started(job(slow_engine.url, "slow", answer_tokens=1500))
    with pytest.raises(Busy):
        started(job(slow_engine.url, "slow"), runner)
    runner.cancel()
    ended(runner)
    started(job(slow_engine.url, "slow", requests=1, answer_tokens=2), runner)
    assert ended(runner).state == "done"


def test_an_engine_that_dies_ends_the_test_and_what_was_measured_stays(tiny_model: Path) -> None:
    with run.engine(tiny_model, "-c", "4096", "-np", "2") as engine:
        runner = started(job(engine.url, concurrency=[1, 2], requests=None, seconds=1))
        wait_until(lambda: (now := runner.state()) and len(now.steps) == 1, 30, "a step is over")
        engine.process.kill()
        now = ended(runner)
    assert now.state == "failed" and now.problem.startswith("The model server answers no more: ")
    assert now.steps[0]["failed"] == {} and now.steps[1]["failed"].keys() <= {"connect", "midstream"}


def test_what_cannot_be_measured_is_told(tiny_engine: Engine) -> None:
    nobody = ended(started(job(f"http://127.0.0.1:{free_port()}")))
    assert (nobody.state, nobody.steps) == ("failed", ()) and "Connect" in nobody.problem
    long = ended(started(job(tiny_engine.url, prompt_tokens=[8000])))
    assert "exceeds the available context size" in long.problem
    other = ended(started(job(tiny_engine.url, engine="ollama")))
    assert "status 404" in other.problem


def test_a_measuring_process_that_dies_says_why() -> None:
    falls = "import sys; sys.stdin.readline(); sys.stderr.write('a\\nMemoryError: too little\\n'); sys.exit(3)"
    now = ended(started(job("http://127.0.0.1:1"), Runner([sys.executable, "-c", falls])))
    assert now.problem == "The measuring process ended with code 3: MemoryError: too little"
    garbage = "import sys; sys.stdin.readline(); print('no json', flush=True); sys.stdin.read()"
    now = ended(started(job("http://127.0.0.1:1"), Runner([sys.executable, "-c", garbage])))
    assert now.problem == "What the measuring process said makes no sense; it was ended."
    waits = "import sys; sys.stdin.read()"
    now = ended(started(job("http://127.0.0.1:1"), Runner([sys.executable, "-c", waits], longest=0.2)))
    assert now.problem == "The load test took longer than 0.2 s and was ended."


def test_the_measuring_process_ends_when_nobody_listens_any_more(slow_engine: Engine) -> None:
    import subprocess

    process = subprocess.Popen(
        [sys.executable, "-m", "serving.bench"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(orjson.dumps(job(slow_engine.url, "slow", answer_tokens=1500)) + b"\n")
    process.stdin.flush()
    wait_until(lambda: slow_engine.busy == 1, 30, "the engine writes")
    process.stdin.close()
    assert process.wait(10) == 5
    process.stdout.close()
    wait_until(lambda: slow_engine.busy == 0, 10, "its slot is free")


def test_a_stranger_that_keeps_nothing_of_it_is_told_so(tiny_engine: Engine) -> None:
    runner = Runner()
    runner.start(job(tiny_engine.url), running(), lambda _ended: "Its result could not be kept: the disk is full.")
    now = ended(runner)
    assert now.state == "done" and now.problem == "Its result could not be kept: the disk is full."
