"""What people are told of a model file: a text marked for translation, and the values of its blanks."""

from __future__ import annotations

from dataclasses import dataclass, field

SHOWN = 60
"""Letters of a value out of a file that are shown at most."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """``text`` is marked for translation and has blanks such as ``{given}``; ``values`` fill them."""

    text: str
    values: dict[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text.format(**self.values)


class BadModelFile(Exception):
    """A file is not what it claims to be, or more than Vigie reads; ``sentence`` says which part, what was given and
    what is allowed."""

    def __init__(self, text: str, **values: str | int) -> None:
        self.sentence = Sentence(text, {name: shown(value) for name, value in values.items()})
        super().__init__(str(self.sentence))


def shown(value: str | int) -> str | int:
    """A value out of a file, fit to stand in a sentence: short, and without control characters."""
    if isinstance(value, int):
        return value if abs(value) < 10**20 else f"over 10^{len(str(value)) - 1}"
    plain = "".join(letter if letter.isprintable() else "?" for letter in value[: SHOWN + 1])
    return plain if len(plain) <= SHOWN else plain[:SHOWN] + "…"
