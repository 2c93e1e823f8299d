"""What a load test does, and its bounds: so many requests at once, step by step, for each length of prompt."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MOST_STEPS, MOST_AT_ONCE, MOST_LENGTHS = 6, 64, 3
MOST_PROMPT, MOST_ANSWER = 8192, 2048
"""Tokens."""
MOST_REQUESTS = 2000
LONGEST_STEP, LONGEST = 60.0, 600.0
"""Seconds of a step, and of a whole test with its first request and pauses."""
WARM_UP = 45.0
"""Seconds that the first request may take, which is not measured: it may have the model loaded."""
PAUSE = 0.5
"""Seconds between two steps: what was cut off must leave the engine."""

AtOnce = Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]
Tokens = Annotated[int, Field(ge=1, le=MOST_PROMPT)]


class Plan(BaseModel):
    """A load test. Each length of prompt is measured with each number of requests at once; a step ends after
    ``seconds``, or when ``requests`` were answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrency: tuple[AtOnce, ...] = Field(
        (1, 2, 4, 8), min_length=1, max_length=MOST_STEPS, description="Requests at once, step by step, rising",
    )
    prompt_tokens: tuple[Tokens, ...] = Field(
        (32,), min_length=1, max_length=MOST_LENGTHS, description="Lengths of prompts, about, in tokens; rising",
    )
    answer_tokens: int = Field(64, ge=1, le=MOST_ANSWER, description="Longest answer")
    seconds: float = Field(10, ge=1, le=LONGEST_STEP, description="Longest step; what is unanswered then is cut off")
    requests: int | None = Field(None, ge=1, le=MOST_REQUESTS, description="Requests of a step at most")
    cached: bool = Field(False, description="The same prompt each time, so that prefix caches help")
    seed: int | None = Field(
        None, ge=0, lt=2**31, description="Prompts follow from it; absent: others each time, which no cache knows yet",
    )

    @model_validator(mode="after")
    def _bounded(self) -> Plan:
        for key in ("concurrency", "prompt_tokens"):
            values: tuple[int, ...] = getattr(self, key)
            if list(values) != sorted(set(values)):
                raise PydanticCustomError("not_rising", "{key} must rise, each number once", {"key": key})
        if self.longest > LONGEST:
            raise PydanticCustomError(
                "too_long",
                "seconds: {steps} steps of {seconds} s, with the first request and pauses, take {given} s; "
                "{most} s are allowed in all", {
                    "steps": self.steps, "seconds": f"{self.seconds:g}", "given": f"{self.longest:g}",
                    "most": f"{LONGEST:g}",
                },
            )
        return self

    @property
    def steps(self) -> int:
        """How many there are."""
        return len(self.concurrency) * len(self.prompt_tokens)

    @property
    def longest(self) -> float:
        """Seconds that all of it may take at most."""
        return WARM_UP + self.steps * (self.seconds + PAUSE)
