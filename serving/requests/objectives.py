"""Service level objectives: which requests held to what was promised, what budget is left, how fast it burns.

A request is good when it did not fail and both its times held: the first token and the mean time between tokens. One
number of good requests a second is the goodput (all objectives at once, as in DistServe, OSDI '24). The budget is the
share that may be bad; the burn rate is how many times faster than allowed it is used (Google, The Site Reliability
Workbook, chapter 5).

Of an answer that came in one piece nobody saw the first token. It was late when the whole took longer than the
objective grants a stream of as many tokens: streamed, it must have missed one of the two. Without a count of tokens its
first token is its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.serving import EVERY_MODEL, Models, Objective
from serving.requests.table import requests
from serving.wire import TOKENS
from storage.database import Database

BLAMELESS = (
    "client_gone", "rate_limited", "unauthorized", "bad_request", "too_large", "not_found", "refused",
)
"""What the client did: such requests count neither as good nor as bad."""
BURN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Attainment:
    """Requests of a window of ``seconds``. One that was bad in several ways is counted in each, once in ``bad``."""

    total: int
    bad: int
    slow_first: int
    slow_tokens: int
    failed: int
    seconds: float

    @property
    def good(self) -> int:
        """Requests that held."""
        return self.total - self.bad

    @property
    def ratio(self) -> float | None:
        """Share of good requests; None without any."""
        return self.good / self.total if self.total else None

    @property
    def goodput(self) -> float | None:
        """Good requests a second; None without any request."""
        return self.good / self.seconds if self.total and self.seconds > 0 else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model stands to its objective."""

    objective: Objective
    window: Attainment
    """Of the window that is looked at."""
    hour: Attainment
    period: Attainment
    """Of as long as requests are kept: what the budget is for."""

    @property
    def budget_left(self) -> float | None:
        """Share of the error budget that is left: 1 untouched, 0 used up, below 0 overdrawn; None without requests."""
        allowed = self.objective.allowed * self.period.total
        return 1 - self.period.bad / allowed if allowed > 0 else None

    @property
    def burn(self) -> float | None:
        """How many times faster than allowed the last hour used the budget; None without requests."""
        return self.hour.bad / self.hour.total / self.objective.allowed if self.hour.total else None


def objective_of(models: Models, model: str) -> Objective | None:
    """What is asked of a model: its own objective, else that of every model; None when there is none."""
    named = {one.model: one for one in models.objectives}
    return named.get(model) or named.get(EVERY_MODEL)


def misses(first_token_ms: Any, inter_token_ms: Any) -> tuple[Any, Any, Any]:
    """Whether a request was bad, as conditions: its first token was late (or the whole of an answer in one piece), its
    tokens were slow, it failed. Limits are milliseconds or expressions of them."""
    c = requests.c
    gaps = sa.case((c.output_tokens > 1, c.output_tokens - 1), else_=0)
    whole = sa.and_(c.ttft.is_(None), c.stream.is_(sa.false()), c.error == "")
    late = sa.or_(
        c.ttft * 1000 > first_token_ms, sa.and_(whole, c.duration * 1000 > first_token_ms + gaps * inter_token_ms),
    )
    first = sa.func.coalesce(late, sa.false())
    return first, sa.func.coalesce(c.itl * 1000 > inter_token_ms, sa.false()), c.error != ""


def judged(start: float, end: float) -> tuple[Any, ...]:
    """Which requests count: those that ended in ``start..end`` (epoch seconds) and are no client's mistake."""
    c = requests.c
    return c.ended >= start, c.ended < end, c.error.not_in(BLAMELESS), c.kind.in_(TOKENS)


def attained(
    database: Database, objective: Objective, start: float, end: float, *, model: str, server: str = "",
) -> Attainment:
    """How requests of a model that ended in ``start..end`` (epoch seconds) held. Raises StorageError."""
    first, tokens, failed = misses(objective.first_token_ms, objective.inter_token_ms)

    def count(what: Any) -> Any:
        return sa.func.coalesce(sa.func.sum(sa.case((what, 1), else_=0)), 0)

    query = sa.select(
        sa.func.count(), count(sa.or_(first, tokens, failed)), count(first), count(tokens), count(failed),
    ).where(requests.c.model == model, *judged(start, end))
    if server:
        query = query.where(requests.c.server == server)
    with database.read() as connection:
        total, bad, slow_first, slow_tokens, broken = connection.execute(query).one()
    return Attainment(int(total), int(bad), int(slow_first), int(slow_tokens), int(broken), max(end - start, 0.0))


def standing(
    database: Database, models: Models, start: float, end: float, now: float, *, model: str, server: str = "",
) -> Standing | None:
    """How a model stands; None when nothing is asked of it. Raises StorageError."""
    objective = objective_of(models, model)
    if objective is None:
        return None

    def of(begin: float, until: float) -> Attainment:
        return attained(database, objective, begin, until, model=model, server=server)

    return Standing(objective, of(start, end), of(now - BURN_SECONDS, now),
                    of(now - models.request_log_days * 86_400, now))
