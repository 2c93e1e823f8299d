"""What an autopsy tells: causes, what is usual, and the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from serving.requests.table import Request

LONG = 3.0
"""So many times the usual is out of the ordinary."""
Code = Literal[
    "queue", "engine_queue", "loading", "other_loading", "evicted", "long_prompt", "cache_miss", "long_answer",
    "slow_decode", "crowd", "retried", "gpu_throttled", "gpu_clocks", "gpu_memory_full", "cpu_busy", "swapping",
    "memory_pressure", "disk_busy", "device_busy", "on_cpu", "kv_full", "preempted", "alert",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something out of the ordinary. ``weight`` are the seconds it stands for; ``facts`` the numbers that show it."""

    code: Code
    weight: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert that fired: its name, what it watched, and the labels that say of what."""

    name: str
    metric: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for a model's requests: medians, None where too few are known."""

    count: int
    ttft: float | None
    itl: float | None
    duration: float | None
    prompt_tokens: float | None
    output_tokens: float | None
    cached_share: float | None
    engine_wait: float | None
    """Seconds as of `engine_wait`."""


@dataclass(frozen=True, slots=True)
class Value:
    """Something that was looked at: its value while the request was answered and what was usual, in base units.

    ``of`` names the card or disk, where the value is that of one.
    """

    code: str
    unit: str
    now: float
    usual: float | None
    of: str = ""


@dataclass(frozen=True, slots=True)
class Autopsy:
    """What was found about a request, the likeliest first; empty where nothing stands out."""

    request: Request
    usual: Usual
    slow: bool
    """Whether it took longer than is usual at all."""
    findings: tuple[Finding, ...]
    others: int
    """Other requests that were being answered at the time."""
    looked_at: tuple[str, ...]
    """Metrics that were there to look at: what was not cannot be the evidence."""
    moment: tuple[Value, ...] = ()
    """What was looked at, with its values; what was not told is left out."""


def over(value: float | None, usual: float | None, times: float) -> bool:
    """Whether both are known and ``value`` is more than so many times the usual."""
    return value is not None and usual is not None and value > times * usual


def came_as_written(request: Request) -> bool:
    """Whether the first byte came before the answer was written to its end: in a stream, and in an answer in one piece
    that the proxy gathers out of a stream (`serving.proxy.gathering`)."""
    if request.stream:
        return True
    if request.duration is None or request.ttft is None or not request.decode:
        return False
    return request.duration - request.ttft >= request.decode / 2


def engine_wait(request: Request) -> float | None:
    """Seconds of the time to the first token that were neither our queue nor the reading of the prompt; None where one
    of them is not known. Where the engine does not tell how long it read, all the time is in ``prefill``, nothing is
    left, and the wait is not known either; nor is it of an answer that was written before its first byte came."""
    if request.ttft is None or request.prefill is None or not came_as_written(request):
        return None
    wait = request.ttft - (request.queue or 0.0) - request.prefill
    return wait if wait > 1e-6 else None
