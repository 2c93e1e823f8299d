"""What else moved?: the past that is chosen, what stopped and appeared, what is folded; changes planted in records."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import moved
from analysis.alike import alike
from analysis.moved import search
from analysis.moved_plan import DAY, FEWEST_COLUMNS, HOUR, LEAST_PAST, LONGEST, NoWindowError, plan
from metrics.series import SeriesInfo
from tests.analysis.moving import KINDS, T0, Held, infos, noise

RECORDED = Path(__file__).with_name("recorded_vm.npz")
"""Fifty series of a small virtual machine over 75 minutes, second by second, four digits."""
SEEDS = st.integers(0, 2**32 - 1)


def held(values, unit="", every=1.0):
    known = infos(len(values), unit, every)
    return Held(known, values), known


def asked(values, window=300, unit="", every=1.0):
    store, known = held(values, unit, every)
    return search(store, known, T0 - window, T0, T0)


def named(found):
    """Number of each series that stands out, in order, and which way it went."""
    return [(int(move.info.label("n")), move.direction) for move in found.moves[:found.apart]]


# -- which past


@given(
    st.floats(1, 100 * DAY), st.floats(0, 400 * DAY), st.sampled_from([0.5, 1.0, 5.0]), st.floats(0.1, 48),
)
def test_a_plan_lies_before_its_window_and_is_long_enough(span, ago, step, hours):
    end = T0 - ago
    try:
        made = plan(end - span, end, T0, step, T0 - 3600 * hours)
    except NoWindowError:
        assert span < LONGEST["samples"] or span > LONGEST["hours"]
        return
    assert made.past < made.start < made.end
    assert abs(made.end - end) <= made.step / 2 + 1e-3 and abs(made.start - (end - span)) <= made.step / 2 + 1e-3
    assert made.window >= FEWEST_COLUMNS - 1 and 5 < made.columns < 60_000
    assert made.start - made.past >= min(LEAST_PAST * span - 2 * made.step, 3600 * hours - ago - span - 2 * made.step)
    if made.source == "samples":
        assert made.past >= T0 - 3600 * hours - made.step


@pytest.mark.parametrize(("span", "source"), [
    (10, "samples"), (300, "samples"), (600, "samples"), (900, "minutes"), (6 * HOUR, "minutes"), (DAY, "hours"),
])
def test_the_longer_the_window_the_coarser_the_values(span, source):
    assert plan(T0 - span, T0, T0, 1.0, T0 - 6 * HOUR).source == source


@pytest.mark.parametrize(("span", "ago", "lack"), [
    (3, 0, "too_short"), (91 * DAY, 0, "too_long"), (60, 7 * HOUR, "too_old"), (60, -120, "not_yet"),
])
def test_a_window_that_cannot_be_judged_says_why(span, ago, lack):
    with pytest.raises(NoWindowError) as error:
        plan(T0 - ago - span, T0 - ago, T0, 1.0, T0 - 6 * HOUR)
    assert error.value.lack == lack


def test_an_old_window_of_ten_minutes_is_judged_by_minutes():
    assert plan(T0 - 9 * HOUR, T0 - 9 * HOUR + 600, T0, 1.0, T0 - 6 * HOUR).source == "minutes"


# -- the search


def test_those_that_moved_lead_and_are_told_which_way():
    values = noise("white", 60, 5000, np.random.default_rng(1)) + 20
    values[7, -300:] += 9
    values[9, -300:] -= 9
    values[11, -300:] = 20 + 5 * (values[11, -300:] - 20)
    values[13, -300:] = np.nan
    values[15, :-280] = np.nan
    found = asked(values)
    assert dict(named(found)) == {7: "up", 9: "down", 11: "rougher", 13: "stopped", 15: "appeared"}
    assert len(found.moves) == 60 and found.short_past == 0
    scores = [move.score for move in found.moves]
    assert scores == sorted(scores, reverse=True) and all(0 <= s <= 100 for s in scores)
    assert min(scores[:5]) >= 50 > max(scores[5:])
    first = next(move for move in found.moves if move.info.label("n") == "7")
    assert first.reason == "level" and first.now == pytest.approx(29, abs=0.3)
    assert first.low == pytest.approx(20, abs=0.5) and first.high == pytest.approx(20, abs=0.5) and first.swings > 5


def test_a_series_that_does_not_stand_out_is_told_by_its_level_alone():
    found = asked(noise("white", 20, 5000, np.random.default_rng(1)))
    assert found.apart == 0 and found.groups == []
    assert {move.reason for move in found.moves} == {"level"}
    assert all(move.low <= move.high for move in found.moves)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_a_series_whose_values_become_few_has_stopped(share):
    values = noise("white", 12, 5000, np.random.default_rng(1))
    values[3, -300:][int(share * 300):] = np.nan
    (only,) = [move for move in asked(values).moves if move.score >= 50]
    assert (only.info.label("n"), only.direction) == ("3", "stopped") and only.now == pytest.approx(share, abs=0.01)


def test_a_pause_of_vigie_itself_is_no_ones_stop():
    values = noise("white", 30, 5000, np.random.default_rng(1))
    values[:, -200:-60] = np.nan
    values[:, 2000:2400] = np.nan
    assert asked(values).apart == 0
    values[:, -300:] = np.nan
    assert asked(values).apart == 0


def test_a_series_that_comes_and_goes_has_not_stopped():
    values = noise("white", 30, 5000, np.random.default_rng(1))
    for begin in range(0, 5000, 700):
        values[4, begin:begin + 350] = np.nan
    assert asked(values).apart == 0


def test_what_reports_seldom_is_judged_where_it_can_be():
    values = noise("white", 30, 5000, np.random.default_rng(1))
    slow = np.full((4, 5000), np.nan)
    slow[:, ::10] = noise("white", 4, 500, np.random.default_rng(2))
    slow[1, -300:] += 20
    slow[2, -300:] = np.nan
    names = [(("n", str(100 + i)),) for i in range(4)]
    known = infos(30) + [SeriesInfo("slow_things", name, "", "gauge", "Made up", 10.0) for name in names]
    store = Held(known, np.concatenate([values, slow]))
    found = search(store, known, T0 - 300, T0, T0)
    assert dict(named(found)) == {101: "up", 102: "stopped"} and found.few_values == 0
    brief = search(store, known, T0 - 20, T0, T0)
    assert brief.few_values == 4 and brief.apart == 0 and len(brief.moves) == 30


def test_a_short_past_is_said_and_not_judged():
    found = asked(noise("white", 9, 1200, np.random.default_rng(1)))
    assert (found.short_past, found.moves, found.apart) == (9, [], 0)


def test_series_long_gone_are_not_looked_at():
    values = noise("white", 9, 5000, np.random.default_rng(1))
    values[5] = np.nan
    found = asked(values)
    assert len(found.moves) == 8 and found.short_past == found.few_values == 0


def test_nothing_at_all_is_no_error():
    assert asked(np.empty((0, 10))).moves == []
    assert asked(np.full((3, 5000), np.nan)).moves == []


def test_minutes_are_searched_where_the_window_is_long():
    values = noise("white", 40, 900, np.random.default_rng(1)) + 5
    values[8, -30:] += 6
    found = asked(values, window=1800)
    assert named(found) == [(8, "up")] and found.plan.source == "minutes"


def test_batches_change_nothing(monkeypatch):
    values = noise("ar 0.9", 50, 4200, np.random.default_rng(3))
    values[20, -300:] += 30
    whole = asked(values)
    monkeypatch.setattr(moved, "BATCH", 9 * 3900)
    parts = asked(values)
    assert [m.info for m in whole.moves[:5]] == [m.info for m in parts.moves[:5]]
    np.testing.assert_allclose([m.score for m in whole.moves], [m.score for m in parts.moves], atol=0.05)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.randoms(use_true_random=False))
def test_the_order_in_which_series_come_changes_nothing(seed, shuffler):
    values = noise("ar 0.9", 8, 1500, np.random.default_rng(seed))
    values[2, -60:] += 40
    store, known = held(values)
    other = list(known)
    shuffler.shuffle(other)
    a, b = (search(store, order, T0 - 60, T0, T0) for order in (known, other))
    assert {m.info.key: round(m.score, 2) for m in a.moves} == {m.info.key: round(m.score, 2) for m in b.moves}
    assert a.moves[0].info == b.moves[0].info == known[2]


def test_counters_and_facts_are_left_alone():
    known = [SeriesInfo("a_total", (), "", "counter", "x"), SeriesInfo("b_info", (), "info", "info", "x")]
    assert search(Held(known, np.ones((2, 5000))), known, T0 - 60, T0, T0).moves == []


# -- what moved together


def test_cores_fold_into_one_and_a_mirror_with_them_but_not_another_machine_part():
    step = np.concatenate([np.zeros(60), np.ones(10)])
    chance = np.random.default_rng(1)
    shapes = np.array([step + 0.02 * chance.standard_normal(70) for _ in range(6)])
    shapes[4] *= -1
    names = ["cpu_core_ratio"] * 3 + ["memory_used_bytes", "memory_free_bytes", "disk_busy_ratio"]
    ways = ["up"] * 4 + ["down", "up"]
    assert alike(names, ways, shapes.astype(np.float32), [False] * 6) == [[0, 1, 2], [3, 4], [5]]
    assert alike(["gpu_a", "gpu_b", "cpu_a"], ["stopped"] * 3, np.full((3, 5), np.nan, np.float32), [True] * 3) == [
        [0, 1], [2]]
    assert alike([], [], np.empty((0, 0), np.float32), []) == []


# -- recorded data, pure noise


def recorded():
    """Two thousand series: forty cuts of the fifty, a quarter of a minute apart. Everything in them was measured."""
    with np.load(RECORDED) as file:
        values, keys, units, every = file["values"], file["keys"], file["units"], file["every"]
    cuts = np.concatenate([values[:, 15 * j:15 * j + 3900] for j in range(40)])
    known = [
        SeriesInfo(key.split("{")[0], (("n", str(50 * j + i)),), str(unit), "gauge", "Recorded", float(seconds))
        for j in range(40) for i, (key, unit, seconds) in enumerate(zip(keys, units, every, strict=True))
    ]
    assert len(known) == 2000
    return known, cuts


def plant(values, kind, chance):
    """A change in the last five minutes of one series."""
    size = np.nanstd(values[:-300]) or 1.0
    if kind == "shift":
        values[-300:] += 8 * size
    elif kind == "burst":
        highest = np.nanmax(np.abs(values[:-300] - np.nanmean(values)))
        values[-300:][chance.choice(300, 30, replace=False)] += 12 * highest
    elif kind == "spread":
        values[-300:] += 6 * size * chance.standard_normal(300)
    elif kind == "zero":
        values[:-300] += 20 * size
        values[-300:] = 0
    elif kind == "gone":
        values[-300:] = np.nan
    else:
        values[:-250] = np.nan


@pytest.mark.parametrize(("seed", "kinds"), [
    (1, ("shift", "burst", "gone")), (2, ("spread", "zero", "new")), (3, ("shift", "zero", "spread")),
    (4, ("gone", "new", "burst")),
])
def test_of_2000_recorded_series_the_three_that_were_changed_lead(seed, kinds):
    known, values = recorded()
    chance = np.random.default_rng(seed)
    steady = [i for i in range(2000) if np.nanstd(values[i]) > 0 and not np.isnan(values[i]).any()]
    chosen = chance.choice(steady, 3, replace=False)
    for place, kind in zip(chosen, kinds, strict=True):
        plant(values[place], kind, chance)
    found = search(Held(known, values), known, T0 - 300, T0, T0)
    assert {int(move.info.label("n")) for move in found.moves[:3]} == set(chosen.tolist())
    assert found.apart == 3, [(m.info.key, m.score, m.reason) for m in found.moves[:6]]


def test_recorded_data_without_a_change_shows_nothing():
    known, values = recorded()
    found = search(Held(known, values), known, T0 - 300, T0, T0)
    assert found.apart == 0 and len(found.moves) + found.short_past + found.few_values == 2000


def test_of_2000_series_of_pure_noise_nothing_stands_out():
    for seed in range(8):  # the bound allows one search in twenty
        chance = np.random.default_rng(100 + seed)
        values = np.concatenate([noise(kind, 200, 2000, chance) for kind in KINDS])
        store, known = held(values * np.exp(chance.normal(0, 6, (len(values), 1))))
        found = search(store, known, T0 - 130, T0, T0)
        assert found.apart == 0, (seed, found.moves[0])


def test_the_floor_is_in_the_unit_of_the_series():
    values = np.full((3, 5000), 40.0)
    values[:, -300:] += 0.4
    assert asked(values, unit="celsius").apart == 0
    assert asked(values, unit="ratio").apart == 3
    assert not math.isnan(asked(values).moves[0].score)
