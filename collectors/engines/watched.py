"""One model server under watch: recognised, looked at, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from collectors.engines.base import Adapter, Look, Model, NotThis
from collectors.engines.client import Client, KeyAsked, Unanswered
from collectors.engines.minute import Minute
from collectors.engines.recognise import ADAPTERS, recognise
from collectors.engines.worker import Worker

State = Literal["ok", "down", "unrecognised"]
Found = Literal["configured", "discovered"]
AGAIN_AFTER = 10.0
"""Seconds until a server that was not recognised is asked again what it is."""
STUCK_AFTER = 10.0
"""Seconds after which a look that has not ended is taken for none: a server may send its headers byte by byte."""
NO_ENGINE = "It answers, but not as any engine that Vigie knows."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is and what it is said to be."""

    url: str
    engine: str = "auto"
    api_key: str = field(default="", repr=False)
    found: Found = "configured"
    ours: bool = False
    """A process that Vigie runs: it counts as used while a connection to it is open, so a look leaves none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the newest look came to. ``alive``: a model server answers, be it only to ask for a key."""

    state: State
    message: str = ""
    look: Look | None = None
    alive: bool = False


class Watched:
    """Looks at one server in a thread of its own; between looks it keeps the connection, but not to one of ours."""

    def __init__(self, name: str, place: Place, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.place = name, place
        self.command: tuple[str, ...] = ()
        """The words of its command line, where they are known."""
        self.pid: int | None = None
        """Its process, where that is known; another one may serve another model."""
        self.outcome: Outcome | None = None
        """Of the newest look; None before the first."""
        self.models: list[Model] = []
        """Of the newest look that succeeded."""
        self.engine = "" if place.engine == "auto" else place.engine
        self.version = ""
        self.late = False
        """True when a look was not waited for."""
        self.failed_at: float | None = None
        """Monotonic time since when it does not answer; None while it does."""
        self._clock = clock
        self._pid: int | None = None
        self._client = Client(place.url, place.api_key)
        self._asked_at = clock()
        self._adapter: Adapter | None = None
        self._minute = Minute()
        self._tried_at = 0.0
        self._in_use: set[str] = set()
        """Models that have been more than a file: the others have no series, a library of them would drown the rest."""
        self._worker = Worker(f"look-{name}", self._work)

    @property
    def busy(self) -> bool:
        """True while a look is being made."""
        return self._worker.busy

    def ask(self) -> None:
        """Begins a look, unless one is being made."""
        if not self.busy:
            self._asked_at = self._clock()
        elif self._clock() - self._asked_at > STUCK_AFTER:
            self._keep(Outcome("down", f"It has not ended its answer for {STUCK_AFTER:g} s."))
        self._worker.ask()

    def wait(self, until: float) -> bool:
        """Waits for the look until a monotonic time; True when it is done."""
        return self._worker.wait(until)

    def stop(self) -> None:
        """Ends the watch and its connection."""
        self._worker.stop()
        self._client.close()

    def told(self) -> dict[str, Any]:
        """Its part of the snapshot, without what only the machine knows."""
        outcome = self.outcome or Outcome("down", "It has not answered yet.")
        return {
            "name": self.name, "url": self.place.url, "engine": self.engine, "version": self.version,
            "state": outcome.state, "message": outcome.message, "found": self.place.found,
            "models": [model.told() for model in self.models] if outcome.state != "unrecognised" else [],
        }

    def _work(self) -> None:
        outcome = self._looked()
        if self.place.ours:
            self._client.close()
        self._keep(outcome)

    def _keep(self, outcome: Outcome) -> None:
        if outcome.state == "ok":
            self.failed_at = None
        elif self.failed_at is None:
            self.failed_at = self._clock()
        if outcome.look is not None:
            self.models, self.version = outcome.look.models, outcome.look.version
            self._in_use |= {model.name for model in self.models if model.state != "stopped"}
            outcome.look.add_states([model for model in self.models if model.name in self._in_use])
            self._minute.add(outcome.look, self._clock())
        else:
            self._adapter = None
            self._minute.lost()
        self.outcome = outcome

    def _looked(self) -> Outcome:
        before, now = self.outcome, self._clock()
        if before is not None and before.state == "unrecognised" and now - self._tried_at < AGAIN_AFTER:
            return before
        self._tried_at = now
        if self.pid is not None and self.pid != self._pid:
            if self._pid is not None:
                self._adapter = None
                self._minute.lost()
            self._pid = self.pid
        try:
            self._adapter = adapter = self._adapter or self._known()
            look = adapter.look(self._client, self.command)
        except Unanswered as error:
            return Outcome("down", str(error))
        except KeyAsked as error:
            return Outcome("unrecognised", str(error), alive=True)
        except NotThis as error:
            return Outcome("unrecognised", str(error))
        except Exception as error:  # noqa: BLE001 - an edge: whatever a server answers must not end the watch
            return Outcome("down", f"Its answer could not be read: {type(error).__name__}: {error}")
        return Outcome("ok", look.message, look, alive=True)

    def _known(self) -> Adapter:
        if self.place.engine == "auto":
            self.engine = recognise(self._client)
        if not self.engine:
            raise NotThis(NO_ENGINE)
        return ADAPTERS[self.engine](self.name, self._clock)
