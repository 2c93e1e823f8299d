"""What is told of model processes: sentences with parameters, so that a page can say them in its viewer's language."""

from __future__ import annotations

from dataclasses import dataclass, field

Parameter = str | int | float


@dataclass(frozen=True)
class Sentence:
    """One sentence: a template of ``%(name)s`` and what fills it. ``str()`` gives it in English."""

    template: str
    params: dict[str, Parameter] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template % self.params if self.params else self.template


class ProcessError(Exception):
    """A model process cannot do what was asked.

    ``sentence`` says why; ``retry_after`` is the number of seconds after which asking again makes sense, None when it
    does not or is not known.
    """

    def __init__(self, template: str, *, retry_after: float | None = None, **params: Parameter) -> None:
        self.sentence = Sentence(template, params)
        self.retry_after = retry_after
        super().__init__(str(self.sentence))


class UnknownProcess(ProcessError):
    """No model process has that name."""


class BadDefinition(ProcessError):
    """A definition cannot be run as it stands."""


class Unavailable(ProcessError):
    """A model process is not running and was not, or could not be, started."""
