"""Where more requests at once stop being worth it, from the measured steps of a load test.

The knee is the step with the most good requests a second, those that held to both limits (goodput, as in DistServe,
OSDI '24, section 3). Steps within `TIE` of the best count as as good, and of these the one with the fewest at once is
the knee: what comes after it only waits longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TIE = 0.02


@dataclass(frozen=True, slots=True)
class Knee:
    """Where the knee is. ``beyond``: it is the last step, so that more may be better still."""

    concurrency: int
    goodput: float
    beyond: bool


def knee(concurrency: Sequence[int], goodput: Sequence[float]) -> Knee | None:
    """The knee of steps with so many requests at once, rising, and their good requests a second. None where no request
    of any step was good.

    Raises:
        ValueError: the columns differ in length.
    """
    pairs = list(zip(concurrency, goodput, strict=True))
    best = max((good for _at, good in pairs), default=0.0)
    if best <= 0:
        return None
    at, good = next((at, good) for at, good in pairs if good >= best * (1 - TIE))
    return Knee(at, good, beyond=at == pairs[-1][0])


def knees(steps: Sequence[Mapping[str, Any]]) -> dict[int, Knee]:
    """Length of the prompts -> the knee of its steps (as `serving.bench.wire.Step`); lengths without one, or of which
    nothing was judged, are left out."""
    found = {}
    judged = [one for one in steps if "goodput" in one]
    for length in sorted({one["prompt_tokens"] for one in judged}):
        its = [one for one in judged if one["prompt_tokens"] == length]
        at = knee([one["concurrency"] for one in its], [one["goodput"] for one in its])
        if at is not None:
            found[length] = at
    return found
