"""Prompts of about so many tokens, that follow from a seed and are alike in nothing else."""

from __future__ import annotations

import random

WORDS = (
    "the", "of", "and", "to", "in", "is", "that", "it", "for", "was", "on", "are", "as", "with", "his", "they", "at",
    "be", "this", "from", "have", "or", "by", "one", "had", "not", "but", "what", "all", "were",
)
"""The commonest words of English: in nearly every vocabulary each is one token, so that words count tokens."""


def prompt(seed: int, number: int, tokens: int) -> str:
    """Prompt ``number`` of a test, of about ``tokens`` tokens. Two numbers share no beginning that a prefix cache could
    use."""
    chance = random.Random(f"{seed}:{number}")
    return " ".join(chance.choices(WORDS, k=tokens))
