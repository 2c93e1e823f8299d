"""A job for the measuring process, and one that is run to its end."""

from __future__ import annotations

import time
from typing import Any

from serving.bench.run import Runner, Running
from serving.bench.wire import Job, Limits
from tests.support import wait_until

LIMITS: Limits = {"first_token": 30.0, "inter_token": 10.0}


def job(url: str, model: str = "tiny", engine: str = "llamacpp", limits: Limits | None = LIMITS, **plan: Any) -> Job:
    made: Job = {"url": url, "api_key": "", "engine": engine, "model": model, "plan": {
        "concurrency": [1], "prompt_tokens": [16], "answer_tokens": 8, "seconds": 60, "requests": 4, "seed": 7, **plan,
    }}
    if limits is not None:
        made["limits"] = limits
    return made


def running(count: int = 1) -> Running:
    return Running("0123456789abcdef", "tiny", "box", "ada", time.time(), 600, count, 60)


def started(one: Job, runner: Runner | None = None) -> Runner:
    """A runner that has begun the job."""
    runner = runner or Runner()
    runner.start(one, running(), lambda _ended: "")
    return runner


def ended(runner: Runner, seconds: float = 60) -> Running:
    """How it went, once it is over."""
    now = wait_until(lambda: (s := runner.state()) and s.state != "running" and s, seconds, "the load test is over")
    assert isinstance(now, Running)
    return now
