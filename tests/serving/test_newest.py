"""What an act answers is what the next read sees, until a later tick knows better."""

from __future__ import annotations

from typing import Any, cast

from serving.newest import KEPT, Newest
from serving.wire import Status


class Told:
    """A serving process that tells one process in a state, or does not answer."""

    def __init__(self) -> None:
        self.state: str | None = "stopped"

    def settle(self, within: float) -> None:
        """There is nothing to wait for."""

    def read(self) -> Status | None:
        return None if self.state is None else cast(Status, {"processes": [{"name": "own", "state": self.state}]})


def test_a_look_counts_until_a_later_tick() -> None:
    clock, asked = [100.0], Told()
    newest = Newest(asked, lambda: clock[0])

    def told(ticked: float) -> Any:
        return newest.processes({"at": ticked, "processes": [{"name": "own", "state": "running"}]})

    assert told(99.0) is None
    newest.look()
    assert told(99.0) == told(100.0) == [{"name": "own", "state": "stopped"}]
    assert told(100.5) is None, "the tick began later"
    clock[0] += KEPT + 1
    assert told(99.0) is None, "no tick for long: it is nobody's newest"
    clock[0] = 50.0
    assert told(40.0) is None, "the clock was set back"
    asked.state = None
    newest.look()
    assert told(40.0) is None
    Newest(None).look()
