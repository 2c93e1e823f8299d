"""The statistic: what it does not depend on, what it finds, and that noise of any kind shows nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.departure import LEAST, ROUGH, bound, bounds, departures
from tests.analysis.moving import KINDS, noise

W, PAST = 120, 1500
ANY = st.integers(0, 2**32 - 1)


def judged(values, window=W, floor=None, **more):
    floor = np.zeros(len(values)) if floor is None else floor
    return departures(values.astype(np.float32), window, floor, bounds(len(values)), **more)


def some(seed, series=6):
    chance = np.random.default_rng(seed)
    kinds = chance.choice(KINDS, 2)
    return np.concatenate([noise(kind, series // 2, PAST, chance) for kind in kinds])


@settings(max_examples=40, deadline=None)
@given(ANY, st.sampled_from([1e-6, 0.5, 3.0, 1e6]), st.sampled_from([0.0, -7.0, 100.0]))
def test_neither_scale_nor_offset_counts(seed, scale, offset):
    values = np.round(some(seed), 2)
    values[:, -W:] += np.arange(6)[:, None]
    a, b = judged(values), judged(values * scale + offset * scale)
    np.testing.assert_allclose(a.far, b.far, rtol=0.02, atol=0.02)
    np.testing.assert_array_equal(a.sign[a.far > 0.1], b.sign[a.far > 0.1])


@settings(max_examples=30, deadline=None)
@given(ANY)
def test_what_is_turned_upside_down_goes_the_other_way(seed):
    values = some(seed)
    values[:, -W:] += 5
    a, b = judged(values), judged(-values)
    np.testing.assert_allclose(a.far[:, :3], b.far[:, :3], rtol=0.02, atol=0.02)
    np.testing.assert_allclose(a.far[:, 3], b.far[:, 4], rtol=0.02, atol=0.02)
    assert (a.sign[:, 0] == -b.sign[:, 0]).all()


@settings(max_examples=30, deadline=None)
@given(ANY, st.permutations(range(6)))
def test_a_series_is_judged_by_itself_alone(seed, order):
    values = some(seed)
    np.testing.assert_allclose(judged(values).far[order], judged(values[list(order)]).far, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(judged(values[:1]).far, judged(values).far[:1], rtol=1e-3, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.floats(-1e9, 1e9, width=32), st.integers(2, 400), st.integers(2, 3000))
def test_a_constant_series_scores_nothing(value, window, columns):
    window = min(window, columns)
    found = judged(np.full((3, columns), value), window)
    assert (found.far == 0).all() and (found.swings[:, 0] == 0).all()


@settings(max_examples=25, deadline=None)
@given(ANY, st.floats(0, 0.6), st.integers(2, 300))
def test_gaps_anywhere_make_no_nan(seed, share, window):
    chance = np.random.default_rng(seed)
    values = some(seed)
    values[chance.random(values.shape) < share] = np.nan
    begin = chance.integers(0, PAST - 1)
    values[0, begin:begin + chance.integers(1, PAST)] = np.nan
    found = judged(values, window)
    assert np.isfinite(found.far).all() and (found.far >= 0).all()


@pytest.mark.parametrize("kind", ["white", "ar 0.99", "job"])
def test_noise_full_of_holes_shows_nothing(kind):
    chance = np.random.default_rng(4)
    values = noise(kind, 1000, 2400, chance)
    values[chance.random(values.shape) < 0.3] = np.nan
    values[:200, 700:1100] = np.nan
    values[200:400, -150:-60] = np.nan
    assert (judged(values, 180).far < 1).all()


def test_nothing_there_is_nothing_said():
    found = judged(np.full((2, 900), np.nan), 60)
    assert (found.far == 0).all() and (found.windows == 0).all()
    assert np.isnan(found.level).all() and np.isnan(found.low).all()


def test_a_past_of_fewer_than_four_windows_says_nothing():
    values = noise("white", 2, 7 * W, np.random.default_rng(1))
    values[:, -W:] += 100
    short, enough = judged(values[:, -5 * W:]), judged(values)
    assert (short.windows < 4).all() and (short.far == 0).all()
    assert (enough.windows >= 4).all() and (enough.far[:, 0] >= 1).all()


def test_each_change_is_found_and_told_by_what_it_is():
    chance = np.random.default_rng(5)
    values = noise("ar 0.9", 7, 3900, chance) + 50
    values[0, -300:] += 8  # level
    values[1, -300:][::25] += 40  # spikes
    values[2, -300:] = 50 + 4 * (values[2, -300:] - 50)  # variance
    values[3, -300:] = 0
    values[4, -300:] = 50 + 0.1 * (values[4, -300:] - 50)
    values[5, -300:][150] = -60
    found = judged(values, 300)
    assert (found.far.max(1)[:6] >= 1).all() and found.far[6].max() < 1
    assert found.far[0, 0] >= 1 and found.sign[0, 0] == 1
    assert found.far[1, 3] >= 1
    assert found.far[2, ROUGH] >= 1 and found.sign[2, ROUGH] == 1
    assert found.far[3, 0] >= 1 and found.sign[3, 0] == -1 and abs(found.level[3]) < 1e-3
    assert found.far[4, ROUGH] >= 1 and found.sign[4, ROUGH] == -1
    assert found.far[5, 4] >= 1 and found.dip[5] == pytest.approx(-60)
    assert found.low[0] == pytest.approx(50, abs=1.5) and found.level[0] == pytest.approx(58, abs=1.5)


def test_what_has_happened_before_is_no_news():
    values = noise("white", 1, 3900, np.random.default_rng(2))
    values[0, 900:1200] += 30
    values[0, -300:] += 30
    assert judged(values, 300).far.max() < 1


def test_a_jump_out_of_a_slow_climb_is_told_by_its_step():
    values = noise("white", 1, 3900, np.random.default_rng(2)) + 0.05 * np.arange(3900)
    assert judged(values, 300).far.max() < 1
    values[0, -300:] += 120
    far = judged(values, 300).far[0]
    assert far[1] >= 1 and far[1] > 2 * far[0]


def test_a_change_that_begins_a_little_before_the_window_does_not_hide_itself():
    values = noise("white", 1, 3900, np.random.default_rng(2))
    values[0, -370:] += 6
    assert judged(values, 300).far[0, 0] >= 1


def test_changes_below_the_floor_do_not_count():
    values = np.full((2, 3900), 40.0)
    values[:, -300:] = 40.4
    found = judged(values, 300, np.array([0.5, 0.01]))
    assert found.far[0].max() < 1 <= found.far[1].max()


def test_a_spike_within_a_minute_is_seen_in_rollups():
    mean = noise("white", 1, 300, np.random.default_rng(3))
    high, low = mean + 2, mean - 2
    high[0, -4] += 60
    assert judged(mean, 12, low=low.astype(np.float32), high=high.astype(np.float32)).far[0, 3] >= 1


def test_bounds_fall_with_a_longer_past_and_rise_with_more_series():
    few, many = bounds(100), bounds(5000)
    assert np.isinf(few[:4]).all() and (np.diff(few[4:]) <= 0).all() and few[-1] == LEAST
    assert (many[4:12] > few[4:12]).all()
    assert bound(10, 1e-3) < bound(10, 1e-6) and bound(5, 1e-5) > bound(20, 1e-5)


def test_the_bound_is_what_normal_windows_exceed_that_often():
    chance = np.random.default_rng(1)
    past, now = np.abs(chance.standard_normal((400_000, 5))).max(1), np.abs(chance.standard_normal(400_000))
    limit = bound(5, 0.002)
    assert (now > limit * past).mean() == pytest.approx(0.002, rel=0.15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("window", "columns"), [(300, 3900), (60, 1800), (300, 1900)])
def test_pure_noise_of_2000_series_shows_nothing(kind, window, columns):
    for seed in range(2):
        found = judged(noise(kind, 2000, columns, np.random.default_rng(seed)), window)
        assert (found.far >= 1).sum() == 0, (seed, found.far.max(0))
