"""Does what an operator asks for: at our own processes, or at a model server by its own API."""

from __future__ import annotations

from config.section import N_
from live.models import Model
from serving.acts import Action, CannotAct


class Actor:
    """See `serving.acts.Acts`."""

    def at_process(self, action: Action, name: str) -> None:
        """Starts, stops or restarts a process of ours. Raises CannotAct."""
        raise CannotAct(N_("The serving process does not answer."), 503)

    def at_server(self, action: Action, model: Model, api_key: str) -> None:
        """Has a model server load or unload a model. Raises CannotAct."""
        raise CannotAct(N_("This engine offers no way to load or unload a model."))
