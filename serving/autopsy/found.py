"""What an autopsy tells: causes, what is usual, and the moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from serving.requests.table import Request

LONG = 3.0
"""So many times the usual is out of the ordinary."""
Code = Literal[
    "queue", "loading", "long_prompt", "cache_miss", "long_answer", "slow_decode", "crowd", "retried", "gpu_throttled",
    "gpu_clocks", "cpu_busy", "swapping", "memory_pressure", "disk_busy", "on_cpu", "kv_full", "preempted", "alert",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something out of the ordinary. ``weight`` are the seconds it stands for; ``facts`` the numbers that show it."""

    code: Code
    weight: float
    facts: Mapping[str, Any] = field(default_factory=dict)


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


def over(value: float | None, usual: float | None, times: float) -> bool:
    """Whether both are known and ``value`` is more than so many times the usual."""
    return value is not None and usual is not None and value > times * usual
