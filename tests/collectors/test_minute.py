"""What is reckoned of a minute's requests out of a server's own totals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.engines.base import Look
from collectors.engines.minute import WINDOW, Minute

MEAN, P95, RATIO = (
    "model_request_duration_mean_seconds", "model_request_duration_p95_seconds", "model_request_error_ratio",
)
BOUNDS = (0.1, 0.5, 1.0, 5.0)


class Server:
    """Counts requests as an engine does, and is looked at."""

    def __init__(self) -> None:
        self.ended = self.failed = 0
        self.took: list[float] = []
        self.minute = Minute()

    def answer(self, *took: float, failed: int = 0) -> None:
        self.took += took
        self.ended, self.failed = self.ended + len(took) + failed, self.failed + failed

    def restart(self) -> None:
        self.ended, self.failed, self.took = 0, 0, []

    def look(self, at: float, *, tells: bool = True) -> dict[str, float]:
        """What one look at ``at`` gives."""
        look = Look("box", "tgi")
        if tells:
            inside = {str(bound): 0.0 for bound in BOUNDS} | {"+Inf": 0.0}
            for one in self.took:
                inside[next((str(bound) for bound in BOUNDS if one <= bound), "+Inf")] += 1
            look.add_outcomes({"m": self.ended}, {"m": self.failed})
            look.add_durations({"m": inside}, {"m": sum(self.took)})
        self.minute.add(look, at)
        assert all(dict(one.labels) == {"server": "box", "engine": "tgi", "model": "m"} for one in look.samples)
        return {one.metric.name: one.value for one in look.samples}


seconds = st.floats(0.0, 4.9)
rounds = st.lists(st.tuples(st.lists(seconds, max_size=6), st.integers(0, 3)), min_size=1, max_size=25)


@given(rounds, st.integers(0, 50))
def test_it_is_the_minute_that_counts_whatever_was_before(looks: list[tuple[list[float], int]], long_ago: int) -> None:
    server = Server()
    server.answer(*[3.0] * long_ago, failed=long_ago)
    assert server.look(0.0) == {}, "what was counted before the first look is of no known time"
    for place, (took, failed) in enumerate(looks, 1):
        server.answer(*took, failed=failed)
        found = server.look(place * 4.0)
        there = [one for one in range(1, place + 1) if one * 4.0 > place * 4.0 - WINDOW]
        times = [one for look in there for one in looks[look - 1][0]]
        wrong = sum(looks[look - 1][1] for look in there)
        assert found.get(RATIO) == (pytest.approx(wrong / (wrong + len(times))) if wrong + len(times) else None)
        assert found.get(MEAN) == (pytest.approx(sum(times) / len(times), abs=1e-9) if times else None)
        assert (P95 in found) is bool(times)
        if times:
            rank = sorted(times)[max(-(-95 * len(times) // 100) - 1, 0)]
            below = max((bound for bound in (0.0, *BOUNDS) if bound < rank), default=0.0)
            assert below <= found[P95] <= min(bound for bound in BOUNDS if rank <= bound)


def test_without_a_request_in_the_minute_nothing_is_told() -> None:
    server = Server()
    server.look(0.0)
    server.answer(0.3, 0.3)
    assert server.look(2.0) == {MEAN: pytest.approx(0.3), P95: pytest.approx(0.48), RATIO: 0.0}
    assert server.look(60.0) != {}
    assert server.look(62.0) == {}


def test_what_longer_than_the_highest_bound_is_that_bound() -> None:
    server = Server()
    server.look(0.0)
    server.answer(99.0)
    assert server.look(2.0)[P95] == 5.0


def test_after_a_restart_a_failed_look_or_a_hole_it_begins_anew() -> None:
    server = Server()
    server.answer(1.0, failed=9)
    server.look(0.0)
    server.restart()
    server.answer(failed=3)
    assert server.look(2.0) == {}, "less than before: another process"
    server.minute.lost()
    server.answer(failed=50)
    assert server.look(4.0) == {}, "of no known time"
    server.answer(failed=50)
    assert server.look(4.0 + WINDOW) == {}, "longer ago than a minute, maybe"
    server.answer(failed=1)
    assert server.look(6.0 + WINDOW)[RATIO] == 1.0


def test_a_look_without_counters_takes_nothing_away() -> None:
    server = Server()
    server.look(0.0)
    server.answer(0.3)
    told = server.look(2.0)
    assert server.look(4.0, tells=False) == told
    server.answer(failed=1)
    assert server.look(6.0)[RATIO] == 0.5


def test_counters_that_appear_with_the_first_request_begin_at_none() -> None:
    minute = Minute()
    nobody = Look("box", "litellm")
    nobody.add_outcomes({}, {})
    minute.add(nobody, 0.0)
    first = Look("box", "litellm")
    first.add_outcomes({"m": 4.0}, {"m": 1.0})
    minute.add(first, 2.0)
    assert [(one.metric.name, one.value) for one in first.samples] == [(RATIO, 0.25)]
