"""What the web process and the measuring process tell each other: one job on stdin, then lines of JSON on stdout.

The job is one line of JSON; stdin stays open as long as the web process lives, and its end ends the measuring process.
Keys that `NotRequired` marks are absent where nothing is known. Times in seconds, moments in epoch seconds.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Limits(TypedDict):
    """What is asked of the model, seconds."""

    first_token: float
    inter_token: float


class Job(TypedDict):
    """What is measured."""

    url: str
    api_key: str
    engine: str
    model: str
    plan: dict[str, Any]
    """A `serving.bench.plan.Plan`, its seed filled in."""
    limits: NotRequired[Limits]


class Step(TypedDict):
    """The figures of one step. Of requests: ``requests`` began, ``finished`` were answered whole, ``cut`` were under
    way when the step was over, the others failed."""

    concurrency: int
    prompt_tokens: int
    """As planned; what the engine counted is ``prompt_mean``."""
    begun: float
    seconds: float
    requests: int
    finished: int
    cut: int
    failed: dict[str, int]
    """By class, as `serving.wire.ErrorClass`."""
    message: NotRequired[str]
    """Of the first that failed."""
    ttft: NotRequired[dict[str, float]]
    """p50, p95, p99: from the request to its first token."""
    itl: NotRequired[dict[str, float]]
    """p50, p95: between two pieces of an answer."""
    duration: NotRequired[dict[str, float]]
    """p50, p95: of the finished ones, end to end."""
    output_tokens: int
    exact: bool
    """Whether the engine told the tokens of all finished requests; else pieces were counted."""
    output_per_second: float
    """Tokens that came, of all requests together, a second."""
    per_request: NotRequired[float]
    """Tokens a second that one finished request got, its wait included; the median."""
    prompt_mean: NotRequired[float]
    prompt_per_second: NotRequired[float]
    """Prompt tokens of finished requests a second, as the engine told them."""
    cached_ratio: NotRequired[float]
    """Share of the prompt tokens that a prefix cache had."""
    requests_per_second: float
    """Finished ones."""
    good: NotRequired[int]
    """Held to what is asked of the model; with ``judged``, ``slow_first``, ``slow_tokens`` and ``goodput`` (a second)
    there where anything is asked."""
    judged: NotRequired[int]
    slow_first: NotRequired[int]
    slow_tokens: NotRequired[int]
    goodput: NotRequired[float]
    watts: NotRequired[float]
    """Mean power of the GPUs (or of the processor) meanwhile; filled in by the web process."""
    joules_per_token: NotRequired[float]


class Live(TypedDict):
    """How the step in hand goes."""

    kind: Literal["live"]
    step: int
    """From 0."""
    concurrency: int
    prompt_tokens: int
    elapsed: float
    requests: int
    finished: int
    failed: int
    output_per_second: float


class Measured(TypedDict):
    """A step is over."""

    kind: Literal["step"]
    figures: Step


class Over(TypedDict):
    """The last line. ``problem`` is a sentence, empty when all was done."""

    kind: Literal["over"]
    problem: str
    warm_up: NotRequired[float]
    """Seconds that the first request took."""


class Result(TypedDict):
    """What is kept of a load test."""

    ended: Literal["done", "cancelled", "failed"]
    problem: str
    """Why it ended early; empty when it did not."""
    steps: list[Step]
    warm_up: NotRequired[float]
    limits: NotRequired[Limits]
