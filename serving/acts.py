"""What an operator can do with a model, and why it cannot be done."""

from __future__ import annotations

from typing import Literal, Protocol

from config.marks import N_
from live.models import Model
from serving.wire import Lines

Action = Literal["start", "stop", "restart", "load", "unload"]


class CannotAct(Exception):
    """It was not done; the message is a sentence, ``status`` what HTTP calls it."""

    def __init__(self, sentence: str, status: int = 409) -> None:
        super().__init__(sentence)
        self.status = status


class Acts(Protocol):
    """Who does it."""

    def at_process(self, action: Action, name: str) -> None:
        """Starts, stops or restarts a process of ours. Raises CannotAct."""

    def output(self, name: str, after: int, limit: int) -> Lines:
        """The newest lines that a process of ours wrote. Raises CannotAct."""

    def at_server(self, action: Action, model: Model, api_key: str) -> None:
        """Has a model server load or unload a model. Raises CannotAct."""


class NothingReal:
    """Where everything is simulated, and an address may be that of somebody's real server: nothing is done."""

    def at_process(self, action: Action, name: str) -> None:  # noqa: ARG002 - the protocol's
        """Raises CannotAct."""
        raise CannotAct(N_("This is simulated: there is no model to start, stop, load or unload."))

    def output(self, name: str, after: int, limit: int) -> Lines:  # noqa: ARG002 - the protocol's
        """Raises CannotAct."""
        raise CannotAct(N_("This is simulated: no model process writes anything."))

    def at_server(self, action: Action, model: Model, api_key: str) -> None:  # noqa: ARG002 - the protocol's
        """Raises CannotAct."""
        self.at_process(action, model.name)
