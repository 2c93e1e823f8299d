"""What a model can take, from curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.capacity import FEWEST, capacity


def queue(rates: np.ndarray, service: float, most: float, noise: float = 0.0, seed: int = 1) -> np.ndarray:
    """Latencies of an M/M/1 queue: what the fit is made for."""
    random = np.random.default_rng(seed)
    return service / (1 - rates / most) * np.exp(random.normal(0, noise, rates.size))


@settings(deadline=None)
@given(st.floats(0.05, 2), st.floats(2, 200), st.floats(1.5, 6))
def test_a_clean_curve_gives_its_own_capacity(service: float, most: float, times: float) -> None:
    rates = np.linspace(0.1, 0.6, 40) * most
    limit = service * times
    found = capacity(rates, queue(rates, service, most), limit)
    assert found is not None
    assert found.rate == pytest.approx(most * (1 - 1 / times), rel=1e-3)
    assert found.low <= found.rate * 1.001 and found.high >= found.rate * 0.999


def test_noise_and_outliers_widen_it_and_do_not_turn_it() -> None:
    rates = np.linspace(1, 7, 200)
    latencies = queue(rates, 0.5, 10, noise=0.25)
    latencies[::25] = 60  # a restart now and then
    found = capacity(rates, latencies, 2.5)
    assert found is not None and found.rate == pytest.approx(8, rel=0.15)
    assert found.low < found.rate < found.high < 12


def test_little_data_or_one_rate_say_nothing() -> None:
    few = np.linspace(1, 5, FEWEST - 1)
    assert capacity(few, queue(few, 0.1, 10), 1) is None
    same = np.full(100, 2.0) + np.linspace(0, 0.1, 100)
    assert capacity(same, queue(same, 0.1, 10), 1) is None
    absent = np.full(100, np.nan)
    assert capacity(np.linspace(1, 5, 100), absent, 1) is None


def test_what_never_came_counts_as_infinitely_late() -> None:
    rates = np.linspace(1, 5, 60)
    latencies = np.where(rates > 3, np.inf, 0.2)
    found = capacity(rates, latencies, 1)
    assert found is not None and not found.beyond and 2 < found.rate < 5


def test_a_latency_that_does_not_grow_is_told_as_a_lower_bound() -> None:
    rates = np.linspace(1, 5, 60)
    found = capacity(rates, np.full(60, 0.2), 1)
    assert found is not None and found.beyond and found.rate == pytest.approx(20)


def test_a_limit_that_is_broken_already_leaves_nothing() -> None:
    rates = np.linspace(1, 5, 60)
    found = capacity(rates, queue(rates, 2, 10), 1)
    assert found is not None and found.rate == 0


def test_a_limit_must_make_sense() -> None:
    with pytest.raises(ValueError, match="above 0"):
        capacity([1], [1], 0)
    with pytest.raises(ValueError, match="one length"):
        capacity([1, 2], [1], 1)
