"""Two sets of requests side by side, against numbers made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.compare import Side, curve, rows


def side(ttft: list[float], failed: int = 0, joules: float | None = None, **finish: int) -> Side:
    values = {"ttft": np.sort(np.array(ttft, np.float64))}
    return Side(len(ttft) + failed, failed, 10, 20, joules, finish, values)  # type: ignore[arg-type]


def test_percentiles_are_numpys_and_what_is_not_known_is_absent() -> None:
    times = list(np.random.default_rng(1).gamma(2, 0.2, 500))
    found = {row.name: row for row in rows(side(times), side([2 * t for t in times]))}
    for share in (50, 95, 99):
        row = found[f"ttft_p{share}"]
        assert row.first == pytest.approx(np.percentile(times, share))
        assert row.change == pytest.approx(1.0) and row.verdict == "worse"
        assert (found[f"itl_p{share}"].first, found[f"itl_p{share}"].change) == (None, None)
    assert found["speed"].first is None and found["speed"].verdict == ""


def test_better_is_less_time_less_energy_fewer_failures() -> None:
    first = side([1.0] * 50, failed=10, joules=2.0, stop=40, length=10)
    second = side([0.5] * 60, failed=0, joules=1.0, stop=60)
    found = {row.name: row for row in rows(first, second)}
    assert [found[name].verdict for name in ("ttft_p95", "joules_per_token", "failed")] == ["better"] * 3
    assert found["failed"].change == pytest.approx(-10 / 60)
    assert {row.name: row for row in rows(first, side([1.0] * 50))}["finish_stop"].second is None, "not told"
    assert found["finish_length"].first == pytest.approx(10 / 60) and found["finish_length"].second == 0
    assert found["requests"].verdict == "", "more requests are neither better nor worse"


def test_no_side_is_the_better_one_for_what_clients_did() -> None:
    first, second = side([1.0] * 50), replace(side([1.0] * 50), client_did=20, requests=70)
    found = {row.name: row for row in rows(first, second)}
    assert found["client_did"].second == pytest.approx(20 / 70) and found["client_did"].verdict == ""
    assert (found["failed"].second, found["failed"].verdict) == (0, "same")


def test_little_difference_and_few_requests_give_no_verdict() -> None:
    found = {row.name: row for row in rows(side([1.0] * 50), side([1.04] * 50))}
    assert found["ttft_p50"].verdict == "same"
    few = {row.name: row for row in rows(side([1.0] * 5), side([9.0] * 50))}
    assert few["ttft_p50"].verdict == "" and few["ttft_p50"].change == pytest.approx(8)


def test_a_side_without_requests_is_absent_not_zero() -> None:
    found = {row.name: row for row in rows(side([1.0] * 20), side([]))}
    assert found["ttft_p50"].second is None and found["failed"].second is None
    assert found["requests"].second == 0


def test_the_distribution_climbs_to_one() -> None:
    points = curve(side([float(n) for n in range(1, 1001)]), "ttft", 50)
    assert len(points) == 50 and points[0] == (1.0, 0.001) and points[-1] == (1000.0, 1.0)
    assert points == sorted(points)
    assert curve(side([]), "ttft") == [] and curve(side([1.0]), "itl") == []
