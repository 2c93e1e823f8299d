"""The web process's way to the serving process: its control API, one connection a call."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import orjson

from serving import place
from serving.wire import Done, Lines, Requests, Status, Taken

ANSWER_WITHIN = 5.0
"""Seconds."""
START_WITHIN = 15.0
"""Seconds that starting or stopping a model process may take to be taken up."""


class ServingAway(Exception):
    """The serving process does not answer; the message is a sentence."""


class ServingRefused(Exception):
    """It will not do that; the message is its sentence."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, folder: Path, timeout: float) -> None:
        super().__init__("serving", timeout=timeout)
        self._folder = folder

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        with place.socket_address(self._folder) as address:
            self.sock.connect(address)


class ServingClient:
    """``folder`` is the data folder. Safe to use from several threads.

    Every method raises ServingAway when nobody answers, and ServingRefused when what is asked is refused.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def status(self) -> Status:
        """Everything, in one read."""
        return cast(Status, self._ask("GET", "/status"))

    def requests(self, after: int, limit: int = 1000) -> Requests:
        """Finished requests behind the number ``after``, oldest first."""
        return cast(Requests, self._ask("GET", f"/requests?after={after}&limit={limit}"))

    def configure(self, document: dict[str, Any]) -> Taken:
        """Sends the sections ``proxies`` and ``models``, secrets in the clear."""
        return cast(Taken, self._ask("PUT", "/config", document, START_WITHIN))

    def start(self, name: str) -> None:
        """Starts a model process."""
        self._act(name, "start")

    def stop(self, name: str) -> None:
        """Stops a model process."""
        self._act(name, "stop")

    def restart(self, name: str) -> None:
        """Stops a model process and starts it."""
        self._act(name, "restart")

    def logs(self, name: str, after: int = 0, limit: int = 500) -> Lines:
        """The newest lines of a model process's output with a number above ``after``."""
        return cast(Lines, self._ask("GET", f"/processes/{quote(name, safe='')}/logs?after={after}&limit={limit}"))

    def shutdown(self, grace: float, keep_processes: bool = False) -> Done:
        """Has it end; requests in flight have ``grace`` seconds. With ``keep_processes`` the model processes run on,
        for the next serving process to find."""
        return cast(Done, self._ask("POST", "/shutdown", {"grace": grace, "keepProcesses": keep_processes}))

    def _act(self, name: str, action: str) -> None:
        self._ask("POST", f"/processes/{quote(name, safe='')}/{action}", {}, START_WITHIN)

    def _ask(self, method: str, path: str, document: Any = None, within: float = ANSWER_WITHIN) -> Any:
        connection = _Connection(self._folder, within)
        try:
            connection.request(method, path, None if document is None else orjson.dumps(document))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ServingAway(f"The serving process does not answer: {reason}.") from None
        finally:
            connection.close()
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ServingAway(f"The serving process gave no proper answer to {path.partition('?')[0]}.") from None
        if answer.status >= 400:
            raise ServingRefused(str(told.get("problem", f"it answered {answer.status}")))
        return told
