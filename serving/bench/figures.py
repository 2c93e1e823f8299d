"""The figures of a step, from what each of its requests saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from serving.bench.wire import Limits, Step


@dataclass(slots=True)
class Asked:
    """One request. Moments are seconds of one clock; ``error`` is a class, empty when none; ``cut``: the step was over
    before it was."""

    begun: float
    first: float | None = None
    last: float | None = None
    ended: float | None = None
    gaps: list[float] = field(default_factory=list)
    pieces: int = 0
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    error: str = ""
    message: str = ""
    cut: bool = False

    @property
    def ttft(self) -> float | None:
        """Seconds to the first token."""
        return None if self.first is None else self.first - self.begun

    @property
    def tokens(self) -> int:
        """Tokens that came: as the engine told, else pieces of the answer, which most engines send one a token."""
        return self.pieces if self.output_tokens is None else self.output_tokens

    @property
    def between(self) -> float | None:
        """Mean seconds between two tokens; None below two."""
        if self.first is None or self.last is None or self.tokens < 2:
            return None
        return (self.last - self.first) / (self.tokens - 1)

    @property
    def fine(self) -> bool:
        """Answered whole."""
        return not self.error and not self.cut and self.ended is not None


def step(
    asked: Sequence[Asked], concurrency: int, prompt_tokens: int, at: float, begun: float, ended: float,
    limits: Limits | None,
) -> Step:
    """The figures of a step that began at ``at`` (epoch seconds) and lasted from ``begun`` to ``ended``."""
    seconds = max(ended - begun, 1e-9)
    fine = [one for one in asked if one.fine]
    tokens = sum(one.tokens for one in asked if not one.error)
    made: Step = {
        "concurrency": concurrency, "prompt_tokens": prompt_tokens, "begun": at, "seconds": seconds,
        "requests": len(asked), "finished": len(fine), "cut": sum(one.cut for one in asked),
        "failed": dict(Counter(one.error for one in asked if one.error)),
        "output_tokens": tokens, "exact": bool(fine) and all(one.output_tokens is not None for one in fine),
        "output_per_second": tokens / seconds, "requests_per_second": len(fine) / seconds,
    }
    message = next((one.message for one in asked if one.error and one.message), "")
    if message:
        made["message"] = message
    whole = [one for one in asked if not one.error]
    if firsts := [one.ttft for one in whole if one.ttft is not None]:
        made["ttft"] = _percentiles(firsts, (50, 95, 99))
    if gaps := [gap for one in whole for gap in one.gaps]:
        made["itl"] = _percentiles(gaps, (50, 95))
    if fine:
        made["duration"] = _percentiles([(one.ended or one.begun) - one.begun for one in fine], (50, 95))
        made["per_request"] = float(np.median([one.tokens / ((one.ended or 0) - one.begun) for one in fine]))
    _prompts(made, fine, seconds)
    if limits is not None:
        _judge(made, asked, limits, ended)
    return made


def _percentiles(values: Sequence[float], wanted: Sequence[int]) -> dict[str, float]:
    return {f"p{one}": float(found) for one, found in zip(wanted, np.percentile(values, wanted), strict=True)}


def _prompts(made: Step, fine: Sequence[Asked], seconds: float) -> None:
    told = [one.prompt_tokens for one in fine if one.prompt_tokens is not None]
    if told:
        made["prompt_mean"] = sum(told) / len(told)
        made["prompt_per_second"] = sum(told) / seconds
    known = [one for one in fine if one.prompt_tokens and one.cached_tokens is not None]
    if known:
        of = sum(one.prompt_tokens or 0 for one in known)
        made["cached_ratio"] = min(sum(one.cached_tokens or 0 for one in known) / of, 1.0)


def _judge(made: Step, asked: Sequence[Asked], limits: Limits, ended: float) -> None:
    """Judges as `serving.requests.objectives` does, every failure counting. What was cut off is judged only where it
    had broken its limit by then: how it would have ended nobody knows."""
    judged = good = slow_first = slow_tokens = 0
    for one in asked:
        waited = one.ttft if one.ttft is not None else ended - one.begun if one.cut else None
        late = waited is not None and waited > limits["first_token"]
        if one.cut and not late:
            continue
        slow = one.between is not None and one.between > limits["inter_token"]
        judged += 1
        slow_first += late
        slow_tokens += slow
        good += not (late or slow or one.error)
    made["judged"], made["good"] = judged, good
    made["slow_first"], made["slow_tokens"] = slow_first, slow_tokens
    made["goodput"] = good / made["seconds"]
