"""Does what an operator asks for: at our own processes, or at a model server by its own API."""

from __future__ import annotations

import threading
from collections.abc import Callable

from live.models import Model
from serving.acts import Action, CannotAct
from serving.client import ServingAway, ServingClient, ServingRefused
from serving.processes import engine_load
from serving.processes.sentences import ProcessError
from serving.wire import Lines

QUICK = 3.0
"""Seconds that a model server has to refuse while somebody waits; loading a model may go on for minutes after that."""


class Actor:
    """See `serving.acts.Acts`. ``late`` is told of a load that failed when nobody waited any more: model, sentence."""

    def __init__(self, client: ServingClient, late: Callable[[str, str], None]) -> None:
        self._client, self._late = client, late

    def at_process(self, action: Action, name: str) -> None:
        """Starts, stops or restarts a process of ours.

        Raises:
            CannotAct: the serving process does not answer, or refuses.
        """
        acts = {"start": self._client.start, "stop": self._client.stop, "restart": self._client.restart}
        try:
            acts[action](name)
        except ServingAway as error:
            raise CannotAct(str(error), 503) from None
        except ServingRefused as error:
            raise CannotAct(str(error)) from None

    def output(self, name: str, after: int, limit: int) -> Lines:
        """The newest lines that a process of ours wrote, with a number above ``after``.

        Raises:
            CannotAct: the serving process does not answer, or knows no such process.
        """
        try:
            return self._client.logs(name, after, limit)
        except ServingAway as error:
            raise CannotAct(str(error), 503) from None
        except ServingRefused as error:
            raise CannotAct(str(error), 404) from None

    def at_server(self, action: Action, model: Model, api_key: str) -> None:
        """Has a model server load or unload a model; a load that takes long goes on by itself.

        Raises:
            CannotAct: the engine offers no way, or refused at once.
        """
        do = engine_load.load if action == "load" else engine_load.unload
        target = engine_load.Target(model.url, api_key)
        failed: list[ProcessError] = []
        waited = threading.Event()
        lock = threading.Lock()

        def run() -> None:
            try:
                do(model.engine, target, model.name)
            except ProcessError as error:
                with lock:
                    failed.append(error)
                    late = waited.is_set()
                if late:
                    self._late(model.name, str(error))

        thread = threading.Thread(target=run, name=f"{action}-model", daemon=True)
        thread.start()
        thread.join(QUICK)
        with lock:
            waited.set()
            if failed:
                raise CannotAct(str(failed[0]), 409 if isinstance(failed[0], engine_load.NoWay) else 502)
