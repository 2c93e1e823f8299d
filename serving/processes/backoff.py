"""How long to wait before a failed process is started again, and when to give up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pace:
    """Every time that a model process goes by, in seconds. Tests make them short."""

    first_wait: float = 1.0
    longest_wait: float = 60.0
    calm: float = 300.0
    """Who ran for so long counts as good again."""
    failures: int = 5
    within: float = 600.0
    """So many failures in so long: given up."""
    starting: float = 0.1
    """Between two questions of a process that is starting."""
    health: float = 5.0
    """Between two questions of one that runs."""
    answer: float = 2.0
    misses: int = 3
    hung: float = 60.0
    """Who does not answer for so long is started again where the policy is ``always``."""
    stop: float = 10.0
    """From SIGTERM to SIGKILL."""
    sample: float = 1.0
    scan: float = 5.0
    over: float = 3.0
    """Who is above its memory for so long is stopped, where no cgroup does it."""
    busy: float = 10.0
    """Who is above its CPU for so long gives way to others, where no cgroup does it."""
    follow: float = 0.25


@dataclass
class Backoff:
    """Counts the failures of one process."""

    pace: Pace
    _failed: deque[float] = field(default_factory=deque)
    _wait: float = 0.0

    def failed(self, now: float, ran: float) -> float | None:
        """Seconds to wait after a failure at ``now`` of a process that was ready for ``ran`` seconds; None: give up."""
        if ran >= self.pace.calm:
            self.reset()
        self._failed.append(now)
        while self._failed and self._failed[0] <= now - self.pace.within:
            self._failed.popleft()
        if len(self._failed) >= self.pace.failures:
            return None
        self._wait = min(self._wait * 2 or self.pace.first_wait, self.pace.longest_wait)
        return self._wait

    def reset(self) -> None:
        """As if nothing had failed: an operator starts it, or it ran well."""
        self._failed.clear()
        self._wait = 0.0
