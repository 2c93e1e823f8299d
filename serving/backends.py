"""What runs model processes, as far as the proxies know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class OutputLine(Protocol):
    """A line of a process's output (see `serving.processes.output.Line`)."""

    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> float: ...
    @property
    def text(self) -> str: ...


class Backends(Protocol):
    """Model processes of Vigie's own, by name."""

    async def start(self) -> None:
        """Finds orphans again and starts what starts by itself."""

    async def stop(self, *, keep: bool = False) -> None:
        """Stops every process, or with ``keep`` leaves them running to be found again."""

    async def configure(self, models: Mapping[str, Any]) -> None:
        """Goes by the section ``models`` of the configuration from now on."""

    def status(self) -> list[dict[str, Any]]:
        """One row per process."""

    async def ensure(self, name: str) -> str:
        """Base URL of the process, started if need be, once it is ready.

        Raises:
            Exception: it does not run and cannot be started; ``str()`` is a sentence.
        """

    def running(self) -> dict[str, str]:
        """Names of those that are ready -> base URL."""

    def api_key(self, name: str) -> str:
        """The API key that a process asks for; empty where it asks for none."""

    def names(self) -> list[str]:
        """All that are defined."""

    def available(self) -> bool:
        """Whether a request for one of them would be answered, be it once it has loaded or was started for it."""

    def using(self, name: str) -> AbstractContextManager[Any]:
        """Holds off its idle stop while a request is in flight, and for its idle time from the end on."""

    async def start_process(self, name: str) -> None:
        """Begins to start it; does not wait until it is ready."""

    async def stop_process(self, name: str) -> None:
        """Stops it."""

    async def restart_process(self, name: str) -> None:
        """Stops it and begins to start it."""

    def logs(self, name: str, after: int = 0) -> Sequence[OutputLine]:
        """Lines of its output with a number above ``after``, oldest first.

        Raises:
            Exception: there is none of that name; ``str()`` is a sentence.
        """
